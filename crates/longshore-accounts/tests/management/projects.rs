use std::collections::BTreeMap;

use longshore_accounts::{
    Accounts, Act, GroupKind, MemberGrant, NewHolder, NewProject, ProjectFilter, ProjectOrder, ProjectQuery,
    TextFilter, UserId, public_setting,
};
use longshore_auth::{GrantScope, Permission, PermissionSet, Target};
use longshore_types::RepositoryName;

use crate::support::{
    add_member, admin, at, make_project, make_users, new_project, nobody, on_both_databases, project_id,
    push, recorded, user, word,
};

on_both_databases! {
    whoever_makes_a_project_administers_it,
    projects_within_are_made_by_admins_of_those_around,
    settings_are_checked_and_inherited,
    lists_show_what_the_caller_may_read,
    lists_are_paged_filtered_and_sorted,
    what_is_in_use_cannot_be_removed,
    who_comes_later_gets_nothing_of_a_removed_project,
    a_name_that_still_holds_something_is_not_given_to_others,
    the_roles_shown_are_those_that_count,
}

fn setting(key: &str, value: &str) -> BTreeMap<String, String> {
    BTreeMap::from([(key.to_owned(), value.to_owned())])
}

fn may(accounts: &Accounts, act: &Act, project: &str, permission: Permission) -> bool {
    let name = project.parse().unwrap();
    accounts.may(&act.access, &Target::project(&name, false), permission, &act.circumstances)
}

async fn whoever_makes_a_project_administers_it(accounts: Accounts) {
    make_users(&accounts, ["ann", "bob"]).await;
    let id = make_project(&accounts, &user(&accounts, "ann").await, "team").await;
    let ann = user(&accounts, "ann").await;
    assert!(may(&accounts, &ann, "team", Permission::MEMBER_CREATE));
    assert!(!may(&accounts, &user(&accounts, "bob").await, "team", Permission::PROJECT_READ));
    let details = accounts.project_details(&ann, id).await.unwrap();
    assert_eq!((details.owner_name.as_str(), details.roles), ("ann", vec![1]));
    assert_eq!(word(accounts.create_project(&ann, &new_project("team")).await), "conflict");
    let limited = NewProject { storage_limit: 7, ..new_project("limited") };
    accounts.create_project(&ann, &limited).await.unwrap();
    let quota = async |name: &str| {
        let id = project_id(&accounts, name).await.unwrap();
        accounts.project_summary(&admin(), id).await.unwrap().quota.unwrap().limit_bytes
    };
    assert_eq!(quota("limited").await, None, "only administrators say how much");
    let limited = NewProject { storage_limit: 7, ..new_project("narrow") };
    accounts.create_project(&admin(), &limited).await.unwrap();
    assert_eq!(quota("narrow").await, Some(7));
    let broken = NewProject { storage_limit: -2, ..new_project("broken") };
    assert_eq!(word(accounts.create_project(&admin(), &broken).await), "invalid");
    let rows = recorded(&accounts, "project").await;
    assert!(rows.contains(&["create_project", "team", "team", "ann"].map(str::to_owned)), "{rows:?}");
}

async fn projects_within_are_made_by_admins_of_those_around(accounts: Accounts) {
    make_users(&accounts, ["ann", "bob", "eve"]).await;
    let ann = user(&accounts, "ann").await;
    let team = make_project(&accounts, &ann, "team").await;
    add_member(&accounts, team, "bob", 4).await;
    let create = async |name: &str, project: &str| {
        let act = user(&accounts, name).await;
        word(accounts.create_project(&act, &new_project(project)).await)
    };
    assert_eq!(create("bob", "team/sub").await, "forbidden", "a maintainer");
    assert_eq!(create("eve", "team/sub").await, "unknown", "who may not know of it");
    assert_eq!(create("eve", "none/sub").await, "unknown");
    assert_eq!(create("ann", "team/sub").await, "done");
    assert_eq!(create("ann", "team/sub/deep").await, "done", "by what is inherited");
    assert_eq!(create("ann", "team/none/deep").await, "unknown");
    accounts.update_project(&ann, team, &BTreeMap::from([public_setting(true)])).await.unwrap();
    assert_eq!(create("eve", "team/other").await, "forbidden", "everybody may know of it now");
    // Members of what lies around are members within.
    let bob = user(&accounts, "bob").await;
    assert!(may(&accounts, &bob, "team/sub/deep", Permission::REPOSITORY_PUSH));
    // The nearest role counts alone.
    add_member(&accounts, project_id(&accounts, "team/sub").await.unwrap(), "bob", 5).await;
    let bob = user(&accounts, "bob").await;
    assert!(!may(&accounts, &bob, "team/sub/deep", Permission::REPOSITORY_PUSH));
}

