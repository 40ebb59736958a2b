//! What people do with the pages, and what comes of it.

use longshore_testkit::TestRegistry;
use tokio::process::Command;

use crate::{shop, visitor::Visitor};

/// Runs skopeo, a real client that is not ours.
async fn skopeo(arguments: &[&str]) -> String {
    let output = Command::new("skopeo").args(arguments).output().await.unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Pushes `library/seed` of the registry somewhere else in it.
async fn push(registry: &TestRegistry, tag: &str, to: &str) {
    let host = registry.base().trim_start_matches("http://");
    let (from, to) = (format!("docker://{host}/library/seed:{tag}"), format!("docker://{host}/{to}"));
    let credentials = format!("admin:{}", registry.admin_password());
    let how =
        ["copy", "--all", "--src-tls-verify=false", "--dest-tls-verify=false", "--dest-creds", &credentials];
    skopeo(&[&how[..], &[&from, &to]].concat()).await;
}

async fn digest(registry: &TestRegistry, repository: &str, tag: &str) -> String {
    registry.admin().get(&format!("/v2/{repository}/manifests/{tag}")).await.digest().to_string()
}

#[tokio::test]
async fn a_project_its_images_and_the_way_back() {
    let registry = shop::registry().await;
    for version in ["1.0", "2.0"] {
        registry.admin().push_image("library/seed", version, &shop::web(version)).await;
    }
    let visitor = Visitor::new(&registry).await;
    let browser = &visitor.browser;
    visitor.sign_in().await;

    visitor.open("/projects/-/new").await;
    browser.type_into("#field-name", "team").await;
    browser.click_text("Create").await;
    assert!(browser.text("main h1").await.starts_with("team"));
    visitor.is_without_fault().await;

    push(&registry, "1.0", "team/app:v1").await;
    visitor.open("/projects/team").await;
    browser.click_text("team/app").await;
    browser.text("a[href='/repositories/team/app/-/images/v1']").await;
    // The page is looked at while the next ones are pushed.
    push(&registry, "2.0", "team/app:v2").await;
    browser.text("a[href='/repositories/team/app/-/images/v2']").await;

    let before = digest(&registry, "team/app", "v1").await;
    push(&registry, "2.0", "team/app:v1").await;
    assert_ne!(digest(&registry, "team/app", "v1").await, before);
    visitor.open("/repositories/team/app/-/history?tag=v1").await;
    browser.click_text(&format!("Point v1 to {}", &before[.."sha256:".len() + 12])).await;
    assert_eq!(browser.text("[role=status]").await, "Restored.");
    assert_eq!(digest(&registry, "team/app", "v1").await, before);

    visitor.open("/repositories/team/app/-/manage/v2/delete").await;
    browser.click_text("Delete all of this").await;
    browser.text("[role=status]").await;
    registry.admin().get("/v2/team/app/manifests/v2").await.assert_status(404);
    visitor.open("/repositories/team/app/-/history").await;
    browser.click_text("Restore v2").await;
    assert_eq!(browser.text("[role=status]").await, "Restored.");
    registry.admin().get("/v2/team/app/manifests/v2").await.assert_status(200);
}

#[tokio::test]
async fn a_robot_is_made_and_pulls() {
    let registry = shop::full().await;
    let visitor = Visitor::new(&registry).await;
    let browser = &visitor.browser;
    visitor.sign_in().await;
    visitor.open("/projects/shop/-/robots/new").await;
    browser.type_into("#field-name", "ci").await;
    browser.click_text("Create").await;
    let secret = browser.text("main .copy code").await;
    visitor.is_without_fault().await;
    let host = registry.base().trim_start_matches("http://");
    let (image, credentials) =
        (format!("docker://{host}/shop/web:latest"), format!("robot$shop+ci:{secret}"));
    let said = skopeo(&["inspect", "--tls-verify=false", "--creds", &credentials, &image]).await;
    assert!(said.contains("shop/web"), "{said}");
}
