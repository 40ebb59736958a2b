//! Projects that are made by a push.

use longshore_testkit::{image, role};

use super::with_accounts;

#[tokio::test]
async fn a_push_by_an_administrator_makes_the_project() {
    let registry = with_accounts().spawn().await;
    let admin = registry.admin();
    let content = image().build();
    admin.with_token(&["repository:new/app:pull,push"]).await.push_image("new/app", "v1", &content).await;
    admin.push_image("other/deep/app", "v1", &content).await;
    for project in ["new", "other"] {
        let shown = admin.get(&format!("/api/v2.0/projects/{project}")).await.assert_status(200).json();
        assert_eq!(shown["metadata"]["public"], "false", "{shown}");
        assert_eq!(shown["owner_name"], "admin", "{shown}");
        registry.get(&format!("/v2/{project}/app/tags/list")).await.assert_status(401);
    }
    registry.admin().delete("/api/v2.0/projects/none").await.assert_status(404);
}

#[tokio::test]
async fn nobody_else_makes_projects_by_a_push() {
    let registry = with_accounts().spawn().await;
    registry.create_user("dev").await;
    registry.create_project("team", false).await;
    registry.add_member("team", "dev", role::PROJECT_ADMIN).await;
    let dev = registry.user("dev");
    dev.post("/v2/new/app/blobs/uploads/").await.assert_error(403, "DENIED");
    let token = dev.with_token(&["repository:new/app:pull,push"]).await;
    token.post("/v2/new/app/blobs/uploads/").await.assert_error(401, "UNAUTHORIZED");
    registry.post("/v2/new/app/blobs/uploads/").await.assert_error(401, "UNAUTHORIZED");
    registry.admin().get("/api/v2.0/projects/new").await.assert_status(404);
    // A token outlives the project, but does not bring it back.
    let token = dev.with_token(&["repository:team/app:pull,push"]).await;
    token.get("/v2/team/app/tags/list").await.assert_error(404, "NAME_UNKNOWN");
    registry.admin().delete("/api/v2.0/projects/team").await.assert_status(200);
    token.post("/v2/team/app/blobs/uploads/").await.assert_error(401, "UNAUTHORIZED");
    registry.admin().get("/api/v2.0/projects/team").await.assert_status(404);
}

#[tokio::test]
async fn a_push_that_is_refused_anyway_makes_nothing() {
    let registry = with_accounts().set("storage.maintenance.readonly.enabled", true).spawn().await;
    registry.admin().post("/v2/new/app/blobs/uploads/").await.assert_error(405, "UNSUPPORTED");
    registry.admin().get("/api/v2.0/projects/new").await.assert_status(404);
}
