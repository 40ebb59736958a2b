//! Tags of a repository, a page after the other.

use http::Method;
use longshore_types::Tag;
use reqwest::Url;
use serde::Deserialize;

use crate::{ClientError, Repository, links::next_page, registry::Request, scope::Scopes, tokens::read};

/// How many are asked for at once.
const PAGE: usize = 1000;

/// Largest page read, in bytes.
const PAGE_BYTES_MAX: usize = 64 << 20;

#[derive(Deserialize)]
struct Page {
    // distribution says null for none.
    tags: Option<Vec<String>>,
}

impl Repository {
    /// Calls `each` with every page of tags, in the registry's order. What is no tag is left out.
    ///
    /// # Errors
    /// [`ClientError::Refused`] with 404 if there is no such repository.
    pub async fn tags(&self, mut each: impl FnMut(Vec<Tag>)) -> Result<(), ClientError> {
        let first = format!("{}?n={PAGE}", self.path("tags/list"));
        let mut request = Request::new(Method::GET, first, Scopes::pull(&self.name));
        loop {
            let (page, next) = self.page(request).await?;
            each(page.tags.unwrap_or_default().iter().filter_map(|tag| tag.parse().ok()).collect());
            let Some(next) = next else { return Ok(()) };
            request = Request::at(Method::GET, next, Scopes::pull(&self.name));
        }
    }

    async fn page(&self, request: Request) -> Result<(Page, Option<Url>), ClientError> {
        let response = self.registry.send(request).await?;
        let next = next_page(response.headers(), response.url());
        let body = read(self.registry.host(), response, PAGE_BYTES_MAX).await?;
        let page = serde_json::from_slice(&body).map_err(|error| {
            ClientError::protocol(self.registry.host(), format!("a list of tags: {error}"))
        })?;
        Ok((page, next))
    }
}
