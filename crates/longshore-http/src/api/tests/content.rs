//! Repositories, artifacts, tags, labels, search and statistics over HTTP, as Harbor's clients call them.

use longshore_testkit::{Api as Client, Content, Reply, artifact, eventually, image, index};
use serde_json::{Value, json};

use super::{
    server::{call, status},
    users::{make, start},
};

async fn send(client: &Client, method: &str, path: &str, body: &Value) -> Reply {
    call(client, method, path).header("Content-Type", "application/json").body(body.to_string()).send().await
}

async fn get(client: &Client, path: &str) -> Value {
    call(client, "GET", path).send().await.assert_status(200).json()
}

/// Makes a project of the administrator's.
async fn project(admin: &Client, name: &str, public: bool) -> i64 {
    let body = json!({ "project_name": name, "public": public });
    let made = send(admin, "POST", "/projects", &body).await.assert_status(201);
    made.location().rsplit('/').next().unwrap().parse().unwrap()
}

/// Gives a user a role in a project.
async fn member(admin: &Client, project: &str, user: &str, role: i64) {
    let body = json!({ "role_id": role, "member_user": { "username": user } });
    send(admin, "POST", &format!("/projects/{project}/members"), &body).await.assert_status(201);
}

fn names(list: &Value, key: &str) -> Vec<String> {
    list.as_array().unwrap().iter().map(|entry| entry[key].as_str().unwrap().to_owned()).collect()
}

async fn push(client: &Client, repository: &str, tag: &str) -> Content {
    let content = image().build();
    client.push_image(repository, tag, &content).await;
    content
}

#[tokio::test]
async fn repositories_have_harbors_forms() {
    let (admin, _) = start().await;
    let id = project(&admin, "team", false).await;
    project(&admin, "open", true).await;
    for repository in ["team/app", "team/sub/tool", "open/tool", "alpine"] {
        push(&admin, repository, "v1").await;
    }
    let (_, ann) = make(&admin, "ann").await;
    let (_, bob) = make(&admin, "bob").await;
    member(&admin, "team", "ann", 3).await;

    let reply =
        call(&admin, "GET", "/projects/team/repositories?page_size=1").send().await.assert_status(200);
    assert_eq!(
        (reply.header("x-total-count"), names(&reply.json(), "name")),
        ("2", vec!["team/sub/tool".to_owned()])
    );
    assert!(reply.header("link").contains("page=2&page_size=1"));
    let sorted = get(&admin, "/projects/team/repositories?sort=name&q=name%3D~app").await;
    assert_eq!(names(&sorted, "name"), ["team/app"]);
    for (client, wanted) in [
        (&ann, vec!["alpine", "open/tool", "team/app", "team/sub/tool"]),
        (&bob, vec!["alpine", "open/tool"]),
        (&admin, vec!["alpine", "open/tool", "team/app", "team/sub/tool"]),
    ] {
        assert_eq!(names(&get(client, "/repositories?sort=name").await, "name"), wanted);
    }
    let nobody = Client::new(admin.base());
    assert_eq!(names(&get(&nobody, "/repositories").await, "name"), ["alpine", "open/tool"]);
    call(&bob, "GET", "/projects/team/repositories").send().await.assert_error(404, "NOT_FOUND");
    call(&nobody, "GET", "/projects/team/repositories").send().await.assert_error(401, "UNAUTHORIZED");

    // Slashes come encoded once or twice.
    for path in ["/projects/team/repositories/sub%252Ftool", "/projects/team/repositories/sub%2Ftool"] {
        let shown = get(&ann, path).await;
        assert_eq!((&shown["name"], &shown["project_id"]), (&json!("team/sub/tool"), &json!(id)));
        assert_eq!((&shown["artifact_count"], &shown["pull_count"]), (&json!(1), &json!(0)));
        call(&bob, "GET", path).send().await.assert_error(404, "NOT_FOUND");
    }
    // Those without a project in their name are the library's.
    assert_eq!(get(&admin, "/projects/library/repositories/alpine").await["name"], "alpine");
    let described = json!({ "description": "a tool" });
    let path = "/projects/team/repositories/app";
    send(&ann, "PUT", path, &described).await.assert_error(403, "FORBIDDEN");
    send(&admin, "PUT", path, &described).await.assert_status(200).assert_body(b"");
    assert_eq!(get(&ann, path).await["description"], "a tool");

    assert_eq!(status(&ann, "DELETE", path).await, 403);
    call(&admin, "DELETE", path).send().await.assert_status(200).assert_body(b"");
    call(&admin, "DELETE", path).send().await.assert_error(404, "NOT_FOUND");
    call(&admin, "GET", path).send().await.assert_error(404, "NOT_FOUND");
}

