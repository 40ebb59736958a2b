//! What projects hold and may hold.

mod model;
mod nested;
mod storm;

use longshore_metadata::{
    Metadata, MetadataError, ProjectId, QuotaExceeded, QuotaLimit, RepositoryId, WriteTx,
};

use crate::support::{at, digest, draft, linked_blob, name, on_both_databases, push_tag, repository};

on_both_databases! {
    content_counts_once_for_a_project,
    manifests_count_until_they_are_purged,
    what_does_not_fit_is_refused,
    a_limit_may_be_lower_than_the_use,
    the_default_holds_where_nothing_is_set,
    counting_begins_later_and_ends,
    a_repository_moves_with_what_it_holds,
    what_is_rolled_back_is_not_counted,
    quotas_are_listed,
}

async fn counting(metadata: &Metadata) {
    let mut tx = metadata.write().await.unwrap();
    tx.begin_counting_usage().await.unwrap();
    tx.commit().await.unwrap();
}

async fn project_of(tx: &mut WriteTx, repository: RepositoryId) -> ProjectId {
    tx.repository_by_id(repository).await.unwrap().unwrap().project
}

async fn used(metadata: &Metadata, project: ProjectId) -> u64 {
    metadata.read().await.unwrap().quota_of(project).await.unwrap().unwrap().used_bytes
}

fn exceeded<T: std::fmt::Debug>(result: Result<T, MetadataError>) -> QuotaExceeded {
    match result {
        Err(MetadataError::QuotaExceeded(exceeded)) => exceeded,
        other => panic!("{other:?}"),
    }
}

async fn content_counts_once_for_a_project(metadata: Metadata) {
    counting(&metadata).await;
    let mut tx = metadata.write().await.unwrap();
    let (one, two) = (repository(&mut tx, "team/one").await, repository(&mut tx, "team/two").await);
    let other = repository(&mut tx, "other/app").await;
    let (team, others) = (project_of(&mut tx, one).await, project_of(&mut tx, other).await);
    let blob = linked_blob(&mut tx, one, "layer").await;
    for repository in [one, two, other] {
        linked_blob(&mut tx, repository, "layer").await;
    }
    linked_blob(&mut tx, two, "more").await;
    tx.commit().await.unwrap();
    assert_eq!((used(&metadata, team).await, used(&metadata, others).await), (9, 5));

    for (repository, left) in [(one, 9), (one, 9), (two, 4)] {
        let mut tx = metadata.write().await.unwrap();
        tx.unlink_blob(repository, blob).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(used(&metadata, team).await, left);
    }
    assert_eq!(used(&metadata, others).await, 5);
}

async fn manifests_count_until_they_are_purged(metadata: Metadata) {
    counting(&metadata).await;
    let mut tx = metadata.write().await.unwrap();
    let (one, two) = (repository(&mut tx, "team/one").await, repository(&mut tx, "team/two").await);
    let team = project_of(&mut tx, one).await;
    let first = draft("manifest").put(&mut tx, one, at(1)).await;
    let second = draft("manifest").put(&mut tx, two, at(1)).await;
    draft("manifest").put(&mut tx, two, at(2)).await;
    push_tag(&mut tx, "v1", &first, at(1)).await;
    tx.commit().await.unwrap();
    assert_eq!(used(&metadata, team).await, 8);

    let mut tx = metadata.write().await.unwrap();
    tx.mark_manifest_deleted(second.id, at(3)).await.unwrap();
    tx.restore_manifest(second.id).await.unwrap();
    tx.mark_manifest_deleted(second.id, at(3)).await.unwrap();
    tx.purge_manifest(second.id).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(used(&metadata, team).await, 8, "the other repository has it");
    let mut tx = metadata.write().await.unwrap();
    tx.delete_tag(one, &crate::support::tag("v1"), None, at(3)).await.unwrap();
    tx.purge_manifest(first.id).await.unwrap();
    tx.purge_manifest(first.id).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(used(&metadata, team).await, 0);
}

