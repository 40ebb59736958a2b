//! Projects inside of projects.

use longshore_metadata::{Metadata, ProjectId, QuotaLimit, WriteTx};

use super::{counting, exceeded, project_of, used};
use crate::support::{at, digest, linked_blob, name, on_both_databases, repository};

on_both_databases! {
    what_lies_within_counts_for_all_around,
    a_nested_project_gives_no_room,
    limits_around_bound_those_within,
    the_default_is_of_the_top_level,
    projects_come_and_go_with_what_they_hold,
    a_project_between_two_others_counts_what_is_below,
    a_name_that_comes_back_brings_what_was_left,
}

async fn project(tx: &mut WriteTx, text: &str) -> ProjectId {
    tx.insert_project(&text.parse().unwrap(), None, at(1)).await.unwrap().unwrap()
}

async fn delete(tx: &mut WriteTx, id: ProjectId) {
    tx.lock_project(id).await.unwrap();
    tx.delete_project(id, at(2)).await.unwrap();
}

/// What each of these projects holds.
async fn uses<const N: usize>(metadata: &Metadata, projects: [ProjectId; N]) -> [u64; N] {
    let mut found = [0; N];
    for (used_bytes, id) in found.iter_mut().zip(projects) {
        *used_bytes = used(metadata, id).await;
    }
    found
}

/// Links a content that does not fit.
async fn refused(metadata: &Metadata, text: &str, content: &str) -> longshore_metadata::QuotaExceeded {
    let mut tx = metadata.write().await.unwrap();
    let app = repository(&mut tx, text).await;
    let blob = tx.ensure_blob(&digest(content), content.len() as u64, at(1)).await.unwrap().id;
    exceeded(tx.link_blob(app, blob, at(1)).await)
}

async fn what_lies_within_counts_for_all_around(metadata: Metadata) {
    counting(&metadata).await;
    let mut tx = metadata.write().await.unwrap();
    let projects = [
        project(&mut tx, "team").await,
        project(&mut tx, "team/sub").await,
        project(&mut tx, "team/sub/deep").await,
        project(&mut tx, "team/other").await,
    ];
    let (app, deep) = (repository(&mut tx, "team/app").await, repository(&mut tx, "team/sub/deep/app").await);
    let other = repository(&mut tx, "team/other/app").await;
    assert_eq!(project_of(&mut tx, deep).await, projects[2]);
    linked_blob(&mut tx, app, "1").await;
    let blob = linked_blob(&mut tx, deep, "22").await;
    linked_blob(&mut tx, other, "22").await;
    tx.commit().await.unwrap();
    // What two projects hold counts for each of them, and so twice for the one around both.
    assert_eq!(uses(&metadata, projects).await, [5, 2, 2, 2]);
    let mut tx = metadata.write().await.unwrap();
    tx.unlink_blob(deep, blob).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(uses(&metadata, projects).await, [3, 0, 0, 2]);
}

async fn a_nested_project_gives_no_room(metadata: Metadata) {
    counting(&metadata).await;
    let mut tx = metadata.write().await.unwrap();
    let team = project(&mut tx, "team").await;
    tx.set_quota(team, QuotaLimit::Bytes(10), at(1)).await.unwrap();
    let app = repository(&mut tx, "team/a/app").await;
    linked_blob(&mut tx, app, "12345678").await;
    // It takes along what is there, which stays in the room of the one around.
    let a = project(&mut tx, "team/a").await;
    tx.commit().await.unwrap();
    assert_eq!(uses(&metadata, [team, a]).await, [8, 8]);
    for place in ["team/a/app", "team/a/other", "team/app"] {
        let exceeded = refused(&metadata, place, "123").await;
        assert_eq!((exceeded.project.as_str(), exceeded.limit_bytes), ("team", 10), "{place}");
        assert_eq!((exceeded.used_bytes, exceeded.needed_bytes), (8, 3));
    }
    let mut tx = metadata.write().await.unwrap();
    let b = project(&mut tx, "team/b").await;
    tx.commit().await.unwrap();
    assert_eq!(refused(&metadata, "team/b/app", "123").await.project.as_str(), "team");
    assert_eq!(uses(&metadata, [team, a, b]).await, [8, 8, 0], "what is refused is charged nowhere");
}

async fn limits_around_bound_those_within(metadata: Metadata) {
    counting(&metadata).await;
    let mut tx = metadata.write().await.unwrap();
    let (team, sub) = (project(&mut tx, "team").await, project(&mut tx, "team/sub").await);
    tx.set_quota(team, QuotaLimit::Bytes(10), at(1)).await.unwrap();
    tx.set_quota(sub, QuotaLimit::Bytes(5), at(1)).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(refused(&metadata, "team/sub/app", "666666").await.project.as_str(), "team/sub");
    for limit in [QuotaLimit::Bytes(100), QuotaLimit::Unlimited, QuotaLimit::Default] {
        let mut tx = metadata.write().await.unwrap();
        tx.set_quota(sub, limit, at(2)).await.unwrap();
        tx.commit().await.unwrap();
        let exceeded = refused(&metadata, "team/sub/app", "12345678901").await;
        assert_eq!((exceeded.project.as_str(), exceeded.used_bytes), ("team", 0), "{limit:?}");
    }
    let mut tx = metadata.write().await.unwrap();
    let app = repository(&mut tx, "team/sub/app").await;
    linked_blob(&mut tx, app, "1234567890").await;
    tx.commit().await.unwrap();
    assert_eq!(refused(&metadata, "team/app", "x").await.used_bytes, 10);
}

