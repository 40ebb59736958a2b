//! Requests and answers.

use serde_json::Value;

use super::server::{TABLE, call, start, status, user};
use crate::api::routes::ROUTES;

#[tokio::test]
async fn the_real_table_pings_and_tells_what_it_is() {
    let client = start(ROUTES).await;
    let pong = call(&client, "GET", "/ping").send().await.assert_status(200).assert_body(b"Pong");
    pong.assert_header("content-type", "text/plain; charset=utf-8")
        .assert_header("cache-control", "no-store")
        .assert_header("x-content-type-options", "nosniff")
        .assert_header("content-security-policy", "default-src 'none'; frame-ancestors 'none'");
    let head = call(&client, "HEAD", "/ping/").send().await.assert_status(200).assert_body(b"");
    head.assert_header("content-length", "4");
    // Not even looked at.
    let pong = call(&client, "GET", "/ping").header("Authorization", "Basic nonsense").send().await;
    pong.assert_status(200);

    let info = call(&client, "GET", "/systeminfo").send().await.assert_status(200).json();
    let wanted =
        r#"{"auth_mode":"db_auth","primary_auth_mode":false,"self_registration":false,"banner_message":""}"#;
    assert_eq!(info, serde_json::from_str::<Value>(wanted).unwrap());
    let info = call(&user(&client, "dev"), "GET", "/systeminfo").send().await.assert_status(200).json();
    assert!(info["harbor_version"].as_str().is_some_and(|v| v.starts_with("v2.") && v.contains("longshore")));
    assert_eq!(
        (&info["external_url"], &info["registry_url"]),
        (&"https://r.example".into(), &"r.example".into())
    );
    assert!(info["current_time"].as_str().is_some_and(|time| time.ends_with('Z')), "{info}");

    let health = call(&client, "GET", "/health").send().await.assert_status(200).json();
    assert_eq!(
        (&health["status"], &health["components"][1]["status"]),
        (&"healthy".into(), &"healthy".into())
    );
}

#[tokio::test]
async fn the_description_is_served() {
    let client = start(ROUTES).await;
    let openapi = call(&client, "GET", "/openapi.json").send().await.assert_status(200);
    assert_eq!(openapi.json()["paths"]["/ping"]["get"]["operationId"], "getPing");
    let page = call(&client, "GET", "/docs").send().await.assert_status(200);
    assert!(String::from_utf8_lossy(&page.body).contains("getSystemInfo"));
    assert!(page.header("content-security-policy").contains("style-src 'self'"));
    let style = call(&client, "GET", "/docs.css").send().await.assert_status(200);
    style.assert_header("content-type", "text/css; charset=utf-8");
}

#[tokio::test]
async fn what_is_not_in_the_table_is_answered_in_harbors_form() {
    let client = start(TABLE).await;
    for unknown in ["/", "/nothing", "/projects//", "/projects/a/b/c"] {
        call(&client, "GET", unknown).send().await.assert_error(404, "NOT_FOUND");
    }
    let reply = call(&client, "DELETE", "/projects").send().await.assert_error(405, "METHOD_NOT_ALLOWED");
    reply.assert_header("allow", "GET, HEAD, POST");
    call(&user(&client, "dev"), "GET", "/projects/%ff").send().await.assert_error(400, "BAD_REQUEST");
    call(&client, "GET", "/projects?x=%zz").send().await.assert_error(400, "BAD_REQUEST");
    // Beside the API's root there are other faces.
    client.get("/api/v2.0").await.assert_error(404, "UNSUPPORTED");
    client.get("/api/v2.0x/ping").await.assert_error(404, "UNSUPPORTED");
}

#[tokio::test]
async fn routes_are_recorded_by_their_patterns() {
    let client = start(TABLE).await;
    status(&user(&client, "dev"), "GET", "/projects/secret").await;
    status(&client, "DELETE", "/projects").await;
    let metrics = client.get("/metrics").await.assert_status(200);
    let text = String::from_utf8_lossy(&metrics.body);
    let line = |route: &str, method: &str, class: &str| {
        format!("longshore_http_requests_total{{route=\"{route}\",method=\"{method}\",status=\"{class}\"}} 1")
    };
    for line in [
        line("/api/v2.0/projects/{project_name_or_id}", "GET", "2xx"),
        line("/api/v2.0/projects", "DELETE", "4xx"),
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in {text}");
    }
    assert!(!text.contains("secret"));
}

