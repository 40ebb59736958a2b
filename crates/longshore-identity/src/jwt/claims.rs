//! What a token says.

use longshore_types::Timestamp;
use serde_json::{Map, Value};

use super::{LEEWAY, TokenError};

/// The claims of a token, or of userinfo.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Claims(Map<String, Value>);

impl Claims {
    pub(crate) fn new(claims: Map<String, Value>) -> Self {
        Self(claims)
    }

    /// A claim of the specification that is a text and not empty.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str().filter(|text| !text.is_empty())
    }

    /// A claim by its path: names within names, parted by dots. A name may have dots itself (`kubernetes.io`); at each
    /// level the longest name that fits is taken, and no other is tried.
    pub(crate) fn at(&self, path: &str) -> Option<&Value> {
        at(&self.0, path)
    }

    /// For whom it is: one name or several.
    pub(crate) fn audiences(&self) -> Vec<&str> {
        match self.0.get("aud") {
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        }
    }

    /// Whether now lies in the token's time. It must have an end.
    pub(crate) fn check_time(&self, now: Timestamp) -> Result<(), TokenError> {
        let expires = self.time("exp")?.ok_or(TokenError::Claim("exp"))?;
        if now >= expires.after(LEEWAY) {
            return Err(TokenError::Expired);
        }
        for name in ["nbf", "iat"] {
            if self.time(name)?.is_some_and(|begins| now.after(LEEWAY) < begins) {
                return Err(TokenError::NotYetValid);
            }
        }
        Ok(())
    }

    /// A moment (RFC 7519 section 2: NumericDate, seconds that may have a fraction).
    pub(crate) fn time(&self, name: &'static str) -> Result<Option<Timestamp>, TokenError> {
        match self.0.get(name) {
            None => Ok(None),
            Some(value) => {
                value.as_f64().map(Timestamp::from_unix_seconds).map(Some).ok_or(TokenError::Claim(name))
            }
        }
    }
}

fn at<'a>(object: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    if let Some(value) = object.get(path) {
        return Some(value);
    }
    // From the longest name to the shortest.
    let dots = path.bytes().enumerate().filter(|(_, byte)| *byte == b'.').map(|(place, _)| place);
    let place = dots.rev().find(|place| object.contains_key(&path[..*place]))?;
    at(object.get(&path[..place])?.as_object()?, &path[place + 1..])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn claims(value: Value) -> Claims {
        match value {
            Value::Object(map) => Claims::new(map),
            _ => panic!("claims are an object"),
        }
    }

    #[test]
    fn paths() {
        let claims = claims(json!({
            "sub": "a",
            "kubernetes.io": { "namespace": "ci", "serviceaccount": { "name": "builder" } },
            "kubernetes": { "io": { "namespace": "forged" } },
            "a": { "b": 1, "b.c": 2 },
            "a.b": { "d": 3 },
        }));
        for (path, expected) in [
            ("sub", Some(json!("a"))),
            ("kubernetes.io.namespace", Some(json!("ci"))),
            ("kubernetes.io.serviceaccount.name", Some(json!("builder"))),
            ("a.b.d", Some(json!(3))),
            // The longest name is taken, though only the shorter one would lead there.
            ("a.b.c", None),
            ("kubernetes.io.none", None),
            ("sub.x", None),
            ("", None),
            (".", None),
        ] {
            assert_eq!(claims.at(path), expected.as_ref(), "{path}");
        }
    }

    #[test]
    fn times() {
        let now = Timestamp::from_unix_millis(1_000_000_000);
        let check = |value| claims(value).check_time(now);
        assert_eq!(check(json!({ "exp": 1_000_000 })), Ok(()));
        assert_eq!(check(json!({ "exp": 999_941.5 })), Ok(()));
        assert_eq!(check(json!({ "exp": 999_940 })), Err(TokenError::Expired));
        assert_eq!(check(json!({ "exp": -1e300 })), Err(TokenError::Expired));
        assert_eq!(check(json!({ "exp": 1e300 })), Ok(()));
        assert_eq!(check(json!({})), Err(TokenError::Claim("exp")));
        assert_eq!(check(json!({ "exp": "2000000" })), Err(TokenError::Claim("exp")));
        assert_eq!(check(json!({ "exp": 2_000_000, "nbf": 1_000_060 })), Ok(()));
        assert_eq!(check(json!({ "exp": 2_000_000, "nbf": 1_000_061 })), Err(TokenError::NotYetValid));
        assert_eq!(check(json!({ "exp": 2_000_000, "iat": 1_000_061 })), Err(TokenError::NotYetValid));
        assert_eq!(check(json!({ "exp": 2_000_000, "iat": null })), Err(TokenError::Claim("iat")));
    }

    #[test]
    fn audiences() {
        assert_eq!(claims(json!({ "aud": "a" })).audiences(), ["a"]);
        assert_eq!(claims(json!({ "aud": ["a", 1, "b"] })).audiences(), ["a", "b"]);
        assert!(claims(json!({ "aud": { "a": 1 } })).audiences().is_empty());
        assert!(claims(json!({})).audiences().is_empty());
    }
}
