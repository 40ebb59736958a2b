//! What the record tells of: the one table of operations. Whoever records something that is not in it is stopped by tests.

/// A kind of row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditOperation {
    /// What was done, in Harbor's words where it has them: `create_artifact`.
    pub name: &'static str,
    /// To what kinds of things.
    pub resource_types: &'static [&'static str],
    /// In a few words, for people.
    pub about: &'static str,
}

impl AuditOperation {
    /// The operation of that name.
    pub fn find(name: &str) -> Option<&'static Self> {
        AUDIT_OPERATIONS.iter().find(|known| known.name == name)
    }
}

const fn row(
    name: &'static str,
    resource_types: &'static [&'static str],
    about: &'static str,
) -> AuditOperation {
    AuditOperation { name, resource_types, about }
}

/// Every operation that is recorded.
pub const AUDIT_OPERATIONS: &[AuditOperation] = &[
    row("login_user", &["user", "robot"], "a login, or a refused one"),
    row("logout_user", &["user"], "the end of a session on the pages"),
    row("create_artifact", &["artifact"], "a push of a manifest"),
    row("pull_artifact", &["artifact"], "a pull of a manifest"),
    row("delete_artifact", &["artifact"], "a manifest deleted with its tags"),
    row("restore_artifact", &["artifact"], "a deleted manifest brought back"),
    row("purge_artifact", &["artifact"], "a manifest that collection took for good"),
    row("list_artifact", &["artifact"], "referrers listed; only refusals"),
    row("create_tag", &["tag"], "a further tag pushed with a manifest, or put on one"),
    row("delete_tag", &["tag"], "a tag deleted alone"),
    row("restore_tag", &["tag"], "a deleted tag brought back, or a tag pointed back to what it was"),
    row("list_tag", &["tag"], "tags listed; only refusals"),
    row("create_blob", &["blob"], "an upload; only refusals, also for want of room"),
    row("pull_blob", &["blob"], "a pull of a blob; only refusals"),
    row(
        "mount_blob",
        &["blob"],
        "a mount from a repository that may not be pulled from; the push went on without",
    ),
    row("delete_blob", &["blob"], "a blob taken out of a repository"),
    row("delete_repository", &["repository"], "all that a repository held deleted"),
    row("list_repository", &["repository"], "the catalog; only refusals"),
    row("create_token", &["token"], "the token service granted nothing of a scope; only refusals"),
    row("call_api", &["api"], "a request of the management API; only refusals"),
    row("refuse_request", &["request"], "how many more refusals there were"),
    row("create_project", &["project"], "a project made, also by a push"),
    row("update_project", &["project"], "settings of a project changed"),
    row("delete_project", &["project"], "a project removed"),
    row("create_project_member", &["project_member"], "a role given in a project"),
    row("update_project_member", &["project_member"], "a role in a project changed"),
    row("delete_project_member", &["project_member"], "a role in a project taken"),
    row("create_user", &["user"], "a user made, also by the first login through a source"),
    row("update_user", &["user"], "a user changed, also by a source: password, standing, name, groups"),
    row("delete_user", &["user"], "a user removed"),
    row("create_user_group", &["user_group"], "a group made"),
    row("update_user_group", &["user_group"], "a group called otherwise"),
    row("delete_user_group", &["user_group"], "a group removed"),
    row("create_robot", &["robot"], "a robot made"),
    row("update_robot", &["robot"], "a robot changed, or given another secret"),
    row("delete_robot", &["robot"], "a robot removed"),
    row("create_access_token", &["access_token"], "a personal access token made"),
    row("delete_access_token", &["access_token"], "a personal access token revoked"),
    row("create_trust_rule", &["trust_rule"], "a trust rule made"),
    row("update_trust_rule", &["trust_rule"], "a trust rule changed"),
    row("delete_trust_rule", &["trust_rule"], "a trust rule removed"),
    row("create_role", &["role"], "a custom role made"),
    row("update_role", &["role"], "a custom role changed"),
    row("delete_role", &["role"], "a custom role removed"),
    row("create_access_policy", &["access_policy"], "a policy made that roles may depend on"),
    row("update_access_policy", &["access_policy"], "a policy that roles may depend on changed"),
    row("delete_access_policy", &["access_policy"], "a policy that roles may depend on removed"),
    row("create_label", &["label"], "a label made"),
    row("update_label", &["label"], "a label changed"),
    row("delete_label", &["label"], "a label removed"),
    row("create_artifact_label", &["artifact"], "a label put on an artifact"),
    row("delete_artifact_label", &["artifact"], "a label taken off an artifact"),
    row("create_signing_key", &["signing_key"], "a key made that signs tokens"),
    row("delete_signing_key", &["signing_key"], "a key that signs tokens forgotten"),
    row("start_collection", &["collection"], "collection asked for at once"),
    row("update_job", &["job"], "a job of the background told to run at once"),
    row("delete_job", &["job"], "a job of the background removed without being done"),
    row("update_quota", &["quota"], "the limit of a project changed"),
    row("update_configuration", &["configuration"], "a setting changed at run time"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_stand_once() {
        let mut seen = std::collections::BTreeSet::new();
        assert!(AUDIT_OPERATIONS.iter().all(|known| seen.insert(known.name)));
    }

    #[test]
    fn operators_are_told_of_each() {
        let page = include_str!("../../../../docs/audit.md");
        for AuditOperation { name, about, .. } in AUDIT_OPERATIONS {
            let row = format!("| `{name}` | {about} |\n");
            assert!(page.contains(&row), "docs/audit.md lacks this row: {row}");
        }
    }
}
