//! Permissions in Harbor's forms: those of robots, and lists of resources and actions.

use longshore_accounts::ScopedPermissions;
use longshore_auth::{GrantScope, Level, Permission, PermissionSet};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::problem::ApiProblem;

/// Permissions somewhere, as callers give them.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GivenPermissions {
    /// `project` or `system`.
    kind: String,
    /// A project's name, `*` for every project, or `/` for the system.
    #[serde(default)]
    namespace: String,
    #[serde(default)]
    access: Vec<GivenAccess>,
}

/// A permission, as callers give it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GivenAccess {
    /// What it is about; `*` for everything.
    resource: String,
    /// What it allows to do; `*` for everything.
    action: String,
    /// `allow` or nothing.
    #[serde(default)]
    effect: String,
}

/// Permissions somewhere.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ShownPermissions {
    /// `project` or `system`.
    kind: &'static str,
    /// A project's name, `*` for every project, or `/` for the system.
    namespace: String,
    access: Vec<ShownAccess>,
}

/// A permission of a robot.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ShownAccess {
    resource: &'static str,
    action: &'static str,
    /// `allow`.
    effect: &'static str,
}

/// A permission.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct PermissionWords {
    /// What it is about.
    pub(crate) resource: String,
    /// What it allows to do.
    pub(crate) action: &'static str,
}

impl GivenPermissions {
    /// Where, and for `*` in words what is possible there: of `possible`, or of everything.
    pub(crate) fn read(
        &self,
        possible: Option<fn(Level) -> PermissionSet>,
    ) -> Result<ScopedPermissions, ApiProblem> {
        let (scope, level) = match (self.kind.as_str(), self.namespace.as_str()) {
            ("system", "/" | "") => (GrantScope::System, Level::System),
            ("project", "*") => (GrantScope::AllProjects, Level::Project),
            ("project", name) => {
                let name = name.parse().map_err(|error| bad(format!("namespace {name:?}: {error}")))?;
                (GrantScope::Project(name), Level::Project)
            }
            ("system", other) => {
                return Err(bad(format!("namespace of kind system must be /, not {other:?}")));
            }
            (other, _) => return Err(bad(format!("kind must be project or system, not {other:?}"))),
        };
        let possible = possible.map_or(PermissionSet::ALL, |possible| possible(level));
        Ok(ScopedPermissions { scope, permissions: read_access(&self.access, possible)? })
    }

    /// The project that it names.
    pub(crate) fn namespace(&self) -> &str {
        &self.namespace
    }
}

/// What a list of permissions stands for. `*` stands for what is in `possible`.
pub(crate) fn read_access(
    access: &[GivenAccess],
    possible: PermissionSet,
) -> Result<PermissionSet, ApiProblem> {
    let mut set = PermissionSet::EMPTY;
    for GivenAccess { resource, action, effect } in access {
        if !matches!(effect.as_str(), "" | "allow") {
            return Err(bad(format!("effect must be allow, not {effect:?}")));
        }
        // What the older API writes: /project/1/repository.
        let resource = resource.rsplit('/').next().unwrap_or(resource);
        let mut meant = PermissionSet::matching(resource, action);
        if resource == "*" || action == "*" {
            meant = meant.intersection(possible);
        }
        if meant.is_empty() {
            return Err(bad(format!("there is no permission {resource}:{action}")));
        }
        set = set.union(meant);
    }
    Ok(set)
}

fn bad(message: String) -> ApiProblem {
    ApiProblem::bad_request(format!("permissions: {message}"))
}

impl From<&ScopedPermissions> for ShownPermissions {
    fn from(given: &ScopedPermissions) -> Self {
        let (kind, namespace) = match &given.scope {
            GrantScope::System => ("system", "/".to_owned()),
            GrantScope::AllProjects => ("project", "*".to_owned()),
            GrantScope::Project(name) => ("project", name.to_string()),
        };
        let shown = |permission: Permission| ShownAccess {
            resource: permission.resource().as_str(),
            action: permission.verb().as_str(),
            effect: "allow",
        };
        Self { kind, namespace, access: given.permissions.iter().map(shown).collect() }
    }
}

impl From<Permission> for PermissionWords {
    fn from(permission: Permission) -> Self {
        Self { resource: permission.resource().as_str().to_owned(), action: permission.verb().as_str() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(json: &str) -> GivenPermissions {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn permissions_are_read() {
        let check = |json: &str, scope: GrantScope, wanted: &[Permission]| {
            let read = given(json).read(Some(PermissionSet::of_robots)).unwrap();
            assert_eq!((read.scope, read.permissions), (scope, PermissionSet::of(wanted)), "{json}");
        };
        let team = || GrantScope::Project("team/sub".parse().unwrap());
        check(
            r#"{"kind":"project","namespace":"team/sub","access":[{"resource":"repository","action":"push"},
                {"resource":"/project/1/tag","action":"list","effect":"allow"}]}"#,
            team(),
            &[Permission::REPOSITORY_PUSH, Permission::TAG_LIST],
        );
        check(
            r#"{"kind":"project","namespace":"*","access":[{"resource":"repository","action":"pull"}]}"#,
            GrantScope::AllProjects,
            &[Permission::REPOSITORY_PULL],
        );
        check(r#"{"kind":"system","namespace":"/"}"#, GrantScope::System, &[]);
        let everything =
            given(r#"{"kind":"project","namespace":"team","access":[{"resource":"*","action":"*"}]}"#);
        let read = everything.read(Some(PermissionSet::of_robots)).unwrap();
        assert_eq!(read.permissions, PermissionSet::of_robots(Level::Project));
        assert_eq!(everything.read(None).unwrap().permissions, PermissionSet::ALL);
    }

    #[test]
    fn what_means_nothing_is_refused() {
        for bad in [
            r#"{"kind":"system","namespace":"team"}"#,
            r#"{"kind":"cluster","namespace":"/"}"#,
            r#"{"kind":"project","namespace":"/"}"#,
            r#"{"kind":"project","namespace":""}"#,
            r#"{"kind":"project","namespace":"t","access":[{"resource":"dream","action":"pull"}]}"#,
            r#"{"kind":"project","namespace":"t","access":[{"resource":"repository","action":"dream"}]}"#,
            r#"{"kind":"project","namespace":"t","access":[{"resource":"tag","action":"list","effect":"deny"}]}"#,
        ] {
            assert!(given(bad).read(None).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_was_read_is_shown_alike() {
        let json = r#"{"kind":"project","namespace":"t","access":[{"resource":"tag","action":"list","effect":"allow"}]}"#;
        let shown = ShownPermissions::from(&given(json).read(None).unwrap());
        assert_eq!(serde_json::to_string(&shown).unwrap(), json);
    }
}
