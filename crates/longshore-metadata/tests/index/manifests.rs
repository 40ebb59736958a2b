use std::collections::BTreeMap;

use crate::support::{at, digest, draft, name, on_both_databases, push_tag, repository, tag};
use longshore_metadata::{Metadata, MetadataError, ReferenceKind};
use longshore_types::{Digest, MediaType, Reference};

on_both_databases! {
    a_manifest_comes_back_as_it_was_pushed,
    a_deleted_manifest_is_hidden_until_it_is_restored,
    a_purged_manifest_is_gone,
    a_tagged_manifest_can_neither_be_hidden_nor_purged,
    references_of_a_large_index_are_kept,
    a_manifest_pushed_again_keeps_its_row,
    referrers_are_filtered_and_paged,
    an_artifact_type_with_nul_counts_as_none,
    manifests_are_paged_by_digest,
}

async fn a_manifest_comes_back_as_it_was_pushed(metadata: Metadata) {
    let mut tx = metadata.write().await.unwrap();
    let app = repository(&mut tx, "team/app").await;
    let mut pushed = draft("{ \"a\": 1}\n\u{0}");
    pushed.artifact_type = Some("application/x");
    pushed.subject = Some(Digest::of(longshore_types::DigestAlgorithm::Sha512, b"subject"));
    let record = pushed.put(&mut tx, app, at(7)).await;
    push_tag(&mut tx, "v1", &record, at(7)).await;
    tx.commit().await.unwrap();

    let mut tx = metadata.read().await.unwrap();
    for reference in [Reference::Tag(tag("v1")), Reference::Digest(record.digest)] {
        let found = tx.manifest(&name("team/app"), &reference).await.unwrap().unwrap();
        assert_eq!(found.record, record);
        assert_eq!(found.payload, pushed.content.as_bytes());
        assert_eq!(tx.manifest(&name("team/other"), &reference).await.unwrap(), None);
    }
    assert_eq!(tx.manifest(&name("team/app"), &Reference::Tag(tag("v2"))).await.unwrap(), None);
    assert_eq!(tx.manifest_record(app, &record.digest).await.unwrap(), Some(record.clone()));
    assert_eq!(tx.manifest_by_id(record.id).await.unwrap().unwrap().record, record);
    assert_eq!((record.pushed_at, record.deleted_at), (at(7), None));
}

async fn a_deleted_manifest_is_hidden_until_it_is_restored(metadata: Metadata) {
    let mut tx = metadata.write().await.unwrap();
    let app = repository(&mut tx, "app").await;
    let record = draft("m").refers(ReferenceKind::Layer, "layer").put(&mut tx, app, at(1)).await;
    tx.mark_manifest_deleted(record.id, at(9)).await.unwrap();
    let by_digest = Reference::Digest(record.digest);
    assert_eq!(tx.manifest(&name("app"), &by_digest).await.unwrap(), None);
    assert_eq!(tx.missing_manifests(app, &[record.digest]).await.unwrap(), [record.digest]);
    assert_eq!(tx.manifests_page(app, None, 9).await.unwrap().entries, []);
    // What must not be collected yet is still there.
    assert_eq!(tx.manifest_record(app, &record.digest).await.unwrap().unwrap().deleted_at, Some(at(9)));
    assert_eq!(tx.manifests_referring_to(app, &digest("layer"), 9).await.unwrap().len(), 1);
    tx.restore_manifest(record.id).await.unwrap();
    assert_eq!(tx.manifest(&name("app"), &by_digest).await.unwrap().unwrap().record, record);
    assert_eq!(tx.missing_manifests(app, &[record.digest, digest("n")]).await.unwrap(), [digest("n")]);
}

