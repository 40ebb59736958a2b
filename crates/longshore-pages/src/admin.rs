//! What administrators look after. Auditors see what they may read; to everybody else none of these pages is there.

mod desk;
mod groups;
mod overview;
mod permissions;
mod robots;
mod roles;
mod user;
mod users;

use desk::Desk;

use crate::{PageError, answer::Answered, cx::Cx};

/// `/admin` and what lies below.
pub(crate) async fn answer(cx: &Cx<'_>, rest: &[String]) -> Answered {
    if !cx.signed_in()?.is_administrator {
        return Err(PageError::NotFound);
    }
    let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
    let Some((section, rest)) = rest.split_first() else {
        return overview::page(&Desk::open(cx).await?).await;
    };
    let desk = &Desk::open(cx).await?;
    match *section {
        "users" => users::answer(desk, rest).await,
        "groups" => groups::answer(desk, rest).await,
        "robots" => robots::answer(desk, rest).await,
        "roles" => roles::answer(desk, rest).await,
        _ => Err(PageError::NotFound),
    }
}
