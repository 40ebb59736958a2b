//! Every page, in both languages, light and dark, wide and narrow.

use std::path::PathBuf;

use longshore_testkit::{BrowserSettings, TestRegistry};

use crate::{shop, visitor::Visitor};

/// Each with the name of its picture.
const PAGES: [(&str, &str); 47] = [
    ("/", "home"),
    ("/search?q=shop", "search"),
    ("/search?q=4f5d6e7", "search-commit"),
    ("/profile", "profile"),
    ("/profile/password", "password"),
    ("/profile/tokens", "tokens"),
    ("/profile/sessions", "sessions"),
    ("/projects", "projects"),
    ("/projects/-/new", "new-project"),
    ("/projects/shop", "project"),
    ("/projects/shop/-/members", "members"),
    ("/projects/shop/-/robots", "robots"),
    ("/projects/shop/-/robots/new", "new-robot"),
    ("/projects/shop/-/labels", "labels"),
    ("/projects/shop/-/policies", "policies"),
    ("/projects/shop/-/audit", "project-audit"),
    ("/projects/shop/-/settings", "project-settings"),
    ("/repositories", "repositories"),
    ("/repositories/shop/web", "repository"),
    ("/repositories/shop/web/-/untagged", "untagged"),
    ("/repositories/shop/web/-/history", "history"),
    ("/repositories/shop/web/-/settings", "repository-settings"),
    ("/repositories/shop/web/-/manage/v1.0", "manage"),
    ("/repositories/shop/web/-/manage/v1.0/delete", "delete"),
    ("/repositories/shop/web/-/images/v2.0", "image"),
    ("/repositories/shop/web/-/images/v2.0/layers?platform=linux/amd64", "layers"),
    ("/repositories/shop/web/-/images/v2.0/files?platform=linux/amd64", "files"),
    ("/repositories/shop/web/-/images/v2.0/files?platform=linux/amd64&path=/srv/web", "folder"),
    ("/repositories/shop/web/-/images/v2.0/files?platform=linux/amd64&layer=3", "files-of-a-layer"),
    ("/repositories/shop/web/-/images/v2.0/waste?platform=linux/amd64", "waste"),
    ("/repositories/shop/web/-/images/v2.0/referrers", "referrers"),
    ("/repositories/shop/web/-/images/v2.0/manifest", "manifest"),
    ("/repositories/shop/web/-/compare?before=v1.0&after=v2.0&platform=linux/amd64", "compare"),
    ("/repositories/nothing/here", "not-found"),
    ("/admin", "administration"),
    ("/admin/users", "users"),
    ("/admin/groups", "groups"),
    ("/admin/robots", "system-robots"),
    ("/admin/roles", "roles"),
    ("/admin/audit", "audit"),
    ("/admin/identity", "identity"),
    ("/admin/configuration", "configuration"),
    ("/admin/quotas", "quotas"),
    ("/admin/labels", "system-labels"),
    ("/admin/jobs", "jobs"),
    ("/admin/collection", "collection"),
    ("/admin/keys", "keys"),
];

/// Opens all of them, and keeps what they look like beside the build, for people to look at.
async fn look_at_all(registry: &TestRegistry, settings: BrowserSettings<'_>, folder: &str, dark: bool) {
    let visitor = Visitor::with(registry, settings).await;
    let pictures = pictures(folder);
    visitor.open("/sign-in").await;
    visitor.keep_picture(&pictures, "sign-in").await;
    visitor.sign_in().await;
    if dark {
        visitor.browser.click("footer button[value=dark]").await;
    }
    let mut faults = Vec::new();
    for (path, name) in PAGES {
        visitor.browser.open(&format!("{}{path}", registry.base())).await;
        faults.extend(visitor.faults().await);
        let found = visitor.browser.text("main h1").await;
        if (name == "not-found") != ["Nothing here", "这里什么也没有"].contains(&found.as_str()) {
            faults.push(format!("{path}: {found}"));
        }
        let length = "return document.documentElement.outerHTML.length";
        let length = visitor.browser.run(length, serde_json::json!([])).await;
        if length.as_u64().unwrap() > 150_000 {
            faults.push(format!("{path}: {length} characters"));
        }
        visitor.keep_picture(&pictures, name).await;
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

fn pictures(folder: &str) -> PathBuf {
    let program = std::env::current_exe().unwrap();
    let pictures = program.ancestors().nth(3).unwrap().join("pictures").join(folder);
    std::fs::create_dir_all(&pictures).unwrap();
    pictures
}

#[tokio::test]
async fn in_english() {
    look_at_all(&shop::full().await, BrowserSettings::default(), "en", false).await;
}

#[tokio::test]
async fn in_chinese_on_a_narrow_screen_and_dark() {
    let settings = BrowserSettings { language: "zh-CN", size: (520, 900), ..BrowserSettings::default() };
    look_at_all(&shop::full().await, settings, "zh-CN", true).await;
}
