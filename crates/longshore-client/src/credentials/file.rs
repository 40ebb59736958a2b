//! docker's `config.json` and podman's `auth.json`: one form, shared by both.

use std::{
    fs,
    io::{ErrorKind, Write as _},
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use longshore_types::RepositoryName;
use serde_json::{Map, Value, json};

use super::{CredentialError, Credentials, helper};
use crate::RegistryHost;

/// Under which docker keeps what it knows of Docker Hub.
const DOCKER_HUB_KEY: &str = "https://index.docker.io/v1/";

/// One file, which need not be there.
#[derive(Clone, Debug)]
pub struct CredentialFile {
    path: PathBuf,
}

impl CredentialFile {
    /// The file at that path.
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    pub(super) async fn find(
        &self,
        host: &RegistryHost,
        repository: Option<&RepositoryName>,
    ) -> Result<Option<Credentials>, CredentialError> {
        let content = self.read()?;
        if let Some(helper) = helper_for(&content, host)
            && let Some(found) = helper::get(&helper, key_of(host)).await?
        {
            return Ok(Some(found));
        }
        let Some(entry) = entry_for(&content, host, repository) else { return Ok(None) };
        self.credentials_of(entry)
    }

    pub(super) async fn store(
        &self,
        host: &RegistryHost,
        credentials: &Credentials,
    ) -> Result<String, CredentialError> {
        let mut content = self.read()?;
        if let Some(name) = helper_for(&content, host) {
            let (user, secret) = match credentials {
                Credentials::Password { user, secret } => (user.as_str(), secret),
                Credentials::RefreshToken(secret) | Credentials::Bearer(secret) => {
                    (helper::token_user(), secret)
                }
            };
            helper::store(&name, key_of(host), user, secret).await?;
            return Ok(format!("docker-credential-{name}"));
        }
        let entry = match credentials {
            Credentials::Password { user, secret } => {
                json!({ "auth": STANDARD.encode(format!("{user}:{secret}")) })
            }
            Credentials::RefreshToken(token) => json!({ "identitytoken": token }),
            Credentials::Bearer(token) => json!({ "registrytoken": token }),
        };
        let auths = content.entry("auths").or_insert_with(|| Value::Object(Map::new()));
        let auths = auths.as_object_mut().ok_or_else(|| self.no_form("auths is no object"))?;
        auths.retain(|key, _| host_of(key) != host.as_str());
        auths.insert(key_of(host).to_owned(), entry);
        self.write(&content)?;
        Ok(self.path.display().to_string())
    }

    pub(super) async fn remove(&self, host: &RegistryHost) -> Result<Vec<String>, CredentialError> {
        let mut removed = Vec::new();
        let mut content = self.read()?;
        if let Some(name) = helper_for(&content, host)
            && helper::erase(&name, key_of(host)).await?
        {
            removed.push(format!("docker-credential-{name}"));
        }
        if let Some(auths) = content.get_mut("auths").and_then(Value::as_object_mut) {
            let before = auths.len();
            auths.retain(|key, _| host_of(key) != host.as_str());
            if auths.len() < before {
                self.write(&content)?;
                removed.push(self.path.display().to_string());
            }
        }
        Ok(removed)
    }

    fn credentials_of(&self, entry: &Value) -> Result<Option<Credentials>, CredentialError> {
        let text = |key: &str| entry.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
        if let Some(token) = text("identitytoken") {
            return Ok(Some(Credentials::RefreshToken(token.to_owned())));
        }
        if let Some(token) = text("registrytoken") {
            return Ok(Some(Credentials::Bearer(token.to_owned())));
        }
        if let (Some(user), Some(secret)) = (text("username"), text("password")) {
            return Ok(Some(Credentials::Password { user: user.to_owned(), secret: secret.to_owned() }));
        }
        let Some(auth) = text("auth") else { return Ok(None) };
        let decoded = STANDARD.decode(auth).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let pair = decoded.as_deref().and_then(|text| text.trim_end_matches('\0').split_once(':'));
        let (user, secret) = pair.ok_or_else(|| self.no_form("an auth is not NAME:SECRET in Base64"))?;
        Ok(Some(Credentials::Password { user: user.to_owned(), secret: secret.to_owned() }))
    }

    fn read(&self) -> Result<Map<String, Value>, CredentialError> {
        let bytes = match fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                return Ok(Map::new());
            }
            Err(source) => return Err(self.fault(source)),
        };
        if bytes.trim_ascii().is_empty() {
            return Ok(Map::new());
        }
        // The error of the parser would show a part of a secret.
        serde_json::from_slice(&bytes).map_err(|error| self.no_form(&format!("line {}", error.line())))
    }

    /// Beside the file, then in its place: whoever reads meanwhile sees the one or the other. For its owner alone.
    fn write(&self, content: &Map<String, Value>) -> Result<(), CredentialError> {
        let write = || {
            // docker lets the file be a link to another.
            let target = fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone());
            let folder = target.parent().unwrap_or_else(|| Path::new("."));
            fs::create_dir_all(folder)?;
            let beside = target.with_extension(format!("{}.new", std::process::id()));
            let _ = fs::remove_file(&beside);
            let mut file = private_file(&beside)?;
            let mut text = serde_json::to_vec_pretty(content)?;
            text.push(b'\n');
            let written = file
                .write_all(&text)
                .and_then(|()| file.sync_all())
                .and_then(|()| fs::rename(&beside, &target));
            if written.is_err() {
                let _ = fs::remove_file(&beside);
            }
            written
        };
        write().map_err(|source| self.fault(source))
    }

    fn fault(&self, source: std::io::Error) -> CredentialError {
        CredentialError::File { path: self.path.clone(), source }
    }

    fn no_form(&self, why: &str) -> CredentialError {
        CredentialError::Format { path: self.path.clone(), why: why.to_owned() }
    }
}

