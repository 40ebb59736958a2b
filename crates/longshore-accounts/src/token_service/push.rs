//! Projects that are made by a push.

use std::collections::BTreeMap;

use longshore_auth::{Access, Action, Circumstances, Permission, Reach, SystemRole, Target, reach_of_action};
use longshore_metadata::MetadataError;
use longshore_types::{RepositoryName, Timestamp};

use super::TokenService;
use crate::{Accounts, Act, ManageError, NewProject};

impl TokenService {
    /// Whether somebody who was let in to push some time ago may push now, be it on a condition, which was asked then.
    pub async fn may_still_push(
        &self,
        caller: Option<&str>,
        repository: &RepositoryName,
        now: Timestamp,
    ) -> Result<bool, MetadataError> {
        let Some(project) = self.accounts.project_of(repository).await? else { return Ok(false) };
        let access = self.accounts.access_of_bearer(caller, now).await?;
        let target = Target { project: Some(project.view()), repository: Some(repository) };
        Ok(reach_of_action(&access, &target, Action::Push) != Reach::Never)
    }
}

impl Accounts {
    /// Whether a push of theirs into no project makes one: an administrator's does, unless the login was narrowed to less.
    pub(super) fn makes_projects_by_push(&self, access: &Access, circumstances: &Circumstances) -> bool {
        access.principal.system_role() == SystemRole::Admin
            && self.may(access, &Target::SYSTEM, Permission::PROJECT_CREATE, circumstances)
    }

    /// Whether a project is there for a repository that somebody pushes to. If there is none, a system administrator's push
    /// makes it: private, and theirs. A token may be older than the project's end, and its bearer no administrator any
    /// more, so that they are looked up again.
    pub async fn make_room_for_push(
        &self,
        caller: Option<&str>,
        repository: &RepositoryName,
        circumstances: &Circumstances,
        request_id: &str,
    ) -> Result<bool, MetadataError> {
        if self.project_of(repository).await?.is_some() {
            return Ok(true);
        }
        let access = self.access_of_bearer(caller, circumstances.now).await?;
        if access.principal.system_role() != SystemRole::Admin {
            return Ok(false);
        }
        let act = Act { access, circumstances: circumstances.clone(), request_id: request_id.to_owned() };
        let new = NewProject { name: repository.project(), settings: BTreeMap::new(), storage_limit: 0 };
        match self.create_project(&act, &new).await {
            // Somebody else may have made it at this moment.
            Ok(_) | Err(ManageError::Conflict(_)) => Ok(true),
            Err(ManageError::Metadata(error)) => Err(error),
            Err(error) => {
                tracing::warn!(project = new.name.as_str(), %error, "a push could not make its project");
                Ok(false)
            }
        }
    }
}
