use crate::support::{at, name, on_both_databases};
use longshore_metadata::{
    Holder, Metadata, NewRobot, NewUser, ProjectFilter, ProjectId, ProjectOrder, ProjectRecord, QuotaLimit,
    TextFilter, WriteTx,
};
use longshore_types::ProjectName;

on_both_databases! {
    a_repository_belongs_to_the_innermost_project,
    a_new_project_takes_what_is_its_own_by_name,
    a_project_within_and_pushes_to_it_at_once,
    settings_are_kept_by_key,
    whether_everybody_may_read_is_inherited,
    projects_are_listed,
    a_deleted_project_leaves_nothing,
    repositories_outlive_their_project,
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

async fn make(tx: &mut WriteTx, text: &str) -> ProjectId {
    tx.insert_project(&project(text), None, at(1)).await.unwrap().unwrap()
}

/// Which of these everybody may read.
async fn public(tx: &mut WriteTx, names: &[&str]) -> Vec<bool> {
    let mut found = Vec::new();
    for name in names {
        found.push(tx.project(&project(name)).await.unwrap().unwrap().public);
    }
    found
}

async fn whether_everybody_may_read_is_inherited(metadata: Metadata) {
    let mut tx = metadata.write().await.unwrap();
    let names = ["a", "a/b", "a/b/c", "a/d", "ab"];
    for name in names {
        make(&mut tx, name).await;
    }
    let id = async |tx: &mut WriteTx, name: &str| tx.project(&project(name)).await.unwrap().unwrap().id;
    let (a, b) = (id(&mut tx, "a").await, id(&mut tx, "a/b").await);
    assert_eq!(public(&mut tx, &names).await, [false; 5]);
    tx.set_project_metadata(a, "public", "true").await.unwrap();
    assert_eq!(public(&mut tx, &names).await, [true, true, true, true, false]);
    tx.set_project_metadata(b, "public", "false").await.unwrap();
    assert_eq!(public(&mut tx, &names).await, [true, false, false, true, false]);
    // What is made later takes it over, also between two that are there.
    make(&mut tx, "a/b/c/d/e").await;
    make(&mut tx, "a/b/c/d").await;
    make(&mut tx, "a/e").await;
    assert_eq!(public(&mut tx, &["a/b/c/d/e", "a/b/c/d", "a/e"]).await, [false, false, true]);
    assert!(tx.delete_project_setting(b, "public").await.unwrap());
    assert!(!tx.delete_project_setting(b, "public").await.unwrap());
    assert_eq!(public(&mut tx, &names).await, [true, true, true, true, false]);
    assert_eq!(public(&mut tx, &["a/b/c/d/e"]).await, [true]);
    tx.delete_project_setting(a, "public").await.unwrap();
    assert_eq!(public(&mut tx, &names).await, [false; 5]);
    tx.commit().await.unwrap();
}

async fn projects_are_listed(metadata: Metadata) {
    let mut tx = metadata.write().await.unwrap();
    let owner = NewUser { name: "ann", source: "local", ..NewUser::default() };
    let ann = tx.insert_user(&owner, at(1)).await.unwrap().unwrap();
    for (n, name) in ["b", "a", "a/x", "c_d", "c%d"].iter().enumerate() {
        let Ok(name) = name.parse() else { continue };
        let id = tx.insert_project(&name, (n > 1).then_some(ann), at(n as i64)).await.unwrap().unwrap();
        tx.project_changed(id, at(100 - n as i64)).await.unwrap();
    }
    let a = tx.project(&project("a")).await.unwrap().unwrap().id;
    tx.set_project_metadata(a, "public", "true").await.unwrap();
    let all = ProjectFilter::default();
    let mut check = async |filter: ProjectFilter<'_>, order, descending, skip, wanted: &[&str]| {
        let found = tx.projects_page(&filter, order, descending, skip, 9).await.unwrap();
        let names: Vec<_> = found.iter().map(|project| project.name.as_str()).collect();
        assert_eq!(names, wanted, "{filter:?} {order:?}");
        assert!(found.iter().all(|project| filter.holds(project)), "{filter:?}");
        assert_eq!(tx.projects_count(&filter).await.unwrap(), (wanted.len() + skip) as u64, "{filter:?}");
    };
    use ProjectOrder::{Id, Name, Updated};
    check(all, Name, false, 0, &["a", "a/x", "b", "c_d"]).await;
    check(all, Name, true, 1, &["b", "a/x", "a"]).await;
    check(all, Id, false, 0, &["b", "a", "a/x", "c_d"]).await;
    check(all, Id, true, 0, &["c_d", "a/x", "a", "b"]).await;
    check(all, Updated, false, 0, &["c_d", "a/x", "a", "b"]).await;
    check(ProjectFilter { public: Some(true), ..all }, Name, false, 0, &["a", "a/x"]).await;
    check(ProjectFilter { public: Some(false), ..all }, Name, false, 0, &["b", "c_d"]).await;
    check(ProjectFilter { owner: Some(ann), ..all }, Name, false, 0, &["a/x", "c_d"]).await;
    check(ProjectFilter { id: Some(a), ..all }, Name, false, 0, &["a"]).await;
    let contains = |text| ProjectFilter { name: Some(TextFilter::Contains(text)), ..all };
    check(contains("a"), Name, false, 0, &["a", "a/x"]).await;
    check(contains("_"), Name, false, 0, &["c_d"]).await;
    check(contains("%"), Name, false, 0, &[]).await;
    check(ProjectFilter { name: Some(TextFilter::Is("a")), ..all }, Name, false, 0, &["a"]).await;
    check(ProjectFilter { from: Some(at(2)), to: Some(at(2)), ..all }, Name, false, 0, &["a/x"]).await;

    let names = [project("a"), project("c_d"), project("a/x"), project("none")];
    let below = tx.projects_below(&names).await.unwrap();
    let below: Vec<_> = below.into_iter().map(|project| project.name.to_string()).collect();
    assert_eq!(below, ["a", "a/x", "c_d"], "each once");
    tx.commit().await.unwrap();
}