fn private_file(path: &Path) -> std::io::Result<fs::File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// The helper that answers for a registry, if the file names one.
fn helper_for(content: &Map<String, Value>, host: &RegistryHost) -> Option<String> {
    let own = content.get("credHelpers").and_then(Value::as_object);
    let own = own.and_then(|helpers| helpers.iter().find(|(key, _)| host_of(key) == host.as_str()));
    let name = own.map(|(_, name)| name).or_else(|| content.get("credsStore"))?;
    name.as_str().filter(|name| !name.is_empty()).map(str::to_owned)
}

/// The entry of the longest key that the repository lies under: containers-auth.json(5).
fn entry_for<'a>(
    content: &'a Map<String, Value>,
    host: &RegistryHost,
    repository: Option<&RepositoryName>,
) -> Option<&'a Value> {
    let auths = content.get("auths")?.as_object()?;
    let mut place = repository.map_or_else(|| host.to_string(), |repository| format!("{host}/{repository}"));
    loop {
        if let Some(entry) = auths.get(&place) {
            return Some(entry);
        }
        let Some((shorter, _)) = place.rsplit_once('/') else { break };
        place.truncate(shorter.len());
    }
    auths.iter().find(|(key, _)| host_of(key) == host.as_str()).map(|(_, entry)| entry)
}

/// Under which a registry is kept.
fn key_of(host: &RegistryHost) -> &str {
    if host.is_docker_hub() { DOCKER_HUB_KEY } else { host.as_str() }
}

