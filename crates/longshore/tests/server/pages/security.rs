//! What keeps others' pages and others' words out of ours.

use reqwest::Method;

use super::{Browser, Page, with_accounts};

#[tokio::test]
async fn pages_say_what_browsers_may_do_with_them() {
    let registry = with_accounts().spawn().await;
    let browser = Browser::admin(&registry).await;
    for path in ["/", "/projects", "/sign-in", "/projects/nothing/-/here", "/profile"] {
        let reply = browser.ask(Method::GET, path, None).await;
        let policy = reply.header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none'; style-src 'self'; script-src 'self';"),
            "{path}: {policy}"
        );
        assert!(
            policy.contains("frame-ancestors 'none'") && policy.contains("form-action 'self'"),
            "{path}: {policy}"
        );
        assert!(
            !policy.contains("unsafe") && !policy.contains("http") && !policy.contains('*'),
            "{path}: {policy}"
        );
        let reply =
            reply.assert_header("x-content-type-options", "nosniff").assert_header("x-frame-options", "DENY");
        reply.assert_header("cache-control", "no-store").assert_header("referrer-policy", "same-origin");
    }
}

#[tokio::test]
async fn sessions_are_kept_from_scripts_and_other_sites() {
    let registry = with_accounts().spawn().await;
    registry.create_user("ann").await;
    let browser = Browser::new(&registry);
    let fields = [("name", "ann"), ("password", longshore_testkit::PASSWORD)];
    let reply = browser.post("/sign-in", &fields).await.assert_status(303);
    let cookie = reply.header("set-cookie").to_owned();
    for attribute in ["HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
}

#[tokio::test]
async fn forms_without_the_token_of_the_session_do_nothing() {
    let registry = with_accounts().spawn().await;
    registry.create_user("ann").await;
    let (browser, other) = (Browser::user(&registry, "ann").await, Browser::user(&registry, "ann").await);
    let token = |page: &Page| page.form("/sign-out").value("csrf").unwrap().to_owned();
    let (own, others) = (token(&browser.open("/projects").await), token(&other.open("/projects").await));
    assert_ne!(own, others);
    for fields in [&[][..], &[("csrf", "")], &[("csrf", "x")], &[("csrf", others.as_str())]] {
        browser.post("/sign-out", fields).await.assert_status(403);
    }
    // By another site's page, even with the token.
    let call = registry.call(Method::POST, "/sign-out").header("Cookie", &browser.cookie_header());
    let call = call.header("Content-Type", "application/x-www-form-urlencoded");
    let form = super::encode(&[("csrf", &own)]);
    call.header("Origin", "https://evil.example").body(form).send().await.assert_status(403);

    let page = browser.open("/projects").await;
    assert_eq!(token(&page), own, "the session goes on");
    browser.submit(&page, "/sign-out", &[]).await.assert_status(200);
}

#[tokio::test]
async fn assets_are_kept_for_good_and_ours_alone() {
    let registry = with_accounts().spawn().await;
    let browser = Browser::new(&registry);
    let page = browser.open("/sign-in").await;
    let mut assets: Vec<_> =
        page.root().named("link").iter().filter_map(|link| link.attribute("href")).collect();
    assets.extend(page.root().named("script").iter().filter_map(|script| script.attribute("src")));
    assert_eq!(assets.len(), 3, "{assets:?}");
    for asset in assets {
        assert!(asset.starts_with("/assets/"), "{asset} is no file of ours");
        let reply = browser.ask(Method::GET, asset, None).await.assert_status(200);
        reply.assert_header("cache-control", "public, max-age=31536000, immutable");
        browser.ask(Method::GET, &asset.replace("-", "0-"), None).await.assert_status(404);
    }
}

#[tokio::test]
async fn what_is_typed_is_never_part_of_the_page() {
    let registry = with_accounts().spawn().await;
    let browser = Browser::new(&registry);
    let hostile = "\"><script>alert(1)</script>'&amp;";
    let page = browser.sign_in(hostile, "x").await.assert_status(401);
    assert_eq!(page.form("/sign-in").value("name"), Some(hostile));
    assert_eq!(page.root().named("script").len(), 1, "only our own");
    for path in [
        "/sign-in?next=/%22%3E%3Cscript%3E",
        "/projects/nothing%22%3E%3Cscript%3E/x",
        "/projects?page=%22%3E%3Cscript%3E",
    ] {
        assert_eq!(browser.open(path).await.root().named("script").len(), 1, "{path}");
    }
    browser.ask(Method::GET, "/projects?x=%ff", None).await.assert_status(400);
    browser.ask(Method::PUT, "/projects", None).await.assert_status(405);
}
