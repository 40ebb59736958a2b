//! What pages hear of while they are looked at.

use longshore_testkit::image;
use reqwest::Method;

use super::{Browser, with_accounts};

#[tokio::test]
async fn who_may_look_hears_of_changes_until_the_server_ends() {
    let mut registry = with_accounts().spawn().await;
    registry.create_project("team", false).await;
    registry.admin().push_image("team/app", "v1", &image().build()).await;
    let browser = Browser::admin(&registry).await;
    let listen = registry.call(Method::GET, "/events/repositories/team/app");
    let mut events = listen.header("Cookie", &browser.cookie_header()).start().await;
    assert_eq!(events.headers()["content-type"], "text/event-stream");
    registry.admin().push_image("team/app", "v2", &image().build()).await;
    let mut heard = String::new();
    while !heard.contains("event: change\n") {
        let piece = events.chunk().await.unwrap().expect("the stream goes on");
        heard.push_str(std::str::from_utf8(&piece).unwrap());
    }
    registry.terminate();
    // It comes to its end, and is not cut off.
    while events.chunk().await.unwrap().is_some() {}
    assert!(registry.ended().await.success());
}

#[tokio::test]
async fn nobody_listens_to_what_they_may_not_see() {
    let registry = with_accounts().spawn().await;
    registry.create_project("team", false).await;
    registry.create_user("ann").await;
    registry.admin().push_image("team/app", "v1", &image().build()).await;
    let ann = Browser::user(&registry, "ann").await;
    let mut pages = Vec::new();
    for path in ["repositories/team/app", "repositories/team/nothing", "repositories/nothing/app", "jobs/1"] {
        let page = ann.open(&format!("/events/{path}")).await.assert_status(404);
        pages.push(page.text().replace(path, ""));
    }
    assert!(pages.windows(2).all(|pair| pair[0] == pair[1]), "{pages:#?}");
    ann.open("/events/jobs").await.assert_status(403);
    let nobody = Browser::new(&registry);
    nobody.open("/events/repositories/team/app").await.assert_shows("Sign in");
}
