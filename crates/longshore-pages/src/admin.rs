//! What administrators look after.

use crate::{PageError, answer::Answered, cx::Cx};

pub(crate) async fn answer(_: &Cx<'_>, _: &[String]) -> Answered {
    Err(PageError::NotFound)
}