async fn what_does_not_fit_is_refused(metadata: Metadata) {
    counting(&metadata).await;
    let mut tx = metadata.write().await.unwrap();
    let app = repository(&mut tx, "team/app").await;
    let team = project_of(&mut tx, app).await;
    tx.set_quota(team, QuotaLimit::Bytes(10), at(5)).await.unwrap();
    linked_blob(&mut tx, app, "1234567").await;
    tx.commit().await.unwrap();

    let mut tx = metadata.write().await.unwrap();
    let blob = tx.ensure_blob(&digest("4444"), 4, at(1)).await.unwrap().id;
    let refused = exceeded(tx.link_blob(app, blob, at(1)).await);
    assert_eq!((refused.project.as_str(), refused.limit_bytes), ("team", 10));
    assert_eq!((refused.used_bytes, refused.needed_bytes), (7, 4));
    // Whoever overlooks it commits nothing.
    tx.commit().await.unwrap_err();
    assert_eq!(used(&metadata, team).await, 7);
    let mut tx = metadata.write().await.unwrap();
    assert!(tx.blob_in(&name("team/app"), &digest("4444")).await.unwrap().is_none());

    // Exactly full is not too full; what is there already takes no room; nothing fits into none.
    linked_blob(&mut tx, app, "333").await;
    let two = repository(&mut tx, "team/two").await;
    linked_blob(&mut tx, two, "333").await;
    linked_blob(&mut tx, two, "").await;
    tx.commit().await.unwrap();
    assert_eq!(used(&metadata, team).await, 10);
    let mut tx = metadata.write().await.unwrap();
    let blob = tx.ensure_blob(&digest("x"), 1, at(1)).await.unwrap().id;
    assert_eq!(exceeded(tx.link_blob(app, blob, at(1)).await).used_bytes, 10);
    drop(tx);

    // Room that collection makes is there for the next.
    let mut tx = metadata.write().await.unwrap();
    let blob = tx.blob(&digest("1234567")).await.unwrap().unwrap().id;
    tx.unlink_blob(app, blob).await.unwrap();
    linked_blob(&mut tx, app, "7777777").await;
    tx.commit().await.unwrap();
    assert_eq!(used(&metadata, team).await, 10);
}

async fn a_limit_may_be_lower_than_the_use(metadata: Metadata) {
    counting(&metadata).await;
    let mut tx = metadata.write().await.unwrap();
    let app = repository(&mut tx, "team/app").await;
    let team = project_of(&mut tx, app).await;
    let mut blobs = Vec::new();
    for content in ["aaaa", "bbbb", "cccc"] {
        blobs.push(linked_blob(&mut tx, app, content).await);
    }
    tx.set_quota(team, QuotaLimit::Bytes(5), at(5)).await.unwrap();
    tx.commit().await.unwrap();
    // 12, 8 and 4 are held: only then is there room for one byte, and for no second one.
    for (round, room) in [(0, false), (1, false), (2, true)] {
        let mut tx = metadata.write().await.unwrap();
        let blob = tx.ensure_blob(&digest("x"), 1, at(1)).await.unwrap().id;
        let linked = tx.link_blob(app, blob, at(1)).await;
        assert_eq!(linked.is_ok(), room, "{round}: {linked:?}");
        if room {
            let blob = tx.ensure_blob(&digest("y"), 1, at(1)).await.unwrap().id;
            assert_eq!(exceeded(tx.link_blob(app, blob, at(1)).await).used_bytes, 5);
        }
        drop(tx);
        let mut tx = metadata.write().await.unwrap();
        tx.unlink_blob(app, blobs[round]).await.unwrap();
        tx.commit().await.unwrap();
    }
    assert_eq!(used(&metadata, team).await, 0);
}

async fn the_default_holds_where_nothing_is_set(metadata: Metadata) {
    counting(&metadata).await;
    let mut tx = metadata.write().await.unwrap();
    let (own, open) = (repository(&mut tx, "own/app").await, repository(&mut tx, "open/app").await);
    let (owns, opens) = (project_of(&mut tx, own).await, project_of(&mut tx, open).await);
    for repository in [own, open] {
        linked_blob(&mut tx, repository, "12345").await;
    }
    tx.set_quota(owns, QuotaLimit::Unlimited, at(7)).await.unwrap();
    tx.set_default_quota(Some(8)).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(metadata.read().await.unwrap().default_quota().await.unwrap(), Some(8));

    let mut tx = metadata.write().await.unwrap();
    linked_blob(&mut tx, own, "123456789").await;
    let blob = tx.ensure_blob(&digest("1234"), 4, at(1)).await.unwrap().id;
    assert_eq!(exceeded(tx.link_blob(open, blob, at(1)).await).limit_bytes, 8);
    drop(tx);
    let quota = metadata.read().await.unwrap().quota_of(opens).await.unwrap().unwrap();
    assert_eq!((quota.limit_bytes, quota.is_default, quota.updated_at), (Some(8), true, at(1)));

    let mut tx = metadata.write().await.unwrap();
    tx.set_quota(owns, QuotaLimit::Default, at(8)).await.unwrap();
    tx.set_default_quota(None).await.unwrap();
    linked_blob(&mut tx, open, "1234").await;
    tx.commit().await.unwrap();
    let quota = metadata.read().await.unwrap().quota_of(owns).await.unwrap().unwrap();
    assert_eq!((quota.limit_bytes, quota.is_default, quota.used_bytes), (None, true, 5));
}

