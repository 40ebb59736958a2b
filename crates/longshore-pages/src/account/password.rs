//! `/profile/password`: another password, for those whose password lies here.

use maud::html;
use serde_json::json;

use super::person::{self, Person};
use crate::{
    PageError, PageReply, Verb,
    answer::Answered,
    cx::Cx,
    language::t,
    ui::{self, Field},
};

const PATH: &str = "/profile/password";

/// Shows the form, always empty; `problem` is why one was not taken.
pub(super) async fn page(cx: &Cx<'_>, problem: Option<PageError>) -> Answered {
    let person = Person::who_looks(cx).await?;
    let title = t!(cx, "Password", "密码");
    let body = match person.is_local() {
        true => html! { (ui::problem(cx, problem.as_ref())) (form(cx)) },
        false => html! {
            p {
                (t!(
                    cx,
                    "Your password is kept by {source}. Change it there.",
                    "您的密码由 {source} 管理，请在那里修改。",
                    source = person.source
                ))
            }
            p {
                (t!(cx, "For docker login and programs, make an ", "docker login 和程序请使用"))
                a href="/profile/tokens" { (t!(cx, "access token", "访问令牌")) } (t!(cx, ".", "。"))
            }
        },
    };
    let page = person::page(cx, &person, PATH, &title, body);
    Ok(person::with_status_of(page, problem.as_ref()))
}

fn form(cx: &Cx<'_>) -> maud::Markup {
    let field = |name, label, autocomplete, hint| {
        ui::field(&Field {
            name,
            label,
            kind: "password",
            hint,
            is_required: true,
            autocomplete,
            ..Field::default()
        })
    };
    let rules = t!(
        cx,
        "8 to 128 characters, among them an upper-case letter, a lower-case letter and a digit.",
        "8 到 128 个字符，至少包含一个大写字母、一个小写字母和一个数字。"
    );
    let none = String::new;
    ui::form(
        cx,
        PATH,
        html! {
            (field("old_password", t!(cx, "Password so far", "当前密码"), "current-password", none()))
            (field("new_password", t!(cx, "New password", "新密码"), "new-password", rules))
            (field("again", t!(cx, "New password once more", "再次输入新密码"), "new-password", none()))
            p class="hint" {
                (t!(cx, "All your other sessions end. Access tokens stay good.", "您的其他会话都会结束，访问令牌仍然有效。"))
            }
            button { (t!(cx, "Change the password", "修改密码")) }
        },
    )
}

/// Takes the form.
pub(super) async fn change(cx: &Cx<'_>) -> Answered {
    let person = Person::who_looks(cx).await?;
    let secret = |name| cx.request.form.raw(name).unwrap_or_default();
    let new = secret("new_password");
    if new != secret("again") {
        let reason =
            t!(cx, "the new password was typed differently the second time", "两次输入的新密码不一致");
        return page(cx, Some(PageError::Refused(400, reason))).await;
    }
    if secret("old_password").is_empty() {
        let reason = t!(cx, "the password so far is missing", "缺少当前密码");
        return page(cx, Some(PageError::Refused(400, reason))).await;
    }
    let body = json!({ "old_password": secret("old_password"), "new_password": new });
    match cx.send(Verb::Put, format!("/users/{}/password", person.user_id), &body).await {
        Ok(_) => Ok(PageReply::see_other(format!("{PATH}?done=saved"))),
        Err(problem @ (PageError::Refused(..) | PageError::Forbidden(_))) => page(cx, Some(problem)).await,
        Err(problem) => Err(problem),
    }
}
