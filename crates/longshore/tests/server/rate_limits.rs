//! Rate limits: pulls as Docker Hub counts them, and requests, by address, user, robot and project.

use longshore_testkit::{Api, RawConnection, Reply, TestRegistry, basic, eventually, image, role};
use reqwest::Method;
use serde_json::json;

const MANIFEST: &str = "/v2/team/app/manifests/v1";

/// `ratelimit-limit`, `ratelimit-remaining` and `docker-ratelimit-source`.
fn said(reply: &Reply) -> String {
    let headers = ["ratelimit-limit", "ratelimit-remaining", "docker-ratelimit-source"];
    headers.map(|name| reply.header_list(name).join("?")).join(" ")
}

async fn pull_from(api: &Api, address: &str) -> Reply {
    api.call(Method::GET, MANIFEST).header("X-Forwarded-For", address).send().await
}

fn seconds_to_wait(reply: &Reply) -> u64 {
    reply.header("retry-after").parse().unwrap()
}

#[tokio::test]
async fn pulls_are_counted_as_docker_hub_does() {
    let registry = TestRegistry::builder()
        .set("rate_limits.pulls.anonymous", 3)
        .set("rate_limits.pulls.window", "12s")
        .quick()
        .spawn()
        .await;
    let content = image().layers(1).build();
    registry.push_image("team/app", "v1", &content).await;
    let digest = content.digest();
    registry.get("/v2/team/app/manifests/none").await.assert_error(404, "MANIFEST_UNKNOWN");
    assert_eq!(said(&registry.head(MANIFEST).await.assert_status(200)), "3;w=12 3;w=12 127.0.0.1");
    let pulled = registry.get(MANIFEST).await.assert_status(200);
    assert_eq!(said(&pulled), "3;w=12 2;w=12 127.0.0.1");
    assert_eq!(said(&registry.head(MANIFEST).await.assert_status(200)), "3;w=12 2;w=12 127.0.0.1");
    let by_digest = registry.get(&format!("/v2/team/app/manifests/{digest}")).await.assert_status(200);
    assert_eq!(said(&by_digest), "3;w=12 1;w=12 127.0.0.1");
    // What the client has already is no pull.
    let known = registry.call(Method::GET, MANIFEST).header("If-None-Match", &format!("\"{digest}\""));
    assert_eq!(said(&known.send().await.assert_status(304)), "3;w=12 1;w=12 127.0.0.1");
    // Nobody but a proxy that is trusted says where somebody is.
    let last = pull_from(&registry, "192.0.2.1").await.assert_status(200);
    assert_eq!(said(&last), "3;w=12 0;w=12 127.0.0.1");

    for _ in 0..3 {
        let refused = registry.get(MANIFEST).await.assert_error(429, "TOOMANYREQUESTS");
        assert_eq!(said(&refused), "3;w=12 0;w=12 127.0.0.1");
        assert!((1..=12).contains(&seconds_to_wait(&refused)), "{refused:?}");
        let message = refused.json()["errors"][0]["message"].as_str().unwrap().to_owned();
        assert!(
            message.starts_with("the limit of 3 pulls in 12 seconds is reached for 127.0.0.1, try again in "),
            "{message}"
        );
    }
    assert_eq!(said(&registry.head(MANIFEST).await.assert_status(200)), "3;w=12 0;w=12 127.0.0.1");
    registry.get(&format!("/v2/team/app/blobs/{}", content.blobs[0].digest)).await.assert_status(200);
    let metrics = String::from_utf8(registry.get("/metrics").await.assert_status(200).body.to_vec()).unwrap();
    let counted = "longshore_rate_limited_total{kind=\"address\",limit=\"pulls\"} 3";
    assert!(metrics.lines().any(|line| line == counted), "{metrics}");
    let told = registry.log().iter().filter(|line| line.contains("pulls in 12 seconds is reached")).count();
    assert_eq!(told, 1, "the log has one line a minute");

    let again = eventually("another window", || async {
        let reply = registry.get(MANIFEST).await;
        (reply.status == 200).then_some(reply)
    });
    assert_eq!(said(&again.await), "3;w=12 2;w=12 127.0.0.1");
}

