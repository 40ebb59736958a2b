use std::collections::BTreeMap;

use longshore_metadata::{FoundImage, MarkKey, Metadata, ProjectId, RepositoryOrder, RepositoryScope};
use longshore_metadata::{ReadTx, RepositoryFilter, TagEventAction};

use crate::support::{Draft, at, digest, draft, name, on_both_databases, push_tag, repository, tag};

on_both_databases! {
    images_are_found_by_what_is_said_of_them,
    nobody_finds_what_they_may_not_see,
    every_change_of_a_repository_is_seen,
    repositories_are_listed_by_their_last_change_and_pull,
}

fn annotated(content: &str, annotations: BTreeMap<String, String>) -> Draft<'_> {
    Draft { annotations, ..draft(content) }
}

fn shown(found: &[FoundImage]) -> Vec<(String, Option<MarkKey>, String)> {
    found.iter().map(|image| (image.name.to_string(), image.key, image.value.clone())).collect()
}

async fn marked(tx: &mut ReadTx, prefix: &str) -> Vec<(String, Option<MarkKey>, String)> {
    shown(&tx.images_marked(RepositoryScope::All, prefix, true, None, 100).await.unwrap().entries)
}

async fn images_are_found_by_what_is_said_of_them(metadata: Metadata) {
    let mut tx = metadata.write().await.unwrap();
    let id = repository(&mut tx, "team/app").await;
    let annotations = [
        (MarkKey::Revision.annotation().to_owned(), "0123ABCdef".to_owned()),
        (MarkKey::Source.annotation().to_owned(), "https://git.example/Team/App".to_owned()),
    ];
    let first = annotated("first", annotations.clone().into()).put(&mut tx, id, at(1)).await;
    // Pushed again, it is there once.
    annotated("first", annotations.into()).put(&mut tx, id, at(2)).await;
    let labels = [
        (MarkKey::Version.annotation().to_owned(), "1.10.0".to_owned()),
        (MarkKey::Revision.annotation().to_owned(), "0123abcdef".to_owned()),
        ("else".to_owned(), "0123".to_owned()),
    ];
    tx.mark_manifest(id, first.id, &labels.into()).await.unwrap();
    for n in 0..5 {
        tx.set_tag(id, &tag(&format!("v1.{n}")), &first, TagEventAction::Push, None, at(3)).await.unwrap();
    }
    tx.commit().await.unwrap();

    let mut tx = metadata.read().await.unwrap();
    let app = |key, value: &str| ("team/app".to_owned(), Some(key), value.to_owned());
    assert_eq!(marked(&mut tx, "0123abc").await, [app(MarkKey::Revision, "0123abcdef")]);
    assert_eq!(marked(&mut tx, "git.example/team").await, [app(MarkKey::Source, "git.example/team/app")]);
    assert_eq!(marked(&mut tx, "1.").await, [app(MarkKey::Version, "1.10.0")]);
    assert_eq!(marked(&mut tx, "123").await, []);
    // `%` and `_` are nothing special.
    assert_eq!((marked(&mut tx, "0_2").await, marked(&mut tx, "%").await), (vec![], vec![]));
    let without = tx.images_marked(RepositoryScope::All, "0123", false, None, 9).await.unwrap();
    assert_eq!(without.entries, []);

    // A page after the other.
    let (mut names, mut after) = (Vec::new(), None::<(String, i64)>);
    loop {
        let cursor = after.as_ref().map(|(value, position)| (value.as_str(), *position));
        let page = tx.images_tagged(RepositoryScope::All, "v1", cursor, 2).await.unwrap();
        names.extend(page.entries.iter().map(|found| found.value.clone()));
        let last = page.entries.last().unwrap();
        after = Some((last.value.clone(), last.position));
        if !page.more {
            break;
        }
    }
    assert_eq!(names, ["v1.0", "v1.1", "v1.2", "v1.3", "v1.4"]);
    drop(tx);

    let mut tx = metadata.write().await.unwrap();
    for n in 0..5 {
        tx.delete_tag(id, &tag(&format!("v1.{n}")), None, at(4)).await.unwrap();
    }
    tx.mark_manifest_deleted(first.id, at(4)).await.unwrap();
    assert_eq!(marked(&mut tx, "0123abc").await, [], "what is deleted is not found");
    tx.restore_manifest(first.id).await.unwrap();
    assert_eq!(marked(&mut tx, "0123abc").await.len(), 1);
    tx.purge_manifest(first.id).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(marked(&mut metadata.read().await.unwrap(), "0123abc").await, []);
}

