use crate::support::{at, draft, linked_blob, on_both_databases, repository};
use longshore_metadata::{Metadata, MetadataError, ReviewEvent, ReviewQueue, UploadRecord};
use longshore_types::UploadId;

on_both_databases! {
    an_upload_grows_only_from_where_it_was,
    an_upload_belongs_to_its_repository,
    stale_uploads_come_oldest_first,
    the_later_review_counts,
    jobs_are_leased_once_and_come_back,
    workers_do_not_take_the_same_job,
    settings_are_kept,
}

async fn upload(tx: &mut longshore_metadata::WriteTx, text: &str, updated_at: i64) -> UploadRecord {
    let repository = repository(tx, text).await;
    let upload = UploadRecord {
        id: UploadId::random(),
        repository,
        size_bytes: 0,
        digester_state: vec![0x12, 0, 255],
        store_state: vec![],
        started_at: at(1),
        updated_at: at(updated_at),
    };
    tx.insert_upload(&upload, "ann").await.unwrap();
    upload
}

async fn an_upload_grows_only_from_where_it_was(metadata: Metadata) {
    let mut tx = metadata.write().await.unwrap();
    let begun = upload(&mut tx, "app", 1).await;
    let mut grown = begun.clone();
    (grown.size_bytes, grown.updated_at) = (10, at(5));
    (grown.digester_state, grown.store_state) = (vec![1], vec![2]);
    assert!(tx.update_upload(&grown, 0).await.unwrap());
    assert!(!tx.update_upload(&begun, 0).await.unwrap());
    assert_eq!(tx.upload(begun.repository, &begun.id).await.unwrap(), Some(grown));
    assert_eq!(tx.uploads_count().await.unwrap(), 1);
    assert!(tx.delete_upload(&begun.id).await.unwrap());
    assert!(!tx.delete_upload(&begun.id).await.unwrap());
    assert!(!tx.update_upload(&begun, 10).await.unwrap());
    assert_eq!(tx.uploads_count().await.unwrap(), 0);
}

async fn an_upload_belongs_to_its_repository(metadata: Metadata) {
    let mut tx = metadata.write().await.unwrap();
    let begun = upload(&mut tx, "app", 1).await;
    let other = repository(&mut tx, "other").await;
    assert_eq!(tx.upload(other, &begun.id).await.unwrap(), None);
    assert!(tx.upload_exists(&begun.id).await.unwrap());
    assert!(!tx.upload_exists(&UploadId::random()).await.unwrap());
    let stolen = UploadRecord { repository: other, ..begun.clone() };
    assert!(!tx.update_upload(&stolen, 0).await.unwrap());
    let error = tx.insert_upload(&stolen, "ann").await.unwrap_err();
    assert!(matches!(error, MetadataError::Conflict(_)), "{error}");
}

async fn stale_uploads_come_oldest_first(metadata: Metadata) {
    let mut tx = metadata.write().await.unwrap();
    for moment in [30, 10, 20, 40] {
        upload(&mut tx, "app", moment).await;
    }
    let stale = tx.stale_uploads(at(40), 2).await.unwrap();
    let moments: Vec<_> = stale.iter().map(|upload| upload.updated_at).collect();
    assert_eq!(moments, [at(10), at(20)]);
    assert_eq!(tx.stale_uploads(at(40), 9).await.unwrap().len(), 3);
}

async fn the_later_review_counts(metadata: Metadata) {
    let mut tx = metadata.write().await.unwrap();
    let app = repository(&mut tx, "app").await;
    let blob = linked_blob(&mut tx, app, "layer").await;
    tx.queue_blob_review(app, blob, ReviewEvent::BlobLinked, at(10)).await.unwrap();
    tx.queue_blob_review(app, blob, ReviewEvent::BlobUnlinked, at(5)).await.unwrap();
    assert_eq!(tx.due_blob_reviews(at(9), 9).await.unwrap(), []);
    let due = tx.due_blob_reviews(at(10), 9).await.unwrap();
    assert_eq!((due[0].repository, due[0].blob.id, due[0].blob.size_bytes), (app, blob, 5));
    assert_eq!((due[0].event, due[0].review_after), (ReviewEvent::BlobUnlinked, at(10)));

    let manifest = draft("m").put(&mut tx, app, at(1)).await;
    let second = draft("n").put(&mut tx, app, at(1)).await;
    tx.queue_manifest_review(app, manifest.id, ReviewEvent::ManifestPushed, at(10)).await.unwrap();
    tx.queue_manifest_review(app, second.id, ReviewEvent::ParentPurged, at(11)).await.unwrap();
    tx.queue_manifest_review(app, manifest.id, ReviewEvent::ManifestUntagged, at(12)).await.unwrap();
    let due = tx.due_manifest_reviews(at(12), 9).await.unwrap();
    let told: Vec<_> = due.iter().map(|due| (due.manifest, due.event, due.review_after)).collect();
    assert_eq!(
        told,
        [
            (second.id, ReviewEvent::ParentPurged, at(11)),
            (manifest.id, ReviewEvent::ManifestUntagged, at(12)),
        ]
    );
    assert_eq!(tx.due_manifest_reviews(at(12), 1).await.unwrap().len(), 1);
    assert_eq!(tx.reviews_count().await.unwrap(), (1, 2));
    let (blobs, manifests) = tx.review_queues(at(11), 9).await.unwrap();
    assert_eq!((blobs.waiting, manifests), (1, ReviewQueue { waiting: 2, due: 1, next: Some(at(11)) }));
    assert_eq!(tx.review_queues(at(99), 1).await.unwrap().1.waiting, 1, "counted as far as was asked for");
    tx.delete_manifest_review(manifest.id).await.unwrap();
    tx.delete_blob_review(app, blob).await.unwrap();
    assert_eq!(tx.reviews_count().await.unwrap(), (0, 1));
}