#[tokio::test]
async fn callers_get_what_the_table_says() {
    let client = start(TABLE).await;
    let (dev, admin, puller) = (user(&client, "dev"), user(&client, "admin"), user(&client, "puller"));
    let check = async |method: &str, path: &str, wanted: [u16; 4]| {
        let mut found = [0; 4];
        for (found, client) in found.iter_mut().zip([&client, &puller, &dev, &admin]) {
            *found = status(client, method, path).await;
        }
        assert_eq!(found, wanted, "{method} {path} by nobody, puller, dev, admin");
    };
    check("GET", "/projects", [200, 200, 200, 200]).await;
    check("HEAD", "/projects", [401, 200, 200, 200]).await;
    check("GET", "/projects/library", [200, 200, 200, 200]).await;
    check("GET", "/projects/1", [200, 200, 200, 200]).await;
    check("GET", "/projects/secret", [401, 404, 200, 200]).await;
    check("GET", "/projects/secret%2Fsub", [401, 404, 200, 200]).await;
    check("GET", "/projects/none", [401, 404, 404, 404]).await;
    check("GET", "/projects/None", [401, 404, 404, 404]).await;
    check("DELETE", "/projects/secret", [401, 404, 403, 200]).await;
    check("DELETE", "/projects/library", [401, 403, 403, 200]).await;
    check("GET", "/projects/secret/repositories/open-app", [401, 200, 200, 200]).await;
    check("GET", "/projects/secret/repositories/other", [401, 404, 200, 200]).await;
    check("GET", "/projects/secret/repositories/Bad%252FName", [401, 404, 404, 404]).await;
    check("PUT", "/users/7", [401, 403, 200, 200]).await;
    check("PUT", "/users/x", [401, 403, 403, 200]).await;
    check("GET", "/users", [401, 403, 403, 200]).await;
    check("GET", "/users/current", [401, 200, 200, 200]).await;
}

#[tokio::test]
async fn what_may_not_be_known_is_as_what_is_not_there() {
    let client = start(TABLE).await;
    for client in [&client, &user(&client, "puller")] {
        let hidden = call(client, "GET", "/projects/secret").send().await;
        let absent = call(client, "GET", "/projects/nothing").send().await;
        let text = |body: &[u8]| String::from_utf8_lossy(body).replace("nothing", "secret");
        assert_eq!(text(&hidden.body), text(&absent.body));
        let names = |reply: &longshore_testkit::Reply| {
            let mut names: Vec<_> = reply.headers.keys().map(|name| name.as_str().to_owned()).collect();
            names.sort();
            names
        };
        assert_eq!((hidden.status, names(&hidden)), (absent.status, names(&absent)));
    }
}

#[tokio::test]
async fn paths_name_projects_and_repositories() {
    let dev = user(&start(TABLE).await, "dev");
    let check = async |path: &str, header: &str, project: i64, repository: Option<&str>| {
        let reply = call(&dev, "GET", path).header("X-Is-Resource-Name", header).send().await;
        let seen = reply.assert_status(200).json();
        assert_eq!((&seen["project"], seen["repository"].as_str()), (&project.into(), repository), "{path}");
        assert_eq!(seen["caller"], "dev");
    };
    check("/projects/2", "false", 2, None).await;
    check("/projects/2/", "", 2, None).await;
    check("/projects/2", "true", 4, None).await;
    check("/projects/secret%2Fsub", "", 3, None).await;
    check("/projects/secret%252Fsub", "", 3, None).await;
    check("/projects/secret/repositories/a%252Fb", "", 2, Some("secret/a/b")).await;
    check("/projects/secret%2Fsub/repositories/a%2Fb", "", 3, Some("secret/sub/a/b")).await;
}

#[tokio::test]
async fn logins_are_refused_with_a_challenge_that_no_browser_answers() {
    let client = start(TABLE).await;
    let wrong = client.authorized("Basic dTp3cm9uZw==");
    // Also where nobody need be logged in.
    let refused = call(&wrong, "GET", "/projects").send().await.assert_error(401, "UNAUTHORIZED");
    assert_eq!(refused.header("www-authenticate"), "Basic realm=\"harbor\", charset=\"UTF-8\"");
    let browser = call(&wrong, "GET", "/projects").header("User-Agent", "Mozilla/5.0").send().await;
    browser.assert_error(401, "UNAUTHORIZED").assert_header("www-authenticate", "Bearer realm=\"harbor\"");
    call(&client.authorized("Digest x"), "GET", "/projects").send().await.assert_error(401, "UNAUTHORIZED");
    let hasty = client.authorized(format!("Basic {}", longshore_testkit::base64(b"hasty:x")));
    let reply = call(&hasty, "GET", "/projects").send().await.assert_error(429, "TOO_MANY_REQUESTS");
    reply.assert_header("retry-after", "30");
    let lost = client.authorized(format!("Basic {}", longshore_testkit::base64(b"lost:x")));
    let reply = call(&lost, "GET", "/projects").send().await.assert_error(503, "SERVICE_UNAVAILABLE");
    assert!(!String::from_utf8_lossy(&reply.body).contains("index"));
}

