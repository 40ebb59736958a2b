//! The steps of the code flow: the address for the browser, the checks of what comes back, the token endpoint.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use longshore_types::Timestamp;
use reqwest::{RequestBuilder, StatusCode, Url, header::AUTHORIZATION};
use serde::Deserialize;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::{Callback, ClientAuthentication, LoginState, OidcError, OidcSettings};
use crate::{
    FetchError, Secret,
    issuer::Metadata,
    jwt::Claims,
    web::{self, Web},
};

/// What the token endpoint gives.
#[derive(Debug, Deserialize)]
pub(super) struct Tokens {
    pub(super) access_token: Option<Secret>,
    pub(super) id_token: Option<String>,
    pub(super) refresh_token: Option<Secret>,
}

/// RFC 6749 section 5.2.
#[derive(Debug, Deserialize)]
struct Refusal {
    error: String,
    #[serde(default)]
    error_description: String,
}

/// An endpoint that a provider must have.
pub(super) fn endpoint<'a>(
    issuer: &str,
    endpoint: Option<&'a String>,
    name: &str,
) -> Result<&'a str, OidcError> {
    endpoint.map(String::as_str).ok_or_else(|| {
        let error = format!("names no {name}");
        OidcError::Unavailable(FetchError::Answer { url: issuer.to_owned(), error })
    })
}

/// Where to send the browser.
pub(super) fn authorization_url(
    settings: &OidcSettings,
    endpoint: &str,
    state: &LoginState,
) -> Result<Url, OidcError> {
    let broken = |why: &str| {
        let error = format!("authorization_endpoint: {endpoint:?} {why}");
        OidcError::Unavailable(FetchError::Answer { url: settings.issuer.clone(), error })
    };
    let mut url = Url::parse(endpoint).map_err(|error| broken(&error.to_string()))?;
    // We don't ask there, the browser does; but not where anybody can listen, and it must be an address at all.
    let as_safe_as_the_issuer =
        url.scheme() == "https" || (url.scheme() == "http" && settings.issuer.starts_with("http:"));
    if !as_safe_as_the_issuer {
        return Err(broken("is not https://"));
    }
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(state.verifier.reveal()));
    url.query_pairs_mut()
        .append_pair("response_type", "code")
        .append_pair("client_id", &settings.client_id)
        .append_pair("redirect_uri", &state.redirect_uri)
        .append_pair("scope", &settings.scope())
        .append_pair("state", state.state.reveal())
        .append_pair("nonce", state.nonce.reveal())
        .append_pair("code_challenge", &challenge)
        .append_pair("code_challenge_method", "S256");
    // Core section 11: without it, providers leave offline_access out.
    if settings.scopes.iter().any(|scope| scope == "offline_access") {
        url.query_pairs_mut().append_pair("prompt", "consent");
    }
    Ok(url)
}

/// The code, if what came back answers the login that was begun.
pub(super) fn code<'a>(
    settings: &OidcSettings,
    metadata: &Metadata,
    callback: &'a Callback,
    state: &LoginState,
    now: Timestamp,
) -> Result<&'a Secret, OidcError> {
    if state.source != settings.name {
        return Err(OidcError::Callback("begun at another provider"));
    }
    if now >= state.expires() {
        return Err(OidcError::Callback("it took too long"));
    }
    // Before anything else of it is believed, an error included.
    if callback.state.as_deref() != Some(state.state.reveal()) {
        return Err(OidcError::Callback("its state is another one"));
    }
    // RFC 9207: one provider's code must not be brought to another.
    match &callback.issuer {
        Some(issuer) if *issuer == settings.issuer => {}
        None if !metadata.authorization_response_iss_parameter_supported => {}
        _ => return Err(OidcError::Callback("it comes from another issuer")),
    }
    if let Some(error) = &callback.error {
        let description = callback.error_description.clone().unwrap_or_default();
        return Err(OidcError::Refused { error: error.clone(), description });
    }
    callback.code.as_ref().filter(|code| !code.is_empty()).ok_or(OidcError::Callback("it has no code"))
}

/// Asks the token endpoint.
pub(super) async fn exchange(
    settings: &OidcSettings,
    web: &Web,
    metadata: &Metadata,
    form: &[(&str, &str)],
) -> Result<Tokens, OidcError> {
    let endpoint = endpoint(&metadata.issuer, metadata.token_endpoint.as_ref(), "token_endpoint")?;
    let (status, url, body) = web::send(authenticated(settings, web.post(endpoint)?, form)).await?;
    if status == StatusCode::OK {
        let tokens = serde_json::from_slice(&body);
        return tokens.map_err(|error| FetchError::Answer { url, error: error.to_string() }.into());
    }
    match serde_json::from_slice(&body) {
        Ok(Refusal { error, error_description }) if status.is_client_error() => {
            Err(OidcError::Refused { error, description: error_description })
        }
        _ => Err(FetchError::Status { url, status }.into()),
    }
}

/// Says who we are (RFC 6749 section 2.3.1), or only which client if there is no secret.
fn authenticated(settings: &OidcSettings, request: RequestBuilder, form: &[(&str, &str)]) -> RequestBuilder {
    let mut form = form.to_vec();
    match (&settings.client_secret, settings.client_authentication) {
        (Some(secret), ClientAuthentication::Basic) => {
            let pair = format!("{}:{}", encoded(&settings.client_id), encoded(secret.reveal()));
            request.header(AUTHORIZATION, format!("Basic {}", STANDARD.encode(pair))).form(&form)
        }
        (Some(secret), ClientAuthentication::Post) => {
            form.extend([("client_id", settings.client_id.as_str()), ("client_secret", secret.reveal())]);
            request.form(&form)
        }
        (None, _) => {
            form.push(("client_id", settings.client_id.as_str()));
            request.form(&form)
        }
    }
}

