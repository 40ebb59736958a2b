//! Repositories: their tags, their description, what has no tag, and what is done with artifacts.

use longshore_testkit::{Content, image, index, role};
use serde_json::json;

use super::{Browser, Page, with_accounts};

const APP: &str = "/repositories/team/app";

#[tokio::test]
async fn a_repository_shows_its_tags() {
    let registry = with_accounts().spawn().await;
    registry.create_user("ann").await;
    registry.create_project("team", true).await;
    registry.add_member("team", "ann", role::DEVELOPER).await;
    let both =
        index(vec![image().platform("linux/amd64").build(), image().platform("linux/arm64").build()]).build();
    let one = image().platform("linux/riscv64").build();
    registry.user("ann").push_image("team/app", "multi", &both).await;
    registry.admin().push_image("team/app", "v1", &one).await;

    let nobody = Browser::new(&registry);
    let page = nobody.open(APP).await.assert_status(200);
    let row = |page: &Page, tag: &str| page.rows().into_iter().find(|row| row.starts_with(tag)).unwrap();
    assert!(row(&page, "multi").contains("linux/amd64 linux/arm64"), "{:?}", page.rows());
    assert!(row(&page, "v1").contains("linux/riscv64"), "{:?}", page.rows());
    assert!(!row(&page, "multi").contains("ann"), "who pushed is not told to everybody: {:?}", page.rows());
    assert!(page.rows()[1].starts_with("v1"), "the newest first: {:?}", page.rows());
    assert!(page.links().contains(&"/repositories/team/app/-/images/v1"));
    let host = registry.address();
    let lines = page.lines_to_copy();
    for line in [
        format!("docker pull {host}/team/app:v1"),
        format!("podman pull --tls-verify=false {host}/team/app:v1"),
        format!("skopeo copy --src-tls-verify=false docker://{host}/team/app:v1 oci:app"),
        format!("nerdctl --insecure-registry pull {host}/team/app:v1"),
        format!("ctr images pull --plain-http {host}/team/app:v1"),
        format!("image: {host}/team/app:v1"),
    ] {
        assert!(lines.contains(&line), "{line} is not in {lines:?}");
    }
    let live =
        page.main().all().into_iter().find(|element| element.attribute("id") == Some("live-tags")).unwrap();
    assert_eq!(live.attribute("data-live"), Some("/events/repositories/team/app"));

    let ann = Browser::user(&registry, "ann").await;
    let page = ann.open(&format!("{APP}?sort=name")).await;
    assert!(row(&page, "multi").contains("ann") && row(&page, "v1").contains("admin"), "{:?}", page.rows());
    assert!(page.rows()[1].starts_with("multi"));
    let page = ann.open(&format!("{APP}?q=ult")).await;
    assert_eq!(page.rows().len(), 2, "{:?}", page.rows());
    ann.open(&format!("{APP}?q=nothing")).await.assert_shows("No tag is like that.");
    ann.open(&format!("{APP}/-/tags?sort=push_time&page=7")).await.assert_status(200);
    let page = ann.speaking("zh-CN").open(APP).await;
    page.assert_shows("标签").assert_shows("平台");

    registry.create_project("hidden", false).await;
    registry.admin().push_image("hidden/app", "v1", &one).await;
    for view in ["", "/-/history", "/-/untagged", "/-/settings", "/-/manage/v1", "/-/manage/v1/delete"] {
        let hidden = nobody.open(&format!("/repositories/hidden/app{view}")).await;
        let missing = nobody.open(&format!("/repositories/nothing/app{view}")).await;
        assert_eq!((hidden.reply.status, hidden.text()), (missing.reply.status, missing.text()), "{view}");
    }
}

#[tokio::test]
async fn tags_are_listed_by_the_api() {
    let registry = with_accounts().spawn().await;
    registry.create_project("team", true).await;
    let (first, second) = (image().build(), image().build());
    for (tag, content) in [("a", &first), ("b", &second), ("c", &first)] {
        registry.admin().push_image("team/app", tag, content).await;
    }
    let listed = |query: &'static str| {
        let admin = registry.admin();
        async move {
            let reply = admin.get(&format!("/api/v2.0/projects/team/repositories/app/tags{query}")).await;
            let reply = reply.assert_status(200);
            let names = reply.json();
            let names = names.as_array().unwrap().iter().map(|tag| tag["name"].as_str().unwrap().to_owned());
            (names.collect::<Vec<_>>().join(" "), reply.header("x-total-count").to_owned())
        }
    };
    assert_eq!(listed("").await, ("c b a".to_owned(), "3".to_owned()));
    assert_eq!(listed("?sort=name&page_size=2").await, ("a b".to_owned(), "3".to_owned()));
    assert_eq!(listed("?sort=name&page_size=2&page=2").await, ("c".to_owned(), "3".to_owned()));
    assert_eq!(listed("?q=name%3Db").await, ("b".to_owned(), "1".to_owned()));
    let reply = registry.admin().get("/api/v2.0/projects/team/repositories/app/tags?q=name%3Dc").await.json();
    assert_eq!(
        (&reply[0]["digest"], &reply[0]["username"]),
        (&json!(first.digest().to_string()), &json!("admin"))
    );
    assert_eq!(reply[0]["platforms"], json!([{"architecture": "amd64", "os": "linux"}]));
    let reply = registry.get("/api/v2.0/projects/team/repositories/app/tags").await.assert_status(200).json();
    assert!(reply[0].get("username").is_none(), "{reply}");
    let uncounted = "/api/v2.0/projects/team/repositories/app?with_artifact_count=false";
    assert!(registry.get(uncounted).await.json().get("artifact_count").is_none());
    assert_eq!(registry.get("/api/v2.0/projects/team/repositories/app").await.json()["artifact_count"], 2);
}

