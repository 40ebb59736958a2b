//! `/admin/users/ID`: one user, and what an administrator may change of them.

use maud::{Markup, html};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    desk::{self, Desk, fact},
    users::{User, role_word, standing},
};
use crate::{
    PageError, PageReply, Verb,
    answer::Answered,
    language::t,
    pairs::encode,
    ui::{self, Field},
};

#[derive(Deserialize)]
struct Session {
    id: String,
    #[serde(default)]
    address: String,
    #[serde(default)]
    creation_time: String,
    #[serde(default)]
    last_seen_time: String,
    #[serde(default)]
    current: bool,
}

#[derive(Deserialize)]
struct AccessToken {
    id: i64,
    name: String,
    #[serde(default)]
    creation_time: String,
    #[serde(default)]
    last_used_time: String,
}

#[derive(Deserialize)]
struct Group {
    id: i64,
    group_name: String,
    #[serde(default)]
    source: String,
}

pub(super) async fn answer(desk: &Desk<'_>, id: i64, rest: &[&str]) -> Answered {
    let at = format!("/users/{id}");
    let form = &desk.cx.request.form;
    let changed = match (rest, desk.cx.request.is_form) {
        ([], false) => return page(desk, id, None).await,
        (["role"], true) => {
            let role = json!({ "system_role": form.text("role").unwrap_or_default() });
            desk.cx.send(Verb::Put, format!("{at}/system_role"), &role).await
        }
        (["state"], true) => {
            let state = json!({ "disabled": form.text("state") == Some("disabled") });
            desk.cx.send(Verb::Put, format!("{at}/disabled"), &state).await
        }
        (["password"], true) => {
            let password = json!({ "new_password": form.raw("new_password").unwrap_or_default() });
            desk.cx.send(Verb::Put, format!("{at}/password"), &password).await
        }
        (["profile"], true) => desk.cx.send(Verb::Put, at, &profile(desk)).await,
        (["delete"], true) => {
            return remove(desk, id).await;
        }
        (["sessions", session, "end"], true) => {
            let target = format!("{at}/sessions/{}", encode(session));
            desk.cx.send_empty(Verb::Delete, target).await
        }
        (["tokens", token, "delete"], true) => {
            let target = format!("{at}/tokens/{}", desk::number(token)?);
            desk.cx.send_empty(Verb::Delete, target).await
        }
        _ => return Err(PageError::NotFound),
    };
    let word = match rest.first() {
        Some(&"sessions") => "ended",
        Some(&"tokens") => "deleted",
        _ => "saved",
    };
    match changed {
        Ok(_) => Ok(PageReply::see_other(format!("/admin/users/{id}?done={word}"))),
        Err(error) => page(desk, id, Some(&desk::refused(error)?)).await,
    }
}

fn profile(desk: &Desk<'_>) -> Value {
    let typed = |name| desk.cx.request.form.text(name).unwrap_or_default();
    json!({ "realname": typed("realname"), "email": typed("email"), "comment": typed("comment") })
}

async fn remove(desk: &Desk<'_>, id: i64) -> Answered {
    match desk.cx.send_empty(Verb::Delete, format!("/users/{id}")).await {
        Ok(_) => Ok(PageReply::see_other("/admin/users?done=deleted")),
        Err(error) => page(desk, id, Some(&desk::refused(error)?)).await,
    }
}

async fn page(desk: &Desk<'_>, id: i64, problem: Option<&PageError>) -> Answered {
    let cx = desk.cx;
    let user: User = cx.get(format!("/users/{id}")).await?;
    let groups: Vec<Group> = cx.look(format!("/users/{id}/groups")).await?.unwrap_or_default();
    let sessions: Vec<Session> = cx.look(format!("/users/{id}/sessions")).await?.unwrap_or_default();
    let tokens: Vec<AccessToken> =
        cx.look(format!("/users/{id}/tokens?page_size=100")).await?.unwrap_or_default();
    let may_update = desk.may("user:update");
    let body = html! {
        (ui::problem(cx, problem))
        (facts(desk, &user, &groups))
        h2 { (t!(cx, "Sessions", "会话")) }
        (sessions_part(desk, id, &sessions))
        @if !tokens.is_empty() {
            h2 { (t!(cx, "Access tokens", "访问令牌")) }
            (tokens_part(desk, id, &tokens))
        }
        @if may_update { (forms(desk, &user)) }
        @if desk.may("user:delete") {
            h2 { (t!(cx, "Delete", "删除")) }
            (ui::confirm(cx, &t!(cx, "Delete this user", "删除该用户"), &format!("/admin/users/{id}/delete"), html! {
                p {
                    (t!(cx, "Memberships, access tokens and sessions go, too. What {name} pushed stays.",
                        "成员身份、访问令牌和会话会一并删除；{name} 推送的内容会保留。", name = user.username))
                }
            }))
        }
    };
    Ok(desk::with_refusal(desk.page("users", &user.username, body), problem))
}