/// Rights are those of the innermost project, whatever part of the name a client takes for the project.
#[tokio::test]
async fn the_innermost_project_decides() {
    let (admin, _) = start().await;
    project(&admin, "team", false).await;
    let inner = project(&admin, "team/sub", false).await;
    push(&admin, "team/sub/app", "v1").await;
    let (_, ann) = make(&admin, "ann").await;
    member(&admin, "team", "ann", 4).await;
    member(&admin, "team%2Fsub", "ann", 3).await;
    for path in ["/projects/team%2Fsub/repositories/app", "/projects/team/repositories/sub%252Fapp"] {
        assert_eq!(get(&ann, path).await["project_id"], inner);
        call(&ann, "DELETE", path).send().await.assert_error(403, "FORBIDDEN");
    }
}

#[tokio::test]
async fn artifacts_have_harbors_forms() {
    let (admin, _) = start().await;
    project(&admin, "team", false).await;
    let first = push(&admin, "team/app", "v1").await;
    let all =
        index(vec![image().platform("linux/amd64").build(), image().platform("linux/arm64").build()]).build();
    admin.push_image("team/app", "all", &all).await;
    let signature =
        artifact("application/vnd.cncf.notary.signature").subject(first.top().descriptor()).build();
    admin.push_image("team/app", &signature.digest().to_string(), &signature).await;

    let base = "/projects/team/repositories/app/artifacts";
    let reply = call(&admin, "GET", base).send().await.assert_status(200);
    assert_eq!(reply.header("x-total-count"), "2");
    let listed = reply.json();
    let (shown, single) = (&listed[0], &listed[1]);
    assert_eq!((&shown["type"], &shown["digest"]), (&json!("IMAGE"), &json!(all.digest())));
    assert_eq!(shown["references"].as_array().unwrap().len(), 2);
    assert_eq!(shown["references"][1]["platform"]["architecture"], "arm64");
    assert_eq!(shown["manifest_media_type"], "application/vnd.oci.image.index.v1+json");
    assert_eq!(single["extra_attrs"]["os"], "linux");
    assert_eq!(single["media_type"], "application/vnd.oci.image.config.v1+json");
    let size: usize = first.blobs.iter().chain(&first.manifests).map(|blob| blob.bytes.len()).sum();
    assert_eq!(single["size"], size);
    assert_eq!(single["pull_time"], "0001-01-01T00:00:00.000Z");
    let tag = &single["tags"][0];
    assert_eq!(
        (&tag["name"], &tag["immutable"], &tag["artifact_id"]),
        (&json!("v1"), &json!(false), &single["id"])
    );
    let accessory = &single["accessories"][0];
    assert_eq!(
        (&accessory["type"], &accessory["digest"]),
        (&json!("signature.notation"), &json!(signature.digest()))
    );
    assert_eq!(accessory["subject_artifact_digest"], json!(first.digest()));
    let bare = get(&admin, &format!("{base}/v1?with_tag=false&with_accessory=false")).await;
    assert_eq!(
        (&bare["tags"], &bare["accessories"], &bare["labels"]),
        (&Value::Null, &Value::Null, &Value::Null)
    );
    assert_eq!(get(&admin, &format!("{base}/{}", first.digest())).await["id"], single["id"]);
    assert_eq!(get(&admin, &format!("{base}/v1/accessories")).await.as_array().unwrap().len(), 1);

    let count = async |query: &str| get(&admin, &format!("{base}?q={query}")).await.as_array().unwrap().len();
    for (query, wanted) in [
        ("tags%3D*", 2),
        ("tags%3Dnil", 0),
        ("tags%3Dv1", 1),
        ("tags%3D~al", 1),
        ("type%3DIMAGE", 2),
        ("type%3DCHART", 0),
        ("base%3D*", 5),
        ("manifest_media_type%3D~index", 1),
        ("digest%3Dnonsense", 0),
    ] {
        assert_eq!(count(query).await, wanted, "{query}");
    }
    call(&admin, "GET", &format!("{base}?q=labels%3Dx")).send().await.assert_error(400, "BAD_REQUEST");
    call(&admin, "GET", &format!("{base}/none")).send().await.assert_error(404, "NOT_FOUND");
    call(&admin, "GET", &format!("{base}/Bad:Ref")).send().await.assert_error(404, "NOT_FOUND");

    let link = single["addition_links"]["build_history"]["href"].as_str().unwrap();
    let history = admin.get(link).await.assert_status(200).json();
    assert!(history.is_array(), "{history}");
    call(&admin, "GET", &format!("{base}/all/additions/build_history"))
        .send()
        .await
        .assert_error(400, "BAD_REQUEST");
    call(&admin, "GET", &format!("{base}/v1/additions/sbom")).send().await.assert_error(400, "BAD_REQUEST");
    assert_eq!(get(&admin, &format!("{base}/v1/additions/vulnerabilities")).await, json!({}));

    let child = all.manifests[0].digest;
    call(&admin, "DELETE", &format!("{base}/{child}")).send().await.assert_error(412, "PRECONDITION");
    call(&admin, "DELETE", &format!("{base}/all")).send().await.assert_status(200).assert_body(b"");
    call(&admin, "GET", &format!("{base}/all")).send().await.assert_error(404, "NOT_FOUND");
    assert_eq!(get(&admin, base).await.as_array().unwrap().len(), 1, "children go with their index");
}