#[tokio::test]
async fn a_description_is_safe() {
    let registry = with_accounts().spawn().await;
    for name in ["ann", "guest"] {
        registry.create_user(name).await;
    }
    registry.create_project("team", true).await;
    registry.add_member("team", "ann", role::DEVELOPER).await;
    registry.add_member("team", "guest", role::GUEST).await;
    registry.user("ann").push_image("team/app", "v1", &image().build()).await;
    let ann = Browser::user(&registry, "ann").await;
    let page = ann.open(&format!("{APP}/-/settings")).await.assert_status(200);
    let text = "# The *shop*\n\n<script>alert(1)</script>\n\n[docs](https://docs.example/) [bad](javascript:alert(1))\n\n\
                ![logo](https://evil.example/x.png)\n\n|a|b|\n|:-:|-:|\n|1|2|";
    let page = ann.submit(&page, &format!("{APP}/-/settings"), &[("description", text)]).await;
    let page =
        page.assert_status(200).assert_shows("Saved.").assert_shows("The shop").assert_shows("alert(1)");
    let main = page.main();
    assert!(main.named("script").is_empty() && main.named("img").is_empty());
    assert_eq!(main.named("h2")[0].text(), "The shop", "the page has its own h1");
    let link = main.named("a").into_iter().find(|link| link.text() == "docs").unwrap();
    assert_eq!(link.attribute("href"), Some("https://docs.example/"));
    assert!(link.attribute("rel").is_some_and(|rel| rel.contains("nofollow") && rel.contains("noopener")));
    assert!(!page.links().iter().any(|link| link.contains("javascript")));
    // As it was written, it can be written on.
    let page = ann.open(&format!("{APP}/-/settings")).await;
    let kept = page.form(&format!("{APP}/-/settings")).value("description").unwrap().to_owned();
    assert_eq!(kept.trim(), text);
    let long = "x".repeat(20_000);
    let refused = ann.submit(&page, &format!("{APP}/-/settings"), &[("description", &long)]).await;
    refused.assert_status(400).assert_shows("This was not done");

    let guest = Browser::user(&registry, "guest").await;
    assert!(!guest.open(APP).await.links().contains(&"/repositories/team/app/-/settings"));
    guest.open(&format!("{APP}/-/settings")).await.assert_status(404);
    guest.post(&format!("{APP}/-/settings"), &[("description", "x")]).await.assert_status(403);
    let listed = guest.open("/repositories").await;
    listed.assert_shows("The *shop*").assert_lacks("<script>alert");
}

/// A repository with an image under `v1`, and a maintainer who looks at it.
async fn looked_after() -> (longshore_testkit::TestRegistry, Browser, Content) {
    let registry = with_accounts().spawn().await;
    registry.create_user("ann").await;
    registry.create_project("team", false).await;
    registry.add_member("team", "ann", role::MAINTAINER).await;
    let content = image().build();
    registry.user("ann").push_image("team/app", "v1", &content).await;
    let ann = Browser::user(&registry, "ann").await;
    (registry, ann, content)
}

