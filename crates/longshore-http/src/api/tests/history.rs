//! The way back over HTTP: what happened to tags, what was deleted, restorations, and a look at deletions.

use longshore_testkit::{Api as Client, Content, Reply, artifact, image, index};
use serde_json::{Value, json};

use super::{
    server::call,
    users::{make, start},
};

const APP: &str = "/projects/team/repositories/app";

async fn send(client: &Client, method: &str, path: &str, body: &Value) -> Reply {
    call(client, method, path).header("Content-Type", "application/json").body(body.to_string()).send().await
}

async fn get(client: &Client, path: &str) -> Value {
    call(client, "GET", path).send().await.assert_status(200).json()
}

async fn project(admin: &Client, name: &str, public: bool) {
    let body = json!({ "project_name": name, "public": public });
    send(admin, "POST", "/projects", &body).await.assert_status(201);
}

async fn member(admin: &Client, name: &str, role: i64) -> Client {
    let (_, client) = make(admin, name).await;
    let body = json!({ "role_id": role, "member_user": { "username": name } });
    send(admin, "POST", "/projects/team/members", &body).await.assert_status(201);
    client
}

async fn push(client: &Client, repository: &str, tag: &str) -> Content {
    let content = image().build();
    client.push_image(repository, tag, &content).await;
    content
}

