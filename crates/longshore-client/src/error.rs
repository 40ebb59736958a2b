//! What goes wrong between a client and a registry.

use std::fmt;

use http::{Method, StatusCode};
use longshore_types::{Digest, DigestError, ManifestError};
use reqwest::Url;
use serde::Deserialize;

use crate::{CredentialError, LocalError, RegistryHost, RepositoryReference};

/// Why something could not be had from a registry, or be given to it.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// It said no, in these words.
    #[error(transparent)]
    Refused(#[from] Box<Refusal>),
    /// It cannot be reached.
    #[error("{host} cannot be reached")]
    Unreachable {
        /// The registry.
        host: RegistryHost,
        /// Why.
        source: reqwest::Error,
    },
    /// It speaks plain HTTP, or shows a certificate nobody vouches for, and nobody allowed that.
    #[error(
        "{host} does not speak HTTPS with a certificate that is trusted here; --insecure goes on without"
    )]
    NotTrusted {
        /// The registry.
        host: RegistryHost,
        /// Why.
        source: reqwest::Error,
    },
    /// The connection ended or stood still in the middle of an answer.
    #[error("the connection to {host} broke")]
    Broken {
        /// The registry.
        host: RegistryHost,
        /// How.
        source: reqwest::Error,
    },
    /// The answer is not what the distribution specification says.
    #[error("{host} answers what no registry should: {why}")]
    Protocol {
        /// The registry.
        host: RegistryHost,
        /// What is wrong.
        why: String,
    },
    /// Content that is not what its digest says.
    #[error("{host} gave content of {actual} for {expected}")]
    DigestMismatch {
        /// The registry.
        host: RegistryHost,
        /// What was asked for.
        expected: Digest,
        /// What came.
        actual: Digest,
    },
    /// A manifest that is none.
    #[error("{host} gave a manifest that is none")]
    Manifest {
        /// The registry.
        host: RegistryHost,
        /// What is wrong with it.
        source: ManifestError,
    },
    /// Content that is not what was said of it.
    #[error("{what}: {why}")]
    Content {
        /// Which, or where it is from.
        what: String,
        /// What is wrong with it.
        why: String,
    },
    /// The rules of this machine forbid it.
    #[error("{0} is blocked by registries.conf")]
    Blocked(RepositoryReference),
    /// Files cannot be read or written.
    #[error(transparent)]
    Local(#[from] LocalError),
    /// Stored credentials cannot be read.
    #[error("credentials for {host} cannot be read")]
    Credentials {
        /// The registry.
        host: RegistryHost,
        /// Why.
        source: CredentialError,
    },
}

impl ClientError {
    pub(crate) fn protocol(host: &RegistryHost, why: impl Into<String>) -> Self {
        Self::Protocol { host: host.clone(), why: why.into() }
    }

    pub(crate) fn digest(host: &RegistryHost, error: &DigestError) -> Self {
        Self::protocol(host, format!("Docker-Content-Digest: {error}"))
    }

    /// The status that the registry answered with, if it did.
    pub fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Refused(refusal) => Some(refusal.status),
            _ => None,
        }
    }

    /// Whether what was asked for is not there, as far as the caller may know.
    pub fn is_not_found(&self) -> bool {
        self.status() == Some(StatusCode::NOT_FOUND)
    }
}

/// An answer that is not a success.
#[derive(Debug)]
pub struct Refusal {
    /// The registry.
    pub host: RegistryHost,
    /// What was asked.
    pub method: Method,
    /// Where.
    pub url: Url,
    /// The status of the answer.
    pub status: StatusCode,
    /// The registry's own words, as many as it had.
    pub problems: Vec<Problem>,
    /// Whether credentials went along.
    pub with_credentials: bool,
}

/// An entry of the errors in an answer: distribution specification v1.1.1, "Error Codes".
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct Problem {
    /// Such as `MANIFEST_UNKNOWN`.
    #[serde(default)]
    pub code: String,
    /// For people.
    #[serde(default)]
    pub message: String,
}