async fn the_default_is_of_the_top_level(metadata: Metadata) {
    counting(&metadata).await;
    let mut tx = metadata.write().await.unwrap();
    let (team, sub) = (project(&mut tx, "team").await, project(&mut tx, "team/sub").await);
    tx.set_default_quota(Some(10)).await.unwrap();
    tx.set_quota(team, QuotaLimit::Unlimited, at(1)).await.unwrap();
    let app = repository(&mut tx, "team/sub/app").await;
    linked_blob(&mut tx, app, "12345678901").await;
    tx.commit().await.unwrap();
    let quota = metadata.read().await.unwrap().quota_of(sub).await.unwrap().unwrap();
    assert_eq!((quota.limit_bytes, quota.is_default, quota.used_bytes), (None, true, 11));
    let mut tx = metadata.write().await.unwrap();
    tx.set_quota(team, QuotaLimit::Default, at(1)).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(refused(&metadata, "team/sub/app", "x").await.project.as_str(), "team");
}

async fn projects_come_and_go_with_what_they_hold(metadata: Metadata) {
    counting(&metadata).await;
    let mut tx = metadata.write().await.unwrap();
    let (team, sub) = (project(&mut tx, "team").await, project(&mut tx, "team/sub").await);
    let (app, kept) = (repository(&mut tx, "team/sub/app").await, repository(&mut tx, "team/app").await);
    linked_blob(&mut tx, app, "shared").await;
    linked_blob(&mut tx, app, "own").await;
    linked_blob(&mut tx, kept, "shared").await;
    tx.commit().await.unwrap();
    assert_eq!(uses(&metadata, [team, sub]).await, [15, 9]);
    let mut tx = metadata.write().await.unwrap();
    delete(&mut tx, sub).await;
    tx.commit().await.unwrap();
    assert_eq!(used(&metadata, team).await, 9, "now the content is held once");
    let mut tx = metadata.write().await.unwrap();
    assert_eq!(project_of(&mut tx, app).await, team);
    let sub = project(&mut tx, "team/sub").await;
    tx.commit().await.unwrap();
    assert_eq!(uses(&metadata, [team, sub]).await, [15, 9]);
}

async fn a_project_between_two_others_counts_what_is_below(metadata: Metadata) {
    counting(&metadata).await;
    let mut tx = metadata.write().await.unwrap();
    let (team, deep) = (project(&mut tx, "team").await, project(&mut tx, "team/a/b").await);
    let (app, beside) = (repository(&mut tx, "team/a/b/app").await, repository(&mut tx, "team/a/app").await);
    linked_blob(&mut tx, app, "1234567").await;
    linked_blob(&mut tx, beside, "12").await;
    tx.commit().await.unwrap();
    let mut tx = metadata.write().await.unwrap();
    let between = project(&mut tx, "team/a").await;
    tx.commit().await.unwrap();
    assert_eq!(uses(&metadata, [team, between, deep]).await, [9, 9, 7]);
    let mut tx = metadata.write().await.unwrap();
    tx.set_quota(between, QuotaLimit::Bytes(9), at(1)).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(refused(&metadata, "team/a/b/app", "x").await.project.as_str(), "team/a");

    // And one around those that were there before it.
    let mut tx = metadata.write().await.unwrap();
    let (one, two) = (project(&mut tx, "new/one").await, project(&mut tx, "new/two/x").await);
    for place in ["new/one/app", "new/two/x/app"] {
        let app = repository(&mut tx, place).await;
        linked_blob(&mut tx, app, "123").await;
    }
    let around = project(&mut tx, "new").await;
    tx.commit().await.unwrap();
    assert_eq!(uses(&metadata, [around, one, two]).await, [6, 3, 3]);
}

/// A deleted project of the top level keeps its row while repositories name it.
async fn a_name_that_comes_back_brings_what_was_left(metadata: Metadata) {
    counting(&metadata).await;
    let mut tx = metadata.write().await.unwrap();
    let sub = project(&mut tx, "team/sub").await;
    let app = tx.ensure_repository(&name("team/sub/app"), at(1)).await.unwrap().id;
    linked_blob(&mut tx, app, "left").await;
    tx.commit().await.unwrap();
    let mut tx = metadata.write().await.unwrap();
    delete(&mut tx, sub).await;
    let team = project(&mut tx, "team").await;
    tx.commit().await.unwrap();
    assert_eq!(used(&metadata, team).await, 4, "by its name it is this one's now");
    let mut tx = metadata.write().await.unwrap();
    let sub = project(&mut tx, "team/sub").await;
    tx.commit().await.unwrap();
    assert_eq!(uses(&metadata, [team, sub]).await, [4, 4]);
}
