//! Robots of projects.

use longshore_testkit::{basic, image, role};

use super::{Browser, with_accounts};

const ROBOTS: &str = "/projects/team/-/robots";
const NEW: &str = "/projects/team/-/robots/new";

#[tokio::test]
async fn a_robot_is_made_used_changed_and_removed() {
    let registry = with_accounts().spawn().await;
    registry.create_user("ann").await;
    registry.create_project("team", false).await;
    registry.add_member("team", "ann", role::PROJECT_ADMIN).await;
    let ann = Browser::user(&registry, "ann").await;
    ann.open(ROBOTS).await.assert_status(200).assert_shows("There are no robots.");
    let page = ann.open(NEW).await.assert_status(200);
    let fields = [
        ("name", "ci"),
        ("description", "<builds>"),
        ("days", "7"),
        ("permission", "repository:pull"),
        ("permission", "repository:push"),
    ];
    let made = ann.submit(&page, NEW, &fields).await.assert_status(200).assert_shows("shown once");
    let lines = made.lines_to_copy();
    let secret = lines[0].clone();
    assert!(lines[1].contains("docker login") && lines[1].contains("'robot$team+ci'"), "{lines:?}");

    let robot = registry.authorized(basic("robot$team+ci", &secret));
    robot.push_image("team/app", "v1", &image().build()).await;
    let page =
        ann.open(ROBOTS).await.assert_shows("robot$team+ci").assert_shows("active").assert_lacks(&secret);
    let page = page.assert_shows("<builds>");
    let path =
        page.links().into_iter().find(|link| link.starts_with(ROBOTS) && *link != ROBOTS && *link != NEW);
    let path = path.unwrap().to_owned();
    let page = ann.open(&path).await.assert_shows("repository:push").assert_lacks(&secret);

    let rotated = ann.submit(&page, &format!("{path}/rotate"), &[]).await.assert_status(200);
    let other = rotated.lines_to_copy()[0].clone();
    assert_ne!(secret, other);
    robot.get("/v2/team/app/tags/list").await.assert_status(401);
    let robot = registry.authorized(basic("robot$team+ci", &other));
    robot.get("/v2/team/app/tags/list").await.assert_status(200);
    let page = ann.submit(&page, &format!("{path}/disable"), &[]).await.assert_shows("disabled");
    robot.get("/v2/team/app/tags/list").await.assert_status(401);
    let page = ann.submit(&page, &format!("{path}/enable"), &[]).await.assert_shows("active");
    robot.get("/v2/team/app/tags/list").await.assert_status(200);
    ann.submit(&page, &format!("{path}/delete"), &[])
        .await
        .assert_shows("Deleted.")
        .assert_shows("There are no robots.");
    robot.get("/v2/team/app/tags/list").await.assert_status(401);
}

#[tokio::test]
async fn robots_are_those_of_their_project() {
    let registry = with_accounts().spawn().await;
    for name in ["ann", "dev"] {
        registry.create_user(name).await;
    }
    for project in ["team", "other"] {
        registry.create_project(project, false).await;
    }
    registry.add_member("team", "ann", role::PROJECT_ADMIN).await;
    registry.add_member("team", "dev", role::DEVELOPER).await;
    let admin = Browser::admin(&registry).await;
    let page = admin.open("/projects/other/-/robots/new").await;
    admin.submit(&page, "/projects/other/-/robots/new", &[("name", "ci")]).await.assert_status(200);
    let page = admin.open("/projects/other/-/robots").await;
    let path = page
        .links()
        .into_iter()
        .find(|link| link.starts_with("/projects/other/-/robots/") && !link.ends_with("new"));
    let number = path.unwrap().rsplit('/').next().unwrap().to_owned();
    let ann = Browser::user(&registry, "ann").await;
    ann.open(&format!("{ROBOTS}/{number}")).await.assert_status(404);
    ann.open(&format!("/projects/other/-/robots/{number}")).await.assert_status(404);
    let csrf = ann.open(ROBOTS).await.form("/sign-out").value("csrf").unwrap().to_owned();
    for change in ["rotate", "disable", "delete"] {
        let sent = ann.post(&format!("{ROBOTS}/{number}/{change}"), &[("csrf", &csrf)]).await;
        assert_eq!(sent.status, 404, "{change}");
    }
    let page = ann.open(NEW).await;
    ann.submit(&page, NEW, &[("name", "Not A Name")])
        .await
        .assert_status(400)
        .assert_shows("This was not done");
    ann.post(NEW, &[("name", "x"), ("days", "1")]).await.assert_status(403);
    // A developer sees robots, and makes none.
    let dev = Browser::user(&registry, "dev").await;
    let page = dev.open(ROBOTS).await.assert_status(200);
    assert!(!page.links().contains(&NEW));
    let sent = dev
        .post(NEW, &[("csrf", page.form("/sign-out").value("csrf").unwrap()), ("name", "x"), ("days", "1")])
        .await;
    assert_eq!(sent.status, 403);
}
