//! Members of projects and their roles.

use longshore_testkit::{PASSWORD, role};
use serde_json::json;

use super::{Browser, with_accounts};

const MEMBERS: &str = "/projects/team/-/members";

#[tokio::test]
async fn members_come_change_and_go() {
    let registry = with_accounts().spawn().await;
    for name in ["ann", "bob"] {
        registry.create_user(name).await;
    }
    registry.create_project("team", false).await;
    registry.add_member("team", "ann", role::PROJECT_ADMIN).await;
    let ann = Browser::user(&registry, "ann").await;
    let page = ann.open(MEMBERS).await.assert_status(200).assert_shows("ann").assert_shows("project admin");
    let fields = [("name", "bob"), ("role", "3"), ("repositories", "web/**")];
    let page = ann.submit(&page, MEMBERS, &fields).await.assert_shows("Added.");
    let page = page.assert_shows("bob").assert_shows("guest").assert_shows("web/**");
    let members = || async { registry.admin().get("/api/v2.0/projects/team/members").await.json() };
    let bob =
        members().await.as_array().unwrap().iter().find(|one| one["entity_name"] == "bob").unwrap().clone();
    assert_eq!((&bob["role_id"], &bob["repositories"]), (&json!(3), &json!("web/**")));

    // What cannot be is told, with what was typed.
    let again = ann.submit(&page, MEMBERS, &fields).await.assert_status(409);
    assert_eq!(again.form(MEMBERS).value("kind"), Some("u"));
    let unknown = ann.submit(&page, MEMBERS, &[("name", "<i>nobody")]).await;
    unknown.assert_status(404).assert_shows("This was not done").assert_lacks("<i>nobody");
    ann.submit(&page, MEMBERS, &[("name", "devs"), ("kind", "g")]).await.assert_status(404);

    let path = format!("{MEMBERS}/{}", bob["id"]);
    let page = ann.open(&path).await.assert_shows("Member bob");
    assert_eq!(page.form(&path).value("repositories"), Some("web/**"));
    ann.submit(&page, &path, &[("role", "2"), ("repositories", "")])
        .await
        .assert_shows("Saved.")
        .assert_shows("developer");
    let page = ann.open(&path).await;
    ann.submit(&page, &format!("{path}/remove"), &[]).await.assert_shows("Removed.").assert_lacks("bob");
    assert_eq!(members().await.as_array().unwrap().len(), 2, "admin, who made the project, and ann");
    ann.open(&path).await.assert_status(404);
}

#[tokio::test]
async fn who_may_not_change_members_sees_no_forms() {
    let registry = with_accounts().spawn().await;
    for name in ["dev", "limited"] {
        registry.create_user(name).await;
    }
    registry.create_project("team", true).await;
    registry.add_member("team", "dev", role::DEVELOPER).await;
    registry.add_member("team", "limited", role::LIMITED_GUEST).await;
    let dev = Browser::user(&registry, "dev").await;
    let page = dev.open(MEMBERS).await.assert_status(200).assert_shows("limited");
    assert!(page.forms(MEMBERS).is_empty());
    let csrf = page.form("/sign-out").value("csrf").unwrap().to_owned();
    let sent = dev.post(MEMBERS, &[("csrf", &csrf), ("name", "dev"), ("role", "1"), ("kind", "u")]).await;
    assert_eq!(sent.status, 403);
    let limited = Browser::user(&registry, "limited").await;
    assert!(!limited.open("/projects/team").await.links().contains(&MEMBERS));
    limited.open(MEMBERS).await.assert_status(403);
    // Who is nobody is asked to sign in, and comes back.
    let nobody = Browser::new(&registry);
    let page = nobody.open(MEMBERS).await;
    assert!(page.path.starts_with("/sign-in?next="), "{}", page.path);
    let page = nobody.submit(&page, "/sign-in", &[("name", "dev"), ("password", PASSWORD)]).await;
    assert_eq!(page.path, MEMBERS);
}
