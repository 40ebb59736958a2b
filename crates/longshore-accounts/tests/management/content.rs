use longshore_accounts::{
    Accounts, Act, LabelOrder, LabelPlan, ListedInProject, ListedRepositories, MemberGrant, NewHolder,
    ProjectId, ProjectKey, ProjectQuery, public_setting,
};
use longshore_metadata::RepositoryScope;
use longshore_types::{Digest, Reference};

use crate::support::{
    add_member, admin, make_project, make_users, nobody, on_both_databases, push, recorded, user, word,
};

on_both_databases! {
    labels_are_made_by_who_may,
    labels_are_put_on_artifacts_of_their_project,
    everybody_lists_what_they_may,
    who_has_some_repositories_is_told_of_no_others,
}

fn plan(name: &str) -> LabelPlan {
    LabelPlan { name: name.to_owned(), description: "d".to_owned(), color: "#fff".to_owned() }
}

async fn make_public(accounts: &Accounts, project: ProjectId) {
    let (key, value) = public_setting(true);
    accounts.update_project(&admin(), project, &[(key, value)].into_iter().collect()).await.unwrap();
}

async fn labels_are_made_by_who_may(accounts: Accounts) {
    let team = make_project(&accounts, &admin(), "team").await;
    make_users(&accounts, ["maintainer", "developer", "guest", "outsider"]).await;
    for (name, role) in [("maintainer", 4), ("developer", 2), ("guest", 3)] {
        add_member(&accounts, team, name, role).await;
    }
    let make = async |act: &Act, owner: Option<ProjectId>, name: &str| {
        word(accounts.create_label(act, owner, &plan(name)).await)
    };
    for (name, own, global) in [
        ("maintainer", "done", "forbidden"),
        ("developer", "forbidden", "forbidden"),
        ("guest", "forbidden", "forbidden"),
        ("outsider", "unknown", "forbidden"),
    ] {
        let act = user(&accounts, name).await;
        assert_eq!(make(&act, Some(team), name).await, own, "{name}");
        assert_eq!(make(&act, None, name).await, global, "{name}");
    }
    let admin = admin();
    assert_eq!(make(&admin, None, "everywhere").await, "done");
    assert_eq!(make(&admin, None, "everywhere").await, "conflict");
    assert_eq!(make(&admin, Some(team), "everywhere").await, "done", "another owner, another name");
    for bad in ["", &"x".repeat(129), "a\0b"] {
        assert_eq!(make(&admin, None, bad).await, "invalid", "{bad}");
    }
    let order = (LabelOrder::Name, false);
    let list =
        async |act: &Act, owner: Option<ProjectId>| accounts.labels(act, owner, None, order, (0, 10)).await;
    let (guest, outsider) = (user(&accounts, "guest").await, user(&accounts, "outsider").await);
    let (labels, total) = list(&guest, Some(team)).await.unwrap();
    assert_eq!(
        labels.iter().map(|label| label.name.as_str()).collect::<Vec<_>>(),
        ["everywhere", "maintainer"]
    );
    assert_eq!(total, 2);
    assert_eq!(word(list(&outsider, Some(team)).await), "unknown");
    assert_eq!(list(&outsider, None).await.unwrap().1, 1);
    assert_eq!(word(list(&nobody(), None).await), "forbidden");
    let own = labels[1].id;
    assert_eq!(word(accounts.label(&outsider, own).await), "unknown");
    assert_eq!(word(accounts.update_label(&guest, own, &plan("x")).await), "forbidden");
    assert_eq!(word(accounts.delete_label(&outsider, own).await), "unknown");
    let maintainer = user(&accounts, "maintainer").await;
    assert_eq!(word(accounts.update_label(&maintainer, own, &plan("everywhere")).await), "conflict");
    assert_eq!(word(accounts.update_label(&maintainer, own, &plan("renamed")).await), "done");
    assert_eq!(word(accounts.delete_label(&maintainer, own).await), "done");
    assert_eq!(word(accounts.label(&maintainer, own).await), "unknown");
    let told = recorded(&accounts, "label").await;
    let row = |operation: &str, label: &str, project: &str, actor: &str| {
        [operation, label, project, actor].map(str::to_owned)
    };
    let wanted = [
        row("create_label", "maintainer", "team", "maintainer"),
        row("create_label", "everywhere", "", "admin"),
        row("create_label", "everywhere", "team", "admin"),
        row("update_label", "renamed", "team", "maintainer"),
        row("delete_label", "renamed", "team", "maintainer"),
    ];
    assert_eq!(told, wanted);
    // In a public project everybody may read them.
    make_public(&accounts, team).await;
    assert_eq!(list(&nobody(), Some(team)).await.unwrap().1, 1);
}

