//! Projects: made, shown, changed and removed.

mod limits;
mod listing;
mod settings;

use std::collections::BTreeMap;

use longshore_auth::{BuiltInRole, GrantScope, Permission, Principal, SystemRole, Target};
use longshore_metadata::{
    Holder, PUBLIC_SETTING, ProjectId, ProjectRecord, QuotaLimit, QuotaRecord, ReadTx, UserId, WriteTx,
};
use longshore_types::ProjectName;

pub(crate) use listing::scopes;
pub use listing::{ProjectDetails, ProjectQuery};
pub use settings::ALLOWLIST_SETTING;

use crate::{Accounts, Act, ManageError, retry::retry_on_conflict, stored_grants};

/// What a new project is made of.
#[derive(Clone, Debug)]
pub struct NewProject {
    /// Its whole name.
    pub name: ProjectName,
    /// Its settings by key; keys that are not known are left out.
    pub settings: BTreeMap<String, String>,
    /// How much it may hold, if the caller may say so: bytes, -1 for no limit, 0 for what holds by default.
    pub storage_limit: i64,
}

/// What a project is like as a whole.
#[derive(Clone, Debug)]
pub struct ProjectSummary {
    /// Repositories with something in them.
    pub repositories: u64,
    /// How many members have each role.
    pub members: BTreeMap<i64, u64>,
    /// How much it may hold and does.
    pub quota: Option<QuotaRecord>,
}

impl Accounts {
    /// Makes a project. Who makes it becomes its project admin.
    pub async fn create_project(&self, act: &Act, new: &NewProject) -> Result<ProjectId, ManageError> {
        let settings = settings::check_all(&new.settings)?;
        self.check_may_limit(act, settings.keys())?;
        let limit = self.limit_of(act, new.storage_limit)?;
        self.check_may_create(act, &new.name).await?;
        retry_on_conflict(async || {
            let mut tx = self.inner.metadata.write().await?;
            let now = act.circumstances.now;
            let owner = match &act.access.principal {
                Principal::User { id, .. } => Some(UserId::of_number(*id)),
                Principal::Robot { .. } | Principal::Anonymous => None,
            };
            let taken = || ManageError::Conflict(format!("project {} already exists", new.name));
            // What a deleted project held is restored by its own people or by an administrator: nobody comes by it by making
            // a project of the same name, or learns that there was one.
            if act.access.principal.system_role() != SystemRole::Admin
                && !tx.clear_leftovers(&new.name).await?
            {
                return Err(taken());
            }
            let id = tx.insert_project(&new.name, owner, now).await?.ok_or_else(taken)?;
            for (key, value) in &settings {
                tx.set_project_metadata(id, key, value).await?;
            }
            if let Some(owner) = owner {
                let role = BuiltInRole::ProjectAdmin.id().0;
                tx.insert_member(id, Holder::User(owner), role, "", now).await?;
            }
            if limit != QuotaLimit::Default {
                tx.set_quota(id, limit, now).await?;
            }
            let record = existing(&mut tx, id).await?;
            act.record(&mut tx, "create_project", ("project", new.name.as_str()), Some(&record), "").await?;
            tx.commit().await?;
            Ok(id)
        })
        .await
    }

    /// A project of the top level needs the permission of the system, one within another that of the other.
    async fn check_may_create(&self, act: &Act, name: &ProjectName) -> Result<(), ManageError> {
        let may =
            |target: &Target<'_>, permission| self.may(&act.access, target, permission, &act.circumstances);
        let Some(parent) = name.parent() else {
            return match may(&Target::SYSTEM, Permission::PROJECT_CREATE) {
                true => Ok(()),
                false => Err(ManageError::Forbidden("you may not make projects of the top level".to_owned())),
            };
        };
        let found = self.inner.metadata.read().await?.project(&parent).await?;
        let readable =
            found.filter(|found| may(&Target::project(&found.name, found.public), Permission::PROJECT_READ));
        let Some(found) = readable else { return Err(ManageError::unknown("project", parent)) };
        if !may(&Target::project(&found.name, found.public), Permission::PROJECT_CREATE) {
            return Err(ManageError::Forbidden(format!("you may not make projects in {parent}")));
        }
        // The new project takes along what is its own by name, and who makes it is its admin.
        let scope = GrantScope::Project(found.name);
        self.check_may_give(act, &scope, BuiltInRole::ProjectAdmin.permissions())
    }

