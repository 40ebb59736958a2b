//! What images hold, told by the management API.

use longshore_testkit::{Api, Archive, Blob, Content, Reply, TestRegistry, image, index, media_type, role};
use longshore_types::DigestAlgorithm;
use serde_json::{Value, json};

use crate::accounts::with_accounts;

const ARTIFACTS: &str = "/api/v2.0/projects/team/repositories/app/artifacts";

fn blob(media_type: &str, bytes: impl Into<Vec<u8>>) -> Blob {
    Blob::new(DigestAlgorithm::Sha256, media_type, bytes.into())
}

/// An image for `architecture` of these layers.
pub(crate) fn built(architecture: &str, user: &str, layers: Vec<Archive>) -> Content {
    let config = json!({
        "os": "linux", "architecture": architecture, "created": "2026-01-02T03:04:05Z",
        "config": {
            "User": user, "Env": ["PATH=/bin"], "Entrypoint": ["/bin/app"], "ExposedPorts": {"80/tcp": {}},
            "Labels": {"a": "b"}, "Healthcheck": {"Test": ["CMD", "true"], "Retries": 3},
        },
        "history": [
            {"created_by": "/bin/sh -c #(nop) ADD file:1 in / ", "created": "2026-01-01T00:00:00Z"},
            {"created_by": "ENV PATH=/bin", "empty_layer": true},
            {"created_by": "RUN /bin/sh -c make && make install # buildkit"},
        ],
    });
    let mut blobs: Vec<Blob> = layers.into_iter().map(|layer| blob(media_type::LAYER, layer.end())).collect();
    let config = blob(media_type::CONFIG, config.to_string());
    let manifest = json!({
        "schemaVersion": 2, "mediaType": media_type::MANIFEST, "config": config.descriptor(),
        "layers": blobs.iter().map(Blob::descriptor).collect::<Vec<_>>(),
    });
    blobs.push(config);
    Content { blobs, manifests: vec![blob(media_type::MANIFEST, manifest.to_string())] }
}

fn lower() -> Archive {
    let archive = Archive::new().folder("etc/").file("etc/motd", b"hello").file("etc/passwd", b"root");
    archive.file("usr/bin/app", &[7; 5000]).symlink("bin", "usr/bin")
}

fn upper() -> Archive {
    Archive::new().file("etc/.wh.motd", b"").file("usr/bin/app", b"new").file("etc/new file", b"1")
}

async fn registry() -> TestRegistry {
    let registry = with_accounts().spawn().await;
    registry.create_project("team", false).await;
    registry.admin().push_image("team/app", "v1", &built("amd64", "7", vec![lower(), upper()])).await;
    registry
}

async fn get(api: &Api, rest: &str) -> Reply {
    api.get(&format!("{ARTIFACTS}/{rest}")).await
}

async fn read(api: &Api, rest: &str) -> Value {
    get(api, rest).await.assert_status(200).json()
}

#[tokio::test]
async fn an_image_says_how_it_was_built_and_is_run() {
    let registry = registry().await;
    let admin = registry.admin();
    let steps = read(&admin, "v1/additions/layers").await;
    let shown: Vec<_> =
        steps.as_array().unwrap().iter().map(|s| (&s["instruction"], &s["layer"], &s["empty"])).collect();
    assert_eq!(
        json!(shown),
        json!([
            ["ADD file:1 in /", 1, false],
            ["ENV PATH=/bin", null, true],
            ["RUN make && make install", 2, false]
        ])
    );
    assert!(steps[0]["size"].as_u64().unwrap() > 5000 && steps[0]["digest"].is_string());
    let reply = get(&admin, "v1/additions/dockerfile").await.assert_status(200);
    let text = String::from_utf8(reply.body.to_vec()).unwrap();
    assert!(text.ends_with("ADD file:1 in /\nENV PATH=/bin\nRUN make \\\n    && make install\n"), "{text}");
    let config = read(&admin, "v1/additions/configuration").await;
    assert_eq!(
        (&config["user"], &config["platform"], &config["layers"]),
        (&json!("7"), &json!("linux/amd64"), &json!(2))
    );
    assert_eq!(config["healthcheck"]["retries"], 3);
    assert_eq!((&config["ports"], &config["cmd"]), (&json!(["80/tcp"]), &Value::Null));
    let manifest = admin.get("/v2/team/app/manifests/v1").await.body;
    get(&admin, "v1/additions/manifest").await.assert_status(200).assert_body(&manifest);
}

