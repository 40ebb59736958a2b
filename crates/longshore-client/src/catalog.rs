//! The repositories of a registry, a page after the other.

use http::Method;
use longshore_types::RepositoryName;
use serde::Deserialize;

use crate::{ClientError, Registry, links::next_page, registry::Request, scope::Scopes, tokens::read};

/// How many are asked for at once.
const PAGE: usize = 1000;

/// Largest page read, in bytes.
const PAGE_BYTES_MAX: usize = 64 << 20;

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
        let mut request = Request::new(Method::GET, format!("_catalog?n={PAGE}"), Scopes::catalog());
        loop {
            let response = self.send(request).await?;
            let next = next_page(response.headers(), response.url());
            let body = read(self.host(), response, PAGE_BYTES_MAX).await?;
            let page: Page = serde_json::from_slice(&body)
                .map_err(|error| ClientError::protocol(self.host(), format!("a catalog: {error}")))?;
            each(page.repositories.unwrap_or_default().iter().filter_map(|name| name.parse().ok()).collect());
            let Some(next) = next else { return Ok(()) };
            request = Request::at(Method::GET, next, Scopes::catalog());
        }
    }
}