async fn a_purged_manifest_is_gone(metadata: Metadata) {
    let mut tx = metadata.write().await.unwrap();
    let app = repository(&mut tx, "app").await;
    let record = draft("m").refers(ReferenceKind::Config, "config").put(&mut tx, app, at(1)).await;
    let event = longshore_metadata::ReviewEvent::ManifestPushed;
    tx.queue_manifest_review(app, record.id, event, at(1)).await.unwrap();
    tx.purge_manifest(record.id).await.unwrap();
    assert_eq!(tx.manifest_by_id(record.id).await.unwrap(), None);
    assert_eq!(tx.references_of(record.id).await.unwrap(), []);
    assert_eq!(tx.manifests_referring_to(app, &digest("config"), 9).await.unwrap(), []);
    assert_eq!(tx.reviews_count().await.unwrap(), (0, 0));
    // A row's number is not given out again: an id that somebody still holds cannot come to mean another manifest.
    let next = draft("n").put(&mut tx, app, at(1)).await;
    assert!(next.id > record.id);
    tx.purge_manifest(record.id).await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = metadata.write().await.unwrap();
    let error = tx.restore_manifest(record.id).await.unwrap_err();
    assert!(matches!(error, MetadataError::Conflict(_)), "{error}");
}

async fn a_tagged_manifest_can_neither_be_hidden_nor_purged(metadata: Metadata) {
    let mut tx = metadata.write().await.unwrap();
    let app = repository(&mut tx, "app").await;
    let record = draft("m").put(&mut tx, app, at(1)).await;
    push_tag(&mut tx, "v1", &record, at(1)).await;
    tx.commit().await.unwrap();
    let mut tx = metadata.write().await.unwrap();
    let error = tx.mark_manifest_deleted(record.id, at(2)).await.unwrap_err();
    assert!(matches!(error, MetadataError::Conflict(_)), "{error}");
    drop(tx);
    let mut tx = metadata.write().await.unwrap();
    let error = tx.purge_manifest(record.id).await.unwrap_err();
    assert!(matches!(error, MetadataError::Conflict(_)), "{error}");
    drop(tx);
    let mut tx = metadata.read().await.unwrap();
    assert!(tx.manifest(&name("app"), &Reference::Tag(tag("v1"))).await.unwrap().is_some());
}

async fn references_of_a_large_index_are_kept(metadata: Metadata) {
    let mut tx = metadata.write().await.unwrap();
    let app = repository(&mut tx, "app").await;
    let mut index = draft("index");
    index.media_type = MediaType::OCI_INDEX;
    for n in 0..200 {
        index = index.refers(ReferenceKind::Child, &n.to_string());
    }
    // The same thing twice, and in two ways.
    index = index.refers(ReferenceKind::Child, "0").refers(ReferenceKind::Config, "0");
    let record = index.put(&mut tx, app, at(1)).await;
    tx.commit().await.unwrap();
    let mut tx = metadata.read().await.unwrap();
    let references = tx.references_of(record.id).await.unwrap();
    assert_eq!(references.len(), 201);
    assert!(index.references.iter().all(|reference| references.contains(reference)));
    assert_eq!(tx.manifests_referring_to(app, &digest("0"), 9).await.unwrap(), std::slice::from_ref(&record));
    assert_eq!(tx.manifests_referring_to(app, &digest("199"), 9).await.unwrap(), [record]);
    assert_eq!(tx.manifests_referring_to(app, &digest("200"), 9).await.unwrap(), []);
}

async fn a_manifest_pushed_again_keeps_its_row(metadata: Metadata) {
    let mut tx = metadata.write().await.unwrap();
    let app = repository(&mut tx, "app").await;
    let first = draft("m").refers(ReferenceKind::Layer, "layer").put(&mut tx, app, at(1)).await;
    tx.mark_manifest_deleted(first.id, at(2)).await.unwrap();
    let mut again = draft("m");
    again.media_type = MediaType::DOCKER_MANIFEST;
    let second = again.put(&mut tx, app, at(3)).await;
    tx.commit().await.unwrap();
    assert_eq!((second.id, second.pushed_at), (first.id, at(3)));
    let mut tx = metadata.read().await.unwrap();
    let found = tx.manifest_by_id(first.id).await.unwrap().unwrap();
    assert_eq!(found.record, second);
    assert_eq!(found.record.media_type, MediaType::DOCKER_MANIFEST);
    assert_eq!(tx.references_of(first.id).await.unwrap().len(), 1);
}

