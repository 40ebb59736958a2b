//! Robots: accounts of programs, of a project or of the system, which can never do more than who made them.

use std::time::Duration;

use longshore_auth::{
    Grant, GrantKind, GrantScope, Level, Permission, PermissionSet, Secret, Target, password,
    secret::SecretHash,
};
use longshore_metadata::{
    NewRobot, ProjectId, ProjectRecord, ReadTx, RobotId, RobotLevel, RobotRecord, TextFilter, WriteTx,
};
use longshore_types::{ProjectName, Timestamp};

use crate::{Accounts, Act, ManageError, projects::existing, retry::retry_on_conflict, stored_grants};

/// Days of a robot for which nothing else is said.
pub(crate) const ROBOT_DAYS_DEFAULT: i64 = 30;
/// Longest name within its project, in characters.
const NAME_CHARACTERS_MAX: usize = 200;
/// A hundred years: beyond this somebody means for ever, and says so with -1.
pub(crate) const DAYS_MAX: i64 = 36_500;
/// Most entries of what a robot or an access token may do.
const SCOPES_MAX: usize = 200;

/// Permissions somewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScopedPermissions {
    /// Where.
    pub scope: GrantScope,
    /// What.
    pub permissions: PermissionSet,
}

/// What a robot is to be.
#[derive(Clone, Debug)]
pub struct RobotPlan {
    /// What it is for.
    pub description: String,
    /// May not log in.
    pub disabled: bool,
    /// For how many days; -1 for ever.
    pub days: i64,
    /// What it may do where.
    pub permissions: Vec<ScopedPermissions>,
}

/// A robot, and its secret if it has a new one.
#[derive(Clone, Debug)]
pub struct NewSecret<T> {
    /// What has the secret.
    pub record: T,
    /// Shown this once.
    pub secret: Secret,
}

/// A robot and what is shown with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RobotDetails {
    /// Its row.
    pub record: RobotRecord,
    /// Its name as it logs in: `robot$team+ci`.
    pub name: String,
    /// Its project; `None` for the system.
    pub project: Option<ProjectName>,
    /// What it may do where.
    pub permissions: Vec<ScopedPermissions>,
}

impl Accounts {
    /// Makes a robot of a project, or of the system. `name` is that within the project.
    pub async fn create_robot(
        &self,
        act: &Act,
        project: Option<&ProjectName>,
        name: &str,
        plan: &RobotPlan,
    ) -> Result<NewSecret<RobotDetails>, ManageError> {
        check_name(name)?;
        let expires_at = expiry(act.circumstances.now, plan.days)?;
        let secret = Secret::random();
        let hash = SecretHash::of_random(secret.reveal()).to_bytes();
        let id = retry_on_conflict(async || {
            let mut tx = self.inner.metadata.write().await?;
            let project = self.place(&mut tx, act, project, Permission::ROBOT_CREATE).await?;
            let grants = self.checked_permissions(&mut tx, act, project.as_ref(), &plan.permissions).await?;
            self.check_may_give_all(act, &grants)?;
            let full = match &project {
                Some(project) => format!("{}+{name}", project.name),
                None => name.to_owned(),
            };
            let json = stored_grants::to_json(&grants);
            let robot = NewRobot {
                name: &full,
                project: project.as_ref().map(|project| project.id),
                description: &plan.description,
                secret_hash: &hash,
                permissions: &json,
                disabled: plan.disabled,
                duration_days: plan.days,
                expires_at,
                created_by: act.access.principal.name().unwrap_or_default(),
            };
            let Some(id) = tx.insert_robot(&robot, act.circumstances.now).await? else {
                return Err(ManageError::Conflict(format!("there is a robot {name} already")));
            };
            let robot = known(&mut tx, id).await?;
            self.record_robot(&mut tx, act, "create_robot", &robot, project.as_ref()).await?;
            tx.commit().await?;
            Ok(id)
        })
        .await?;
        let mut tx = self.inner.metadata.read().await?;
        let robot = known(&mut tx, id).await?;
        Ok(NewSecret { record: self.robot_details(&mut tx, robot).await?, secret })
    }

