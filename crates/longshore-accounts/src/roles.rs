//! Roles beside Harbor's five: sets of permissions that members of projects are given.

use longshore_auth::{BuiltInRole, Level, PermissionSet, Role, RoleId};
use longshore_metadata::{ReadTx, RoleRecord};

use crate::{Accounts, Act, ManageError, retry::retry_on_conflict};

/// Longest name, in characters.
const NAME_CHARACTERS_MAX: usize = 64;
/// How many are read at once.
const ROLES: usize = 500;

impl Accounts {
    /// Every role: Harbor's five, then the others as they were made.
    pub async fn roles(&self) -> Result<Vec<Role>, ManageError> {
        let mut tx = self.inner.metadata.read().await?;
        let mut roles: Vec<_> = BuiltInRole::ALL.into_iter().map(Role::from).collect();
        let (mut after, mut more) = (RoleRecord::FIRST, true);
        while more {
            let page = tx.roles_page(after, ROLES).await?;
            more = page.more;
            after = page.entries.last().map_or(after, |role| role.id);
            roles.extend(page.entries.into_iter().map(role));
        }
        Ok(roles)
    }

    /// The role of that number.
    pub async fn role(&self, id: i64) -> Result<Role, ManageError> {
        if let Some(role) = BuiltInRole::from_id(RoleId(id)) {
            return Ok(role.into());
        }
        let found = self.inner.metadata.read().await?.role(id).await?;
        found.map(role).ok_or_else(|| ManageError::unknown("role", id))
    }

    /// Makes a role. Returns its number.
    pub async fn create_role(
        &self,
        act: &Act,
        name: &str,
        permissions: PermissionSet,
    ) -> Result<i64, ManageError> {
        check_role(name, permissions)?;
        let json = to_json(permissions);
        retry_on_conflict(async || {
            let mut tx = self.inner.metadata.write().await?;
            let Some(id) = tx.insert_role(name, &json, act.circumstances.now).await? else {
                return Err(taken(name));
            };
            act.record(&mut tx, "create_role", ("role", name), None, &detail(&json)).await?;
            tx.commit().await?;
            Ok(id)
        })
        .await
    }

    /// Has a role permit something else, or calls it otherwise. Who has it has that at once.
    pub async fn update_role(
        &self,
        act: &Act,
        id: i64,
        name: &str,
        permissions: PermissionSet,
    ) -> Result<(), ManageError> {
        check_custom(id)?;
        check_role(name, permissions)?;
        let json = to_json(permissions);
        retry_on_conflict(async || {
            let mut tx = self.inner.metadata.write().await?;
            known(&mut tx, id).await?;
            if tx.role_named(name).await?.is_some_and(|other| other.id != id) {
                return Err(taken(name));
            }
            tx.update_role(id, name, &json, act.circumstances.now).await?;
            act.record(&mut tx, "update_role", ("role", name), None, &detail(&json)).await?;
            Ok(tx.commit().await?)
        })
        .await
    }

    /// Removes a role that nobody has.
    pub async fn delete_role(&self, act: &Act, id: i64) -> Result<(), ManageError> {
        check_custom(id)?;
        retry_on_conflict(async || {
            let mut tx = self.inner.metadata.write().await?;
            // Whoever gives it to a member at this moment waits, and then finds it gone.
            tx.lock_role(id).await?;
            let role = known(&mut tx, id).await?;
            if tx.role_is_used(id).await? {
                let message = format!("role {} is used, take it from members first", role.name);
                return Err(ManageError::Precondition(message));
            }
            tx.delete_role(id).await?;
            act.record(&mut tx, "delete_role", ("role", &role.name), None, "").await?;
            Ok(tx.commit().await?)
        })
        .await
    }
}

/// All that a role can permit: what there is in projects.
fn in_projects() -> PermissionSet {
    BuiltInRole::ProjectAdmin.permissions().union(PermissionSet::of_robots(Level::Project))
}

/// Whether it can be the name of a role or of a policy.
pub(crate) fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.chars().count() <= NAME_CHARACTERS_MAX
        && name.trim() == name
        && !name.chars().any(char::is_control)
}

fn check_role(name: &str, permissions: PermissionSet) -> Result<(), ManageError> {
    let invalid = |message: String| Err(ManageError::Invalid(message));
    if !is_name(name) {
        return invalid(format!("name must have 1 to {NAME_CHARACTERS_MAX} characters"));
    }
    if BuiltInRole::from_name(name).is_some() {
        return Err(taken(name));
    }
    if permissions.is_empty() {
        return invalid("permissions must name at least one".to_owned());
    }
    match permissions.difference(in_projects()).iter().next() {
        Some(other) => invalid(format!("permissions: {other} is none that members of projects can have")),
        None => Ok(()),
    }
}

fn check_custom(id: i64) -> Result<(), ManageError> {
    match BuiltInRole::from_id(RoleId(id)) {
        Some(role) => Err(ManageError::Forbidden(format!("role {} is built in", role.name()))),
        None => Ok(()),
    }
}

async fn known(tx: &mut ReadTx, id: i64) -> Result<RoleRecord, ManageError> {
    tx.role(id).await?.ok_or_else(|| ManageError::unknown("role", id))
}

fn taken(name: &str) -> ManageError {
    ManageError::Conflict(format!("there is a role {name} already"))
}

fn role(record: RoleRecord) -> Role {
    let permissions = serde_json::from_str(&record.permissions).unwrap_or(PermissionSet::EMPTY);
    Role { id: RoleId(record.id), name: record.name.into(), permissions }
}

fn to_json(permissions: PermissionSet) -> String {
    serde_json::to_string(&permissions).expect("a list of texts is JSON")
}

fn detail(permissions: &str) -> String {
    format!("{{\"permissions\":{permissions}}}")
}
