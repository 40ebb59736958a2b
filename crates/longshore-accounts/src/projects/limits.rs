//! How often others may come for what projects hold: settings of projects that whoever sets quotas sets.

use std::collections::BTreeMap;

use longshore_auth::{Permission, ProjectLimit, ProjectLimits, Target};
use longshore_metadata::MetadataError;

use super::settings::{self, PULL_LIMIT, REQUEST_LIMIT};
use crate::{Accounts, Act, ManageError};

impl Accounts {
    /// The limits of all projects that have some of their own.
    pub async fn project_limits(&self) -> Result<ProjectLimits, MetadataError> {
        let mut tx = self.inner.metadata.read().await?;
        let mut limits: BTreeMap<_, ProjectLimit> = BTreeMap::new();
        for (name, value) in tx.projects_with_setting(REQUEST_LIMIT).await? {
            limits.entry(name).or_default().requests = settings::limit(&value);
        }
        for (name, value) in tx.projects_with_setting(PULL_LIMIT).await? {
            limits.entry(name).or_default().pulls = settings::limit(&value);
        }
        Ok(limits.into_iter().collect())
    }

    /// Refuses who changes limits without being allowed to.
    pub(super) fn check_may_limit<K: AsRef<str>>(
        &self,
        act: &Act,
        keys: impl IntoIterator<Item = K>,
    ) -> Result<(), ManageError> {
        let limit = keys.into_iter().find(|key| settings::is_limit(key.as_ref()));
        match limit {
            Some(key)
                if !self.may(&act.access, &Target::SYSTEM, Permission::QUOTA_UPDATE, &act.circumstances) =>
            {
                Err(ManageError::Forbidden(format!("only who sets quotas may set {}", key.as_ref())))
            }
            _ => Ok(()),
        }
    }
}