/// Appendix B of RFC 6749: as in a form, though it is in a header.
fn encoded(text: &str) -> String {
    const PLAIN: &[u8] = b"*-._";
    let encode = |byte: u8| match byte {
        b' ' => "+".to_owned(),
        _ if byte.is_ascii_alphanumeric() || PLAIN.contains(&byte) => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}

/// Asks userinfo, whose answer must be plain JSON.
pub(super) async fn userinfo(web: &Web, endpoint: &str, token: &Secret) -> Result<Claims, OidcError> {
    let claims: Map<String, Value> = web::json(web.get(endpoint)?.bearer_auth(token.reveal())).await?;
    Ok(Claims::new(claims))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn now() -> Timestamp {
        Timestamp::from_unix_millis(0)
    }

    fn settings() -> OidcSettings {
        OidcSettings {
            issuer: "https://id.example".to_owned(),
            client_id: "long shore".to_owned(),
            ..OidcSettings::default()
        }
    }

    fn metadata(names_itself: bool) -> Metadata {
        serde_json::from_value(serde_json::json!({
            "issuer": "https://id.example",
            "authorization_response_iss_parameter_supported": names_itself,
        }))
        .unwrap()
    }

    fn state() -> LoginState {
        LoginState::new(
            "oidc",
            "https://r.example/c/oidc/callback?a=b",
            now().after(std::time::Duration::from_secs(1)),
        )
        .unwrap()
    }

    #[test]
    fn the_address_for_the_browser() {
        let state = state();
        let url = authorization_url(&settings(), "https://id.example/auth?tenant=1", &state).unwrap();
        let query: HashMap<_, _> = url.query_pairs().into_owned().collect();
        for (name, value) in [
            ("tenant", "1"),
            ("response_type", "code"),
            ("client_id", "long shore"),
            ("redirect_uri", "https://r.example/c/oidc/callback?a=b"),
            ("scope", "openid profile email"),
            ("state", state.state.reveal()),
            ("nonce", state.nonce.reveal()),
            ("code_challenge_method", "S256"),
        ] {
            assert_eq!(query.get(name).map(String::as_str), Some(value), "{name}");
        }
        assert!(!query.contains_key("prompt"));
        let mut offline = settings();
        offline.scopes.push("offline_access".to_owned());
        let asked = authorization_url(&offline, "https://id.example/auth", &state).unwrap();
        assert!(asked.as_str().ends_with("&prompt=consent"), "{asked}");
        // The verifier itself stays here.
        assert!(!url.as_str().contains(state.verifier.reveal()));
        for bad in ["http://id.example/auth", "javascript:alert(1)", "/auth", "data:text/html,x"] {
            assert!(authorization_url(&settings(), bad, &state).is_err(), "{bad}");
        }
    }

    /// RFC 7636 appendix B.
    #[test]
    fn the_challenge_of_the_specification() {
        let mut state = state();
        state.verifier = Secret::new("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        let url = authorization_url(&settings(), "https://id.example/auth", &state).unwrap();
        assert!(
            url.as_str().contains("code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&"),
            "{url}"
        );
    }

    #[test]
    fn what_comes_back() {
        let state = state();
        let own = format!("state={}", state.state.reveal());
        let check = |query: &str, names_itself: bool, now: Timestamp| {
            let callback = Callback::from_query(query).unwrap();
            code(&settings(), &metadata(names_itself), &callback, &state, now)
                .map(|code| code.reveal().to_owned())
        };
        assert_eq!(check(&format!("code=c&{own}"), false, now()).unwrap(), "c");
        assert_eq!(check(&format!("code=c&{own}&iss=https://id.example"), true, now()).unwrap(), "c");
        for (query, names_itself, now) in [
            (format!("code=c&{own}"), true, now()),
            (format!("code=c&{own}&iss=https://evil.example"), false, now()),
            (format!("code=c&{own}"), false, state.expires()),
            ("code=c&state=other".to_owned(), false, now()),
            ("code=c&state=".to_owned(), false, now()),
            ("code=c".to_owned(), false, now()),
            // Whoever makes somebody's browser come with an error must know the state, too.
            ("error=access_denied".to_owned(), false, now()),
            (own.clone(), false, now()),
            (format!("code=&{own}"), false, now()),
        ] {
            let result = check(&query, names_itself, now);
            assert!(matches!(result, Err(OidcError::Callback(_))), "{query}: {result:?}");
        }
        let denied = check(&format!("error=access_denied&error_description=no&{own}"), false, now());
        assert!(matches!(denied, Err(OidcError::Refused { error, .. }) if error == "access_denied"));
        let mut other = settings();
        other.name = "other".to_owned();
        let callback = Callback::from_query(&format!("code=c&{own}")).unwrap();
        assert!(matches!(
            code(&other, &metadata(false), &callback, &state, now()),
            Err(OidcError::Callback(_))
        ));
    }

    #[test]
    fn ids_and_secrets_are_encoded_for_the_header() {
        assert_eq!(encoded("long shore:%é"), "long+shore%3A%25%C3%A9");
    }
}
