//! What administrators look after. Auditors see what they may read; to everybody else none of these pages is there.

mod audit;
mod collection;
mod configuration;
mod desk;
mod groups;
mod identity;
mod jobs;
mod keys;
mod labels;
mod overview;
mod permissions;
mod quotas;
mod robots;
mod roles;
mod trust_rules;
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
        "audit" => audit::answer(desk, rest).await,
        "identity" => identity::answer(desk, rest).await,
        "configuration" => configuration::answer(desk, rest).await,
        "quotas" => quotas::answer(desk, rest).await,
        "labels" => labels::answer(desk, rest).await,
        "jobs" => jobs::answer(desk, rest).await,
        "collection" => collection::answer(desk, rest).await,
        "keys" => keys::answer(desk, rest).await,
        _ => Err(PageError::NotFound),
    }
}
