//! Who is a member of a project, and with which role.

use maud::{Markup, html};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Frame;
use crate::{
    PageError, PageReply, Verb,
    answer::Answered,
    cx::Cx,
    language::t,
    pairs::encode,
    rights::{number, refused, with_refusal},
    ui::{self, Field},
};

/// A member as the management API shows it.
#[derive(Deserialize)]
pub(super) struct Member {
    id: i64,
    pub(super) entity_name: String,
    role_name: String,
    role_id: i64,
    entity_type: String,
    #[serde(default)]
    repositories: String,
    #[serde(default)]
    pub(super) condition: String,
}

/// Of those that can be given. Who may not list them gives Harbor's five.
#[derive(Deserialize)]
struct Role {
    role_id: i64,
    role_name: String,
}

#[derive(Deserialize)]
struct Group {
    id: i64,
    group_name: String,
}

/// `/projects/NAME/-/members`.
pub(super) async fn page(frame: &Frame<'_>, problem: Option<&PageError>) -> Answered {
    let cx = frame.cx;
    let wanted = cx.request.query.text("q");
    let name = wanted.map(|name| format!("&entityname={}", encode(name))).unwrap_or_default();
    let page = ui::page_number(cx);
    let found = cx
        .list::<Member>(frame.api(&format!("/members?page={page}&page_size={}{name}", ui::PAGE_SIZE)))
        .await?;
    let title = t!(cx, "Members", "成员");
    let heads = [
        t!(cx, "Name", "名称"),
        t!(cx, "Kind", "类型"),
        t!(cx, "Role", "角色"),
        t!(cx, "Where", "范围"),
        t!(cx, "Condition", "条件"),
        t!(cx, "Change", "更改"),
    ];
    let rows = html! {
        @for member in &found.entries {
            tr {
                td { (member.entity_name) }
                td { (kind(cx, &member.entity_type)) }
                td { (role_word(cx, &member.role_name)) }
                td { (pattern(cx, &member.repositories)) }
                td { @if member.condition.is_empty() { span class="none" { "–" } } @else { (member.condition) } }
                td {
                    @if frame.may("member:update") || frame.may("member:delete") {
                        a href=(frame.path(&format!("members/{}", member.id)))
                            aria-label=(t!(cx, "Change {name}", "更改 {name}", name = member.entity_name)) {
                            (t!(cx, "Change", "更改"))
                        }
                    }
                }
            }
        }
    };
    let add = match frame.may("member:create") {
        true => add_form(frame, problem, &roles(cx).await?),
        false => html! {},
    };
    let body = html! {
        form class="inline" role="search" {
            (ui::field(&Field { name: "q", label: t!(cx, "Part of the name", "名称包含"), kind: "search",
                value: wanted.unwrap_or_default(), ..Field::default() }))
            button class="second" { (t!(cx, "Find", "查找")) }
        }
        @if found.total > 0 {
            (ui::table(&title, &heads, rows))
            (ui::pager(cx, found.total))
        } @else {
            (ui::empty(&t!(cx, "Nobody is a member like that.", "没有符合条件的成员。"), html! {
                p { (t!(cx, "Who is a member of a project that this one lies in, and administrators, count here without being listed.",
                    "上级项目的成员和系统管理员在此同样有效，但不会列出。")) }
            }))
        }
        (add)
    };
    Ok(with_refusal(frame.page("members", &title, body), problem))
}