#[tokio::test]
async fn addresses_are_those_that_a_trusted_proxy_names() {
    let registry = TestRegistry::builder()
        .set("rate_limits.pulls.anonymous", 1)
        .set("http.trusted_proxies", json!(["127.0.0.1"]))
        .quick()
        .spawn()
        .await;
    registry.push_image("team/app", "v1", &image().build()).await;
    for (address, status, source) in [
        ("192.0.2.1", 200, "192.0.2.1"),
        ("192.0.2.1", 429, "192.0.2.1"),
        ("192.0.2.2", 200, "192.0.2.2"),
        ("2001:db8::1", 200, "2001:db8::/64"),
        ("2001:db8::2", 429, "2001:db8::/64"),
        ("2001:db8:0:1::2", 200, "2001:db8:0:1::/64"),
    ] {
        let reply = pull_from(&registry, address).await.assert_status(status);
        assert_eq!(said(&reply), format!("1;w=21600 0;w=21600 {source}"));
    }
}

/// One with accounts, `ann`, who develops in the public project `team`, and its robot.
async fn with_accounts(limits: &[(&str, i64)]) -> (TestRegistry, Api, Api) {
    let mut builder =
        TestRegistry::builder().accounts().quick().set("http.trusted_proxies", json!(["127.0.0.1"]));
    for (key, limit) in limits {
        builder = builder.set(key, *limit);
    }
    let registry = builder.spawn().await;
    registry.create_project("team", true).await;
    let ann = registry.create_user("ann").await;
    registry.add_member("team", "ann", role::PROJECT_ADMIN).await;
    registry.admin().push_image("team/app", "v1", &image().build()).await;
    let robot = json!({
        "name": "ci", "level": "project", "duration": -1,
        "permissions": [{"kind": "project", "namespace": "team", "access": [
            {"resource": "repository", "action": "pull"},
        ]}],
    });
    let robot = registry.admin().post_json("/api/v2.0/robots", &robot).await.assert_status(201).json();
    let robot = basic(robot["name"].as_str().unwrap(), robot["secret"].as_str().unwrap());
    let robot = registry.authorized(robot);
    (registry, ann, robot)
}

#[tokio::test]
async fn users_and_robots_are_counted_wherever_they_are() {
    let limits =
        [("rate_limits.pulls.anonymous", 1), ("rate_limits.pulls.user", 3), ("rate_limits.pulls.robot", 2)];
    let (registry, ann, robot) = with_accounts(&limits).await;
    let pulled = pull_from(&ann, "192.0.2.1").await.assert_status(200);
    assert_eq!(said(&pulled), "3;w=21600 2;w=21600 ann");
    let pulled = pull_from(&ann, "192.0.2.2").await.assert_status(200);
    assert_eq!(said(&pulled), "3;w=21600 1;w=21600 ann");
    // By a token too.
    let with_token = ann.with_token(&["repository:team/app:pull"]).await;
    assert_eq!(
        said(&pull_from(&with_token, "192.0.2.3").await.assert_status(200)),
        "3;w=21600 0;w=21600 ann"
    );
    for api in [&ann, &with_token] {
        pull_from(api, "192.0.2.4").await.assert_error(429, "TOOMANYREQUESTS");
    }
    // What was refused is no pull. Each of the others came from elsewhere, so that it has its own row.
    let recorded = "/api/v2.0/auditlog-exts?page_size=100&q=username%3Dann%2Coperation%3Dpull_artifact";
    let recorded = eventually("the record of the pulls", || async {
        let rows = registry.admin().get(recorded).await.assert_status(200).json();
        rows.as_array().map(Vec::len).filter(|count| *count >= 3)
    });
    assert_eq!(recorded.await, 3);
    // Others at those addresses, and robots, are others.
    let nobody = Api::new(registry.base());
    assert_eq!(
        said(&pull_from(&nobody, "192.0.2.1").await.assert_status(200)),
        "1;w=21600 0;w=21600 192.0.2.1"
    );
    pull_from(&nobody, "192.0.2.1").await.assert_error(429, "TOOMANYREQUESTS");
    let token = nobody.with_token(&["repository:team/app:pull"]).await;
    pull_from(&token, "192.0.2.1").await.assert_error(429, "TOOMANYREQUESTS");
    let with_token = robot.with_token(&["repository:team/app:pull"]).await;
    for (api, left) in [(&robot, 1), (&with_token, 0)] {
        let pulled = pull_from(api, "192.0.2.1").await.assert_status(200);
        assert_eq!(said(&pulled), format!("2;w=21600 {left};w=21600 robot$team+ci"));
    }
    pull_from(&with_token, "192.0.2.1").await.assert_error(429, "TOOMANYREQUESTS");
    // Administrators are not counted, with and without a token.
    let admin = registry.admin();
    for api in [&admin, &admin.with_token(&["repository:team/app:pull"]).await] {
        for _ in 0..4 {
            let pulled = pull_from(api, "192.0.2.1").await.assert_status(200);
            assert_eq!(said(&pulled), "  ");
        }
    }
}

