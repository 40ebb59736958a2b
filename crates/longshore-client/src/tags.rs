//! Tags of a repository, a page after the other.

use http::Method;
use longshore_types::Tag;
use serde::Deserialize;

use crate::{
    ClientError, Repository,
    pages::{NAMES, parsed},
    registry::Request,
    scope::Scopes,
};

#[derive(Deserialize)]
struct Page {
    tags: Option<Vec<String>>,
}

impl Repository {
    /// Calls `each` with every page of tags, in the registry's order. What is no tag is left out.
    ///
    /// # Errors
    /// [`ClientError::Refused`] with 404 if there is no such repository.
    pub async fn tags(&self, mut each: impl FnMut(Vec<Tag>)) -> Result<(), ClientError> {
        let path = format!("{}?n={NAMES}", self.path("tags/list"));
        let first = Request::new(Method::GET, path, Scopes::pull(&self.name));
        self.registry.pages_of_names(first, "a list of tags", |page: Page| each(parsed(page.tags))).await
    }
}
