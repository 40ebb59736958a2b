//! The record of what is done to repositories.

use std::collections::BTreeMap;

use longshore_auth::Caller;
use longshore_metadata::{AuditEvent, AuditFilter, AuditOrder, FaultPlan};
use longshore_registry::{Call, ManifestTarget, RegistrySettings, RequestInfo};
use longshore_types::{Digest, Reference};

use crate::support::*;

fn recording() -> RegistrySettings {
    RegistrySettings { audit: true, audit_pulls: true, ..hasty_settings() }
}

fn ann(method: &str) -> Call {
    let request = RequestInfo {
        id: "request-1".to_owned(),
        addr: "192.0.2.7".to_owned(),
        method: method.to_owned(),
        ..RequestInfo::default()
    };
    Call { caller: Caller { name: Some("ann".into()), ..Caller::anonymous() }, request, ..call() }
}

async fn rows(registry: &TestRegistry) -> Vec<AuditEvent> {
    registry.idle().await;
    let mut tx = registry.metadata.read().await.unwrap();
    tx.audit_page(&AuditFilter::default(), AuditOrder::OldestFirst, None, 0, 100).await.unwrap().entries
}

/// "operation resource" of every row since the last look.
async fn told(registry: &TestRegistry, seen: &mut usize) -> Vec<String> {
    let rows = rows(registry).await;
    let new = rows.iter().skip(*seen).map(|row| format!("{} {}", row.operation, row.resource)).collect();
    *seen = rows.len();
    new
}