#[tokio::test]
async fn projects_may_have_limits_that_administrators_set() {
    let (registry, ann, robot) = with_accounts(&[("rate_limits.pulls.project", 100)]).await;
    let admin = registry.admin();
    assert_eq!(said(&pull_from(&ann, "192.0.2.1").await), "100;w=21600 99;w=21600 team");
    let (all, one) = ("/api/v2.0/projects/team/metadatas", "/api/v2.0/projects/team/metadatas/pull_limit");
    ann.post_json(all, &json!({"pull_limit": "5"})).await.assert_error(403, "FORBIDDEN");
    let with_limit = |limit: &str| json!({"project_name": "anns", "metadata": {"pull_limit": limit}});
    ann.post_json("/api/v2.0/projects", &with_limit("5")).await.assert_error(403, "FORBIDDEN");
    for bad in ["0", "-2", "many"] {
        admin.post_json(all, &json!({"pull_limit": bad})).await.assert_status(400);
        admin.post_json("/api/v2.0/projects", &with_limit(bad)).await.assert_status(400);
    }
    admin.post_json(all, &json!({"pull_limit": "5"})).await.assert_status(201);
    ann.put_json(one, &json!({"pull_limit": "50"})).await.assert_error(403, "FORBIDDEN");
    ann.delete(one).await.assert_error(403, "FORBIDDEN");
    // It shows, and who sends back what was shown changes nothing.
    let shown = ann.get("/api/v2.0/projects/team").await.assert_status(200).json();
    assert_eq!(shown["metadata"]["pull_limit"], "5");
    let same = json!({"metadata": shown["metadata"]});
    ann.put_json("/api/v2.0/projects/team", &same).await.assert_status(200);

    eventually("the project's own limit", || async {
        (said(&ann.head(MANIFEST).await) == "5;w=21600 4;w=21600 team").then_some(())
    })
    .await;
    for left in [3, 2] {
        assert_eq!(said(&pull_from(&robot, "192.0.2.1").await), format!("5;w=21600 {left};w=21600 team"));
    }
    // Nested projects count for it.
    registry.create_project("team/sub", true).await;
    admin.push_image("team/sub/app", "v1", &image().build()).await;
    for left in [1, 0] {
        let pulled = ann.get("/v2/team/sub/app/manifests/v1").await.assert_status(200);
        assert_eq!(said(&pulled), format!("5;w=21600 {left};w=21600 team"));
    }
    let refused = pull_from(&robot, "192.0.2.9").await.assert_error(429, "TOOMANYREQUESTS");
    assert!(String::from_utf8_lossy(&refused.body).contains("is reached for project team"), "{refused:?}");
    admin.get(MANIFEST).await.assert_status(200);
    admin.put_json(one, &json!({"pull_limit": "-1"})).await.assert_status(200);
    eventually("no limit", || async { (ann.get(MANIFEST).await.status == 200).then_some(()) }).await;
}

/// Asks until it is refused, and gives the refusal.
async fn until_refused(what: &str, ask: impl AsyncFn() -> Reply) -> Reply {
    for _ in 0..50 {
        let reply = ask().await;
        if reply.status == 429 {
            return reply;
        }
    }
    panic!("{what}: never too many");
}

#[tokio::test]
async fn requests_without_a_login_are_counted_by_address() {
    let (registry, ann, _) =
        with_accounts(&[("rate_limits.requests.anonymous", 1), ("rate_limits.requests.user", 1000)]).await;
    let nobody = Api::new(registry.base());
    let from = |api: &Api, path: &str, address: &str| {
        api.call(Method::GET, path).header("X-Forwarded-For", address).send()
    };
    let faces = [
        ("/v2/_catalog", "192.0.2.1", "TOOMANYREQUESTS"),
        ("/service/token?scope=repository:team/app:pull", "192.0.2.2", "TOOMANYREQUESTS"),
        ("/api/v2.0/systeminfo", "192.0.2.3", "TOO_MANY_REQUESTS"),
    ];
    for (path, address, code) in faces {
        let refused = until_refused(path, async || from(&nobody, path, address).await).await;
        let refused = refused.assert_error(429, code);
        assert!((1..=2).contains(&seconds_to_wait(&refused)), "{refused:?}");
        assert!(String::from_utf8_lossy(&refused.body).contains(&format!("for {address}")), "{refused:?}");
        // How to log in everybody may ask, and who does is let in.
        for _ in 0..20 {
            from(&nobody, "/v2/", address).await.assert_status(401);
            from(&nobody, "/livez", address).await.assert_status(200);
            from(&nobody, "/api/v2.0/health", address).await.assert_status(200);
            from(&ann, path, address).await.assert_status(200);
        }
        eventually("another request", || async {
            (from(&nobody, path, address).await.status != 429).then_some(())
        })
        .await;
    }
    let metrics = registry.get("/metrics").await.assert_status(200);
    let metrics = String::from_utf8_lossy(&metrics.body).into_owned();
    assert!(
        metrics.contains("longshore_rate_limited_total{kind=\"address\",limit=\"requests\"}"),
        "{metrics}"
    );
    // What cannot be anybody's token is nobody's.
    let forged = registry.authorized("Bearer a.b.c");
    until_refused("forged tokens", async || from(&forged, MANIFEST, "192.0.2.4").await).await;
    from(&ann, MANIFEST, "192.0.2.4").await.assert_status(200);
}

