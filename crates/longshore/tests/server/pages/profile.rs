//! What is about oneself: details, password, access tokens, sessions.

use longshore_testkit::{PASSWORD, basic, eventually, image, role};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Browser, with_accounts};

#[tokio::test]
async fn who_one_is_and_what_may_be_changed() {
    let registry = with_accounts().spawn().await;
    registry.create_user("ann").await;
    let ann = Browser::user(&registry, "ann").await;
    let page = ann.open("/profile").await.assert_status(200);
    let page = page.assert_shows("ann@example.org").assert_shows("User: what projects allow");

    let hostile = "<b>Ann</b> \"&amp;\" 安";
    let fields = [("realname", hostile), ("email", "ann@else.example"), ("comment", "x")];
    let page = ann.submit(&page, "/profile", &fields).await;
    let page = page.assert_status(200).assert_shows("Saved.").assert_shows(hostile);
    assert!(page.main().named("b").is_empty(), "it is text");
    let user = registry.user("ann").get("/api/v2.0/users/current").await.json();
    assert_eq!((&user["realname"], &user["email"]), (&json!(hostile), &json!("ann@else.example")));

    // Refused, it is shown again as it was typed.
    registry.create_user("bob").await;
    let fields = [("realname", "New"), ("email", "no address")];
    let page =
        ann.submit(&page, "/profile", &fields).await.assert_status(400).assert_shows("This was not done");
    assert_eq!(page.form("/profile").value("realname"), Some("New"));
    assert_eq!(page.form("/profile").value("email"), Some("no address"));
    let user = registry.user("ann").get("/api/v2.0/users/current").await.json();
    assert_eq!(user["realname"], hostile);

    let page = Browser::user(&registry, "bob").await.speaking("zh-CN").open("/profile").await;
    page.assert_shows("登录名").assert_shows("普通用户").assert_lacks(hostile).assert_lacks("ann@else");
    Browser::admin(&registry).await.open("/profile").await.assert_shows("Administrator");
}

#[tokio::test]
async fn another_password() {
    let registry = with_accounts().spawn().await;
    registry.create_user("ann").await;
    let (ann, elsewhere) = (Browser::user(&registry, "ann").await, Browser::user(&registry, "ann").await);
    let page = ann.open("/profile/password").await.assert_status(200).assert_shows("8 to 128 characters");
    let change = async |old: &str, new: &str, again: &str| {
        let fields = [("old_password", old), ("new_password", new), ("again", again)];
        ann.submit(&page, "/profile/password", &fields).await
    };
    for (old, new, again, status) in [
        (PASSWORD, "Longer4567", "Longer4568", 400),
        (PASSWORD, "short", "short", 400),
        ("", "Longer4567", "Longer4567", 400),
        ("Wrong123", "Longer4567", "Longer4567", 403),
    ] {
        let page = change(old, new, again).await.assert_status(status).assert_shows("This was not done");
        page.assert_lacks("Longer4567").assert_lacks(PASSWORD);
        registry.user("ann").get("/v2/").await.assert_status(200);
    }
    change(PASSWORD, "Longer4567", "Longer4567").await.assert_status(200).assert_shows("Saved.");
    registry.authorized(basic("ann", "Longer4567")).get("/v2/").await.assert_status(200);
    registry.user("ann").get("/v2/").await.assert_status(401);
    assert!(elsewhere.open("/profile").await.path.starts_with("/sign-in"), "other sessions end");
    ann.open("/profile").await.assert_status(200);
}

