//! How a registry says what it wants to know of a caller: `WWW-Authenticate`, RFC 9110 section 11.6.1.

use http::{HeaderMap, header::WWW_AUTHENTICATE};

/// What a registry asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Challenge {
    /// A name and a password with each request.
    Basic,
    /// A token from elsewhere.
    Bearer(BearerChallenge),
}

/// Where the token is to be had, and what for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct BearerChallenge {
    pub(crate) realm: String,
    pub(crate) service: Option<String>,
    /// Separated by spaces.
    pub(crate) scope: Option<String>,
}

impl Challenge {
    /// The challenge that serves best: a token rather than a password.
    pub(crate) fn best(headers: &HeaderMap) -> Option<Self> {
        let values = headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
        let mut found: Vec<Self> = values.flat_map(parse).collect();
        match found.iter().position(|challenge| matches!(challenge, Self::Bearer(_))) {
            Some(at) => Some(found.swap_remove(at)),
            None => found.pop(),
        }
    }
}

/// Every challenge of a header that we know how to meet.
fn parse(text: &str) -> Vec<Challenge> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((scheme, after)) = word(rest) {
        let (parameters, after) = parameters(after);
        if scheme.eq_ignore_ascii_case("basic") {
            found.push(Challenge::Basic);
        } else if scheme.eq_ignore_ascii_case("bearer") {
            let mut bearer = BearerChallenge::default();
            for (name, value) in parameters {
                match name.to_ascii_lowercase().as_str() {
                    "realm" => bearer.realm = value,
                    "service" => bearer.service = Some(value),
                    "scope" => bearer.scope = Some(value),
                    _ => {}
                }
            }
            found.push(Challenge::Bearer(bearer));
        }
        rest = after;
    }
    found
}

/// The next token, without what stands before and after it.
fn word(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start_matches([' ', '\t', ',']);
    let end = text.find(|c: char| !is_token(c)).unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

fn is_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)
}

/// `name=value` or `name="value"`, separated by commas, up to the next scheme.
fn parameters(mut rest: &str) -> (Vec<(String, String)>, &str) {
    let mut found = Vec::new();
    while let Some((name, after)) = word(rest) {
        let Some(value) = after.trim_start().strip_prefix('=') else { break };
        let (value, after) = value_of(value.trim_start());
        found.push((name.to_owned(), value));
        rest = after;
    }
    (found, rest)
}

fn value_of(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', ' ', '\t']).unwrap_or(text.len());
        return (text[..end].to_owned(), &text[end..]);
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (value, &quoted[at + 1..]),
            '\\' => value.extend(chars.next().map(|(_, c)| c)),
            c => value.push(c),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bearer(realm: &str, service: &str, scope: &str) -> Challenge {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Challenge::Bearer(BearerChallenge {
            realm: realm.to_owned(),
            service: some(service),
            scope: some(scope),
        })
    }

    #[test]
    fn challenges_are_read() {
        let check = |text: &str, expected: &[Challenge]| assert_eq!(parse(text), expected, "{text}");
        check("Basic realm=\"a registry\"", &[Challenge::Basic]);
        check("basic", &[Challenge::Basic]);
        check(
            r#"Bearer realm="https://auth.example.org/token",service="registry",scope="repository:a/b:pull,push""#,
            &[bearer("https://auth.example.org/token", "registry", "repository:a/b:pull,push")],
        );
        check(r#"BEARER Realm = "r" , SERVICE=s"#, &[bearer("r", "s", "")]);
        check(r#"Bearer realm="a\"b,c""#, &[bearer(r#"a"b,c"#, "", "")]);
        check(r#"Negotiate, Basic realm="x", Bearer realm="r""#, &[Challenge::Basic, bearer("r", "", "")]);
        check("", &[]);
        check("=,=,\"", &[]);
    }

    #[test]
    fn a_token_is_preferred() {
        let mut headers = HeaderMap::new();
        headers.append(WWW_AUTHENTICATE, "Bearer realm=\"r\"".parse().unwrap());
        headers.append(WWW_AUTHENTICATE, "Basic realm=\"b\"".parse().unwrap());
        assert_eq!(Challenge::best(&headers), Some(bearer("r", "", "")));
        headers.clear();
        assert_eq!(Challenge::best(&headers), None);
    }

    proptest! {
        #[test]
        fn any_text_is_read_to_its_end(text in ".*") {
            parse(&text);
        }
    }
}
