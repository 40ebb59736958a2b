//! The record, identity, settings, quotas, labels, jobs, collection and keys.

use std::time::Duration;

use longshore_testkit::{Slapd, image};
use reqwest::Method;
use serde_json::json as value;

use super::{Browser, json, refused, with_accounts};

#[tokio::test]
async fn the_record_is_filtered_and_downloaded() {
    let registry = with_accounts().spawn().await;
    registry.create_user("ann").await;
    registry.create_project("team", false).await;
    registry.admin().push_image("team/app", "v1", &image().build()).await;
    let browser = Browser::admin(&registry).await;
    let page = browser.open("/admin/audit").await.assert_shows("team/app").assert_shows("ann");
    let only_users =
        browser.submit(&page, "/admin/audit", &[("operation", "create"), ("resource_type", "user")]).await;
    only_users.assert_shows("ann").assert_lacks("team/app");
    browser.open("/admin/audit?project=team").await.assert_shows("team/app");
    let rows = browser.open("/admin/audit?project=team").await.rows();
    assert!(rows.len() == 3 && !rows.iter().any(|row| row.contains("login")), "{rows:?}");
    browser.open("/admin/audit?username=nobody").await.assert_shows("Nothing of that kind was recorded");
    browser.open("/admin/audit?from=2026-01-01&until=2026-01-02").await.assert_shows("Nothing of that kind");
    for odd in ["project=absent", "from=yesterday", "username=a%2Cb"] {
        browser
            .open(&format!("/admin/audit?{odd}"))
            .await
            .assert_status(200)
            .assert_shows("This cannot be looked for");
    }

    let csv = browser
        .ask(Method::GET, "/admin/audit/export?format=csv&project=team", None)
        .await
        .assert_status(200);
    assert!(csv.header("content-disposition").starts_with("attachment; "), "{csv:?}");
    let text = String::from_utf8_lossy(&csv.body).into_owned();
    assert!(text.starts_with("sequence,hash,id,time,operation,") && text.contains("team/app"), "{text}");
    assert!(!text.contains("login_user"), "{text}");
    let lines = browser.ask(Method::GET, "/admin/audit/export?format=json", None).await.assert_status(200);
    let rows = String::from_utf8_lossy(&lines.body).into_owned();
    assert!(rows.lines().count() > 3);
    for line in rows.lines() {
        serde_json::from_str::<serde_json::Value>(line).unwrap();
    }
    let api =
        registry.admin().get("/api/v2.0/auditlog-exts/export?q=username%3Dadmin").await.assert_status(200);
    api.assert_header("content-type", "text/csv; charset=utf-8");
}

#[tokio::test]
async fn directories_are_tested_and_looked_into() {
    let slapd = Slapd::builder().spawn().await;
    slapd.add_company().await;
    let ldap = value!({"ldap": {
        "urls": [slapd.url()], "bind_dn": Slapd::SEARCHER_DN, "bind_password": "search-password",
        "base_dn": "ou=people,dc=example,dc=org", "user_filter": "(objectClass=inetOrgPerson)",
    }});
    let issuers = value!([{ "issuer": "https://issuer.example" }]);
    let registry = with_accounts()
        .set("accounts.sources", value!([ldap]))
        .set("accounts.trust.issuers", issuers)
        .spawn()
        .await;
    let browser = Browser::admin(&registry).await;
    let page = browser.open("/admin/identity").await;
    let page = page.assert_shows("LDAP directory").assert_shows("https://issuer.example");
    let page = page.assert_lacks("search-password");
    browser
        .submit(&page, "/admin/identity/test", &[])
        .await
        .assert_shows("ldap answers, and is as it should be.");

    let page = browser.open("/admin/identity/people?name=ann").await.assert_shows("ann");
    let page = browser.submit(&page, "/admin/identity/people/import", &[]).await;
    page.assert_status(200).assert_shows("Added.").assert_shows("ann");
    browser
        .open("/admin/identity/people?name=nobodyatall")
        .await
        .assert_shows("No directory knows that name");
    drop(slapd);
    let page = browser.open("/admin/identity").await;
    browser.submit(&page, "/admin/identity/test", &[]).await.assert_shows("does not work");

    // A rule needs a robot to stand for.
    browser.open("/admin/identity/trust-rules/new").await.assert_shows("There is no robot of the system yet");
    let robot = value!({ "name": "ci", "level": "system", "duration": -1, "permissions": [{ "kind": "project",
        "namespace": "*", "access": [{ "resource": "repository", "action": "pull" }] }] });
    registry.admin().post_json("/api/v2.0/robots", &robot).await.assert_status(201);
    let page = browser.open("/admin/identity/trust-rules/new").await;
    let fields = [("name", "builds"), ("audience", "registry"), ("claims", "sub=repo:acme/*\nref=main")];
    let page =
        browser.submit(&page, "/admin/identity/trust-rules/new", &fields).await.assert_shows("Created.");
    let link = page
        .links()
        .into_iter()
        .find(|link| link.starts_with("/admin/identity/trust-rules/") && !link.ends_with("new"))
        .unwrap()
        .to_owned();
    let page = browser.open(&link).await.assert_shows("repo:acme/*").assert_shows("https://issuer.example");
    browser.submit(&page, &format!("{link}/delete"), &[]).await.assert_shows("There are no trust rules");
}