#[tokio::test]
async fn every_change_of_content_is_a_row() {
    let undoing = RegistrySettings { undelete_window: DAY, ..recording() };
    let registry = TestRegistry::new(undoing).await;
    let (app, image) = (name("team/app"), TestImage::new(&["config", "layer"]));
    let (digest, mut seen) = (image.digest(), 0);
    let call = ann("PUT");
    image.push(&registry, &call, &app, Some("v1")).await;
    assert_eq!(told(&registry, &mut seen).await, ["create_artifact team/app:v1"]);
    let first = &rows(&registry).await[0];
    assert_eq!(
        (first.actor.as_str(), first.address.as_str(), first.request_id.as_str()),
        ("ann", "192.0.2.7", "request-1")
    );
    assert_eq!(
        (first.project.as_deref(), first.resource_type.as_str(), first.at),
        (Some("team"), "artifact", start())
    );
    assert_eq!(first.detail, format!(r#"{{"digest":"{digest}"}}"#));
    assert!(first.succeeded && first.project_id.is_some());

    let by_digest = Reference::Digest(digest);
    let target = ManifestTarget { reference: by_digest.clone(), tags: vec![tag("v2"), tag("v3")] };
    let payload = image.manifest.clone().into();
    registry.push_manifest(&call, &app, &target, None, payload).await.unwrap();
    assert_eq!(told(&registry, &mut seen).await, ["create_artifact team/app:v2", "create_tag team/app:v3"]);

    registry.delete_manifest(&call, &app, &by_tag("v2")).await.unwrap();
    registry.restore_tag(&call, &app, &tag("v2")).await.unwrap();
    registry.delete_manifest(&call, &app, &by_digest).await.unwrap();
    registry.restore_manifest(&call, &app, &digest).await.unwrap();
    registry.delete_manifest(&call, &app, &by_digest).await.unwrap();
    let artifact = format!("team/app@{digest}");
    assert_eq!(
        told(&registry, &mut seen).await,
        [
            "delete_tag team/app:v2".to_owned(),
            "restore_tag team/app:v2".to_owned(),
            format!("delete_artifact {artifact}"),
            format!("restore_artifact {artifact}"),
            format!("delete_artifact {artifact}"),
        ]
    );
    let layer = Digest::sha256(b"layer");
    registry.delete_blob(&call, &app, &layer).await.unwrap();
    // What is refused or was never there is no change.
    registry.delete_manifest(&call, &app, &by_tag("v9")).await.unwrap_err();
    registry.collect(start().after(2 * DAY)).await;
    let wanted = [format!("delete_blob team/app@{layer}"), format!("purge_artifact {artifact}")];
    assert_eq!(told(&registry, &mut seen).await, wanted);
    let last = rows(&registry).await.pop().unwrap();
    assert_eq!((last.actor.as_str(), last.address.as_str()), ("system", ""));
    assert!(last.detail.starts_with(r#"{"why":""#), "{}", last.detail);
}

#[tokio::test]
async fn pulls_of_manifests_are_rows_unless_they_are_off() {
    let registry = TestRegistry::new(RegistrySettings { audit: false, ..recording() }).await;
    let (app, image) = (name("team/app"), TestImage::new(&["config"]));
    image.push(&registry, &ann("PUT"), &app, Some("v1")).await;
    let by_digest = Reference::Digest(image.digest());
    registry.manifest(&ann("GET"), &app, &by_tag("v1")).await.unwrap();
    registry.manifest(&ann("HEAD"), &app, &by_tag("v1")).await.unwrap();
    registry.manifest(&ann("GET"), &app, &by_digest).await.unwrap();
    registry.manifest(&ann("GET"), &app, &by_tag("v2")).await.unwrap_err();
    let wanted =
        ["pull_artifact team/app:v1".to_owned(), format!("pull_artifact team/app@{}", image.digest())];
    assert_eq!(told(&registry, &mut 0).await, wanted);
    assert_eq!(rows(&registry).await[0].project.as_deref(), Some("team"));

    let quiet = registry.reopened(RegistrySettings { audit_pulls: false, ..recording() });
    quiet.manifest(&ann("GET"), &app, &by_tag("v1")).await.unwrap();
    assert_eq!(told(&quiet, &mut 2).await, [""; 0]);
}

/// What is the same in all that a row says is one row, with a number.
#[tokio::test]
async fn pulls_that_are_alike_share_a_row() {
    let registry = TestRegistry::new(RegistrySettings { audit: false, ..recording() }).await;
    let (app, image) = (name("team/app"), TestImage::new(&["config"]));
    image.push(&registry, &ann("PUT"), &app, Some("v1")).await;
    image.push(&registry, &ann("PUT"), &app, Some("v2")).await;
    let by_digest = Reference::Digest(image.digest());
    let bob = Call { caller: Caller { name: Some("bob".into()), ..Caller::anonymous() }, ..ann("GET") };
    let request = RequestInfo { addr: "192.0.2.8".to_owned(), ..ann("GET").request };
    let elsewhere = Call { request, ..ann("GET") };
    for _ in 0..100 {
        for reference in [&by_tag("v1"), &by_tag("v2"), &by_digest] {
            registry.manifest(&ann("GET"), &app, reference).await.unwrap();
        }
        registry.manifest(&bob, &app, &by_tag("v1")).await.unwrap();
        registry.manifest(&elsewhere, &app, &by_tag("v1")).await.unwrap();
    }
    registry.manifest(&call(), &app, &by_tag("v1")).await.unwrap();
    let mut pulls = BTreeMap::new();
    for row in rows(&registry).await {
        let detail: serde_json::Value = serde_json::from_str(&row.detail).unwrap_or_default();
        assert_eq!(detail.get("digest").is_some(), !row.resource.contains('@'), "{row:?}");
        let who = format!("{} {} {}", row.actor, row.address, row.resource);
        *pulls.entry(who).or_insert(0) += detail.get("pulls").map_or(1, |pulls| pulls.as_u64().unwrap());
    }
    let wanted = [
        ("anonymous  team/app:v1".to_owned(), 1),
        ("ann 192.0.2.7 team/app:v1".to_owned(), 100),
        ("ann 192.0.2.7 team/app:v2".to_owned(), 100),
        (format!("ann 192.0.2.7 team/app@{}", image.digest()), 100),
        ("ann 192.0.2.8 team/app:v1".to_owned(), 100),
        ("bob 192.0.2.7 team/app:v1".to_owned(), 100),
    ];
    assert_eq!(pulls, wanted.into_iter().collect());
    assert!(rows(&registry).await.len() < 100, "each has its own");
}

#[tokio::test]
async fn a_row_and_its_change_come_together_or_not_at_all() {
    let image = TestImage::new(&["config"]);
    let app = name("app");
    let mut fired = 0;
    for nth in 0.. {
        let registry = TestRegistry::new(recording()).await;
        image.push_blobs(&registry, &call(), &app).await;
        let plan = FaultPlan::failing_call(nth);
        let failing = longshore_registry_over(&registry, &plan);
        let pushed = push_manifest(&failing, &ann("PUT"), &app, Some("v1"), &image.manifest).await;
        let there = registry.manifest(&ann("HEAD"), &app, &by_tag("v1")).await.is_ok();
        assert_eq!(rows(&registry).await.len(), usize::from(there), "call {nth}");
        if !plan.fired() {
            pushed.unwrap();
            break;
        }
        fired += 1;
    }
    assert!(fired > 8, "only {fired} calls failed");
}

fn longshore_registry_over(sane: &TestRegistry, plan: &FaultPlan) -> longshore_registry::Registry {
    registry(sane.metadata.clone().with_faults(plan), sane.store.clone(), recording())
}

/// The index takes no row while somebody else writes: what cannot wait is counted, and the record says how many.
#[tokio::test]
async fn pulls_that_were_dropped_are_told_of_in_the_record() {
    let registry = TestRegistry::new(recording()).await;
    let (app, image) = (name("team/app"), TestImage::new(&["config"]));
    image.push(&registry, &ann("PUT"), &app, Some("v1")).await;
    let held = registry.metadata.write().await.unwrap();
    for nth in 0..10_000 {
        let caller = Caller { name: Some(format!("user{nth}").into()), ..Caller::anonymous() };
        registry.manifest(&Call { caller, ..ann("GET") }, &app, &by_tag("v1")).await.unwrap();
    }
    drop(held);
    registry.idle().await;
    registry.manifest(&ann("GET"), &app, &by_tag("v1")).await.unwrap();
    registry.idle().await;
    let mut tx = registry.metadata.read().await.unwrap();
    let rows = tx
        .audit_page(&AuditFilter::default(), AuditOrder::OldestFirst, None, 0, 20_000)
        .await
        .unwrap()
        .entries;
    let dropped = rows.iter().filter_map(|row| {
        let detail: serde_json::Value = serde_json::from_str(&row.detail).ok()?;
        detail.get("pulls_not_recorded")?.as_u64()
    });
    let dropped: Vec<u64> = dropped.collect();
    let recorded = rows.iter().filter(|row| row.operation == "pull_artifact").count() - dropped.len();
    assert!(!dropped.is_empty(), "{recorded} recorded");
    assert_eq!(recorded as u64 + dropped.iter().sum::<u64>(), 10_001);
}
