//! May this principal do this to that? A pure function, and why it said so.
//!
//! In this order: what is public is allowed to everybody. A system role allows what it does. Then the grants: of the
//! roles those nearest to the project decide, walking from the project up through its parents to those that hold in every
//! project (and those of project admins further out); rights to repositories and permissions of robots add to them. Rights to
//! repositories of a project let that be read, if they have `project:read`. What an access token leaves of all this is allowed.

use std::{collections::BTreeSet, fmt};

use longshore_types::{ProjectName, RepositoryName, Timestamp};

use crate::{
    Access, Action, BuiltInRole, Circumstances, Grant, GrantScope, Permission, RoleId, SystemRole,
    condition::Conditions, role::PUBLIC_PROJECT,
};

/// A project, as far as decisions ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProjectView<'a> {
    /// Its name.
    pub name: &'a ProjectName,
    /// Whether everybody may read it: the nearest setting on the way from it to the top level.
    pub public: bool,
}

/// What a request is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target<'a> {
    /// The project, or `None` for what lies outside of projects.
    pub project: Option<ProjectView<'a>>,
    /// The repository in that project, or `None` for the project itself.
    pub repository: Option<&'a RepositoryName>,
}

impl<'a> Target<'a> {
    /// What lies outside of projects.
    pub const SYSTEM: Target<'static> = Target { project: None, repository: None };

    /// A project itself.
    pub fn project(name: &'a ProjectName, public: bool) -> Self {
        Self { project: Some(ProjectView { name, public }), repository: None }
    }

    /// A repository of that project.
    pub fn repository(project: &'a ProjectName, public: bool, repository: &'a RepositoryName) -> Self {
        Self { project: Some(ProjectView { name: project, public }), repository: Some(repository) }
    }

    /// Whether the repository, if there is one, lies in the project.
    fn is_consistent(&self) -> bool {
        match (&self.project, self.repository) {
            (_, None) => true,
            (Some(project), Some(repository)) => project.name.contains(repository),
            (None, Some(_)) => false,
        }
    }
}

/// What is asked: all that a decision depends on.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// Who asks, and what they were given.
    pub access: &'a Access,
    /// What for.
    pub target: Target<'a>,
    /// To do what.
    pub permission: Permission,
    /// How things stand.
    pub circumstances: &'a Circumstances,
}

/// Yes or no, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision<'a> {
    /// Whether it may be done.
    pub allowed: bool,
    /// What decided. It tells of grants that nobody but its holder and administrators may see: for audit records and
    /// simulations, never for an answer to somebody refused.
    pub because: Because<'a>,
}

/// What decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Because<'a> {
    /// Allowed: everybody may do this in a public project.
    Public,
    /// Allowed by what the principal is beyond projects.
    System(SystemRole),
    /// Allowed by this grant.
    Granted(&'a Grant),
    /// Refused: nothing allows it.
    NotGranted,
    /// Refused: these roles are the nearest to the project, and none of them allows it. Roles further up don't count.
    RoleLacks(Vec<&'a Grant>),
    /// Refused: this grant would allow it, but its condition does not hold.
    Condition(&'a Grant),
    /// Refused: the principal may do it, but the access token that they came with may not.
    Ceiling,
    /// Refused: the repository is not in the project, which is a mistake of whoever asks.
    Inconsistent,
}

impl fmt::Display for Because<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Public => f.write_str("everybody may do this in a public project"),
            Self::System(SystemRole::Admin) => f.write_str("system administrator"),
            Self::System(SystemRole::Auditor) => f.write_str("auditor"),
            Self::System(SystemRole::None) => f.write_str("no system role"),
            Self::Granted(grant) => write!(f, "{} ({})", grant.origin, grant.scope),
            Self::NotGranted => f.write_str("nothing grants it"),
            Self::RoleLacks(grants) => {
                f.write_str("the nearest role does not allow it:")?;
                for (i, grant) in grants.iter().enumerate() {
                    write!(f, "{} {} ({})", if i == 0 { "" } else { "," }, grant.origin, grant.scope)?;
                }
                Ok(())
            }
            Self::Condition(grant) => write!(
                f,
                "{} ({}) would allow it, but its condition {} does not hold",
                grant.origin,
                grant.scope,
                grant.condition.as_ref().map_or("", |condition| condition.name())
            ),
            Self::Ceiling => f.write_str("the access token does not allow it"),
            Self::Inconsistent => f.write_str("the repository is not in the project"),
        }
    }
}

impl<'a> Decision<'a> {
    fn allowed(because: Because<'a>) -> Self {
        Self { allowed: true, because }
    }

    fn refused(because: Because<'a>) -> Self {
        Self { allowed: false, because }
    }
}

/// Decides.
pub fn decide<'a>(
    access: &'a Access,
    target: &Target<'a>,
    permission: Permission,
    circumstances: &'a Circumstances,
) -> Decision<'a> {
    decide_taking(&Question { access, target: *target, permission, circumstances }, Conditions::Asked)
}

/// Decides about an action of the distribution API: all of its permissions are needed.
pub fn decide_action<'a>(
    access: &'a Access,
    target: &Target<'a>,
    action: Action,
    circumstances: &'a Circumstances,
) -> Decision<'a> {
    let mut last = Decision::refused(Because::NotGranted);
    for permission in action.permissions().iter() {
        last = decide(access, target, permission, circumstances);
        if !last.allowed {
            break;
        }
    }
    last
}

