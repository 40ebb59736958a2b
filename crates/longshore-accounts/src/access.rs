//! What a principal was given, gathered from the index.

use std::sync::Arc;

use longshore_auth::{
    Access, BuiltInRole, Grant, GrantKind, GrantScope, Permission, PermissionSet, Principal,
    RepositoryPattern, RoleId, SystemRole, of_every_user,
};
use longshore_metadata::{
    ADMIN_ROLE, AccessTokenRecord, Membership, MetadataError, ReadTx, RobotRecord, UserRecord,
};
use longshore_types::Timestamp;

use crate::{Accounts, stored_grants};

impl Accounts {
    /// All that a user has: what every user has, and their memberships, also through groups. What a source said counts
    /// while the source's word does.
    pub(crate) async fn access_of_user(
        &self,
        tx: &mut ReadTx,
        user: &UserRecord,
        now: Timestamp,
    ) -> Result<Access, MetadataError> {
        let vouched_for = self.is_vouched_for(user, now);
        let everybody = of_every_user(self.running().project_creation);
        let mut grants = vec![Grant::new(GrantScope::System, GrantKind::Role, everybody, "every user")];
        for membership in tx.memberships_of(user.id).await? {
            if membership.through.is_some() && !vouched_for {
                continue;
            }
            grants.extend(self.grant_of(tx, &membership).await?);
        }
        let principal = Principal::User {
            id: user.id.number(),
            name: user.name.as_str().into(),
            system_role: match user.is_admin() && (vouched_for || user.system_role == ADMIN_ROLE) {
                true => SystemRole::Admin,
                false => system_role(user.system_role),
            },
        };
        Ok(Access { principal, grants, ceiling: None })
    }

    /// A membership as a grant. One that makes no sense any more grants nothing: its role was deleted, its pattern is not
    /// understood.
    async fn grant_of(
        &self,
        tx: &mut ReadTx,
        membership: &Membership,
    ) -> Result<Option<Grant>, MetadataError> {
        let Some((role, permissions)) = role(tx, membership.role).await? else { return Ok(None) };
        let project = &membership.project;
        let origin = match &membership.through {
            Some(group) => format!("group {group} in {project} as {role}"),
            None => format!("member of {project} as {role}"),
        };
        let scope = GrantScope::Project(project.clone());
        let mut grant = Grant::new(scope, GrantKind::Role, permissions, origin.as_str());
        grant = grant.known_as(RoleId(membership.role));
        if !membership.repositories.is_empty() {
            let Ok(pattern) = membership.repositories.parse::<RepositoryPattern>() else { return Ok(None) };
            grant.kind = GrantKind::Repository;
            grant = grant.limited_to(pattern);
        }
        if let Some(version) = membership.condition {
            grant = grant.on_condition(self.inner.policies.condition(tx, version).await?);
        }
        Ok(Some(grant))
    }

    /// All that a robot has: what it was given, and nothing else.
    pub(crate) fn access_of_robot(&self, robot: &RobotRecord) -> Access {
        let name: Arc<str> = self.robot_name(robot).into();
        let mut grants = stored_grants::from_json(&robot.permissions, GrantKind::Robot, &name);
        add_pull_for_push(&mut grants);
        Access { principal: Principal::Robot { id: robot.id.number(), name }, grants, ceiling: None }
    }

    /// A robot's name as callers see it: `robot$team+ci`.
    pub fn robot_name(&self, robot: &RobotRecord) -> String {
        format!("{}{}", self.running().robot_prefix, robot.name)
    }
}

/// What an access token narrows its user to: [`Access::ceiling`]. Each narrows something: whoever found one must not make
/// another that outlives it.
pub(crate) fn ceiling_of(token: &AccessTokenRecord) -> Vec<Grant> {
    let origin: Arc<str> = format!("access token {}", token.name).into();
    let Some(json) = token.permissions.as_deref() else {
        let all = PermissionSet::ALL.without(Permission::ACCESS_TOKEN_CREATE);
        let everywhere = [GrantScope::System, GrantScope::AllProjects];
        return everywhere.map(|scope| Grant::new(scope, GrantKind::Robot, all, Arc::clone(&origin))).into();
    };
    let mut grants = stored_grants::from_json(json, GrantKind::Robot, &origin);
    add_pull_for_push(&mut grants);
    grants
}

/// What is kept is what somebody wrote; it is read as Harbor reads it.
fn add_pull_for_push(grants: &mut [Grant]) {
    for grant in grants {
        grant.permissions = grant.permissions.with_pull_for_push();
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
