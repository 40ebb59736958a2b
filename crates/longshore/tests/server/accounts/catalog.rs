//! The catalog shows everybody what they may read.

use longshore_testkit::{Api, TestRegistry, image, role};

use super::with_accounts;

async fn catalog(caller: &Api, page: usize) -> Vec<String> {
    let (mut names, mut next) = (Vec::new(), Some(format!("/v2/_catalog?n={page}")));
    while let Some(path) = next {
        let reply = caller.get(&path).await.assert_status(200);
        let listed: Vec<String> = serde_json::from_value(reply.json()["repositories"].clone()).unwrap();
        assert!(listed.len() == page || reply.next_link().is_none(), "a page that is not the last is full");
        names.extend(listed);
        next = reply.next_link();
    }
    names
}

async fn fill(registry: &TestRegistry) {
    let admin = registry.admin();
    for (project, public) in [("open", true), ("secret", false), ("secret/public", true), ("team", false)] {
        registry.create_project(project, public).await;
    }
    for name in
        ["alpine", "library/b", "open/a", "secret/a", "secret/public/x", "secret/z", "team/a", "team/b/c"]
    {
        admin.push_image(name, "v1", &image().build()).await;
    }
}

#[tokio::test]
async fn everybody_sees_what_they_may_read() {
    let registry = with_accounts().spawn().await;
    fill(&registry).await;
    registry.create_user("nobody").await;
    registry.create_user("guest").await;
    registry.add_member("team", "guest", role::GUEST).await;
    let public = ["alpine", "library/b", "open/a", "secret/public/x"];
    let of_guest = [&public[..], &["team/a", "team/b/c"]].concat();
    let all =
        ["alpine", "library/b", "open/a", "secret/a", "secret/public/x", "secret/z", "team/a", "team/b/c"];
    let scope = ["registry:catalog:*"];
    for page in [1, 2, 3, 100] {
        assert_eq!(catalog(&registry, page).await, public);
        assert_eq!(catalog(&registry.with_token(&scope).await, page).await, public);
        assert_eq!(catalog(&registry.user("nobody"), page).await, public);
        assert_eq!(catalog(&registry.user("guest"), page).await, of_guest);
        assert_eq!(catalog(&registry.user("guest").with_token(&scope).await, page).await, of_guest);
        assert_eq!(catalog(&registry.admin(), page).await, all);
        assert_eq!(catalog(&registry.admin().with_token(&scope).await, page).await, all);
    }
    // A token that does not name it is not good for it.
    registry.admin().with_token(&[]).await.get("/v2/_catalog").await.assert_error(401, "UNAUTHORIZED");
}
