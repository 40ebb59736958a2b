//! Images: what they are, how they were built, their files, what refers to them, and another one beside them.

use longshore_testkit::{Archive, TestRegistry, artifact, index, media_type, role};

use super::{Browser, with_accounts};
use crate::images::built;

const IMAGES: &str = "/repositories/team/app/-/images";

async fn registry() -> TestRegistry {
    let registry = with_accounts().spawn().await;
    registry.create_user("ann").await;
    registry.create_project("team", false).await;
    registry.add_member("team", "ann", role::DEVELOPER).await;
    let lower = Archive::new()
        .file("etc/motd", b"hello")
        .file("etc/<b>bold</b>", b"x")
        .file("usr/bin/app", &[7; 5000]);
    let upper = Archive::new().file("etc/.wh.motd", b"").file("usr/bin/app", b"new");
    let list = |version: &str| format!("Package: zlib\nVersion: {version}\nStatus: install ok installed\n");
    let packages = |version: &str| Archive::new().file("var/lib/dpkg/status", list(version).as_bytes());
    let one = built("amd64", "7", vec![lower.clone(), upper, packages("1.2")]);
    let two = built("amd64", "8", vec![lower, packages("1.3")]);
    let admin = registry.admin();
    admin.push_image("team/app", "v1", &one).await;
    admin.push_image("team/app", "v2", &two).await;
    let both = index(vec![one, built("arm64", "9", vec![packages("1.2")])]).build();
    admin.push_image("team/app", "all", &both).await;
    registry
}

#[tokio::test]
async fn an_image_is_shown() {
    let registry = registry().await;
    let ann = Browser::user(&registry, "ann").await;
    let page = ann.open(&format!("{IMAGES}/v1")).await.assert_status(200);
    let page = page
        .assert_shows("[\"/bin/app\"]")
        .assert_shows("80/tcp")
        .assert_shows("PATH=/bin")
        .assert_shows("linux/amd64");
    assert!(page.links().contains(&"/repositories/team/app/-/images/v1/files"), "{:?}", page.links());
    let page = ann.open(&format!("{IMAGES}/v1/layers")).await.assert_status(200);
    assert!(
        page.rows()[1].contains("ADD file:1 in /") && page.rows()[3].contains("RUN make"),
        "{:?}",
        page.rows()
    );
    page.assert_shows("&& make install");
    let page = ann.open(&format!("{IMAGES}/v1/waste")).await.assert_status(200);
    assert!(
        page.rows().iter().any(|row| row.starts_with("/usr/bin/app 2 5.0 kB overwritten")),
        "{:?}",
        page.rows()
    );
    ann.open(&format!("{IMAGES}/v1/manifest")).await.assert_status(200).assert_shows(media_type::MANIFEST);
    ann.open(&format!("{IMAGES}/v1/referrers"))
        .await
        .assert_status(200)
        .assert_shows("Nothing refers to it.");
    ann.open(&format!("{IMAGES}/v1/nothing")).await.assert_status(404);
    ann.open(&format!("{IMAGES}/v9")).await.assert_status(404);
}

#[tokio::test]
async fn files_are_looked_through() {
    let registry = registry().await;
    let ann = Browser::user(&registry, "ann").await;
    let root = ann.open(&format!("{IMAGES}/v1/files")).await.assert_status(200);
    assert!(
        root.links().contains(&"/repositories/team/app/-/images/v1/files?path=%2Fetc"),
        "{:?}",
        root.links()
    );
    let etc = ann.open(&format!("{IMAGES}/v1/files?path=%2Fetc")).await.assert_status(200);
    let etc = etc.assert_shows("<b>bold<").assert_shows("hidden").assert_shows("#1 adds, #2 removes");
    assert_eq!(etc.rows().len(), 3, "{:?}", etc.rows());
    let layer = ann.open(&format!("{IMAGES}/v1/files?path=usr%2Fbin&layer=1")).await.assert_status(200);
    assert!(layer.rows()[1].contains("5.0 kB"), "{:?}", layer.rows());
    let found = ann.open(&format!("{IMAGES}/v1/files?q=APP")).await.assert_status(200);
    assert!(found.rows()[1].starts_with("/usr/bin/app"), "{:?}", found.rows());
    ann.open(&format!("{IMAGES}/v1/files?q=nothing")).await.assert_shows("No file is called like that.");
    ann.open(&format!("{IMAGES}/v1/files?path=nowhere")).await.assert_status(404);
    let file =
        ann.ask(reqwest::Method::GET, &format!("{IMAGES}/v1/file?path=%2Fusr%2Fbin%2Fapp"), None).await;
    file.assert_status(200).assert_body(b"new").assert_header("content-type", "application/octet-stream");
}

