//! The person who looks, and the pages that are about them.

use maud::{Markup, html};
use serde::Deserialize;

use crate::{PageError, PageReply, cx::Cx, language::t, layout, ui};

/// What vouches for users whose passwords lie here.
const LOCAL: &str = "local";

/// A user as the management API shows them.
#[derive(Debug, Deserialize)]
pub(super) struct Person {
    pub(super) user_id: i64,
    pub(super) username: String,
    pub(super) email: String,
    pub(super) realname: String,
    pub(super) comment: String,
    pub(super) system_role: String,
    pub(super) source: String,
    pub(super) creation_time: String,
    #[serde(default)]
    pub(super) last_login_time: String,
}

impl Person {
    /// Who looks.
    pub(super) async fn who_looks(cx: &Cx<'_>) -> Result<Self, PageError> {
        cx.get("/users/current").await
    }

    /// Whether their password lies here.
    pub(super) fn is_local(&self) -> bool {
        self.source == LOCAL
    }
}

/// A page about them; `current` is its path.
pub(super) fn page(cx: &Cx<'_>, person: &Person, current: &str, title: &str, body: Markup) -> PageReply {
    let view = |path: &str, text: String| (path.to_owned(), text);
    let mut views = vec![view("/profile", t!(cx, "You", "个人资料"))];
    if person.is_local() {
        views.push(view("/profile/password", t!(cx, "Password", "密码")));
    }
    views.push(view("/profile/tokens", t!(cx, "Access tokens", "访问令牌")));
    views.push(view("/profile/sessions", t!(cx, "Sessions", "会话")));
    let label = t!(cx, "About you", "关于您");
    layout::page(
        cx,
        title,
        html! {
            h1 { (title) }
            (ui::tabs(&label, &views, current))
            (body)
        },
    )
}

/// The same with a form that was not taken.
pub(super) fn with_status_of(page: PageReply, problem: Option<&PageError>) -> PageReply {
    match problem {
        Some(problem) => page.with_status(problem.status()),
        None => page,
    }
}
