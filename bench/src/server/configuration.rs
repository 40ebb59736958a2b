//! Configuration files of servers that are started.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

use crate::tls::Identity;

/// Writes the file, and says where it is.
pub(super) fn write(folder: &Path, name: &str, text: impl AsRef<[u8]>) -> Result<PathBuf> {
    let path = folder.join(name);
    fs::write(&path, text).with_context(|| format!("could not write {}", path.display()))?;
    Ok(path)
}

/// `tls`, as distribution has it, to stand at the end of `http`; nothing without an identity.
pub(super) fn tls_section(identity: Option<&Identity>) -> String {
    identity.map_or_else(String::new, |identity| {
        let (certificate, key) = (identity.certificate.display(), identity.key.display());
        format!("  tls:\n    certificate: {certificate}\n    key: {key}\n")
    })
}