async fn counting_begins_later_and_ends(metadata: Metadata) {
    let mut tx = metadata.write().await.unwrap();
    let (one, two) = (repository(&mut tx, "team/one").await, repository(&mut tx, "team/two").await);
    let team = project_of(&mut tx, one).await;
    let blob = linked_blob(&mut tx, one, "layer").await;
    linked_blob(&mut tx, two, "layer").await;
    // The same content as a link and as a manifest is one content.
    linked_blob(&mut tx, two, "manifest").await;
    draft("manifest").put(&mut tx, two, at(1)).await;
    tx.commit().await.unwrap();
    assert_eq!(used(&metadata, team).await, 0, "nobody counts");

    counting(&metadata).await;
    let mut tx = metadata.write().await.unwrap();
    tx.set_quota(team, QuotaLimit::Bytes(1), at(1)).await.unwrap();
    // Not counted yet: neither charged nor refused, nor given back.
    linked_blob(&mut tx, one, "early").await;
    tx.unlink_blob(one, blob).await.unwrap();
    assert!(tx.counts_usage().await.unwrap());
    assert_eq!(tx.uncounted_repositories(9).await.unwrap(), [one, two]);
    tx.count_repository(one).await.unwrap();
    tx.count_repository(one).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(used(&metadata, team).await, 5);
    let mut tx = metadata.write().await.unwrap();
    tx.count_repository(two).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(used(&metadata, team).await, 18);
    let mut tx = metadata.write().await.unwrap();
    assert_eq!(tx.uncounted_repositories(9).await.unwrap(), []);
    tx.unlink_blob(two, blob).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(used(&metadata, team).await, 13);

    let mut tx = metadata.write().await.unwrap();
    tx.end_counting_usage().await.unwrap();
    linked_blob(&mut tx, one, "late").await;
    let new = repository(&mut tx, "team/new").await;
    linked_blob(&mut tx, new, "newest").await;
    tx.commit().await.unwrap();
    assert_eq!(used(&metadata, team).await, 0);
}

async fn a_repository_moves_with_what_it_holds(metadata: Metadata) {
    counting(&metadata).await;
    let mut tx = metadata.write().await.unwrap();
    let (app, other) = (repository(&mut tx, "team/sub/app").await, repository(&mut tx, "team/other").await);
    let elsewhere = repository(&mut tx, "elsewhere/app").await;
    let (team, target) = (project_of(&mut tx, app).await, project_of(&mut tx, elsewhere).await);
    tx.set_quota(target, QuotaLimit::Bytes(1), at(1)).await.unwrap();
    linked_blob(&mut tx, app, "shared").await;
    linked_blob(&mut tx, other, "shared").await;
    linked_blob(&mut tx, app, "alone").await;
    draft("mine").put(&mut tx, app, at(1)).await;
    tx.commit().await.unwrap();
    assert_eq!(used(&metadata, team).await, 15);
    let mut tx = metadata.write().await.unwrap();
    tx.move_repository(app, target).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!((used(&metadata, team).await, used(&metadata, target).await), (6, 15));
    let mut tx = metadata.write().await.unwrap();
    assert_eq!(project_of(&mut tx, app).await, target);
    assert!(tx.uncount_repository(app).await.unwrap());
    assert!(!tx.uncount_repository(app).await.unwrap());
    tx.commit().await.unwrap();
    assert_eq!((used(&metadata, team).await, used(&metadata, target).await), (6, 0));
}

async fn what_is_rolled_back_is_not_counted(metadata: Metadata) {
    counting(&metadata).await;
    let mut tx = metadata.write().await.unwrap();
    let app = repository(&mut tx, "team/app").await;
    let team = project_of(&mut tx, app).await;
    let blob = linked_blob(&mut tx, app, "layer").await;
    tx.commit().await.unwrap();
    let mut tx = metadata.write().await.unwrap();
    linked_blob(&mut tx, app, "dropped").await;
    drop(tx);
    let mut tx = metadata.write().await.unwrap();
    tx.unlink_blob(app, blob).await.unwrap();
    drop(tx);
    assert_eq!(used(&metadata, team).await, 5);
}

async fn quotas_are_listed(metadata: Metadata) {
    counting(&metadata).await;
    let mut tx = metadata.write().await.unwrap();
    for (project, content) in [("a/app", "1"), ("b/app", "333"), ("c/app", "22")] {
        let app = repository(&mut tx, project).await;
        linked_blob(&mut tx, app, content).await;
        let id = project_of(&mut tx, app).await;
        tx.set_quota(id, QuotaLimit::Bytes(100), at(9)).await.unwrap();
    }
    tx.commit().await.unwrap();
    let mut tx = metadata.read().await.unwrap();
    let page = tx.quotas_page(None, 0, 2).await.unwrap();
    assert!(page.more);
    let rest = tx.quotas_page(page.entries.last().map(|last| last.project), 0, 2).await.unwrap();
    assert!(!rest.more);
    let told: Vec<_> =
        page.entries.iter().chain(&rest.entries).map(|q| (q.name.as_str(), q.used_bytes)).collect();
    assert_eq!(told, [("a", 1), ("b", 3), ("c", 2)]);
    assert_eq!((rest.entries[0].limit_bytes, rest.entries[0].updated_at), (Some(100), at(9)));
    let second = tx.quotas_page(None, 1, 1).await.unwrap().entries;
    assert_eq!(second.iter().map(|q| q.name.as_str()).collect::<Vec<_>>(), ["b"]);
    let largest = tx.largest_projects(1, 5).await.unwrap();
    assert_eq!(largest.iter().map(|q| q.name.as_str()).collect::<Vec<_>>(), ["c", "a"]);
}
