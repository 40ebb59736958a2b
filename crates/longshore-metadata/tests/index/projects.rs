use crate::support::{at, name, on_both_databases};
use longshore_metadata::{Metadata, ProjectRecord, WriteTx};
use longshore_types::ProjectName;

on_both_databases! {
    a_repository_belongs_to_the_innermost_project,
    a_new_project_takes_what_is_its_own_by_name,
    a_project_within_and_pushes_to_it_at_once,
    settings_are_kept_by_key,
}

fn project(text: &str) -> ProjectName {
    text.parse().unwrap()
}

async fn project_of(tx: &mut WriteTx, repository: &str) -> ProjectRecord {
    let id = tx.repository(&name(repository)).await.unwrap().unwrap().project;
    tx.project_by_id(id).await.unwrap().unwrap()
}

async fn a_repository_belongs_to_the_innermost_project(metadata: Metadata) {
    let mut tx = metadata.write().await.unwrap();
    for made in ["team", "team/sub", "team/subway", "library"] {
        assert!(tx.insert_project(&project(made), None, at(1)).await.unwrap().is_some());
        assert_eq!(tx.insert_project(&project(made), None, at(1)).await.unwrap(), None);
    }
    for (repository, wanted) in [
        ("team/app", "team"),
        ("team/sub", "team"),
        ("team/sub/app", "team/sub"),
        ("team/sub/x/y", "team/sub"),
        ("team/subway/app", "team/subway"),
        ("alpine", "library"),
        ("new/app", "new"),
        ("new/sub/app", "new"),
    ] {
        tx.ensure_repository(&name(repository), at(2)).await.unwrap();
        assert_eq!(project_of(&mut tx, repository).await.name, project(wanted), "{repository}");
    }
    tx.commit().await.unwrap();
}

async fn a_new_project_takes_what_is_its_own_by_name(metadata: Metadata) {
    let mut tx = metadata.write().await.unwrap();
    for repository in ["a/b/c/app", "a/b/app", "a/b", "a/b-c/app", "a/b0/app", "other/b/app"] {
        tx.ensure_repository(&name(repository), at(1)).await.unwrap();
    }
    // The innermost first, so that what lies between comes later.
    for made in ["a/b/c", "a/b"] {
        tx.insert_project(&project(made), None, at(2)).await.unwrap().unwrap();
    }
    for (repository, wanted) in [
        ("a/b/c/app", "a/b/c"),
        ("a/b/app", "a/b"),
        ("a/b", "a"),
        ("a/b-c/app", "a"),
        ("a/b0/app", "a"),
        ("other/b/app", "other"),
    ] {
        assert_eq!(project_of(&mut tx, repository).await.name, project(wanted), "{repository}");
    }
    let parent = async |tx: &mut WriteTx, child: &str| {
        let parent = tx.project(&project(child)).await.unwrap().unwrap().parent?;
        Some(tx.project_by_id(parent).await.unwrap().unwrap().name)
    };
    assert_eq!(parent(&mut tx, "a/b/c").await, Some(project("a/b")));
    assert_eq!(parent(&mut tx, "a/b").await, Some(project("a")));
    assert_eq!(parent(&mut tx, "a").await, None);
    tx.commit().await.unwrap();
}

/// Whoever comes first, every repository ends in the inner project.
async fn a_project_within_and_pushes_to_it_at_once(metadata: Metadata) {
    let mut tx = metadata.write().await.unwrap();
    tx.insert_project(&project("team"), None, at(1)).await.unwrap();
    tx.commit().await.unwrap();
    let mut tasks = Vec::new();
    for n in 0..16 {
        let metadata = metadata.clone();
        tasks.push(tokio::spawn(async move {
            let mut tx = metadata.write().await.unwrap();
            if n == 7 {
                tx.insert_project(&project("team/sub"), None, at(2)).await.unwrap();
            } else {
                tx.ensure_repository(&name(&format!("team/sub/app{n}")), at(2)).await.unwrap();
            }
            tx.commit().await.unwrap();
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let mut tx = metadata.write().await.unwrap();
    for n in (0..16).filter(|n| *n != 7) {
        let found = project_of(&mut tx, &format!("team/sub/app{n}")).await;
        assert_eq!(found.name, project("team/sub"), "app{n}");
    }
}

async fn settings_are_kept_by_key(metadata: Metadata) {
    let mut tx = metadata.write().await.unwrap();
    let id = tx.insert_project(&project("team"), None, at(1)).await.unwrap().unwrap();
    tx.set_project_metadata(id, "public", "false").await.unwrap();
    tx.set_project_metadata(id, "public", "true").await.unwrap();
    tx.set_project_metadata(id, "severity", "low").await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = metadata.read().await.unwrap();
    assert_eq!(tx.project_setting(id, "public").await.unwrap().as_deref(), Some("true"));
    assert_eq!(tx.project_setting(id, "none").await.unwrap(), None);
    assert_eq!(tx.project_metadata(id).await.unwrap().len(), 2);
}
