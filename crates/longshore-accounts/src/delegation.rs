//! Nobody gives away what they do not have.

use longshore_auth::{
    Access, BuiltInRole, Grant, GrantScope, Permission, PermissionSet, Reach, Target, reach,
};
use longshore_types::ProjectName;

use crate::{Accounts, Act, ManageError};

impl Accounts {
    /// What the caller lacks of these permissions there. What a project's being public gives does not count: it may end
    /// any day, and what was given would stay. For the same reason nothing counts that they have on a condition. Nor does
    /// what they have for some repositories, which is less than what is given.
    pub(crate) fn lacking(&self, act: &Act, scope: &GrantScope, permissions: PermissionSet) -> PermissionSet {
        let whole = act.access.of_whole_projects();
        let may = |target: &Target<'_>, permission| reach(&whole, target, permission) == Reach::Always;
        let lacks = |permission: &Permission| match scope {
            GrantScope::System => !may(&Target::SYSTEM, *permission),
            GrantScope::AllProjects => !has_in_all_projects(&act.access, *permission),
            GrantScope::Project(name) => places_within(&act.access, name)
                .iter()
                .any(|place| !may(&Target::project(place, false), *permission)),
        };
        permissions.iter().filter(lacks).collect()
    }

    /// Refuses to let the caller give away more than they have.
    pub(crate) fn check_may_give(
        &self,
        act: &Act,
        scope: &GrantScope,
        permissions: PermissionSet,
    ) -> Result<(), ManageError> {
        let lacking = self.lacking(act, scope, permissions);
        if lacking.is_empty() {
            return Ok(());
        }
        let words: Vec<_> = lacking.iter().take(5).map(|permission| permission.to_string()).collect();
        let more = if lacking.len() > words.len() { ", …" } else { "" };
        let words = words.join(", ");
        Err(ManageError::Forbidden(format!("you do not have this in {scope} yourself: {words}{more}")))
    }

    /// Refuses to let the caller give or take a role in a project that permits more than they have. Who has all that a
    /// project admin has may give any role there.
    pub(crate) fn check_may_give_role(
        &self,
        act: &Act,
        project: &ProjectName,
        permissions: PermissionSet,
    ) -> Result<(), ManageError> {
        let scope = GrantScope::Project(project.clone());
        if self.lacking(act, &scope, BuiltInRole::ProjectAdmin.permissions()).is_empty() {
            return Ok(());
        }
        self.check_may_give(act, &scope, permissions)
    }
}

/// The project and those in it where the caller has a role of their own, which is what counts there.
fn places_within(access: &Access, project: &ProjectName) -> Vec<ProjectName> {
    let own = access.grants.iter().filter(|grant| grant.is_role()).filter_map(|grant| match &grant.scope {
        GrantScope::Project(name) if project.covers(name) && name != project => Some(name.clone()),
        _ => None,
    });
    std::iter::once(project.clone()).chain(own).collect()
}

/// Whether the caller has the permission in every project, whatever projects there will be.
pub(crate) fn has_in_all_projects(access: &Access, permission: Permission) -> bool {
    let everywhere = |grant: &Grant| {
        grant.scope == GrantScope::AllProjects
            && grant.repositories.is_none()
            && grant.condition.is_none()
            && grant.permissions.contains(permission)
    };
    let given = access.principal.system_role().allows(permission) || access.grants.iter().any(everywhere);
    given && access.ceiling.as_ref().is_none_or(|ceiling| ceiling.iter().any(everywhere))
}
