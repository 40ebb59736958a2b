//! Whether an ID token is for us and about this login (OpenID Connect Core 1.0 section 3.1.3.7).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::Algorithm;
use longshore_types::Timestamp;
use sha2::{Digest as _, Sha256, Sha384, Sha512};

use crate::{TokenError, jwt::Claims};

/// What an ID token must fit. Its signature was verified before.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a str,
    pub(super) client_id: &'a str,
    /// None after a refresh: section 12.2 leaves it out.
    pub(super) nonce: Option<&'a str>,
    /// The access token that came with it.
    pub(super) access_token: Option<&'a str>,
    /// What the token's own header says that it is signed with.
    pub(super) algorithm: Algorithm,
}

/// Checks the claims, in the order of the specification. Returns the subject.
pub(super) fn check<'a>(
    claims: &'a Claims,
    expected: Expected<'_>,
    now: Timestamp,
) -> Result<&'a str, TokenError> {
    match claims.text("iss") {
        Some(issuer) if issuer == expected.issuer => {}
        issuer => return Err(TokenError::Issuer(issuer.unwrap_or_default().to_owned())),
    }
    let audiences = claims.audiences();
    if !audiences.contains(&expected.client_id) {
        return Err(TokenError::Audience);
    }
    // For several, it must say to whom it was given: to us.
    match claims.at("azp") {
        None if audiences.len() == 1 => {}
        None => return Err(TokenError::Claim("azp")),
        Some(party) if party.as_str() == Some(expected.client_id) => {}
        Some(_) => return Err(TokenError::Audience),
    }
    claims.check_time(now)?;
    claims.time("iat")?.ok_or(TokenError::Claim("iat"))?;
    if let Some(nonce) = expected.nonce
        && claims.text("nonce") != Some(nonce)
    {
        return Err(TokenError::Claim("nonce"));
    }
    if let (Some(hash), Some(token)) = (claims.at("at_hash"), expected.access_token)
        && hash.as_str() != Some(half_hash(token, expected.algorithm).as_str())
    {
        return Err(TokenError::Claim("at_hash"));
    }
    claims.text("sub").filter(|subject| subject.len() <= 255).ok_or(TokenError::Claim("sub"))
}

/// Section 3.1.3.6: the left half of the hash that the signature's algorithm uses.
fn half_hash(token: &str, algorithm: Algorithm) -> String {
    let hash = match algorithm {
        Algorithm::RS384 | Algorithm::PS384 | Algorithm::ES384 => Sha384::digest(token).to_vec(),
        Algorithm::RS512 | Algorithm::PS512 | Algorithm::EdDSA => Sha512::digest(token).to_vec(),
        _ => Sha256::digest(token).to_vec(),
    };
    URL_SAFE_NO_PAD.encode(&hash[..hash.len() / 2])
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const NOW: i64 = 1_800_000_000;

    /// Of the specification's own example, appendix A.3.
    #[test]
    fn the_hash_of_the_specification() {
        let token = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";
        assert_eq!(half_hash(token, Algorithm::RS256), "77QmUPtjPfzWtF2AnpK9RQ");
    }

    #[track_caller]
    fn checked(change: Value, expected: Result<&str, TokenError>) {
        let mut claims = json!({
            "iss": "https://id.example", "sub": "1234", "aud": "longshore", "nonce": "n-1",
            "exp": NOW + 300, "iat": NOW, "at_hash": half_hash("access", Algorithm::ES256),
        });
        for (name, value) in change.as_object().unwrap() {
            match value {
                Value::Null => claims.as_object_mut().unwrap().remove(name),
                value => claims.as_object_mut().unwrap().insert(name.clone(), value.clone()),
            };
        }
        let Value::Object(claims) = claims else { unreachable!() };
        let claims = Claims::new(claims);
        let wanted = Expected {
            issuer: "https://id.example",
            client_id: "longshore",
            nonce: Some("n-1"),
            access_token: Some("access"),
            algorithm: Algorithm::ES256,
        };
        assert_eq!(check(&claims, wanted, Timestamp::from_unix_millis(NOW * 1000)), expected, "{change}");
    }

    #[test]
    fn claims() {
        checked(json!({}), Ok("1234"));
        checked(json!({ "at_hash": null }), Ok("1234"));
        checked(json!({ "aud": ["longshore"] }), Ok("1234"));
        checked(json!({ "aud": ["longshore", "other"], "azp": "longshore" }), Ok("1234"));
        checked(json!({ "azp": "longshore" }), Ok("1234"));
        let issuer = |text: &str| Err(TokenError::Issuer(text.to_owned()));
        checked(json!({ "iss": "https://id.example/" }), issuer("https://id.example/"));
        checked(json!({ "iss": null }), issuer(""));
        checked(json!({ "aud": "other" }), Err(TokenError::Audience));
        checked(json!({ "aud": null }), Err(TokenError::Audience));
        checked(json!({ "aud": ["longshore", "other"] }), Err(TokenError::Claim("azp")));
        checked(json!({ "azp": "other" }), Err(TokenError::Audience));
        checked(json!({ "azp": 1 }), Err(TokenError::Audience));
        checked(json!({ "exp": NOW - 61 }), Err(TokenError::Expired));
        checked(json!({ "exp": null }), Err(TokenError::Claim("exp")));
        checked(json!({ "iat": null }), Err(TokenError::Claim("iat")));
        checked(json!({ "iat": NOW + 61 }), Err(TokenError::NotYetValid));
        checked(json!({ "nonce": "n-2" }), Err(TokenError::Claim("nonce")));
        checked(json!({ "nonce": null }), Err(TokenError::Claim("nonce")));
        checked(
            json!({ "at_hash": half_hash("other", Algorithm::ES256) }),
            Err(TokenError::Claim("at_hash")),
        );
        checked(
            json!({ "at_hash": half_hash("access", Algorithm::ES384) }),
            Err(TokenError::Claim("at_hash")),
        );
        checked(json!({ "sub": null }), Err(TokenError::Claim("sub")));
        checked(json!({ "sub": "" }), Err(TokenError::Claim("sub")));
        checked(json!({ "sub": "a".repeat(256) }), Err(TokenError::Claim("sub")));
    }
}