async fn labels_are_put_on_artifacts_of_their_project(accounts: Accounts) {
    let team = make_project(&accounts, &admin(), "team").await;
    let other = make_project(&accounts, &admin(), "other").await;
    let digest = push(&accounts, "team/app").await;
    let (app, reference) = ("team/app".parse().unwrap(), Reference::Digest(digest));
    let admin = admin();
    let own = accounts.create_label(&admin, Some(team), &plan("own")).await.unwrap();
    let global = accounts.create_label(&admin, None, &plan("global")).await.unwrap();
    let foreign = accounts.create_label(&admin, Some(other), &plan("foreign")).await.unwrap();
    let put = async |label| word(accounts.label_artifact(&admin, &app, &reference, label).await);
    assert_eq!((put(own).await, put(global).await, put(foreign).await), ("done", "done", "unknown"));
    assert_eq!(put(own).await, "conflict");
    let missing = Reference::Digest(Digest::sha256(b"nothing"));
    assert_eq!(word(accounts.label_artifact(&admin, &app, &missing, own).await), "unknown");
    let take = async |label| word(accounts.unlabel_artifact(&admin, &app, &reference, label).await);
    assert_eq!((take(own).await, take(own).await), ("done", "unknown"));
    accounts.delete_label(&admin, global).await.unwrap();
    assert_eq!(take(global).await, "unknown");
    let told = recorded(&accounts, "artifact").await;
    let operations: Vec<_> = told.iter().map(|[operation, ..]| operation.as_str()).collect();
    assert_eq!(operations, ["create_artifact_label", "create_artifact_label", "delete_artifact_label"]);
    assert_eq!(told[0][1..3], [format!("team/app@{digest}"), "team".to_owned()]);
    // A project goes with its labels.
    accounts.delete_project(&admin, other).await.unwrap();
    assert_eq!(word(accounts.label(&admin, foreign).await), "unknown");
}

async fn everybody_lists_what_they_may(accounts: Accounts) {
    let mut projects = Vec::new();
    for name in ["open", "team", "team/sub", "hidden"] {
        projects.push(make_project(&accounts, &admin(), name).await);
    }
    make_public(&accounts, projects[0]).await;
    for name in ["open/app", "team/app", "team/sub/app", "hidden/some/app", "hidden/other"] {
        push(&accounts, name).await;
    }
    make_users(&accounts, ["ann", "bob"]).await;
    add_member(&accounts, projects[1], "ann", 3).await;
    let grant = MemberGrant { role: 2, repositories: "some/**".to_owned(), ..MemberGrant::default() };
    accounts.add_member(&admin(), projects[3], &NewHolder::User("bob".to_owned()), &grant).await.unwrap();

    let (ann, bob) = (user(&accounts, "ann").await, user(&accounts, "bob").await);
    let names = async |act: &Act| -> Vec<String> {
        let listed = accounts.listed_repositories(act).await.unwrap();
        let mut tx = accounts.metadata().read().await.unwrap();
        let filter = longshore_metadata::RepositoryFilter { scope: listed.scope(), name: None };
        let order = (longshore_metadata::RepositoryOrder::Name, false);
        let found = tx.listed_repositories(&filter, order, 0, 100).await.unwrap();
        found.into_iter().map(|record| record.name.to_string()).collect()
    };
    assert_eq!(names(&nobody()).await, ["open/app"]);
    assert_eq!(names(&ann).await, ["open/app", "team/app", "team/sub/app"]);
    assert_eq!(names(&bob).await, ["hidden/some/app", "open/app"]);
    assert_eq!(names(&admin()).await.len(), 5);
    assert_eq!(accounts.listed_repositories(&admin()).await.unwrap(), ListedRepositories::All);
    assert!(matches!(ListedRepositories::All.scope(), RepositoryScope::All));

    // The first start made a public project.
    let counted = accounts.statistics(&ann).await.unwrap();
    assert_eq!((counted.public, counted.private, counted.total), ((2, 1), (2, 2), None));
    let counted = accounts.statistics(&nobody()).await.unwrap();
    assert_eq!((counted.public, counted.private), ((2, 1), (0, 0)));
    let counted = accounts.statistics(&admin()).await.unwrap();
    assert_eq!((counted.public, counted.private, counted.total), ((2, 1), (3, 4), Some((5, 5, 0))));
}

