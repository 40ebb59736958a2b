//! Where docker and podman keep what they know, as the environment says.

use std::{
    env,
    path::{Path, PathBuf},
};

use longshore_client::{CredentialStore, RegistryRules, RulesError};

/// docker's file first, which is the one written to, then those of podman: containers-auth.json(5). If a file is named,
/// that alone.
pub(super) fn credentials(named: Option<&Path>) -> CredentialStore {
    if let Some(path) = named {
        return CredentialStore::new([path.to_owned()]);
    }
    let (docker, config) = (docker_folder(), config_folder());
    CredentialStore::new(
        [
            docker.map(|folder| folder.join("config.json")),
            folder("XDG_RUNTIME_DIR").map(|folder| folder.join("containers/auth.json")),
            config.map(|folder| folder.join("containers/auth.json")),
        ]
        .into_iter()
        .flatten(),
    )
}

/// Largest file of rules, in bytes.
const RULES_BYTES_MAX: u64 = 1 << 20;

/// What docker's `daemon.json` says of registries, that of the system and those of the user, and what `registries.conf`
/// does: the user's file goes before the system's, and files in `registries.conf.d` go before both.
/// `CONTAINERS_REGISTRIES_CONF` names one that goes before all.
pub(super) fn rules() -> Result<RegistryRules, RulesError> {
    let mut rules = RegistryRules::default();
    let docker = [
        Some(PathBuf::from("/etc/docker/daemon.json")),
        config_folder().map(|folder| folder.join("docker/daemon.json")),
        docker_folder().map(|folder| folder.join("daemon.json")),
    ];
    for path in docker.into_iter().flatten() {
        if let Some(text) = read(&path)? {
            rules = rules.with_daemon_json(path, &text)?;
        }
    }
    for path in registries_conf()? {
        if let Some(text) = read(&path)? {
            rules = rules.with_registries_conf(path, &text)?;
        }
    }
    Ok(rules)
}

/// In the order in which they count, the weightiest last.
fn registries_conf() -> Result<Vec<PathBuf>, RulesError> {
    let (system, user) =
        (Path::new("/etc/containers"), config_folder().map(|folder| folder.join("containers")));
    let named = folder("CONTAINERS_REGISTRIES_CONF");
    let of_user = user.as_ref().map(|user| user.join("registries.conf")).filter(|path| path.exists());
    if let Some(named) = named {
        // One that is named must be there.
        return match named.exists() {
            true => Ok(vec![named]),
            false => Err(RulesError { path: named, why: "it is not there".to_owned() }),
        };
    }
    let mut paths = vec![of_user.unwrap_or_else(|| system.join("registries.conf"))];
    for place in [Some(system), user.as_deref()].into_iter().flatten() {
        let entries = std::fs::read_dir(place.join("registries.conf.d")).into_iter().flatten().flatten();
        let mut found: Vec<_> = entries.map(|entry| entry.path()).collect();
        found.retain(|path| path.extension().is_some_and(|extension| extension == "conf"));
        found.sort();
        paths.extend(found);
    }
    Ok(paths)
}

/// None where there is no such file, or one that is another user's affair.
fn read(path: &Path) -> Result<Option<String>, RulesError> {
    use std::io::{ErrorKind, Read as _};
    let wrong = |why: String| RulesError { path: path.to_owned(), why };
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::PermissionDenied) => {
            return Ok(None);
        }
        Err(error) => return Err(wrong(error.to_string())),
    };
    let mut text = String::new();
    file.take(RULES_BYTES_MAX + 1).read_to_string(&mut text).map_err(|error| wrong(error.to_string()))?;
    match text.len() as u64 > RULES_BYTES_MAX {
        true => Err(wrong(format!("it is longer than {RULES_BYTES_MAX} bytes"))),
        false => Ok(Some(text)),
    }
}

fn folder(name: &str) -> Option<PathBuf> {
    env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

fn in_home(path: &str) -> Option<PathBuf> {
    folder("HOME").map(|home| home.join(path))
}

fn docker_folder() -> Option<PathBuf> {
    folder("DOCKER_CONFIG").or_else(|| in_home(".docker"))
}

fn config_folder() -> Option<PathBuf> {
    folder("XDG_CONFIG_HOME").or_else(|| in_home(".config"))
}
