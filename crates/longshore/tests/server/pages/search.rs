//! Searching, and what is suggested.

use longshore_testkit::{Api, Blob, Content, TestRegistry, media_type, role};
use longshore_types::DigestAlgorithm;
use serde_json::{Value, json};

use super::{Browser, with_accounts};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// An image whose configuration has labels.
fn labelled(labels: Value) -> Content {
    let config = json!({ "architecture": "amd64", "os": "linux", "config": { "Labels": labels } });
    let config = Blob::new(DigestAlgorithm::Sha256, media_type::CONFIG, config.to_string());
    let manifest = json!({
        "schemaVersion": 2, "mediaType": media_type::MANIFEST, "config": config.descriptor(), "layers": [],
    });
    let manifest = Blob::new(DigestAlgorithm::Sha256, media_type::MANIFEST, manifest.to_string());
    Content { blobs: vec![config], manifests: vec![manifest] }
}

async fn with_images() -> TestRegistry {
    let registry = with_accounts().spawn().await;
    registry.create_project("open", true).await;
    registry.create_project("secret", false).await;
    for name in ["open/app", "secret/app"] {
        let labels = json!({
            "org.opencontainers.image.revision": COMMIT,
            "org.opencontainers.image.source": "https://git.example/Team/App",
        });
        registry.admin().push_image(name, "v1.0", &labelled(labels)).await;
    }
    registry
}

async fn images(api: &Api, text: &str) -> Vec<String> {
    let found = api.get(&format!("/api/v2.0/search/images?q={text}")).await.assert_status(200).json();
    let images = found["images"].as_array().unwrap().iter();
    images
        .map(|image| {
            format!("{} {}", image["repository_name"].as_str().unwrap(), image["key"].as_str().unwrap())
        })
        .collect()
}

#[tokio::test]
async fn a_commit_leads_to_its_image() {
    let registry = with_images().await;
    let browser = Browser::new(&registry);
    let page = browser.open(&format!("/search?q={}", &COMMIT[..7])).await.assert_status(200);
    let page = page.assert_shows("open/app:v1.0").assert_shows("commit").assert_lacks("secret");
    assert!(page.links().contains(&"/repositories/open/app/-/images/v1.0"), "{:?}", page.links());
    browser.open(&format!("/search?q={COMMIT}")).await.assert_shows("open/app:v1.0");
    // Six digits are those of many.
    browser.open(&format!("/search?q={}", &COMMIT[..6])).await.assert_shows("Nothing that you may see");
    browser.open("/search?q=git.example%2Fteam").await.assert_shows("open/app:v1.0").assert_shows("source");
    browser.open("/search?q=https%3A%2F%2Fgit.example%2FTeam").await.assert_shows("open/app:v1.0");
    let chinese = Browser::new(&registry).speaking("zh-CN").open(&format!("/search?q={COMMIT}")).await;
    chinese.assert_shows("提交").assert_shows("搜索结果");
}

#[tokio::test]
async fn everybody_finds_what_they_may_see() {
    let registry = with_images().await;
    for name in ["ann", "eve"] {
        registry.create_user(name).await;
    }
    registry.add_member("secret", "ann", role::GUEST).await;
    let (open, secret) = ("open/app".to_owned(), "secret/app".to_owned());
    for (api, wanted) in [
        (Api::clone(&registry), vec![&open]),
        (registry.user("eve"), vec![&open]),
        (registry.user("ann"), vec![&open, &secret]),
        (registry.admin(), vec![&open, &secret]),
    ] {
        let all = |key: &str| wanted.iter().map(|name| format!("{name} {key}")).collect::<Vec<_>>();
        assert_eq!(images(&api, "v1").await, all("tag"));
        assert_eq!(images(&api, &COMMIT[..9]).await, all("org.opencontainers.image.revision"));
        assert_eq!(images(&api, "v2").await, Vec::<String>::new());
        assert_eq!(images(&api, "v").await, Vec::<String>::new(), "that is too short");
    }
    let eve = Browser::user(&registry, "eve").await;
    for text in ["secret", "app", "v1", COMMIT] {
        let page = eve.open(&format!("/search?q={text}")).await.assert_status(200);
        assert!(!page.links().iter().any(|link| link.starts_with("/repositories/secret")), "{text}");
    }
    let page = Browser::user(&registry, "ann").await.open("/search?q=secr").await;
    assert!(page.links().contains(&"/projects/secret") && page.links().contains(&"/repositories/secret/app"));
}

#[tokio::test]
async fn much_is_found_page_by_page() {
    let registry = with_images().await;
    let admin = registry.admin();
    for nth in 0..30 {
        let tag = json!({ "name": format!("nightly-{nth:02}") });
        let path = "/api/v2.0/projects/open/repositories/app/artifacts/v1.0/tags";
        admin.post_json(path, &tag).await.assert_status(201);
    }
    let browser = Browser::new(&registry);
    let page = browser.open("/search?q=nightly").await.assert_shows("nightly-00").assert_lacks("nightly-25");
    let next = *page.links().iter().find(|link| link.contains("after=")).unwrap();
    let page = browser.open(next).await.assert_shows("nightly-25").assert_shows("nightly-29");
    assert!(!page.shows("nightly-24"), "no image twice");
    assert!(!page.links().iter().any(|link| link.contains("after=")), "that was all");
    for bad in ["x", "t.x.y", "t.1", "q.1.a", "m.1.%00"] {
        admin.get(&format!("/api/v2.0/search/images?q=nightly&after={bad}")).await.assert_status(400);
    }
}

#[tokio::test]
async fn suggestions_are_a_short_list_of_texts() {
    let registry = with_images().await;
    let browser = Browser::new(&registry);
    let list = async |text: &str| {
        let reply = browser.open(&format!("/search/suggestions?q={text}")).await.assert_status(200).reply;
        reply.assert_header("content-type", "application/json; charset=utf-8").json()
    };
    assert_eq!(list("app").await, json!(["open/app"]));
    assert_eq!(list("v1").await, json!(["v1.0"]));
    assert_eq!(list("secr").await, json!([]));
    assert_eq!(list("a").await, json!([]));
    assert_eq!(list("").await, json!([]));
    assert_eq!(list(&COMMIT[..8]).await, json!([COMMIT]));
}

#[tokio::test]
async fn what_is_searched_for_is_text() {
    let registry = with_images().await;
    let browser = Browser::new(&registry);
    for text in [
        "%3Cscript%3Ealert(1)%3C%2Fscript%3E",
        "%22%20onfocus%3D",
        "a%2Cb%3Dc",
        "100%25",
        "%E9%95%9C%E5%83%8F",
        "__",
    ] {
        let page = browser.open(&format!("/search?q={text}")).await.assert_status(200);
        assert_eq!(page.root().named("script").len(), 1, "{text}");
    }
    let long = "x".repeat(3000);
    browser
        .open(&format!("/search?q={long}"))
        .await
        .assert_status(200)
        .assert_shows("two characters or more");
}