async fn who_has_some_repositories_is_told_of_no_others(accounts: Accounts) {
    let team = make_project(&accounts, &admin(), "team").await;
    let sub = make_project(&accounts, &admin(), "team/sub").await;
    make_project(&accounts, &admin(), "other").await;
    for name in ["team/app", "team/app-x", "team/tool", "team/sub/app", "team/sub/tool", "other/app"] {
        push(&accounts, name).await;
    }
    make_users(&accounts, ["bob", "eve"]).await;
    let some = MemberGrant { role: 2, repositories: "{app*,sub/app}".to_owned(), ..MemberGrant::default() };
    accounts.add_member(&admin(), team, &NewHolder::User("bob".to_owned()), &some).await.unwrap();
    let (bob, eve) = (user(&accounts, "bob").await, user(&accounts, "eve").await);

    let query = ProjectQuery { limit: 9, ..ProjectQuery::default() };
    let projects = async |act: &Act| -> Vec<(String, u64)> {
        let (shown, total) = accounts.list_projects(act, &query).await.unwrap();
        assert_eq!(total, shown.len() as u64);
        shown.into_iter().map(|shown| (shown.record.name.to_string(), shown.repositories)).collect()
    };
    let named = |names: &[(&str, u64)]| -> Vec<_> {
        names.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
    };
    let mut shown = projects(&bob).await;
    shown.sort();
    // Of `library`, which the first start made, everybody knows.
    assert_eq!(shown, named(&[("library", 0), ("team", 2)]));
    assert_eq!(projects(&eve).await, named(&[("library", 0)]));
    let listed = async |act: &Act, project| {
        let project = accounts.find_project(&ProjectKey::Id(project)).await.unwrap().unwrap();
        accounts.listed_in_project(act, &project).await.unwrap()
    };
    let count = |listed: ListedInProject| match listed {
        ListedInProject::All(_) => None,
        ListedInProject::Some(repositories) => Some(repositories.len()),
    };
    assert_eq!(count(listed(&bob, team.number()).await), Some(2));
    assert_eq!(count(listed(&bob, sub.number()).await), Some(1));
    assert_eq!(count(listed(&eve, team.number()).await), Some(0));
    assert_eq!(listed(&admin(), team.number()).await, ListedInProject::All(team));
    assert_eq!(accounts.project_summary(&bob, team).await.unwrap().repositories, 2);
    assert_eq!(accounts.project_summary(&admin(), team).await.unwrap().repositories, 3);
    assert_eq!(accounts.project_details(&bob, team).await.unwrap().repositories, 2);
    // The one in `team/sub` is theirs to list, though that project is not theirs to see.
    assert_eq!(accounts.statistics(&bob).await.unwrap().private, (1, 3));
    assert_eq!(accounts.statistics(&eve).await.unwrap().private, (0, 0));
}
