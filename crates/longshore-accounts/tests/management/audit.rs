use longshore_accounts::{Accounts, Act, AuditFilter, AuditOrder, ProjectId, TextFilter};
use longshore_metadata::NewAuditEvent;

use crate::support::{add_member, admin, at, make_project, make_users, nobody, on_both_databases, user};

on_both_databases! {
    everybody_sees_what_they_may,
    pages_end_where_nobody_reads_on,
}

async fn record(accounts: &Accounts, repository: &str, actor: &str) {
    let mut tx = accounts.metadata().write().await.unwrap();
    let name = repository.parse().unwrap();
    tx.ensure_repository(&name, at(1)).await.unwrap();
    let event = NewAuditEvent {
        at: at(20),
        operation: "create_artifact",
        resource_type: "artifact",
        resource: repository,
        project: None,
        actor,
        address: "",
        request_id: "",
        succeeded: true,
        detail: "",
    };
    tx.record_audit_in(&name, &event).await.unwrap();
    tx.commit().await.unwrap();
}

fn artifacts() -> AuditFilter<'static> {
    AuditFilter { resource_type: Some(TextFilter::Is("artifact")), ..AuditFilter::default() }
}

async fn seen(accounts: &Accounts, act: &Act, project: Option<ProjectId>) -> Vec<String> {
    let listed = accounts.list_audit(act, project, &artifacts(), AuditOrder::OldestFirst, (0, 100)).await;
    let (rows, total) = listed.unwrap();
    assert_eq!(rows.len() as u64, total);
    rows.into_iter().map(|row| row.resource).collect()
}

async fn everybody_sees_what_they_may(accounts: Accounts) {
    make_users(&accounts, ["ann", "bob", "eve"]).await;
    let team = make_project(&accounts, &admin(), "team").await;
    let inner = make_project(&accounts, &admin(), "team/inner").await;
    make_project(&accounts, &admin(), "other").await;
    for repository in ["team/app", "team/inner/app", "other/app", "library/app"] {
        record(&accounts, repository, "ann").await;
    }
    // A project admin of team, which the inner one inherits; a guest there, who may not read its log.
    add_member(&accounts, team, "ann", 1).await;
    add_member(&accounts, inner, "bob", 3).await;
    let (ann, bob, eve) =
        (user(&accounts, "ann").await, user(&accounts, "bob").await, user(&accounts, "eve").await);
    let all = ["team/app", "team/inner/app", "other/app", "library/app"];
    assert_eq!(seen(&accounts, &admin(), None).await, all);
    assert_eq!(seen(&accounts, &ann, None).await, ["team/app", "team/inner/app"]);
    let allowed = longshore_auth::BuiltInRole::from_id(longshore_auth::RoleId(3))
        .unwrap()
        .permissions()
        .contains(longshore_auth::Permission::LOG_LIST);
    assert_eq!(seen(&accounts, &bob, None).await, if allowed { vec!["team/inner/app"] } else { vec![] });
    for act in [&eve, &nobody()] {
        assert_eq!(seen(&accounts, act, None).await, [""; 0]);
    }
    assert_eq!(seen(&accounts, &ann, Some(team)).await, ["team/app"]);
    assert_eq!(seen(&accounts, &admin(), Some(inner)).await, ["team/inner/app"]);
}

async fn pages_end_where_nobody_reads_on(accounts: Accounts) {
    for number in 0..5 {
        record(&accounts, &format!("library/app{number}"), "ann").await;
    }
    let page = async |part: (usize, usize)| {
        let order = AuditOrder::NewestFirst;
        let (rows, total) = accounts.list_audit(&admin(), None, &artifacts(), order, part).await.unwrap();
        (rows.into_iter().map(|row| row.resource).collect::<Vec<_>>(), total)
    };
    assert_eq!(page((1, 2)).await, (vec!["library/app3".to_owned(), "library/app2".to_owned()], 5));
    assert_eq!(page((100_000, 2)).await, (vec![], 5));
    assert_eq!(page((usize::MAX, 100)).await, (vec![], 5));
}
