//! Calls everything about projects, members, roles, robots, access tokens and trust rules once.

use longshore_types::{ProjectName, Timestamp};

use crate::{
    GroupKind, Holder, MemberRecord, Metadata, MetadataError, NewAccessPolicy, NewRobot, NewTrustRule,
    NewUser, ProjectFilter, ProjectId, ProjectOrder, RobotLevel, RoleRecord, TextFilter, TrustRuleKind,
    UserId, WriteTx,
};

fn now() -> Timestamp {
    Timestamp::from_unix_millis(1_000)
}

pub(super) async fn call_everything(metadata: &Metadata) -> Result<(), MetadataError> {
    let mut tx = metadata.write().await?;
    let user = NewUser { name: "keeper", source: "local", ..NewUser::default() };
    let user = tx.insert_user(&user, now()).await?.unwrap();
    let project = call_projects(&mut tx, user).await?;
    call_members(&mut tx, project, user).await?;
    call_roles(&mut tx).await?;
    call_robots(&mut tx, project).await?;
    call_access_tokens(&mut tx, user).await?;
    tx.lock_project(project).await?;
    tx.delete_project(project, now()).await?;
    tx.commit().await
}

async fn call_projects(tx: &mut WriteTx, user: UserId) -> Result<ProjectId, MetadataError> {
    let outer: ProjectName = "kept".parse().unwrap();
    let inner: ProjectName = "kept/inner".parse().unwrap();
    assert!(tx.clear_leftovers(&outer).await?);
    let outer_id = tx.insert_project(&outer, None, now()).await?.unwrap();
    let id = tx.insert_project(&inner, Some(user), now()).await?.unwrap();
    tx.set_project_metadata(outer_id, "public", "true").await?;
    assert!(tx.project_by_id(id).await?.unwrap().public);
    tx.set_project_metadata(id, "severity", "low").await?;
    assert!(tx.delete_project_setting(id, "severity").await?);
    tx.project_changed(id, now()).await?;
    assert_eq!(tx.metadata_of_projects(&[outer_id]).await?.len(), 1);
    assert_eq!(tx.projects_with_setting("public").await?.len(), 1);
    assert_eq!(tx.projects_around(std::slice::from_ref(&inner)).await?.len(), 2);
    assert!(tx.holds_projects(outer_id).await?);
    assert!(!tx.holds_manifests(id).await?);
    assert!(tx.repository_counts(&[id]).await?.is_empty());
    assert_eq!(tx.projects_below(&[outer]).await?.len(), 2);
    let all = ProjectFilter::default();
    let filters = [
        all,
        ProjectFilter { public: Some(true), ..all },
        ProjectFilter { public: Some(false), ..all },
        ProjectFilter { owner: Some(user), ..all },
        ProjectFilter { id: Some(id), ..all },
        ProjectFilter { name: Some(TextFilter::Is("kept/inner")), ..all },
        ProjectFilter { name: Some(TextFilter::Contains("inner")), ..all },
    ];
    for filter in &filters {
        let found = tx.projects_count(filter).await?;
        for order in [ProjectOrder::Name, ProjectOrder::Id, ProjectOrder::Updated] {
            for descending in [false, true] {
                let page = tx.projects_page(filter, order, descending, 0, 9).await?;
                assert_eq!(page.len() as u64, found, "{filter:?}");
            }
        }
    }
    Ok(id)
}

async fn call_members(tx: &mut WriteTx, project: ProjectId, user: UserId) -> Result<(), MetadataError> {
    let group = tx.ensure_group(GroupKind::Oidc, "sso", "devs", "devs", now()).await?;
    let id = tx.insert_member(project, Holder::User(user), 1, "", now()).await?.unwrap();
    tx.insert_member(project, Holder::Group(group), 2, "app/**", now()).await?.unwrap();
    let member = tx.member(project, id).await?.unwrap();
    assert!(tx.set_member(&member, 1, "", None).await?);
    assert_eq!(tx.members_page(project, None, 0, 9).await?.len(), 2);
    assert_eq!(tx.members_count(project, Some(TextFilter::Contains("kee"))).await?, 1);
    assert_eq!(tx.members_by_role(project).await?.len(), 2);
    assert!(!tx.others_have_role(&[project], 1, id).await?);
    assert_eq!(tx.memberships_of(user).await?.len(), 1);
    call_access_policies(tx, &member).await?;
    tx.delete_member(id).await
}