fn add_form(frame: &Frame<'_>, problem: Option<&PageError>, roles: &[Role]) -> Markup {
    let (cx, form) = (frame.cx, &frame.cx.request.form);
    let kinds = [("u", t!(cx, "user", "用户")), ("g", t!(cx, "group", "用户组"))];
    html! {
        h2 { (t!(cx, "Add a member", "添加成员")) }
        (ui::problem(cx, problem))
        (ui::form(cx, &frame.path("members"), html! {
            (ui::select("kind", &t!(cx, "Kind", "类型"), &kinds, form.text("kind").unwrap_or("u")))
            (ui::field(&Field { name: "name", label: t!(cx, "Name", "名称"), is_required: true,
                value: form.text("name").unwrap_or_default(),
                hint: t!(cx, "The name that somebody signs in with, or that of a group which is known here.", "用户的登录名，或已知用户组的名称。"),
                ..Field::default() }))
            (grant_fields(cx, roles, form.text("role").unwrap_or("2"), form.text("repositories").unwrap_or_default(),
                form.text("condition").unwrap_or_default()))
            button { (t!(cx, "Add", "添加")) }
        }))
    }
}

/// Role, repositories, condition.
fn grant_fields(cx: &Cx<'_>, roles: &[Role], role: &str, repositories: &str, condition: &str) -> Markup {
    let numbers: Vec<_> = roles.iter().map(|role| role.role_id.to_string()).collect();
    let options: Vec<_> = numbers
        .iter()
        .zip(roles)
        .map(|(number, role)| (number.as_str(), role_word(cx, &role.role_name)))
        .collect();
    html! {
        (ui::select("role", &t!(cx, "Role", "角色"), &options, role))
        (ui::field(&Field { name: "repositories", label: t!(cx, "Repositories", "仓库"), value: repositories,
            hint: t!(cx, "Empty for all; a pattern such as web/** for some.", "留空表示全部；也可以用 web/** 这样的模式限定。"),
            ..Field::default() }))
        (ui::field(&Field { name: "condition", label: t!(cx, "Condition", "条件"), value: condition,
            hint: t!(cx, "The name of a policy that must allow it as well; empty for none.", "还须满足的策略的名称；留空表示没有条件。"),
            ..Field::default() }))
    }
}

/// `/projects/NAME/-/members/ID`.
pub(super) async fn one(frame: &Frame<'_>, id: &str, problem: Option<&PageError>) -> Answered {
    let (cx, form, id) = (frame.cx, &frame.cx.request.form, number(id)?);
    let member: Member = cx.get(frame.api(&format!("/members/{id}"))).await?;
    let mut roles = roles(cx).await?;
    if roles.iter().all(|role| role.role_id != member.role_id) {
        roles.push(Role { role_id: member.role_id, role_name: member.role_name.clone() });
    }
    let name = &member.entity_name;
    let title = t!(cx, "Member {name}", "成员 {name}");
    let path = frame.path(&format!("members/{id}"));
    let (role, is_form) = (member.role_id.to_string(), cx.request.is_form);
    let typed = |field, is: &str| if is_form { form.text(field).unwrap_or_default() } else { is }.to_owned();
    let body = html! {
        p { (kind(cx, &member.entity_type)) " · " (role_word(cx, &member.role_name)) }
        (ui::problem(cx, problem))
        @if frame.may("member:update") {
            (ui::form(cx, &path, html! {
                (grant_fields(cx, &roles, &typed("role", &role), &typed("repositories", &member.repositories),
                    &typed("condition", &member.condition)))
                button { (t!(cx, "Save", "保存")) }
            }))
        }
        @if frame.may("member:delete") {
            (ui::confirm(cx, &t!(cx, "Remove {name}", "移除 {name}"), &format!("{path}/remove"), html! {
                p { (t!(cx, "They lose what this membership gives them at once. Pushes and pulls under way may end.",
                    "此成员资格带来的权限立即失效，正在进行的推送和拉取可能中断。")) }
            }))
        }
        p { a href=(frame.path("members")) { (t!(cx, "All members", "全部成员")) } }
    };
    Ok(with_refusal(frame.page("members", &title, body), problem))
}

/// Somebody becomes a member.
pub(super) async fn add(frame: &Frame<'_>) -> Answered {
    match send_new(frame).await {
        Ok(()) => Ok(PageReply::see_other(format!("{}?done=added", frame.path("members")))),
        Err(PageError::NotFound) => {
            let words = t!(frame.cx, "nobody is called so", "没有这个用户或用户组");
            page(frame, Some(&PageError::Refused(404, words))).await
        }
        Err(error) => page(frame, Some(&refused(error)?)).await,
    }
}

