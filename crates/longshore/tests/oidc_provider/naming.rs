//! Somebody who comes for the first time chooses a name, where `auto_onboard` is off.

use longshore_testkit::{Call, OidcProvider, TestRegistry};
use reqwest::Method;
use serde_json::json;

use super::support::{Browser, provider, refused, registry, source};

async fn start(provider: &OidcProvider) -> TestRegistry {
    let mut source = source("sso", provider);
    source["oidc"]["auto_onboard"] = json!(false);
    registry(&[source]).spawn().await
}

fn choose(browser: &Browser, body: &str) -> Call {
    let call = browser.call(Method::POST, "/c/oidc/onboard").header("Sec-Fetch-Site", "same-origin");
    call.header("Content-Type", "application/x-www-form-urlencoded").body(body.to_owned())
}

#[tokio::test]
async fn somebody_chooses_a_name_and_keeps_it() {
    let provider = provider().await;
    let registry = start(&provider).await;
    let mut ann = Browser::new(&registry);
    let back = ann.log_in(&provider, "ann-1", "?redirect_url=/x").await;
    back.assert_status(302).assert_header("location", "/c/oidc/onboard");
    assert_eq!(ann.user().await, Err(401));
    let page = ann.get("/c/oidc/onboard").await.assert_status(200);
    assert!(String::from_utf8_lossy(&page.body).contains("value=\"ann\""), "{page:?}");

    // What cannot be a name, or is somebody's, is said; another try is free.
    for bad in ["username=", "username=a%2Fb", "username=robot%24x", "username=admin"] {
        let page = choose(&ann, bad).send().await.assert_status(400);
        assert!(String::from_utf8_lossy(&page.body).contains("role=\"alert\""), "{bad}: {page:?}");
    }
    choose(&ann, "name=ann").send().await.assert_status(400);
    // Another site's page cannot choose for them.
    let call = ann.call(Method::POST, "/c/oidc/onboard").header("Sec-Fetch-Site", "cross-site");
    let call = call.header("Content-Type", "application/x-www-form-urlencoded").body("username=owned");
    call.send().await.assert_error(403, "FORBIDDEN");
    // Nor anybody without the cookie.
    refused(&choose(&Browser::new(&registry), "username=owned").send().await, 400);

    let call = choose(&ann, "username=annie");
    let sent = ann.send(call).await.assert_status(303);
    assert_eq!(sent.location(), "/c/oidc/login?source=sso&redirect_url=/x");
    assert!(!ann.cookies.contains_key("__Host-longshore-naming"));
    let query = sent.location().replace("/c/oidc/login", "");
    ann.log_in(&provider, "ann-1", &query).await.assert_status(302).assert_header("location", "/x");
    let user = ann.user().await.unwrap();
    assert_eq!(
        (user["username"].as_str(), user["admin_role_in_auth"].as_bool()),
        (Some("annie"), Some(true))
    );
    // At later logins, too.
    ann.log_in(&provider, "ann-1", "").await.assert_status(302).assert_header("location", "/");
    assert_eq!(ann.user().await.unwrap()["username"], "annie");
}

/// What somebody is called at the provider is text on the page, and a suggestion.
#[tokio::test]
async fn odd_names_are_only_suggested() {
    let provider = provider().await;
    let registry = start(&provider).await;
    let mut odd = Browser::new(&registry);
    odd.log_in(&provider, "odd-5", "").await.assert_status(302);
    let page = odd.get("/c/oidc/onboard").await.assert_status(200);
    let text = String::from_utf8_lossy(&page.body);
    assert!(text.contains("&lt;script&gt;") && !text.contains("<script"), "{text}");
    assert_eq!(page.header("content-security-policy"), "default-src 'none'; frame-ancestors 'none'");
    let call = choose(&odd, "username=odd+one");
    odd.send(call).await.assert_status(303);
    odd.log_in(&provider, "odd-5", "").await.assert_status(302);
    assert_eq!(odd.user().await.unwrap()["username"], "odd one");

    let mut boss = Browser::new(&registry);
    boss.log_in(&provider, "boss-4", "")
        .await
        .assert_status(302)
        .assert_header("location", "/c/oidc/onboard");
    assert_eq!(choose(&boss, "username=admin").send().await.status, 400, "the name is taken");
}
