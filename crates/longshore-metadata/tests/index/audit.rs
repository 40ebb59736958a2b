use longshore_metadata::{
    AuditDamage, AuditEvent, AuditFilter, AuditOrder, Metadata, MetadataError, NewAuditEvent, TextFilter,
    WriteTx,
};
use longshore_testkit::Postgres;

use crate::support::{at, name, on_both_databases, repository, settings};

on_both_databases! {
    rows_are_found_by_what_is_asked,
    pages_lose_nothing,
    rows_of_several_projects_come_in_order,
    rows_are_sealed_once_and_in_order,
    writers_do_not_wait_for_the_sealer,
    what_retention_takes_leaves_the_rest_verifiable,
    targets_go_on_where_they_were,
}

fn event<'a>(millis: i64, operation: &'a str, resource: &'a str) -> NewAuditEvent<'a> {
    NewAuditEvent {
        at: at(millis),
        operation,
        resource_type: if operation == "delete_tag" { "tag" } else { "artifact" },
        resource,
        project: None,
        actor: "ann",
        address: "192.0.2.1",
        request_id: "r",
        succeeded: true,
        detail: "",
    }
}

async fn write(metadata: &Metadata, events: &[NewAuditEvent<'_>]) {
    let mut tx = metadata.write().await.unwrap();
    for event in events {
        tx.record_audit(event).await.unwrap();
    }
    tx.commit().await.unwrap();
}

async fn seal(metadata: &Metadata) -> usize {
    let mut tx = metadata.write().await.unwrap();
    let sealed = tx.seal_audit(1000).await.unwrap();
    tx.commit().await.unwrap();
    sealed
}

async fn newest(metadata: &Metadata, filter: &AuditFilter<'_>) -> Vec<AuditEvent> {
    let mut tx = metadata.read().await.unwrap();
    let page = tx.audit_page(filter, AuditOrder::NewestFirst, None, 0, 100).await.unwrap();
    assert!(!page.more);
    assert_eq!(tx.audit_count(filter, 100).await.unwrap(), page.entries.len() as u64);
    page.entries
}

async fn resources(metadata: &Metadata, filter: &AuditFilter<'_>) -> Vec<String> {
    newest(metadata, filter).await.into_iter().map(|event| event.resource).collect()
}

async fn rows_are_found_by_what_is_asked(metadata: Metadata) {
    let mut tx = metadata.write().await.unwrap();
    let app = repository(&mut tx, "team/app").await;
    let project = tx.repository_by_id(app).await.unwrap().unwrap().project;
    let record = tx.project_by_id(project).await.unwrap().unwrap();
    tx.record_audit(&event(1, "create_artifact", "team/app:v1")).await.unwrap();
    let named =
        NewAuditEvent { project: Some((project, &record.name)), ..event(2, "delete_tag", "team/app:v2") };
    tx.record_audit(&named).await.unwrap();
    let odd = NewAuditEvent {
        actor: "b\0b",
        succeeded: false,
        resource_type: "user",
        detail: r#"{"why":"no"}"#,
        ..event(3, "login_user", "100%_\\")
    };
    tx.record_audit_in(&name("team/app"), &odd).await.unwrap();
    tx.commit().await.unwrap();

    let all = AuditFilter::default();
    let found = newest(&metadata, &all).await;
    assert_eq!(found.iter().map(|event| event.at).collect::<Vec<_>>(), [at(3), at(2), at(1)]);
    let odd = &found[0];
    assert_eq!(
        (odd.operation.as_str(), odd.actor.as_str(), odd.succeeded),
        ("login_user", "b\u{fffd}b", false)
    );
    assert_eq!((odd.project_id, odd.project.as_deref()), (Some(project), Some("team")));
    assert_eq!((odd.detail.as_str(), odd.address.as_str()), (r#"{"why":"no"}"#, "192.0.2.1"));
    assert_eq!((odd.request_id.as_str(), odd.sequence, odd.hash), ("r", None, None));
    assert_eq!((found[2].project_id, found[2].project.as_deref()), (None, None));

    let check = async |filter: AuditFilter<'_>, wanted: &[&str]| {
        assert_eq!(resources(&metadata, &filter).await, wanted, "{filter:?}");
    };
    let (one, two, three) = ("team/app:v1", "team/app:v2", "100%_\\");
    check(AuditFilter { from: Some(at(2)), ..all }, &[three, two]).await;
    check(AuditFilter { until: Some(at(2)), ..all }, &[one]).await;
    check(AuditFilter { projects: &[(project, at(0))], ..all }, &[three, two]).await;
    check(AuditFilter { projects: &[(project, at(3))], ..all }, &[three]).await;
    check(AuditFilter { actor: Some(TextFilter::Is("ann")), ..all }, &[two, one]).await;
    check(AuditFilter { actor: Some(TextFilter::Contains("n")), ..all }, &[two, one]).await;
    check(AuditFilter { operation: Some(TextFilter::Is("delete_tag")), ..all }, &[two]).await;
    check(AuditFilter { resource_type: Some(TextFilter::Is("user")), ..all }, &[three]).await;
    check(AuditFilter { succeeded: Some(true), ..all }, &[two, one]).await;
    check(AuditFilter { succeeded: Some(false), ..all }, &[three]).await;
    check(AuditFilter { resource: Some(TextFilter::Begins("team/")), ..all }, &[two, one]).await;
    check(AuditFilter { resource: Some(TextFilter::Begins("app")), ..all }, &[]).await;
    check(AuditFilter { resource: Some(TextFilter::Contains("%_\\")), ..all }, &[three]).await;
    check(AuditFilter { resource: Some(TextFilter::Contains("%")), ..all }, &[three]).await;
    check(AuditFilter { resource: Some(TextFilter::Is("team\0")), ..all }, &[]).await;
    let several =
        AuditFilter { projects: &[(project, at(0))], operation: Some(TextFilter::Is("delete_tag")), ..all };
    check(AuditFilter { actor: Some(TextFilter::Is("ann")), from: Some(at(1)), ..several }, &[two]).await;
}

/// Every row, page by page.
async fn walk(metadata: &Metadata, filter: &AuditFilter<'_>, order: AuditOrder, limit: usize) -> Vec<String> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let mut tx = metadata.read().await.unwrap();
        let page = tx.audit_page(filter, order, after, 0, limit).await.unwrap();
        after = page.entries.last().map(AuditEvent::position);
        found.extend(page.entries.into_iter().map(|event| event.resource));
        if !page.more {
            return found;
        }
    }
}

async fn pages_lose_nothing(metadata: Metadata) {
    // Several at the same moment, and some that were written late.
    let moments = [5, 1, 1, 1, 9, 2, 5];
    let names: Vec<String> = (0..moments.len()).map(|number| number.to_string()).collect();
    for (resource, moment) in names.iter().zip(moments) {
        write(&metadata, &[event(moment, "create_artifact", resource)]).await;
    }
    let wanted = ["1", "2", "3", "5", "0", "6", "4"];
    for limit in 1..8 {
        let found = walk(&metadata, &AuditFilter::default(), AuditOrder::OldestFirst, limit).await;
        assert_eq!(found, wanted);
        let found = walk(&metadata, &AuditFilter::default(), AuditOrder::NewestFirst, limit).await;
        assert!(found.iter().eq(wanted.iter().rev()), "{found:?}");
        for skip in 0..9 {
            let mut tx = metadata.read().await.unwrap();
            let order = AuditOrder::OldestFirst;
            let page = tx.audit_page(&AuditFilter::default(), order, None, skip, limit).await.unwrap();
            let found: Vec<_> = page.entries.into_iter().map(|event| event.resource).collect();
            assert_eq!(found, wanted.into_iter().skip(skip).take(limit).collect::<Vec<_>>());
            assert_eq!(page.more, skip + limit < wanted.len());
        }
    }
    let mut tx = metadata.read().await.unwrap();
    assert_eq!(tx.audit_count(&AuditFilter::default(), 3).await.unwrap(), 3, "counted as far as asked");
}

async fn rows_of_several_projects_come_in_order(metadata: Metadata) {
    let mut tx = metadata.write().await.unwrap();
    let mut projects = Vec::new();
    for text in ["a/app", "b/app", "c/app"] {
        let app = repository(&mut tx, text).await;
        projects.push((tx.repository_by_id(app).await.unwrap().unwrap().project, at(1)));
        for moment in [0, 1, 4, 7] {
            tx.record_audit_in(&name(text), &event(moment, "create_artifact", &format!("{text}{moment}")))
                .await
                .unwrap();
        }
    }
    tx.commit().await.unwrap();
    let two = AuditFilter { projects: &[projects[2], projects[0]], ..AuditFilter::default() };
    let wanted = ["a/app1", "c/app1", "a/app4", "c/app4", "a/app7", "c/app7"];
    for limit in 1..8 {
        assert_eq!(walk(&metadata, &two, AuditOrder::OldestFirst, limit).await, wanted);
        let found = walk(&metadata, &two, AuditOrder::NewestFirst, limit).await;
        assert!(found.iter().eq(wanted.iter().rev()), "{found:?}");
    }
    let mut tx = metadata.read().await.unwrap();
    let page = tx.audit_page(&two, AuditOrder::OldestFirst, None, 3, 2).await.unwrap();
    assert!(page.more);
    assert_eq!(
        page.entries.iter().map(|event| event.resource.as_str()).collect::<Vec<_>>(),
        ["c/app4", "a/app7"]
    );
    assert_eq!((tx.audit_count(&two, 100).await.unwrap(), tx.audit_count(&two, 4).await.unwrap()), (6, 4));
    // More of one project than is read at a time, some at the same moment.
    let mut tx = metadata.write().await.unwrap();
    for number in 0..700 {
        let resource = format!("c{number}");
        tx.record_audit_in(&name("c/app"), &event(10 + number / 3, "create_artifact", &resource))
            .await
            .unwrap();
    }
    tx.commit().await.unwrap();
    let whole = walk(&metadata, &two, AuditOrder::OldestFirst, 1000).await;
    assert_eq!(whole.len(), 706);
    assert_eq!(walk(&metadata, &two, AuditOrder::OldestFirst, 97).await, whole);
    let found = walk(&metadata, &two, AuditOrder::NewestFirst, 97).await;
    assert!(found.iter().eq(whole.iter().rev()));
    let mut tx = metadata.read().await.unwrap();
    let page = tx.audit_page(&two, AuditOrder::OldestFirst, None, 600, 50).await.unwrap();
    let found: Vec<_> = page.entries.into_iter().map(|event| event.resource).collect();
    assert_eq!((found.as_slice(), page.more), (&whole[600..650], true));
}

async fn rows_are_sealed_once_and_in_order(metadata: Metadata) {
    assert_eq!(seal(&metadata).await, 0);
    let names: Vec<String> = (0..100).map(|number| number.to_string()).collect();
    let events: Vec<_> = names.iter().map(|name| event(7, "create_artifact", name)).collect();
    write(&metadata, &events).await;
    assert!(metadata.read().await.unwrap().audit_is_unsealed().await.unwrap());
    assert_eq!(metadata.verify_audit().await.unwrap().unsealed, 100);
    let mut tx = metadata.write().await.unwrap();
    assert_eq!(tx.seal_audit(3).await.unwrap(), 3);
    assert_eq!(tx.seal_audit(2).await.unwrap(), 2);
    tx.commit().await.unwrap();
    assert_eq!(seal(&metadata).await, 95);
    assert_eq!(seal(&metadata).await, 0);
    let mut tx = metadata.read().await.unwrap();
    assert!(!tx.audit_is_unsealed().await.unwrap());
    let sealed = tx.sealed_audit(0, 1000).await.unwrap();
    assert!(sealed.iter().zip(&names).all(|(event, name)| event.resource == *name));
    assert!(sealed.iter().zip(1..).all(|(event, sequence)| event.sequence == Some(sequence)));
    assert_eq!(tx.sealed_audit(98, 1000).await.unwrap().len(), 2);
    let head = tx.audit_head().await.unwrap();
    assert_eq!((head.sequence, Some(head.hash)), (100, sealed[99].hash));
    drop(tx);
    let report = metadata.verify_audit().await.unwrap();
    assert_eq!((report.rows, report.unsealed, report.damage), (100, 0, None));
}

async fn writers_do_not_wait_for_the_sealer(metadata: Metadata) {
    let tasks: Vec<_> = (0..8)
        .map(|task| {
            let metadata = metadata.clone();
            tokio::spawn(async move {
                for round in 0..20 {
                    write(&metadata, &[event(round, "create_artifact", &format!("{task} {round}"))]).await;
                    if round % 3 == task % 3 {
                        seal(&metadata).await;
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    seal(&metadata).await;
    let report = metadata.verify_audit().await.unwrap();
    assert_eq!((report.rows, report.unsealed, report.damage), (160, 0, None));
}

async fn what_retention_takes_leaves_the_rest_verifiable(metadata: Metadata) {
    for moment in [1, 2, 3, 9, 4] {
        write(&metadata, &[event(moment, "create_artifact", &moment.to_string())]).await;
    }
    let purge = async |before: i64, limit: usize| {
        let mut tx = metadata.write().await.unwrap();
        let purged = tx.purge_audit(at(before), limit).await.unwrap();
        tx.commit().await.unwrap();
        purged
    };
    assert_eq!(purge(100, 9).await, 0, "what is not sealed stays");
    seal(&metadata).await;
    assert_eq!(purge(1, 9).await, 0);
    assert_eq!(purge(4, 2).await, 2);
    assert_eq!(metadata.verify_audit().await.unwrap().rows, 3);
    assert_eq!(purge(5, 9).await, 1);
    assert_eq!(purge(5, 9).await, 0, "what is newer keeps what comes after it");
    let report = metadata.verify_audit().await.unwrap();
    assert_eq!((report.rows, report.purged.sequence, report.head.sequence), (2, 3, 5));
    assert_eq!(report.damage, None);
    assert_eq!(purge(100, 9).await, 2);
    write(&metadata, &[event(10, "create_artifact", "after")]).await;
    seal(&metadata).await;
    let report = metadata.verify_audit().await.unwrap();
    assert_eq!((report.rows, report.head.sequence, report.damage), (1, 6, None));
}

async fn targets_go_on_where_they_were(metadata: Metadata) {
    write(&metadata, &[event(1, "create_artifact", "before")]).await;
    seal(&metadata).await;
    let mut tx = metadata.write().await.unwrap();
    assert_eq!(tx.audit_target("siem").await.unwrap(), None);
    assert_eq!(tx.lease_audit_target("siem", at(1), at(2)).await.unwrap(), None);
    tx.ensure_audit_target("siem").await.unwrap();
    assert_eq!(tx.lease_audit_target("siem", at(10), at(20)).await.unwrap(), Some(1), "from now on");
    assert_eq!(tx.lease_audit_target("siem", at(19), at(30)).await.unwrap(), None, "somebody sends");
    assert_eq!(tx.lease_audit_target("siem", at(20), at(30)).await.unwrap(), Some(1), "or did");
    tx.advance_audit_target("siem", 5).await.unwrap();
    tx.ensure_audit_target("siem").await.unwrap();
    assert_eq!(tx.lease_audit_target("siem", at(21), at(30)).await.unwrap(), Some(5));
    tx.commit().await.unwrap();
}

/// Changes rows behind the registry's back.
enum Intruder {
    Sqlite(rusqlite::Connection),
    Postgres(tokio_postgres::Client),
}

impl Intruder {
    async fn run(&self, sql: &str) {
        match self {
            Self::Sqlite(connection) => {
                connection.execute_batch(sql).unwrap();
            }
            Self::Postgres(client) => client.batch_execute(sql).await.unwrap(),
        }
    }
}

async fn damage(metadata: &Metadata) -> Option<AuditDamage> {
    metadata.verify_audit().await.unwrap().damage
}

async fn damage_shows(metadata: Metadata, intruder: Intruder) {
    for number in 1..=6 {
        write(&metadata, &[event(number, "create_artifact", &number.to_string())]).await;
    }
    seal(&metadata).await;
    let ids: Vec<i64> = metadata
        .read()
        .await
        .unwrap()
        .sealed_audit(0, 9)
        .await
        .unwrap()
        .iter()
        .map(|event| event.id)
        .collect();
    let third = ids[2];
    let changed = Some(AuditDamage::Changed { sequence: 3, id: third });
    for (change, back) in [
        ("actor = 'bob'", "actor = 'ann'"),
        ("at = 99", "at = 3"),
        ("succeeded = 0", "succeeded = 1"),
        ("project_id = 1", "project_id = NULL"),
        ("project = ''", "project = NULL"),
        // The same bytes, cut in another place.
        (
            "operation = 'create_artifactar', resource_type = 'tifact'",
            "operation = 'create_artifact', resource_type = 'artifact'",
        ),
    ] {
        intruder.run(&format!("UPDATE audit_events SET {change} WHERE id = {third}")).await;
        assert_eq!(damage(&metadata).await, changed, "{change}");
        intruder.run(&format!("UPDATE audit_events SET {back} WHERE id = {third}")).await;
        assert_eq!(damage(&metadata).await, None, "{back}");
    }
    // Two rows that change places.
    let fourth = ids[3];
    let places =
        |from: i64, to: i64| format!("UPDATE audit_events SET sequence = {to} WHERE sequence = {from};");
    intruder.run(&format!("{}{}{}", places(3, 99), places(4, 3), places(99, 4))).await;
    assert_eq!(damage(&metadata).await, Some(AuditDamage::Changed { sequence: 3, id: fourth }));
    intruder.run(&format!("{}{}{}", places(3, 99), places(4, 3), places(99, 4))).await;
    assert_eq!(damage(&metadata).await, None);

    // A row that claims a place, one that lost its own, the last one gone, one in the middle.
    let copy = "INSERT INTO audit_events (at, operation, resource_type, resource, actor, address, request_id, \
                succeeded, detail, sequence, hash) SELECT at, operation, resource_type, resource, actor, address, \
                request_id, succeeded, detail, 7, hash FROM audit_events WHERE sequence = 6";
    intruder.run(copy).await;
    assert!(matches!(damage(&metadata).await, Some(AuditDamage::Inserted { sequence: 7, .. })));
    intruder.run("DELETE FROM audit_events WHERE sequence = 7").await;
    assert_eq!(damage(&metadata).await, None);
    intruder.run("UPDATE audit_events SET sequence = NULL WHERE sequence = 5").await;
    assert_eq!(damage(&metadata).await, Some(AuditDamage::Missing { sequence: 5 }));
    intruder.run("UPDATE audit_events SET sequence = 5 WHERE sequence IS NULL").await;
    assert_eq!(damage(&metadata).await, None);
    intruder.run("DELETE FROM audit_events WHERE sequence = 6").await;
    assert_eq!(damage(&metadata).await, Some(AuditDamage::Missing { sequence: 6 }));
    intruder.run("DELETE FROM audit_events WHERE sequence = 2").await;
    assert_eq!(damage(&metadata).await, Some(AuditDamage::Missing { sequence: 2 }), "the first");
}

async fn a_chain_written_anew_shows(metadata: Metadata, intruder: Intruder) {
    write(&metadata, &[event(1, "create_artifact", "one"), event(2, "create_artifact", "two")]).await;
    seal(&metadata).await;
    let head = metadata.read().await.unwrap().audit_head().await.unwrap();
    // The intruder has this program too: takes the seals away, changes a row, seals again.
    let start = format!("0:{}", "0".repeat(64));
    intruder.run("UPDATE audit_events SET sequence = NULL, hash = NULL, actor = 'bob'").await;
    intruder.run(&format!("UPDATE settings SET value = '{start}' WHERE key = 'audit.head'")).await;
    assert_eq!(seal(&metadata).await, 2);
    assert_eq!(damage(&metadata).await, None, "nothing in the index tells");
    // But for whoever kept the hash.
    intruder.run(&format!("UPDATE settings SET value = '{head}' WHERE key = 'audit.head'")).await;
    assert_eq!(damage(&metadata).await, Some(AuditDamage::Rewritten { sequence: 2 }));
}

async fn on_sqlite(test: impl AsyncFnOnce(Metadata, Intruder)) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index.sqlite3");
    let metadata = Metadata::open(&settings(&format!("sqlite://{}", path.display()))).await.unwrap();
    test(metadata, Intruder::Sqlite(rusqlite::Connection::open(&path).unwrap())).await;
}

async fn on_postgres(test: impl AsyncFnOnce(Metadata, Intruder)) {
    let url = Postgres::shared().fresh_database().unwrap();
    let metadata = Metadata::open(&settings(&url)).await.unwrap();
    let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    test(metadata, Intruder::Postgres(client)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_shows_on_sqlite() {
    on_sqlite(damage_shows).await;
    on_sqlite(a_chain_written_anew_shows).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_shows_on_postgres() {
    on_postgres(damage_shows).await;
    on_postgres(a_chain_written_anew_shows).await;
}

/// On PostgreSQL a row may be committed after one that was written later.
#[tokio::test(flavor = "multi_thread")]
async fn a_late_commit_is_sealed_late() {
    let url = Postgres::shared().fresh_database().unwrap();
    let metadata = Metadata::open(&settings(&url)).await.unwrap();
    let begin = async |name: &str| -> Result<WriteTx, MetadataError> {
        let mut tx = metadata.write().await?;
        tx.record_audit(&event(1, "create_artifact", name)).await?;
        Ok(tx)
    };
    let (slow, quick) = (begin("slow").await.unwrap(), begin("quick").await.unwrap());
    quick.commit().await.unwrap();
    assert_eq!(seal(&metadata).await, 1);
    slow.commit().await.unwrap();
    assert_eq!(seal(&metadata).await, 1);
    let sealed = metadata.read().await.unwrap().sealed_audit(0, 9).await.unwrap();
    assert_eq!(sealed.iter().map(|event| event.resource.as_str()).collect::<Vec<_>>(), ["quick", "slow"]);
    assert_eq!(damage(&metadata).await, None);
    // While one process seals, another does not wait for it.
    write(&metadata, &[event(2, "create_artifact", "third")]).await;
    let (mut one, mut two) = (metadata.write().await.unwrap(), metadata.write().await.unwrap());
    assert_eq!(one.seal_audit(9).await.unwrap(), 1);
    assert_eq!(two.seal_audit(9).await.unwrap(), 0);
    one.commit().await.unwrap();
}