async fn call_access_policies(tx: &mut WriteTx, member: &MemberRecord) -> Result<(), MetadataError> {
    let policy =
        NewAccessPolicy { name: "office", description: "", text: "permit (principal, action, resource);" };
    let id = tx.insert_access_policy(&policy, now()).await?.unwrap();
    assert!(tx.lock_access_policy(id).await?);
    tx.update_access_policy(id, &policy, now()).await?;
    assert_eq!(tx.access_policy(id).await?, tx.access_policy_named("office").await?);
    assert_eq!(tx.policy_name(id).await?.as_deref(), Some("office"));
    assert_eq!(tx.access_policies_page(0, 9).await?.len() as u64, tx.access_policies_count().await?);
    assert!(tx.set_member(member, 1, "", Some(id)).await?);
    assert_eq!(tx.access_policy_uses(id, 9).await?.len(), 1);
    tx.delete_access_policy(id).await
}

async fn call_roles(tx: &mut WriteTx) -> Result<(), MetadataError> {
    let id = tx.insert_role("pusher", "[]", now()).await?.unwrap();
    assert!(tx.lock_role(id).await?);
    tx.update_role(id, "pusher", "[]", now()).await?;
    assert!(tx.role(id).await?.is_some() && tx.role_named("pusher").await?.is_some());
    assert_eq!(tx.roles_page(RoleRecord::FIRST, 9).await?.entries.len(), 1);
    assert!(!tx.role_is_used(id).await?);
    tx.delete_role(id).await
}

async fn call_robots(tx: &mut WriteTx, project: ProjectId) -> Result<(), MetadataError> {
    let robot = NewRobot {
        name: "kept/inner+ci",
        project: Some(project),
        description: "",
        secret_hash: b"hash of a robot",
        permissions: "[]",
        disabled: false,
        duration_days: -1,
        expires_at: None,
        created_by: "keeper",
    };
    let id = tx.insert_robot(&robot, now()).await?.unwrap();
    let record = tx.robot_by_id(id).await?.unwrap();
    tx.update_robot(&record, now()).await?;
    tx.set_robot_secret(id, b"another hash", now()).await?;
    assert!(tx.robot("kept/inner+ci").await?.is_some());
    for (level, count) in [(RobotLevel::System, 0), (RobotLevel::Project(project), 1)] {
        for name in [None, Some(TextFilter::Contains("ci"))] {
            assert_eq!(tx.robots_page(level, name, 0, 9).await?.entries.len(), count);
            assert_eq!(tx.robots_count(level, name).await?, count as u64);
        }
    }
    let rule = NewTrustRule {
        name: "actions",
        kind: TrustRuleKind::Oidc,
        issuer: "https://issuer.example",
        audience: "here",
        claims: "{}",
        robot: id,
        disabled: false,
    };
    let rule_id = tx.insert_trust_rule(&rule, now()).await?.unwrap();
    tx.update_trust_rule(rule_id, &rule, now()).await?;
    assert!(tx.trust_rule(rule_id).await?.is_some() && tx.trust_rule_named(id, "actions").await?.is_some());
    assert_eq!(tx.trust_rules_of("https://issuer.example").await?.len(), 1);
    assert_eq!(tx.trust_rules_of_robots(&[id]).await?.len(), 1);
    assert_eq!(tx.trust_rules_page(0, 9).await?.len(), 1);
    assert_eq!(tx.trust_rules_count().await?, 1);
    tx.delete_trust_rule(rule_id).await?;
    tx.delete_robot(id).await
}

async fn call_access_tokens(tx: &mut WriteTx, user: UserId) -> Result<(), MetadataError> {
    let id = tx.insert_access_token(user, "laptop", b"hash of a token", None, None, now()).await?.unwrap();
    assert!(tx.access_token(user, id).await?.is_some());
    assert_eq!(tx.access_tokens_page(user, 0, 9).await?.len(), 1);
    assert_eq!(tx.access_tokens_count(user).await?, 1);
    tx.delete_access_token(id).await
}