async fn a_deleted_project_leaves_nothing(metadata: Metadata) {
    let mut tx = metadata.write().await.unwrap();
    let id = make(&mut tx, "team").await;
    tx.set_project_metadata(id, "public", "true").await.unwrap();
    let owner = NewUser { name: "ann", source: "local", ..NewUser::default() };
    let ann = tx.insert_user(&owner, at(1)).await.unwrap().unwrap();
    tx.insert_member(id, Holder::User(ann), 1, "", at(1)).await.unwrap();
    tx.set_quota(id, QuotaLimit::Bytes(7), at(1)).await.unwrap();
    let robot = NewRobot {
        name: "team+ci",
        project: Some(id),
        description: "",
        secret_hash: b"",
        permissions: "[]",
        disabled: false,
        duration_days: -1,
        expires_at: None,
        created_by: "",
    };
    tx.insert_robot(&robot, at(1)).await.unwrap();
    tx.delete_project(id, at(2)).await.unwrap();
    assert_eq!(tx.project(&project("team")).await.unwrap(), None);
    assert_eq!(tx.robot("team+ci").await.unwrap(), None);
    let again = make(&mut tx, "team").await;
    assert_ne!(again, id, "numbers are not given out again");
    assert_eq!(public(&mut tx, &["team"]).await, [false]);
    assert_eq!(tx.members_count(again, None).await.unwrap(), 0);
    assert!(tx.quota_of(again).await.unwrap().unwrap().is_default);
    tx.commit().await.unwrap();
}

/// What repositories held waits for collection, so their rows stay; they belong to whoever has their names.
async fn repositories_outlive_their_project(metadata: Metadata) {
    let mut tx = metadata.write().await.unwrap();
    for name in ["team", "team/sub", "lone/sub"] {
        make(&mut tx, name).await;
    }
    for repository in ["team/app", "team/sub/app", "lone/sub/app"] {
        tx.ensure_repository(&name(repository), at(1)).await.unwrap();
    }
    let delete = async |tx: &mut WriteTx, name: &str| {
        let id = tx.project(&project(name)).await.unwrap().unwrap().id;
        assert!(!tx.holds_manifests(id).await.unwrap());
        tx.delete_project(id, at(2)).await.unwrap();
        assert_eq!(tx.project(&project(name)).await.unwrap(), None);
        assert_eq!(tx.project_by_id(id).await.unwrap(), None);
        id
    };
    delete(&mut tx, "team/sub").await;
    assert_eq!(project_of(&mut tx, "team/sub/app").await.name, project("team"));
    let team = delete(&mut tx, "team").await;
    delete(&mut tx, "lone/sub").await;
    assert_eq!(tx.projects_count(&ProjectFilter::default()).await.unwrap(), 0);
    assert_eq!(tx.quotas_page(None, 0, 9).await.unwrap().entries, []);

    // The same again, one around, and one within.
    let again = tx.insert_project(&project("team"), None, at(3)).await.unwrap().unwrap();
    assert_eq!(again, team);
    assert_eq!(tx.project_by_id(again).await.unwrap().unwrap().created_at, at(3));
    assert_eq!(tx.insert_project(&project("team"), None, at(3)).await.unwrap(), None);
    make(&mut tx, "lone").await;
    make(&mut tx, "team/sub").await;
    for (repository, wanted) in [("team/app", "team"), ("team/sub/app", "team/sub"), ("lone/sub/app", "lone")]
    {
        assert_eq!(project_of(&mut tx, repository).await.name, project(wanted), "{repository}");
    }
    // One that lay in it is no obstacle.
    let lone = tx.project(&project("lone")).await.unwrap().unwrap().id;
    assert!(!tx.holds_projects(lone).await.unwrap());
    delete(&mut tx, "lone").await;
    // A push makes it anew.
    let pushed = tx.ensure_repository(&name("lone/new"), at(4)).await.unwrap();
    assert_eq!(tx.project_by_id(pushed.project).await.unwrap().unwrap().name, project("lone"));
    tx.commit().await.unwrap();
}
