use std::collections::BTreeSet;

use crate::support::{at, digest, linked_blob, name, on_both_databases, repository};
use longshore_metadata::{BlobRecord, Metadata, MetadataError};
use longshore_types::{Digest, DigestAlgorithm};

on_both_databases! {
    a_blob_is_seen_only_where_it_is_linked,
    ensuring_a_blob_twice_is_one_row,
    blobs_are_paged_by_digest_and_links_by_row,
    unlinked_blobs_are_told_apart,
    a_linked_blob_cannot_be_forgotten,
    linking_what_is_gone_is_a_conflict,
}

async fn a_blob_is_seen_only_where_it_is_linked(metadata: Metadata) {
    let mut tx = metadata.write().await.unwrap();
    let (here, there) = (repository(&mut tx, "here").await, repository(&mut tx, "there").await);
    let blob = linked_blob(&mut tx, here, "layer").await;
    tx.link_blob(here, blob, at(2)).await.unwrap();
    tx.commit().await.unwrap();

    let mut tx = metadata.read().await.unwrap();
    let record = BlobRecord { id: blob, digest: digest("layer"), size_bytes: 5 };
    assert_eq!(tx.blob_in(&name("here"), &digest("layer")).await.unwrap(), Some(record));
    assert_eq!(tx.blob_in(&name("there"), &digest("layer")).await.unwrap(), None);
    assert_eq!(tx.blob_in(&name("nowhere"), &digest("layer")).await.unwrap(), None);
    assert_eq!(tx.blob(&digest("layer")).await.unwrap(), Some(record));
    assert_eq!(tx.repositories_linking(&digest("layer"), 9).await.unwrap(), [name("here")]);
    drop(tx);

    let mut tx = metadata.write().await.unwrap();
    tx.link_blob(there, blob, at(3)).await.unwrap();
    assert_eq!(tx.repositories_linking(&digest("layer"), 9).await.unwrap(), [name("here"), name("there")]);
    assert_eq!(tx.repositories_linking(&digest("layer"), 1).await.unwrap().len(), 1);
    assert!(tx.unlink_blob(here, blob).await.unwrap());
    assert!(!tx.unlink_blob(here, blob).await.unwrap());
    assert!(tx.blob_is_linked(blob).await.unwrap());
    assert!(tx.unlink_blob(there, blob).await.unwrap());
    assert!(!tx.blob_is_linked(blob).await.unwrap());
    tx.delete_blob(blob).await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = metadata.read().await.unwrap();
    assert_eq!(tx.blob(&digest("layer")).await.unwrap(), None);
}

async fn ensuring_a_blob_twice_is_one_row(metadata: Metadata) {
    let mut tx = metadata.write().await.unwrap();
    let made = tx.ensure_blob(&digest("x"), 1, at(1)).await.unwrap();
    assert_eq!(tx.ensure_blob(&digest("x"), 1, at(2)).await.unwrap(), made);
    assert_eq!(tx.lock_blob(&digest("x")).await.unwrap(), Some(made));
    // The length that was just counted is right.
    let again = tx.ensure_blob(&digest("x"), 2, at(2)).await.unwrap();
    assert_eq!((again.id, again.size_bytes), (made.id, 2));
    let sha512 = Digest::of(DigestAlgorithm::Sha512, b"x");
    assert_ne!(tx.ensure_blob(&sha512, 1, at(1)).await.unwrap().id, made.id);
    assert_eq!(tx.lock_blob(&digest("y")).await.unwrap(), None);
    tx.commit().await.unwrap();
}

async fn blobs_are_paged_by_digest_and_links_by_row(metadata: Metadata) {
    let mut tx = metadata.write().await.unwrap();
    let app = repository(&mut tx, "app").await;
    let other = repository(&mut tx, "other").await;
    let mut digests = BTreeSet::new();
    for n in 0..20 {
        let content = n.to_string();
        let algorithm = DigestAlgorithm::ALL[n % 2];
        let digest = Digest::of(algorithm, content.as_bytes());
        let blob = tx.ensure_blob(&digest, 1, at(1)).await.unwrap().id;
        tx.link_blob(if n < 15 { app } else { other }, blob, at(1)).await.unwrap();
        digests.insert(digest);
    }
    tx.commit().await.unwrap();
    let mut tx = metadata.read().await.unwrap();
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = tx.blobs_page(after.as_ref(), 6).await.unwrap();
        found.extend(page.entries.iter().map(|blob| blob.digest));
        after = found.last().copied();
        if !page.more {
            break;
        }
        assert_eq!(page.entries.len(), 6);
    }
    assert_eq!(found, digests.into_iter().collect::<Vec<_>>());
    let first = tx.repository_blobs_page(app, None, 10).await.unwrap();
    let rest = tx.repository_blobs_page(app, first.entries.last().map(|blob| blob.id), 10).await.unwrap();
    assert_eq!((first.entries.len(), first.more, rest.entries.len(), rest.more), (10, true, 5, false));
    let ids: BTreeSet<_> = first.entries.iter().chain(&rest.entries).map(|blob| blob.id).collect();
    assert_eq!(ids.len(), 15);
}

async fn unlinked_blobs_are_told_apart(metadata: Metadata) {
    let mut tx = metadata.write().await.unwrap();
    let app = repository(&mut tx, "app").await;
    let other = repository(&mut tx, "other").await;
    let contents: Vec<String> = (0..150).map(|n| n.to_string()).collect();
    let mut wanted = Vec::new();
    for (n, content) in contents.iter().enumerate() {
        match n % 3 {
            0 => drop(linked_blob(&mut tx, app, content).await),
            1 => {
                linked_blob(&mut tx, other, content).await;
                wanted.push(digest(content));
            }
            _ => wanted.push(digest(content)),
        }
    }
    let all: Vec<Digest> = contents.iter().map(|content| digest(content)).collect();
    assert_eq!(tx.unlinked_blobs(app, &all).await.unwrap(), wanted);
    assert_eq!(tx.unlinked_blobs(app, &all[..5]).await.unwrap(), [all[1], all[2], all[4]]);
    assert_eq!(tx.unlinked_blobs(app, &[]).await.unwrap(), []);
}

async fn a_linked_blob_cannot_be_forgotten(metadata: Metadata) {
    let mut tx = metadata.write().await.unwrap();
    let app = repository(&mut tx, "app").await;
    let blob = linked_blob(&mut tx, app, "layer").await;
    tx.commit().await.unwrap();
    let mut tx = metadata.write().await.unwrap();
    tx.lock_blob(&digest("layer")).await.unwrap();
    let error = tx.delete_blob(blob).await.unwrap_err();
    assert!(matches!(error, MetadataError::Conflict(_)), "{error}");
    // Nothing of a transaction in which a call failed can be committed.
    tx.commit().await.unwrap_err();
    let mut tx = metadata.read().await.unwrap();
    assert!(tx.blob_in(&name("app"), &digest("layer")).await.unwrap().is_some());
}

async fn linking_what_is_gone_is_a_conflict(metadata: Metadata) {
    let mut tx = metadata.write().await.unwrap();
    let app = repository(&mut tx, "app").await;
    let blob = tx.ensure_blob(&digest("layer"), 5, at(1)).await.unwrap().id;
    tx.commit().await.unwrap();
    let mut tx = metadata.write().await.unwrap();
    tx.delete_blob(blob).await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = metadata.write().await.unwrap();
    let error = tx.link_blob(app, blob, at(1)).await.unwrap_err();
    assert!(matches!(error, MetadataError::Conflict(_)), "{error}");
}
