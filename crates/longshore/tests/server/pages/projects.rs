//! Projects: the listing, new ones, a project's page, its labels, policies, record and settings.

use longshore_testkit::{image, role};
use serde_json::json;

use super::{Browser, with_accounts};

#[tokio::test]
async fn everybody_sees_the_projects_that_they_may_read() {
    let registry = with_accounts().spawn().await;
    registry.create_user("ann").await;
    registry.create_user("eve").await;
    registry.create_project("open", true).await;
    registry.create_project("team", false).await;
    registry.create_project("team/sub", false).await;
    registry.add_member("team", "ann", role::DEVELOPER).await;

    let page = Browser::new(&registry).open("/projects").await.assert_status(200);
    page.assert_shows("open").assert_shows("public").assert_lacks("team");
    let ann = Browser::user(&registry, "ann").await;
    let page = ann.open("/projects").await.assert_shows("team/sub").assert_shows("open");
    assert!(page.links().contains(&"/projects/team/sub"));
    let page = ann.open("/projects?q=team").await.assert_lacks("open").assert_shows("team/sub");
    assert!(page.links().contains(&"/projects/-/new"));
    ann.open("/projects?q=%25%2Cx").await.assert_status(200).assert_shows("No project is like that.");
    ann.open("/projects?public=true").await.assert_shows("open").assert_lacks("/projects/team");
    let page = ann.open("/projects?sort=-name").await;
    let rows = page.rows();
    let place = |name: &str| rows.iter().position(|row| row.starts_with(name)).unwrap();
    assert!(place("team/sub") < place("team private") && place("team private") < place("open"), "{rows:?}");

    // What is hidden is as what is not there.
    let eve = Browser::user(&registry, "eve").await;
    for view in ["", "/-/members", "/-/robots", "/-/audit", "/-/settings", "/-/labels"] {
        let hidden = eve.open(&format!("/projects/team{view}")).await.assert_status(404);
        let missing = eve.open(&format!("/projects/nothing{view}")).await.assert_status(404);
        assert_eq!(hidden.text(), missing.text());
    }
    let nobody = Browser::new(&registry);
    assert_eq!(nobody.open("/projects/team").await.text(), nobody.open("/projects/nothing").await.text());
}

#[tokio::test]
async fn a_project_is_made_and_ends() {
    let registry = with_accounts().spawn().await;
    registry.create_user("ann").await;
    let ann = Browser::user(&registry, "ann").await;
    let new = ann.open("/projects/-/new").await.assert_status(200);
    assert!(!new.form("/projects/-/new").has("quota"), "quotas are the administrators'");
    // What is refused is shown again with what was typed.
    let refused = ann.submit(&new, "/projects/-/new", &[("name", "Team <x>")]).await.assert_status(400);
    assert_eq!(refused.form("/projects/-/new").value("name"), Some("Team <x>"));
    refused.assert_shows("This was not done").assert_lacks("Team <x>");

    let made = ann.submit(&new, "/projects/-/new", &[("name", "team"), ("public", "true")]).await;
    assert_eq!(made.path, "/projects/team?done=created");
    made.assert_status(200).assert_shows("Created.").assert_shows("public").assert_shows("docker push");
    let shown = registry.admin().get("/api/v2.0/projects/team").await.json();
    assert_eq!((&shown["owner_name"], &shown["metadata"]["public"]), (&json!("ann"), &json!("true")));
    ann.submit(&new, "/projects/-/new", &[("name", "team")]).await.assert_status(409);

    let inside = ann.open("/projects/-/new?in=team").await;
    assert_eq!(inside.form("/projects/-/new").value("name"), Some("team/"));
    ann.submit(&inside, "/projects/-/new", &[("name", "team/sub")]).await.assert_status(200);
    let page = ann.open("/projects/team").await.assert_shows("team/sub");
    assert!(page.links().contains(&"/projects/team/sub"));
    ann.submit(&inside, "/projects/-/new", &[("name", "nothing/sub")])
        .await
        .assert_shows("This was not done");

    let settings = ann.open("/projects/team/-/settings").await.assert_shows("It cannot be deleted yet");
    assert!(settings.forms("/projects/team/-/settings/delete").is_empty());
    assert!(settings.forms("/projects/team/-/settings/limits").is_empty(), "limits are the administrators'");
    let settings = ann.open("/projects/team/sub/-/settings").await;
    let gone = ann.submit(&settings, "/projects/team/sub/-/settings/delete", &[]).await;
    assert_eq!(gone.path, "/projects?done=deleted");
    registry.admin().get("/api/v2.0/projects/team%2Fsub").await.assert_status(404);

    // Nobody makes one without having signed in, nor by another page's form.
    let nobody = Browser::new(&registry);
    assert!(nobody.open("/projects/-/new").await.path.starts_with("/sign-in"));
    ann.post("/projects/-/new", &[("name", "stolen")]).await.assert_status(403);
    registry.admin().get("/api/v2.0/projects/stolen").await.assert_status(404);
}

