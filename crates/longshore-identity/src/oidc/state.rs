//! What is kept between the two halves of a login, and what the browser brings back.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use longshore_types::Timestamp;
use reqwest::Url;
use serde::{Deserialize, Serialize};

use super::OidcError;
use crate::Secret;

/// Longest query of a callback considered, in bytes.
const QUERY_BYTES_MAX: usize = 16 * 1024;

/// What binds an answer of the provider to the browser that began the login. Belongs into a cookie of that browser that
/// is signed, `HttpOnly`, `Secure`, `SameSite=Lax`, and lives no longer than [`LoginState::expires`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginState {
    /// The source's name.
    pub(super) source: String,
    pub(super) state: Secret,
    pub(super) nonce: Secret,
    /// PKCE's, RFC 7636 section 4.1.
    pub(super) verifier: Secret,
    pub(super) redirect_uri: String,
    expires_millis: i64,
}

impl LoginState {
    pub(super) fn new(source: &str, redirect_uri: &str, expires: Timestamp) -> Result<Self, OidcError> {
        Ok(Self {
            source: source.to_owned(),
            state: random()?,
            nonce: random()?,
            verifier: random()?,
            redirect_uri: redirect_uri.to_owned(),
            expires_millis: expires.unix_millis(),
        })
    }

    /// From when on it is of no use.
    pub fn expires(&self) -> Timestamp {
        Timestamp::from_unix_millis(self.expires_millis)
    }

    /// The name of the source at which this login began.
    pub fn source(&self) -> &str {
        &self.source
    }
}

/// 256 bits in 43 characters, which is what RFC 7636 section 7.1 asks of a verifier.
fn random() -> Result<Secret, OidcError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| OidcError::Random(error.to_string()))?;
    Ok(Secret::new(URL_SAFE_NO_PAD.encode(bytes)))
}

/// What the browser brings back from the provider: the query of the redirection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Callback {
    pub(super) code: Option<Secret>,
    pub(super) state: Option<String>,
    /// RFC 9207.
    pub(super) issuer: Option<String>,
    pub(super) error: Option<String>,
    pub(super) error_description: Option<String>,
}

impl Callback {
    /// Reads the query, without its `?`.
    ///
    /// # Errors
    /// When it is too long or names something twice (RFC 6749 section 3.1).
    pub fn from_query(query: &str) -> Result<Self, OidcError> {
        let broken = || OidcError::Callback("the query cannot be read");
        if query.len() > QUERY_BYTES_MAX {
            return Err(broken());
        }
        let mut url = Url::parse("http://localhost/").map_err(|_| broken())?;
        url.set_query(Some(query));
        let mut callback = Self::default();
        for (name, value) in url.query_pairs() {
            let value = value.into_owned();
            let former = match &*name {
                "code" => callback.code.replace(Secret::new(value)).map(|_| ()),
                "state" => callback.state.replace(value).map(|_| ()),
                "iss" => callback.issuer.replace(value).map(|_| ()),
                "error" => callback.error.replace(value).map(|_| ()),
                "error_description" => callback.error_description.replace(value).map(|_| ()),
                _ => None,
            };
            if former.is_some() {
                return Err(OidcError::Callback("it names something twice"));
            }
        }
        Ok(callback)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries() {
        let callback =
            Callback::from_query("code=a%2Bb+c&state=s&iss=https%3A%2F%2Fid.example&x=1&x=2").unwrap();
        assert_eq!(callback.code.unwrap().reveal(), "a+b c");
        assert_eq!(
            (callback.state.as_deref(), callback.issuer.as_deref()),
            (Some("s"), Some("https://id.example"))
        );
        let denied = Callback::from_query("error=access_denied&error_description=no&state=s").unwrap();
        assert_eq!((denied.error.as_deref(), denied.code), (Some("access_denied"), None));
        for bad in ["code=a&code=b", "state=a&state=a", "error=a&%65rror=b"] {
            assert!(Callback::from_query(bad).is_err(), "{bad}");
        }
        assert!(Callback::from_query(&format!("code={}", "a".repeat(QUERY_BYTES_MAX))).is_err());
    }

    #[test]
    fn a_state_survives_its_cookie_and_shows_nothing() {
        let state = LoginState::new("oidc", "https://r.example/cb", Timestamp::from_unix_millis(5)).unwrap();
        let cookie = serde_json::to_string(&state).unwrap();
        assert_eq!(serde_json::from_str::<LoginState>(&cookie).unwrap(), state);
        for secret in [&state.state, &state.nonce, &state.verifier] {
            assert!(secret.reveal().len() == 43 && cookie.contains(secret.reveal()));
            assert!(!format!("{state:?}").contains(secret.reveal()));
        }
        assert_ne!(state.state, LoginState::new("oidc", "", state.expires()).unwrap().state);
    }
}
