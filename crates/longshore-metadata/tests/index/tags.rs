use crate::support::{at, draft, on_both_databases, push_tag, repository, tag};
use longshore_metadata::{Metadata, MetadataError, TagEventAction, TagOrder, TextFilter};

on_both_databases! {
    every_change_of_a_tag_is_history,
    tags_are_listed_in_byte_order,
    tags_are_listed_by_name_and_by_push,
    a_tag_cannot_point_to_a_manifest_that_is_gone,
    history_is_paged_newest_first,
}

async fn every_change_of_a_tag_is_history(metadata: Metadata) {
    let mut tx = metadata.write().await.unwrap();
    let app = repository(&mut tx, "app").await;
    let (one, two) = (draft("1").put(&mut tx, app, at(1)).await, draft("2").put(&mut tx, app, at(1)).await);
    let v1 = tag("v1");
    let set = TagEventAction::Push;
    assert_eq!(tx.set_tag(app, &v1, &one, set, Some("ann"), at(1)).await.unwrap(), None);
    let before = tx.set_tag(app, &v1, &one, set, None, at(2)).await.unwrap().unwrap();
    assert_eq!((before.manifest, before.updated_at), (one.id, at(1)));
    let before = tx.set_tag(app, &v1, &two, set, Some("bob"), at(3)).await.unwrap().unwrap();
    assert_eq!((before.digest, before.updated_at), (one.digest, at(2)));
    assert_eq!(tx.delete_tag(app, &v1, Some("ann"), at(4)).await.unwrap().unwrap().digest, two.digest);
    assert_eq!(tx.delete_tag(app, &v1, Some("ann"), at(5)).await.unwrap(), None);
    tx.set_tag(app, &v1, &one, TagEventAction::Restore, Some("ann"), at(6)).await.unwrap();
    tx.set_tag(app, &v1, &two, TagEventAction::Import, None, at(7)).await.unwrap();
    tx.commit().await.unwrap();

    let mut tx = metadata.read().await.unwrap();
    let found = tx.tag(app, &v1).await.unwrap().unwrap();
    assert_eq!((found.tag, found.manifest, found.digest, found.updated_at), (v1, two.id, two.digest, at(7)));
    assert_eq!(tx.tags_of(two.id).await.unwrap(), [tag("v1")]);
    assert_eq!(tx.tags_of(one.id).await.unwrap(), []);
    let events = tx.tag_events(app, None, None, 100).await.unwrap();
    assert!(!events.more);
    assert!(events.entries.windows(2).all(|pair| pair[0].id > pair[1].id));
    let (one, two) = (Some(one.digest), Some(two.digest));
    let told: Vec<_> = events
        .entries
        .iter()
        .rev()
        .map(|event| (event.action, event.from, event.to, event.actor.as_deref(), event.at))
        .collect();
    assert_eq!(
        told,
        [
            (TagEventAction::Push, None, one, Some("ann"), at(1)),
            (TagEventAction::Push, one, one, None, at(2)),
            (TagEventAction::Move, one, two, Some("bob"), at(3)),
            (TagEventAction::Delete, two, None, Some("ann"), at(4)),
            (TagEventAction::Restore, None, one, Some("ann"), at(6)),
            (TagEventAction::Import, one, two, None, at(7)),
        ]
    );
}

async fn tags_are_listed_in_byte_order(metadata: Metadata) {
    let mut texts = ["v1", "V1", "1.0", "_x", "a-b", "a.b", "a_b", "aB", "ab", "v10", "v2"];
    let mut tx = metadata.write().await.unwrap();
    let app = repository(&mut tx, "app").await;
    let manifest = draft("m").put(&mut tx, app, at(1)).await;
    for text in texts {
        push_tag(&mut tx, text, &manifest, at(1)).await;
    }
    let other = repository(&mut tx, "other").await;
    let manifest = draft("m").put(&mut tx, other, at(1)).await;
    push_tag(&mut tx, "elsewhere", &manifest, at(1)).await;
    tx.commit().await.unwrap();
    texts.sort_unstable();
    let mut tx = metadata.read().await.unwrap();
    for after in ["", "V", "a", "a.b", "aB", "v1", "zz", "v1\0", "é"] {
        let page = tx.tags_page(app, Some(after), 4).await.unwrap();
        let found: Vec<_> = page.entries.iter().map(|found| found.tag.as_str()).collect();
        let wanted: Vec<_> = texts.into_iter().filter(|text| *text > after).collect();
        assert_eq!(found, &wanted[..wanted.len().min(4)], "{after:?}");
        assert_eq!(page.more, wanted.len() > 4, "{after:?}");
        let names = tx.tag_names_page(app, Some(after), 4).await.unwrap();
        assert!(names.entries.iter().map(longshore_types::Tag::as_str).eq(found), "{after:?}");
        assert_eq!(names.more, page.more, "{after:?}");
    }
}