#[tokio::test]
async fn settings_change_and_what_the_file_says_does_not() {
    let registry = with_accounts()
        .set("accounts.robot_prefix", "bot-")
        .set("rate_limits.pulls.anonymous", 77)
        .spawn()
        .await;
    let (browser, admin) = (Browser::admin(&registry).await, registry.admin());
    let page = browser.open("/admin/configuration").await;
    let form = page.form("/admin/configuration");
    assert!(!form.has("robot_name_prefix") && form.has("robot_token_duration"));
    let page = page.assert_shows("bot-").assert_shows("rate_limits.pulls.anonymous").assert_shows("77");
    let fields = [("robot_token_duration", "0"), ("project_creation_restriction", "adminonly")];
    let page = browser.submit(&page, "/admin/configuration", &fields).await;
    let page = refused(page, 400, ("robot_token_duration", "0"));
    let fields = [("robot_token_duration", "90"), ("read_only", "on")];
    let page = browser.submit(&page, "/admin/configuration", &fields).await.assert_shows("Saved.");
    let now = json(&admin, "/configurations").await;
    assert_eq!(now["robot_token_duration"]["value"], 90);
    assert_eq!(now["project_creation_restriction"]["value"], "adminonly");
    assert_eq!(now["read_only"]["value"], true);
    browser.open("/admin").await.assert_shows("The registry is read-only");
    let page =
        browser.submit(&page, "/admin/configuration", &[("read_only", "")]).await.assert_shows("Saved.");
    assert_eq!(json(&admin, "/configurations").await["read_only"]["value"], false);
    // As it came, nothing changes.
    let page = browser.submit(&page, "/admin/configuration", &[]).await.assert_lacks("Saved.");
    assert_eq!(page.path, "/admin/configuration");
}

#[tokio::test]
async fn quotas_and_labels_are_set() {
    let registry = with_accounts().spawn().await;
    registry.create_project("team", false).await;
    let (browser, admin) = (Browser::admin(&registry).await, registry.admin());
    let id = json(&admin, "/projects/team").await["project_id"].to_string();
    let at = format!("/admin/quotas/{id}");
    let page = browser.open(&at).await.assert_shows("no limit");
    let page = browser.submit(&page, &at, &[("gigabytes", "lots")]).await;
    let page = refused(page, 400, ("gigabytes", "lots"));
    browser.submit(&page, &at, &[("gigabytes", "1.5")]).await.assert_shows("of 1.5 GB");
    assert_eq!(json(&admin, &format!("/quotas/{id}")).await["hard"]["storage"], 1_500_000_000);
    browser.open("/admin/quotas").await.assert_shows("of 1.5 GB");

    let page = browser.open("/admin/labels").await;
    let fields = [("name", "<i>good</i>"), ("color", "#0065ab")];
    let page = browser.submit(&page, "/admin/labels", &fields).await.assert_shows("<i>good</i>");
    let page = browser.submit(&page, "/admin/labels", &[("name", "<i>good</i>")]).await;
    refused(page, 409, ("name", "<i>good</i>"));
    let label = json(&admin, "/labels?scope=g").await[0]["id"].to_string();
    let at = format!("/admin/labels/{label}");
    let page = browser.open(&at).await;
    browser.submit(&page, &at, &[("description", "tried")]).await.assert_shows("Saved.");
    assert_eq!(json(&admin, &format!("/labels/{label}")).await["description"], "tried");
    let page = browser.open(&at).await;
    browser.submit(&page, &format!("{at}/delete"), &[]).await.assert_shows("Deleted.");
    assert_eq!(json(&admin, "/labels?scope=g").await, value!([]));
}