    /// The robots of a project or of the system, part of them, and how many there are; only those whose name is, or has
    /// in it, that.
    pub async fn list_robots(
        &self,
        act: &Act,
        project: Option<ProjectId>,
        name: Option<TextFilter<'_>>,
        skip: usize,
        limit: usize,
    ) -> Result<(Vec<RobotDetails>, u64), ManageError> {
        let mut tx = self.inner.metadata.read().await?;
        let level = match project {
            None => RobotLevel::System,
            Some(id) => RobotLevel::Project(id),
        };
        self.check_numbered_place(&mut tx, act, project, Permission::ROBOT_LIST).await?;
        let running = self.running();
        let prefix = running.robot_prefix.as_str();
        let name = match name {
            Some(TextFilter::Is(name)) => Some(TextFilter::Is(name.strip_prefix(prefix).unwrap_or(name))),
            other => other,
        };
        let total = tx.robots_count(level, name).await?;
        let mut found = Vec::new();
        for robot in tx.robots_page(level, name, skip, limit).await?.entries {
            found.push(self.robot_details(&mut tx, robot).await?);
        }
        Ok((found, total))
    }

    /// A robot. Who may not read it gets the answer for one that is not there.
    pub async fn robot(&self, act: &Act, id: RobotId) -> Result<RobotDetails, ManageError> {
        let mut tx = self.inner.metadata.read().await?;
        let (robot, _) = self.reachable_robot(&mut tx, act, id, Permission::ROBOT_READ).await?;
        self.robot_details(&mut tx, robot).await
    }

    /// Has a robot be something else. Its name and its project stay: `name`, as it logs in or within its project, is
    /// compared with them.
    pub async fn update_robot(
        &self,
        act: &Act,
        id: RobotId,
        name: &str,
        plan: &RobotPlan,
    ) -> Result<(), ManageError> {
        retry_on_conflict(async || {
            let mut tx = self.inner.metadata.write().await?;
            let (mut robot, project) =
                self.reachable_robot(&mut tx, act, id, Permission::ROBOT_UPDATE).await?;
            if !self.is_called(&robot, name) {
                return Err(ManageError::Invalid("name: a robot's name cannot be changed".to_owned()));
            }
            let grants = self.checked_permissions(&mut tx, act, project.as_ref(), &plan.permissions).await?;
            // What it has already, somebody else may have given.
            self.check_may_give_all(act, &added(&grants, &grants_of(&robot)))?;
            if plan.days != robot.duration_days {
                robot.expires_at = expiry(robot.created_at, plan.days)?;
                robot.duration_days = plan.days;
            }
            robot.description.clone_from(&plan.description);
            robot.disabled = plan.disabled;
            robot.permissions = stored_grants::to_json(&grants);
            tx.update_robot(&robot, act.circumstances.now).await?;
            self.record_robot(&mut tx, act, "update_robot", &robot, project.as_ref()).await?;
            Ok(tx.commit().await?)
        })
        .await
    }

    /// Lets a robot log in or not.
    pub async fn set_robot_disabled(
        &self,
        act: &Act,
        id: RobotId,
        disabled: bool,
    ) -> Result<(), ManageError> {
        retry_on_conflict(async || {
            let mut tx = self.inner.metadata.write().await?;
            let (mut robot, project) =
                self.reachable_robot(&mut tx, act, id, Permission::ROBOT_UPDATE).await?;
            robot.disabled = disabled;
            tx.update_robot(&robot, act.circumstances.now).await?;
            self.record_robot(&mut tx, act, "update_robot", &robot, project.as_ref()).await?;
            Ok(tx.commit().await?)
        })
        .await
    }

