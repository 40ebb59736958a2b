use std::sync::atomic::{AtomicU64, Ordering};

use longshore_accounts::{Accounts, ManageError, ProjectId, QuotaOrder};
use longshore_metadata::{RepositoryId, WriteTx};
use longshore_types::{Digest, RepositoryName};

use crate::support::{
    add_member, admin, at, make_project, make_users, on_both_databases, recorded, user, word,
};

on_both_databases! {
    limits_are_set_and_recorded,
    quotas_are_listed_by_page_and_by_use,
    counting_begins_with_what_is_there_and_goes_on,
    a_project_is_counted_anew,
}

/// Links content of that many bytes.
async fn link(tx: &mut WriteTx, repository: &str, content: &str, bytes: u64) -> RepositoryId {
    let name: RepositoryName = repository.parse().unwrap();
    let id = tx.ensure_locked_repository(&name, at(1)).await.unwrap().id;
    let blob = tx.ensure_blob(&Digest::sha256(content.as_bytes()), bytes, at(1)).await.unwrap().id;
    tx.link_blob(id, blob, at(1)).await.unwrap();
    id
}

async fn links(accounts: &Accounts, all: &[(&str, &str, u64)]) {
    let mut tx = accounts.metadata().write().await.unwrap();
    for (repository, content, bytes) in all {
        link(&mut tx, repository, content, *bytes).await;
    }
    tx.commit().await.unwrap();
}

async fn used(accounts: &Accounts, project: ProjectId) -> u64 {
    accounts.quota(project.number()).await.unwrap().used_bytes
}

async fn limits_are_set_and_recorded(accounts: Accounts) {
    make_users(&accounts, ["ann"]).await;
    let team = make_project(&accounts, &admin(), "team").await.number();
    accounts.set_quota(&admin(), team, 1000).await.unwrap();
    let quota = accounts.quota(team).await.unwrap();
    assert_eq!((quota.limit_bytes, quota.is_default, quota.updated_at), (Some(1000), false, at(10)));
    accounts.set_quota(&admin(), team, -1).await.unwrap();
    assert_eq!(accounts.quota(team).await.unwrap().limit_bytes, None);
    for wrong in [0, -2, i64::MIN] {
        assert_eq!(word(accounts.set_quota(&admin(), team, wrong).await), "invalid", "{wrong}");
    }
    assert_eq!(word(accounts.set_quota(&admin(), 999, 5).await), "unknown");
    assert_eq!(word(accounts.quota(999).await), "unknown");
    let rows = recorded(&accounts, "quota").await;
    let row = ["update_quota", "team", "team", "admin"].map(str::to_owned);
    assert_eq!(rows, [row.clone(), row]);
    accounts.delete_project(&admin(), ProjectId::of_number(team)).await.unwrap();
    assert_eq!(word(accounts.quota(team).await), "unknown");
}

async fn quotas_are_listed_by_page_and_by_use(accounts: Accounts) {
    accounts.begin_counting_usage(&|_| ()).await.unwrap();
    for name in ["one", "two", "three"] {
        make_project(&accounts, &admin(), name).await;
    }
    links(&accounts, &[("one/app", "a", 1), ("two/app", "b", 30), ("three/app", "c", 20)]).await;
    let list = async |order, skip, limit| {
        let (quotas, total) = accounts.list_quotas(order, skip, limit).await.unwrap();
        // `library` comes with the first start.
        assert_eq!(total, 4);
        quotas.into_iter().map(|quota| quota.name.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(list(QuotaOrder::Project, 0, 10).await, ["library", "one", "two", "three"]);
    assert_eq!(list(QuotaOrder::Project, 2, 1).await, ["two"]);
    assert_eq!(list(QuotaOrder::LargestFirst, 0, 2).await, ["two", "three"]);
    assert_eq!(list(QuotaOrder::LargestFirst, 4, 2).await, [""; 0]);
}

async fn counting_begins_with_what_is_there_and_goes_on(accounts: Accounts) {
    let team = make_project(&accounts, &admin(), "team").await;
    // More repositories than are counted between two words of progress.
    let names: Vec<String> = (0..120).map(|number| format!("team/app{number}")).collect();
    let all: Vec<_> = names.iter().map(|name| (name.as_str(), name.as_str(), 2)).collect();
    links(&accounts, &all).await;
    assert_eq!(used(&accounts, team).await, 0);
    let heard = AtomicU64::new(0);
    accounts.begin_counting_usage(&|counted| heard.store(counted, Ordering::Relaxed)).await.unwrap();
    assert_eq!((used(&accounts, team).await, heard.load(Ordering::Relaxed)), (240, 120));
    links(&accounts, &[("team/new", "new", 10), ("team/app1", "team/app0", 2)]).await;
    assert_eq!(used(&accounts, team).await, 250);
    // Another start finds nothing to do.
    accounts.begin_counting_usage(&|_| panic!("nothing is counted twice")).await.unwrap();
    assert_eq!(used(&accounts, team).await, 250);

    // A start without accounts, pushes that nobody counts, and accounts again.
    Accounts::end_counting_usage(accounts.metadata()).await.unwrap();
    links(&accounts, &[("team/late", "late", 1000)]).await;
    assert_eq!(used(&accounts, team).await, 0);
    accounts.begin_counting_usage(&|_| ()).await.unwrap();
    assert_eq!(used(&accounts, team).await, 1250);
}

async fn a_project_is_counted_anew(accounts: Accounts) {
    accounts.begin_counting_usage(&|_| ()).await.unwrap();
    let team = make_project(&accounts, &admin(), "team").await;
    make_project(&accounts, &admin(), "other").await;
    links(&accounts, &[("team/a", "x", 5), ("team/b", "x", 5), ("team/b", "y", 7), ("other/a", "x", 5)])
        .await;
    accounts.recount_project(team).await.unwrap();
    assert_eq!(used(&accounts, team).await, 12);
    make_users(&accounts, ["ann"]).await;
    add_member(&accounts, team, "ann", 1).await;
    // Nobody but who looks after the registry says how much; the route asks for that.
    let ann = user(&accounts, "ann").await;
    let target = longshore_auth::Target::SYSTEM;
    let permission = longshore_auth::Permission::QUOTA_UPDATE;
    assert!(!accounts.may(&ann.access, &target, permission, &ann.circumstances));
    assert!(matches!(accounts.quota(0).await, Err(ManageError::Unknown { .. })));
}
