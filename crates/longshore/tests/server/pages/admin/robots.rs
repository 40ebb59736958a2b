//! Robots of the system: made, used, given another secret, disabled, deleted.

use longshore_testkit::{TestRegistry, basic};
use serde_json::json as value;

use super::{Browser, Page, json, refused, with_accounts};

/// The secret that a page shows, by which somebody can log in.
fn secret(page: &Page) -> String {
    let lines = page.lines_to_copy();
    assert!(lines[1].starts_with("docker login 127.0.0.1:"), "{lines:?}");
    lines[0].clone()
}

async fn may_read(registry: &TestRegistry, name: &str, secret: &str) -> u16 {
    let api = registry.authorized(basic(name, secret));
    api.get("/api/v2.0/projects/team/repositories").await.status
}

#[tokio::test]
async fn a_robot_lives_its_life() {
    let registry = with_accounts().spawn().await;
    registry.create_project("team", false).await;
    let (browser, admin) = (Browser::admin(&registry).await, registry.admin());
    browser.open("/admin/robots").await.assert_shows("There are no such robots of the system");
    let page = browser.open("/admin/robots/new").await;
    let fields =
        [("name", "builder"), ("days", "30"), ("projects", "team\nabsent"), ("project", "repository:list")];
    let page = browser.submit(&page, "/admin/robots/new", &fields).await;
    let page = refused(page, 404, ("projects", "team\nabsent"));
    let page = browser.submit(&page, "/admin/robots/new", &[("projects", "team")]).await.assert_status(200);
    let first = secret(&page);
    let robot = json(&admin, "/robots").await[0].clone();
    let (id, name) = (robot["id"].to_string(), robot["name"].as_str().unwrap().to_owned());
    let access = value!([{ "resource": "repository", "action": "list", "effect": "allow" }]);
    assert_eq!(robot["permissions"], value!([{ "kind": "project", "namespace": "team", "access": access }]));
    assert_eq!(may_read(&registry, &name, &first).await, 200);

    let at = format!("/admin/robots/{id}");
    let page = browser.open(&at).await.assert_shows("team").assert_shows("repository").assert_lacks(&first);
    let page = browser.submit(&page, &format!("{at}/secret"), &[]).await.assert_status(200);
    let second = secret(&page);
    assert_ne!(first, second);
    assert_eq!(may_read(&registry, &name, &first).await, 401);
    assert_eq!(may_read(&registry, &name, &second).await, 200);
    browser.open(&at).await.assert_lacks(&second);

    let page = browser.open(&at).await;
    let page = browser.submit(&page, &format!("{at}/state"), &[]).await.assert_shows("disabled");
    assert_eq!(may_read(&registry, &name, &second).await, 401);
    let page = browser.submit(&page, &format!("{at}/state"), &[]).await.assert_shows("active");
    assert_eq!(may_read(&registry, &name, &second).await, 200);
    browser.submit(&page, &format!("{at}/delete"), &[]).await.assert_shows("Deleted.");
    assert_eq!(may_read(&registry, &name, &second).await, 401);
    browser.open(&at).await.assert_status(404);
}