async fn jobs_are_leased_once_and_come_back(metadata: Metadata) {
    let mut tx = metadata.write().await.unwrap();
    let late = tx.enqueue_job("import", "{\"n\":1}", at(20), at(1)).await.unwrap();
    let early = tx.enqueue_job("import", "{\"n\":2}", at(10), at(2)).await.unwrap();
    tx.enqueue_job("other", "{}", at(1), at(1)).await.unwrap();
    tx.enqueue_job("import", "{}", at(99), at(1)).await.unwrap();
    assert_eq!(tx.jobs_count("import").await.unwrap(), 3);
    let leased = tx.lease_jobs("import", at(30), at(50), 9).await.unwrap();
    assert_eq!(leased.iter().map(|job| job.id).collect::<Vec<_>>(), [early, late]);
    assert_eq!(
        (leased[0].payload.as_str(), leased[0].attempts, leased[0].created_at),
        ("{\"n\":2}", 0, at(2))
    );
    assert_eq!(tx.lease_jobs("import", at(49), at(60), 9).await.unwrap(), []);
    tx.complete_job(early).await.unwrap();
    tx.retry_job(late, at(45), "the disk is full\0").await.unwrap();
    let again = tx.lease_jobs("import", at(45), at(60), 9).await.unwrap();
    assert_eq!((again.len(), again[0].id, again[0].attempts), (1, late, 1));
    // The worker is gone: the lease runs out.
    let again = tx.lease_jobs("import", at(60), at(70), 9).await.unwrap();
    assert_eq!((again.len(), again[0].id, again[0].attempts), (1, late, 1));
    assert_eq!(tx.jobs_count("import").await.unwrap(), 2);
    // What people see of them.
    let queues = tx.job_queues().await.unwrap();
    let seen: Vec<_> = queues.iter().map(|queue| (queue.kind.as_str(), queue.count, queue.oldest)).collect();
    assert_eq!(seen, [("import", 2, at(1)), ("other", 1, at(1))]);
    let listed = tx.jobs_of_kind("import", 0, 9).await.unwrap();
    assert_eq!(listed.iter().map(|job| job.run_after).collect::<Vec<_>>(), [at(70), at(99)]);
    assert_eq!(
        (listed[0].id, listed[0].attempts, listed[0].last_error.as_str()),
        (late, 1, "the disk is full")
    );
    assert_eq!(tx.jobs_of_kind("import", 1, 9).await.unwrap(), listed[1..]);
    assert!(tx.set_job_due(late, at(5)).await.unwrap());
    assert_eq!(tx.job(late).await.unwrap().unwrap().run_after, at(5));
    assert_eq!((tx.job(early).await.unwrap(), tx.set_job_due(early, at(5)).await.unwrap()), (None, false));
}

async fn workers_do_not_take_the_same_job(metadata: Metadata) {
    let mut tx = metadata.write().await.unwrap();
    for _ in 0..60 {
        tx.enqueue_job("k", "{}", at(1), at(1)).await.unwrap();
    }
    tx.commit().await.unwrap();
    let workers: Vec<_> = (0..6)
        .map(|_| {
            let metadata = metadata.clone();
            tokio::spawn(async move {
                let mut taken = Vec::new();
                loop {
                    let mut tx = metadata.write().await.unwrap();
                    let jobs = tx.lease_jobs("k", at(2), at(100), 3).await.unwrap();
                    tx.commit().await.unwrap();
                    if jobs.is_empty() {
                        return taken;
                    }
                    taken.extend(jobs.into_iter().map(|job| job.id));
                }
            })
        })
        .collect();
    let mut taken = Vec::new();
    for worker in workers {
        taken.extend(worker.await.unwrap());
    }
    taken.sort_unstable();
    let count = taken.len();
    taken.dedup();
    assert_eq!((count, taken.len()), (60, 60));
}

async fn settings_are_kept(metadata: Metadata) {
    let mut tx = metadata.write().await.unwrap();
    assert_eq!(tx.setting("import").await.unwrap(), None);
    tx.set_setting("import", "a").await.unwrap();
    tx.set_setting("import", "b").await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = metadata.write().await.unwrap();
    assert_eq!(tx.setting("import").await.unwrap().as_deref(), Some("b"));
    tx.delete_setting("import").await.unwrap();
    assert_eq!(tx.setting("import").await.unwrap(), None);
}
