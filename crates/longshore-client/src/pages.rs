//! Lists that come in pages. The next one is where `Link` with `rel="next"` says, RFC 8288, as the distribution
//! specification v1.1.1 uses it.

use std::str::FromStr;

use http::{HeaderMap, Method, header::LINK};
use reqwest::Url;
use serde::de::DeserializeOwned;

use crate::{ClientError, Registry, registry::Request, tokens::read};

/// How many names are asked for at once.
pub(crate) const NAMES: usize = 1000;

/// Largest page of names read, in bytes.
const NAMES_BYTES_MAX: usize = 64 << 20;

impl Registry {
    /// A page whole, and how to ask for the next one.
    pub(crate) async fn page(
        &self,
        request: Request,
        bytes_max: usize,
    ) -> Result<(Vec<u8>, Option<Request>), ClientError> {
        let scopes = request.scopes.clone();
        let response = self.send(request).await?;
        let next = next_page(response.headers(), response.url());
        let body = read(self.host(), response, bytes_max).await?;
        Ok((body, next.map(|url| Request::at(Method::GET, url, scopes))))
    }

    /// Calls `each` with every page of names; `what` is what they are a list of.
    pub(crate) async fn pages_of_names<P: DeserializeOwned>(
        &self,
        first: Request,
        what: &str,
        mut each: impl FnMut(P),
    ) -> Result<(), ClientError> {
        let mut next = Some(first);
        while let Some(request) = next {
            let (body, following) = self.page(request, NAMES_BYTES_MAX).await?;
            each(
                serde_json::from_slice(&body)
                    .map_err(|error| ClientError::protocol(self.host(), format!("{what}: {error}")))?,
            );
            next = following;
        }
        Ok(())
    }
}

/// Those names of a page that are any. registry:2 says `null` for none.
pub(crate) fn parsed<T: FromStr>(names: Option<Vec<String>>) -> Vec<T> {
    names.unwrap_or_default().iter().filter_map(|name| name.parse().ok()).collect()
}

/// Where the next page is. A link that leaves the registry leads nowhere: credentials would go along.
fn next_page(headers: &HeaderMap, of: &Url) -> Option<Url> {
    let values = headers.get_all(LINK).iter().filter_map(|value| value.to_str().ok());
    let url = values.flat_map(|value| value.split(',')).find_map(|link| target(link.trim()))?;
    let url = of.join(url).ok()?;
    (url.origin() == of.origin() && url != *of).then_some(url)
}

/// Of `<url>; rel="next"` the URL.
fn target(link: &str) -> Option<&str> {
    let (url, parameters) = link.strip_prefix('<')?.split_once('>')?;
    let is_next = parameters.split(';').any(|parameter| {
        parameter.split_once('=').is_some_and(|(name, value)| {
            name.trim().eq_ignore_ascii_case("rel")
                && value.trim().trim_matches('"').eq_ignore_ascii_case("next")
        })
    });
    is_next.then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_at_the_same_registry() {
        let of: Url = "http://localhost:5000/v2/app/tags/list?n=2".parse().unwrap();
        let check = |value: &str, expected: Option<&str>| {
            let mut headers = HeaderMap::new();
            headers.insert(LINK, value.parse().unwrap());
            assert_eq!(next_page(&headers, &of).as_ref().map(Url::as_str), expected, "{value}");
        };
        let next = "http://localhost:5000/v2/app/tags/list?n=2&last=b";
        check("</v2/app/tags/list?n=2&last=b>; rel=\"next\"", Some(next));
        check("</v2/app/tags/list?n=2&last=b>; rel=next", Some(next));
        check("<x>; rel=prev, </v2/app/tags/list?n=2&last=b>; rel=next", Some(next));
        check("</v2/app/tags/list?n=2>; rel=\"next\"", None);
        check("<http://elsewhere.example/v2/>; rel=\"next\"", None);
        check("nothing", None);
    }
}
