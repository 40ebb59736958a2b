//! `WWW-Authenticate`: RFC 9110 section 11.6.1, RFC 6750 section 3 for the errors of bearer tokens.

use std::fmt::Write as _;

use crate::Scope;

/// What was wrong with the token that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChallengeProblem {
    /// It is expired, forged, or meant for another service.
    InvalidToken,
    /// It is good, but does not grant what the request needs.
    InsufficientScope,
}

impl ChallengeProblem {
    fn as_str(self) -> &'static str {
        match self {
            Self::InvalidToken => "invalid_token",
            Self::InsufficientScope => "insufficient_scope",
        }
    }
}

/// `Basic realm="…"`.
pub(crate) fn basic(realm: &str) -> String {
    format!("Basic realm={}", quoted(realm))
}

/// `Bearer realm="…",service="…",scope="…",error="…"`, in the order in which distribution writes them.
///
/// A token that lacks a scope is told the first alone, which is what the request is about: skopeo and podman read no more
/// than one there, and print an error over two. Clients that mount ask for the source by themselves.
pub(crate) fn bearer(
    realm: &str,
    service: &str,
    scopes: &[Scope],
    problem: Option<ChallengeProblem>,
) -> String {
    let mut challenge = format!("Bearer realm={},service={}", quoted(realm), quoted(service));
    let scopes = match problem {
        Some(ChallengeProblem::InsufficientScope) => &scopes[..scopes.len().min(1)],
        Some(ChallengeProblem::InvalidToken) | None => scopes,
    };
    if !scopes.is_empty() {
        let scopes: Vec<_> = scopes.iter().map(Scope::to_string).collect();
        let _ = write!(challenge, ",scope={}", quoted(&scopes.join(" ")));
    }
    if let Some(problem) = problem {
        let _ = write!(challenge, ",error={}", quoted(problem.as_str()));
    }
    challenge
}

/// A quoted string (RFC 9110 section 5.6.4); control characters, which would end the header, are left out.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars().filter(|c| !c.is_control()) {
        if matches!(c, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Action;

    #[test]
    fn challenges() {
        assert_eq!(basic("Registry \"A\"\r\nX: y"), r#"Basic realm="Registry \"A\"X: y""#);
        let name = "team/app".parse().unwrap();
        let scope = Scope::repository(&name, &[Action::Pull, Action::Push]);
        assert_eq!(
            bearer("https://auth/token", "registry", &[scope], Some(ChallengeProblem::InsufficientScope)),
            r#"Bearer realm="https://auth/token",service="registry",scope="repository:team/app:pull,push",error="insufficient_scope""#
        );
        assert_eq!(bearer("r", "s", &[], None), r#"Bearer realm="r",service="s""#);

        let source = Scope::repository(&"team/base".parse().unwrap(), &[Action::Pull]);
        let mount = [Scope::repository(&name, &[Action::Pull, Action::Push]), source];
        let asked = |problem| {
            let challenge = bearer("r", "s", &mount, problem);
            challenge.split('"').nth(5).unwrap().to_owned()
        };
        let both = "repository:team/app:pull,push repository:team/base:pull";
        assert_eq!(asked(None), both);
        assert_eq!(asked(Some(ChallengeProblem::InvalidToken)), both);
        assert_eq!(asked(Some(ChallengeProblem::InsufficientScope)), "repository:team/app:pull,push");
    }
}
