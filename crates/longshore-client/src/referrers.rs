//! What refers to a manifest: signatures, SBOMs, attestations.

use http::Method;
use longshore_types::{Descriptor, Digest, ManifestKind, MediaType, Reference};

use crate::{ClientError, PulledManifest, Repository, registry::Request, scope::Scopes};

/// Largest page read, in bytes.
const PAGE_BYTES_MAX: usize = 16 << 20;

impl Repository {
    /// The descriptors of what names that manifest as its subject. Where a registry has no such list, those that clients
    /// keep under a tag: distribution specification v1.1.1, "Referrers Tag Schema".
    ///
    /// # Errors
    /// If the registry refuses, or answers with something else than an index.
    pub async fn referrers(&self, digest: &Digest) -> Result<Vec<Descriptor>, ClientError> {
        let path = self.path(&format!("referrers/{digest}"));
        let mut request = Request::new(Method::GET, path, Scopes::pull(&self.name));
        let mut found = Vec::new();
        loop {
            let (body, next) = match self.registry.page(request, PAGE_BYTES_MAX).await {
                Ok(page) => page,
                Err(error) if error.is_not_found() && found.is_empty() => {
                    return self.tagged_referrers(digest).await;
                }
                Err(error) => return Err(error),
            };
            let index = PulledManifest::parse(Some(&MediaType::OCI_INDEX), body.into())
                .map_err(|source| ClientError::Manifest { host: self.registry.host().clone(), source })?;
            found.extend_from_slice(index.manifest.manifests());
            let Some(next) = next else { return Ok(found) };
            request = next;
        }
    }

    async fn tagged_referrers(&self, digest: &Digest) -> Result<Vec<Descriptor>, ClientError> {
        let tag = format!("{}-{:.64}", digest.algorithm(), digest.hex());
        let Ok(tag) = tag.parse() else { return Ok(Vec::new()) };
        match self.manifest(&Reference::Tag(tag)).await {
            Ok(index) if index.manifest.kind() == ManifestKind::Index => {
                Ok(index.manifest.manifests().to_vec())
            }
            Ok(_) => Ok(Vec::new()),
            Err(error) if error.is_not_found() => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }
}
