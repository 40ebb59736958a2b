//! What a page shows where it cannot show what was asked for: what happened, and what to do.

use maud::html;
use serde::Deserialize;

use crate::{ApiAnswer, PageReply, cx::Cx, language::t, layout, pairs::Pairs};

/// Why there is no page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PageError {
    /// There is nothing here, as far as this person may know.
    NotFound,
    /// Somebody must log in first.
    SignInNeeded,
    /// They may not; in the management API's words.
    Forbidden(String),
    /// What was sent is not taken: status and reason, in the management API's words. Pages with a form show it there.
    Refused(u16, String),
    /// The management API failed, or said something that is not understood; what is for the log.
    Failed(String),
}

impl PageError {
    /// The error in an answer that is none of success.
    pub(crate) fn of(answer: &ApiAnswer) -> Self {
        match answer.status {
            401 => Self::SignInNeeded,
            403 => Self::Forbidden(message(&answer.body)),
            404 => Self::NotFound,
            400..=499 => Self::Refused(answer.status, message(&answer.body)),
            status => Self::Failed(format!("the management API answered {status}")),
        }
    }

    /// Of HTTP.
    pub(crate) fn status(&self) -> u16 {
        match self {
            Self::NotFound => 404,
            Self::SignInNeeded => 401,
            Self::Forbidden(_) => 403,
            Self::Refused(status, _) => *status,
            Self::Failed(_) => 500,
        }
    }
}

/// The first message in `{"errors":[{"code":…,"message":…}]}`.
fn message(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Body {
        errors: Vec<Entry>,
    }
    #[derive(Deserialize)]
    struct Entry {
        message: String,
    }
    let parsed = serde_json::from_slice::<Body>(body).ok();
    parsed.and_then(|body| body.errors.into_iter().next()).map(|entry| entry.message).unwrap_or_default()
}

/// The page about it. Who must log in is sent there, and comes back.
pub(crate) fn page(cx: &Cx<'_>, error: &PageError) -> PageReply {
    if *error == PageError::SignInNeeded && !cx.request.is_form {
        let next = Pairs::from([("next", cx.here().as_str())]);
        return PageReply::see_other(format!("/sign-in?{}", next.encode()));
    }
    if let PageError::Failed(cause) = error {
        tracing::error!(request_id = cx.request.request_id, path = cx.request.path, cause, "a page failed");
    }
    let (title, advice) = words(cx, error);
    let body = html! {
        h1 { (title) }
        p { (advice) }
        @if let PageError::Forbidden(reason) | PageError::Refused(_, reason) = error {
            @if !reason.is_empty() { p class="note" { (reason) } }
        }
        p {
            a href="/" { (t!(cx, "Go to the start", "回到首页")) }
            @if cx.request.caller.is_none() {
                " · " a href="/sign-in" { (t!(cx, "Sign in", "登录")) }
            }
        }
    };
    layout::page(cx, &title, body).with_status(error.status())
}

fn words(cx: &Cx<'_>, error: &PageError) -> (String, String) {
    match error {
        PageError::NotFound => (
            t!(cx, "Nothing here", "这里什么也没有"),
            t!(
                cx,
                "There is no such page, or you may not see it. Names are written as in docker pull; somebody who may could add you to the project.",
                "没有这个页面，或者您无权查看。名称的写法与 docker pull 相同；有权限的人可以把您加入项目。"
            ),
        ),
        PageError::SignInNeeded => (
            t!(cx, "Please sign in", "请先登录"),
            t!(
                cx,
                "Your session has ended. Sign in and send the form again.",
                "您的会话已结束。请登录后重新提交表单。"
            ),
        ),
        PageError::Forbidden(_) => (
            t!(cx, "You may not do this", "您无权执行此操作"),
            t!(
                cx,
                "Ask an administrator of the project for the role that it needs.",
                "请向项目管理员申请所需的角色。"
            ),
        ),
        PageError::Refused(..) => (
            t!(cx, "This was not done", "操作未完成"),
            t!(
                cx,
                "Go back, change what is said below, and send it again.",
                "请返回，按下面的提示修改后重新提交。"
            ),
        ),
        PageError::Failed(_) => (
            t!(cx, "Something broke", "出错了"),
            t!(
                cx,
                "Try again in a moment. If it stays, tell whoever looks after this registry: {id}.",
                "请稍后再试。如果问题持续存在，请把此编号告诉管理员：{id}。",
                id = cx.request.request_id
            ),
        ),
    }
}
