//! Logging in and out on the pages.

use longshore_testkit::{Api as Client, Call, Reply};
use reqwest::Method;

use super::{
    server::call,
    users::{PASSWORD, make, start},
};

fn form(client: &Client, body: &str) -> Call {
    let call = client.call(Method::POST, "/c/login");
    call.header("Content-Type", "application/x-www-form-urlencoded").body(body.to_owned())
}

/// The cookie of a reply as a browser sends it back.
fn cookie(reply: &Reply) -> String {
    reply.header("set-cookie").split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn somebody_logs_in_changes_something_and_logs_out() {
    let (admin, _) = start().await;
    let (path, _) = make(&admin, "ann b").await;
    let browser = Client::new(admin.base());
    let login = form(&browser, &format!("principal=ann+b&password={PASSWORD}")).send().await;
    let login = login.assert_status(200).assert_body(b"");
    let attributes = login.header("set-cookie").to_owned();
    // Clients know this registry by an https address, whatever this connection is.
    assert!(attributes.starts_with("__Host-sid="), "{attributes}");
    assert!(attributes.ends_with("; Path=/; HttpOnly; SameSite=Lax; Secure"), "{attributes}");
    let (cookie_of_ann, token) = (cookie(&login), login.header("x-harbor-csrf-token").to_owned());

    let current = call(&browser, "GET", "/users/current").header("Cookie", &cookie_of_ann).send().await;
    let current = current.assert_status(200).assert_header("x-harbor-csrf-token", &token);
    assert_eq!(current.json()["username"], "ann b");
    let change = |token: &str| {
        let call = call(&browser, "PUT", &path).header("Cookie", &cookie_of_ann);
        call.header("X-Harbor-CSRF-Token", token).body(r#"{"comment":"hi"}"#)
    };
    change("").send().await.assert_error(403, "FORBIDDEN");
    change("0").send().await.assert_error(403, "FORBIDDEN");
    change(&token).send().await.assert_status(200);

    let out = browser.call(Method::GET, "/c/log_out").header("Cookie", &cookie_of_ann).send().await;
    assert!(out.assert_status(200).header("set-cookie").ends_with("; Max-Age=0"));
    let gone = call(&browser, "GET", "/users/current").header("Cookie", &cookie_of_ann).send().await;
    gone.assert_error(401, "UNAUTHORIZED");
    // Nobody to log out is nothing wrong.
    browser.call(Method::POST, "/c/log_out").send().await.assert_status(200);
}

#[tokio::test]
async fn who_is_refused_gets_no_cookie() {
    let (admin, _) = start().await;
    make(&admin, "ann").await;
    let browser = Client::new(admin.base());
    for (body, status, code) in [
        ("principal=ann&password=wrong", 401, "UNAUTHORIZED"),
        ("principal=nobody&password=wrong", 401, "UNAUTHORIZED"),
        ("principal=ann", 400, "BAD_REQUEST"),
        ("principal=ann&password=", 400, "BAD_REQUEST"),
        ("principal=ann&password=%", 400, "BAD_REQUEST"),
    ] {
        let reply = form(&browser, body).send().await.assert_error(status, code);
        assert_eq!(reply.header("set-cookie"), "", "{body}");
    }
    let large = format!("principal=ann&password={}", "x".repeat(20_000));
    form(&browser, &large).send().await.assert_error(413, "REQUEST_ENTITY_TOO_LARGE");
    let get = browser.call(Method::GET, "/c/login").send().await.assert_error(405, "METHOD_NOT_ALLOWED");
    get.assert_header("allow", "POST");
    let right = format!("principal=ann&password={PASSWORD}");
    for (name, value) in [("Origin", "https://evil.example"), ("Sec-Fetch-Site", "cross-site")] {
        form(&browser, &right).header(name, value).send().await.assert_error(403, "FORBIDDEN");
    }
    let own = form(&browser, &right).header("Origin", admin.base()).send().await;
    own.assert_status(200);
}

#[tokio::test]
async fn a_new_session_takes_the_place_of_the_browsers_last_one() {
    let (admin, _) = start().await;
    make(&admin, "ann").await;
    let browser = Client::new(admin.base());
    let right = format!("principal=ann&password={PASSWORD}");
    let first = cookie(&form(&browser, &right).send().await);
    let second = cookie(&form(&browser, &right).header("Cookie", &first).send().await);
    assert_ne!(first, second);
    let planted = second.replace("__Host-sid", "sid");
    let who = async |cookie: &str| {
        call(&browser, "GET", "/users/current").header("Cookie", cookie).send().await.status
    };
    assert_eq!((who(&first).await, who(&second).await, who(&planted).await), (401, 200, 401));
}

/// What a browser knows of a password it sends along unasked, whoever made it ask.
#[tokio::test]
async fn pages_of_other_sites_change_nothing() {
    let (admin, _) = start().await;
    let (path, _) = make(&admin, "ann").await;
    let change = || call(&admin, "PUT", &path).body(r#"{"comment":"hi"}"#);
    for (name, value) in [
        ("Origin", "https://evil.example"),
        ("Origin", "null"),
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Site", "same-site"),
    ] {
        change().header(name, value).send().await.assert_error(403, "FORBIDDEN");
        // Reading does no harm: the other page is not shown the answer.
        call(&admin, "GET", &path).header(name, value).send().await.assert_status(200);
    }
    let own = ["https://r.example", admin.base()];
    for (name, value) in own.map(|own| ("Origin", own)).into_iter().chain([("Sec-Fetch-Site", "same-origin")])
    {
        change().header(name, value).send().await.assert_status(200);
    }
}