async fn tags_are_listed_by_name_and_by_push(metadata: Metadata) {
    let mut tx = metadata.write().await.unwrap();
    let app = repository(&mut tx, "app").await;
    let (one, two) = (draft("1").put(&mut tx, app, at(1)).await, draft("2").put(&mut tx, app, at(1)).await);
    for (text, manifest, moment) in [("v2", &one, 1), ("v1", &two, 5), ("latest", &one, 3), ("a", &one, 3)] {
        push_tag(&mut tx, text, manifest, at(moment)).await;
    }
    let other = repository(&mut tx, "other").await;
    let elsewhere = draft("3").put(&mut tx, other, at(1)).await;
    push_tag(&mut tx, "v1", &elsewhere, at(9)).await;
    // Deleted ones are no longer listed, moved ones where they are now.
    push_tag(&mut tx, "gone", &one, at(7)).await;
    tx.delete_tag(app, &tag("gone"), None, at(8)).await.unwrap();
    push_tag(&mut tx, "v2", &two, at(6)).await;
    tx.commit().await.unwrap();

    let mut tx = metadata.read().await.unwrap();
    for (order, filter, wanted) in [
        ((TagOrder::Name, false), None, &["a", "latest", "v1", "v2"][..]),
        ((TagOrder::Name, true), None, &["v2", "v1", "latest", "a"]),
        ((TagOrder::Pushed, true), None, &["v2", "v1", "latest", "a"]),
        ((TagOrder::Pushed, false), None, &["a", "latest", "v1", "v2"]),
        ((TagOrder::Pushed, true), Some(TextFilter::Contains("v")), &["v2", "v1"]),
        ((TagOrder::Name, false), Some(TextFilter::Is("latest")), &["latest"]),
        ((TagOrder::Name, false), Some(TextFilter::Contains("%")), &[]),
    ] {
        let found = tx.listed_tags(app, filter, order, 0, 100).await.unwrap();
        let names: Vec<_> = found.iter().map(|record| record.tag.as_str()).collect();
        assert_eq!(names, wanted, "{order:?} {filter:?}");
        assert_eq!(tx.listed_tags_count(app, filter).await.unwrap(), wanted.len() as u64, "{filter:?}");
        let middle = tx.listed_tags(app, filter, order, 1, 2).await.unwrap();
        assert_eq!(middle, found.iter().skip(1).take(2).cloned().collect::<Vec<_>>(), "{order:?} {filter:?}");
    }
    let newest = tx.listed_tags(app, None, (TagOrder::Pushed, true), 0, 1).await.unwrap();
    assert_eq!((newest[0].manifest, newest[0].digest, newest[0].updated_at), (two.id, two.digest, at(6)));
}

async fn a_tag_cannot_point_to_a_manifest_that_is_gone(metadata: Metadata) {
    let mut tx = metadata.write().await.unwrap();
    let app = repository(&mut tx, "app").await;
    let manifest = draft("m").put(&mut tx, app, at(1)).await;
    tx.commit().await.unwrap();
    let mut tx = metadata.write().await.unwrap();
    tx.purge_manifest(manifest.id).await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = metadata.write().await.unwrap();
    let error = tx.set_tag(app, &tag("v1"), &manifest, TagEventAction::Push, None, at(2)).await.unwrap_err();
    assert!(matches!(error, MetadataError::Conflict(_)), "{error}");
}

async fn history_is_paged_newest_first(metadata: Metadata) {
    let mut tx = metadata.write().await.unwrap();
    let app = repository(&mut tx, "app").await;
    let manifest = draft("m").put(&mut tx, app, at(1)).await;
    for n in 0..10 {
        push_tag(&mut tx, if n % 2 == 0 { "even" } else { "odd" }, &manifest, at(n)).await;
    }
    tx.commit().await.unwrap();
    let mut tx = metadata.read().await.unwrap();
    let first = tx.tag_events(app, Some(&tag("odd")), None, 3).await.unwrap();
    let moments: Vec<_> = first.entries.iter().map(|event| event.at).collect();
    assert_eq!((moments.as_slice(), first.more), (&[at(9), at(7), at(5)][..], true));
    let rest = tx.tag_events(app, Some(&tag("odd")), Some(first.entries[2].id), 3).await.unwrap();
    let moments: Vec<_> = rest.entries.iter().map(|event| event.at).collect();
    assert_eq!((moments.as_slice(), rest.more), (&[at(3), at(1)][..], false));
    let all = tx.tag_events(app, None, Some(rest.entries[0].id), 100).await.unwrap();
    assert_eq!(all.entries.len(), 3);
    assert_eq!(tx.tag_events(app, Some(&tag("none")), None, 3).await.unwrap().entries, []);
}
