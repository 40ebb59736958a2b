//! The key that seals secrets in the index. It lies in a file, so that a copy of the index alone tells nobody anything.

use std::{
    fs, io,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use longshore_auth::SecretKey;

use crate::config::AccountsConfig;

/// Its name in our folder.
const FILE: &str = "secret-key";
/// For its owner alone.
const MODE: u32 = 0o600;

/// Reads the key, or makes it. `folder` is ours in the storage folder.
pub(crate) fn secret_key(config: &AccountsConfig, folder: &Path) -> anyhow::Result<SecretKey> {
    let path = config.secret_key_file.clone().unwrap_or_else(|| folder.join(FILE));
    let named = || format!("accounts.secret_key_file: {}", path.display());
    let text = match fs::read_to_string(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => make(&path).with_context(named)?,
        read => read.with_context(named)?,
    };
    SecretKey::parse(&text).with_context(named)
}

/// Several processes may start together over one folder: the first one's key is everybody's.
fn make(path: &Path) -> io::Result<String> {
    let own = beside(path);
    // What an earlier start left that did not come to its end.
    let _ = fs::remove_file(&own);
    let mut options = fs::OpenOptions::new();
    let file = options.write(true).create_new(true).mode(MODE).open(&own)?;
    let made = write(file, path, &own);
    let _ = fs::remove_file(&own);
    made
}

fn write(mut file: fs::File, path: &Path, own: &Path) -> io::Result<String> {
    use io::Write as _;
    writeln!(file, "{}", SecretKey::generate().reveal())?;
    file.sync_all()?;
    match fs::hard_link(own, path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    if let Some(folder) = path.parent() {
        fs::File::open(folder)?.sync_all()?;
    }
    fs::read_to_string(path)
}

/// A name of this process's own in the same folder.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}", std::process::id()));
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn it_is_made_once_and_nobody_else_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let first = make(&path).unwrap();
        SecretKey::parse(&first).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, MODE);
        assert_eq!(make(&path).unwrap(), first, "who comes later takes it");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left behind");
    }
}