#[tokio::test]
async fn tags_and_copies() {
    let (admin, _) = start().await;
    for name in ["team", "other"] {
        project(&admin, name, false).await;
    }
    let content = push(&admin, "team/app", "v1").await;
    let (_, dev) = make(&admin, "dev").await;
    member(&admin, "team", "dev", 2).await;
    let (_, outsider) = make(&admin, "outsider").await;
    member(&admin, "other", "outsider", 1).await;

    let tags = format!("/projects/team/repositories/app/artifacts/{}/tags", content.digest());
    send(&dev, "POST", &tags, &json!({ "name": "v2" })).await.assert_status(201).assert_body(b"");
    send(&dev, "POST", &tags, &json!({ "name": "v2" })).await.assert_error(409, "CONFLICT");
    send(&dev, "POST", &tags, &json!({ "name": "no tag" })).await.assert_error(400, "BAD_REQUEST");
    assert_eq!(names(&get(&dev, &format!("{tags}?sort=name")).await, "name"), ["v1", "v2"]);
    assert_eq!(names(&get(&dev, &format!("{tags}?q=name%3Dv2")).await, "name"), ["v2"]);
    call(&dev, "DELETE", &format!("{tags}/v2")).send().await.assert_error(403, "FORBIDDEN");
    call(&admin, "DELETE", &format!("{tags}/v2")).send().await.assert_status(200).assert_body(b"");
    call(&admin, "DELETE", &format!("{tags}/v2")).send().await.assert_error(404, "NOT_FOUND");

    let copy = async |client: &Client, from: &str| {
        let path = format!("/projects/other/repositories/sub%252Fcopy/artifacts?from={from}");
        call(client, "POST", &path).send().await
    };
    let copied = copy(&admin, "team/app:v1").await.assert_status(201).assert_body(b"");
    assert!(copied.location().ends_with("/artifacts/v1"), "{}", copied.location());
    copy(&admin, &format!("team/app@{}", content.digest())).await.assert_status(201);
    let path = "/projects/other/repositories/sub%252Fcopy/artifacts/v1";
    assert_eq!(get(&admin, path).await["digest"], json!(content.digest()));
    // What one may not pull is as what is not there.
    let hidden = copy(&outsider, "team/app:v1").await.assert_error(404, "NOT_FOUND");
    let missing = copy(&outsider, "none/app:v1").await.assert_error(404, "NOT_FOUND");
    let shape =
        |reply: &Reply| String::from_utf8_lossy(&reply.body).replace("team", "x").replace("none", "x");
    assert_eq!(shape(&hidden), shape(&missing));
    copy(&dev, "team/app:v1").await.assert_error(404, "NOT_FOUND");
    copy(&admin, "nonsense").await.assert_error(400, "BAD_REQUEST");
}

