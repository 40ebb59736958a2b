use std::sync::Arc;

use longshore_types::Timestamp;

use super::*;
use crate::{BuiltInRole, Condition, GrantKind, Principal};

/// Holds for requests from 10.0.0.1.
#[derive(Debug)]
struct AtTheOffice;

impl Condition for AtTheOffice {
    fn name(&self) -> &str {
        "office"
    }

    fn holds(&self, question: &Question<'_>) -> bool {
        question.circumstances.address == Some([10, 0, 0, 1].into())
    }
}

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
        access(vec![member("team", BuiltInRole::Maintainer), member("team/sub", BuiltInRole::Guest)]);
    check(&member_of_both, "team", "team/app", Permission::REPOSITORY_PUSH, true);
    check(&member_of_both, "team/other", "team/other/app", Permission::REPOSITORY_PUSH, true);
    check(&member_of_both, "team/sub", "team/sub/app", Permission::REPOSITORY_PULL, true);
    check(&member_of_both, "team/sub", "team/sub/app", Permission::REPOSITORY_PUSH, false);
    check(&member_of_both, "team/sub/deep", "team/sub/deep/app", Permission::REPOSITORY_PUSH, false);
    check(&member_of_both, "teams", "teams/app", Permission::REPOSITORY_PULL, false);
    let (_, because) = why(&member_of_both, "team/sub", "team/sub/app", Permission::REPOSITORY_PUSH);
    assert_eq!(because, "the nearest role does not allow it: member of team/sub as guest (project team/sub)");
}

#[test]
fn project_admins_cannot_be_shut_out_of_what_lies_within() {
    let restricted = access(vec![
        member("team", BuiltInRole::ProjectAdmin),
        member("team/sub", BuiltInRole::LimitedGuest),
    ]);
    check(&restricted, "team/sub", "team/sub/app", Permission::REPOSITORY_PUSH, true);
    check(&restricted, "team/sub/deep", "team/sub/deep/app", Permission::ARTIFACT_DELETE, true);
    let within = access(vec![member("team/sub", BuiltInRole::ProjectAdmin)]);
    check(&within, "team", "team/app", Permission::REPOSITORY_PULL, false);
}

#[test]
fn rights_to_repositories_add_to_any_role() {
    let mut grants = vec![member("team/sub", BuiltInRole::LimitedGuest)];
    let push = Action::Push.permissions();
    let grant = Grant::new(GrantScope::Project(project("team")), GrantKind::Repository, push, "pusher");
    grants.push(grant.limited_to("sub/app-*".parse().unwrap()));
    let access = access(grants);
    check(&access, "team/sub", "team/sub/app-x", Permission::REPOSITORY_PUSH, true);
    check(&access, "team/sub", "team/sub/tool", Permission::REPOSITORY_PUSH, false);
    check(&access, "team/sub", "team/sub/app-x/y", Permission::REPOSITORY_PUSH, false);
    check(&access, "team", "team/app-x", Permission::REPOSITORY_PULL, false);

    let (team, now) = (project("team/sub"), Circumstances::at(Timestamp::from_unix_millis(0)));
    let push_anywhere = decide(&access, &Target::project(&team, false), Permission::REPOSITORY_PUSH, &now);
    assert!(!push_anywhere.allowed, "a right to repositories says nothing of the project");
}

#[test]
fn rights_to_repositories_show_their_project_alone() {
    let limited = |mut grant: Grant| {
        grant.kind = GrantKind::Repository;
        grant.limited_to("{app,sub/app}".parse().unwrap())
    };
    let check = |access: &Access, of: &str, permission: Permission, allowed: bool| {
        let (of, now) = (project(of), Circumstances::at(Timestamp::from_unix_millis(0)));
        let decision = decide(access, &Target::project(&of, false), permission, &now);
        assert_eq!(decision.allowed, allowed, "{permission} in {of}: {}", decision.because);
    };
    let some = access(vec![limited(member("team", BuiltInRole::ProjectAdmin))]);
    check(&some, "team", Permission::PROJECT_READ, true);
    check(&some, "team/sub", Permission::PROJECT_READ, false);
    check(&some, "other", Permission::PROJECT_READ, false);
    for other in [Permission::REPOSITORY_LIST, Permission::PROJECT_UPDATE, Permission::MEMBER_LIST] {
        check(&some, "team", other, false);
    }
    check(&some.of_whole_projects(), "team", Permission::PROJECT_READ, false);
    let mut at_the_office = limited(member("team", BuiltInRole::Guest));
    at_the_office.condition = Some(Arc::new(AtTheOffice));
    check(&access(vec![at_the_office]), "team", Permission::PROJECT_READ, false);
    let count = |of: &str, permission| some.limited_within(&project(of), permission).count();
    assert_eq!(count("team/sub", Permission::REPOSITORY_LIST), 1);
    assert_eq!((count("teams", Permission::REPOSITORY_LIST), count("team", Permission::USER_LIST)), (0, 0));
}

#[test]
fn the_roles_that_count_are_told() {
    let role = |of: &str, role: BuiltInRole| member(of, role).known_as(role.id());
    let check = |access: &Access, of: &str, wanted: &[i64]| {
        let told: Vec<_> = access.roles_in(&project(of)).into_iter().map(|role| role.0).collect();
        assert_eq!(told, wanted, "{of}");
    };
    let guest = role("team", BuiltInRole::Guest).limited_to("app".parse().unwrap());
    let nested = access(vec![
        role("team", BuiltInRole::Maintainer),
        role("team", BuiltInRole::Developer),
        role("team/sub", BuiltInRole::LimitedGuest),
        guest,
    ]);
    check(&nested, "team", &[2, 4]);
    check(&nested, "team/other/x", &[2, 4]);
    check(&nested, "team/sub/x", &[5]);
    check(&nested, "teams", &[]);
    let admin = access(vec![role("team", BuiltInRole::ProjectAdmin), role("team/sub", BuiltInRole::Guest)]);
    check(&admin, "team/sub", &[1, 3]);
}