#[tokio::test]
async fn files_are_listed_searched_and_read() {
    let registry = registry().await;
    let admin = registry.admin();
    let names = |list: &Value| -> Vec<String> {
        list.as_array().unwrap().iter().map(|file| file["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&read(&admin, "v1/files").await), ["bin", "etc", "usr"]);
    let etc = read(&admin, "v1/files?path=/etc").await;
    assert_eq!(names(&etc), ["motd", "new file", "passwd"]);
    assert_eq!(etc[0]["present"], false);
    assert_eq!(
        etc[0]["changes"],
        json!([{"layer": 1, "change": "added"}, {"layer": 2, "change": "removed"}])
    );
    assert_eq!(
        (&etc[2]["mode"], &etc[2]["size"], &etc[2]["kind"]),
        (&json!("-rw-r--r--"), &json!(4), &json!("file"))
    );
    assert_eq!(names(&read(&admin, "v1/files?path=etc&layer=2").await), ["motd", "new file"]);
    assert_eq!(read(&admin, "v1/files?path=usr/bin&layer=1").await[0]["size"], 5000);
    let page = get(&admin, "v1/files?path=etc&page=2&page_size=2").await.assert_status(200);
    assert_eq!((names(&page.json()), page.header("x-total-count")), (vec!["passwd".to_owned()], "3"));
    assert_eq!(read(&admin, "v1/files/search?name=PASS").await[0]["path"], "/etc/passwd");
    get(&admin, "v1/files/content?path=/bin/app")
        .await
        .assert_status(200)
        .assert_body(b"new")
        .assert_header("content-type", "application/octet-stream")
        .assert_header("content-disposition", "attachment; filename*=UTF-8''app")
        .assert_header("x-content-type-options", "nosniff");
    let waste = read(&admin, "v1/files/waste").await;
    assert_eq!((&waste["wasted_size"], &waste["total_size"]), (&json!(5005), &json!(5013)));
    assert_eq!(waste["paths"][0]["path"], "/usr/bin/app");
    for (rest, status, code) in [
        ("v1/files?path=/nowhere", 404, "NOT_FOUND"),
        ("v1/files?layer=3", 400, "BAD_REQUEST"),
        ("v1/files?layer=0", 400, "BAD_REQUEST"),
        ("v1/files?layer=-1", 400, "BAD_REQUEST"),
        ("v1/files/search", 400, "BAD_REQUEST"),
        ("v1/files/content", 400, "BAD_REQUEST"),
        ("v1/files/content?path=/etc/motd", 404, "NOT_FOUND"),
        ("v1/files/content?path=/etc", 400, "BAD_REQUEST"),
        ("v1/files?platform=amd64", 400, "BAD_REQUEST"),
        ("v9/files", 404, "NOT_FOUND"),
    ] {
        get(&admin, rest).await.assert_error(status, code);
    }
    // What is no archive says so, and is no fault of the server.
    registry.admin().push_image("team/app", "junk", &image().build()).await;
    get(&admin, "junk/files").await.assert_error(400, "BAD_REQUEST");
}

#[tokio::test]
async fn an_index_asks_which_platform() {
    let registry = registry().await;
    let admin = registry.admin();
    let both = index(vec![built("amd64", "1", vec![lower()]), built("arm64", "2", vec![upper()])]).build();
    admin.push_image("team/app", "all", &both).await;
    for rest in ["files", "files/waste", "additions/layers", "additions/configuration", "compare?with=v1"] {
        let refused = get(&admin, &format!("all/{rest}")).await.assert_error(400, "BAD_REQUEST");
        let text = String::from_utf8(refused.body.to_vec()).unwrap();
        assert!(text.contains("linux/amd64, linux/arm64"), "{text}");
    }
    let config = read(&admin, "all/additions/configuration?platform=linux/arm64").await;
    assert_eq!(config["user"], "2");
    get(&admin, "all/files?platform=linux/mips").await.assert_error(400, "BAD_REQUEST");
    get(&admin, "all/additions/manifest").await.assert_status(200).assert_body(&both.top().bytes);
    let own = get(&admin, "all/additions/manifest?platform=linux/amd64").await.assert_status(200);
    assert_eq!(own.json()["mediaType"], media_type::MANIFEST);
}

#[tokio::test]
async fn two_images_are_compared() {
    let registry = registry().await;
    let admin = registry.admin();
    registry.create_project("other", false).await;
    let changed = Archive::new().file("etc/passwd", b"root:x").file("added", b"12");
    admin.push_image("other/app", "v2", &built("amd64", "8", vec![lower(), changed])).await;
    let compared = read(&admin, "v1/compare?with=v2&repository=other/app").await;
    assert_eq!(
        compared["configuration"],
        json!([{"part": "user", "key": null, "before": "7", "after": "8"}])
    );
    let files = &compared["files"];
    assert_eq!(
        (&files["added_total"], &files["changed_total"], &files["removed_total"]),
        (&json!(2), &json!(2), &json!(1))
    );
    assert_eq!(files["removed"][0]["path"], "/etc/new file");
    assert_eq!(compared["layers"]["shared"].as_array().unwrap().len(), 1);
    assert_eq!(compared["packages"], Value::Null);
    let same = read(&admin, "v1/compare?with=v1").await;
    assert_eq!((&same["configuration"], &same["files"]["changed_total"]), (&json!([]), &json!(0)));
}

/// What may not be known of is what is not there, also where it is the other image; and who may read what is said of an
/// artifact, but not pull it, sees nothing of what it holds.
#[tokio::test]
async fn nobody_sees_into_what_they_may_not_pull() {
    let registry = registry().await;
    registry.create_project("secret", false).await;
    registry.admin().push_image("secret/app", "v1", &built("amd64", "9", vec![lower()])).await;
    registry.create_user("guest").await;
    registry.add_member("team", "guest", role::GUEST).await;
    let guest = registry.user("guest");
    read(&guest, "v1/files").await;
    let rests = [
        "additions/layers",
        "additions/manifest",
        "files",
        "files/content?path=etc/passwd",
        "compare?with=v1",
    ];
    let shown =
        |reply: &Reply, word: &str| (reply.status, String::from_utf8_lossy(&reply.body).replace(word, "…"));
    for rest in rests {
        let at = |project: &str| format!("/api/v2.0/projects/{project}/repositories/app/artifacts/v1/{rest}");
        for api in [&guest, &*registry] {
            let (secret, absent) = (api.get(&at("secret")).await, api.get(&at("absent")).await);
            assert!(matches!(secret.status, 401 | 404), "{secret:?}");
            assert_eq!(shown(&secret, "secret"), shown(&absent, "absent"));
        }
    }
    let with = |name: &str| format!("v1/compare?with=v1&repository={name}");
    let secret = get(&guest, &with("secret/app")).await.assert_error(404, "NOT_FOUND");
    let absent = get(&guest, &with("absent/app")).await.assert_error(404, "NOT_FOUND");
    assert_eq!(shown(&secret, "secret"), shown(&absent, "absent"));
    get(&guest, "v1/compare?with=v9").await.assert_error(404, "NOT_FOUND");
    registry.add_member("secret", "guest", role::LIMITED_GUEST).await;
    read(&guest, &with("secret/app")).await;
}