#[tokio::test]
async fn a_session_must_show_its_token_to_change_something() {
    let client = start(TABLE).await;
    let session = |method: &str, path: &str| call(&client, method, path).header("Cookie", "__Host-sid=s1");
    session("GET", "/users/current").send().await.assert_status(200);
    session("PUT", "/users/7").send().await.assert_error(403, "FORBIDDEN");
    session("PUT", "/users/7")
        .header("X-Harbor-CSRF-Token", "t2")
        .send()
        .await
        .assert_error(403, "FORBIDDEN");
    session("PUT", "/users/7").header("X-Harbor-CSRF-Token", "t1").send().await.assert_status(200);
    // A session that has ended is nobody's.
    let ended = call(&client, "GET", "/users/current").header("Cookie", "__Host-sid=old").send().await;
    ended.assert_error(401, "UNAUTHORIZED");
    call(&client, "GET", "/projects").header("Cookie", "__Host-sid=old").send().await.assert_status(200);
}

#[tokio::test]
async fn listings_have_pages() {
    let client = start(TABLE).await;
    let list = async |query: &str| call(&client, "GET", &format!("/projects{query}")).send().await;
    let first = list("").await.assert_status(200).assert_header("x-total-count", "25");
    assert_eq!(first.json().as_array().map(Vec::len), Some(10));
    assert_eq!(first.header("link"), "</api/v2.0/projects?page=2&page_size=10>; rel=\"next\"");
    let mut seen = 0;
    let mut next = Some("/api/v2.0/projects?page_size=7&public=true".to_owned());
    while let Some(path) = next {
        let page = client.get(&path).await.assert_status(200);
        seen += page.json().as_array().map_or(0, Vec::len);
        let links = page.header_list("link");
        let link = links.iter().find(|link| link.ends_with("rel=\"next\""));
        next = link.map(|link| link[1..link.find('>').unwrap()].to_owned());
    }
    assert_eq!(seen, 25);
    let behind = list("/?page=9").await.assert_status(200).assert_header("x-total-count", "25");
    behind.assert_body(b"[]").assert_header("link", "");
    // As harbor-cli asks.
    let all = list("/?page=0&page_size=0").await.assert_status(200);
    assert_eq!(all.json().as_array().map(Vec::len), Some(25));
    for bad in [
        "?page_size=101",
        "?page=x",
        "?page_size=-1",
        "?public=maybe",
        "?owner=x",
        "?q=a",
        // A key that there is not.
        "?q=Name%3D~a%2Cother%3D1",
    ] {
        list(bad).await.assert_error(400, "BAD_REQUEST");
    }
    let asked = list("?sort=-creation_time,password&q=Name%3D~a+b").await.assert_status(200);
    assert_eq!(
        asked.header("x-about"),
        r#"[Sort { key: "creation_time", descending: true }] [Filter { key: "name", test: Contains("a b") }]"#
    );
}

#[tokio::test]
async fn bodies_are_taken_and_refused() {
    let client = start(TABLE).await;
    let dev = user(&client, "dev");
    let send = async |body: &str| call(&dev, "POST", "/projects/").body(body.to_owned()).send().await;
    let created = send(r#"{"role_id":12,"name":"a b","metadata":{},"payload_format:omitempty":1}"#).await;
    created.assert_status(201).assert_body(b"").assert_header("location", "/api/v2.0/projects/12");
    let call_named = call(&dev, "POST", "/projects").header("X-Resource-Name-In-Location", "true");
    let named = call_named.body(r#"{"role_id":12,"name":"team/sub é"}"#).send().await.assert_status(201);
    named.assert_header("location", "/api/v2.0/projects/team%2Fsub%20%C3%A9");
    let message = |reply: longshore_testkit::Reply| {
        reply.assert_error(400, "BAD_REQUEST").json()["errors"][0]["message"].as_str().unwrap().to_owned()
    };
    assert_eq!(message(send("").await), "the body is empty, and JSON is expected");
    assert_eq!(message(send("{}").await), "missing field `role_id`");
    assert_eq!(message(send(r#"{"role_id":[]}"#).await), "role_id: invalid type: sequence, expected i64");
    send(r#"{"role_id":1,"name":"taken"}"#).await.assert_error(409, "CONFLICT");
    let broken = send(r#"{"role_id":1,"name":"broken"}"#).await.assert_error(500, "UNKNOWN");
    assert!(!String::from_utf8_lossy(&broken.body).contains("secret"));

    let large = |bytes: usize| format!(r#"{{"role_id":1,"name":"{}"}}"#, "a".repeat(bytes));
    send(&large(900_000)).await.assert_status(201);
    send(&large(1024 * 1024)).await.assert_error(413, "REQUEST_ENTITY_TOO_LARGE");
    let anonymous = async |body: String| call(&client, "POST", "/anonymous").body(body).send().await;
    anonymous(large(60_000)).await.assert_status(201);
    anonymous(large(64 * 1024)).await.assert_error(413, "REQUEST_ENTITY_TOO_LARGE");
    // Without a length, too.
    let chunks = vec![large(64 * 1024).into_bytes()];
    call(&client, "POST", "/anonymous")
        .stream(chunks)
        .send()
        .await
        .assert_error(413, "REQUEST_ENTITY_TOO_LARGE");
}
