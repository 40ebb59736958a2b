//! Projects.

mod audit;
mod create;
mod frame;
mod labels;
mod list;
mod members;
mod overview;
mod policies;
mod robots;
mod settings;

pub(crate) use frame::Project;
pub(crate) use labels::Label;

use frame::Frame;

use crate::{PageError, answer::Answered, cx::Cx, place::Place};

/// `/projects` and what lies below.
pub(crate) async fn answer(cx: &Cx<'_>, rest: &[String]) -> Answered {
    let place = Place::parse(rest);
    let (name, view) = (place.name.as_str(), place.view.as_slice());
    match (name, view, cx.request.is_form) {
        ("", [], false) => list::page(cx).await,
        ("", ["new"], false) => create::page(cx, None),
        ("", ["new"], true) => create::create(cx).await,
        ("", ..) => Err(PageError::NotFound),
        _ => of_project(&Frame::open(cx, name).await?, view).await,
    }
}

async fn of_project(frame: &Frame<'_>, view: &[&str]) -> Answered {
    match (view, frame.cx.request.is_form) {
        ([], false) => overview::page(frame).await,
        (["members"], false) => members::page(frame, None).await,
        (["members"], true) => members::add(frame).await,
        (["members", id], false) => members::one(frame, id, None).await,
        (["members", id], true) => members::change(frame, id).await,
        (["members", id, "remove"], true) => members::remove(frame, id).await,
        (["robots"], false) => robots::page(frame).await,
        (["robots", "new"], false) => robots::new_page(frame, None).await,
        (["robots", "new"], true) => robots::create(frame).await,
        (["robots", id], false) => robots::one(frame, id).await,
        (["robots", id, change], true) => robots::change(frame, id, change).await,
        (["labels"], false) => labels::page(frame, None).await,
        (["labels"], true) => labels::create(frame).await,
        (["labels", id], false) => labels::one(frame, id, None).await,
        (["labels", id], true) => labels::change(frame, id).await,
        (["labels", id, "delete"], true) => labels::delete(frame, id).await,
        (["policies"], _) => policies::page(frame).await,
        (["audit"], false) => audit::page(frame).await,
        (["settings"], false) => settings::page(frame, None).await,
        (["settings", change], true) => settings::change(frame, change).await,
        _ => Err(PageError::NotFound),
    }
}