#[tokio::test]
async fn requests_of_users_robots_and_to_projects_are_counted() {
    let limits = [
        ("rate_limits.requests.user", 1),
        ("rate_limits.requests.robot", 1),
        ("rate_limits.requests.project", 1000),
    ];
    let (registry, ann, robot) = with_accounts(&limits).await;
    let admin = registry.admin();
    for (who, api) in [("ann", &ann), ("robot$team+ci", &robot)] {
        let refused = until_refused(who, async || api.get(MANIFEST).await).await;
        let refused = refused.assert_error(429, "TOOMANYREQUESTS");
        assert!(
            String::from_utf8_lossy(&refused.body).contains(&format!("requests for {who}, ")),
            "{refused:?}"
        );
        assert_eq!(said(&refused), "  ");
    }
    until_refused("the same user elsewhere", async || ann.get("/api/v2.0/users/current").await).await;
    admin.get(MANIFEST).await.assert_status(200);

    let own = json!({"request_limit": "1"});
    admin.post_json("/api/v2.0/projects/team/metadatas", &own).await.assert_status(201);
    let nobody = Api::new(registry.base());
    let refused = eventually("the project's limit", || async {
        let reply = nobody.get(MANIFEST).await;
        (reply.status == 429).then_some(reply)
    });
    assert!(String::from_utf8_lossy(&refused.await.body).contains("for project team,"));
    // Who may not know of a project takes nothing from it, and hears nothing of it.
    registry.create_project("secret", false).await;
    let own = json!({"request_limit": "1"});
    admin.post_json("/api/v2.0/projects/secret/metadatas", &own).await.assert_status(201);
    for _ in 0..50 {
        nobody.get("/v2/secret/app/manifests/v1").await.assert_status(401);
    }
}

/// Fresh addresses cost a bounded amount of memory, and who came too often is not let in for them.
#[tokio::test]
async fn a_storm_of_fresh_addresses_is_survived() {
    const EACH: u32 = 2500;
    let registry = TestRegistry::builder()
        .set("rate_limits.requests.anonymous", 1)
        .set("rate_limits.pulls.anonymous", 1)
        .set("http.trusted_proxies", json!(["127.0.0.1"]))
        .set("log.accesslog.disabled", true)
        .quick()
        .spawn()
        .await;
    registry.push_image("team/app", "v1", &image().build()).await;
    pull_from(&registry, "192.0.2.1").await.assert_status(200);
    let before = registry.memory_peak_bytes().await;
    let storm = (0..4_u32).map(|nth| {
        let address = registry.address();
        tokio::spawn(async move {
            let mut raw = RawConnection::open(address).await;
            for fresh in 0..EACH {
                let head = format!(
                    "GET {MANIFEST} HTTP/1.1\r\nHost: test\r\nX-Forwarded-For: 2001:db8:{nth:x}:{fresh:x}::1\r\n\r\n"
                );
                raw.write(head).await.unwrap();
                let reply = raw.read_reply().await.unwrap();
                assert_eq!((reply.status, reply.header("ratelimit-remaining")), (200, Some("0;w=21600")));
            }
        })
    });
    for of_one in storm.collect::<Vec<_>>() {
        of_one.await.unwrap();
    }
    let grown = registry.memory_peak_bytes().await.saturating_sub(before);
    assert!(grown < 16 << 20, "{grown} bytes for {} addresses", 4 * EACH);
    pull_from(&registry, "192.0.2.1").await.assert_error(429, "TOOMANYREQUESTS");
}