async fn settings_are_checked_and_inherited(accounts: Accounts) {
    let admin = admin();
    let team = make_project(&accounts, &admin, "team").await;
    let sub = make_project(&accounts, &admin, "team/sub").await;
    let set = async |project, key: &str, value: &str| {
        word(accounts.update_project(&admin, project, &setting(key, value)).await)
    };
    assert_eq!(set(team, "public", "maybe").await, "invalid");
    assert_eq!(set(team, "public", "true").await, "done");
    assert_eq!(set(team, "severity", "high").await, "done");
    assert_eq!(set(team, "unheard_of", "x").await, "done", "clients send what newer servers know");
    assert_eq!(set(sub, "severity", "low").await, "done");
    let details = accounts.project_details(&nobody(), sub).await.unwrap();
    assert!(details.record.public);
    let shown: Vec<_> = details.settings.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    assert_eq!(shown, [("public", "true"), ("severity", "low")]);
    let inherited: Vec<_> =
        details.inherited.iter().map(|(key, name)| (key.as_str(), name.as_str())).collect();
    assert_eq!(inherited, [("public", "team")]);

    let add = async |key, value| word(accounts.add_project_setting(&admin, sub, key, value).await);
    assert_eq!(add("severity", "low").await, "conflict");
    assert_eq!(add("unheard_of", "low").await, "invalid");
    assert_eq!(add("auto_scan", "true").await, "done");
    let change = async |key, value| word(accounts.set_project_setting(&admin, sub, key, value).await);
    assert_eq!(change("auto_scan", "false").await, "done");
    assert_eq!(change("prevent_vul", "true").await, "unknown");
    let remove = async |key| word(accounts.remove_project_setting(&admin, sub, key).await);
    assert_eq!(remove("auto_scan").await, "done");
    assert_eq!(remove("auto_scan").await, "unknown");
    assert_eq!(remove("severity").await, "done");
    let details = accounts.project_details(&admin, sub).await.unwrap();
    assert_eq!(details.settings["severity"], "high");
    assert_eq!(accounts.project_settings(sub).await.unwrap(), BTreeMap::new());
}

async fn names(accounts: &Accounts, act: &Act, query: &ProjectQuery<'_>) -> Vec<String> {
    let (found, total) = accounts.list_projects(act, query).await.unwrap();
    assert_eq!(total, (found.len() + query.skip) as u64, "{query:?}");
    found.into_iter().map(|details| details.record.name.to_string()).collect()
}

async fn lists_show_what_the_caller_may_read(accounts: Accounts) {
    make_users(&accounts, ["ann", "bob", "eve"]).await;
    let admin = admin();
    let mut ids = BTreeMap::new();
    for name in ["open", "secret", "secret/a", "secret/a/b", "secret/c", "team", "team/x"] {
        ids.insert(name, make_project(&accounts, &admin, name).await);
    }
    accounts.update_project(&admin, ids["open"], &BTreeMap::from([public_setting(true)])).await.unwrap();
    add_member(&accounts, ids["secret/a"], "ann", 3).await;
    add_member(&accounts, ids["team"], "ann", 2).await;
    // A role that does not allow to read the project takes it from them there.
    let blind = PermissionSet::of(&[Permission::REPOSITORY_PULL]);
    let blind = accounts.create_role(&admin, "blind", blind).await.unwrap();
    add_member(&accounts, ids["team/x"], "ann", blind).await;
    let all = ProjectQuery { limit: 50, ..ProjectQuery::default() };
    let of = async |name: &str, query: &ProjectQuery<'_>| {
        names(&accounts, &user(&accounts, name).await, query).await
    };
    assert_eq!(of("ann", &all).await, ["library", "open", "secret/a", "secret/a/b", "team"]);
    assert_eq!(of("eve", &all).await, ["library", "open"]);
    assert_eq!(names(&accounts, &nobody(), &all).await, ["library", "open"]);
    assert_eq!(names(&accounts, &admin, &all).await.len(), 8);
    let private = ProjectQuery { filter: ProjectFilter { public: Some(false), ..all.filter }, ..all };
    assert_eq!(of("ann", &private).await, ["secret/a", "secret/a/b", "team"]);
    assert_eq!(of("eve", &private).await, [] as [&str; 0]);

    // A token narrows it, also an administrator's.
    let narrowed = |mut act: Act| {
        let scope = GrantScope::Project("secret/a".parse().unwrap());
        let read = Permission::PROJECT_READ.into();
        let kind = longshore_auth::GrantKind::Robot;
        act.access.ceiling = Some(vec![longshore_auth::Grant::new(scope, kind, read, "token")]);
        act
    };
    let wanted = ["library", "open", "secret/a", "secret/a/b"];
    assert_eq!(names(&accounts, &narrowed(admin), &all).await, wanted);
    assert_eq!(names(&accounts, &narrowed(user(&accounts, "ann").await), &all).await, wanted);
    assert_eq!(names(&accounts, &narrowed(user(&accounts, "eve").await), &all).await, wanted[..2]);
}

