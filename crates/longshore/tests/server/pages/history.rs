//! The history of tags, the way back, and what was deleted.

use longshore_testkit::{Content, TestRegistry, image, role};

use super::{Browser, with_accounts};

const APP: &str = "/repositories/team/app";
const HISTORY: &str = "/repositories/team/app/-/history";

/// `v1` was pushed twice.
async fn moved() -> (TestRegistry, Content, Content) {
    let registry = with_accounts().spawn().await;
    for name in ["ann", "guest"] {
        registry.create_user(name).await;
    }
    registry.create_project("team", false).await;
    registry.add_member("team", "ann", role::MAINTAINER).await;
    registry.add_member("team", "guest", role::GUEST).await;
    let (first, second) = (image().build(), image().build());
    registry.user("ann").push_image("team/app", "v1", &first).await;
    registry.user("ann").push_image("team/app", "v1", &second).await;
    (registry, first, second)
}

async fn digest_of(registry: &TestRegistry, tag: &str) -> String {
    let reply = registry.user("ann").head(&format!("/v2/team/app/manifests/{tag}")).await;
    match reply.status {
        200 => reply.header("docker-content-digest").to_owned(),
        status => status.to_string(),
    }
}

#[tokio::test]
async fn a_tag_goes_back_with_one_click() {
    let (registry, first, second) = moved().await;
    let ann = Browser::user(&registry, "ann").await;
    let page = ann.open(HISTORY).await.assert_status(200);
    let rows = page.rows();
    assert!(rows[1].contains("moved") && rows[1].contains("ann") && rows[1].contains("now"), "{rows:?}");
    assert!(rows[2].contains("pushed"), "{rows:?}");
    let back = format!("{HISTORY}/rollback");
    assert_eq!(page.form(&back).value("digest"), Some(first.digest().to_string().as_str()));
    let page = ann.submit(&page, &back, &[]).await.assert_shows("Restored.");
    assert_eq!(digest_of(&registry, "v1").await, first.digest().to_string());
    assert!(page.rows()[1].contains("restored") && page.rows()[1].contains("now"), "{:?}", page.rows());
    // And forth.
    ann.submit(&page, &back, &[]).await;
    assert_eq!(digest_of(&registry, "v1").await, second.digest().to_string());
    let page = ann.open(&format!("{HISTORY}?tag=v1")).await.assert_shows("History of v1");
    assert_eq!(page.rows().len(), 5, "{:?}", page.rows());
    ann.open(&format!("{HISTORY}?tag=%3Cb%3Ex")).await.assert_lacks("<b>x");

    let guest = Browser::user(&registry, "guest").await;
    let page = guest.open(HISTORY).await.assert_status(200);
    assert!(page.forms(&back).is_empty());
    let csrf = page.form("/sign-out").value("csrf").unwrap().to_owned();
    let digest = first.digest().to_string();
    let fields = [("csrf", csrf.as_str()), ("tag", "v1"), ("digest", digest.as_str())];
    assert_eq!(guest.post(&back, &fields).await.status, 403);
    // Without what shows that a page of ours asked for it nothing happens.
    assert_eq!(ann.post(&back, &fields[1..]).await.status, 403);
    assert_eq!(digest_of(&registry, "v1").await, second.digest().to_string());
}

#[tokio::test]
async fn what_was_deleted_comes_back() {
    let (registry, _, second) = moved().await;
    let ann = Browser::user(&registry, "ann").await;
    let restore = format!("{HISTORY}/restore");
    registry.user("ann").delete("/v2/team/app/manifests/v1").await.assert_status(202);
    assert_eq!(digest_of(&registry, "v1").await, "404");
    let page = ann.open(HISTORY).await.assert_shows("Deleted tags");
    let form = page.forms(&restore).into_iter().find(|form| form.has("tag")).unwrap();
    assert_eq!(form.value("tag"), Some("v1"));
    ann.submit(&page, &restore, &[]).await.assert_shows("Restored.");
    assert_eq!(digest_of(&registry, "v1").await, second.digest().to_string());

    // The whole repository goes, and its history leads back.
    let page = ann.open(&format!("{APP}/-/settings")).await;
    let page = ann.submit(&page, &format!("{APP}/-/settings/delete"), &[]).await;
    let page = page.assert_status(200).assert_shows("Everything in this repository is deleted.");
    ann.open(APP).await.assert_status(404);
    let forms = page.forms(&restore);
    assert_eq!(forms.iter().filter(|form| form.has("digest")).count(), 2);
    let csrf = page.form("/sign-out").value("csrf").unwrap().to_owned();
    let digest = second.digest().to_string();
    let sent = ann.post(&restore, &[("csrf", &csrf), ("digest", &digest)]).await;
    assert_eq!(sent.status, 303);
    let page = ann.open(HISTORY).await.assert_lacks("Everything in this repository is deleted.");
    let form = page.forms(&restore).into_iter().find(|form| form.has("tag")).unwrap();
    assert_eq!(form.value("tag"), Some("v1"));
    ann.post(&restore, &[("csrf", &csrf), ("tag", "v1")]).await.assert_status(303);
    assert_eq!(digest_of(&registry, "v1").await, digest);

    let stranger = Browser::new(&registry);
    let hidden = stranger.open(HISTORY).await;
    assert_eq!(hidden.text(), stranger.open("/repositories/nothing/app/-/history").await.text());
    let never = ann.open("/repositories/team/never/-/history").await.assert_status(404);
    assert_eq!(never.text(), ann.open("/repositories/nothing/never/-/history").await.text());
}

#[tokio::test]
async fn a_long_history_is_walked() {
    let (registry, first, second) = moved().await;
    for nth in 0..30 {
        let content = if nth % 2 == 0 { &first } else { &second };
        let manifest = content.manifests.last().unwrap();
        registry.user("ann").put_manifest("team/app", "v1", manifest).await.assert_status(201);
    }
    let ann = Browser::user(&registry, "ann").await;
    let page = ann.open(HISTORY).await;
    assert_eq!(page.rows().len(), 26);
    let older = page.links().into_iter().find(|link| link.contains("before=")).unwrap().to_owned();
    let page = ann.open(&older).await;
    assert_eq!(page.rows().len(), 8, "{:?}", page.rows());
    assert!(!page.links().iter().any(|link| link.contains("before=")), "{:?}", page.links());
}