fn column<'a>(list: &'a Value, key: &str) -> Vec<&'a str> {
    list.as_array().unwrap().iter().map(|entry| entry[key].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_tag_goes_back() {
    let (admin, _) = start().await;
    project(&admin, "team", true).await;
    let (dev, guest) = (member(&admin, "dev", 2).await, member(&admin, "guest", 3).await);
    let first = push(&admin, "team/app", "v1").await;
    let second = push(&dev, "team/app", "v1").await;

    let history = get(&guest, &format!("{APP}/tags/v1/history")).await;
    assert_eq!(column(&history, "operation"), ["move", "push"]);
    let newest = &history[0];
    assert_eq!(
        (&newest["from_digest"], &newest["to_digest"], &newest["from_available"], &newest["to_available"]),
        (&json!(first.digest()), &json!(second.digest()), &json!(true), &json!(true))
    );
    let nobody = Client::new(admin.base());
    let back = json!({ "digest": first.digest() });
    let restoration = format!("{APP}/tags/v1/restoration");
    send(&guest, "POST", &restoration, &back).await.assert_error(403, "FORBIDDEN");
    send(&nobody, "POST", &restoration, &back).await.assert_error(401, "UNAUTHORIZED");
    let restored = send(&dev, "POST", &restoration, &back).await.assert_status(200).json();
    assert_eq!(restored, back);
    assert_eq!(get(&dev, &format!("{APP}/artifacts/v1")).await["digest"], back["digest"]);
    let history = get(&dev, &format!("{APP}/tags/v1/history?page_size=1")).await;
    assert_eq!((column(&history, "operation"), column(&history, "username")), (vec!["restore"], vec!["dev"]));
    // Who did it is nothing for everybody.
    let seen = get(&nobody, &format!("{APP}/history")).await;
    assert_eq!(column(&seen, "operation"), ["restore", "move", "push"]);
    assert!(seen.as_array().unwrap().iter().all(|event| event.get("username").is_none()), "{seen}");

    let never = json!({ "digest": image().build().digest() });
    send(&dev, "POST", &restoration, &never).await.assert_error(404, "NOT_FOUND");
    send(&dev, "POST", &restoration, &json!({ "digest": "v1" })).await.assert_error(400, "BAD_REQUEST");
    send(&dev, "POST", &restoration, &json!({})).await.assert_error(409, "CONFLICT");
    let never = format!("{APP}/tags/v9/restoration");
    call(&dev, "POST", &never).header("Content-Length", "0").send().await.assert_error(404, "NOT_FOUND");
}

/// Moving a tag is a push: to make tags alone does not suffice.
#[tokio::test]
async fn who_may_only_make_tags_moves_none() {
    let (admin, _) = start().await;
    project(&admin, "team", false).await;
    let first = push(&admin, "team/app", "v1").await;
    push(&admin, "team/app", "v1").await;
    let access = json!([
        { "resource": "tag", "action": "create" }, { "resource": "tag", "action": "list" },
        { "resource": "repository", "action": "pull" },
    ]);
    let body = json!({
        "name": "tagger", "level": "project", "duration": -1,
        "permissions": [{ "kind": "project", "namespace": "team", "access": access }],
    });
    let made = send(&admin, "POST", "/robots", &body).await.assert_status(201).json();
    let robot = super::users::known(&admin, made["name"].as_str().unwrap(), made["secret"].as_str().unwrap());
    get(&robot, &format!("{APP}/tags/v1/history")).await;
    let back = json!({ "digest": first.digest() });
    let refused = send(&robot, "POST", &format!("{APP}/tags/v1/restoration"), &back).await;
    refused.assert_error(403, "FORBIDDEN");
}

#[tokio::test]
async fn what_was_deleted_is_found_and_comes_back() {
    let (admin, _) = start().await;
    project(&admin, "team", false).await;
    let content = push(&admin, "team/app", "v1").await;
    let digest = content.digest();
    let tags = format!("{APP}/artifacts/{digest}/tags");
    send(&admin, "POST", &tags, &json!({ "name": "v2" })).await.assert_status(201);
    call(&admin, "DELETE", APP).send().await.assert_status(200);
    call(&admin, "GET", APP).send().await.assert_error(404, "NOT_FOUND");

    let deleted = get(&admin, &format!("{APP}/deleted/tags")).await;
    assert_eq!(column(&deleted, "tag"), ["v2", "v1"]);
    assert_eq!(column(&deleted, "digest"), [digest.to_string(), digest.to_string()]);
    assert!(deleted[0]["restorable_until"].as_str() > deleted[0]["deleted_at"].as_str(), "{deleted}");
    let deleted = get(&admin, &format!("{APP}/deleted/artifacts")).await;
    assert_eq!(column(&deleted, "digest"), [digest.to_string()]);
    assert_eq!(deleted[0]["tags"], json!(["v1", "v2"]));

    let restore = format!("{APP}/artifacts/{digest}/restoration");
    let post = async |path: &str| call(&admin, "POST", path).header("Content-Length", "0").send().await;
    post(&restore).await.assert_status(200).assert_body(b"");
    post(&restore).await.assert_error(409, "CONFLICT");
    post(&format!("{APP}/artifacts/v1/restoration")).await.assert_error(400, "BAD_REQUEST");
    let restored = post(&format!("{APP}/tags/v1/restoration")).await.assert_status(200).json();
    assert_eq!(restored, json!({ "digest": digest }));
    assert_eq!(column(&get(&admin, &tags).await, "name"), ["v1"]);
    assert_eq!(column(&get(&admin, &format!("{APP}/deleted/tags")).await, "tag"), ["v2"]);

    let (_, outsider) = make(&admin, "outsider").await;
    for path in ["history", "deleted/tags", "deleted/artifacts", "artifacts/v1/deletion"] {
        call(&outsider, "GET", &format!("{APP}/{path}")).send().await.assert_error(404, "NOT_FOUND");
    }
}

/// A name without `/` is the library's, also when all of it is deleted.
#[tokio::test]
async fn the_librarys_repositories_come_back() {
    let (admin, _) = start().await;
    push(&admin, "alpine", "v1").await;
    let alpine = "/projects/library/repositories/alpine";
    call(&admin, "DELETE", alpine).send().await.assert_status(200);
    assert_eq!(column(&get(&admin, &format!("{alpine}/deleted/tags")).await, "tag"), ["v1"]);
    send(&admin, "POST", &format!("{alpine}/tags/v1/restoration"), &json!({})).await.assert_status(200);
    admin.get("/v2/alpine/manifests/v1").await.assert_status(200);
}

#[tokio::test]
async fn lists_go_on_by_their_links() {
    let (admin, _) = start().await;
    project(&admin, "team", false).await;
    for tag in ["a", "b", "c"] {
        let content = push(&admin, "team/app", tag).await;
        let path = format!("{APP}/artifacts/{}", content.digest());
        call(&admin, "DELETE", &path).send().await.assert_status(200);
    }
    for (list, key, wanted) in [
        ("history", "tag", vec!["c", "c", "b", "b", "a", "a"]),
        ("deleted/tags", "tag", vec!["c", "b", "a"]),
        ("deleted/artifacts", "tags", vec!["c", "b", "a"]),
    ] {
        let mut found = Vec::new();
        let mut next = Some(format!("/api/v2.0{APP}/{list}?page_size=2"));
        while let Some(path) = next {
            let reply = admin.get(&path).await.assert_status(200);
            let page = reply.json();
            assert!(page.as_array().unwrap().len() <= 2, "{page}");
            for entry in page.as_array().unwrap() {
                let name = if key == "tags" { &entry["tags"][0] } else { &entry["tag"] };
                found.push(name.as_str().unwrap().to_owned());
            }
            next = reply.next_link();
        }
        assert_eq!(found, wanted, "{list}");
        let wrong = format!("{APP}/{list}?before=yesterday");
        call(&admin, "GET", &wrong).send().await.assert_error(400, "BAD_REQUEST");
        let wrong = format!("{APP}/{list}?page_size=x");
        call(&admin, "GET", &wrong).send().await.assert_error(400, "BAD_REQUEST");
    }
}

#[tokio::test]
async fn a_deletion_is_looked_at() {
    let (admin, _) = start().await;
    project(&admin, "team", false).await;
    let children = ["linux/amd64", "linux/arm64"].map(|platform| image().platform(platform).build());
    let all = index(children.to_vec()).build();
    admin.push_image("team/app", "all", &all).await;
    let signature = artifact("application/vnd.cncf.notary.signature").subject(all.top().descriptor()).build();
    admin.push_image("team/app", &signature.digest().to_string(), &signature).await;

    let seen = get(&admin, &format!("{APP}/artifacts/all/deletion")).await;
    assert_eq!((&seen["digest"], &seen["tags"]), (&json!(all.digest()), &json!(["all"])));
    let mut found = column(&seen["children"], "digest");
    found.sort_unstable();
    let mut wanted = children.clone().map(|child| child.digest().to_string());
    wanted.sort_unstable();
    assert_eq!(found, wanted);
    assert_eq!(column(&seen["referrers"], "digest"), [signature.digest().to_string()]);
    assert_eq!(seen["referrers"][0]["artifact_type"], "application/vnd.cncf.notary.signature");
    let mut parts: Vec<_> = [&all, &signature]
        .into_iter()
        .flat_map(|content| content.blobs.iter().chain(&content.manifests))
        .map(|blob| (blob.digest, blob.bytes.len()))
        .collect();
    parts.sort_unstable();
    parts.dedup();
    let bytes: usize = parts.iter().map(|(_, size)| size).sum();
    assert_eq!((&seen["bytes_freed"], &seen["complete"]), (&json!(bytes), &json!(true)));
    assert!(seen.get("index").is_none());

    let child = get(&admin, &format!("{APP}/artifacts/{}/deletion", children[0].digest())).await;
    assert_eq!(child["index"], json!(all.digest()));
    call(&admin, "GET", &format!("{APP}/artifacts/none/deletion"))
        .send()
        .await
        .assert_error(404, "NOT_FOUND");
}