    /// Gives a robot another secret: the one that is given, or a new one. The old one is not good any more. Who does not
    /// have themselves what the robot may do cannot: they could log in as the robot then.
    pub async fn rotate_robot_secret(
        &self,
        act: &Act,
        id: RobotId,
        chosen: Option<&str>,
    ) -> Result<NewSecret<RobotDetails>, ManageError> {
        let (secret, hash) = match chosen {
            None => {
                let secret = Secret::random();
                let hash = SecretHash::of_random(secret.reveal());
                (secret, hash)
            }
            Some(text) => {
                password::check_new(text)
                    .map_err(|error| ManageError::Invalid(format!("secret: {error}")))?;
                // Whoever may not do this must not have us hash.
                let mut tx = self.inner.metadata.read().await?;
                self.reachable_robot(&mut tx, act, id, Permission::ROBOT_UPDATE).await?;
                drop(tx);
                (Secret::new(text), SecretHash::Slow(self.hash_password(text).await?))
            }
        };
        let hash = hash.to_bytes();
        retry_on_conflict(async || {
            let mut tx = self.inner.metadata.write().await?;
            let (robot, project) = self.reachable_robot(&mut tx, act, id, Permission::ROBOT_UPDATE).await?;
            self.check_may_give_all(act, &grants_of(&robot))?;
            tx.set_robot_secret(id, &hash, act.circumstances.now).await?;
            self.record_robot(&mut tx, act, "update_robot", &robot, project.as_ref()).await?;
            Ok::<_, ManageError>(tx.commit().await?)
        })
        .await?;
        let mut tx = self.inner.metadata.read().await?;
        let robot = known(&mut tx, id).await?;
        Ok(NewSecret { record: self.robot_details(&mut tx, robot).await?, secret })
    }

    /// Removes a robot, and the rules that trust others to be it.
    pub async fn delete_robot(&self, act: &Act, id: RobotId) -> Result<(), ManageError> {
        retry_on_conflict(async || {
            let mut tx = self.inner.metadata.write().await?;
            let (robot, project) = self.reachable_robot(&mut tx, act, id, Permission::ROBOT_DELETE).await?;
            tx.delete_robot(id).await?;
            self.record_robot(&mut tx, act, "delete_robot", &robot, project.as_ref()).await?;
            Ok(tx.commit().await?)
        })
        .await
    }

    /// The robot, if the caller may do this to robots where it is.
    pub(crate) async fn reachable_robot(
        &self,
        tx: &mut ReadTx,
        act: &Act,
        id: RobotId,
        permission: Permission,
    ) -> Result<(RobotRecord, Option<ProjectRecord>), ManageError> {
        let unknown = || ManageError::unknown("robot", id.number());
        let robot = tx.robot_by_id(id).await?.ok_or_else(unknown)?;
        let project = match robot.project {
            Some(project) => Some(tx.project_by_id(project).await?.ok_or_else(unknown)?),
            None => None,
        };
        if self.check_place(act, project.as_ref(), permission).is_ok() {
            return Ok((robot, project));
        }
        // Who may read it learns that they may not do more.
        match self.check_place(act, project.as_ref(), Permission::ROBOT_READ) {
            Ok(()) => Err(ManageError::lacks(permission)),
            Err(_) => Err(unknown()),
        }
    }

    /// The project of that name, or the system, if the caller may do this there.
    async fn place(
        &self,
        tx: &mut ReadTx,
        act: &Act,
        project: Option<&ProjectName>,
        permission: Permission,
    ) -> Result<Option<ProjectRecord>, ManageError> {
        let project = match project {
            None => None,
            Some(name) => Some(tx.project(name).await?.ok_or_else(|| ManageError::unknown("project", name))?),
        };
        self.check_place(act, project.as_ref(), permission)?;
        Ok(project)
    }