async fn referrers_are_filtered_and_paged(metadata: Metadata) {
    let mut tx = metadata.write().await.unwrap();
    let app = repository(&mut tx, "app").await;
    let other = repository(&mut tx, "other").await;
    let subject = digest("subject");
    let mut wanted = Vec::new();
    for (n, content) in ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11"].into_iter().enumerate()
    {
        let mut referrer = draft(content);
        referrer.subject = Some(if n == 11 { digest("another") } else { subject });
        referrer.artifact_type = Some(if n % 2 == 0 { "a/sbom" } else { "a/signature" });
        referrer.annotations = BTreeMap::from([("n".to_owned(), format!("{content} \u{0} \"ü\""))]);
        let record = referrer.put(&mut tx, app, at(1)).await;
        if n == 10 {
            tx.mark_manifest_deleted(record.id, at(2)).await.unwrap();
        } else if n < 10 {
            wanted.push((digest(content), referrer.annotations["n"].clone(), referrer.artifact_type));
        }
    }
    let mut elsewhere = draft("elsewhere");
    elsewhere.subject = Some(subject);
    elsewhere.put(&mut tx, other, at(1)).await;
    tx.commit().await.unwrap();
    wanted.sort();

    let mut tx = metadata.read().await.unwrap();
    let all = tx.referrers_page(app, &subject, None, None, 100).await.unwrap();
    let found: Vec<_> = all
        .entries
        .iter()
        .map(|found| (found.digest, found.annotations["n"].clone(), found.artifact_type.as_deref()))
        .collect();
    assert_eq!((found, all.more), (wanted.clone(), false));
    let page = tx.referrers_page(app, &subject, None, Some(&wanted[3].0), 4).await.unwrap();
    assert_eq!((page.entries.len(), page.more), (4, true));
    assert_eq!(page.entries[0].digest, wanted[4].0);
    let signatures = tx.referrers_page(app, &subject, Some("a/signature"), None, 5).await.unwrap();
    assert_eq!((signatures.entries.len(), signatures.more), (5, false));
    assert!(signatures.entries.iter().all(|found| found.artifact_type.as_deref() == Some("a/signature")));
    for unknown in ["a/other", "a/\0", ""] {
        let page = tx.referrers_page(app, &subject, Some(unknown), None, 5).await.unwrap();
        assert_eq!(page.entries, [], "{unknown:?}");
    }
}

async fn an_artifact_type_with_nul_counts_as_none(metadata: Metadata) {
    let mut tx = metadata.write().await.unwrap();
    let app = repository(&mut tx, "app").await;
    let mut hostile = draft("m");
    hostile.artifact_type = Some("a/\0b");
    let record = hostile.put(&mut tx, app, at(1)).await;
    assert_eq!(record.artifact_type, None);
    assert_eq!(hostile.put(&mut tx, app, at(2)).await.artifact_type, None);
    // Longer than PostgreSQL could index.
    let long = "x".repeat(100_000);
    let mut hostile = draft("n");
    hostile.artifact_type = Some(&long);
    hostile.subject = Some(digest("subject"));
    hostile.put(&mut tx, app, at(1)).await;
    tx.commit().await.unwrap();
    let mut tx = metadata.read().await.unwrap();
    let found = tx.referrers_page(app, &digest("subject"), Some(&long), None, 5).await.unwrap();
    assert_eq!(found.entries.len(), 1);
}

async fn manifests_are_paged_by_digest(metadata: Metadata) {
    let mut tx = metadata.write().await.unwrap();
    let app = repository(&mut tx, "app").await;
    let other = repository(&mut tx, "other").await;
    let mut wanted = Vec::new();
    for n in 0..10 {
        let content = n.to_string();
        wanted.push(draft(&content).put(&mut tx, app, at(1)).await.digest);
        draft(&content).put(&mut tx, other, at(1)).await;
    }
    wanted.sort();
    let first = tx.manifests_page(app, None, 7).await.unwrap();
    let rest = tx.manifests_page(app, Some(&first.entries[6].record.digest), 7).await.unwrap();
    assert_eq!((first.more, rest.more), (true, false));
    let found: Vec<_> = first.entries.iter().chain(&rest.entries).map(|found| found.record.digest).collect();
    assert_eq!(found, wanted);
}
