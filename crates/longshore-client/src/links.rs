//! The next page: `Link` with `rel="next"`, RFC 8288, as the distribution specification v1.1.1 uses it.

use http::{HeaderMap, header::LINK};
use reqwest::Url;

/// Where the next page is. A link that leaves the registry leads nowhere: credentials would go along.
pub(crate) fn next_page(headers: &HeaderMap, of: &Url) -> Option<Url> {
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