    /// Refuses what the caller may not do in the project, or in the system.
    pub(crate) fn check_place(
        &self,
        act: &Act,
        project: Option<&ProjectRecord>,
        permission: Permission,
    ) -> Result<(), ManageError> {
        let may =
            |target: &Target<'_>, permission| self.may(&act.access, target, permission, &act.circumstances);
        let Some(project) = project else {
            return match may(&Target::SYSTEM, permission) {
                true => Ok(()),
                false => Err(ManageError::lacks(permission)),
            };
        };
        let target = Target::project(&project.name, project.public);
        if may(&target, permission) {
            Ok(())
        } else if may(&target, Permission::PROJECT_READ) {
            Err(ManageError::Forbidden(format!("you may not do this in {}: {permission}", project.name)))
        } else {
            Err(ManageError::unknown("project", &project.name))
        }
    }

    /// The same for a project by its number, which tells nothing of its name.
    pub(crate) async fn check_numbered_place(
        &self,
        tx: &mut ReadTx,
        act: &Act,
        project: Option<ProjectId>,
        permission: Permission,
    ) -> Result<(), ManageError> {
        let Some(id) = project else { return self.check_place(act, None, permission) };
        let project = existing(tx, id).await?;
        self.check_place(act, Some(&project), permission).map_err(|error| match error {
            ManageError::Unknown { .. } => ManageError::unknown("project", id.number()),
            other => other,
        })
    }

    /// What a robot is to be given, if a robot there can be. Of projects that the caller may not read it says that they
    /// are not there.
    async fn checked_permissions(
        &self,
        tx: &mut ReadTx,
        act: &Act,
        project: Option<&ProjectRecord>,
        given: &[ScopedPermissions],
    ) -> Result<Vec<Grant>, ManageError> {
        check_scopes_count(given)?;
        let mut grants = Vec::new();
        for ScopedPermissions { scope, permissions } in given {
            let level = match scope {
                GrantScope::System => Level::System,
                GrantScope::AllProjects | GrantScope::Project(_) => Level::Project,
            };
            check_level(level, *permissions)?;
            match (scope, project) {
                (GrantScope::Project(name), Some(own)) if *name == own.name => {}
                (_, Some(own)) => {
                    let message = format!("permissions: a robot of {} may have some there alone", own.name);
                    return Err(ManageError::Invalid(message));
                }
                (GrantScope::Project(name), None) => {
                    self.place(tx, act, Some(name), Permission::PROJECT_READ).await?;
                }
                (GrantScope::System | GrantScope::AllProjects, None) => {}
            }
            grants.push(Grant::new(scope.clone(), GrantKind::Robot, *permissions, ""));
        }
        if grants.is_empty() {
            return Err(ManageError::Invalid("permissions must name at least one".to_owned()));
        }
        Ok(merged(grants))
    }

    pub(crate) fn check_may_give_all(&self, act: &Act, grants: &[Grant]) -> Result<(), ManageError> {
        grants.iter().try_for_each(|grant| {
            self.check_may_give(act, &grant.scope, grant.permissions.with_pull_for_push())
        })
    }

    async fn robot_details(&self, tx: &mut ReadTx, robot: RobotRecord) -> Result<RobotDetails, ManageError> {
        let project = match robot.project {
            Some(id) => tx.project_by_id(id).await?.map(|project| project.name),
            None => None,
        };
        let permissions = scoped(grants_of(&robot));
        Ok(RobotDetails { name: self.robot_name(&robot), project, permissions, record: robot })
    }

    /// Whether that is the robot's name: as it logs in, without the prefix, or within its project.
    fn is_called(&self, robot: &RobotRecord, name: &str) -> bool {
        let within = robot.name.split_once('+').map_or(robot.name.as_str(), |(_, within)| within);
        name == self.robot_name(robot) || name == robot.name || name == within
    }

