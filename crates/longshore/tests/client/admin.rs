//! `longshore admin` over the management API, with the login of `longshore login`.

use longshore_testkit::{Distribution, PASSWORD, TestRegistry, image};
use serde_json::Value;

use crate::support::Person;

/// A registry with accounts, and somebody who is logged in there as the administrator.
async fn administrator() -> (TestRegistry, String, Person) {
    let registry = TestRegistry::builder().accounts().spawn().await;
    let (host, person) = (registry.address().to_string(), Person::new());
    log_in(&person, &host, "admin", &registry.admin_password()).await;
    (registry, host, person)
}

async fn log_in(person: &Person, host: &str, user: &str, password: &str) {
    let line = format!("login {host} --user {user} --password-stdin");
    person.run_with(&line, password).await.assert_success();
}

async fn json(person: &Person, line: &str) -> Value {
    serde_json::from_str(&person.must(&format!("{line} --output json")).await).unwrap()
}

#[tokio::test]
async fn projects_and_quotas_are_looked_after() {
    let (registry, host, admin) = administrator().await;
    let at = format!("--host {host}");
    assert_eq!(
        admin.must(&format!("admin projects create team {at}")).await,
        "made the private project team\n"
    );
    let again = admin.run(&format!("admin projects create team {at}")).await;
    assert_eq!((again.code, again.stderr.contains("CONFLICT")), (Some(1), true), "{again:?}");
    admin.must(&format!("admin projects create team/sub --public {at}")).await;
    let listed = json(&admin, &format!("admin projects list --name team {at}")).await;
    let names: Vec<_> = listed.as_array().unwrap().iter().map(|project| &project["name"]).collect();
    assert_eq!(names.len(), 2, "{listed}");
    assert!(admin.must(&format!("admin projects show team/sub {at}")).await.contains("access        public"));
    admin.must(&format!("admin projects set team/sub --public false {at}")).await;
    assert_eq!(
        json(&admin, &format!("admin projects show team/sub {at}")).await["metadata"]["public"],
        "false"
    );

    let set = admin.must(&format!("admin quota set team 20GB {at}")).await;
    assert_eq!(set, "project team may hold 20.0 GB\n");
    registry.admin().push_image("team/app", "v1", &image().layer_bytes(3_000_000).build()).await;
    assert_eq!(admin.must(&format!("admin quota show team {at}")).await, "3.0 MB of 20.0 GB\n");
    assert!(admin.must(&format!("admin quota list {at}")).await.contains("3.0 MB  20.0 GB"));
    admin.must(&format!("admin quota set team none {at}")).await;
    assert_eq!(json(&admin, &format!("admin quota show team {at}")).await["hard"]["storage"], -1);

    admin.must(&format!("admin projects delete team/sub {at}")).await;
    let full = admin.run(&format!("admin projects delete team {at}")).await;
    assert_eq!(full.code, Some(1), "{full:?}");
    let unknown = admin.run(&format!("admin projects show nope {at}")).await;
    assert_eq!(unknown.code, Some(4), "{unknown:?}");
    // Who is nobody is told to log in.
    let nobody = Person::new().run(&format!("admin users list {at}")).await;
    assert_eq!((nobody.code, nobody.stderr.contains("longshore login")), (Some(5), true), "{nobody:?}");
}

#[tokio::test]
async fn users_and_members_are_looked_after() {
    let (_registry, host, admin) = administrator().await;
    let (at, ann) = (format!("--host {host}"), Person::new());
    let create = format!("admin users create ann --email ann@example.org --password-stdin {at}");
    admin.run_with(&create, PASSWORD).await.assert_success();
    let weak = admin.run_with(&format!("admin users create bob --password-stdin {at}"), "weak").await;
    assert_eq!((weak.code, weak.stderr.contains("BAD_REQUEST")), (Some(1), true), "{weak:?}");
    log_in(&ann, &host, "ann", PASSWORD).await;
    let refused = ann.run(&format!("admin users list {at}")).await;
    assert_eq!(refused.code, Some(5), "{refused:?}");
    let listed = admin.must(&format!("admin users list --name nn {at}")).await;
    assert!(listed.lines().nth(1).is_some_and(|line| line.starts_with("ann ")), "{listed}");

    admin.must(&format!("admin projects create team {at}")).await;
    admin.must(&format!("admin members add team ann --role guest {at}")).await;
    admin.must(&format!("admin members add team ann --role developer {at}")).await;
    let members = json(&admin, &format!("admin members list team {at}")).await;
    let of_ann = members.as_array().unwrap().iter().find(|member| member["entity_name"] == "ann").unwrap();
    assert_eq!(of_ann["role_name"], "developer");
    let wrong = admin.run(&format!("admin members add team ann --role captain {at}")).await;
    assert_eq!((wrong.code, wrong.stderr.contains("no role captain")), (Some(4), true), "{wrong:?}");
    admin.must(&format!("admin members remove team ann {at}")).await;
    let gone = admin.run(&format!("admin members remove team ann {at}")).await;
    assert_eq!(gone.code, Some(4), "{gone:?}");

    admin
        .run_with(&format!("admin users reset-password ann --password-stdin {at}"), "Other456")
        .await
        .assert_success();
    assert_eq!(ann.run(&format!("ping {host}")).await.code, Some(5));
    log_in(&ann, &host, "ann", "Other456").await;
    admin.must(&format!("admin users disable ann {at}")).await;
    assert_eq!(ann.run(&format!("ping {host}")).await.code, Some(5));
    admin.must(&format!("admin users enable ann {at}")).await;
    ann.must(&format!("ping {host}")).await;
    let unknown = admin.run(&format!("admin users disable nope {at}")).await;
    assert_eq!(unknown.code, Some(4), "{unknown:?}");
}