#[test]
fn a_role_whose_condition_fails_opens_no_other() {
    let mut restricted = member("team/sub", BuiltInRole::Guest);
    restricted.condition = Some(Arc::new(AtTheOffice));
    let access = access(vec![member("team", BuiltInRole::Maintainer), restricted]);
    check(&access, "team/sub", "team/sub/app", Permission::REPOSITORY_PULL, false);
    let (_, because) = why(&access, "team/sub", "team/sub/app", Permission::REPOSITORY_PULL);
    assert_eq!(
        because,
        "member of team/sub as guest (project team/sub) would allow it, but its condition office does not hold"
    );
}

#[test]
fn system_roles_reach_everywhere() {
    let of = |role| Access { principal: ann(role), ..Access::anonymous() };
    let (admin, auditor) = (of(SystemRole::Admin), of(SystemRole::Auditor));
    check(&admin, "team", "team/app", Permission::REPOSITORY_PUSH, true);
    check(&auditor, "team", "team/app", Permission::REPOSITORY_LIST, true);
    check(&auditor, "team", "team/app", Permission::REPOSITORY_PULL, false);
    let now = Circumstances::at(Timestamp::from_unix_millis(0));
    assert!(decide(&auditor, &Target::SYSTEM, Permission::AUDIT_LOG_LIST, &now).allowed);
    assert!(!decide(&auditor, &Target::SYSTEM, Permission::USER_CREATE, &now).allowed);
    assert!(!decide(&Access::anonymous(), &Target::SYSTEM, Permission::USER_LIST, &now).allowed);
}

#[test]
fn an_access_token_narrows_all_but_what_is_public() {
    let pull = Action::Pull.permissions();
    let ceiling = Grant::new(GrantScope::Project(project("team")), GrantKind::Robot, pull, "token");
    let admin =
        Access { principal: ann(SystemRole::Admin), grants: Vec::new(), ceiling: Some(vec![ceiling]) };
    check(&admin, "team/sub", "team/sub/app", Permission::REPOSITORY_PULL, true);
    check(&admin, "team", "team/app", Permission::REPOSITORY_PUSH, false);
    check(&admin, "other", "other/app", Permission::REPOSITORY_PULL, false);
    assert_eq!(
        why(&admin, "other", "other/app", Permission::REPOSITORY_PULL).1,
        "the access token does not allow it"
    );
    let (library, alpine) = (ProjectName::library(), repository("alpine"));
    let now = Circumstances::at(Timestamp::from_unix_millis(0));
    let public = Target::repository(&library, true, &alpine);
    assert!(decide(&admin, &public, Permission::REPOSITORY_PULL, &now).allowed);
    assert!(!decide(&admin, &public, Permission::REPOSITORY_PUSH, &now).allowed);
    assert!(admin.reaches(&project("team")) && admin.reaches(&project("team/sub")));
    assert!(!admin.reaches(&project("other")));
}

#[test]
fn actions_need_all_of_their_permissions() {
    let (team, app) = (project("team"), repository("team/app"));
    let now = Circumstances::at(Timestamp::from_unix_millis(0));
    let target = Target::repository(&team, true, &app);
    let may = |access: &Access, action| decide_action(access, &target, action, &now).allowed;
    let developer = access(vec![member("team", BuiltInRole::Developer)]);
    assert!(may(&developer, Action::Pull) && may(&developer, Action::Push));
    assert!(!may(&developer, Action::Delete));
    assert!(may(&Access::anonymous(), Action::Pull) && !may(&Access::anonymous(), Action::Push));
    let blind = Grant::new(
        GrantScope::AllProjects,
        GrantKind::Robot,
        Permission::REPOSITORY_PUSH.into(),
        "robot that may only push",
    );
    let private = Target::repository(&team, false, &app);
    assert!(!decide_action(&access(vec![blind]), &private, Action::Push, &now).allowed);
}

#[test]
fn conditions_are_asked_of_each_request() {
    let (team, app) = (project("team"), repository("team/app"));
    let mut developer = member("team", BuiltInRole::Developer);
    developer.condition = Some(Arc::new(AtTheOffice));
    let access = access(vec![developer]);
    let elsewhere = Circumstances::at(Timestamp::from_unix_millis(0));
    let here = Circumstances { address: Some([10, 0, 0, 1].into()), ..elsewhere.clone() };
    for (public, circumstances, pull, push) in
        [(false, &here, true, true), (false, &elsewhere, false, false), (true, &elsewhere, true, false)]
    {
        let target = Target::repository(&team, public, &app);
        let may = |action| decide_action(&access, &target, action, circumstances).allowed;
        assert_eq!((may(Action::Pull), may(Action::Push)), (pull, push), "{circumstances:?}");
        let reach = |action| reach_of_action(&access, &target, action);
        assert_eq!(reach(Action::Pull), if public { Reach::Always } else { Reach::OnCondition });
        assert_eq!(reach(Action::Push), Reach::OnCondition);
        assert_eq!(reach(Action::Delete), Reach::Never);
    }
}