    async fn record_robot(
        &self,
        tx: &mut WriteTx,
        act: &Act,
        operation: &str,
        robot: &RobotRecord,
        project: Option<&ProjectRecord>,
    ) -> Result<(), ManageError> {
        let name = self.robot_name(robot);
        let detail = format!("{{\"permissions\":{},\"disabled\":{}}}", robot.permissions, robot.disabled);
        Ok(act.record(tx, operation, ("robot", &name), project, &detail).await?)
    }
}

/// What a robot may do where.
pub(crate) fn grants_of(robot: &RobotRecord) -> Vec<Grant> {
    stored_grants::from_json(&robot.permissions, GrantKind::Robot, &robot.name.as_str().into())
}

/// Grants as people read them.
pub(crate) fn scoped(grants: Vec<Grant>) -> Vec<ScopedPermissions> {
    let scoped = |grant: Grant| ScopedPermissions { scope: grant.scope, permissions: grant.permissions };
    grants.into_iter().map(scoped).collect()
}

/// Each use of a robot or token reads what it was given, so that it must not be without end.
pub(crate) fn check_scopes_count(given: &[ScopedPermissions]) -> Result<(), ManageError> {
    if given.len() > SCOPES_MAX {
        return Err(ManageError::Invalid(format!(
            "permissions must not have more than {SCOPES_MAX} entries"
        )));
    }
    Ok(())
}

/// One grant for each scope.
pub(crate) fn merged(grants: Vec<Grant>) -> Vec<Grant> {
    let mut merged: Vec<Grant> = Vec::new();
    for grant in grants {
        match merged.iter_mut().find(|other| other.scope == grant.scope) {
            Some(other) => other.permissions = other.permissions.union(grant.permissions),
            None => merged.push(grant),
        }
    }
    merged
}

/// What is new in `grants`.
fn added(grants: &[Grant], before: &[Grant]) -> Vec<Grant> {
    let rest = |grant: &Grant| {
        let had = before.iter().filter(|other| other.scope == grant.scope && other.repositories.is_none());
        let had = had.fold(PermissionSet::EMPTY, |had, other| had.union(other.permissions));
        Grant { permissions: grant.permissions.difference(had), ..grant.clone() }
    };
    grants.iter().map(rest).filter(|grant| !grant.permissions.is_empty()).collect()
}

fn check_level(level: Level, permissions: PermissionSet) -> Result<(), ManageError> {
    if permissions.is_empty() {
        return Err(ManageError::Invalid("permissions: access must name at least one".to_owned()));
    }
    match permissions.difference(PermissionSet::of_robots(level)).iter().next() {
        None => Ok(()),
        Some(other) => {
            let place = match level {
                Level::System => "of kind system",
                Level::Project => "of kind project",
            };
            Err(ManageError::Invalid(format!("permissions: robots cannot be given {other} {place}")))
        }
    }
}

/// Harbor's rule: `[a-z0-9]+(?:[._-][a-z0-9]+)*`.
fn check_name(name: &str) -> Result<(), ManageError> {
    let part = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    if name.len() <= NAME_CHARACTERS_MAX && name.split(['.', '_', '-']).all(part) {
        return Ok(());
    }
    let message = format!(
        "name must have 1 to {NAME_CHARACTERS_MAX} characters: lower-case letters and digits, separated inside by '.', \
         '_' or '-'"
    );
    Err(ManageError::Invalid(message))
}

/// When something ends that holds for so many days from then on.
pub(crate) fn expiry(from: Timestamp, days: i64) -> Result<Option<Timestamp>, ManageError> {
    match days {
        -1 => Ok(None),
        1..=DAYS_MAX => Ok(Some(from.after(Duration::from_secs(days.unsigned_abs() * 24 * 60 * 60)))),
        _ => Err(ManageError::Invalid(format!("duration must be -1, for ever, or 1 to {DAYS_MAX} days"))),
    }
}

async fn known(tx: &mut ReadTx, id: RobotId) -> Result<RobotRecord, ManageError> {
    tx.robot_by_id(id).await?.ok_or_else(|| ManageError::unknown("robot", id.number()))
}
