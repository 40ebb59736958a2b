//! `/profile/sessions`: where somebody is signed in.

use maud::{Markup, html};
use serde::Deserialize;

use super::person::{self, Person};
use crate::{PageReply, Verb, answer::Answered, cx::Cx, language::t, pairs::encode, ui};

/// A session as the management API shows it.
#[derive(Deserialize)]
struct Session {
    id: String,
    address: String,
    creation_time: String,
    last_seen_time: String,
    expiration_time: String,
    current: bool,
}

/// Shows them.
pub(super) async fn page(cx: &Cx<'_>) -> Answered {
    let person = Person::who_looks(cx).await?;
    let sessions: Vec<Session> = cx.get("/users/current/sessions").await?;
    let title = t!(cx, "Sessions", "会话");
    let heads = [
        t!(cx, "Signed in from", "登录地址"),
        t!(cx, "Since", "开始时间"),
        t!(cx, "Last used", "最近使用"),
        t!(cx, "Ends", "到期时间"),
        t!(cx, "End it", "结束会话"),
    ];
    let rows = html! { @for session in &sessions { (row(cx, session)) } };
    let body = html! {
        p {
            (t!(cx, "The browsers in which you are signed in. End those that you don't know, and change your password then.",
                "您当前登录的浏览器。如果有不认识的会话，请结束它并修改密码。"))
        }
        (ui::table(&title, &heads, rows))
    };
    Ok(person::page(cx, &person, "/profile/sessions", &title, body))
}

fn row(cx: &Cx<'_>, session: &Session) -> Markup {
    let unknown = t!(cx, "unknown", "未知");
    let address = if session.address.is_empty() { &unknown } else { &session.address };
    html! {
        tr {
            td { (address) }
            td { (ui::moment(cx, &session.creation_time)) }
            td { (ui::moment(cx, &session.last_seen_time)) }
            td { (ui::moment(cx, &session.expiration_time)) }
            td {
                @if session.current {
                    span class="mark" { (t!(cx, "this one", "当前会话")) }
                } @else {
                    (ui::form(cx, &format!("/profile/sessions/{}/end", encode(&session.id)), html! {
                        button class="second" { (t!(cx, "End", "结束")) }
                    }))
                }
            }
        }
    }
}

/// Ends one.
pub(super) async fn end(cx: &Cx<'_>, id: &str) -> Answered {
    cx.send_empty(Verb::Delete, format!("/users/current/sessions/{}", encode(id))).await?;
    Ok(PageReply::see_other("/profile/sessions?done=ended"))
}
