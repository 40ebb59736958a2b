//! Listings: repositories, tags, referrers; all paged by key.

mod referrers;

use longshore_auth::Action;
use longshore_metadata::{MetadataError, Page, ReferrerRecord};
use longshore_types::{RepositoryName, Tag};

use crate::{Call, Denied, Registry, access::require};

/// Why there is no list.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The caller may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The caller may not read the catalog.
    #[error("reading the catalog is not allowed")]
    CatalogDenied,
    /// No such repository.
    #[error("no repository {0}")]
    NameUnknown(RepositoryName),
    /// The index failed.
    #[error("could not read the index")]
    Metadata(#[from] MetadataError),
}

/// A page of referrers.
pub type ReferrersPage = Page<ReferrerRecord>;

impl Registry {
    /// Repositories with something in them, by name, after `after`. For callers whose rights come from a token, the
    /// right to the catalog is the right to all of it, as in distribution: such a token need not name repositories.
    pub async fn catalog(
        &self,
        call: &Call,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<RepositoryName>, ListError> {
        if !call.caller.may_read_catalog() {
            return Err(ListError::CatalogDenied);
        }
        if limit == 0 {
            return Ok(Page { entries: Vec::new(), more: false });
        }
        Ok(self.inner.metadata.read().await?.repositories_page(after, limit).await?)
    }

    /// Tags in byte order, after `after`.
    pub async fn tags(
        &self,
        call: &Call,
        repository: &RepositoryName,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<Tag>, ListError> {
        require(call, Action::Pull, repository)?;
        let mut tx = self.inner.metadata.read().await?;
        let record = tx.repository(repository).await?;
        let id = record.ok_or_else(|| ListError::NameUnknown(repository.clone()))?.id;
        if limit == 0 {
            return Ok(Page { entries: Vec::new(), more: false });
        }
        Ok(tx.tag_names_page(id, after, limit).await?)
    }
}
