use longshore_accounts::{Accounts, AuditEvent, AuditFilter, AuditOrder, Refused, RefusedIn};
use longshore_auth::Circumstances;

use crate::support::{add_member, admin, at, make_project, make_users, on_both_databases, user};

on_both_databases! {
    refusals_are_of_a_project_that_is_known,
    nobody_fills_the_record_with_refusals,
}

fn push(actor: Option<&str>, repository: &str) -> Refused {
    Refused {
        actor: actor.map(str::to_owned),
        operation: "create_artifact",
        resource_type: "artifact",
        resource: format!("{repository}:v1"),
        place: RefusedIn::Repository(repository.parse().unwrap()),
        reason: "not allowed".to_owned(),
    }
}

fn note(accounts: &Accounts, refused: Refused, address: &str, seconds: i64) {
    let address = address.parse().ok();
    accounts.note_refusal(refused, &Circumstances { address, ..Circumstances::at(at(seconds)) }, "r1");
}

async fn refused(accounts: &Accounts) -> Vec<AuditEvent> {
    let filter = AuditFilter { succeeded: Some(false), ..AuditFilter::default() };
    let order = AuditOrder::OldestFirst;
    accounts.list_audit(&admin(), None, &filter, order, (0, 1000)).await.unwrap().0
}

async fn refusals_are_of_a_project_that_is_known(accounts: Accounts) {
    make_users(&accounts, ["ann", "bob", "eve"]).await;
    let team = make_project(&accounts, &admin(), "team").await;
    add_member(&accounts, team, "ann", 1).await;
    add_member(&accounts, team, "bob", 3).await;
    for actor in [Some("bob"), Some("eve"), None] {
        note(&accounts, push(actor, "team/app"), "192.0.2.1", 10);
    }
    note(&accounts, push(Some("bob"), "nowhere/app"), "", 10);
    let project = RefusedIn::Project("team".parse().unwrap());
    note(&accounts, Refused { place: project, ..push(Some("bob"), "team/b") }, "", 11);
    note(&accounts, Refused { place: RefusedIn::System, ..push(Some("eve"), "x/y") }, "", 11);
    assert!(refused(&accounts).await.is_empty(), "nobody waits for it");
    accounts.tend_logins(at(12)).await.unwrap();
    let rows = refused(&accounts).await;
    let seen: Vec<_> =
        rows.iter().map(|row| (row.actor.as_str(), row.resource.as_str(), row.project.as_deref())).collect();
    assert_eq!(
        seen,
        [
            ("bob", "team/app:v1", Some("team")),
            ("eve", "team/app:v1", None),
            ("anonymous", "team/app:v1", None),
            ("bob", "nowhere/app:v1", None),
            ("bob", "team/b:v1", Some("team")),
            ("eve", "x/y:v1", None),
        ]
    );
    assert_eq!(
        (rows[0].at, rows[0].address.as_str(), rows[0].request_id.as_str()),
        (at(10), "192.0.2.1", "r1")
    );
    assert_eq!(rows[0].detail, r#"{"reason":"not allowed"}"#);
    // The project's own admin sees what members tried, and nothing of strangers.
    let ann = user(&accounts, "ann").await;
    let filter = AuditFilter { succeeded: Some(false), ..AuditFilter::default() };
    let listed = accounts.list_audit(&ann, None, &filter, AuditOrder::OldestFirst, (0, 10)).await.unwrap();
    let actors: Vec<_> = listed.0.into_iter().map(|row| row.actor).collect();
    assert_eq!(actors, ["bob", "bob"]);
}

async fn nobody_fills_the_record_with_refusals(accounts: Accounts) {
    make_users(&accounts, ["ann"]).await;
    for n in 0..100 {
        note(&accounts, push(None, &format!("secret/app{n}")), &format!("2001:db8::{n}"), 10);
        note(&accounts, push(None, "secret/same"), "192.0.2.1", 10);
        note(&accounts, push(Some("ann"), &format!("secret/app{n}")), "", 10);
    }
    accounts.tend_logins(at(11)).await.unwrap();
    assert_eq!(refused(&accounts).await.len(), 20 + 1 + 60);
    accounts.tend_logins(at(71)).await.unwrap();
    let rows = refused(&accounts).await;
    let mut more: Vec<_> = rows[81..]
        .iter()
        .map(|row| {
            let detail: serde_json::Value = serde_json::from_str(&row.detail).unwrap();
            let count = detail["count"].as_u64().unwrap();
            (count, row.operation.as_str(), row.actor.as_str(), row.address.as_str())
        })
        .collect();
    more.sort_unstable();
    let (many, anonymous) = ("refuse_request", "anonymous");
    assert_eq!(
        more,
        [
            (40, many, "ann", ""),
            (80, many, anonymous, "2001:db8::"),
            (99, "create_artifact", anonymous, "192.0.2.1"),
        ]
    );
    accounts.tend_logins(at(200)).await.unwrap();
    assert_eq!(refused(&accounts).await.len(), 84, "each once");
}
