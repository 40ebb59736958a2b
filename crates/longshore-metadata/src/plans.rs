//! Checks on SQLite that no statement walks over a table or sorts what it found. Every statement that runs in a unit
//! test of this crate is recorded; the test below calls everything once and asks for the plan of each.

mod audit;
mod content;
mod users;

mod management;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use longshore_types::{Digest, MediaType, Reference, RepositoryName, Tag, Timestamp, UploadId};

use crate::{
    ManifestReference, Metadata, MetadataError, MetadataSettings, NewManifest, QuotaLimit, ReferenceKind,
    ReviewEvent, TagEventAction, UploadRecord,
    sql::{Row, params},
};

static SEEN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Remembers a statement.
pub(crate) fn record(sql: &str) {
    SEEN.lock().unwrap_or_else(PoisonError::into_inner).insert(sql.to_owned());
}

/// Calls everything that reads or changes the index.
async fn call_everything(metadata: &Metadata) -> Result<(), MetadataError> {
    let now = Timestamp::from_unix_millis(1_000);
    let name: RepositoryName = "team/app".parse().unwrap();
    let tag: Tag = "v1".parse().unwrap();
    let digest = Digest::sha256(b"blob");
    let mut tx = metadata.write().await?;
    tx.begin_counting_usage().await?;
    let record = tx.ensure_repository(&name, now).await?;
    let (repository, project) = (record.id, record.project);
    assert_eq!(tx.ensure_locked_repository(&name, now).await?, record);
    let blob = tx.ensure_blob(&digest, 4, now).await?.id;
    tx.link_blob(repository, blob, now).await?;
    tx.queue_blob_review(repository, blob, ReviewEvent::BlobLinked, now).await?;
    let manifest = NewManifest {
        repository,
        digest: Digest::sha256(b"{}"),
        media_type: &MediaType::OCI_MANIFEST,
        artifact_type: Some("a/b"),
        subject: Some(digest),
        annotations: &BTreeMap::new(),
        payload: b"{}",
        references: &[ManifestReference { kind: ReferenceKind::Layer, digest }],
    };
    tx.put_manifest(&manifest, now).await?;
    let record = tx.put_manifest(&manifest, now).await?;
    tx.set_tag(repository, &tag, &record, TagEventAction::Push, None, now).await?;
    tx.queue_manifest_review(repository, record.id, ReviewEvent::ManifestPushed, now).await?;
    let upload = UploadRecord {
        id: UploadId::random(),
        repository,
        size_bytes: 0,
        digester_state: vec![],
        store_state: vec![],
        started_at: now,
        updated_at: now,
    };
    tx.insert_upload(&upload, "ann").await?;
    assert_eq!(tx.uploads_count_of("ann", 9).await?, 1);
    assert!(tx.hold_project_of(&name).await?);
    tx.check_room(project, 1).await?;
    assert!(tx.update_upload(&upload, 0).await?);
    let job = tx.enqueue_job("k", "{}", now, now).await?;
    assert_eq!(tx.lease_jobs("k", now, now, 1).await?.len(), 1);
    tx.retry_job(job, now, "why").await?;
    assert!(tx.set_job_due(job, now).await?);
    tx.set_setting("k", "v").await?;
    tx.set_quota(project, QuotaLimit::Bytes(100), now).await?;
    tx.set_quota(project, QuotaLimit::Default, now).await?;
    tx.set_default_quota(Some(100)).await?;
    tx.move_repository(repository, project).await?;
    tx.commit().await?;

    let mut tx = metadata.read().await?;
    assert!(tx.repository_by_id(repository).await?.is_some());
    assert_eq!(tx.repositories_page(None, 9).await?.entries, std::slice::from_ref(&name));
    assert_eq!(tx.all_repositories_page(None, 9).await?.entries.len(), 1);
    assert_eq!(tx.catalog_entries("", 9).await?.len(), 1);
    assert_eq!(tx.repositories_of_projects(&[project], ("", "~"), 9).await?.len(), 1);
    assert_eq!(tx.public_projects_from("", 9).await?, []);
    assert!(tx.blob_in(&name, &digest).await?.is_some());
    assert!(tx.blob(&digest).await?.is_some());
    assert_eq!(tx.blobs_page(None, 9).await?.entries.len(), 1);
    assert_eq!(tx.repository_blobs_page(repository, None, 9).await?.entries.len(), 1);
    assert_eq!(tx.repositories_linking(&digest, 9).await?.len(), 1);
    assert_eq!(tx.unlinked_blobs(repository, &[digest]).await?, []);
    assert!(tx.manifest(&name, &Reference::Tag(tag.clone())).await?.is_some());
    assert!(tx.manifest(&name, &Reference::Digest(record.digest)).await?.is_some());
    assert!(tx.manifest_record(repository, &record.digest).await?.is_some());
    assert!(tx.manifest_by_id(record.id).await?.is_some());
    assert_eq!(tx.manifests_page(repository, None, 9).await?.entries.len(), 1);
    assert_eq!(tx.missing_manifests(repository, &[record.digest]).await?, []);
    assert_eq!(tx.references_of(record.id).await?.len(), 1);
    assert_eq!(tx.manifests_referring_to(repository, &digest, 9).await?.len(), 1);
    assert_eq!(tx.referrers_page(repository, &digest, None, None, 9).await?.entries.len(), 1);
    assert_eq!(tx.referrers_page(repository, &digest, Some("a/b"), None, 9).await?.entries.len(), 1);
    assert!(tx.tag(repository, &tag).await?.is_some());
    assert_eq!(tx.tags_page(repository, None, 9).await?.entries.len(), 1);
    assert_eq!(tx.tag_names_page(repository, None, 9).await?.entries, std::slice::from_ref(&tag));
    assert_eq!(tx.tags_of(record.id).await?.len(), 1);
    assert_eq!(tx.tag_events(repository, None, None, 9).await?.entries.len(), 1);
    assert_eq!(tx.tag_events(repository, Some(&tag), None, 9).await?.entries.len(), 1);
    assert!(tx.upload(repository, &upload.id).await?.is_some());
    assert!(tx.upload_exists(&upload.id).await?);
    assert_eq!(tx.stale_uploads(now.after(Duration::from_secs(1)), 9).await?.len(), 1);
    assert_eq!(tx.due_blob_reviews(now, 9).await?.len(), 1);
    assert_eq!(tx.due_manifest_reviews(now, 9).await?.len(), 1);
    assert_eq!((tx.uploads_count().await?, tx.jobs_count("k").await?), (1, 1));
    assert_eq!(tx.reviews_count().await?, (1, 1));
    assert_eq!(tx.review_queues(now, 9).await?.0.due, 1);
    assert_eq!((tx.job_queues().await?.len(), tx.jobs_of_kind("k", 0, 9).await?.len()), (1, 1));
    assert!(tx.job(job).await?.is_some());
    assert_eq!(tx.setting("k").await?.as_deref(), Some("v"));
    assert_eq!(tx.settings_of("group").await?, []);
    assert!(tx.quota_of(project).await?.is_some());
    assert_eq!(tx.quotas_page(None, 0, 9).await?.entries.len(), 1);
    assert_eq!(tx.largest_projects(0, 9).await?.len(), 1);
    assert_eq!(tx.uncounted_repositories(9).await?, []);

    let mut tx = metadata.write().await?;
    tx.delete_tag(repository, &tag, None, now).await?;
    tx.mark_manifest_deleted(record.id, now).await?;
    tx.restore_manifest(record.id).await?;
    tx.delete_manifest_review(record.id).await?;
    tx.purge_manifest(record.id).await?;
    tx.delete_blob_review(repository, blob).await?;
    assert!(tx.blob_is_linked(blob).await?);
    tx.unlink_blob(repository, blob).await?;
    tx.delete_blob(blob).await?;
    tx.delete_upload(&upload.id).await?;
    tx.complete_job(job).await?;
    tx.delete_setting("k").await?;
    tx.end_counting_usage().await?;
    tx.commit().await
}