async fn lists_are_paged_filtered_and_sorted(accounts: Accounts) {
    make_users(&accounts, ["ann"]).await;
    let admin = admin();
    for n in 0..12 {
        let id = make_project(&accounts, &admin, &format!("p{n:02}")).await;
        if n % 3 == 0 {
            accounts.update_project(&admin, id, &BTreeMap::from([public_setting(true)])).await.unwrap();
        } else if n % 3 == 1 {
            add_member(&accounts, id, "ann", 5).await;
        }
    }
    let ann = user(&accounts, "ann").await;
    let wanted = ["library", "p00", "p01", "p03", "p04", "p06", "p07", "p09", "p10"];
    for limit in [1, 2, 4, 100] {
        for (order, descending) in [(ProjectOrder::Name, false), (ProjectOrder::Id, true)] {
            let mut seen = Vec::new();
            for skip in (0..).step_by(limit).take(12) {
                let query = ProjectQuery { order, descending, skip, limit, ..ProjectQuery::default() };
                let (found, total) = accounts.list_projects(&ann, &query).await.unwrap();
                assert_eq!(total, wanted.len() as u64);
                seen.extend(found.into_iter().map(|details| details.record.name.to_string()));
            }
            // Numbers rise with these names.
            if descending {
                seen.reverse();
            }
            assert_eq!(seen, wanted, "{limit} {order:?}");
        }
    }
    let named = |name| ProjectQuery {
        filter: ProjectFilter { name: Some(TextFilter::Contains(name)), ..ProjectFilter::default() },
        limit: 50,
        ..ProjectQuery::default()
    };
    assert_eq!(names(&accounts, &ann, &named("p0")).await, wanted[1..8]);
    let owned = ProjectQuery { owner_name: Some("admin"), limit: 50, ..ProjectQuery::default() };
    assert_eq!(names(&accounts, &ann, &owned).await, wanted);
    let owned = ProjectQuery { owner_name: Some("nobody"), ..owned };
    assert_eq!(names(&accounts, &ann, &owned).await, [] as [&str; 0]);
}

async fn what_is_in_use_cannot_be_removed(accounts: Accounts) {
    let admin = admin();
    let team = make_project(&accounts, &admin, "team").await;
    let sub = make_project(&accounts, &admin, "team/sub").await;
    assert!(accounts.why_undeletable(team).await.unwrap().unwrap().contains("projects"));
    assert_eq!(word(accounts.delete_project(&admin, team).await), "precondition");
    assert_eq!(word(accounts.delete_project(&admin, sub).await), "done");
    assert_eq!(word(accounts.delete_project(&admin, sub).await), "unknown");
    let name: RepositoryName = "team/app".parse().unwrap();
    let mut tx = accounts.metadata().write().await.unwrap();
    tx.ensure_repository(&name, at(1)).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(accounts.why_undeletable(team).await.unwrap(), None, "nothing is in it");
    assert_eq!(word(accounts.delete_project(&admin, team).await), "done");
    assert_eq!(project_id(&accounts, "team").await, None);
    let rows = recorded(&accounts, "project").await;
    assert!(rows.contains(&["delete_project", "team", "team", "admin"].map(str::to_owned)), "{rows:?}");
}