#[tokio::test]
async fn labels_have_harbors_forms() {
    let (admin, _) = start().await;
    let team = project(&admin, "team", false).await;
    let other = project(&admin, "other", false).await;
    push(&admin, "team/app", "v1").await;
    let (_, dev) = make(&admin, "dev").await;
    member(&admin, "team", "dev", 2).await;
    let (_, outsider) = make(&admin, "outsider").await;
    let body = |name: &str, scope: &str, project: i64| {
        json!({
            "name": name, "description": "d", "color": "#0065ab", "scope": scope, "project_id": project,
        })
    };
    let make = async |client: &Client, body: &Value| send(client, "POST", "/labels", body).await;
    let global = make(&admin, &body("global", "g", 0)).await.assert_status(201).location();
    let global = global.strip_prefix("/api/v2.0").unwrap();
    make(&admin, &body("global", "g", 0)).await.assert_error(409, "CONFLICT");
    make(&dev, &body("mine", "g", 0)).await.assert_error(403, "FORBIDDEN");
    make(&dev, &body("mine", "p", team)).await.assert_error(403, "FORBIDDEN");
    make(&outsider, &body("mine", "p", team)).await.assert_error(404, "NOT_FOUND");
    make(&admin, &body("", "g", 0)).await.assert_error(400, "BAD_REQUEST");
    make(&admin, &body("x", "z", 0)).await.assert_error(400, "BAD_REQUEST");
    let own = make(&admin, &body("own", "p", team)).await.assert_status(201).location();
    let own = own.strip_prefix("/api/v2.0").unwrap();
    let foreign = make(&admin, &body("foreign", "p", other)).await.assert_status(201).location();

    let shown = get(&dev, own).await;
    let wanted = json!({
        "id": shown["id"], "name": "own", "description": "d", "color": "#0065ab", "scope": "p", "project_id": team,
        "creation_time": shown["creation_time"], "update_time": shown["update_time"],
    });
    assert_eq!(shown, wanted);
    call(&outsider, "GET", own).send().await.assert_error(404, "NOT_FOUND");
    let nobody = Client::new(admin.base());
    call(&nobody, "GET", own).send().await.assert_error(401, "UNAUTHORIZED");
    assert_eq!(names(&get(&dev, "/labels?scope=g&name=glo").await, "name"), ["global"]);
    assert_eq!(names(&get(&dev, &format!("/labels?scope=p&project_id={team}")).await, "name"), ["own"]);
    call(&dev, "GET", "/labels?scope=p").send().await.assert_error(400, "BAD_REQUEST");

    let labels = "/projects/team/repositories/app/artifacts/v1/labels";
    let number = |location: &str| location.rsplit('/').next().unwrap().parse::<i64>().unwrap();
    for label in [global, own] {
        send(&dev, "POST", labels, &json!({ "id": number(label) })).await.assert_status(200).assert_body(b"");
    }
    send(&dev, "POST", labels, &json!({ "id": number(own) })).await.assert_error(409, "CONFLICT");
    send(&dev, "POST", labels, &json!({ "id": number(&foreign) })).await.assert_error(404, "NOT_FOUND");
    let artifact = get(&dev, "/projects/team/repositories/app/artifacts/v1?with_label=true").await;
    assert_eq!(names(&artifact["labels"], "name"), ["global", "own"]);
    let by_label = format!(
        "/projects/team/repositories/app/artifacts?q=labels%3D({}%20{})",
        number(global),
        number(own)
    );
    assert_eq!(get(&dev, &by_label).await.as_array().unwrap().len(), 1);
    call(&dev, "DELETE", &format!("{labels}/{}", number(global))).send().await.assert_status(200);
    call(&dev, "DELETE", &format!("{labels}/{}", number(global))).send().await.assert_error(404, "NOT_FOUND");

    send(&admin, "PUT", own, &body("renamed", "p", team)).await.assert_status(200).assert_body(b"");
    assert_eq!(get(&dev, own).await["name"], "renamed");
    call(&dev, "DELETE", own).send().await.assert_error(403, "FORBIDDEN");
    call(&admin, "DELETE", own).send().await.assert_status(200).assert_body(b"");
    call(&admin, "GET", own).send().await.assert_error(404, "NOT_FOUND");
}

