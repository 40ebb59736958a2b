//! One image.

use crate::{PageError, answer::Answered, cx::Cx};

/// `/repositories/NAME/-/images/REFERENCE/…`; `rest` is what follows the reference.
pub(crate) async fn answer(_: &Cx<'_>, _repository: &str, _reference: &str, _rest: &[&str]) -> Answered {
    Err(PageError::NotFound)
}

/// `/repositories/NAME/-/compare`.
pub(crate) async fn compare(_: &Cx<'_>, _repository: &str) -> Answered {
    Err(PageError::NotFound)
}
