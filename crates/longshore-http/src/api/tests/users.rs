//! Users and their groups over HTTP, as Harbor's clients call them.

use longshore_accounts::Accounts;
use longshore_testkit::{Api as Client, Reply, base64};
use longshore_types::Timestamp;
use serde_json::{Value, json};

use super::server::{accounts, call, serve, status};
use crate::api::routes::ROUTES;

pub(super) const PASSWORD: &str = "Sesame123";

/// A server with its first user, as that user.
pub(super) async fn start() -> (Client, Accounts) {
    let accounts = accounts().await;
    let now = Timestamp::from_unix_millis(1_000);
    let password = accounts.first_start(now).await.unwrap().unwrap();
    let client = serve(accounts.clone(), None, ROUTES).await;
    (known(&client, "admin", password.reveal()), accounts)
}

pub(super) fn known(client: &Client, name: &str, password: &str) -> Client {
    client.authorized(format!("Basic {}", base64(format!("{name}:{password}").as_bytes())))
}

async fn send(client: &Client, method: &str, path: &str, body: &Value) -> Reply {
    call(client, method, path).header("Content-Type", "application/json").body(body.to_string()).send().await
}

/// Makes a user with [`PASSWORD`]. Where it lies, and a client of that user.
pub(super) async fn make(admin: &Client, name: &str) -> (String, Client) {
    let body = json!({ "username": name, "password": PASSWORD });
    let location = send(admin, "POST", "/users", &body).await.assert_status(201).assert_body(b"").location();
    let path = location.strip_prefix("/api/v2.0").unwrap().to_owned();
    (path, known(admin, name, PASSWORD))
}

#[tokio::test]
async fn users_have_harbors_forms() {
    let (admin, _) = start().await;
    let body = json!({
        "username": "ann", "password": PASSWORD, "email": "ann@example.org", "realname": "Ann", "comment": "hi",
    });
    let created = send(&admin, "POST", "/users", &body).await.assert_status(201).assert_body(b"");
    assert_eq!(created.location(), "/api/v2.0/users/2");
    send(&admin, "POST", "/users", &body).await.assert_error(409, "CONFLICT");
    let weak = json!({ "username": "bob", "password": "weak" });
    send(&admin, "POST", "/users", &weak).await.assert_error(400, "BAD_REQUEST");

    let shown = call(&admin, "GET", "/users/2").send().await.assert_status(200).json();
    let wanted = json!({
        "user_id": 2, "username": "ann", "email": "ann@example.org", "realname": "Ann", "comment": "hi",
        "sysadmin_flag": false, "admin_role_in_auth": false, "system_role": "none", "source": "local",
        "disabled": false, "creation_time": shown["creation_time"], "update_time": shown["update_time"],
    });
    assert_eq!(shown, wanted);
    let ann = known(&admin, "ann", PASSWORD);
    assert_eq!(call(&ann, "GET", "/users/current").send().await.json()["user_id"], 2);
    call(&admin, "GET", "/users/99").send().await.assert_error(404, "NOT_FOUND");

    let change = json!({ "email": "", "realname": "Ann Other" });
    send(&ann, "PUT", "/users/2", &change).await.assert_status(200).assert_body(b"");
    let shown = call(&ann, "GET", "/users/2").send().await.json();
    assert_eq!((&shown["email"], &shown["comment"]), (&json!(""), &json!("hi")));

    let sysadmin = json!({ "sysadmin_flag": true });
    send(&admin, "PUT", "/users/2/sysadmin", &sysadmin).await.assert_status(200).assert_body(b"");
    assert_eq!(call(&ann, "GET", "/users/current").send().await.json()["sysadmin_flag"], true);
    let nothing = json!({ "sysadmin_flag": false });
    send(&ann, "PUT", "/users/1/sysadmin", &nothing).await.assert_status(200);
    send(&ann, "PUT", "/users/2/sysadmin", &nothing).await.assert_error(412, "PRECONDITION");
    call(&ann, "DELETE", "/users/2").send().await.assert_error(412, "PRECONDITION");
    call(&ann, "DELETE", "/users/1").send().await.assert_status(200).assert_body(b"");
    call(&admin, "GET", "/users/current").send().await.assert_error(401, "UNAUTHORIZED");
}