#[tokio::test]
async fn pulls_search_statistics_and_volumes() {
    let (admin, _) = start().await;
    project(&admin, "team", false).await;
    project(&admin, "open-tools", true).await;
    let content = push(&admin, "team/app", "v1").await;
    push(&admin, "open-tools/app", "v1").await;
    let (_, ann) = make(&admin, "ann").await;

    let manifest = format!("/v2/team/app/manifests/{}", content.digest());
    admin.head(&manifest).await.assert_status(200);
    admin.head(&manifest).await.assert_status(200);
    admin.get(&manifest).await.assert_status(200);
    admin.get("/v2/team/app/manifests/v1").await.assert_status(200);
    eventually("two pulls", || async {
        let shown = get(&admin, "/projects/team/repositories/app").await;
        (shown["pull_count"] == 2).then_some(())
    })
    .await;
    let artifact = get(&admin, "/projects/team/repositories/app/artifacts/v1").await;
    assert_ne!(artifact["pull_time"], "0001-01-01T00:00:00.000Z");
    assert_eq!(
        names(&get(&admin, "/repositories?sort=-pull_count").await, "name"),
        ["team/app", "open-tools/app"]
    );

    let found = get(&admin, "/search?q=app").await;
    assert_eq!(names(&found["repository"], "repository_name"), ["open-tools/app", "team/app"]);
    assert_eq!(found["project"], json!([]));
    let found = get(&ann, "/search?q=t").await;
    assert_eq!(names(&found["repository"], "repository_name"), ["open-tools/app"]);
    assert_eq!(names(&found["project"], "name"), ["open-tools"]);
    let entry = &found["repository"][0];
    assert_eq!((&entry["project_public"], &entry["artifact_count"]), (&json!(true), &json!(1)));

    let counted = get(&admin, "/statistics").await;
    let projects = counted["public_project_count"].as_u64().unwrap() + 1;
    assert_eq!(
        (&counted["private_project_count"], &counted["total_project_count"]),
        (&json!(1), &json!(projects))
    );
    assert_eq!((&counted["private_repo_count"], &counted["total_repo_count"]), (&json!(1), &json!(2)));
    assert!(counted["total_storage_consumption"].as_u64().is_some_and(|bytes| bytes > 512), "{counted}");
    let counted = get(&ann, "/statistics").await;
    assert_eq!((&counted["private_repo_count"], &counted["public_repo_count"]), (&json!(0), &json!(1)));
    assert_eq!((&counted["total_repo_count"], &counted["total_storage_consumption"]), (&json!(0), &json!(0)));

    assert!(get(&admin, "/systeminfo/volumes").await["storage"].is_array());
    assert_eq!(status(&ann, "GET", "/systeminfo/volumes").await, 403);
    call(&admin, "GET", "/systeminfo/getcert").send().await.assert_error(404, "NOT_FOUND");
    let health = get(&ann, "/health").await;
    assert_eq!(names(&health["components"], "name"), ["core", "database", "registry"]);
}
