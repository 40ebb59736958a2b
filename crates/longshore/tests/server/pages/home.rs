//! The start: what happened lately, what is one's own, and how the system is.

use longshore_testkit::{TestRegistry, eventually, image, role};

use super::{Browser, with_accounts};

async fn with_two_projects() -> TestRegistry {
    let registry = with_accounts().spawn().await;
    registry.create_project("open", true).await;
    registry.create_project("secret", false).await;
    for name in ["open/app", "secret/app"] {
        registry.admin().push_image(name, "v1", &image().build()).await;
    }
    registry
}

#[tokio::test]
async fn everybody_sees_what_is_public_and_how_to_pull_it() {
    let registry = with_two_projects().await;
    let page = Browser::new(&registry).open("/").await.assert_status(200).assert_lacks("secret");
    assert!(page.links().contains(&"/repositories/open/app"));
    assert_eq!(page.lines_to_copy(), [format!("docker pull {}/open/app", registry.address())]);
    Browser::new(&registry)
        .speaking("zh-CN")
        .open("/")
        .await
        .assert_shows("最近更新")
        .assert_shows("拉取镜像");
}

#[tokio::test]
async fn where_nothing_is_the_first_steps_are_shown() {
    let registry = with_accounts().spawn().await;
    registry.create_user("ann").await;
    let ann = Browser::user(&registry, "ann").await;
    let host = registry.address().to_string();
    let page = ann.open("/").await.assert_status(200).assert_shows("no images yet");
    let wanted = [
        format!("docker login {host} --username ann"),
        format!("docker tag alpine:latest {host}/library/alpine:latest"),
        format!("docker push {host}/library/alpine:latest"),
    ];
    assert_eq!(page.lines_to_copy(), wanted);
    ann.speaking("zh-CN").open("/").await.assert_shows("按以下四步");
    Browser::new(&registry).open("/").await.assert_status(200).assert_shows("Nothing here is public.");
}

#[tokio::test]
async fn what_was_changed_and_pulled_lately_comes_first() {
    let registry = with_two_projects().await;
    registry.create_user("ann").await;
    registry.add_member("secret", "ann", role::GUEST).await;
    registry.create_user("eve").await;
    let ann = Browser::user(&registry, "ann").await;
    let page = ann.open("/").await.assert_status(200).assert_shows("Lately changed");
    assert!(page.rows()[1].starts_with("secret/app"), "{:?}", page.rows());
    registry.admin().push_image("open/app", "v2", &image().seed(7).build()).await;
    let page = ann.open("/").await;
    assert!(page.rows()[1].starts_with("open/app"), "{:?}", page.rows());
    assert!(page.rows()[2].starts_with("secret/app"), "{:?}", page.rows());

    registry.admin().pull_image("secret/app", "v1").await;
    let pulled = || async {
        let page = ann.open("/").await;
        page.shows("Lately pulled").then_some(page)
    };
    let page = eventually("the pull is counted", pulled).await;
    let heads = page.rows().iter().position(|row| row.starts_with("Repository Pulled")).unwrap();
    assert!(page.rows()[heads + 1].starts_with("secret/app"), "{:?}", page.rows());
    let eve = Browser::user(&registry, "eve").await.open("/").await;
    eve.assert_shows("open/app").assert_lacks("secret").assert_lacks("Lately pulled");
}

#[tokio::test]
async fn administrators_see_how_the_system_is() {
    let registry = with_two_projects().await;
    registry.create_user("ann").await;
    let admin = Browser::admin(&registry).await;
    let page =
        admin.open("/").await.assert_status(200).assert_shows("Storage").assert_shows("Use by project");
    let rows = page.rows();
    assert!(rows.iter().any(|row| row.starts_with("secret ") && row.ends_with("no limit")), "{rows:?}");
    assert!(page.main().named("svg").len() >= 2, "room and use are drawn");
    page.assert_lacks("nearly");

    let secret = registry.admin().get("/api/v2.0/projects/secret").await.json()["project_id"].to_string();
    let path = format!("/api/v2.0/quotas/{secret}");
    let used = registry.admin().get(&path).await.json()["used"]["storage"].as_i64().unwrap();
    let quota = serde_json::json!({ "hard": { "storage": used + 1 } });
    registry.admin().put_json(&path, &quota).await.assert_status(200);
    admin.open("/").await.assert_shows("The quota of secret is nearly used up.");
    admin.speaking("zh-CN").open("/").await.assert_shows("项目 secret 的配额即将用尽。");

    let ann = Browser::user(&registry, "ann").await.open("/").await;
    ann.assert_lacks("Storage").assert_lacks("Use by project").assert_lacks("quota");
}
