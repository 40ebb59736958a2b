//! Whether a rule trusts somebody in particular. Issuers such as GitHub Actions vouch for everybody who has an account there:
//! a rule about a branch alone would trust the branches of that name of all of them. Pure.

use super::{RuleError, TrustRule};
use crate::WildcardPattern;

/// Claims by which the issuers that people use say whose workload it is. Every token has `sub`.
const NAMING: [&str; 14] = [
    "sub",
    // GitHub Actions.
    "repository",
    "repository_id",
    "repository_owner",
    "repository_owner_id",
    // GitLab.
    "project_path",
    "project_id",
    "namespace_path",
    "namespace_id",
    // Kubernetes, and others.
    "namespace",
    "kubernetes.io.namespace",
    "kubernetes.io.serviceaccount.name",
    "kubernetes.io.serviceaccount.uid",
    "organization_id",
];

/// What subjects begin with, whoever they are about.
const KINDS: [&str; 2] = ["system:serviceaccount:", "spiffe://"];

impl TrustRule {
    /// Refuses a rule that trusts nobody in particular: one of the claims that say whose workload it is must have a value
    /// without `*`, or one whose first name is whole, as in `acme/*` or `repo:acme/*`.
    ///
    /// # Errors
    /// [`RuleError::Anybody`].
    pub fn check_names_somebody(&self) -> Result<(), RuleError> {
        let names = |(path, pattern): (&super::ClaimPath, &WildcardPattern)| {
            NAMING.contains(&path.as_str()) && begins_with_a_name(path.as_str(), pattern.as_str())
        };
        if self.claims().iter().any(names) { Ok(()) } else { Err(RuleError::Anybody) }
    }
}

fn begins_with_a_name(path: &str, pattern: &str) -> bool {
    let Some((literal, _)) = pattern.split_once('*') else { return true };
    let named = match path {
        "sub" => without_kind(literal),
        _ => literal,
    };
    // `acme*` would trust acme-and-somebody-else too.
    named.split_once(['/', ':']).is_some_and(|(name, _)| !name.is_empty())
}

/// A subject behind what says of what kind it is: `repo:`, `project_path:`, `spiffe://` with the trust domain.
fn without_kind(subject: &str) -> &str {
    for kind in KINDS {
        if let Some(rest) = subject.strip_prefix(kind) {
            return match kind {
                "spiffe://" => rest.split_once('/').map_or("", |(_, path)| path),
                _ => rest,
            };
        }
    }
    subject.split_once([':', '/']).map_or("", |(_, rest)| rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, pattern: &str, narrow: bool) {
        let claims = [
            (path.parse().unwrap(), pattern.parse().unwrap()),
            ("ref".parse().unwrap(), "r".parse().unwrap()),
        ];
        let rule = TrustRule::new("https://issuer.example", "registry", claims.into()).unwrap();
        assert_eq!(rule.check_names_somebody().is_ok(), narrow, "{path} {pattern}");
    }

    #[test]
    fn a_rule_names_somebody() {
        for (path, pattern) in [
            ("sub", "repo:acme/app:ref:refs/heads/main"),
            ("sub", "repo:acme/*"),
            ("sub", "project_path:group/*"),
            ("sub", "system:serviceaccount:ci:*"),
            ("sub", "spiffe://example.org/ci/*"),
            ("sub", "org/3f2a/project/*"),
            ("sub", "3f2a"),
            ("repository", "acme/*"),
            ("repository_owner", "acme"),
            ("project_path", "group/sub/*"),
            ("namespace_id", "22"),
            ("kubernetes.io.namespace", "ci"),
        ] {
            check(path, pattern, true);
        }
    }

    #[test]
    fn or_else_it_would_trust_anybody() {
        for (path, pattern) in [
            ("sub", "*:*"),
            ("sub", "repo:*"),
            ("sub", "repo:acme*"),
            ("sub", "repo:/*"),
            ("sub", "*/app"),
            ("sub", "acme*"),
            ("sub", "system:serviceaccount:*"),
            ("sub", "system:serviceaccount:ci*"),
            ("sub", "spiffe://example.org/*"),
            ("sub", "spiffe://*"),
            ("repository", "acme*"),
            ("repository", "*/app"),
            ("repository_owner", "acme*"),
            ("namespace", "ci*"),
            // Everybody has those.
            ("event_name", "push"),
            ("environment", "production"),
            ("repository_visibility", "private"),
        ] {
            check(path, pattern, false);
        }
    }
}
