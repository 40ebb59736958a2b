//! What refers to a manifest: signatures, SBOMs, attestations.

use http::Method;
use longshore_types::{Descriptor, Digest, ManifestKind, MediaType, Reference, TagError};
use serde_json::json;

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
        let index = self.tagged_index(&referrers_tag(self, digest)?).await?;
        Ok(index.map(|index| index.manifest.manifests().to_vec()).unwrap_or_default())
    }

    /// What is under the tag, if that is an index.
    async fn tagged_index(&self, tag: &Reference) -> Result<Option<PulledManifest>, ClientError> {
        match self.manifest(tag).await {
            Ok(index) => Ok(Some(index).filter(|index| index.manifest.kind() == ManifestKind::Index)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Lists manifests with their subject under a tag, where the registry does not list them itself: distribution
    /// specification v1.1.1, "Pushing Manifests with Subject". What others have there stays.
    pub(crate) async fn tag_referrers(
        &self,
        subject: &Digest,
        referrers: &[Descriptor],
    ) -> Result<(), ClientError> {
        if self.lists_referrers(subject).await? {
            return Ok(());
        }
        let tag = referrers_tag(self, subject)?;
        let mut index = match self.tagged_index(&tag).await? {
            Some(index) => serde_json::from_slice(&index.bytes)
                .map_err(|error| ClientError::protocol(self.registry.host(), format!("{tag}: {error}")))?,
            None => json!({ "schemaVersion": 2, "mediaType": MediaType::OCI_INDEX, "manifests": [] }),
        };
        let Some(entries) = index["manifests"].as_array_mut() else {
            return Err(ClientError::protocol(self.registry.host(), format!("{tag}: it lists no manifests")));
        };
        let before = entries.len();
        for referrer in referrers {
            if entries.iter().all(|entry| entry["digest"] != referrer.digest.to_string()) {
                entries.push(json!(referrer));
            }
        }
        if entries.len() == before {
            return Ok(());
        }
        self.push_manifest(&tag, &MediaType::OCI_INDEX, index.to_string().into()).await.map(drop)
    }

    /// Whether the registry has lists of its own.
    async fn lists_referrers(&self, subject: &Digest) -> Result<bool, ClientError> {
        let path = self.path(&format!("referrers/{subject}"));
        match self.registry.send(Request::new(Method::GET, path, Scopes::pull(&self.name))).await {
            Ok(_) => Ok(true),
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Distribution specification v1.1.1, "Referrers Tag Schema".
fn referrers_tag(repository: &Repository, digest: &Digest) -> Result<Reference, ClientError> {
    let tag = format!("{}-{:.64}", digest.algorithm(), digest.hex()).parse();
    let tag =
        tag.map_err(|error: TagError| ClientError::protocol(repository.registry.host(), error.to_string()))?;
    Ok(Reference::Tag(tag))
}
