//! `/admin/keys`: the keys that sign tokens.

use maud::html;
use serde::Deserialize;

use super::desk::{self, Desk};
use crate::{PageError, PageReply, Verb, answer::Answered, language::t, ui};

#[derive(Deserialize)]
struct Key {
    id: String,
    algorithm: String,
    state: String,
    creation_time: String,
    signs_until: String,
    verifies_until: String,
}

pub(super) async fn answer(desk: &Desk<'_>, rest: &[&str]) -> Answered {
    match (rest, desk.cx.request.is_form) {
        ([], false) => page(desk, None).await,
        (["rotate"], true) => rotate(desk).await,
        _ => Err(PageError::NotFound),
    }
}

async fn page(desk: &Desk<'_>, problem: Option<&PageError>) -> Answered {
    let cx = desk.cx;
    let keys: Vec<Key> = cx.get("/system/signing-keys").await?;
    let title = desk.title("keys");
    let heads = [
        t!(cx, "Key", "密钥 ID"),
        t!(cx, "Algorithm", "算法"),
        t!(cx, "State", "状态"),
        t!(cx, "Made", "创建时间"),
        t!(cx, "Signs until", "签名截止"),
        t!(cx, "Admitted until", "验证截止"),
    ];
    let rows = html! {
        @for key in &keys {
            tr {
                th scope="row" { code { (key.id) } }
                td { (key.algorithm) }
                td {
                    @match key.state.as_str() {
                        "signing" => span class="mark good" { (t!(cx, "signs", "签名中")) },
                        "next" => span class="mark" { (t!(cx, "signs soon", "即将启用")) },
                        _ => span class="mark" { (t!(cx, "verifies only", "仅验证")) },
                    }
                }
                td { (ui::moment(cx, &key.creation_time)) }
                td { (ui::moment(cx, &key.signs_until)) }
                td { (ui::moment(cx, &key.verifies_until)) }
            }
        }
    };
    let body = html! {
        (ui::problem(cx, problem))
        p {
            (t!(cx, "They sign the tokens that docker and others pull and push with, and follow each other by themselves. The private halves are sealed and never shown.",
                "这些密钥用于签发 docker 等客户端推送和拉取时使用的令牌，并会自动轮换。私钥加密保存，不会显示。"))
        }
        (ui::table(&title, &heads, rows))
        @if desk.may("signing-key:create") {
            (ui::confirm(cx, &t!(cx, "Make another key now", "立即轮换密钥"), "/admin/keys/rotate", html! {
                p {
                    (t!(cx, "It signs in five minutes, when every server knows it. Tokens that the others signed stay good. If a key was stolen: longshore admin rotate-keys --forget-old.",
                        "新密钥将在五分钟后、所有服务器都已获知时启用；此前签发的令牌仍然有效。如果密钥已泄露，请运行：longshore admin rotate-keys --forget-old。"))
                }
            }))
        }
    };
    Ok(desk::with_refusal(desk.page("keys", &title, body), problem))
}

async fn rotate(desk: &Desk<'_>) -> Answered {
    match desk.cx.send_empty(Verb::Post, "/system/signing-keys").await {
        Ok(_) => Ok(PageReply::see_other("/admin/keys?done=created")),
        Err(error) => page(desk, Some(&desk::refused(error)?)).await,
    }
}
