//! Projects, members and roles over HTTP, as Harbor's clients call them.

use longshore_testkit::{Api as Client, Reply};
use serde_json::{Value, json};

use super::{
    server::{call, status},
    users::{make, start},
};

pub(super) async fn send(client: &Client, method: &str, path: &str, body: Value) -> Reply {
    call(client, method, path).header("Content-Type", "application/json").body(body.to_string()).send().await
}

pub(super) async fn get(client: &Client, path: &str) -> Value {
    call(client, "GET", path).send().await.assert_status(200).json()
}

/// The names in a listing.
async fn names(client: &Client, path: &str) -> Vec<String> {
    let entries = get(client, path).await;
    entries.as_array().unwrap().iter().map(|entry| entry["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn the_lines_of_harbors_guides_work() {
    let (admin, _) = start().await;
    make(&admin, "ann").await;
    let body = json!({ "project_name": "my-project", "public": false });
    let created = send(&admin, "POST", "/projects", body.clone()).await.assert_status(201).assert_body(b"");
    assert_eq!(created.location(), "/api/v2.0/projects/2");
    send(&admin, "POST", "/projects", body).await.assert_error(409, "CONFLICT");
    let body = json!({ "role_id": 1, "member_user": { "username": "ann" } });
    let member = send(&admin, "POST", "/projects/my-project/members", body.clone()).await;
    let location = member.assert_status(201).location();
    let id = location.strip_prefix("/api/v2.0/projects/my-project/members/").unwrap();
    let path = format!("/projects/2/members/{id}");
    send(&admin, "POST", "/projects/my-project/members", body).await.assert_error(409, "CONFLICT");
    let body = json!({ "role_id": 77, "member_user": { "username": "ann" } });
    send(&admin, "POST", "/projects/2/members", body).await.assert_error(400, "BAD_REQUEST");
    let members = get(&admin, "/projects/2/members?entityname=an").await;
    let wanted = json!([{
        "id": id.parse::<i64>().unwrap(), "project_id": 2, "entity_name": "ann", "role_name": "projectAdmin",
        "role_id": 1, "entity_id": 2, "entity_type": "u",
    }]);
    assert_eq!(members, wanted);
    let put = send(&admin, "PUT", &path, json!({ "role_id": 4 })).await;
    put.assert_status(200).assert_body(b"");
    assert_eq!(get(&admin, &path).await["role_name"], "maintainer");
    call(&admin, "DELETE", &path).send().await.assert_status(200).assert_body(b"");
    call(&admin, "GET", &path).send().await.assert_error(404, "NOT_FOUND");
    let deleted = call(&admin, "DELETE", "/projects/my-project").send().await;
    deleted.assert_status(200).assert_body(b"");
    assert_eq!(status(&admin, "GET", "/projects/my-project").await, 404);
}

/// What terraform-provider-harbor 3.9 sends.
#[tokio::test]
async fn projects_of_terraform() {
    let (admin, _) = start().await;
    let body = json!({
        "project_name": "team", "registry_id": null, "storage_limit": 1_073_741_824_u64, "cve_allowlist": {},
        "metadata": {
            "auto_scan": "true", "enable_content_trust": "false", "enable_content_trust_cosign": "false",
            "prevent_vul": "true", "public": "true", "severity": "high", "proxy_speed_kb": "-1",
            "auto_sbom_generation": "false", "reuse_sys_cve_allowlist": "true", "unheard_of": "x",
        },
    });
    let id = send(&admin, "POST", "/projects", body).await.assert_status(201).location();
    let path = id.strip_prefix("/api/v2.0").unwrap();
    let shown = get(&admin, path).await;
    assert!(shown.get("registry_id").is_none(), "{shown}");
    assert_eq!((&shown["name"], &shown["owner_name"]), (&json!("team"), &json!("admin")));
    assert_eq!(
        (&shown["metadata"]["public"], &shown["metadata"]["proxy_speed_kb"]),
        (&json!("true"), &json!("-1"))
    );
    assert_eq!(shown["metadata"].get("unheard_of"), None);
    assert_eq!((&shown["current_user_role_id"], &shown["current_user_role_ids"]), (&json!(1), &json!([1])));
    assert_eq!((&shown["repo_count"], &shown["cve_allowlist"]["items"]), (&json!(0), &json!([])));
    let summary = get(&admin, &format!("{path}/summary")).await;
    assert_eq!(summary["quota"]["hard"]["storage"], 1_073_741_824_u64);
    assert_eq!(summary["project_admin_count"], 1);

    let update = json!({
        "project_name": "team", "metadata": { "public": "false", "severity": "low" },
        "cve_allowlist": { "items": [{ "cve_id": "CVE-2021-44228" }], "expires_at": 1_900_000_000 },
    });
    send(&admin, "PUT", path, update).await.assert_status(200).assert_body(b"");
    let shown = get(&admin, path).await;
    assert_eq!(
        (&shown["metadata"]["public"], &shown["metadata"]["auto_scan"]),
        (&json!("false"), &json!("true"))
    );
    let items = json!([{ "cve_id": "CVE-2021-44228" }]);
    assert_eq!(
        (&shown["cve_allowlist"]["items"], &shown["cve_allowlist"]["expires_at"]),
        (&items, &json!(1_900_000_000))
    );
    assert_eq!(shown["metadata"].get("cve_allowlist"), None);
    for bad in [
        json!({}),
        json!({ "project_name": "" }),
        json!({ "project_name": "Team" }),
        json!({ "project_name": "a b" }),
        json!({ "project_name": "x", "metadata": { "public": "maybe" } }),
        json!({ "project_name": "x", "registry_id": 7 }),
    ] {
        send(&admin, "POST", "/projects", bad).await.assert_error(400, "BAD_REQUEST");
    }
}

#[tokio::test]
async fn projects_lie_in_projects() {
    let (admin, _) = start().await;
    let body = json!({ "project_name": "team", "metadata": { "public": "true", "severity": "high" } });
    send(&admin, "POST", "/projects", body).await.assert_status(201);
    let create = call(&admin, "POST", "/projects").header("X-Resource-Name-In-Location", "true");
    let created = create.body(json!({ "project_name": "team/sub" }).to_string()).send().await;
    assert_eq!(created.assert_status(201).location(), "/api/v2.0/projects/team%2Fsub");
    let shown = get(&admin, "/projects/team%252Fsub").await;
    assert_eq!(shown["metadata"], json!({ "public": "true", "severity": "high" }));
    assert_eq!(shown["inherited_metadata"], json!({ "public": "team", "severity": "team" }));
    send(&admin, "POST", "/projects", json!({ "project_name": "none/sub" }))
        .await
        .assert_error(404, "NOT_FOUND");
    let refused = call(&admin, "DELETE", "/projects/team").send().await.assert_error(412, "PRECONDITION");
    assert!(String::from_utf8_lossy(&refused.body).contains("projects"));
    let deletable = get(&admin, "/projects/team/_deletable").await;
    assert_eq!(deletable["deletable"], false);
    assert_eq!(get(&admin, "/projects/team%2Fsub/_deletable").await, json!({ "deletable": true }));
    call(&admin, "DELETE", "/projects/team%2Fsub").send().await.assert_status(200);
    call(&admin, "DELETE", "/projects/team").send().await.assert_status(200);
}

#[tokio::test]
async fn lists_are_filtered_and_nothing_is_told_of_what_is_hidden() {
    let (admin, _) = start().await;
    let (_, ann) = make(&admin, "ann").await;
    let nobody = Client::new(admin.base());
    for (name, public) in [("open", true), ("secret-a", false), ("secret-b", false)] {
        let body = json!({ "project_name": name, "public": public });
        send(&admin, "POST", "/projects", body).await.assert_status(201);
    }
    send(&ann, "POST", "/projects", json!({ "project_name": "mine" })).await.assert_status(201);
    assert_eq!(names(&admin, "/projects").await, ["library", "mine", "open", "secret-a", "secret-b"]);
    assert_eq!(names(&ann, "/projects").await, ["library", "mine", "open"]);
    assert_eq!(names(&nobody, "/projects").await, ["library", "open"]);
    assert_eq!(names(&admin, "/projects?name=secret").await, ["secret-a", "secret-b"]);
    assert_eq!(names(&admin, "/projects?q=name%3D~secret&sort=-name").await, ["secret-b", "secret-a"]);
    assert_eq!(names(&admin, "/projects?q=name=open").await, ["open"]);
    assert_eq!(names(&admin, "/projects?public=true").await, ["library", "open"]);
    assert_eq!(names(&ann, "/projects?public=false").await, ["mine"]);
    assert_eq!(names(&admin, "/projects?owner=ann&with_detail=true").await, ["mine"]);
    assert_eq!(names(&admin, "/projects?owner=none").await, [] as [&str; 0]);
    assert_eq!(names(&admin, "/projects?q=owner_id=2").await, ["mine"]);
    assert_eq!(names(&admin, "/projects?sort=-project_id&page_size=2&page=2").await, ["secret-a", "open"]);
    let page = call(&ann, "GET", "/projects?page_size=2").send().await.assert_header("x-total-count", "3");
    assert!(page.header("link").contains("page=2"));
    assert_eq!(names(&ann, "/projects?page_size=2&page=2").await, ["open"]);
    assert_eq!(names(&ann, "/projects?page=9").await, [] as [&str; 0]);
    call(&admin, "GET", "/projects?q=public=maybe").send().await.assert_error(400, "BAD_REQUEST");

    let head = async |client: &Client, name: &str| {
        status(client, "HEAD", &format!("/projects?project_name={name}")).await
    };
    assert_eq!((head(&ann, "mine").await, head(&ann, "open").await), (200, 200));
    assert_eq!(
        (head(&ann, "secret-a").await, head(&ann, "none").await, head(&ann, "No").await),
        (404, 404, 404)
    );
    assert_eq!((head(&nobody, "open").await, head(&admin, "secret-a").await), (401, 200));

    // The same for what is hidden and what is not there.
    let other = json!({ "role_id": 1, "member_user": { "username": "ann" } });
    for (method, below, body) in [
        ("GET", "", Value::Null),
        ("PUT", "", json!({ "public": true })),
        ("DELETE", "", Value::Null),
        ("GET", "/summary", Value::Null),
        ("GET", "/members", Value::Null),
        ("POST", "/members", other),
        ("GET", "/metadatas/public", Value::Null),
        ("GET", "/robots", Value::Null),
    ] {
        let hidden = send(&ann, method, &format!("/projects/secret-a{below}"), body.clone()).await;
        let absent = send(&ann, method, &format!("/projects/nothing{below}"), body).await;
        let text = |reply: &Reply| String::from_utf8_lossy(&reply.body).replace("nothing", "secret-a");
        assert_eq!((hidden.status, text(&hidden)), (404, text(&absent)), "{method} {below}");
    }
    let create = async |name: &str| send(&ann, "POST", "/projects", json!({ "project_name": name })).await;
    let (hidden, absent) = (create("secret-a/x").await, create("nothing/x").await);
    assert_eq!((hidden.status, absent.status), (404, 404));
}

#[tokio::test]
async fn settings_are_read_and_changed_one_by_one() {
    let (admin, _) = start().await;
    let (_, ann) = make(&admin, "ann").await;
    send(&ann, "POST", "/projects", json!({ "project_name": "team" })).await.assert_status(201);
    let path = "/projects/team/metadatas";
    assert_eq!(get(&ann, path).await, json!({ "public": "false" }));
    let created = send(&ann, "POST", path, json!({ "auto_scan": "true" })).await.assert_status(201);
    assert_eq!(created.location(), "/api/v2.0/projects/team/metadatas/auto_scan");
    send(&ann, "POST", path, json!({ "auto_scan": "true" })).await.assert_error(409, "CONFLICT");
    send(&ann, "POST", path, json!({ "unheard_of": "true" })).await.assert_error(400, "BAD_REQUEST");
    send(&ann, "POST", path, json!({ "severity": "low", "public": "true" }))
        .await
        .assert_error(400, "BAD_REQUEST");
    let one = "/projects/team/metadatas/auto_scan";
    assert_eq!(get(&ann, one).await, json!({ "auto_scan": "true" }));
    send(&ann, "PUT", one, json!({ "auto_scan": "false" })).await.assert_status(200).assert_body(b"");
    send(&ann, "PUT", one, json!({ "public": "true" })).await.assert_error(400, "BAD_REQUEST");
    assert_eq!(get(&ann, one).await, json!({ "auto_scan": "false" }));
    call(&ann, "DELETE", one).send().await.assert_status(200).assert_body(b"");
    call(&ann, "GET", one).send().await.assert_error(404, "NOT_FOUND");
    call(&ann, "DELETE", one).send().await.assert_error(404, "NOT_FOUND");
}

#[tokio::test]
async fn members_may_be_groups_and_of_some_repositories() {
    let (admin, _) = start().await;
    make(&admin, "ann").await;
    send(&admin, "POST", "/projects", json!({ "project_name": "team" })).await.assert_status(201);
    let add = async |body: Value| send(&admin, "POST", "/projects/team/members", body).await;
    // Terraform sends the other one empty.
    let body = json!({ "role_id": 2, "member_user": { "user_id": 2 }, "member_group": {} });
    add(body).await.assert_status(201);
    let group = json!({ "group_name": "devs", "group_type": 3 });
    add(json!({ "role_id": 3, "member_group": group, "member_user": {} })).await.assert_status(201);
    add(json!({ "role_id": 3, "member_group": group })).await.assert_error(409, "CONFLICT");
    let directory = json!({ "ldap_group_dn": "cn=devs,dc=example", "group_type": 1 });
    add(json!({ "role_id": 5, "member_group": directory })).await.assert_status(201);
    for bad in [
        json!({ "role_id": 3 }),
        json!({ "role_id": 3, "member_user": {}, "member_group": {} }),
        json!({ "role_id": 3, "member_group": { "group_name": "devs" } }),
        json!({ "role_id": 3, "member_group": { "group_name": "devs", "group_type": 1 } }),
        json!({ "role_id": 3, "member_user": { "user_id": 2 }, "repositories": "{" }),
        json!({ "member_user": { "user_id": 2 } }),
    ] {
        add(bad).await.assert_error(400, "BAD_REQUEST");
    }
    add(json!({ "role_id": 3, "member_user": { "username": "none" } })).await.assert_error(404, "NOT_FOUND");
    let some = json!({ "role_id": 4, "member_user": { "username": "ann" }, "repositories": "app/**" });
    add(some).await.assert_status(201);
    let members = get(&admin, "/projects/team/members").await;
    let shown: Vec<_> = members.as_array().unwrap().iter().map(|member| &member["entity_type"]).collect();
    assert_eq!(shown, ["u", "u", "g", "g", "u"]);
    assert_eq!(members[4]["repositories"], "app/**");
    let path = format!("/projects/team/members/{}", members[4]["id"]);
    send(&admin, "PUT", &path, json!({ "role_id": 2 })).await.assert_status(200);
    assert_eq!(get(&admin, &path).await["repositories"], "app/**", "what is left out stays");
}

#[tokio::test]
async fn roles_beside_harbors() {
    let (admin, _) = start().await;
    let (_, ann) = make(&admin, "ann").await;
    let permissions = json!([
        { "resource": "project", "action": "read" }, { "resource": "repository", "action": "pull" },
    ]);
    let body = json!({ "role_name": "puller", "permissions": permissions });
    send(&ann, "POST", "/roles", body.clone()).await.assert_error(403, "FORBIDDEN");
    let path = send(&admin, "POST", "/roles", body.clone()).await.assert_status(201).location();
    let path = path.strip_prefix("/api/v2.0").unwrap();
    send(&admin, "POST", "/roles", body).await.assert_error(409, "CONFLICT");
    let dream = json!({ "role_name": "x", "permissions": [{ "resource": "dream", "action": "pull" }] });
    send(&admin, "POST", "/roles", dream).await.assert_error(400, "BAD_REQUEST");
    let roles = get(&ann, "/roles").await;
    assert_eq!((&roles[0]["role_name"], &roles[0]["built_in"]), (&json!("projectAdmin"), &json!(true)));
    assert_eq!(roles[5], get(&ann, path).await);
    assert_eq!((&roles[5]["permissions"], &roles[5]["built_in"]), (&permissions, &json!(false)));
    send(&admin, "POST", "/projects", json!({ "project_name": "team" })).await.assert_status(201);
    let member = json!({ "role_id": roles[5]["role_id"], "member_user": { "username": "ann" } });
    send(&admin, "POST", "/projects/team/members", member).await.assert_status(201);
    assert_eq!(get(&ann, "/projects/team").await["current_user_role_ids"], json!([roles[5]["role_id"]]));
    assert_eq!(status(&ann, "GET", "/projects/team/members").await, 403);
    call(&admin, "DELETE", path).send().await.assert_error(412, "PRECONDITION");
    let wider = json!({ "role_name": "puller", "permissions": [
        { "resource": "project", "action": "read" }, { "resource": "member", "action": "*" },
    ] });
    send(&admin, "PUT", path, wider).await.assert_status(200).assert_body(b"");
    assert_eq!(status(&ann, "GET", "/projects/team/members").await, 200);
    send(&admin, "PUT", "/roles/1", json!({ "role_name": "x", "permissions": permissions }))
        .await
        .assert_error(403, "FORBIDDEN");
}
