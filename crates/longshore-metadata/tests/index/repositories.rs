use crate::support::{at, draft, name, on_both_databases, repository};
use longshore_metadata::{Metadata, MetadataError};

on_both_databases! {
    a_repository_is_made_once,
    only_repositories_with_a_live_manifest_are_listed,
    names_are_listed_in_byte_order,
    every_repository_is_paged_by_row,
    locking_what_is_not_there_is_a_conflict,
    many_make_the_same_repository_at_once,
}

async fn a_repository_is_made_once(metadata: Metadata) {
    let mut tx = metadata.write().await.unwrap();
    let made = tx.ensure_repository(&name("team/app"), at(5)).await.unwrap();
    assert_eq!(tx.ensure_repository(&name("team/app"), at(6)).await.unwrap(), made);
    assert_ne!(tx.ensure_repository(&name("alpine"), at(6)).await.unwrap().id, made.id);
    tx.commit().await.unwrap();
    let mut tx = metadata.read().await.unwrap();
    assert_eq!(tx.repository(&name("team/app")).await.unwrap(), Some(made.clone()));
    assert_eq!(tx.repository_by_id(made.id).await.unwrap(), Some(made.clone()));
    assert_eq!(made.created_at, at(5));
    assert_eq!(tx.repository(&name("team")).await.unwrap(), None);
}

async fn only_repositories_with_a_live_manifest_are_listed(metadata: Metadata) {
    let listed = async || {
        let mut tx = metadata.read().await.unwrap();
        tx.repositories_page(None, 10).await.unwrap().entries
    };
    let mut tx = metadata.write().await.unwrap();
    let (full, _empty) = (repository(&mut tx, "full").await, repository(&mut tx, "empty").await);
    let first = draft("1").put(&mut tx, full, at(1)).await;
    let second = draft("2").put(&mut tx, full, at(1)).await;
    tx.commit().await.unwrap();
    assert_eq!(listed().await, [name("full")]);

    let mut tx = metadata.write().await.unwrap();
    tx.mark_manifest_deleted(first.id, at(2)).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(listed().await, [name("full")]);

    let mut tx = metadata.write().await.unwrap();
    tx.mark_manifest_deleted(second.id, at(2)).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(listed().await, []);

    let mut tx = metadata.write().await.unwrap();
    tx.restore_manifest(first.id).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(listed().await, [name("full")]);

    let mut tx = metadata.write().await.unwrap();
    tx.purge_manifest(first.id).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(listed().await, []);

    let mut tx = metadata.write().await.unwrap();
    draft("2").put(&mut tx, full, at(3)).await; // Pushed again, no longer deleted.
    tx.commit().await.unwrap();
    assert_eq!(listed().await, [name("full")]);
}

async fn names_are_listed_in_byte_order(metadata: Metadata) {
    // A language's order puts `-` and `_` elsewhere, and `/` after letters.
    let mut names = ["a-b", "a.b", "a/b", "a_b", "ab", "a0", "b", "a", "team/app", "team-x"].map(name);
    let mut tx = metadata.write().await.unwrap();
    for name in &names {
        let id = repository(&mut tx, name.as_str()).await;
        draft("x").put(&mut tx, id, at(1)).await;
    }
    tx.commit().await.unwrap();
    names.sort();
    let mut tx = metadata.read().await.unwrap();
    let all = tx.repositories_page(None, 100).await.unwrap();
    assert_eq!((all.entries.as_slice(), all.more), (&names[..], false));
    // The key need not exist, nor be a name.
    for after in ["", "a.", "a/a", "ab\0c", "\u{10ffff}", "A B"] {
        let page = tx.repositories_page(Some(after), 100).await.unwrap();
        let wanted: Vec<_> = names.iter().filter(|name| name.as_str() > after).cloned().collect();
        assert_eq!(page.entries, wanted, "{after:?}");
    }
    let page = tx.repositories_page(Some("a"), 3).await.unwrap();
    assert_eq!((page.entries.as_slice(), page.more), (&names[1..4], true));
    let page = tx.repositories_page(None, 0).await.unwrap();
    assert_eq!((page.entries.len(), page.more), (0, true));
    assert!(!tx.repositories_page(None, usize::MAX).await.unwrap().more);
}

async fn every_repository_is_paged_by_row(metadata: Metadata) {
    let mut tx = metadata.write().await.unwrap();
    let mut ids = Vec::new();
    for text in ["c", "a", "b"] {
        ids.push(tx.ensure_repository(&name(text), at(1)).await.unwrap().id);
    }
    tx.commit().await.unwrap();
    let mut tx = metadata.read().await.unwrap();
    let first = tx.all_repositories_page(None, 2).await.unwrap();
    assert!(first.more);
    let rest = tx.all_repositories_page(Some(first.entries[1].id), 2).await.unwrap();
    assert!(!rest.more);
    let found: Vec<_> = first.entries.iter().chain(&rest.entries).map(|found| found.id).collect();
    assert_eq!(found, ids);
}

async fn locking_what_is_not_there_is_a_conflict(metadata: Metadata) {
    let mut tx = metadata.write().await.unwrap();
    let id = repository(&mut tx, "app").await;
    drop(tx); // Rolled back: the row never was.
    let mut tx = metadata.write().await.unwrap();
    let error = tx.lock_repository(id).await.unwrap_err();
    assert!(matches!(error, MetadataError::Conflict(_)), "{error}");
}

async fn many_make_the_same_repository_at_once(metadata: Metadata) {
    let tasks: Vec<_> = (0..12)
        .map(|n| {
            let metadata = metadata.clone();
            tokio::spawn(async move {
                let mut tx = metadata.write().await.unwrap();
                let made = tx.ensure_repository(&name("team/app"), at(n)).await.unwrap();
                tx.commit().await.unwrap();
                made
            })
        })
        .collect();
    let mut made = Vec::new();
    for task in tasks {
        made.push(task.await.unwrap());
    }
    assert!(made.windows(2).all(|pair| pair[0] == pair[1]), "{made:?}");
}
