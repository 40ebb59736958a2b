//! Properties of what reads a client's words: nothing panics, what is understood is written so that it is understood the
//! same, nothing that nobody signed is good.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::sync::LazyLock;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use longshore_auth::{
    AuthError, Credentials, Permission, PermissionSet, RepositoryPattern, Scope, SigningKey, SigningKeys,
    TokenSettings, TokenVerifier, secret,
};
use longshore_types::Timestamp;
use proptest::{collection::vec, prelude::*, sample::select};

static NOW: LazyLock<Timestamp> = LazyLock::new(|| Timestamp::from_unix_millis(1_800_000_000_000));

static VERIFIER: LazyLock<TokenVerifier> = LazyLock::new(|| {
    let keys = SigningKeys::new([SigningKey::generate(*NOW).unwrap()]).unwrap();
    TokenVerifier::of_own_keys(TokenSettings::default(), &keys)
});

/// Texts that resemble scopes.
fn scopes() -> impl Strategy<Value = String> {
    let pieces = [
        "repository",
        "registry",
        "repository(plugin)",
        "(",
        ")",
        ":",
        ":",
        " ",
        " ",
        ",",
        "pull",
        "push",
        "delete",
        "*",
        "catalog",
        "team/app",
        "app",
        "/",
        "é",
        "\t",
    ];
    vec(select(pieces.to_vec()), 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn credentials_are_whole(name in "[^:]{0,20}", password in "\\PC{0,40}") {
        let header = format!("Basic {}", STANDARD.encode(format!("{name}:{password}")));
        let read = match Credentials::parse(Some(&header)) {
            Ok(Credentials::Basic { name, password }) => (name, password.reveal().to_owned()),
            other => panic!("{other:?}"),
        };
        prop_assert_eq!(read, (name, password));
    }

    #[test]
    fn no_header_panics(header in prop_oneof!["\\PC{0,80}", "(Basic|Bearer|basic|) ?[A-Za-z0-9+/=.: -]{0,60}"]) {
        match Credentials::parse(Some(&header)) {
            Ok(Credentials::Basic { name, .. }) => prop_assert!(!name.contains(':')),
            Ok(Credentials::Bearer(token)) => prop_assert!(!token.reveal().contains(' ')),
            Ok(Credentials::None) => prop_assert!(header.trim().is_empty()),
            Err(AuthError::Missing | AuthError::Invalid(_)) => {}
            Err(other) => panic!("{other:?}"),
        }
        prop_assert!(!secret::is_access_token(&header));
    }

    #[test]
    fn nothing_that_nobody_signed_is_good(
        token in prop_oneof!["\\PC{0,120}", "[A-Za-z0-9_-]{0,40}\\.[A-Za-z0-9_-]{0,60}\\.[A-Za-z0-9_-]{0,90}"],
    ) {
        prop_assert!(VERIFIER.verify(&token, *NOW).is_err());
    }

    #[test]
    fn what_is_understood_of_scopes_is_understood_again(texts in vec(scopes(), 0..4)) {
        let scopes = Scope::requested(texts.iter().map(String::as_str)).unwrap();
        let written: Vec<_> = scopes.iter().map(Scope::to_string).collect();
        prop_assert_eq!(Scope::requested(written.iter().map(String::as_str)).unwrap(), scopes.clone());
        prop_assert_eq!(Scope::requested([written.join(" ").as_str()]).unwrap(), scopes);
    }

    #[test]
    fn sets_are_kept_whole(texts in vec(select(Permission::all().collect::<Vec<_>>()), 0..40)) {
        let set: PermissionSet = texts.iter().copied().collect();
        prop_assert!(texts.iter().all(|&one| set.contains(one)));
        prop_assert!(set.iter().all(|one| texts.contains(&one)));
        let json = serde_json::to_string(&set).unwrap();
        prop_assert_eq!(serde_json::from_str::<PermissionSet>(&json).unwrap(), set);
    }

    #[test]
    fn no_pattern_panics(pattern in "[a-c/*?{},]{0,40}", name in "[a-c/]{0,40}") {
        if let Ok(compiled) = pattern.parse::<RepositoryPattern>() {
            prop_assert_eq!(compiled.to_string(), pattern);
            compiled.matches(&name);
        }
    }
}