    /// What somebody says who may not set quotas counts for nothing, as in Harbor.
    fn limit_of(&self, act: &Act, bytes: i64) -> Result<QuotaLimit, ManageError> {
        let may = self.may(&act.access, &Target::SYSTEM, Permission::QUOTA_UPDATE, &act.circumstances);
        match bytes {
            0 => Ok(QuotaLimit::Default),
            _ if !may => Ok(QuotaLimit::Default),
            -1 => Ok(QuotaLimit::Unlimited),
            bytes => u64::try_from(bytes).map(QuotaLimit::Bytes).map_err(|_| {
                ManageError::Invalid("storage_limit must be -1, 0 or a number of bytes".to_owned())
            }),
        }
    }

    /// Changes settings of a project: those that are given, by key; keys that are not known are left out.
    pub async fn update_project(
        &self,
        act: &Act,
        id: ProjectId,
        settings: &BTreeMap<String, String>,
    ) -> Result<(), ManageError> {
        let settings = settings::check_all(settings)?;
        retry_on_conflict(async || {
            let mut tx = self.inner.metadata.write().await?;
            let record = existing(&mut tx, id).await?;
            let before = tx.project_metadata(id).await?;
            let changed: BTreeMap<_, _> =
                settings.iter().filter(|(key, value)| before.get(*key) != Some(*value)).collect();
            self.check_may_limit(act, changed.keys().copied())?;
            for (key, value) in &changed {
                tx.set_project_metadata(id, key, value).await?;
            }
            tx.project_changed(id, act.circumstances.now).await?;
            let detail = serde_json::json!({ "metadata": changed }).to_string();
            act.record(&mut tx, "update_project", ("project", record.name.as_str()), Some(&record), &detail)
                .await?;
            Ok(tx.commit().await?)
        })
        .await
    }

    /// Removes a project, and with it its members, robots, labels and settings.
    ///
    /// # Errors
    /// [`ManageError::Precondition`] when something is in it.
    pub async fn delete_project(&self, act: &Act, id: ProjectId) -> Result<(), ManageError> {
        retry_on_conflict(async || {
            let mut tx = self.inner.metadata.write().await?;
            tx.lock_project(id).await?;
            let record = existing(&mut tx, id).await?;
            if let Some(reason) = undeletable(&mut tx, &record).await? {
                return Err(ManageError::Precondition(reason));
            }
            forget_in_grants(&mut tx, &record.name, act).await?;
            tx.delete_project(id, act.circumstances.now).await?;
            act.record(&mut tx, "delete_project", ("project", record.name.as_str()), Some(&record), "")
                .await?;
            Ok(tx.commit().await?)
        })
        .await
    }

    /// Why a project cannot be removed; `None` if it can.
    pub async fn why_undeletable(&self, id: ProjectId) -> Result<Option<String>, ManageError> {
        let mut tx = self.inner.metadata.read().await?;
        let record = existing(&mut tx, id).await?;
        undeletable(&mut tx, &record).await
    }

    /// What a project is like as a whole, to the caller.
    pub async fn project_summary(&self, act: &Act, id: ProjectId) -> Result<ProjectSummary, ManageError> {
        let repositories = self.project_details(act, id).await?.repositories;
        let mut tx = self.inner.metadata.read().await?;
        Ok(ProjectSummary {
            repositories,
            members: tx.members_by_role(id).await?,
            quota: tx.quota_of(id).await?,
        })
    }

