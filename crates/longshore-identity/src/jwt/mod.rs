//! Signed tokens of others (JWT, RFC 7519; JWS, RFC 7515): ID tokens, tokens of workloads, JWT-SVIDs.
//!
//! A token is read without believing it ([`SignedToken`]), its signature is verified with keys that were fetched or read
//! beforehand ([`KeySet`]), and only then its claims are looked at ([`Claims`]).

mod claims;
mod keys;
mod token;

pub(crate) use claims::Claims;
pub(crate) use keys::{KeySet, Purpose};
pub(crate) use token::SignedToken;

/// How far the clocks of issuers may be from ours.
pub(crate) const LEEWAY: std::time::Duration = std::time::Duration::from_secs(60);

/// Why a token is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Longer than any issuer makes them.
    #[error("the token is longer than {} KiB", token::TOKEN_BYTES_MAX / 1024)]
    TooLong,
    /// Not three parts of base64 with JSON in two of them; or asking for extensions that are unknown here.
    #[error("not a signed token: {0}")]
    Malformed(String),
    /// Signed by a shared secret, by an unknown algorithm, or not at all.
    #[error("signed by an algorithm that is not accepted")]
    Algorithm,
    /// None of the issuer's keys has the token's key id and algorithm.
    #[error("signed by a key that its issuer does not publish")]
    UnknownKey,
    /// Somebody else made it, or it was changed.
    #[error("the signature does not match")]
    Signature,
    /// Another issuer than the expected one; or one that is not configured.
    #[error("issued by {0:?}, who is not trusted here")]
    Issuer(String),
    /// Meant for somebody else.
    #[error("not meant for this audience")]
    Audience,
    /// Its time is over.
    #[error("expired")]
    Expired,
    /// Its time has not come, or it was made in the future.
    #[error("not valid yet")]
    NotYetValid,
    /// A claim is missing, or is not what the specification says.
    #[error("the claim {0:?} is missing or wrong")]
    Claim(&'static str),
}
