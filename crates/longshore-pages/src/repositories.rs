//! Repositories.

mod copy_lines;
mod deletion;
mod frame;
mod history;
mod list;
mod manage;
mod markdown;
mod overview;
mod settings;
mod untagged;

pub(crate) use list::{Repository, USUAL_SORT, table};

use frame::Frame;

use crate::{PageError, answer::Answered, cx::Cx, image, place::Place};

/// `/repositories` and what lies below.
pub(crate) async fn answer(cx: &Cx<'_>, rest: &[String]) -> Answered {
    let place = Place::parse(rest);
    let (name, view) = (place.name.as_str(), place.view.as_slice());
    match view {
        _ if name.is_empty() && view.is_empty() && !cx.request.is_form => list::page(cx).await,
        _ if name.is_empty() => Err(PageError::NotFound),
        ["images", reference, rest @ ..] => image::answer(cx, name, reference, rest).await,
        ["compare"] => image::compare(cx, name).await,
        // What was deleted is there when nothing else is.
        ["history", rest @ ..] => history::answer(&Frame::open_past(cx, name).await?, rest).await,
        _ => of_repository(&Frame::open(cx, name).await?, view).await,
    }
}

async fn of_repository(frame: &Frame<'_>, view: &[&str]) -> Answered {
    match (view, frame.cx.request.is_form) {
        ([] | ["tags"], false) => overview::page(frame).await,
        (["untagged"], false) => untagged::page(frame).await,
        (["manage", reference], false) => manage::page(frame, reference, None).await,
        (["manage", reference, "tags"], true) => manage::add_tag(frame, reference).await,
        (["manage", reference, "tags", tag, "remove"], true) => {
            manage::remove_tag(frame, reference, tag).await
        }
        (["manage", reference, "labels"], true) => manage::add_label(frame, reference).await,
        (["manage", reference, "labels", id, "remove"], true) => {
            manage::remove_label(frame, reference, id).await
        }
        (["manage", reference, "delete"], false) => deletion::page(frame, reference, None).await,
        (["manage", reference, "delete"], true) => deletion::delete(frame, reference).await,
        (["settings"], false) => settings::page(frame, None).await,
        (["settings"], true) => settings::describe(frame).await,
        (["settings", "delete"], true) => settings::delete(frame).await,
        _ => Err(PageError::NotFound),
    }
}
