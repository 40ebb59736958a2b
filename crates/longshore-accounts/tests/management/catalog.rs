use std::collections::BTreeSet;

use longshore_accounts::{Accounts, Act, public_setting};
use longshore_auth::{Permission, Target};

use crate::support::{
    add_member, admin, at, make_project, make_users, nobody, on_both_databases, push, user,
};

on_both_databases! {
    everybody_walks_over_what_they_may_read,
    what_others_have_costs_nothing,
}

/// Projects, whether they are public by themselves; names that are alike, and lie around each other.
const PROJECTS: [(&str, Option<bool>); 14] = [
    ("a", Some(true)),
    ("a-b", Some(false)),
    ("a-b/c", Some(true)),
    ("a/b", Some(false)),
    ("a/b/c", None),
    ("a/b/c/d", Some(true)),
    ("a.b", Some(true)),
    ("a0", None),
    ("a_b", Some(true)),
    ("b", None),
    ("b/c", Some(true)),
    ("m", None),
    ("z", Some(true)),
    ("z-empty", Some(true)),
];

const REPOSITORIES: [&str; 30] = [
    "a",
    "a-b",
    "a-b/c",
    "a-b/c/x",
    "a-b/c-d/x",
    "a-b/x",
    "a.b/x",
    "a/0",
    "a/b",
    "a/b-c/x",
    "a/b/c/d",
    "a/b/c/d/e",
    "a/b/c/e",
    "a/b/x",
    "a/z",
    "a0/x",
    "a_b/x",
    "alpine",
    "b-c/x",
    "b/a",
    "b/c/x",
    "b/c/y/z",
    "b/z",
    "library/x",
    "m/1",
    "m/2/3",
    "m/b/x",
    "z",
    "z/x",
    "zoo",
];

async fn page(accounts: &Accounts, act: &Act, after: Option<&str>, limit: usize) -> (Vec<String>, bool) {
    let page = accounts.catalog(&act.access, after, limit, &act.circumstances).await.unwrap();
    (page.entries.iter().map(ToString::to_string).collect(), page.more)
}

/// All pages of such a length.
async fn walk(accounts: &Accounts, act: &Act, limit: usize) -> Vec<String> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let (names, more) = page(accounts, act, after.as_deref(), limit).await;
        assert!(names.len() == limit || !more);
        after = names.last().cloned();
        found.extend(names);
        if !more {
            return found;
        }
    }
}

/// What may be read, asked of each repository by itself.
async fn readable(accounts: &Accounts, act: &Act, names: &BTreeSet<&str>) -> Vec<String> {
    let mut found = Vec::new();
    for name in names {
        let repository = name.parse().unwrap();
        let project = accounts.project_of(&repository).await.unwrap().unwrap();
        let target = Target::repository(&project.record.name, project.public, &repository);
        let may = |permission| accounts.may(&act.access, &target, permission, &act.circumstances);
        if may(Permission::REPOSITORY_PULL) || may(Permission::REPOSITORY_LIST) {
            found.push((*name).to_owned());
        }
    }
    found
}

async fn everybody_walks_over_what_they_may_read(accounts: Accounts) {
    make_users(&accounts, ["ann", "bob", "outsider"]).await;
    for (name, public) in PROJECTS {
        let project = make_project(&accounts, &admin(), name).await;
        if let Some(public) = public {
            let setting = [public_setting(public)].into_iter().collect();
            accounts.update_project(&admin(), project, &setting).await.unwrap();
        }
        if ["a-b", "m"].contains(&name) {
            add_member(&accounts, project, "ann", 3).await;
        }
        if name == "a/b" {
            add_member(&accounts, project, "bob", 5).await;
        }
    }
    for name in REPOSITORIES {
        push(&accounts, name).await;
    }
    let names: BTreeSet<&str> = REPOSITORIES.into_iter().collect();
    let (ann, bob, outsider) =
        (user(&accounts, "ann").await, user(&accounts, "bob").await, user(&accounts, "outsider").await);
    let mut sizes = BTreeSet::new();
    for act in [&nobody(), &outsider, &ann, &bob, &admin()] {
        let wanted = readable(&accounts, act, &names).await;
        sizes.insert(wanted.len());
        for limit in [1, 2, 3, 7, 100] {
            assert_eq!(walk(&accounts, act, limit).await, wanted, "pages of {limit}");
        }
        for after in ["", "A", "a", "a-", "a-b/c", "a/b/c/d/e", "a/b/c/z", "library", "zz", "ü", "a\0b"] {
            let later: Vec<_> = wanted
                .iter()
                .filter(|name| name.as_str() > after.split('\0').next().unwrap())
                .cloned()
                .collect();
            assert_eq!(page(&accounts, act, Some(after), 100).await.0, later, "after {after:?}");
        }
    }
    assert_eq!(sizes.len(), 4, "each sees something else: {sizes:?}");
    assert_eq!(page(&accounts, &ann, None, 0).await, (vec![], false));
}

/// More projects than are looked into at a time; those of others do not count among them.
async fn what_others_have_costs_nothing(accounts: Accounts) {
    make_users(&accounts, ["ann"]).await;
    let mut wanted = BTreeSet::new();
    let mut tx = accounts.metadata().write().await.unwrap();
    for nth in 0..400 {
        let name = format!("p{nth}");
        let project = tx.insert_project(&name.parse().unwrap(), None, at(1)).await.unwrap().unwrap();
        if nth % 3 == 0 {
            tx.set_project_metadata(project, "public", "true").await.unwrap();
            wanted.insert(format!("{name}/app"));
        }
    }
    tx.commit().await.unwrap();
    for nth in 0..400 {
        push(&accounts, &format!("p{nth}/app")).await;
    }
    let ann = user(&accounts, "ann").await;
    let wanted: Vec<_> = wanted.into_iter().collect();
    for act in [&nobody(), &ann] {
        for limit in [1, 40, 1000] {
            assert_eq!(walk(&accounts, act, limit).await, wanted, "pages of {limit}");
        }
    }
}