async fn who_comes_later_gets_nothing_of_a_removed_project(accounts: Accounts) {
    make_users(&accounts, ["ann", "bob"]).await;
    let first = make_project(&accounts, &user(&accounts, "ann").await, "team").await;
    let mut tx = accounts.metadata().write().await.unwrap();
    tx.ensure_repository(&"team/app".parse().unwrap(), at(1)).await.unwrap();
    tx.commit().await.unwrap();
    accounts.update_project(&admin(), first, &BTreeMap::from([public_setting(true)])).await.unwrap();
    accounts.delete_project(&admin(), first).await.unwrap();
    let second = make_project(&accounts, &user(&accounts, "bob").await, "team").await;
    assert!(!may(&accounts, &user(&accounts, "ann").await, "team", Permission::PROJECT_READ));
    let details = accounts.project_details(&admin(), second).await.unwrap();
    assert_eq!((details.record.public, details.owner_name.as_str()), (false, "bob"));
    let (members, total) = accounts.list_members(second, None, 0, 9).await.unwrap();
    assert_eq!((members[0].record.name.as_str(), total), ("bob", 1));
}

async fn a_name_that_still_holds_something_is_not_given_to_others(accounts: Accounts) {
    make_users(&accounts, ["ann", "bob"]).await;
    let ann = user(&accounts, "ann").await;
    let first = make_project(&accounts, &ann, "team").await;
    push(&accounts, "team/app").await;
    let app: RepositoryName = "team/app".parse().unwrap();
    let mut tx = accounts.metadata().write().await.unwrap();
    let repository = tx.repository(&app).await.unwrap().unwrap();
    let manifest = tx.manifest_record(repository.id, &longshore_types::Digest::sha256(b"team/app")).await;
    let manifest = manifest.unwrap().unwrap();
    tx.mark_manifest_deleted(manifest.id, at(2)).await.unwrap();
    tx.commit().await.unwrap();
    accounts.delete_project(&admin(), first).await.unwrap();
    // What was deleted can still be restored: bob would come by it, and so might whoever calls themselves the owner.
    let bob = user(&accounts, "bob").await;
    for act in [&ann, &bob] {
        assert_eq!(word(accounts.create_project(act, &new_project("team")).await), "conflict");
    }
    // Collection has taken it.
    let mut tx = accounts.metadata().write().await.unwrap();
    tx.purge_manifest(manifest.id).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(word(accounts.create_project(&bob, &new_project("team")).await), "done");
    let mut tx = accounts.metadata().read().await.unwrap();
    assert_eq!(tx.tag_events(repository.id, None, None, 9).await.unwrap().entries, []);
}

async fn the_roles_shown_are_those_that_count(accounts: Accounts) {
    let [ann, ..] = make_users(&accounts, ["ann", "bob"]).await;
    let team = make_project(&accounts, &admin(), "team").await;
    let sub = make_project(&accounts, &admin(), "team/sub").await;
    let deep = make_project(&accounts, &admin(), "team/sub/deep").await;
    let mut tx = accounts.metadata().write().await.unwrap();
    let devs = tx.ensure_group(GroupKind::Oidc, "", "devs", "devs", at(1)).await.unwrap();
    tx.set_groups_of_user(UserId::of_number(ann), &[devs]).await.unwrap();
    tx.commit().await.unwrap();
    let shown = async |name: &str| {
        let act = user(&accounts, name).await;
        let mut shown = Vec::new();
        for id in [team, sub, deep] {
            shown.push(accounts.project_details(&act, id).await.unwrap().roles);
        }
        shown
    };
    add_member(&accounts, team, "ann", 4).await;
    assert_eq!(shown("ann").await, [[4], [4], [4]]);
    let group = NewHolder::GroupId(devs.number());
    let guest = MemberGrant { role: 3, ..MemberGrant::default() };
    accounts.add_member(&admin(), sub, &group, &guest).await.unwrap();
    assert_eq!(shown("ann").await, [[4], [3], [3]], "through a group, and nearer");
    add_member(&accounts, sub, "ann", 2).await;
    assert_eq!(shown("ann").await, [vec![4], vec![2, 3], vec![2, 3]]);
    // What is for some repositories is no role in the project.
    let some = MemberGrant { role: 1, repositories: "app".to_owned(), ..MemberGrant::default() };
    accounts.add_member(&admin(), deep, &NewHolder::User("ann".to_owned()), &some).await.unwrap();
    assert_eq!(shown("ann").await[2], [2, 3]);
    // Project admins stay that within.
    add_member(&accounts, team, "bob", 1).await;
    add_member(&accounts, sub, "bob", 5).await;
    assert_eq!(shown("bob").await, [vec![1], vec![1, 5], vec![1, 5]]);
    assert!(may(&accounts, &user(&accounts, "bob").await, "team/sub/deep", Permission::PROJECT_DELETE));
}
