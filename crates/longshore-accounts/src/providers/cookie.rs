//! What a browser keeps for us while its user logs in at a provider, sealed: it can neither read nor change it.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use longshore_auth::SecretKey;
use longshore_identity::{Identity, oidc::LoginState};
use longshore_types::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{COOKIE_BYTES_MAX, ProviderError, ReturnPath};

/// Something that a browser keeps.
pub(super) trait Kept: Serialize + DeserializeOwned {
    /// What it is sealed for: none of these is taken for another.
    const PURPOSE: &'static str;
}

/// A login that was begun.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct BegunLogin {
    pub(super) login: LoginState,
    pub(super) return_to: ReturnPath,
}

impl Kept for BegunLogin {
    const PURPOSE: &'static str = "cookie: a login at a provider that was begun";
}

/// Somebody for whom a provider vouches, and who has no name here yet.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct UnnamedUser {
    pub(super) source: String,
    external_id: String,
    pub(super) suggested_name: String,
    email: Option<String>,
    real_name: String,
    pub(super) return_to: ReturnPath,
    until_millis: i64,
}

impl Kept for UnnamedUser {
    const PURPOSE: &'static str = "cookie: somebody from a provider who chooses a name";
}

impl UnnamedUser {
    pub(super) fn new(source: &str, identity: &Identity, return_to: ReturnPath, until: Timestamp) -> Self {
        Self {
            source: source.to_owned(),
            external_id: identity.external_id.clone(),
            suggested_name: identity.name.clone(),
            email: identity.email.clone(),
            real_name: identity.real_name.clone(),
            return_to,
            until_millis: until.unix_millis(),
        }
    }

    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        now >= Timestamp::from_unix_millis(self.until_millis)
    }

    /// The person under the name that they chose. Groups, and whether they are an administrator, need not fit into a cookie:
    /// the next login brings them.
    pub(super) fn named(&self, name: &str) -> Identity {
        Identity {
            external_id: self.external_id.clone(),
            former_id: None,
            name: name.to_owned(),
            email: self.email.clone(),
            real_name: self.real_name.clone(),
            groups: Vec::new(),
            admin: false,
        }
    }
}

/// The value of the cookie.
pub(super) fn seal<T: Kept>(secret: &SecretKey, kept: &T) -> Result<String, ProviderError> {
    let json = serde_json::to_vec(kept).map_err(|error| ProviderError::Unavailable(error.into()))?;
    let sealed = secret.seal(T::PURPOSE, &json).map_err(|error| ProviderError::Unavailable(error.into()))?;
    let text = URL_SAFE_NO_PAD.encode(sealed);
    if text.len() > COOKIE_BYTES_MAX { Err(ProviderError::TooLong) } else { Ok(text) }
}

/// What the value of a cookie says, if we sealed it for this.
pub(super) fn open<T: Kept>(secret: &SecretKey, cookie: Option<&str>) -> Result<T, ProviderError> {
    let cookie = cookie.ok_or_else(|| ProviderError::NotBegun("there is no cookie".into()))?;
    let not_ours = || ProviderError::NotBegun("the cookie is not ours".into());
    let sealed = URL_SAFE_NO_PAD.decode(cookie).map_err(|_| not_ours())?;
    let json = secret.open(T::PURPOSE, &sealed).map_err(|_| not_ours())?;
    serde_json::from_slice(&json).map_err(|_| not_ours())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unnamed() -> UnnamedUser {
        let identity = Identity {
            external_id: "https://id.example 1".to_owned(),
            former_id: None,
            name: "ann".to_owned(),
            email: Some("ann@example.org".to_owned()),
            real_name: "Ann".to_owned(),
            groups: Vec::new(),
            admin: true,
        };
        UnnamedUser::new("sso", &identity, ReturnPath::default(), Timestamp::from_unix_millis(5))
    }

    #[test]
    fn only_what_was_sealed_for_this_is_opened() {
        let secret = SecretKey::parse(SecretKey::generate().reveal()).unwrap();
        let other = SecretKey::parse(SecretKey::generate().reveal()).unwrap();
        let cookie = seal(&secret, &unnamed()).unwrap();
        assert!(cookie.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
        let opened: UnnamedUser = open(&secret, Some(&cookie)).unwrap();
        let person = opened.named("bob");
        assert_eq!((person.name.as_str(), person.external_id.as_str()), ("bob", "https://id.example 1"));
        assert!(!person.admin, "the next login says so");
        assert!(
            !opened.is_over(Timestamp::from_unix_millis(4)) && opened.is_over(Timestamp::from_unix_millis(5))
        );
        let refused = |result: Result<UnnamedUser, _>| matches!(result, Err(ProviderError::NotBegun(_)));
        assert!(refused(open(&other, Some(&cookie))));
        assert!(refused(open(&secret, None)));
        assert!(refused(open(&secret, Some(&cookie[1..]))));
        assert!(refused(open(&secret, Some("%"))));
        assert!(matches!(open::<BegunLogin>(&secret, Some(&cookie)), Err(ProviderError::NotBegun(_))));
        let long = UnnamedUser { real_name: "x".repeat(COOKIE_BYTES_MAX), ..unnamed() };
        assert!(matches!(seal(&secret, &long), Err(ProviderError::TooLong)));
    }
}