#[tokio::test]
async fn settings_hold() {
    let registry = with_accounts().spawn().await;
    registry.create_project("team", false).await;
    registry.create_project("team/sub", false).await;
    let admin = Browser::admin(&registry).await;
    let settings = admin.open("/projects/team/-/settings").await.assert_status(200);
    let saved = admin.submit(&settings, "/projects/team/-/settings/access", &[("public", "true")]).await;
    saved.assert_shows("Saved.");
    let fields = [("quota", "1.5"), ("pull_limit", "500"), ("request_limit", "")];
    admin.submit(&settings, "/projects/team/-/settings/limits", &fields).await.assert_shows("Saved.");
    let shown = registry.admin().get("/api/v2.0/projects/team").await.json();
    assert_eq!(shown["metadata"], json!({"public": "true", "pull_limit": "500"}));
    let id = shown["project_id"].as_i64().unwrap();
    let quota = registry.admin().get(&format!("/api/v2.0/quotas/{id}")).await.json();
    assert_eq!(quota["hard"]["storage"], 1_500_000_000);
    admin.open("/projects/team").await.assert_shows("0 B of 1.5 GB used");
    let settings = admin.open("/projects/team/-/settings").await;
    assert_eq!(settings.form("/projects/team/-/settings/limits").value("pull_limit"), Some("500"));
    let fields = [("quota", "-1"), ("pull_limit", "")];
    admin.submit(&settings, "/projects/team/-/settings/limits", &fields).await.assert_shows("Saved.");
    let shown = registry.admin().get("/api/v2.0/projects/team").await.json();
    assert_eq!(shown["metadata"], json!({"public": "true"}));
    let bad = [("quota", "much")];
    admin.submit(&settings, "/projects/team/-/settings/limits", &bad).await.assert_status(400);

    // What lies in it can be as it is.
    let settings = admin.open("/projects/team/sub/-/settings").await;
    assert_eq!(settings.form("/projects/team/sub/-/settings/access").value("public"), Some("false"));
    admin.submit(&settings, "/projects/team/sub/-/settings/access", &[("public", "")]).await;
    let shown = registry.admin().get("/api/v2.0/projects/team%2Fsub").await.json();
    assert_eq!(
        (&shown["metadata"]["public"], &shown["inherited_metadata"]["public"]),
        (&json!("true"), &json!("team"))
    );
    admin.open("/projects/team/sub/-/settings").await.assert_shows("It is as in team now.");
}

#[tokio::test]
async fn a_project_shows_its_repositories() {
    let registry = with_accounts().spawn().await;
    registry.create_project("team", true).await;
    registry.create_project("team/sub", true).await;
    let admin = registry.admin();
    for nth in 0..27 {
        admin.push_image(&format!("team/app{nth:02}"), "v1", &image().build()).await;
    }
    admin.push_image("team/sub/inner", "v1", &image().build()).await;
    let nobody = Browser::new(&registry);
    let page = nobody.open("/projects/team").await.assert_status(200).assert_lacks("team/sub/inner");
    let page = page.assert_shows("team/app00").assert_shows("Page 1 of 2").assert_lacks("team/app25");
    assert!(!page.links().iter().any(|link| link.contains("/-/members") || link.contains("/-/settings")));
    nobody.open("/projects/team?page=2").await.assert_shows("team/app26").assert_lacks("team/app24");
    let page = nobody.open("/projects/team?q=app1&sort=-name").await.assert_lacks("team/app00");
    assert!(page.rows()[1].starts_with("team/app19"), "{:?}", page.rows());
    nobody.open("/repositories?q=inner").await.assert_shows("team/sub/inner").assert_lacks("team/app00");
    // Pages before and behind all of them are no mistakes.
    nobody.open("/projects/team?page=0").await.assert_shows("team/app00");
    nobody.open("/projects/team?page=900").await.assert_status(200);
    let page = nobody.speaking("zh-CN").open("/projects/team").await;
    page.assert_shows("仓库").assert_shows("公开").assert_shows("team/app00");
}

