//! Repositories.

use longshore_auth::Action;
use longshore_metadata::{
    RepositoryFilter, RepositoryOrder, RepositoryParts, RepositoryStamp, RepositorySummary,
};
use longshore_types::RepositoryName;

use super::{BrowseError, Listed, Window, listed};
use crate::{Call, Registry, access::require, retry::retry_on_conflict};

impl Registry {
    /// Repositories with something in them, of projects that it was decided the caller may list.
    pub async fn browse_repositories(
        &self,
        call: &Call,
        filter: &RepositoryFilter<'_>,
        order: (RepositoryOrder, bool),
        window: Window,
        parts: RepositoryParts,
    ) -> Result<Listed<RepositorySummary>, BrowseError> {
        if !call.caller.may_read_catalog() {
            return Err(BrowseError::CatalogDenied);
        }
        let mut tx = self.inner.metadata.read().await?;
        let total = match order.0 {
            RepositoryOrder::Pulled => tx.pulled_repositories_count(filter).await?,
            _ => tx.listed_repositories_count(filter).await?,
        };
        let mut entries = Vec::new();
        for record in tx.listed_repositories(filter, order, window.skip, window.limit).await? {
            entries.push(tx.repository_summary(record, parts).await?);
        }
        Ok(Listed { entries, total })
    }

    /// A repository with something in it.
    pub async fn describe_repository(
        &self,
        call: &Call,
        name: &RepositoryName,
        parts: RepositoryParts,
    ) -> Result<RepositorySummary, BrowseError> {
        require(call, Action::Pull, name)?;
        let mut tx = self.inner.metadata.read().await?;
        let record = listed(&mut tx, name).await?;
        Ok(tx.repository_summary(record, parts).await?)
    }

    /// What tells whether a repository is still as it was, and what is on its way into it.
    pub async fn repository_stamp(
        &self,
        call: &Call,
        name: &RepositoryName,
    ) -> Result<RepositoryStamp, BrowseError> {
        require(call, Action::Pull, name)?;
        let mut tx = self.inner.metadata.read().await?;
        let record = listed(&mut tx, name).await?;
        let stamp = tx.repository_stamp(record.id).await?;
        stamp.ok_or_else(|| BrowseError::NameUnknown(name.clone()))
    }

    /// Whether there is a repository of that name with something in it.
    pub async fn has_repository(&self, call: &Call, name: &RepositoryName) -> Result<bool, BrowseError> {
        require(call, Action::Pull, name)?;
        Ok(self.inner.metadata.read().await?.listed_repository(name).await?.is_some())
    }

    /// Changes what people say about a repository.
    pub async fn set_repository_description(
        &self,
        call: &Call,
        name: &RepositoryName,
        description: &str,
    ) -> Result<(), BrowseError> {
        require(call, Action::Push, name)?;
        retry_on_conflict(async || -> Result<(), BrowseError> {
            let mut tx = self.inner.metadata.write().await?;
            let record = listed(&mut tx, name).await?;
            tx.describe_repository(record.id, description, call.now).await?;
            Ok(tx.commit().await?)
        })
        .await
    }
}