#[tokio::test]
async fn collection_is_explained_and_run() {
    let registry = with_accounts().set("undelete.window", "1h").spawn().await;
    let (browser, admin) = (Browser::admin(&registry).await, registry.admin());
    registry.create_project("team", false).await;
    let content = image().build();
    admin.push_image("team/app", "v1", &content).await;
    let path = "/api/v2.0/projects/team/repositories/app/artifacts/v1";
    admin.delete(path).await.assert_status(200);
    let page = browser.open("/admin/collection").await;
    let now = browser.submit(&page, "/admin/collection/preview", &[("ahead", "0")]).await;
    now.assert_shows("Nothing would go");
    let later = browser.submit(&page, "/admin/collection/preview", &[("ahead", "86400")]).await;
    let later = later.assert_shows("deleted, and can no longer be restored").assert_shows("team/app");
    assert_eq!(later.form("/admin/collection/preview").value("ahead"), Some("86400"));
    let seen = json(&admin, "/system/gc/preview?ahead=86400").await;
    assert_eq!((&seen["manifests"], &seen["complete"]), (&value!(1), &value!(true)), "{seen}");
    // What lies beyond counts as the nearest.
    json(&admin, "/system/gc/preview?ahead=-1").await;
    assert_eq!(json(&admin, "/system/gc/preview").await["items"], value!([]), "nothing is due now");

    let page = browser.submit(&page, "/admin/collection/run", &[]).await.assert_shows("Started.");
    drop(page);
    let mut last = value!(null);
    for _ in 0..300 {
        last = json(&admin, "/system/gc").await[0].clone();
        if last["job_status"] == "Success" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!((&last["job_status"], &last["username"]), (&value!("Success"), &value!("admin")), "{last}");
    browser.open("/admin/collection").await.assert_shows("done").assert_shows("admin");
    let row = json(&admin, "/audit-logs?q=resource_type%3Dcollection").await;
    assert_eq!(row[0]["operation"], "start", "{row}");
    let daily = value!({ "schedule": { "type": "Daily", "cron": "0 0 0 * * *" } });
    admin.post_json("/api/v2.0/system/gc/schedule", &daily).await.assert_status(400);

    // What nothing can be taken from is not asked.
    let only = value!({ "read_only": true });
    admin.put_json("/api/v2.0/configurations", &only).await.assert_status(200);
    browser.open("/admin/collection").await.assert_shows("The registry is read-only");
    let manual = value!({ "schedule": { "type": "Manual" } });
    admin.post_json("/api/v2.0/system/gc/schedule", &manual).await.assert_status(412);
}

#[tokio::test]
async fn jobs_that_fail_are_run_again_or_removed() {
    // Nobody listens there.
    let endpoints = value!([{ "name": "deaf", "url": "http://127.0.0.1:9/", "timeout": "1s", "threshold": 1, "backoff": "1h" }]);
    let registry = with_accounts().set("notifications.endpoints", endpoints).spawn().await;
    let (browser, admin) = (Browser::admin(&registry).await, registry.admin());
    registry.create_project("team", false).await;
    admin.push_image("team/app", "v1", &image().build()).await;
    let mut found = value!(null);
    let mut kind = String::new();
    for _ in 0..300 {
        let queues = json(&admin, "/jobservice/queues").await;
        for queue in queues.as_array().unwrap() {
            let name = queue["job_type"].as_str().unwrap();
            let jobs = json(&admin, &format!("/jobservice/jobs?job_type={}", name.replace('/', "%2F"))).await;
            if jobs[0]["attempts"].as_u64().unwrap_or_default() > 0 {
                (found, kind) = (jobs[0].clone(), name.to_owned());
            }
        }
        if !found.is_null() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(!found["last_error"].as_str().unwrap_or_default().is_empty(), "{found}");
    let page = browser.open("/admin/jobs").await.assert_shows(&kind);
    let link = page
        .links()
        .into_iter()
        .find(|link| link.starts_with("/admin/jobs?kind=") && link.ends_with("deaf"))
        .unwrap()
        .to_owned();
    let page = browser.open(&link).await.assert_shows(found["last_error"].as_str().unwrap());
    let id = found["id"].to_string();
    let page = browser.submit(&page, &format!("/admin/jobs/{id}/retry"), &[]).await.assert_shows("Started.");
    browser.submit(&page, &format!("/admin/jobs/{id}/stop"), &[]).await.assert_shows("Removed.");
    let jobs = json(&admin, &format!("/jobservice/jobs?job_type={}", kind.replace('/', "%2F"))).await;
    assert!(jobs.as_array().unwrap().iter().all(|job| job["id"] != found["id"]), "{jobs}");
    let stop = value!({ "action": "stop" });
    admin.put_json(&format!("/api/v2.0/jobservice/jobs/{id}"), &stop).await.assert_status(404);
}

#[tokio::test]
async fn the_next_key_follows_the_one_that_signs() {
    let registry = with_accounts().spawn().await;
    let (browser, admin) = (Browser::admin(&registry).await, registry.admin());
    let before = json(&admin, "/system/signing-keys").await;
    assert_eq!((before.as_array().unwrap().len(), &before[0]["state"]), (1, &value!("signing")));
    let page = browser.open("/admin/keys").await.assert_shows("EdDSA").assert_shows("signs");
    browser
        .submit(&page, "/admin/keys/rotate", &[])
        .await
        .assert_shows("Created.")
        .assert_shows("signs soon");
    let after = json(&admin, "/system/signing-keys").await;
    assert_eq!((&after[0]["state"], &after[1]["state"]), (&value!("next"), &value!("signing")));
    assert_eq!(after[1]["id"], before[0]["id"]);
    for _ in 0..6 {
        admin.post("/api/v2.0/system/signing-keys").await.assert_status(200);
    }
    admin.post("/api/v2.0/system/signing-keys").await.assert_status(412);
    let page = browser.submit(&page, "/admin/keys/rotate", &[]).await.assert_status(412);
    page.assert_shows("This was not done");
}
