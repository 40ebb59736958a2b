//! The start, and what is searched for.

use maud::html;

use crate::{PageError, answer::Answered, cx::Cx, language::t, layout};

pub(crate) async fn answer(cx: &Cx<'_>, first: &str, rest: &[String]) -> Answered {
    match (first, rest) {
        ("", []) => Ok(layout::page(cx, &t!(cx, "Start", "首页"), html! { h1 { "Longshore" } })),
        _ => Err(PageError::NotFound),
    }
}