/// The registry that a key is about: docker's keys may be addresses. A part of a registry is about none as a whole.
fn host_of(key: &str) -> &str {
    let address = key.split_once("://").map(|(_, rest)| rest);
    let host = match (address, key.split_once('/')) {
        (Some(rest), _) => rest.split('/').next().unwrap_or(rest),
        (None, None | Some((_, ""))) => key.trim_end_matches('/'),
        (None, Some((host, "v1" | "v1/" | "v2" | "v2/"))) => host,
        (None, Some(_)) => return "",
    };
    if host == "index.docker.io" || host == "registry-1.docker.io" { "docker.io" } else { host }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn file(content: &str) -> (tempfile::TempDir, CredentialFile) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deeper/config.json");
        if !content.is_empty() {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, content).unwrap();
        }
        (folder, CredentialFile::new(path))
    }

    fn host(text: &str) -> RegistryHost {
        text.parse().unwrap()
    }

    fn password(user: &str, secret: &str) -> Credentials {
        Credentials::Password { user: user.to_owned(), secret: secret.to_owned() }
    }

    #[tokio::test]
    async fn what_docker_and_podman_wrote_is_found() {
        // ann:secret, and one for a part of the registry.
        let (_folder, file) = file(
            r#"{"auths": {"https://index.docker.io/v1/": {"auth": "YW5uOnNlY3JldA=="},
                "localhost:5000": {"auth": "YW5uOnNlY3JldA=="},
                "localhost:5000/team": {"username": "team", "password": "a:b"},
                "http://old.example.org/v1/": {"identitytoken": "t"}}}"#,
        );
        let find = async |name: &str, repository: &str| {
            let repository = (!repository.is_empty()).then(|| repository.parse().unwrap());
            file.find(&host(name), repository.as_ref()).await.unwrap()
        };
        assert_eq!(find("docker.io", "library/alpine").await, Some(password("ann", "secret")));
        assert_eq!(find("localhost:5000", "").await, Some(password("ann", "secret")));
        assert_eq!(find("localhost:5000", "other/app").await, Some(password("ann", "secret")));
        assert_eq!(find("localhost:5000", "team/app").await, Some(password("team", "a:b")));
        assert_eq!(find("old.example.org", "").await, Some(Credentials::RefreshToken("t".to_owned())));
        assert_eq!(find("example.org", "").await, None);
        assert_eq!(find("localhost", "").await, None);
    }

    #[tokio::test]
    async fn what_is_kept_is_found_and_forgotten() {
        let (_folder, file) = file("");
        assert_eq!(file.find(&host("localhost:5000"), None).await.unwrap(), None);
        file.store(&host("localhost:5000"), &password("ann", "a:b")).await.unwrap();
        file.store(&host("docker.io"), &password("ann", "hub")).await.unwrap();
        assert_eq!(fs::metadata(&file.path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(file.find(&host("localhost:5000"), None).await.unwrap(), Some(password("ann", "a:b")));
        assert_eq!(file.remove(&host("localhost:5000")).await.unwrap().len(), 1);
        assert_eq!(file.find(&host("localhost:5000"), None).await.unwrap(), None);
        assert_eq!(file.find(&host("docker.io"), None).await.unwrap(), Some(password("ann", "hub")));
        assert!(file.remove(&host("localhost:5000")).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn what_else_a_file_says_stays() {
        let (_folder, file) =
            file(r#"{"HttpHeaders": {"X": "y"}, "auths": {"https://localhost:5000/v1/": {}}}"#);
        file.store(&host("localhost:5000"), &password("ann", "b")).await.unwrap();
        let written: Value = serde_json::from_slice(&fs::read(&file.path).unwrap()).unwrap();
        assert_eq!(written["HttpHeaders"]["X"], "y");
        assert_eq!(written["auths"].as_object().unwrap().keys().collect::<Vec<_>>(), ["localhost:5000"]);
    }

    #[tokio::test]
    async fn a_damaged_file_is_told_without_its_secrets() {
        let (_folder, file) = file("{\"auths\": {\"localhost\": {\"auth\": \"c2VjcmV0\", \n oops}}}");
        let error = file.find(&host("localhost"), None).await.unwrap_err().to_string();
        assert!(error.ends_with("is no file of credentials: line 2"), "{error}");
    }
}
