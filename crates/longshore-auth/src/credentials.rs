//! The `Authorization` header: RFC 7617 for `Basic`, RFC 6750 section 2.1 for `Bearer`.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::{AuthError, Secret, authenticator::credentials};

/// Longest `user:password` considered, in bytes of base64. A robot may send a token of somebody else's as its password.
const BASIC_BYTES_MAX: usize = 32 * 1024;
/// Longest bearer token considered, in bytes.
const BEARER_BYTES_MAX: usize = 32 * 1024;

/// What a request brings to say who sends it.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// No `Authorization` at all.
    None,
    /// A name and a password, or what stands for one.
    Basic {
        /// The name; may be empty.
        name: String,
        /// The password, the secret of a robot, or an access token; may be empty.
        password: Secret,
    },
    /// A token.
    Bearer(Secret),
}

impl Credentials {
    /// Reads the value of the header.
    ///
    /// # Errors
    /// [`AuthError::Missing`] for a scheme that is not known here, [`AuthError::Invalid`] for what is no value of its
    /// scheme.
    pub fn parse(authorization: Option<&str>) -> Result<Self, AuthError> {
        if authorization.is_none_or(|value| value.trim().is_empty()) {
            return Ok(Self::None);
        }
        if let Ok(token) = credentials(authorization, "Bearer") {
            return bearer(token);
        }
        let decoded = basic(credentials(authorization, "Basic")?, BASIC_BYTES_MAX)?;
        let (name, password) = split(&decoded)?;
        Ok(Self::Basic { name: name.to_owned(), password: Secret::new(password) })
    }
}

fn bearer(token: &str) -> Result<Credentials, AuthError> {
    // `b64token`: what is else would be no token of anybody's.
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    if token.len() > BEARER_BYTES_MAX {
        return Err(AuthError::invalid("the token is too long"));
    }
    if token.is_empty() || !token.bytes().all(is_token) {
        return Err(AuthError::invalid("not a token"));
    }
    Ok(Credentials::Bearer(Secret::new(token)))
}

/// `user:password` out of base64.
pub(crate) fn basic(encoded: &str, bytes_max: usize) -> Result<String, AuthError> {
    if encoded.len() > bytes_max {
        return Err(AuthError::invalid("credentials are too long"));
    }
    let decoded = STANDARD.decode(encoded).map_err(AuthError::invalid)?;
    String::from_utf8(decoded).map_err(|error| AuthError::invalid(error.utf8_error()))
}

/// The first colon separates: a password may hold others, a name may not.
pub(crate) fn split(decoded: &str) -> Result<(&str, &str), AuthError> {
    decoded.split_once(':').ok_or_else(|| AuthError::invalid("no colon in the credentials"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(value: &str) -> Result<(String, String), AuthError> {
        match Credentials::parse(Some(value))? {
            Credentials::None => Ok(("none".to_owned(), String::new())),
            Credentials::Basic { name, password } => Ok((name, password.reveal().to_owned())),
            Credentials::Bearer(token) => Ok(("bearer".to_owned(), token.reveal().to_owned())),
        }
    }

    fn basic_of(text: &str) -> String {
        format!("Basic {}", STANDARD.encode(text))
    }

    #[test]
    fn credentials_are_read() {
        let check = |value: &str, name: &str, secret: &str| {
            assert_eq!(parse(value).unwrap(), (name.to_owned(), secret.to_owned()), "{value}");
        };
        check(&basic_of("ann:secret"), "ann", "secret");
        check(&basic_of("robot$team+ci:a:b:c"), "robot$team+ci", "a:b:c");
        check(&basic_of("änn:gehéim"), "änn", "gehéim");
        check(&basic_of(":"), "", "");
        check("bAsIc  YTpi ", "a", "b");
        check("Bearer lsp_abc", "bearer", "lsp_abc");
        check("BEARER a.b-c_d~e+f/g==", "bearer", "a.b-c_d~e+f/g==");
        check("", "none", "");
        check("  ", "none", "");
        assert!(matches!(Credentials::parse(None), Ok(Credentials::None)));
    }

    #[test]
    fn what_is_malformed_is_refused() {
        for (value, missing) in [
            ("Basic", true),
            ("Digest username=\"ann\"", true),
            ("YTpi", true),
            ("Basic !", false),
            ("Basic YTpi=", false),
            ("Basic YQ==", false),
            ("Basic /w==", false),
            ("Bearer a b", false),
            ("Bearer é", false),
            (&format!("Bearer {}", "a".repeat(BEARER_BYTES_MAX + 1)), false),
            (&basic_of(&format!("a:{}", "b".repeat(BASIC_BYTES_MAX))), false),
        ] {
            let error = parse(value).unwrap_err();
            assert_eq!(matches!(error, AuthError::Missing), missing, "{value} {error:?}");
            assert_eq!(matches!(error, AuthError::Invalid(_)), !missing, "{value} {error:?}");
        }
    }

    #[test]
    fn secrets_do_not_print() {
        let shown = format!("{:?}", Credentials::parse(Some("Basic YTpoaWRkZW4=")));
        assert!(!shown.contains("hidden") && shown.contains("***"), "{shown}");
    }
}
