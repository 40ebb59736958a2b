//! `/admin/users`: who there is, and making somebody a user.

use maud::{Markup, html};
use serde::Deserialize;
use serde_json::json;

use super::{
    desk::{self, Desk},
    user,
};
use crate::{
    PageError, PageReply, Verb,
    answer::Answered,
    cx::Cx,
    language::t,
    ui::{self, Field},
};

/// A user as the management API shows them.
#[derive(Deserialize)]
pub(super) struct User {
    pub(super) user_id: i64,
    pub(super) username: String,
    #[serde(default)]
    pub(super) email: String,
    #[serde(default)]
    pub(super) realname: String,
    #[serde(default)]
    pub(super) comment: String,
    #[serde(default)]
    pub(super) creation_time: String,
    #[serde(default)]
    pub(super) last_login_time: String,
    #[serde(default)]
    pub(super) system_role: String,
    #[serde(default)]
    pub(super) admin_role_in_auth: bool,
    #[serde(default)]
    pub(super) source: String,
    #[serde(default)]
    pub(super) disabled: bool,
}

pub(super) async fn answer(desk: &Desk<'_>, rest: &[&str]) -> Answered {
    match (rest, desk.cx.request.is_form) {
        ([], false) => list(desk).await,
        (["new"], false) => new_page(desk, None),
        (["new"], true) => create(desk).await,
        ([id, rest @ ..], _) => user::answer(desk, desk::number(id)?, rest).await,
        _ => Err(PageError::NotFound),
    }
}

/// What somebody is beyond projects, in words.
pub(super) fn role_word(cx: &Cx<'_>, role: &str) -> String {
    match role {
        "admin" => t!(cx, "Administrator", "系统管理员"),
        "auditor" => t!(cx, "Auditor", "审计员"),
        _ => t!(cx, "User", "普通用户"),
    }
}

/// Whether somebody may log in, in words.
pub(super) fn standing(cx: &Cx<'_>, is_disabled: bool) -> Markup {
    html! {
        @if is_disabled { span class="mark bad" { (t!(cx, "disabled", "已停用")) } }
        @else { span class="mark good" { (t!(cx, "active", "正常")) } }
    }
}

async fn list(desk: &Desk<'_>) -> Answered {
    let cx = desk.cx;
    let filter = desk::filters(&[("username", "~", cx.request.query.text("name"))]);
    let found = cx.list::<User>(format!("/users?{}{filter}", desk::part(cx))).await?;
    let title = desk.title("users");
    let heads = [
        t!(cx, "Name", "用户名"),
        t!(cx, "Full name", "姓名"),
        t!(cx, "E-mail", "邮箱"),
        t!(cx, "Role", "角色"),
        t!(cx, "Source", "来源"),
        t!(cx, "Last login", "上次登录"),
        t!(cx, "State", "状态"),
    ];
    let rows = html! {
        @for user in &found.entries {
            tr {
                th scope="row" { a href={ "/admin/users/" (user.user_id) } { (user.username) } }
                td { (user.realname) }
                td { (user.email) }
                td { (role_word(cx, &user.system_role)) }
                td { (user.source) }
                td { (ui::moment(cx, &user.last_login_time)) }
                td { (standing(cx, user.disabled)) }
            }
        }
    };
    let nothing = ui::empty(
        &t!(cx, "Nobody has such a name", "没有符合条件的用户"),
        html! { p { a href="/admin/users" { (t!(cx, "Show everybody", "显示全部用户")) } } },
    );
    let body = html! {
        (desk.create_link("user:create", "/admin/users/new", &t!(cx, "New user", "新建用户")))
        (desk::search_form(cx, &t!(cx, "A part of the name", "用户名包含")))
        (desk::listing(cx, &title, &heads, rows, found.total, nothing))
    };
    Ok(desk.page("users", &title, body))
}

fn new_page(desk: &Desk<'_>, problem: Option<&PageError>) -> Answered {
    if !desk.may("user:create") {
        return Err(PageError::NotFound);
    }
    let cx = desk.cx;
    let title = t!(cx, "New user", "新建用户");
    let form = &cx.request.form;
    let typed = |name| form.text(name).unwrap_or_default();
    let body = html! {
        (ui::problem(cx, problem))
        (ui::form(cx, "/admin/users/new", html! {
            (ui::field(&Field { name: "username", label: t!(cx, "Name to log in with", "登录用户名"), value: typed("username"),
                is_required: true, ..Field::default() }))
            (ui::field(&Field { name: "password", label: t!(cx, "Password", "密码"), kind: "password", is_required: true,
                autocomplete: "new-password",
                hint: t!(cx, "8 to 128 characters, among them an upper-case letter, a lower-case letter and a digit.",
                    "8 至 128 个字符，须包含大写字母、小写字母和数字。"),
                ..Field::default() }))
            (ui::field(&Field { name: "realname", label: t!(cx, "Full name", "姓名"), value: typed("realname"),
                ..Field::default() }))
            (ui::field(&Field { name: "email", label: t!(cx, "E-mail", "邮箱"), kind: "email", value: typed("email"),
                ..Field::default() }))
            (ui::field(&Field { name: "comment", label: t!(cx, "Remark", "备注"), value: typed("comment"),
                ..Field::default() }))
            button { (t!(cx, "Create", "创建")) }
        }))
        p class="quiet" {
            (t!(cx, "People of a directory or a provider become users at their first login.",
                "来自目录或身份提供方的人员会在首次登录时自动成为用户。"))
        }
    };
    Ok(desk::with_refusal(desk.page("users", &title, body), problem))
}

async fn create(desk: &Desk<'_>) -> Answered {
    let form = &desk.cx.request.form;
    let typed = |name| form.text(name).unwrap_or_default();
    let user = json!({
        "username": typed("username"),
        "password": form.raw("password").unwrap_or_default(),
        "realname": typed("realname"),
        "email": typed("email"),
        "comment": typed("comment"),
    });
    match desk.cx.send(Verb::Post, "/users", &user).await {
        Ok(answer) => Ok(PageReply::see_other(match desk::created_number(answer.location.as_deref()) {
            Some(id) => format!("/admin/users/{id}?done=created"),
            None => "/admin/users?done=created".to_owned(),
        })),
        Err(error) => new_page(desk, Some(&desk::refused(error)?)),
    }
}