#[tokio::test]
async fn tokens_are_made_used_and_revoked() {
    let registry = with_accounts().spawn().await;
    registry.create_user("ann").await;
    registry.create_project("team", false).await;
    registry.create_project("other", false).await;
    for project in ["team", "other"] {
        registry.add_member(project, "ann", role::MAINTAINER).await;
        registry.admin().push_image(&format!("{project}/app"), "v1", &image().build()).await;
    }
    let ann = Browser::user(&registry, "ann").await;
    let page =
        ann.open("/profile/tokens").await.assert_status(200).assert_shows("You have no access tokens.");

    let fields = [("name", "<laptop>"), ("days", "7"), ("actions", "pull"), ("projects", "team")];
    let made = ann.submit(&page, "/profile/tokens", &fields).await.assert_status(200);
    let made = made.assert_shows("it is not shown again").assert_shows("<laptop>");
    let lines = made.lines_to_copy();
    let secret = &lines[0];
    let host = registry.address().to_string();
    assert_eq!(lines[1], format!("docker login {host} --username ann"));
    assert_eq!(lines[2], format!("echo '{secret}' | docker login {host} --username ann --password-stdin"));

    let token = registry.authorized(basic("ann", secret));
    token.pull_image("team/app", "v1").await;
    token.get("/v2/other/app/manifests/v1").await.assert_error(403, "DENIED");
    token.post("/v2/team/app/blobs/uploads/").await.assert_error(403, "DENIED");

    let used = || async {
        let page = ann.open("/profile/tokens").await.assert_lacks(secret);
        (!page.rows()[1].contains("never")).then_some(page)
    };
    let page = eventually("the last use is written down", used).await;
    let rows = page.rows();
    assert_eq!(rows.len(), 2, "{rows:?}");
    assert!(rows[1].starts_with("<laptop> pull in team just now just now"), "{rows:?}");
    // The name is taken: what was typed is there again.
    let page = ann.submit(&page, "/profile/tokens", &fields).await.assert_status(409);
    let form = page.form("/profile/tokens");
    assert_eq!(
        (form.value("name"), form.value("days"), form.value("projects")),
        (Some("<laptop>"), Some("7"), Some("team"))
    );
    let bad = [("name", "x"), ("actions", "pull"), ("projects", "No Such!")];
    ann.submit(&page, "/profile/tokens", &bad).await.assert_status(400).assert_shows("This was not done");

    let tokens = registry.user("ann").get("/api/v2.0/users/current/tokens").await.json();
    let revoke = format!("/profile/tokens/{}/revoke", tokens[0]["id"]);
    // Another's token is none that there is.
    registry.create_user("eve").await;
    let eve = Browser::user(&registry, "eve").await;
    let csrf = eve.open("/profile").await.form("/sign-out").value("csrf").unwrap().to_owned();
    eve.post(&revoke, &[("csrf", &csrf)]).await.assert_status(404);
    eve.post(&revoke, &[]).await.assert_status(403);

    ann.submit(&page, &revoke, &[]).await.assert_status(200).assert_shows("You have no access tokens.");
    token.get("/v2/").await.assert_status(401);
}

#[tokio::test]
async fn a_token_for_everything_is_as_good_as_its_user() {
    let registry = with_accounts().spawn().await;
    registry.create_user("ann").await;
    registry.create_project("team", false).await;
    registry.add_member("team", "ann", role::DEVELOPER).await;
    let ann = Browser::user(&registry, "ann").await.speaking("zh-CN");
    let page = ann.open("/profile/tokens").await.assert_shows("您还没有访问令牌。");
    let fields = [("name", "ci"), ("days", "-1"), ("actions", "all")];
    let made =
        ann.submit(&page, "/profile/tokens", &fields).await.assert_status(200).assert_shows("不会再次显示");
    let token = registry.authorized(basic("ann", &made.lines_to_copy()[0]));
    token.push_image("team/app", "v1", &image().build()).await;
    let page = ann.open("/profile/tokens").await;
    assert!(page.rows()[1].starts_with("ci 您拥有的全部权限"), "{:?}", page.rows());
    assert!(page.rows()[1].contains("永久"), "{:?}", page.rows());
}

#[tokio::test]
async fn sessions_are_seen_and_ended() {
    let registry = with_accounts().spawn().await;
    registry.create_user("ann").await;
    registry.create_user("eve").await;
    let (ann, elsewhere) = (Browser::user(&registry, "ann").await, Browser::user(&registry, "ann").await);
    let page = ann.open("/profile/sessions").await.assert_status(200);
    let rows = page.rows();
    assert_eq!(rows.len(), 3, "{rows:?}");
    assert_eq!(rows.iter().filter(|row| row.contains("this one")).count(), 1);
    assert!(rows[1].contains("127.0.0.1"), "{rows:?}");

    let sessions = registry.user("ann").get("/api/v2.0/users/current/sessions").await.json();
    let ends: Vec<_> = sessions
        .as_array()
        .unwrap()
        .iter()
        .map(|session: &Value| format!("/profile/sessions/{}/end", session["id"].as_str().unwrap()))
        .collect();
    let offered: Vec<_> = ends.iter().filter(|end| !page.forms(end).is_empty()).collect();
    assert_eq!(offered.len(), 1, "one's own is ended by signing out");
    let eve = Browser::user(&registry, "eve").await;
    let csrf = eve.open("/profile").await.form("/sign-out").value("csrf").unwrap().to_owned();
    eve.post(offered[0], &[("csrf", &csrf)]).await.assert_status(404);

    let page = ann.submit(&page, offered[0], &[]).await.assert_shows("Ended.");
    assert_eq!(page.rows().len(), 2);
    assert!(elsewhere.open("/profile").await.path.starts_with("/sign-in"));
    ann.open("/profile").await.assert_status(200);
}

#[tokio::test]
async fn nobody_has_a_profile_without_signing_in() {
    let registry = with_accounts().spawn().await;
    let browser = Browser::new(&registry);
    for path in ["/profile", "/profile/password", "/profile/tokens", "/profile/sessions", "/profile/dream"] {
        let reply = browser.ask(Method::GET, path, None).await.assert_status(303);
        assert!(reply.location().starts_with("/sign-in?next="), "{path}");
    }
    for path in ["/profile", "/profile/password", "/profile/tokens", "/profile/tokens/1/revoke"] {
        browser.post(path, &[("name", "x")]).await.assert_status(401);
    }
}
