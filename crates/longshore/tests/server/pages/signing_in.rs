//! Signing in and out, and what the browser remembers.

use longshore_testkit::PASSWORD;
use reqwest::Method;

use super::{Browser, with_accounts};

#[tokio::test]
async fn who_signs_in_is_known_until_they_sign_out() {
    let registry = with_accounts().spawn().await;
    registry.create_user("ann").await;
    let browser = Browser::new(&registry);
    let page = browser.open("/projects").await.assert_status(200);
    assert!(page.links().contains(&"/sign-in") && page.forms("/sign-out").is_empty());

    let page = browser.sign_in("ann", PASSWORD).await.assert_status(200);
    assert_eq!(page.path, "/");
    assert!(page.links().contains(&"/profile") && !page.links().contains(&"/sign-in"));
    assert!(!page.links().contains(&"/admin"), "no administrator");

    let stolen = browser.cookie_header();
    assert!(stolen.contains("sid="), "{stolen}");
    let page = browser.submit(&page, "/sign-out", &[]).await.assert_status(200);
    assert!(page.links().contains(&"/sign-in"));
    assert!(!browser.cookie_header().contains("sid="), "the browser forgets it");
    let with_old = registry.call(Method::GET, "/profile").header("Cookie", &stolen).send().await;
    assert!(with_old.assert_status(303).location().starts_with("/sign-in?"), "the session is over");

    let page = Browser::admin(&registry).await.open("/projects").await;
    assert!(page.links().contains(&"/admin"));
}

#[tokio::test]
async fn a_wrong_password_gets_the_form_again() {
    let registry = with_accounts().spawn().await;
    registry.create_user("ann").await;
    for (language, says) in [("en", "Name or password are wrong."), ("zh-CN", "用户名或密码错误。")]
    {
        let browser = Browser::new(&registry).speaking(language);
        let page = browser.open("/sign-in?next=%2Fprojects").await.assert_status(200);
        let page = browser.submit(&page, "/sign-in", &[("name", "ann"), ("password", "Wrong<1>")]).await;
        let page =
            page.assert_status(401).assert_shows(says).assert_lacks("Wrong<1>").assert_lacks("Wrong&lt;1");
        let form = page.form("/sign-in");
        assert_eq!((form.value("name"), form.value("password")), (Some("ann"), Some("")));
        assert_eq!(form.value("next"), Some("/projects"), "what was meant is kept");
        // The same words about somebody who is not there.
        browser.sign_in("nobody", "Wrong123").await.assert_status(401).assert_shows(says);
    }
    let browser = Browser::new(&registry);
    let page = browser.open("/sign-in?next=%2Fprojects%3Fpage%3D2").await;
    let fields = [("name", "ann"), ("password", PASSWORD)];
    assert_eq!(browser.submit(&page, "/sign-in", &fields).await.path, "/projects?page=2");
}

#[tokio::test]
async fn who_tries_too_often_is_told_to_wait() {
    let registry = with_accounts().spawn().await;
    let browser = Browser::new(&registry);
    // The limit of an address counts names that are tried, whether there is such a user or not.
    let mut last = None;
    for nth in 0..400 {
        let page = browser.sign_in(&format!("name{nth}"), "Guess123").await;
        if page.reply.status != 401 {
            last = Some(page);
            break;
        }
    }
    let page = last.expect("somebody may try without end").assert_status(429).assert_shows("Too many tries");
    assert_eq!(page.form("/sign-in").value("password"), Some(""));
}

#[tokio::test]
async fn nobody_is_sent_to_another_site() {
    let registry = with_accounts().spawn().await;
    registry.create_user("ann").await;
    for next in
        ["//evil.example", "https://evil.example/", "/\\evil.example", "/a\r\nb", "javascript:alert(1)"]
    {
        let browser = Browser::new(&registry);
        let fields = [("name", "ann"), ("password", PASSWORD), ("next", next)];
        let reply = browser.post("/sign-in", &fields).await.assert_status(303);
        assert_eq!(reply.location(), "/", "{next:?}");
        let reply =
            browser.post("/preferences", &[("theme", "dark"), ("next", next)]).await.assert_status(303);
        assert_eq!(reply.location(), "/", "{next:?}");
    }
}

#[tokio::test]
async fn who_must_sign_in_comes_back() {
    let registry = with_accounts().spawn().await;
    registry.create_user("ann").await;
    let browser = Browser::new(&registry);
    let page = browser.open("/profile?x=1%262").await.assert_status(200);
    assert_eq!(page.path, "/sign-in?next=%2Fprofile%3Fx%3D1%25262");
    assert_eq!(page.form("/sign-in").value("next"), Some("/profile?x=1%262"));
}

#[tokio::test]
async fn the_browser_remembers_language_and_theme() {
    let registry = with_accounts().spawn().await;
    let browser = Browser::new(&registry).speaking("zh-CN,zh;q=0.9");
    let page = browser.open("/projects?page=1").await.assert_shows("项目");
    let html =
        |page: &super::Page, name: &str| page.root().named("html")[0].attribute(name).unwrap().to_owned();
    assert_eq!((html(&page, "lang"), html(&page, "data-theme")), ("zh-CN".to_owned(), "system".to_owned()));

    let page = browser.submit(&page, "/preferences", &[("language", "en")]).await;
    assert_eq!(page.path, "/projects?page=1", "they stay where they are");
    let page = browser.submit(&page.assert_shows("Projects"), "/preferences", &[("theme", "dark")]).await;
    assert_eq!((html(&page, "lang"), html(&page, "data-theme")), ("en".to_owned(), "dark".to_owned()));
    let page = browser.submit(&page, "/preferences", &[("theme", "light")]).await;
    assert_eq!(html(&page, "data-theme"), "light");
    // What is neither changes nothing.
    let reply = browser.post("/preferences", &[("language", "xx"), ("theme", "\"><script>")]).await;
    assert_eq!(reply.headers.get("set-cookie"), None);
}