/// How far a principal's rights go, whatever the circumstances.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// It is never allowed.
    Never,
    /// It is allowed where a condition holds.
    OnCondition,
    /// It is allowed, whether conditions hold or not.
    Always,
}

/// What [`decide`] may say as the circumstances change.
pub fn reach(access: &Access, target: &Target<'_>, permission: Permission) -> Reach {
    // Nothing but conditions looks at them.
    let circumstances = Circumstances::at(Timestamp::from_unix_millis(0));
    let question = Question { access, target: *target, permission, circumstances: &circumstances };
    let allowed = |conditions| decide_taking(&question, conditions).allowed;
    // In this order few are asked twice.
    match allowed(Conditions::Met) {
        false => Reach::Never,
        true if allowed(Conditions::Unmet) => Reach::Always,
        true => Reach::OnCondition,
    }
}

/// What [`decide_action`] may say as the circumstances change.
pub fn reach_of_action(access: &Access, target: &Target<'_>, action: Action) -> Reach {
    let each = action.permissions().iter().map(|permission| reach(access, target, permission));
    each.min().unwrap_or(Reach::Never)
}

fn decide_taking<'a>(question: &Question<'a>, conditions: Conditions) -> Decision<'a> {
    if !question.target.is_consistent() {
        return Decision::refused(Because::Inconsistent);
    }
    // First of all, and whatever an access token says: leaving out the token would allow it too.
    if question.target.project.is_some_and(|project| project.public)
        && PUBLIC_PROJECT.contains(question.permission)
    {
        return Decision::allowed(Because::Public);
    }
    let decision = decide_without_ceiling(question, conditions);
    match &question.access.ceiling {
        Some(ceiling) if decision.allowed => {
            if ceiling.iter().any(|grant| grant.allows(question, conditions)) {
                decision
            } else {
                Decision::refused(Because::Ceiling)
            }
        }
        _ => decision,
    }
}

fn decide_without_ceiling<'a>(question: &Question<'a>, conditions: Conditions) -> Decision<'a> {
    let system_role = question.access.principal.system_role();
    if system_role.allows(question.permission) {
        return Decision::allowed(Because::System(system_role));
    }
    let roles = nearest_roles(question.access, question.target.project.map(|project| project.name));
    let adding = question.access.grants.iter().filter(|grant| !grant.is_role());
    let mut unmet = None;
    for grant in roles.iter().copied().chain(adding) {
        if !grant.would_allow(question) {
            continue;
        }
        if grant.condition_holds(question, conditions) {
            return Decision::allowed(Because::Granted(grant));
        }
        unmet = unmet.or(Some(grant));
    }
    Decision::refused(match unmet {
        Some(grant) => Because::Condition(grant),
        None if roles.is_empty() => Because::NotGranted,
        None => Because::RoleLacks(roles),
    })
}

/// The roles that count: those of the first level that has any, be it on a condition that does not hold. Were such a
/// level passed over, who is restricted near the project would get wider rights from further away. Project admins stay
/// that in all that lies within: else who looks after an inner project could shut those of the outer one out.
fn nearest_roles<'a>(access: &'a Access, project: Option<&ProjectName>) -> Vec<&'a Grant> {
    let at = |scope: &GrantScope| -> Vec<&'a Grant> {
        access.grants.iter().filter(|grant| grant.is_role() && grant.scope == *scope).collect()
    };
    let Some(project) = project else { return at(&GrantScope::System) };
    let levels = project.ancestors().map(GrantScope::Project).chain([GrantScope::AllProjects]);
    let mut counting: Vec<&Grant> = Vec::new();
    for roles in levels.map(|scope| at(&scope)) {
        let nearest_seen = !counting.is_empty();
        counting.extend(roles.into_iter().filter(|grant| !nearest_seen || grant.is_of_project_admin()));
    }
    counting
}

impl Access {
    /// The roles that count in a project, whether their conditions hold or not.
    pub fn roles_in(&self, project: &ProjectName) -> BTreeSet<RoleId> {
        nearest_roles(self, Some(project)).into_iter().filter_map(|grant| grant.role).collect()
    }
}

impl Grant {
    /// Whether it allows what is asked, were there no other grants.
    fn allows(&self, question: &Question<'_>, conditions: Conditions) -> bool {
        self.would_allow(question) && self.condition_holds(question, conditions)
    }

    /// The same, but for its condition.
    pub fn would_allow(&self, question: &Question<'_>) -> bool {
        self.permissions.contains(question.permission)
            && self.scope.covers(question.target.project.map(|project| project.name))
            && self.repositories.as_ref().is_none_or(|pattern| match question.target.repository {
                Some(name) => self.scope.repository_within(name).is_some_and(|name| pattern.matches(name)),
                None => {
                    question.permission == Permission::PROJECT_READ && self.is_of(question.target.project)
                }
            })
    }

    /// Whether it was given in this very project, not in one around it.
    fn is_of(&self, project: Option<ProjectView<'_>>) -> bool {
        matches!((&self.scope, project), (GrantScope::Project(own), Some(project)) if own == project.name)
    }

    /// Whether it has all that a project admin has.
    fn is_of_project_admin(&self) -> bool {
        BuiltInRole::ProjectAdmin.permissions().is_subset(&self.permissions)
    }

    fn condition_holds(&self, question: &Question<'_>, conditions: Conditions) -> bool {
        self.condition.as_deref().is_none_or(|condition| conditions.hold(condition, question))
    }
}

#[cfg(test)]
mod tests;
