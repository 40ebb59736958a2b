//! Credential helpers: programs `docker-credential-NAME`, docker's protocol over standard input and output.

use std::{process::Stdio, time::Duration};

use serde::{Deserialize, Serialize};
use tokio::{io::AsyncWriteExt as _, process::Command, time::timeout};

use super::{CredentialError, Credentials};

/// How long one may take: some ask people to unlock a keychain.
const TIMEOUT: Duration = Duration::from_secs(120);

/// The name that says that the secret is a refresh token.
const TOKEN_USER: &str = "<token>";

/// What a helper says when it knows nothing, in any of the spellings in use.
const NOT_FOUND: &str = "credentials not found";

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    #[serde(rename = "ServerURL", default)]
    server: String,
    username: String,
    secret: String,
}

/// What the helper knows of a server.
pub(super) async fn get(name: &str, server: &str) -> Result<Option<Credentials>, CredentialError> {
    let output = match run(name, "get", server.as_bytes()).await {
        Ok(output) => output,
        Err(CredentialError::Helper { why, .. }) if why.to_ascii_lowercase().contains(NOT_FOUND) => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let entry: Entry = serde_json::from_slice(&output).map_err(|error| fault(name, error.to_string()))?;
    Ok(match (entry.username, entry.secret) {
        (_, secret) if secret.is_empty() => None,
        (user, secret) if user == TOKEN_USER => Some(Credentials::RefreshToken(secret)),
        (user, secret) => Some(Credentials::Password { user, secret }),
    })
}

/// Has the helper keep credentials.
pub(super) async fn store(name: &str, server: &str, user: &str, secret: &str) -> Result<(), CredentialError> {
    let entry = Entry { server: server.to_owned(), username: user.to_owned(), secret: secret.to_owned() };
    let input = serde_json::to_vec(&entry).map_err(|error| fault(name, error.to_string()))?;
    run(name, "store", &input).await.map(drop)
}

/// Has the helper forget a server; whether it knew it.
pub(super) async fn erase(name: &str, server: &str) -> Result<bool, CredentialError> {
    if get(name, server).await?.is_none() {
        return Ok(false);
    }
    run(name, "erase", server.as_bytes()).await.map(|_| true)
}

/// The user's name for a refresh token, as helpers know it.
pub(super) fn token_user() -> &'static str {
    TOKEN_USER
}

async fn run(name: &str, action: &str, input: &[u8]) -> Result<Vec<u8>, CredentialError> {
    // It comes from a file and becomes a program's name: no paths.
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c)) {
        return Err(fault(name, "no name of a helper".to_owned()));
    }
    let missing = |source| CredentialError::HelperMissing { name: name.to_owned(), source };
    let mut child = Command::new(format!("docker-credential-{name}"))
        .arg(action)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(missing)?;
    if let Some(mut stdin) = child.stdin.take() {
        // One that reads nothing of it may be right all the same.
        let _ = stdin.write_all(input).await;
    }
    let output = timeout(TIMEOUT, child.wait_with_output())
        .await
        .map_err(|_| fault(name, "does not come to an end".to_owned()))?
        .map_err(missing)?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    // The protocol has errors on standard output.
    let words = if output.stdout.is_empty() { &output.stderr } else { &output.stdout };
    Err(fault(name, String::from_utf8_lossy(words).trim().to_owned()))
}

fn fault(name: &str, why: String) -> CredentialError {
    CredentialError::Helper { name: name.to_owned(), why }
}
