//! Query strings and percent-encoding: RFC 3986 section 2.1.

use std::borrow::Cow;

/// The parameters of a query, decoded, in their order.
#[derive(Debug, Default)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads a query. `+` stays what it is: nothing in this API contains a space, but media types contain `+` and
    /// people type them unescaped. `None` for a bad escape, bytes that are no UTF-8, or NUL: nothing here contains it,
    /// and PostgreSQL refuses texts that do.
    pub(crate) fn parse(query: Option<&str>) -> Option<Self> {
        let decode = |text: &str| decode(text).filter(|text| !text.contains('\0')).map(Cow::into_owned);
        let pairs = query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
        pairs
            .map(|pair| {
                let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
                Some((decode(key)?, decode(value)?))
            })
            .collect::<Option<Vec<_>>>()
            .map(Self)
    }

    /// The first value under `key`.
    pub(crate) fn first(&self, key: &str) -> Option<&str> {
        self.all(key).next()
    }

    /// All values under `key`.
    pub(crate) fn all<'a>(&'a self, key: &str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(name, _)| name == key).map(|(_, value)| value.as_str())
    }
}

/// Undoes percent-encoding; `None` for a bad escape or bytes that are no UTF-8.
pub(crate) fn decode(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('%') {
        return Some(Cow::Borrowed(text));
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => hex_digit(rest.next()?)? << 4 | hex_digit(rest.next()?)?,
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// Escapes everything but unreserved characters, `/` and `:` (which are allowed in a query).
pub(crate) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' | b':' => {
                encoded.push(char::from(byte));
            }
            byte => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded() {
        let query = Query::parse(Some("tag=a&digest=sha256%3Aab&&tag=b%2fc&x")).unwrap();
        assert_eq!(query.first("digest"), Some("sha256:ab"));
        assert_eq!(query.all("tag").collect::<Vec<_>>(), ["a", "b/c"]);
        assert_eq!((query.first("x"), query.first("y")), (Some(""), None));
        assert_eq!(Query::parse(Some("a=b+c")).unwrap().first("a"), Some("b+c"));
        for bad in ["a=%00", "a=%", "a=%4", "a=%zz", "a=%ff", "%c3=1", "a=%+1"] {
            assert!(Query::parse(Some(bad)).is_none(), "{bad}");
        }
    }

    #[test]
    fn encoding_round_trips() {
        for text in ["", "a/b:c", "application/vnd.x+json", "ä \"<>&=%"] {
            assert_eq!(decode(&encode(text)).as_deref(), Some(text));
        }
        assert_eq!(encode("a+b&c"), "a%2Bb%26c");
    }
}
