//! What a principal was given, gathered from the index.

use std::sync::Arc;

use longshore_auth::{
    Access, BuiltInRole, Grant, GrantKind, GrantScope, PermissionSet, Principal, RepositoryPattern, RoleId,
    SystemRole, of_every_user,
};
use longshore_metadata::{Membership, MetadataError, ReadTx, UserRecord};

use crate::Accounts;

impl Accounts {
    /// All that a user has: what every user has, and their memberships, also through groups.
    pub(crate) async fn access_of_user(
        &self,
        tx: &mut ReadTx,
        user: &UserRecord,
    ) -> Result<Access, MetadataError> {
        let everybody = of_every_user(self.inner.settings.project_creation);
        let mut grants = vec![Grant::new(GrantScope::System, GrantKind::Role, everybody, "every user")];
        for membership in tx.memberships_of(user.id).await? {
            grants.extend(grant_of(tx, &membership).await?);
        }
        let principal = Principal::User {
            id: user.id.number(),
            name: user.name.as_str().into(),
            system_role: system_role(user.system_role),
        };
        Ok(Access { principal, grants, ceiling: None })
    }
}

/// The system role of that number; one that is not known gives nothing.
pub(crate) fn system_role(code: u8) -> SystemRole {
    match code {
        1 => SystemRole::Auditor,
        2 => SystemRole::Admin,
        _ => SystemRole::None,
    }
}

/// A membership as a grant. One that makes no sense any more grants nothing: its role was deleted, its pattern is not
/// understood.
async fn grant_of(tx: &mut ReadTx, membership: &Membership) -> Result<Option<Grant>, MetadataError> {
    let Some((role, permissions)) = role(tx, membership.role).await? else { return Ok(None) };
    let project = &membership.project;
    let origin = match &membership.through {
        Some(group) => format!("group {group} in {project} as {role}"),
        None => format!("member of {project} as {role}"),
    };
    let mut grant =
        Grant::new(GrantScope::Project(project.clone()), GrantKind::Role, permissions, origin.as_str());
    if !membership.repositories.is_empty() {
        let Ok(pattern) = membership.repositories.parse::<RepositoryPattern>() else { return Ok(None) };
        grant.kind = GrantKind::Repository;
        grant = grant.limited_to(pattern);
    }
    if let Some(condition) = membership.condition {
        grant = grant.on_condition(condition.to_string());
    }
    Ok(Some(grant))
}

/// Name and permissions of the role of that number, built in or not.
pub(crate) async fn role(
    tx: &mut ReadTx,
    id: i64,
) -> Result<Option<(Arc<str>, PermissionSet)>, MetadataError> {
    if let Some(role) = BuiltInRole::from_id(RoleId(id)) {
        return Ok(Some((role.name().into(), role.permissions())));
    }
    let Some(role) = tx.role(id).await? else { return Ok(None) };
    let permissions = serde_json::from_str(&role.permissions).unwrap_or(PermissionSet::EMPTY);
    Ok(Some((role.name.into(), permissions)))
}
