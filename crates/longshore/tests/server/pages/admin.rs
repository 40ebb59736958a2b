//! The pages of administration: who sees them, and what is done on them.

mod people;
mod robots;
mod system;

use longshore_testkit::{Api, TestRegistry};
use serde_json::{Value, json};

use super::{Browser, Page, with_accounts};

const API: &str = "/api/v2.0";

/// Each page of administration that there always is, with a word of it in both languages.
const PAGES: [(&str, &str, &str); 21] = [
    ("/admin", "Administration", "管理"),
    ("/admin/users", "Users", "用户"),
    ("/admin/users/1", "Sessions", "会话"),
    ("/admin/users/new", "New user", "新建用户"),
    ("/admin/groups", "Groups", "用户组"),
    ("/admin/groups/new", "New group", "新建用户组"),
    ("/admin/robots", "Robots", "机器人账户"),
    ("/admin/robots/new", "New robot", "新建系统机器人账户"),
    ("/admin/roles", "Project admin", "项目管理员"),
    ("/admin/roles/1", "cannot be changed", "不可修改"),
    ("/admin/roles/new", "New role", "新建角色"),
    ("/admin/audit", "Operation", "操作"),
    ("/admin/identity", "Passwords kept here", "本地密码"),
    ("/admin/identity/people", "People of the directories", "目录中的人员"),
    ("/admin/identity/trust-rules", "There are no trust rules", "没有信任规则"),
    ("/admin/configuration", "Who may make projects", "谁可以创建项目"),
    ("/admin/quotas", "no limit", "无限制"),
    ("/admin/labels", "New label", "新建标记"),
    ("/admin/jobs", "Nothing waits", "没有等待中的任务"),
    ("/admin/collection", "What would go?", "将会删除什么？"),
    ("/admin/keys", "Algorithm", "算法"),
];

/// Somebody who may see all of it and change nothing.
async fn auditor(registry: &TestRegistry) -> Browser {
    registry.create_user("auditor").await;
    let admin = registry.admin();
    let id = user_id(&admin, "auditor").await;
    let role = json!({ "system_role": "auditor" });
    admin.put_json(&format!("{API}/users/{id}/system_role"), &role).await.assert_status(200);
    Browser::user(registry, "auditor").await
}

async fn user_id(admin: &Api, name: &str) -> String {
    json(admin, &format!("/users?q=username%3D{name}")).await[0]["user_id"].to_string()
}

/// What the management API says to an administrator.
async fn json(admin: &Api, path: &str) -> Value {
    admin.get(&format!("{API}{path}")).await.assert_status(200).json()
}

#[tokio::test]
async fn administrators_see_every_page_in_both_languages() {
    let registry = with_accounts().spawn().await;
    let english = Browser::admin(&registry).await;
    let chinese = Browser::admin(&registry).await.speaking("zh-CN");
    for (path, in_english, in_chinese) in PAGES {
        english.open(path).await.assert_status(200).assert_shows(in_english);
        chinese.open(path).await.assert_status(200).assert_shows(in_chinese);
    }
}

#[tokio::test]
async fn to_others_there_is_no_such_page() {
    let registry = with_accounts().spawn().await;
    registry.create_user("ann").await;
    let (ann, nobody) = (Browser::user(&registry, "ann").await, Browser::new(&registry));
    let absent = ann.open("/profile/nothing/here").await.assert_status(404).text();
    for path in PAGES.iter().map(|(path, ..)| *path).chain(["/admin/nothing", "/admin/users/999"]) {
        assert_eq!(ann.open(path).await.assert_status(404).text(), absent, "{path}");
        assert!(nobody.open(path).await.path.starts_with("/sign-in?next="), "{path}");
    }
    // Also for what they would send.
    let token = ann.open("/projects").await.form("/sign-out").value("csrf").unwrap().to_owned();
    for path in ["/admin/users/new", "/admin/users/1/delete", "/admin/collection/run", "/admin/keys/rotate"] {
        ann.post(path, &[("csrf", &token)]).await.assert_status(404);
    }
    let admin = Browser::admin(&registry).await;
    for path in ["/admin/nothing", "/admin/users/999", "/admin/users/x", "/admin/robots/1/nothing"] {
        admin.open(path).await.assert_status(404);
    }
}

#[tokio::test]
async fn auditors_see_it_without_buttons() {
    let registry = with_accounts().spawn().await;
    let browser = auditor(&registry).await;
    for (path, ..) in PAGES {
        let page = browser.open(path).await;
        if path.ends_with("/new") {
            page.assert_status(404);
            continue;
        }
        let page = page.assert_status(200);
        let posts =
            page.main().named("form").into_iter().filter(|form| form.attribute("method") == Some("post"));
        let actions: Vec<_> = posts.filter_map(|form| form.attribute("action")).collect();
        assert!(actions.is_empty(), "{path}: {actions:?}");
    }
    let page = browser.open("/admin").await;
    let token = page.form("/sign-out").value("csrf").unwrap().to_owned();
    // Who sends it nevertheless is told so by the management API.
    let fields = [("csrf", token.as_str()), ("name", "x")];
    for path in ["/admin/labels", "/admin/collection/run", "/admin/keys/rotate", "/admin/configuration"] {
        let status = browser.post(path, &fields).await.status;
        assert!(status == 403 || (path == "/admin/configuration" && status != 200), "{path}: {status}");
    }
    assert_eq!(json(&registry.admin(), "/labels?scope=g").await, json!([]));
}

#[tokio::test]
async fn forms_of_others_do_nothing() {
    let registry = with_accounts().spawn().await;
    let browser = Browser::admin(&registry).await;
    for path in ["/admin/collection/run", "/admin/keys/rotate", "/admin/users/1/delete"] {
        browser.post(path, &[]).await.assert_status(403);
        browser.post(path, &[("csrf", "x")]).await.assert_status(403);
    }
    assert_eq!(json(&registry.admin(), "/system/gc").await, json!([]));
}

/// A page with a form that was refused: it says why and keeps what was typed.
fn refused(page: Page, status: u16, field: (&str, &str)) -> Page {
    let page = page.assert_status(status).assert_shows("This was not done");
    let (name, value) = field;
    let forms = page.main().named("form").into_iter().map(super::form::Form::of);
    let kept: Vec<_> = forms.filter_map(|form| form.value(name).map(str::to_owned)).collect();
    assert!(kept.iter().any(|kept| kept == value), "{name}: {kept:?}");
    page
}