async fn send_new(frame: &Frame<'_>) -> Result<(), PageError> {
    let form = &frame.cx.request.form;
    let name = form.text("name").unwrap_or_default();
    let mut body = grant(frame.cx)?;
    if form.text("kind") == Some("g") {
        body["member_group"] = json!({"id": group(frame.cx, name).await?});
    } else {
        body["member_user"] = json!({"username": name});
    }
    frame.cx.send(Verb::Post, frame.api("/members"), &body).await.map(drop)
}

async fn group(cx: &Cx<'_>, name: &str) -> Result<i64, PageError> {
    let target = format!("/usergroups/search?page_size=100&groupname={}", encode(name));
    let groups: Vec<Group> = cx.get(target).await?;
    let found = groups.iter().find(|group| group.group_name == name);
    found.map(|group| group.id).ok_or(PageError::NotFound)
}

fn grant(cx: &Cx<'_>) -> Result<Value, PageError> {
    let form = &cx.request.form;
    let role = form.text("role").and_then(|role| role.parse::<i64>().ok());
    let role = role.ok_or_else(|| PageError::Refused(400, t!(cx, "choose a role", "请选择角色")))?;
    Ok(json!({
        "role_id": role,
        "repositories": form.text("repositories").unwrap_or_default(),
        "condition": form.text("condition").unwrap_or_default(),
    }))
}

/// They get another role.
pub(super) async fn change(frame: &Frame<'_>, id: &str) -> Answered {
    let target = frame.api(&format!("/members/{}", number(id)?));
    let sent = async { frame.cx.send(Verb::Put, target, &grant(frame.cx)?).await };
    match sent.await {
        Ok(_) => Ok(PageReply::see_other(format!("{}?done=saved", frame.path("members")))),
        Err(error) => one(frame, id, Some(&refused(error)?)).await,
    }
}

/// They are no member any more.
pub(super) async fn remove(frame: &Frame<'_>, id: &str) -> Answered {
    let target = frame.api(&format!("/members/{}", number(id)?));
    match frame.cx.send_empty(Verb::Delete, target).await {
        Ok(_) => Ok(PageReply::see_other(format!("{}?done=removed", frame.path("members")))),
        Err(error) => one(frame, id, Some(&refused(error)?)).await,
    }
}

async fn roles(cx: &Cx<'_>) -> Result<Vec<Role>, PageError> {
    const HARBORS: [(i64, &str); 5] =
        [(1, "projectAdmin"), (4, "maintainer"), (2, "developer"), (3, "guest"), (5, "limitedGuest")];
    let listed: Option<Vec<Role>> = cx.look("/roles?page_size=100").await?;
    Ok(listed.unwrap_or_else(|| {
        HARBORS.iter().map(|&(role_id, name)| Role { role_id, role_name: name.to_owned() }).collect()
    }))
}

/// Harbor's roles in the words of the page; others have the names that they were given.
fn role_word(cx: &Cx<'_>, name: &str) -> String {
    match name {
        "projectAdmin" => t!(cx, "project admin", "项目管理员"),
        "maintainer" => t!(cx, "maintainer", "维护人员"),
        "developer" => t!(cx, "developer", "开发者"),
        "guest" => t!(cx, "guest", "访客"),
        "limitedGuest" => t!(cx, "limited guest", "受限访客"),
        other => other.to_owned(),
    }
}

fn kind(cx: &Cx<'_>, kind: &str) -> String {
    if kind == "g" { t!(cx, "group", "用户组") } else { t!(cx, "user", "用户") }
}

fn pattern(cx: &Cx<'_>, pattern: &str) -> Markup {
    html! {
        @if pattern.is_empty() { (t!(cx, "all repositories", "全部仓库")) } @else { code { (pattern) } }
    }
}