#[tokio::test]
async fn robots_are_looked_after() {
    let (registry, host, admin) = administrator().await;
    let at = format!("--host {host}");
    admin.must(&format!("admin projects create team {at}")).await;
    registry.admin().push_image("team/app", "v1", &image().build()).await;
    let made =
        json(&admin, &format!("admin robots create ci --project team --access pull --days 30 {at}")).await;
    let (name, secret) = (made["name"].as_str().unwrap(), made["secret"].as_str().unwrap());
    assert_eq!(name, "robot$team+ci");
    let robot = Person::new();
    log_in(&robot, &host, name, secret).await;
    assert_eq!(robot.must(&format!("tags {host}/team/app")).await, "v1\n");
    let refused = robot.run(&format!("tag {host}/team/app:v1 v2")).await;
    assert_eq!(refused.code, Some(5), "{refused:?}");
    assert!(
        admin.must(&format!("admin robots list --project team {at}")).await.contains("robot$team+ci  active")
    );

    let rotated = admin.must(&format!("admin robots rotate {name} {at}")).await;
    let fresh = rotated.lines().last().and_then(|line| line.strip_prefix("secret  ")).unwrap();
    assert_ne!(fresh, secret);
    log_in(&robot, &host, name, fresh).await;
    admin.must(&format!("admin robots delete {name} {at}")).await;
    let gone = admin.run(&format!("admin robots rotate {name} {at}")).await;
    assert_eq!(gone.code, Some(4), "{gone:?}");
    let wrong = admin.run(&format!("admin robots create x --project team --access dream {at}")).await;
    assert_eq!((wrong.code, wrong.stderr.contains("tag:list")), (Some(2), true), "{wrong:?}");
}

#[tokio::test]
async fn what_runs_in_the_background_is_looked_after() {
    let (registry, host, admin) = administrator().await;
    let at = format!("--host {host}");
    registry.admin().push_image("library/app", "v1", &image().build()).await;
    admin.must(&format!("delete {host}/library/app:v1")).await;
    let status = admin.must(&format!("admin gc status {at}")).await;
    assert!(status.lines().any(|line| line.starts_with("manifests  1 ")), "{status}");
    let preview = json(&admin, &format!("admin gc preview {at}")).await;
    assert_eq!(preview["complete"], true, "{preview}");
    admin.must(&format!("admin gc run {at}")).await;
    let runs = json(&admin, &format!("admin gc list {at}")).await;
    assert_eq!(runs[0]["username"], "admin", "{runs}");
    json(&admin, &format!("admin jobs list {at}")).await;
    let none = admin.must(&format!("admin jobs list --kind nothing {at}")).await;
    assert_eq!(none, "");
    let unknown = admin.run(&format!("admin jobs retry 999999 {at}")).await;
    assert_eq!(unknown.code, Some(4), "{unknown:?}");
}

#[tokio::test]
async fn what_has_no_management_api_says_so() {
    let person = Person::new();
    let nowhere = person.run("admin users list").await;
    assert_eq!((nowhere.code, nowhere.stderr.contains("--host")), (Some(2), true), "{nowhere:?}");
    if !Distribution::is_installed() {
        eprintln!("skipped: no docker-registry");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let registry = Distribution::serve(folder.path()).await;
    let host = registry.base().trim_start_matches("http://").to_owned();
    let refused = person.run(&format!("admin projects list --host {host}")).await;
    assert_eq!((refused.code, refused.stderr.contains("no management API")), (Some(1), true), "{refused:?}");
}
