//! `Authorization` headers, requested scopes, bearer tokens, patterns of repositories, permissions.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use longshore_auth::{
    AuthError, Credentials, Permission, RepositoryPattern, Scope, SigningKey, SigningKeys, TokenSettings,
    TokenVerifier, secret,
};
use longshore_types::Timestamp;

static NOW: LazyLock<Timestamp> = LazyLock::new(|| Timestamp::from_unix_millis(1_800_000_000_000));

static VERIFIER: LazyLock<TokenVerifier> = LazyLock::new(|| {
    let keys = SigningKeys::new([SigningKey::generate(*NOW).expect("a key")]).expect("one key");
    TokenVerifier::of_own_keys(TokenSettings::default(), &keys)
});

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));

    match Credentials::parse(Some(first)) {
        Ok(Credentials::Basic { name, .. }) => assert!(!name.contains(':')),
        Ok(Credentials::Bearer(token)) => assert!(!token.reveal().contains(' ')),
        Ok(Credentials::None) | Err(AuthError::Missing | AuthError::Invalid(_)) => {}
        Err(other) => panic!("{other:?}"),
    }
    assert!(VERIFIER.verify(first, *NOW).is_err(), "nothing was signed");
    let _ = secret::is_access_token(first);

    if let Ok(scopes) = Scope::requested(text.lines()) {
        // What was understood is written so that it is understood the same.
        let texts: Vec<_> = scopes.iter().map(Scope::to_string).collect();
        assert_eq!(Scope::requested(texts.iter().map(String::as_str)), Ok(scopes));
    }
    if let Ok(permission) = first.parse::<Permission>() {
        assert_eq!(permission.to_string(), first);
    }
    if let Ok(pattern) = first.parse::<RepositoryPattern>() {
        assert_eq!(pattern.to_string(), first);
        pattern.matches(rest.get(..255).unwrap_or(rest));
    }
});