#[tokio::test]
async fn users_are_listed_and_searched() {
    let (admin, _) = start().await;
    for name in ["dan", "ann", "bob"] {
        make(&admin, name).await;
    }
    let list = async |query: &str| {
        let reply = call(&admin, "GET", &format!("/users{query}")).send().await.assert_status(200);
        let names: Vec<_> =
            reply.json().as_array().unwrap().iter().map(|user| user["username"].clone()).collect();
        (Value::from(names), reply.header("x-total-count").to_owned())
    };
    assert_eq!(list("").await, (json!(["admin", "ann", "bob", "dan"]), "4".to_owned()));
    assert_eq!(list("?sort=-username&page_size=3").await.0, json!(["dan", "bob", "ann"]));
    assert_eq!(list("?sort=user_id&page_size=3&page=2").await.0, json!(["bob"]));
    assert_eq!(list("?page=9").await, (json!([]), "4".to_owned()));
    assert_eq!(list("?q=username%3D~an").await, (json!(["ann", "dan"]), "2".to_owned()));
    assert_eq!(list("?q=username=ann").await.0, json!(["ann"]));
    call(&admin, "GET", "/users?q=username={a%20b}").send().await.assert_error(400, "BAD_REQUEST");
    let ann = known(&admin, "ann", PASSWORD);
    let found = call(&ann, "GET", "/users/search?username=da").send().await.assert_status(200).json();
    assert_eq!(found, json!([{ "user_id": 2, "username": "dan" }]));
    call(&ann, "GET", "/users/search").send().await.assert_error(400, "BAD_REQUEST");
}

#[tokio::test]
async fn who_may_do_what_with_users() {
    let (admin, accounts) = start().await;
    let (ann_path, ann) = make(&admin, "ann").await;
    let (bob_path, _) = make(&admin, "bob").await;
    let (auditor_path, auditor) = make(&admin, "auditor").await;
    let role = json!({ "system_role": "auditor" });
    send(&admin, "PUT", &format!("{auditor_path}/system_role"), &role).await.assert_status(200);
    let nobody = Client::new(admin.base());
    let check = async |method: &str, path: &str, wanted: [u16; 4]| {
        let mut found = [0; 4];
        for (found, client) in found.iter_mut().zip([&nobody, &ann, &auditor, &admin]) {
            *found = status(client, method, path).await;
        }
        assert_eq!(found, wanted, "{method} {path} by nobody, ann, auditor, admin");
    };
    check("GET", "/users", [401, 403, 200, 200]).await;
    check("GET", "/users/current", [401, 200, 200, 200]).await;
    check("GET", "/users/search?username=a", [401, 200, 200, 200]).await;
    check("GET", &ann_path, [401, 200, 200, 200]).await;
    check("GET", &bob_path, [401, 403, 200, 200]).await;
    // What cannot be: who may call it gets to hear of the body, which is none.
    check("POST", "/users", [401, 403, 403, 400]).await;
    check("PUT", &bob_path, [401, 403, 403, 400]).await;
    check("PUT", &ann_path, [401, 400, 403, 400]).await;
    for action in ["sysadmin", "system_role", "disabled", "source"] {
        check("PUT", &format!("{ann_path}/{action}"), [401, 403, 403, 400]).await;
    }
    for action in ["password", "cli_secret"] {
        check("PUT", &format!("{bob_path}/{action}"), [401, 403, 403, 400]).await;
        check("PUT", &format!("{ann_path}/{action}"), [401, 400, 403, 400]).await;
    }
    check("DELETE", &bob_path, [401, 403, 403, 200]).await;
    check("GET", "/usergroups", [401, 403, 200, 200]).await;
    check("GET", "/usergroups/search?groupname=a", [401, 200, 200, 200]).await;
    check("POST", "/usergroups", [401, 403, 403, 400]).await;
    check("GET", "/usergroups/1", [401, 403, 404, 404]).await;
    check("PUT", "/usergroups/1", [401, 403, 403, 400]).await;
    check("DELETE", "/usergroups/1", [401, 403, 403, 404]).await;
    drop(accounts);
}

#[tokio::test]
async fn passwords_are_changed_over_http() {
    let (admin, _) = start().await;
    let (path, ann) = make(&admin, "ann").await;
    let path = format!("{path}/password");
    let body = |old: &str, new: &str| json!({ "old_password": old, "new_password": new });
    send(&ann, "PUT", &path, &body("wrong", "Another123")).await.assert_error(403, "FORBIDDEN");
    send(&ann, "PUT", &path, &body(PASSWORD, "weak")).await.assert_error(400, "BAD_REQUEST");
    send(&ann, "PUT", &path, &body(PASSWORD, "Another123")).await.assert_status(200).assert_body(b"");
    call(&ann, "GET", "/users/current").send().await.assert_error(401, "UNAUTHORIZED");
    send(&admin, "PUT", &path, &json!({ "new_password": PASSWORD })).await.assert_status(200);
    call(&ann, "GET", "/users/current").send().await.assert_status(200);
    let disabled = json!({ "disabled": true });
    send(&admin, "PUT", &path.replace("password", "disabled"), &disabled).await.assert_status(200);
    call(&ann, "GET", "/users/current").send().await.assert_error(401, "UNAUTHORIZED");
}