/// Steps of a plan that are allowed, with the beginning of the statements that may have them.
const ALLOWED: [(&str, &str); 34] = [
    // The first of the index.
    ("SCAN blob_reviews USING COVERING INDEX", "SELECT review_after FROM blob_reviews ORDER BY"),
    ("SCAN manifest_reviews USING COVERING INDEX", "SELECT review_after FROM manifest_reviews ORDER BY"),
    // What waits, as far as was asked for, or counted as administrators ask.
    ("SCAN blob_reviews", "SELECT COUNT(*) FROM (SELECT 1 FROM blob_reviews LIMIT"),
    ("SCAN manifest_reviews", "SELECT COUNT(*) FROM (SELECT 1 FROM manifest_reviews LIMIT"),
    ("SCAN jobs", "SELECT kind, COUNT(*)"),
    // Counting is what it says.
    ("SCAN uploads", "SELECT COUNT(*) FROM uploads"),
    ("SCAN access_policies", "SELECT COUNT(*) FROM access_policies"),
    ("SCAN blob_reviews", "SELECT COUNT(*) FROM blob_reviews"),
    ("SCAN manifest_reviews", "SELECT COUNT(*) FROM manifest_reviews"),
    // At most as many as the caller asked for.
    ("USE TEMP B-TREE FOR ORDER BY", "SELECT r.name FROM (SELECT l.repository_id"),
    // Rows of the INSERT itself.
    ("SCAN 8-ROW VALUES CLAUSE", "INSERT INTO manifest_references"),
    // Whether there is any at all: stops at the first.
    ("SEARCH manifests USING INDEX manifests_by_push", "UPDATE repositories SET has_manifests = 0"),
    // Counting all that a repository holds, once, or when it moves.
    ("SEARCH l USING PRIMARY KEY (repository_id=?)", "INSERT INTO project_contents"),
    ("SEARCH l USING PRIMARY KEY (repository_id=?)", "UPDATE project_contents SET holders = holders - 1"),
    ("SEARCH l USING PRIMARY KEY (repository_id=?)", "DELETE FROM project_contents WHERE digest IN"),
    ("SEARCH l USING PRIMARY KEY (repository_id=?)", "SELECT CAST(COALESCE(SUM(c.size_bytes)"),
    ("SEARCH m USING", "INSERT INTO project_contents"),
    ("SEARCH m USING", "UPDATE project_contents SET holders = holders - 1"),
    ("SEARCH m USING", "DELETE FROM project_contents WHERE digest IN"),
    ("SEARCH m USING", "SELECT CAST(COALESCE(SUM(c.size_bytes)"),
    // Only those that are not counted are in that index.
    ("SCAN repositories USING COVERING INDEX repositories_uncounted", "SELECT id FROM repositories"),
    // The order of the index, as far as was asked for.
    ("SCAN audit_events USING INDEX audit_events_by_time", "SELECT id, at, operation"),
    ("SCAN audit_events USING COVERING INDEX", "SELECT COUNT(*) FROM (SELECT 1 FROM audit_events  LIMIT"),
    // Rows of the UPDATE itself.
    ("SCAN 8-ROW VALUES CLAUSE", "UPDATE audit_events SET sequence"),
    // What every project uses, for administrators: a row or a few for each.
    ("SCAN p USING", "SELECT p.id, p.name, p.parent_id"),
    ("USE TEMP B-TREE FOR ORDER BY", "SELECT p.id, p.name, p.parent_id"),
    ("SCAN trust_rules", "SELECT COUNT(*) FROM trust_rules"),
    // Members of one project, and projects of one owner.
    ("USE TEMP B-TREE FOR GROUP BY", "SELECT role_id, COUNT(*) FROM project_members"),
    (
        "USE TEMP B-TREE FOR ORDER BY",
        "SELECT id, parent_id, name, owner_id, public, created_at, updated_at FROM projects WHERE owner_id",
    ),
    // All projects that are there: counted, or in an order as far as was asked for.
    ("SEARCH projects USING", "SELECT COUNT(*) FROM projects WHERE deleted_at"),
    (
        "SEARCH projects USING",
        "SELECT id, parent_id, name, owner_id, public, created_at, updated_at FROM projects WHERE deleted_at",
    ),
    (
        "SEARCH projects USING INDEX projects_by_update",
        "SELECT id, parent_id, name, owner_id, public, created_at, updated_at FROM projects WHERE public",
    ),
    // Rows of the walk itself: projects within one.
    ("SCAN CONSTANT ROW", "UPDATE projects SET public"),
    ("SCAN h", "UPDATE projects SET public"),
];

