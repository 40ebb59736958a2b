//! Permissions as rows keep them: those of robots, and what an access token narrows its user to. JSON, a list of
//! `{"scope":"team","repositories":"app/**","permissions":["repository:pull"]}`; the scope is a project's name, `*` for
//! every project or `/` for the system.

use std::sync::Arc;

use longshore_auth::{Grant, GrantKind, GrantScope, PermissionSet, RepositoryPattern};
use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(Serialize, Deserialize)]
struct StoredGrant {
    scope: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    repositories: Option<String>,
    permissions: PermissionSet,
}

/// For a row. Kinds, origins and conditions are not kept: the row itself says where its grants come from.
pub(crate) fn to_json(grants: &[Grant]) -> String {
    let stored = |grant: &Grant| StoredGrant {
        scope: match &grant.scope {
            GrantScope::System => "/".to_owned(),
            GrantScope::AllProjects => "*".to_owned(),
            GrantScope::Project(name) => name.to_string(),
        },
        repositories: grant.repositories.as_ref().map(ToString::to_string),
        permissions: grant.permissions,
    };
    let stored: Vec<_> = grants.iter().map(stored).collect();
    serde_json::to_string(&stored).expect("texts and lists of texts are JSON")
}

/// From a row. What is not understood grants nothing: a scope, a pattern or a permission of a newer version, damage.
pub(crate) fn from_json(json: &str, kind: GrantKind, origin: &Arc<str>) -> Vec<Grant> {
    let entries = serde_json::from_str::<Vec<Value>>(json).unwrap_or_else(|error| {
        tracing::error!(origin = origin.as_ref(), %error, "permissions that are not understood grant nothing");
        Vec::new()
    });
    entries.into_iter().filter_map(|entry| grant(entry, kind, origin)).collect()
}

fn grant(entry: Value, kind: GrantKind, origin: &Arc<str>) -> Option<Grant> {
    let stored: StoredGrant = serde_json::from_value(entry)
        .inspect_err(|error| {
            tracing::error!(origin = origin.as_ref(), %error, "a permission that is not understood grants nothing");
        })
        .ok()?;
    let scope = match stored.scope.as_str() {
        "/" => GrantScope::System,
        "*" => GrantScope::AllProjects,
        name => GrantScope::Project(name.parse().ok()?),
    };
    let grant = Grant::new(scope, kind, stored.permissions, origin.clone());
    match stored.repositories {
        None => Some(grant),
        Some(pattern) => Some(grant.limited_to(pattern.parse::<RepositoryPattern>().ok()?)),
    }
}

#[cfg(test)]
mod tests {
    use longshore_auth::Permission;

    use super::*;

    #[test]
    fn grants_are_kept() {
        let grant = |scope| {
            let permissions = PermissionSet::of(&[Permission::REPOSITORY_PULL, Permission::TAG_LIST]);
            Grant::new(scope, GrantKind::Robot, permissions, "robot$ci")
        };
        let grants = [
            grant(GrantScope::System),
            grant(GrantScope::AllProjects),
            grant(GrantScope::Project("team/sub".parse().unwrap())).limited_to("app/**".parse().unwrap()),
        ];
        let json = to_json(&grants);
        assert!(json.contains(r#"{"scope":"team/sub","repositories":"app/**","permissions":["#), "{json}");
        assert_eq!(from_json(&json, GrantKind::Robot, &"robot$ci".into()), grants);
    }

    #[test]
    fn what_is_not_understood_grants_nothing() {
        let check = |json: &str, count: usize| {
            assert_eq!(from_json(json, GrantKind::Robot, &"test".into()).len(), count, "{json}");
        };
        let good = r#"{"scope":"*","permissions":["repository:pull"]}"#;
        check(&format!("[{good}]"), 1);
        check(&format!(r#"[{good},{{"scope":"*","permissions":["repository:dream"]}}]"#), 1);
        check(&format!(r#"[{good},{{"scope":"No Name","permissions":[]}}]"#), 1);
        check(&format!(r#"[{good},7]"#), 1);
        for broken in ["", "{}", "null", "["] {
            check(broken, 0);
        }
    }
}