#[tokio::test]
async fn callers_see_what_they_may_do() {
    let (admin, _) = start().await;
    let (_, ann) = make(&admin, "ann").await;
    let permissions = async |client: &Client, query: &str| {
        let path = format!("/users/current/permissions{query}");
        let reply = call(client, "GET", &path).send().await.assert_status(200).json();
        let entry = |entry: &Value| {
            format!("{}:{}", entry["resource"].as_str().unwrap(), entry["action"].as_str().unwrap())
        };
        reply.as_array().unwrap().iter().map(entry).collect::<Vec<_>>()
    };
    // `library` is public.
    let of_ann = permissions(&ann, "?scope=/project/1&relative=true").await;
    assert!(
        of_ann.contains(&"repository:pull".to_owned()) && !of_ann.contains(&"repository:push".to_owned())
    );
    let of_admin = permissions(&admin, "?scope=/project/1").await;
    assert!(of_admin.contains(&"/project/1/repository:push".to_owned()));
    assert!(!of_admin.iter().any(|permission| permission.contains("/user")), "that is no project's");
    assert_eq!(permissions(&ann, "?scope=/project/library&relative=true").await, of_ann);
    assert_eq!(permissions(&ann, "?scope=/project/99").await, Vec::<String>::new());
    let system = permissions(&ann, "?relative=true").await;
    assert!(system.contains(&"profile:update".to_owned()) && !system.contains(&"user:list".to_owned()));
    assert!(permissions(&admin, "").await.contains(&"/system/user:list".to_owned()));
    call(&ann, "GET", "/users/current/permissions?scope=/x").send().await.assert_error(400, "BAD_REQUEST");
}

#[tokio::test]
async fn groups_have_harbors_forms() {
    let (admin, _) = start().await;
    let ldap = json!({ "group_name": "Developers", "group_type": 1, "ldap_group_dn": "CN=dev,dc=example" });
    let created = send(&admin, "POST", "/usergroups", &ldap).await.assert_status(201);
    assert_eq!(created.location(), "/api/v2.0/usergroups/1");
    send(&admin, "POST", "/usergroups", &ldap).await.assert_error(409, "CONFLICT");
    let oidc = json!({ "group_name": "ops", "group_type": 3 });
    send(&admin, "POST", "/usergroups", &oidc).await.assert_status(201);
    for bad in [json!({ "group_name": "x", "group_type": 4 }), json!({ "group_name": "x", "group_type": 1 })]
    {
        send(&admin, "POST", "/usergroups", &bad).await.assert_error(400, "BAD_REQUEST");
    }
    let shown = call(&admin, "GET", "/usergroups/1").send().await.assert_status(200).json();
    let wanted = json!({ "id": 1, "group_name": "Developers", "group_type": 1, "source": "ldap",
        "ldap_group_dn": "cn=dev,dc=example" });
    assert_eq!(shown, wanted);
    send(&admin, "PUT", "/usergroups/1", &json!({ "group_name": "Makers" })).await.assert_status(200);
    send(&admin, "PUT", "/usergroups/2", &json!({ "group_name": "x" }))
        .await
        .assert_error(412, "PRECONDITION");
    let list = call(&admin, "GET", "/usergroups?group_name=ak").send().await.assert_status(200).json();
    assert_eq!((list.as_array().unwrap().len(), &list[0]["group_name"]), (1, &json!("Makers")));
    let dn = "/usergroups?ldap_group_dn=cn%3Ddev%2Cdc%3Dexample";
    assert_eq!(call(&admin, "GET", dn).send().await.json()[0]["id"], 1);
    let found = call(&admin, "GET", "/usergroups/search?groupname=op").send().await.json();
    assert_eq!(found, json!([{ "id": 2, "group_name": "ops", "group_type": 3, "source": "oidc" }]));
    call(&admin, "DELETE", "/usergroups/2").send().await.assert_status(200).assert_body(b"");
    call(&admin, "GET", "/usergroups/2").send().await.assert_error(404, "NOT_FOUND");
}
