//! Parameters of queries and fields of forms.

/// Names and values, decoded, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pairs(Vec<(String, String)>);

impl Pairs {
    /// Reads `application/x-www-form-urlencoded` (URL standard section 5.1); `None` for what is none, or has NUL in it.
    pub fn parse(text: &str) -> Option<Self> {
        let pairs = text.split('&').filter(|pair| !pair.is_empty());
        pairs
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                Some((decode(name)?, decode(value)?))
            })
            .collect::<Option<Vec<_>>>()
            .map(Self)
    }

    /// The first value under a name, without blanks around it; none if that is empty.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.all(name).next().map(str::trim).filter(|value| !value.is_empty())
    }

    /// The first value under a name as it came: for secrets.
    pub fn raw(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// The value as a number.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.text(name)?.parse().ok()
    }

    /// Whether a box was ticked.
    pub fn is_on(&self, name: &str) -> bool {
        self.text(name).is_some()
    }

    /// All values under a name.
    pub fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// With a value under a name that replaces what was there.
    pub fn with(&self, name: &str, value: impl ToString) -> Self {
        let mut pairs: Vec<_> = self.0.iter().filter(|(known, _)| known != name).cloned().collect();
        pairs.push((name.to_owned(), value.to_string()));
        Self(pairs)
    }

    /// As a query.
    pub fn encode(&self) -> String {
        let pairs = self.0.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value)));
        pairs.collect::<Vec<_>>().join("&")
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Pairs {
    fn from(pairs: [(&str, &str); N]) -> Self {
        Self(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec())
    }
}

/// Undoes percent-encoding, with `+` for blanks.
fn decode(text: &str) -> Option<String> {
    crate::place::decode(&text.replace('+', " "))
}

/// Percent-encodes all but unreserved characters (RFC 3986 section 2.3): what stands between two `/`, or in a query.
pub(crate) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte))
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
    fn forms_are_read() {
        let form = Pairs::parse("name=a+b%2B&x=1&x=2&empty=&on").unwrap();
        assert_eq!(form.text("name"), Some("a b+"));
        assert_eq!(form.all("x").collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!((form.text("empty"), form.raw("empty"), form.number("x")), (None, Some(""), Some(1)));
        assert_eq!(form.with("x", 3).text("x"), Some("3"));
        for bad in ["a=%", "a=%zz", "a=%ff", "a=%00"] {
            assert_eq!(Pairs::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn queries_round_trip() {
        let pairs = Pairs::from([("q", "a&b=c/ü \""), ("page", "2")]);
        assert_eq!(Pairs::parse(&pairs.encode()), Some(pairs));
    }
}