#[tokio::test]
async fn labels_are_looked_after() {
    let registry = with_accounts().spawn().await;
    registry.create_user("ann").await;
    registry.create_user("guest").await;
    registry.create_project("team", false).await;
    registry.create_project("other", false).await;
    registry.add_member("team", "ann", role::MAINTAINER).await;
    registry.add_member("team", "guest", role::GUEST).await;
    let ann = Browser::user(&registry, "ann").await;
    let page = ann.open("/projects/team/-/labels").await.assert_shows("There are no labels.");
    let fields = [("name", "<b>stage"), ("description", "on stage"), ("color", "#0065ab")];
    let page = ann.submit(&page, "/projects/team/-/labels", &fields).await.assert_shows("Created.");
    let page = page.assert_shows("<b>stage").assert_lacks("<b>stage</").assert_shows("on stage");
    let path = page
        .links()
        .into_iter()
        .find(|link| link.starts_with("/projects/team/-/labels/"))
        .unwrap()
        .to_owned();
    ann.submit(&page, "/projects/team/-/labels", &[("name", "<b>stage")]).await.assert_status(409);
    let page = ann.open(&path).await;
    ann.submit(&page, &path, &[("name", "live"), ("color", "")])
        .await
        .assert_shows("Saved.")
        .assert_shows("live");
    // By way of another project there is no such label, not even for who could see it.
    let number = path.rsplit('/').next().unwrap();
    Browser::admin(&registry)
        .await
        .open(&format!("/projects/other/-/labels/{number}"))
        .await
        .assert_status(404);
    let guest = Browser::user(&registry, "guest").await;
    let page = guest.open("/projects/team/-/labels").await.assert_shows("live");
    assert!(page.forms("/projects/team/-/labels").is_empty());
    let page = ann.open(&path).await;
    ann.submit(&page, &format!("{path}/delete"), &[]).await.assert_shows("Deleted.").assert_lacks("live");
}

#[tokio::test]
async fn policies_are_shown_and_asked() {
    let registry = with_accounts().spawn().await;
    registry.create_user("ann").await;
    registry.create_project("team", false).await;
    let policy = json!({"name": "office", "text": "permit (principal, action, resource);"});
    registry.admin().post_json("/api/v2.0/access-policies", &policy).await.assert_status(201);
    let member = json!({"role_id": 2, "member_user": {"username": "ann"}, "condition": "office"});
    registry.admin().post_json("/api/v2.0/projects/team/members", &member).await.assert_status(201);
    let admin = Browser::admin(&registry).await;
    let page = admin.open("/projects/team/-/policies").await.assert_status(200);
    let page = page.assert_shows("Condition of: ann").assert_shows(policy["text"].as_str().unwrap());
    let fields = [("principal", "ann"), ("action", "push"), ("repository", "team/app"), ("tag", "v1")];
    let page = admin.submit(&page, "/projects/team/-/policies", &fields).await.assert_status(200);
    page.assert_shows("Allowed").assert_shows("office (");
    let page = admin.open("/projects/team/-/policies").await;
    let fields = [("principal", "nobody"), ("action", "pull"), ("repository", "team/app")];
    let answer = admin.submit(&page, "/projects/team/-/policies", &fields).await.assert_status(404);
    assert_eq!(answer.form("/projects/team/-/policies").value("principal"), Some("nobody"));
    let page = admin.submit(&page, "/projects/team/-/policies", &[("repository", "team/app")]).await;
    page.assert_status(200).assert_shows("Refused");
    let ann = Browser::user(&registry, "ann").await;
    assert!(!ann.open("/projects/team").await.links().contains(&"/projects/team/-/policies"));
    ann.open("/projects/team/-/policies").await.assert_status(403);
}

#[tokio::test]
async fn the_record_of_a_project_is_filtered() {
    let registry = with_accounts().spawn().await;
    registry.create_user("ann").await;
    registry.create_project("team", false).await;
    registry.add_member("team", "ann", role::DEVELOPER).await;
    registry.admin().push_image("team/app", "v1", &image().build()).await;
    let admin = Browser::admin(&registry).await;
    let page = admin.open("/projects/team/-/audit").await.assert_status(200);
    page.assert_shows("team/app").assert_shows("admin");
    let page = admin.open("/projects/team/-/audit?operation=create&resource=team%2Fapp").await;
    assert!(
        page.rows().len() > 1 && page.rows()[1..].iter().all(|row| row.contains("team/app")),
        "{:?}",
        page.rows()
    );
    admin.open("/projects/team/-/audit?who=ann").await.assert_shows("Nothing like that was recorded.");
    admin
        .open("/projects/team/-/audit?from=2020-01-01&to=2020-01-02")
        .await
        .assert_shows("Nothing like that");
    admin.open("/projects/team/-/audit?from=yesterday").await.assert_status(400);
    let ann = Browser::user(&registry, "ann").await;
    assert!(!ann.open("/projects/team").await.links().contains(&"/projects/team/-/audit"));
    ann.open("/projects/team/-/audit").await.assert_status(403);
}
