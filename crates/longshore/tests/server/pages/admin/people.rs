//! Users, groups and roles.

use serde_json::json as value;

use super::{Browser, json, refused, user_id, with_accounts};

#[tokio::test]
async fn users_are_made_changed_and_deleted() {
    let registry = with_accounts().spawn().await;
    let (browser, admin) = (Browser::admin(&registry).await, registry.admin());
    let page = browser.open("/admin/users/new").await;
    let fields =
        [("username", "bea"), ("password", "weak"), ("realname", "<b>Bea</b>"), ("email", "bea@example.org")];
    let page = browser.submit(&page, "/admin/users/new", &fields).await;
    let page = refused(page, 400, ("realname", "<b>Bea</b>")).assert_lacks("value=\"weak\"");
    let page = browser.submit(&page, "/admin/users/new", &[("password", "Good1234")]).await;
    let page = page.assert_status(200).assert_shows("Created.").assert_shows("<b>Bea</b>");
    let id = user_id(&admin, "bea").await;
    let at = format!("/admin/users/{id}");
    assert!(page.path.starts_with(&at), "{}", page.path);

    let taken = browser.open("/admin/users/new").await;
    let taken =
        browser.submit(&taken, "/admin/users/new", &[("username", "bea"), ("password", "Good1234")]).await;
    refused(taken, 409, ("username", "bea"));

    // Role, profile, password, sessions, standing.
    let bea = Browser::new(&registry);
    bea.sign_in("bea", "Good1234").await.assert_status(200);
    let page = browser.submit(&page, &format!("{at}/role"), &[("role", "auditor")]).await;
    let page = page.assert_shows("Saved.").assert_shows("Auditor");
    bea.open("/admin/users").await.assert_status(200);
    let page = browser.submit(&page, &format!("{at}/role"), &[("role", "none")]).await;
    let page = browser.submit(&page, &format!("{at}/profile"), &[("comment", "from Oslo")]).await;
    page.assert_shows("from Oslo");
    let sessions = json(&admin, &format!("/users/{id}/sessions")).await;
    let session = sessions[0]["id"].as_str().unwrap();
    let page = browser.open(&at).await;
    let page = browser.submit(&page, &format!("{at}/sessions/{session}/end"), &[]).await;
    page.assert_shows("Ended.").assert_shows("Not logged in on the pages.");
    assert!(bea.open("/profile").await.path.starts_with("/sign-in"));
    let page = browser.open(&at).await;
    let page = browser.submit(&page, &format!("{at}/password"), &[("new_password", "Other1234")]).await;
    bea.sign_in("bea", "Good1234").await.assert_status(401);
    bea.sign_in("bea", "Other1234").await.assert_status(200);
    let page = browser.submit(&page, &format!("{at}/state"), &[]).await.assert_shows("disabled");
    bea.sign_in("bea", "Other1234").await.assert_status(401);
    let page = browser.submit(&page, &format!("{at}/state"), &[]).await.assert_shows("active");

    let page = browser.submit(&page, &format!("{at}/delete"), &[]).await.assert_shows("Deleted.");
    assert_eq!(page.path, "/admin/users?done=deleted");
    assert_eq!(json(&admin, "/users?q=username%3Dbea").await, value!([]));
    // The last administrator stays.
    let page = browser.open("/admin/users/1").await;
    let page = browser.submit(&page, "/admin/users/1/delete", &[]).await.assert_shows("This was not done");
    assert!(page.reply.status >= 400);
}

#[tokio::test]
async fn users_are_found_by_a_part_of_their_names() {
    let registry = with_accounts().spawn().await;
    for n in 0..30 {
        registry.create_user(&format!("worker{n:02}")).await;
    }
    registry.create_user("ann").await;
    let browser = Browser::admin(&registry).await;
    let page = browser.open("/admin/users").await.assert_shows("Page 1 of 2");
    let page = browser.submit(&page, "/admin/users", &[("name", "worker0")]).await;
    assert_eq!(page.rows().len(), 11, "{:?}", page.rows());
    browser.open("/admin/users?page=2").await.assert_shows("Page 2 of 2").assert_shows("worker29");
    browser.open("/admin/users?name=nobody").await.assert_shows("Nobody has such a name");
    browser.open("/admin/users?name=a%2Cb").await.assert_lacks("worker");
}

#[tokio::test]
async fn groups_are_made_and_deleted() {
    let registry = with_accounts().spawn().await;
    let (browser, admin) = (Browser::admin(&registry).await, registry.admin());
    browser.open("/admin/groups").await.assert_shows("There are no such groups");
    let page = browser.open("/admin/groups/new").await;
    let fields = [("group_type", "3"), ("group_name", "crew")];
    let page = browser.submit(&page, "/admin/groups/new", &fields).await.assert_shows("Created.");
    assert!(page.rows().iter().any(|row| row.contains("crew") && row.contains("OpenID")));
    let id = json(&admin, "/usergroups").await[0]["id"].to_string();
    let page = browser.open(&format!("/admin/groups/{id}")).await.assert_shows("crew");
    browser.submit(&page, &format!("/admin/groups/{id}/delete"), &[]).await.assert_shows("Deleted.");
    assert_eq!(json(&admin, "/usergroups").await, value!([]));
    browser.open(&format!("/admin/groups/{id}")).await.assert_status(404);
}

#[tokio::test]
async fn roles_are_named_sets_of_permissions() {
    let registry = with_accounts().spawn().await;
    let (browser, admin) = (Browser::admin(&registry).await, registry.admin());
    let page = browser.open("/admin/roles/new").await;
    let pull = ("permission", "repository:pull");
    let page = browser.submit(&page, "/admin/roles/new", &[("role_name", "guest"), pull]).await;
    let page = refused(page, page_status(&admin).await, ("role_name", "guest"));
    assert_eq!(
        page.form("/admin/roles/new").value("permission"),
        Some("repository:pull"),
        "the box stays ticked"
    );
    let page = browser.submit(&page, "/admin/roles/new", &[("role_name", "reader")]).await;
    page.assert_shows("Created.").assert_shows("reader");
    let roles = json(&admin, "/roles?page_size=100").await;
    let role = roles.as_array().unwrap().iter().find(|role| role["role_name"] == "reader").unwrap();
    assert_eq!(role["permissions"], value!([{ "resource": "repository", "action": "pull" }]));
    let at = format!("/admin/roles/{}", role["role_id"]);
    let page = browser.open(&at).await;
    let page = browser.submit(&page, &at, &[("permission", "repository:push")]).await.assert_shows("Saved.");
    let changed = json(&admin, &format!("/roles/{}", role["role_id"])).await;
    assert_eq!(changed["permissions"], value!([{ "resource": "repository", "action": "push" }]));
    browser.submit(&page, &format!("{at}/delete"), &[]).await.assert_shows("Deleted.").assert_lacks("reader");
}

/// What the management API answers whoever takes the name of a role that there is.
async fn page_status(admin: &longshore_testkit::Api) -> u16 {
    let role =
        value!({ "role_name": "guest", "permissions": [{ "resource": "repository", "action": "pull" }] });
    admin.post_json("/api/v2.0/roles", &role).await.status
}
