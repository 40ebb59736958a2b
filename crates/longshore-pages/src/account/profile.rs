//! `/profile`: who somebody is here, and what they may change of it.

use maud::{Markup, html};
use serde::Deserialize;
use serde_json::json;

use super::person::{self, Person};
use crate::{
    PageError, PageReply, Verb,
    answer::Answered,
    cx::Cx,
    language::t,
    ui::{self, Field},
};

/// A group as the management API shows it.
#[derive(Deserialize)]
struct Group {
    group_name: String,
}

/// Shows them; `problem` is why a change was not taken.
pub(super) async fn page(cx: &Cx<'_>, problem: Option<PageError>) -> Answered {
    let person = Person::who_looks(cx).await?;
    let groups: Vec<Group> = cx.get(format!("/users/{}/groups", person.user_id)).await?;
    let title = person.username.clone();
    let body = html! {
        (facts(cx, &person, &groups))
        h2 { (t!(cx, "Change details", "修改资料")) }
        (ui::problem(cx, problem.as_ref()))
        (form(cx, &person))
    };
    let page = person::page(cx, &person, "/profile", &title, body);
    Ok(person::with_status_of(page, problem.as_ref()))
}

fn facts(cx: &Cx<'_>, person: &Person, groups: &[Group]) -> Markup {
    let source = match person.is_local() {
        true => t!(cx, "This registry", "本镜像仓库"),
        false => person.source.clone(),
    };
    let names: Vec<_> = groups.iter().map(|group| group.group_name.as_str()).collect();
    html! {
        dl class="facts" {
            dt { (t!(cx, "Name to sign in with", "登录名")) } dd { (person.username) }
            dt { (t!(cx, "Real name", "姓名")) } dd { (or_none(&person.realname)) }
            dt { (t!(cx, "Email", "邮箱")) } dd { (or_none(&person.email)) }
            dt { (t!(cx, "Remark", "备注")) } dd { (or_none(&person.comment)) }
            dt { (t!(cx, "In the system", "系统角色")) } dd { (role(cx, person)) }
            dt { (t!(cx, "Password kept by", "身份来源")) } dd { (source) }
            dt { (t!(cx, "Groups", "用户组")) } dd { (or_none(&names.join(", "))) }
            dt { (t!(cx, "Here since", "创建时间")) } dd { (ui::moment(cx, &person.creation_time)) }
            dt { (t!(cx, "Last sign-in", "上次登录")) } dd { (ui::moment(cx, &person.last_login_time)) }
        }
    }
}

fn or_none(text: &str) -> Markup {
    html! { @if text.is_empty() { span class="none" { "–" } } @else { (text) } }
}

fn role(cx: &Cx<'_>, person: &Person) -> String {
    match person.system_role.as_str() {
        "admin" => t!(cx, "Administrator", "系统管理员"),
        "auditor" => t!(cx, "Auditor: sees everything, changes nothing", "审计员：可查看全部内容，不能修改"),
        _ => t!(cx, "User: what projects allow", "普通用户：权限由各项目授予"),
    }
}

/// As it was typed, after it was not taken.
fn form(cx: &Cx<'_>, person: &Person) -> Markup {
    let typed = |name: &str, now: &str| match cx.request.is_form {
        true => cx.request.form.text(name).unwrap_or_default().to_owned(),
        false => now.to_owned(),
    };
    let (email, realname) = (typed("email", &person.email), typed("realname", &person.realname));
    let comment = typed("comment", &person.comment);
    ui::form(
        cx,
        "/profile",
        html! {
            (ui::field(&Field { name: "realname", label: t!(cx, "Real name", "姓名"), value: &realname, autocomplete: "name",
                ..Field::default() }))
            (ui::field(&Field { name: "email", label: t!(cx, "Email", "邮箱"), kind: "email", value: &email,
                autocomplete: "email", ..Field::default() }))
            (ui::field(&Field { name: "comment", label: t!(cx, "Remark", "备注"), value: &comment, ..Field::default() }))
            @if !person.is_local() {
                p class="hint" {
                    (t!(cx, "{source} may change these at your next sign-in.", "下次登录时，{source} 可能会更新这些信息。",
                        source = person.source))
                }
            }
            button { (t!(cx, "Save", "保存")) }
        },
    )
}

/// Takes the form.
pub(super) async fn change(cx: &Cx<'_>) -> Answered {
    let person = Person::who_looks(cx).await?;
    let text = |name| cx.request.form.text(name).unwrap_or_default();
    let body = json!({ "email": text("email"), "realname": text("realname"), "comment": text("comment") });
    match cx.send(Verb::Put, format!("/users/{}", person.user_id), &body).await {
        Ok(_) => Ok(PageReply::see_other("/profile?done=saved")),
        Err(problem @ (PageError::Refused(..) | PageError::Forbidden(_))) => page(cx, Some(problem)).await,
        Err(problem) => Err(problem),
    }
}