#[tokio::test]
async fn an_index_shows_its_platforms() {
    let registry = registry().await;
    let ann = Browser::user(&registry, "ann").await;
    let page = ann.open(&format!("{IMAGES}/all")).await.assert_status(200);
    assert!(
        page.links().contains(&"/repositories/team/app/-/images/all?platform=linux%2Farm64"),
        "{:?}",
        page.links()
    );
    // What most look for, where nobody says.
    let files = ann.open(&format!("{IMAGES}/all/files")).await.assert_status(200);
    assert!(files.rows().len() == 4, "{:?}", files.rows());
    let files = ann.open(&format!("{IMAGES}/all/files?platform=linux%2Farm64")).await.assert_status(200);
    assert!(files.rows().len() == 2, "{:?}", files.rows());
    assert!(files.links().iter().any(|link| link.ends_with("/all/waste?platform=linux%2Farm64")));
    ann.open(&format!("{IMAGES}/all/files?platform=nonsense")).await.assert_status(400);
}

#[tokio::test]
async fn what_refers_to_an_image_is_shown() {
    let registry = registry().await;
    let admin = registry.admin();
    let image = built("amd64", "7", vec![Archive::new()]);
    admin.push_image("team/app", "signed", &image).await;
    let sbom = artifact("application/spdx+json").subject(image.top().descriptor()).build();
    admin.push_image("team/app", "sbom", &sbom).await;
    let ann = Browser::user(&registry, "ann").await;
    let page = ann.open(&format!("{IMAGES}/signed/referrers")).await.assert_status(200);
    let page = page.assert_shows("application/spdx+json");
    let path = format!("{IMAGES}/{}", sbom.digest().to_string().replace(':', "%3A"));
    assert!(page.links().contains(&path.as_str()), "{:?}", page.links());
    ann.open(&path).await.assert_status(200).assert_shows("It holds no image.");
}

#[tokio::test]
async fn two_images_are_compared() {
    let registry = registry().await;
    let ann = Browser::user(&registry, "ann").await;
    let compare = "/repositories/team/app/-/compare";
    ann.open(compare).await.assert_status(200).assert_shows("Compare two images");
    let page = ann.open(&format!("{compare}?before=v1&after=v2")).await.assert_status(200);
    let rows = page.rows();
    assert!(rows.iter().any(|row| row == "user 7 8"), "{rows:?}");
    assert!(rows.iter().any(|row| row.starts_with("zlib") && row.ends_with("1.2 1.3")), "{rows:?}");
    assert!(rows.iter().any(|row| row.starts_with("/usr/bin/app")), "{rows:?}");
    ann.open(&format!("{compare}?before=v1&after=v9"))
        .await
        .assert_status(404)
        .assert_shows("This was not done");
    ann.open(&format!("{compare}?before=all&after=v2")).await.assert_status(400).assert_shows("linux/arm64");
    ann.open(&format!("{compare}?before=v1&after=v2&repository=team%2Fnone")).await.assert_status(404);
}

/// Every view in Chinese, and for nobody who may not know of it.
#[tokio::test]
async fn images_are_shown_in_chinese_and_to_nobody_else() {
    let registry = registry().await;
    let ann = Browser::user(&registry, "ann").await.speaking("zh-CN");
    let nobody = Browser::new(&registry);
    for (view, word) in [
        ("", "配置"),
        ("/layers", "指令"),
        ("/files", "名称"),
        ("/waste", "浪费"),
        ("/referrers", "引用"),
        ("/manifest", "清单"),
    ] {
        ann.open(&format!("{IMAGES}/v1{view}")).await.assert_status(200).assert_shows(word);
        let hidden = nobody.open(&format!("{IMAGES}/v1{view}")).await;
        let missing = nobody.open(&format!("/repositories/none/app/-/images/v1{view}")).await;
        assert_eq!((hidden.reply.status, hidden.text()), (missing.reply.status, missing.text()), "{view}");
    }
    ann.open("/repositories/team/app/-/compare?before=v1&after=v2")
        .await
        .assert_status(200)
        .assert_shows("软件包");
    let hidden = nobody.open("/repositories/team/app/-/compare").await;
    let missing = nobody.open("/repositories/none/app/-/compare").await;
    assert_eq!((hidden.reply.status, hidden.text()), (missing.reply.status, missing.text()));
}
