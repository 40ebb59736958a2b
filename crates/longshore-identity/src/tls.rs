//! Whom to trust on encrypted connections.

use std::{path::Path, sync::Arc};

use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs, pki_types::CertificateDer};
use rustls_pki_types::pem::PemObject as _;

use crate::SettingsError;

/// The certificates of a PEM file. `key` names the setting in errors.
pub(crate) fn certificates(key: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>, SettingsError> {
    let refuse = |error: String| SettingsError::new(format!("{key}: {}: {error}", path.display()));
    let pem = std::fs::read(path).map_err(|error| refuse(error.to_string()))?;
    let found = CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>();
    match found {
        Ok(found) if found.is_empty() => Err(refuse("no certificate in it".to_owned())),
        Ok(found) => Ok(found),
        Err(error) => Err(refuse(format!("not PEM: {error}"))),
    }
}

/// A client that trusts the authorities in that file, or those of the system.
pub(crate) fn client(key: &str, authorities: Option<&Path>) -> Result<Arc<ClientConfig>, SettingsError> {
    let mut roots = RootCertStore::empty();
    match authorities {
        Some(path) => {
            for certificate in certificates(key, path)? {
                roots
                    .add(certificate)
                    .map_err(|error| SettingsError::new(format!("{key}: {}: {error}", path.display())))?;
            }
        }
        None => {
            // A machine without any is told of when a connection is refused.
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| SettingsError::new(format!("{key}: {error}")))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}