#[derive(Deserialize)]
struct Envelope {
    errors: Vec<Problem>,
}

/// Longest message of a registry that is shown, in characters.
const MESSAGE_CHARS_MAX: usize = 400;

impl Refusal {
    /// What a body of an error says. Anything but the specification's form says nothing.
    pub(crate) fn problems_of(body: &[u8]) -> Vec<Problem> {
        let mut problems =
            serde_json::from_slice::<Envelope>(body).map(|envelope| envelope.errors).unwrap_or_default();
        for problem in &mut problems {
            problem.code = printable(&problem.code);
            problem.message = printable(&problem.message);
        }
        problems
    }

    /// What may be done about it.
    pub fn hint(&self) -> Option<String> {
        let host = &self.host;
        Some(match self.status {
            StatusCode::UNAUTHORIZED if self.with_credentials => {
                format!("the registry does not take these credentials; try: longshore login {host}")
            }
            StatusCode::UNAUTHORIZED => {
                format!("a login may be needed, or there is nothing of that name: longshore login {host}")
            }
            StatusCode::FORBIDDEN => "you are logged in, but may not do this".to_owned(),
            StatusCode::NOT_FOUND if self.has("NAME_UNKNOWN") => {
                format!(
                    "the repository is not there, or you may not see it; longshore catalog {host} lists what is"
                )
            }
            StatusCode::METHOD_NOT_ALLOWED => "the registry has this switched off".to_owned(),
            StatusCode::TOO_MANY_REQUESTS => "the registry wants fewer requests; wait, or log in".to_owned(),
            status if status.is_server_error() => "the registry is in trouble; its log knows more".to_owned(),
            _ => return None,
        })
    }

    /// Whether one of the registry's codes is this one.
    pub fn has(&self, code: &str) -> bool {
        self.problems.iter().any(|problem| problem.code == code)
    }
}

impl std::error::Error for Refusal {}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.method, self.url.path(), self.status.as_u16())?;
        if self.problems.is_empty() {
            return write!(f, " {}", self.status.canonical_reason().unwrap_or("from the registry"));
        }
        for (i, Problem { code, message }) in self.problems.iter().enumerate() {
            f.write_str(if i == 0 { " " } else { "; " })?;
            match (code.as_str(), message.as_str()) {
                (code, "") => f.write_str(code)?,
                ("", message) => f.write_str(message)?,
                (code, message) => write!(f, "{code}: {message}")?,
            }
        }
        Ok(())
    }
}

/// A registry's words must not drive the terminal.
fn printable(text: &str) -> String {
    text.chars().take(MESSAGE_CHARS_MAX).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(status: StatusCode, body: &str) -> Refusal {
        Refusal {
            host: "localhost:5000".parse().unwrap(),
            method: Method::GET,
            url: "http://localhost:5000/v2/app/manifests/v1".parse().unwrap(),
            status,
            problems: Refusal::problems_of(body.as_bytes()),
            with_credentials: false,
        }
    }

    #[test]
    fn a_registrys_own_words_are_shown() {
        let body =
            r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown","detail":{"x":1}}]}"#;
        let refusal = refusal(StatusCode::NOT_FOUND, body);
        assert_eq!(refusal.to_string(), "GET /v2/app/manifests/v1: 404 MANIFEST_UNKNOWN: manifest unknown");
        assert!(refusal.has("MANIFEST_UNKNOWN") && refusal.hint().is_none());
    }

    #[test]
    fn an_answer_without_words_is_its_status() {
        let refusal = refusal(StatusCode::BAD_GATEWAY, "<html>");
        assert_eq!(refusal.to_string(), "GET /v2/app/manifests/v1: 502 Bad Gateway");
    }

    #[test]
    fn words_do_not_drive_the_terminal() {
        let body = r#"{"errors":[{"code":"DENIED","message":"no\u001b[2J\nreally"}]}"#;
        assert_eq!(refusal(StatusCode::FORBIDDEN, body).problems[0].message, "no [2J really");
    }
}