fn facts(desk: &Desk<'_>, user: &User, groups: &[Group]) -> Markup {
    let cx = desk.cx;
    html! {
        dl class="facts" {
            (fact(&t!(cx, "State", "状态"), standing(cx, user.disabled)))
            (fact(&t!(cx, "Role", "角色"), html! {
                (role_word(cx, &user.system_role))
                @if user.admin_role_in_auth {
                    " " span class="quiet" { (t!(cx, "(by a group of the source)", "（由身份源的组授予）")) }
                }
            }))
            (fact(&t!(cx, "Source", "来源"), html! { (user.source) }))
            (fact(&t!(cx, "Full name", "姓名"), html! { (user.realname) }))
            (fact(&t!(cx, "E-mail", "邮箱"), html! { (user.email) }))
            (fact(&t!(cx, "Remark", "备注"), html! { (user.comment) }))
            (fact(&t!(cx, "Groups", "用户组"), html! {
                @if groups.is_empty() { span class="none" { "–" } }
                @for (n, group) in groups.iter().enumerate() {
                    @if n > 0 { ", " }
                    a href={ "/admin/groups/" (group.id) } { (group.group_name) }
                    " " span class="quiet" { "(" (group.source) ")" }
                }
            }))
            (fact(&t!(cx, "Created", "创建时间"), ui::moment(cx, &user.creation_time)))
            (fact(&t!(cx, "Last login", "上次登录"), ui::moment(cx, &user.last_login_time)))
        }
        p {
            a href={ "/admin/audit?username=" (encode(&user.username)) } { (t!(cx, "What this user did", "该用户的操作记录")) }
        }
    }
}

fn sessions_part(desk: &Desk<'_>, id: i64, sessions: &[Session]) -> Markup {
    let cx = desk.cx;
    if sessions.is_empty() {
        return html! { p class="quiet" { (t!(cx, "Not logged in on the pages.", "当前未在网页登录。")) } };
    }
    let label = t!(cx, "Sessions", "会话");
    let heads = [
        t!(cx, "From", "来自"),
        t!(cx, "Since", "登录时间"),
        t!(cx, "Last seen", "最近活动"),
        t!(cx, "Action", "操作"),
    ];
    let rows = html! {
        @for session in sessions {
            tr {
                td { (session.address) @if session.current { " " span class="mark" { (t!(cx, "this one", "本会话")) } } }
                td { (ui::moment(cx, &session.creation_time)) }
                td { (ui::moment(cx, &session.last_seen_time)) }
                td {
                    @if desk.may("user:update") {
                        (ui::form(cx, &format!("/admin/users/{id}/sessions/{}/end", encode(&session.id)), html! {
                            button class="second" { (t!(cx, "End", "结束")) }
                        }))
                    }
                }
            }
        }
    };
    ui::table(&label, &heads, rows)
}

fn tokens_part(desk: &Desk<'_>, id: i64, tokens: &[AccessToken]) -> Markup {
    let cx = desk.cx;
    let label = t!(cx, "Access tokens", "访问令牌");
    let heads = [
        t!(cx, "Name", "名称"),
        t!(cx, "Created", "创建时间"),
        t!(cx, "Last used", "最近使用"),
        t!(cx, "Action", "操作"),
    ];
    let rows = html! {
        @for token in tokens {
            tr {
                td { (token.name) }
                td { (ui::moment(cx, &token.creation_time)) }
                td { (ui::moment(cx, &token.last_used_time)) }
                td {
                    @if desk.may("user:update") {
                        (ui::confirm(cx, &t!(cx, "Revoke", "吊销"), &format!("/admin/users/{id}/tokens/{}/delete", token.id),
                            html! { p { (t!(cx, "Programs that use it can log in no more.", "使用它的程序将无法再登录。")) } }))
                    }
                }
            }
        }
    };
    ui::table(&label, &heads, rows)
}

fn forms(desk: &Desk<'_>, user: &User) -> Markup {
    let cx = desk.cx;
    let id = user.user_id;
    // A form that was refused holds what was typed.
    let held = |name: &str, stored: &str| cx.request.form.raw(name).unwrap_or(stored).to_owned();
    let (real_name, email, comment) =
        (held("realname", &user.realname), held("email", &user.email), held("comment", &user.comment));
    let roles = [
        ("none", t!(cx, "User: sees and does what projects allow", "普通用户：权限由项目决定")),
        ("auditor", t!(cx, "Auditor: sees everything, changes nothing", "审计员：可查看全部，不可修改")),
        ("admin", t!(cx, "Administrator: may do everything", "系统管理员：拥有全部权限")),
    ];
    let (state, button) = match user.disabled {
        true => ("active", t!(cx, "Let this user log in again", "允许该用户重新登录")),
        false => ("disabled", t!(cx, "Disable: no login, sessions end", "停用：禁止登录并结束会话")),
    };
    html! {
        h2 { (t!(cx, "Change", "修改")) }
        (ui::form(cx, &format!("/admin/users/{id}/role"), html! {
            (ui::select("role", &t!(cx, "Role in the system", "系统角色"), &roles, &user.system_role))
            button { (t!(cx, "Set role", "设置角色")) }
        }))
        (ui::form(cx, &format!("/admin/users/{id}/state"), html! {
            input type="hidden" name="state" value=(state);
            button class="second" { (button) }
        }))
        @if user.source == "local" {
            (ui::form(cx, &format!("/admin/users/{id}/password"), html! {
                (ui::field(&Field { name: "new_password", label: t!(cx, "New password", "新密码"), kind: "password",
                    is_required: true, autocomplete: "new-password",
                    hint: t!(cx, "The user's sessions end.", "该用户的所有会话将结束。"), ..Field::default() }))
                button { (t!(cx, "Set password", "设置密码")) }
            }))
        }
        (ui::form(cx, &format!("/admin/users/{id}/profile"), html! {
            (ui::field(&Field { name: "realname", label: t!(cx, "Full name", "姓名"), value: &real_name, ..Field::default() }))
            (ui::field(&Field { name: "email", label: t!(cx, "E-mail", "邮箱"), kind: "email", value: &email,
                ..Field::default() }))
            (ui::field(&Field { name: "comment", label: t!(cx, "Remark", "备注"), value: &comment, ..Field::default() }))
            button { (t!(cx, "Save", "保存")) }
        }))
    }
}