/// What has to change every row: the switches of an administrator.
const OF_ALL_ROWS: [&str; 4] = [
    "UPDATE repositories SET counted = 0 WHERE counted = 1",
    "DELETE FROM project_contents",
    "DELETE FROM project_usage",
    "UPDATE project_usage SET allotted_bytes = used_bytes WHERE NOT EXISTS \
     (SELECT 1 FROM project_quotas q WHERE q.project_id = project_usage.project_id)",
];

/// Whether a step costs more the more there is in the index, or in one repository.
fn is_suspect(step: &str, plan: &[String]) -> bool {
    let walks = step.strip_prefix("SCAN ").is_some_and(|table| {
        // The rows of a subquery; its own steps stand in the plan too.
        !plan.contains(&format!("CO-ROUTINE {table}"))
    });
    walks
        || ["TEMP B-TREE", "AUTOMATIC", "(repository_id=?)", "(deleted_at=?)"]
            .iter()
            .any(|part| step.contains(part))
}

#[tokio::test]
async fn no_statement_scans_a_table() {
    let settings = MetadataSettings { url: "sqlite::memory:".to_owned(), connections_max: 2, durable: false };
    let metadata = Metadata::open(&settings).await.unwrap();
    call_everything(&metadata).await.unwrap();
    audit::call_everything(&metadata).await.unwrap();
    users::call_everything(&metadata).await.unwrap();
    content::call_everything(&metadata).await.unwrap();
    management::call_everything(&metadata).await.unwrap();

    let seen = SEEN.lock().unwrap().clone();
    let verbs = ["SELECT", "INSERT", "UPDATE", "DELETE"];
    // Not those of the migrations, and of other unit tests on tables of their own.
    let others = ["schema_version", "scratch"];
    let ours = |sql: &&String| {
        verbs.iter().any(|verb| sql.starts_with(verb))
            && !others.iter().any(|other| sql.contains(other))
            && !OF_ALL_ROWS.contains(&sql.as_str())
    };
    let statements: Vec<&String> = seen.iter().filter(ours).collect();
    assert!(statements.len() > 60, "{} statements", statements.len());
    let mut tx = metadata.read().await.unwrap();
    let mut wrong = Vec::new();
    for sql in statements {
        let rows = tx.query(&format!("EXPLAIN QUERY PLAN {sql}"), params![]).await.unwrap();
        let plan: Vec<String> = rows.into_iter().map(step).collect();
        for step in plan.iter().filter(|step| is_suspect(step, &plan)) {
            let of_all = ALLOWED.iter().map(|(part, start)| (part, start, &""));
            let of_content = content::ALLOWED.iter().map(|(part, start, within)| (part, start, within));
            let allowed = of_all.chain(of_content).any(|(part, start, within)| {
                step.starts_with(part) && sql.starts_with(start) && sql.contains(within)
            });
            if !allowed {
                wrong.push(format!("{step}\n    in {sql}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The last of the columns `id, parent, notused, detail`.
fn step(mut row: Row) -> String {
    for _ in 0..3 {
        row.int().unwrap();
    }
    row.text().unwrap()
}
