//! Which part of a listing is wanted, and in which order: `page`, `page_size`, `sort`.

use http::HeaderValue;

/// Entries on a page when nothing is asked for.
pub(crate) const PAGE_SIZE_DEFAULT: u64 = 10;
/// Most entries on a page.
pub(crate) const PAGE_SIZE_MAX: u64 = 100;

/// A page of a listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Page {
    /// From 1.
    pub(crate) number: u64,
    /// Most entries on it, from 1 to [`PAGE_SIZE_MAX`].
    pub(crate) size: u64,
}

/// A key to sort by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sort {
    /// As the route's table spells it.
    pub(crate) key: &'static str,
    /// The largest first.
    pub(crate) descending: bool,
}

/// A parameter that chooses no page.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PageError {
    #[error("page must be a number from 1, or 0 for the first")]
    Number,
    #[error("page_size must be a number from 1 to {PAGE_SIZE_MAX}, or 0 for {PAGE_SIZE_MAX}")]
    Size,
}

impl Default for Page {
    fn default() -> Self {
        Self { number: 1, size: PAGE_SIZE_DEFAULT }
    }
}

impl Page {
    /// Reads the two parameters. Harbor's own client says 0 where it wants the first page, and all that fits on one.
    pub(crate) fn parse(number: Option<&str>, size: Option<&str>) -> Result<Self, PageError> {
        let read = |text: Option<&str>, default: u64, zero: u64, max: u64| match text {
            None => Some(default),
            Some(text) if text.bytes().all(|b| b.is_ascii_digit()) => {
                let number = text.parse().ok().filter(|number| *number <= max)?;
                Some(if number == 0 { zero } else { number })
            }
            Some(_) => None,
        };
        Ok(Self {
            number: read(number, 1, 1, u64::MAX).ok_or(PageError::Number)?,
            size: read(size, PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX, PAGE_SIZE_MAX).ok_or(PageError::Size)?,
        })
    }

    /// How many entries come before it; no index holds more than fit into a signed number.
    pub(crate) fn offset(self) -> u64 {
        (self.number - 1).saturating_mul(self.size).min(i64::MAX.unsigned_abs())
    }

    /// `Link` to the pages beside this one (RFC 8288), with the request's other parameters as they came. `path` and
    /// `query` are those of the request.
    pub(crate) fn links(self, path: &str, query: Option<&str>, total: u64) -> Option<HeaderValue> {
        let others: Vec<_> = query
            .unwrap_or_default()
            .split('&')
            .filter(|pair| !pair.is_empty())
            .filter(|pair| !matches!(pair.split('=').next(), Some("page" | "page_size")))
            .collect();
        let link = |number: u64, relation: &str| {
            let size = self.size;
            let mut url = format!("{path}?page={number}&page_size={size}");
            for pair in &others {
                url.push('&');
                url.push_str(pair);
            }
            format!("<{}>; rel=\"{relation}\"", visible(&url))
        };
        let mut links = Vec::new();
        if self.number > 1 && self.offset() < total {
            links.push(link(self.number - 1, "prev"));
        }
        if self.number.saturating_mul(self.size) < total {
            links.push(link(self.number + 1, "next"));
        }
        if links.is_empty() { None } else { HeaderValue::try_from(links.join(", ")).ok() }
    }
}

/// Escapes what must not stand between `<` and `>` in a header.
pub(crate) fn visible(url: &str) -> String {
    let escape = |byte: u8| match byte {
        b'<' | b'>' | b'"' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' => true,
        byte => !byte.is_ascii_graphic(),
    };
    url.bytes().fold(String::with_capacity(url.len()), |mut text, byte| {
        if escape(byte) {
            text.push_str(&format!("%{byte:02X}"));
        } else {
            text.push(char::from(byte));
        }
        text
    })
}

/// Reads `sort`: `-creation_time,name`. Keys that are not in `known` are left out, as Harbor does.
pub(crate) fn sort(text: &str, known: &[&'static str]) -> Vec<Sort> {
    let mut sorts: Vec<Sort> = Vec::new();
    for part in text.split(',') {
        let (key, descending) = match part.trim().strip_prefix('-') {
            Some(key) => (key, true),
            None => (part.trim(), false),
        };
        if let Some(key) = known.iter().find(|known| **known == key)
            && sorts.iter().all(|sort| sort.key != *key)
        {
            sorts.push(Sort { key, descending });
        }
    }
    sorts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn pages() {
        let page = |number, size| Ok(Page { number, size });
        let check = |number: Option<&str>, size: Option<&str>, wanted: Result<Page, PageError>| {
            assert_eq!(Page::parse(number, size), wanted, "{number:?} {size:?}");
        };
        check(None, None, page(1, 10));
        check(Some("3"), Some("100"), page(3, 100));
        check(Some("18446744073709551615"), None, page(u64::MAX, 10));
        check(Some("0"), Some("0"), page(1, 100));
        for bad in ["", "-1", "+1", "x", "1.5", "18446744073709551616", " 1"] {
            check(Some(bad), None, Err(PageError::Number));
            check(None, Some(bad), Err(PageError::Size));
        }
        check(None, Some("101"), Err(PageError::Size));
        assert_eq!(Page { number: 3, size: 20 }.offset(), 40);
        assert_eq!(Page { number: u64::MAX, size: 100 }.offset(), i64::MAX.unsigned_abs());
    }

    #[test]
    fn links_lead_to_the_pages_beside() {
        let check = |number: u64, query: Option<&str>, total: u64, wanted: Option<&str>| {
            let links = Page { number, size: 10 }.links("/api/v2.0/projects", query, total);
            assert_eq!(links.as_ref().map(|links| links.to_str().unwrap()), wanted, "{number} of {total}");
        };
        check(1, None, 10, None);
        check(1, None, 0, None);
        check(1, None, 11, Some("</api/v2.0/projects?page=2&page_size=10>; rel=\"next\""));
        check(2, None, 20, Some("</api/v2.0/projects?page=1&page_size=10>; rel=\"prev\""));
        check(
            2,
            Some("page=2&q=name%3D~a&page_size=10&public=true"),
            21,
            Some(
                "</api/v2.0/projects?page=1&page_size=10&q=name%3D~a&public=true>; rel=\"prev\", \
                 </api/v2.0/projects?page=3&page_size=10&q=name%3D~a&public=true>; rel=\"next\"",
            ),
        );
        check(
            1,
            Some("q=a=\"{b}"),
            11,
            Some("</api/v2.0/projects?page=2&page_size=10&q=a=%22%7Bb%7D>; rel=\"next\""),
        );
        // Far behind the end there is nothing beside.
        check(9, None, 11, None);
        check(u64::MAX, None, 11, None);
    }

    #[test]
    fn sorting() {
        let known: &[&'static str] = &["name", "creation_time"];
        let check = |text: &str, wanted: &[(&str, bool)]| {
            let found: Vec<_> = sort(text, known).iter().map(|sort| (sort.key, sort.descending)).collect();
            assert_eq!(found, wanted, "{text}");
        };
        check("", &[]);
        check("-creation_time,name", &[("creation_time", true), ("name", false)]);
        check("name,-name", &[("name", false)]);
        check("password,-,--name, name", &[("name", false)]);
    }

    proptest! {
        #[test]
        fn links_are_headers(number in 1_u64.., size in 1_u64..=100, total: u64, query in "[!-~é]{0,60}") {
            let page = Page { number, size };
            let wanted = number.saturating_mul(size) < total;
            let links = page.links("/api/v2.0/users", Some(&query), total);
            prop_assert!(!wanted || links.is_some());
        }
    }
}
