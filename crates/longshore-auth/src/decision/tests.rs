use longshore_types::Timestamp;

use super::*;
use crate::{BuiltInRole, GrantKind, Principal};

fn project(text: &str) -> ProjectName {
    text.parse().unwrap()
}

fn repository(text: &str) -> RepositoryName {
    text.parse().unwrap()
}

fn ann(system_role: SystemRole) -> Principal {
    Principal::User { id: 1, name: "ann".into(), system_role }
}

fn access(grants: Vec<Grant>) -> Access {
    Access { principal: ann(SystemRole::None), grants, ceiling: None }
}

fn member(of: &str, role: BuiltInRole) -> Grant {
    let origin = format!("member of {of} as {}", role.name());
    Grant::new(GrantScope::Project(project(of)), GrantKind::Role, role.permissions(), origin)
}

/// Whether `access` may do it to a private repository, and why.
fn why(access: &Access, of: &str, name: &str, permission: Permission) -> (bool, String) {
    let (of, name) = (project(of), repository(name));
    let circumstances = Circumstances::at(Timestamp::from_unix_millis(0));
    let decision = decide(access, &Target::repository(&of, false, &name), permission, &circumstances);
    (decision.allowed, decision.because.to_string())
}

fn check(access: &Access, of: &str, name: &str, permission: Permission, allowed: bool) {
    let (got, because) = why(access, of, name, permission);
    assert_eq!(got, allowed, "{permission} on {name} in {of}: {because}");
}

#[test]
fn roles_reach_into_nested_projects_until_a_nearer_one_decides() {
    let member_of_both =
        access(vec![member("team", BuiltInRole::ProjectAdmin), member("team/sub", BuiltInRole::Guest)]);
    check(&member_of_both, "team", "team/app", Permission::REPOSITORY_PUSH, true);
    check(&member_of_both, "team/other", "team/other/app", Permission::REPOSITORY_PUSH, true);
    check(&member_of_both, "team/sub", "team/sub/app", Permission::REPOSITORY_PULL, true);
    check(&member_of_both, "team/sub", "team/sub/app", Permission::REPOSITORY_PUSH, false);
    check(&member_of_both, "team/sub/deep", "team/sub/deep/app", Permission::REPOSITORY_PUSH, false);
    check(&member_of_both, "teams", "teams/app", Permission::REPOSITORY_PULL, false);
    let (_, because) = why(&member_of_both, "team/sub", "team/sub/app", Permission::REPOSITORY_PUSH);
    assert_eq!(because, "the nearest role does not allow it: member of team/sub as guest (project team/sub)");
}
