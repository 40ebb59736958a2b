//! One image: what it runs on, how it is run and was built, its files, what refers to it, and another one beside it.

mod comparison;
mod files;
mod frame;
mod layers;
mod overview;
mod raw;
mod referrers;
mod waste;

use frame::Frame;

use crate::{PageError, answer::Answered, cx::Cx};

/// `/repositories/NAME/-/images/REFERENCE/…`; `rest` is what follows the reference.
pub(crate) async fn answer(cx: &Cx<'_>, repository: &str, reference: &str, rest: &[&str]) -> Answered {
    if repository.is_empty() || cx.request.is_form {
        return Err(PageError::NotFound);
    }
    let frame = &Frame::open(cx, repository, reference).await?;
    match rest {
        [] => overview::page(frame).await,
        ["layers"] => layers::page(frame).await,
        ["files"] => files::page(frame).await,
        ["file"] => files::download(frame).await,
        ["waste"] => waste::page(frame).await,
        ["referrers"] => referrers::page(frame).await,
        ["manifest"] => raw::page(frame).await,
        _ => Err(PageError::NotFound),
    }
}

/// `/repositories/NAME/-/compare`.
pub(crate) async fn compare(cx: &Cx<'_>, repository: &str) -> Answered {
    if repository.is_empty() || cx.request.is_form {
        return Err(PageError::NotFound);
    }
    comparison::page(cx, repository).await
}
