//! Where docker and podman keep what they know, as the environment says.

use std::{
    env,
    path::{Path, PathBuf},
};

use longshore_client::CredentialStore;

/// docker's file first, which is the one written to, then those of podman: containers-auth.json(5). If a file is named,
/// that alone.
pub(super) fn credentials(named: Option<&Path>) -> CredentialStore {
    if let Some(path) = named {
        return CredentialStore::new([path.to_owned()]);
    }
    let folder = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = folder("HOME");
    let in_home = |path: &str| home.as_ref().map(|home| home.join(path));
    let docker = folder("DOCKER_CONFIG").or_else(|| in_home(".docker"));
    let config = folder("XDG_CONFIG_HOME").or_else(|| in_home(".config"));
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
