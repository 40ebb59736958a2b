//! The repositories of a registry, a page after the other.

use http::Method;
use longshore_types::RepositoryName;
use serde::Deserialize;

use crate::{
    ClientError, Registry,
    pages::{NAMES, parsed},
    registry::Request,
    scope::Scopes,
};

#[derive(Deserialize)]
struct Page {
    repositories: Option<Vec<String>>,
}

impl Registry {
    /// Calls `each` with every page of repositories that the registry shows, in its order. What is no name is left out.
    ///
    /// # Errors
    /// If the registry does not show them; Docker Hub shows nobody.
    pub async fn catalog(&self, mut each: impl FnMut(Vec<RepositoryName>)) -> Result<(), ClientError> {
        let first = Request::new(Method::GET, format!("_catalog?n={NAMES}"), Scopes::catalog());
        self.pages_of_names(first, "a catalog", |page: Page| each(parsed(page.repositories))).await
    }
}
