//! Which workloads a rule trusts. Pure: what was verified and the rule are arguments.

use std::{collections::BTreeMap, fmt, str::FromStr};

use serde_json::Value;

use super::Workload;
use crate::{PatternError, WildcardPattern};

/// Most claims that a rule names.
const CLAIMS_MAX: usize = 32;
/// Longest path of a claim, in bytes.
const PATH_BYTES_MAX: usize = 256;

/// Where a claim is in a token: `repository`, or `kubernetes.io.serviceaccount.name` for a claim in a claim. Names that
/// have dots themselves are found, too: at each level the longest that fits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClaimPath(String);

impl ClaimPath {
    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ClaimPath {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        let fits = !text.is_empty() && text.len() <= PATH_BYTES_MAX && !text.chars().any(char::is_control);
        if fits { Ok(Self(text.to_owned())) } else { Err(RuleError::ClaimPath) }
    }
}

impl fmt::Display for ClaimPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a rule is refused when it is saved.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// It does not say whose tokens it trusts.
    #[error("a rule names an issuer")]
    Issuer,
    /// Without an audience, a token that was made for somebody else could be used here by whoever got it.
    #[error("a rule names an audience, under which tokens are made for this registry alone")]
    Audience,
    /// It would trust everybody whom the issuer knows: at public CI systems, everybody.
    #[error("a rule names at least one claim with a pattern that not every value matches")]
    TooWide,
    /// It would trust everybody of whom the other claims are true.
    #[error(
        "a rule names somebody: sub, repository, repository_owner, project_path, namespace_path, kubernetes.io.namespace or \
         another such claim, without *, or with a whole name before the first *, as in acme/* or repo:acme/*"
    )]
    Anybody,
    /// More than 32.
    #[error("a rule names at most {CLAIMS_MAX} claims")]
    TooManyClaims,
    /// Not an object of texts.
    #[error("claims are a JSON object with a pattern for each claim")]
    Claims,
    /// Not a pattern.
    #[error("the claim {0:?}: {1}")]
    Pattern(String, PatternError),
    /// Empty, too long, or with control characters.
    #[error("the name of a claim has 1 to {PATH_BYTES_MAX} characters")]
    ClaimPath,
}

/// Whom to trust: tokens of that issuer for that audience with those claims, or a certificate of that trust domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustRule {
    issuer: String,
    audience: String,
    claims: BTreeMap<ClaimPath, WildcardPattern>,
}

impl TrustRule {
    /// Puts a rule together. The issuer is the address of a configured issuer, or `spiffe://` with a trust domain; the
    /// audience is asked of tokens, certificates have none.
    ///
    /// # Errors
    /// When it would trust more than anybody can mean.
    pub fn new(
        issuer: &str,
        audience: &str,
        claims: BTreeMap<ClaimPath, WildcardPattern>,
    ) -> Result<Self, RuleError> {
        if issuer.is_empty() {
            return Err(RuleError::Issuer);
        }
        if audience.is_empty() {
            return Err(RuleError::Audience);
        }
        if claims.len() > CLAIMS_MAX {
            return Err(RuleError::TooManyClaims);
        }
        // These are of the token, not of whom it is about.
        let says_something = |(path, pattern): (&ClaimPath, &WildcardPattern)| {
            !matches!(path.as_str(), "iss" | "aud" | "exp" | "iat" | "nbf" | "jti")
                && !pattern.matches_everything()
        };
        if !claims.iter().any(says_something) {
            return Err(RuleError::TooWide);
        }
        Ok(Self { issuer: issuer.to_owned(), audience: audience.to_owned(), claims })
    }

    /// The same with the claims as JSON, in which form rules are kept and sent: an object with a pattern for each claim.
    ///
    /// # Errors
    /// When it is none, and when the rule would trust more than anybody can mean.
    pub fn from_json(issuer: &str, audience: &str, claims: &str) -> Result<Self, RuleError> {
        let claims: BTreeMap<String, String> = serde_json::from_str(claims).map_err(|_| RuleError::Claims)?;
        let read = |(path, pattern): (String, String)| -> Result<_, RuleError> {
            let pattern = pattern
                .parse::<WildcardPattern>()
                .map_err(|error| RuleError::Pattern(path.clone(), error))?;
            Ok((path.parse::<ClaimPath>()?, pattern))
        };
        Self::new(issuer, audience, claims.into_iter().map(read).collect::<Result<_, _>>()?)
    }

    /// The claims as JSON.
    pub fn claims_json(&self) -> String {
        let claims =
            self.claims.iter().map(|(path, pattern)| (path.to_string(), Value::from(pattern.as_str())));
        Value::Object(claims.collect()).to_string()
    }

    /// Whose word it takes.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// What tokens must be made for.
    pub fn audience(&self) -> &str {
        &self.audience
    }

    /// How much it asks for: of two rules that trust the same workload, the one that asks for more is meant.
    pub fn narrowness(&self) -> usize {
        self.claims
            .values()
            .map(|pattern| pattern.as_str().bytes().filter(|byte| *byte != b'*').count())
            .sum()
    }

    /// What must be said.
    pub fn claims(&self) -> &BTreeMap<ClaimPath, WildcardPattern> {
        &self.claims
    }

    /// Whether it trusts this workload: issuer and audience are equal, and every claim is there and matches.
    pub fn matches(&self, workload: &Workload) -> bool {
        let meant = |audiences: &[String]| audiences.contains(&self.audience);
        workload.issuer() == self.issuer
            && workload.audiences().is_none_or(meant)
            && self.claims.iter().all(|(path, pattern)| {
                workload.claim(path.as_str()).is_some_and(|value| value_matches(value, pattern))
            })
    }
}

/// A text matches as it is, a number or a truth value as JSON writes it, a list if one of its values does. An object or
/// nothing matches nothing.
fn value_matches(value: &Value, pattern: &WildcardPattern) -> bool {
    match value {
        Value::String(text) => pattern.matches(text),
        Value::Number(_) | Value::Bool(_) => pattern.matches(&value.to_string()),
        Value::Array(values) => values.iter().any(|value| !value.is_array() && value_matches(value, pattern)),
        Value::Object(_) | Value::Null => false,
    }
}

#[cfg(test)]
mod tests;