#[tokio::test]
async fn tags_and_labels_come_and_go() {
    let (registry, ann, content) = looked_after().await;
    let manage = format!("{APP}/-/manage/v1");
    let label = json!({"name": "tested", "scope": "p", "project_id": 2});
    let id = registry.admin().get("/api/v2.0/projects/team").await.json()["project_id"].clone();
    let label = json!({"project_id": id, "name": label["name"], "scope": "p", "color": "#123456"});
    registry.admin().post_json("/api/v2.0/labels", &label).await.assert_status(201);
    let page = ann.open(&manage).await.assert_status(200).assert_shows(&content.digest().to_string());
    let page =
        ann.submit(&page, &format!("{manage}/tags"), &[("tag", "stable")]).await.assert_shows("Added.");
    assert!(page.rows().iter().any(|row| row.starts_with("stable")), "{:?}", page.rows());
    ann.submit(&page, &format!("{manage}/tags"), &[("tag", "stable")]).await.assert_status(409);
    ann.submit(&page, &format!("{manage}/tags"), &[("tag", "<no tag>")]).await.assert_status(400);
    let page = ann.submit(&page, &format!("{manage}/labels"), &[]).await.assert_shows("Take tested off");
    ann.open(APP).await.assert_shows("tested");
    let remove = page.root().named("form").into_iter().filter_map(|form| form.attribute("action"));
    let remove = remove.into_iter().find(|action| action.contains("/labels/")).unwrap().to_owned();
    let page = ann.submit(&page, &remove, &[]).await.assert_shows("Removed.").assert_lacks("Take tested off");
    let gone = ann.submit(&page, &format!("{manage}/tags/stable/remove"), &[]).await.assert_shows("Deleted.");
    assert_eq!(gone.path, format!("{APP}/-/history?done=deleted"));
    let tags = registry.user("ann").get("/v2/team/app/tags/list").await.json();
    assert_eq!(tags["tags"], json!(["v1"]));
}

#[tokio::test]
async fn members_for_some_repositories_work_there() {
    let registry = with_accounts().spawn().await;
    registry.create_user("ann").await;
    registry.create_project("team", true).await;
    let member =
        json!({"role_id": role::MAINTAINER, "member_user": {"username": "ann"}, "repositories": "web/**"});
    registry.admin().post_json("/api/v2.0/projects/team/members", &member).await.assert_status(201);
    for name in ["team/web/shop", "team/app"] {
        registry.admin().push_image(name, "v1", &image().build()).await;
    }
    let ann = Browser::user(&registry, "ann").await;
    let theirs = ann.open("/repositories/team/web/shop").await.assert_status(200);
    assert!(theirs.links().contains(&"/repositories/team/web/shop/-/manage/v1"), "{:?}", theirs.links());
    let other = ann.open(APP).await.assert_status(200);
    assert!(!other.links().contains(&"/repositories/team/app/-/manage/v1"), "{:?}", other.links());
    let page = ann.open("/repositories/team/web/shop/-/manage/v1").await;
    let add = "/repositories/team/web/shop/-/manage/v1/tags";
    ann.submit(&page, add, &[("tag", "stable")]).await.assert_shows("Added.");
}

#[tokio::test]
async fn what_would_go_is_shown_before_it_goes() {
    let (registry, ann, _) = looked_after().await;
    let children = vec![image().platform("linux/amd64").build(), image().platform("linux/arm64").build()];
    let digests: Vec<_> = children.iter().map(|child| child.digest().to_string()).collect();
    let multi = index(children).build();
    registry.user("ann").push_image("team/app", "multi", &multi).await;
    registry.user("ann").push_image("team/app", "also", &multi).await;
    // A part of an index leads to the whole.
    let part = format!("{APP}/-/manage/{}/delete", digests[0].replace(':', "%3A"));
    let page = ann.open(&part).await.assert_status(200).assert_shows("cannot be deleted alone");
    assert!(page.forms(&part).is_empty());
    let path = format!("{APP}/-/manage/multi/delete");
    let page =
        ann.open(&path).await.assert_status(200).assert_shows("also").assert_shows("Room that becomes free");
    for digest in &digests {
        page.clone().assert_shows(&digest[..19]);
    }
    ann.post(&path, &[("digest", &multi.digest().to_string())]).await.assert_status(403);
    ann.submit(&page, &path, &[]).await.assert_shows("Deleted.").assert_shows("Deleted artifacts");
    let tags = registry.user("ann").get("/v2/team/app/tags/list").await.json();
    assert_eq!(tags["tags"], json!(["v1"]));
}

#[tokio::test]
async fn what_has_no_tag_is_listed_apart() {
    let (registry, ann, content) = looked_after().await;
    ann.open(&format!("{APP}/-/untagged")).await.assert_status(200).assert_shows("Everything has a tag.");
    registry.user("ann").push_image("team/app", "v1", &image().build()).await;
    let page = ann.open(&format!("{APP}/-/untagged")).await;
    page.assert_shows(&content.digest().to_string()[..19]);
    let manage = format!("{APP}/-/manage/{}", content.digest().to_string().replace(':', "%3A"));
    let page = ann.open(&manage).await.assert_shows("No tag points to it.");
    ann.submit(&page, &format!("{manage}/tags"), &[("tag", "old")]).await.assert_shows("Added.");
    ann.open(&format!("{APP}/-/untagged")).await.assert_shows("Everything has a tag.");
}
