//! Who somebody is: signing in and out, and what is theirs.

mod password;
mod person;
mod profile;
mod sessions;
mod signing_in;
mod token_form;
mod tokens;

use crate::{PageError, answer::Answered, cx::Cx};

pub(crate) async fn answer(cx: &Cx<'_>, first: &str, rest: &[String]) -> Answered {
    let is_form = cx.request.is_form;
    match (first, rest, is_form) {
        ("sign-in", [], false) => Ok(signing_in::sign_in_page(cx, None)),
        ("sign-in", [], true) => signing_in::sign_in(cx).await,
        ("sign-out", [], true) => signing_in::sign_out(cx).await,
        ("preferences", [], true) => signing_in::remember(cx),
        ("profile", rest, _) => {
            cx.signed_in()?;
            let rest: Vec<_> = rest.iter().map(String::as_str).collect();
            match (rest.as_slice(), is_form) {
                ([], false) => profile::page(cx, None).await,
                ([], true) => profile::change(cx).await,
                (["password"], false) => password::page(cx, None).await,
                (["password"], true) => password::change(cx).await,
                (["tokens"], false) => tokens::page(cx, None).await,
                (["tokens"], true) => tokens::create(cx).await,
                (["tokens", id, "revoke"], true) => tokens::revoke(cx, id).await,
                (["sessions"], false) => sessions::page(cx).await,
                (["sessions", id, "end"], true) => sessions::end(cx, id).await,
                _ => Err(PageError::NotFound),
            }
        }
        _ => Err(PageError::NotFound),
    }
}