    /// The settings of a project itself, without what it inherits.
    pub async fn project_settings(&self, id: ProjectId) -> Result<BTreeMap<String, String>, ManageError> {
        let mut settings = self.inner.metadata.read().await?.project_metadata(id).await?;
        settings.remove(ALLOWLIST_SETTING);
        Ok(settings)
    }

    /// Gives a project a setting that it does not have.
    pub async fn add_project_setting(
        &self,
        act: &Act,
        id: ProjectId,
        key: &str,
        value: &str,
    ) -> Result<(), ManageError> {
        settings::check_one(key, value)?;
        if self.project_settings(id).await?.contains_key(key) {
            return Err(ManageError::Conflict(format!("the project has a value for {key} already")));
        }
        self.update_project(act, id, &BTreeMap::from([(key.to_owned(), value.to_owned())])).await
    }

    /// Changes a setting that a project has.
    pub async fn set_project_setting(
        &self,
        act: &Act,
        id: ProjectId,
        key: &str,
        value: &str,
    ) -> Result<(), ManageError> {
        settings::check_one(key, value)?;
        if !self.project_settings(id).await?.contains_key(key) {
            return Err(ManageError::unknown("metadata", key));
        }
        self.update_project(act, id, &BTreeMap::from([(key.to_owned(), value.to_owned())])).await
    }

    /// Takes a setting from a project: what it inherits holds then, if it does.
    pub async fn remove_project_setting(
        &self,
        act: &Act,
        id: ProjectId,
        key: &str,
    ) -> Result<(), ManageError> {
        self.check_may_limit(act, [key])?;
        retry_on_conflict(async || {
            let mut tx = self.inner.metadata.write().await?;
            let record = existing(&mut tx, id).await?;
            if !settings::is_known(key) || !tx.delete_project_setting(id, key).await? {
                return Err(ManageError::unknown("metadata", key));
            }
            tx.project_changed(id, act.circumstances.now).await?;
            let detail = serde_json::json!({ "metadata": { key: null } }).to_string();
            act.record(&mut tx, "update_project", ("project", record.name.as_str()), Some(&record), &detail)
                .await?;
            Ok(tx.commit().await?)
        })
        .await
    }
}

/// The setting for whether everybody may read a project.
pub fn public_setting(public: bool) -> (String, String) {
    (PUBLIC_SETTING.to_owned(), public.to_string())
}

/// The project of that row, which was there a moment ago.
pub(crate) async fn existing(tx: &mut ReadTx, id: ProjectId) -> Result<ProjectRecord, ManageError> {
    let record = tx.project_by_id(id).await?;
    record.ok_or_else(|| ManageError::unknown("project", id.number()))
}

async fn undeletable(tx: &mut ReadTx, project: &ProjectRecord) -> Result<Option<String>, ManageError> {
    let name = &project.name;
    if tx.holds_manifests(project.id).await? {
        return Ok(Some(format!("project {name} contains repositories, delete them first")));
    }
    if tx.holds_projects(project.id).await? {
        return Ok(Some(format!("project {name} contains projects, delete them first")));
    }
    Ok(None)
}

/// Takes a project out of what robots of the system have, so that they have nothing in another one that is called so
/// later.
async fn forget_in_grants(tx: &mut WriteTx, project: &ProjectName, act: &Act) -> Result<(), ManageError> {
    use longshore_auth::{GrantKind, GrantScope};
    use longshore_metadata::RobotLevel;
    const ROBOTS: usize = 1000;
    let (mut skip, mut more) = (0, true);
    while more {
        let page = tx.robots_page(RobotLevel::System, None, skip, ROBOTS).await?;
        (skip, more) = (skip + ROBOTS, page.more);
        for mut robot in page.entries {
            let mut grants = stored_grants::from_json(&robot.permissions, GrantKind::Robot, &"".into());
            let count = grants.len();
            grants.retain(|grant| grant.scope != GrantScope::Project(project.clone()));
            if grants.len() != count {
                robot.permissions = stored_grants::to_json(&grants);
                tx.update_robot(&robot, act.circumstances.now).await?;
            }
        }
    }
    Ok(())
}