async fn nobody_finds_what_they_may_not_see(metadata: Metadata) {
    let mut tx = metadata.write().await.unwrap();
    let mut projects = Vec::new();
    for (n, repository_name) in ["open/app", "secret/app", "mine/app", "mine/other"].iter().enumerate() {
        let id = repository(&mut tx, repository_name).await;
        let said = (MarkKey::Title.annotation().to_owned(), "the app".to_owned());
        let record = annotated(repository_name, [said].into()).put(&mut tx, id, at(n as i64)).await;
        push_tag(&mut tx, "v1", &record, at(n as i64)).await;
        projects.push(tx.repository(&name(repository_name)).await.unwrap().unwrap());
    }
    let open = tx.project(&"open".parse().unwrap()).await.unwrap().unwrap().id;
    tx.set_project_metadata(open, "public", "true").await.unwrap();
    tx.commit().await.unwrap();

    let mut tx = metadata.read().await.unwrap();
    let mine: [ProjectId; 1] = [projects[2].project];
    let one = [projects[2].id];
    let within = |public, projects, repositories| RepositoryScope::Within { public, projects, repositories };
    for (scope, wanted) in [
        (within(true, &[], &[]), &["open/app"][..]),
        (within(false, &[], &[]), &[]),
        (within(true, &mine, &[]), &["mine/app", "mine/other", "open/app"]),
        (within(false, &[], &one), &["mine/app"]),
        (RepositoryScope::Project(mine[0]), &["mine/app", "mine/other"]),
        (RepositoryScope::All, &["mine/app", "mine/other", "open/app", "secret/app"]),
    ] {
        let tagged = tx.images_tagged(scope, "v", None, 9).await.unwrap().entries;
        let marked = tx.images_marked(scope, "the", false, None, 9).await.unwrap().entries;
        for found in [tagged, marked] {
            let mut names: Vec<_> = found.iter().map(|found| found.name.as_str()).collect();
            names.sort_unstable();
            assert_eq!(names, wanted, "{scope:?}");
        }
    }
}

async fn every_change_of_a_repository_is_seen(metadata: Metadata) {
    let mut tx = metadata.write().await.unwrap();
    let id = repository(&mut tx, "app").await;
    let other = repository(&mut tx, "other").await;
    tx.commit().await.unwrap();
    let stamp = async || metadata.read().await.unwrap().repository_stamp(id).await.unwrap().unwrap();
    let mut last = stamp().await;
    // The clock stands still, and each change is seen all the same.
    for step in 0..6 {
        let mut tx = metadata.write().await.unwrap();
        let record = tx.manifest_record(id, &digest("a")).await.unwrap();
        match step {
            0 => drop(draft("a").put(&mut tx, id, at(5)).await),
            1 => push_tag(&mut tx, "v1", &record.unwrap(), at(5)).await,
            2 => drop(tx.delete_tag(id, &tag("v1"), None, at(5)).await.unwrap()),
            3 => tx.mark_manifest_deleted(record.unwrap().id, at(5)).await.unwrap(),
            4 => tx.restore_manifest(record.unwrap().id).await.unwrap(),
            _ => tx.describe_repository(id, "d", at(5)).await.unwrap(),
        }
        tx.commit().await.unwrap();
        let now = stamp().await;
        assert!(now.changed_at > last.changed_at, "step {step}: {last:?} {now:?}");
        last = now;
    }
    let mut tx = metadata.write().await.unwrap();
    draft("b").put(&mut tx, other, at(9)).await;
    tx.commit().await.unwrap();
    assert_eq!(stamp().await, last, "others' changes are not its own");
    assert_eq!((last.uploads, last.uploads_bytes), (0, 0));
}

async fn repositories_are_listed_by_their_last_change_and_pull(metadata: Metadata) {
    let mut tx = metadata.write().await.unwrap();
    for (n, repository_name) in ["a", "b", "c"].iter().enumerate() {
        let id = repository(&mut tx, repository_name).await;
        draft(repository_name).put(&mut tx, id, at(10 - n as i64)).await;
        if *repository_name != "b" {
            let pulls = longshore_metadata::Pulls { pulls: 1, last_at: at(n as i64) };
            tx.add_repository_pulls(&name(repository_name), pulls).await.unwrap();
        }
    }
    tx.commit().await.unwrap();
    let mut tx = metadata.read().await.unwrap();
    let filter = RepositoryFilter { scope: RepositoryScope::All, name: None };
    for (order, wanted) in
        [(RepositoryOrder::Updated, &["a", "b", "c"][..]), (RepositoryOrder::Pulled, &["c", "a"])]
    {
        let found = tx.listed_repositories(&filter, (order, true), 0, 9).await.unwrap();
        assert_eq!(found.iter().map(|record| record.name.as_str()).collect::<Vec<_>>(), wanted);
    }
    assert_eq!(tx.pulled_repositories_count(&filter).await.unwrap(), 2);
}
