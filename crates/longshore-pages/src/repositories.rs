//! Repositories.

use crate::{PageError, answer::Answered, cx::Cx, image, place::Place};

/// `/repositories` and what lies below.
pub(crate) async fn answer(cx: &Cx<'_>, rest: &[String]) -> Answered {
    let place = Place::parse(rest);
    match place.view.as_slice() {
        ["images", reference, rest @ ..] => image::answer(cx, &place.name, reference, rest).await,
        ["compare"] => image::compare(cx, &place.name).await,
        _ => Err(PageError::NotFound),
    }
}
