//! Manifests: pulled with their digest checked, pushed as they are.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{
    HeaderValue, Method,
    header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE},
};
use longshore_types::{Descriptor, Digest, DigestAlgorithm, Manifest, MediaType, Reference};
use reqwest::Response;

use crate::{ClientError, Repository, registry::Request, scope::Scopes, tokens::read};

/// Largest manifest read, in bytes: four times what the specification asks registries to take.
const MANIFEST_BYTES_MAX: usize = 16 << 20;

/// What we can read. Registries answer with another form, or not at all, to clients that name less.
const ACCEPTED: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
     application/vnd.docker.distribution.manifest.list.v2+json, \
     application/vnd.docker.distribution.manifest.v2+json, */*;q=0.1";

/// A manifest as a registry has it.
#[derive(Clone, Debug)]
pub struct PulledManifest {
    /// Of the bytes; it was checked.
    pub digest: Digest,
    /// The bytes, as they were pushed.
    pub bytes: Bytes,
    /// What they say.
    pub manifest: Manifest,
}

impl PulledManifest {
    /// Reads a manifest from bytes.
    ///
    /// # Errors
    /// If they are none.
    pub fn parse(
        content_type: Option<&MediaType>,
        bytes: Bytes,
    ) -> Result<Self, longshore_types::ManifestError> {
        let manifest = Manifest::parse(content_type, &bytes)?;
        Ok(Self { digest: Digest::sha256(&bytes), bytes, manifest })
    }
}

impl Repository {
    /// Pulls a manifest.
    ///
    /// # Errors
    /// [`ClientError::Refused`] with 404 if there is none; if it is not what its digest says.
    pub async fn manifest(&self, reference: &Reference) -> Result<PulledManifest, ClientError> {
        for mirror in self.mirrors_for(reference) {
            if let Some(found) = mirror.gave(mirror.repository.own_manifest(reference).await) {
                return Ok(found);
            }
        }
        self.own_manifest(reference).await
    }

    async fn own_manifest(&self, reference: &Reference) -> Result<PulledManifest, ClientError> {
        let response = self.registry.send(self.asking(Method::GET, reference)).await?;
        let host = self.registry.host();
        let content_type = content_type(&response);
        let told = told_digest(self, &response)?;
        let bytes = Bytes::from(read(host, response, MANIFEST_BYTES_MAX).await?);
        let expected = match reference {
            Reference::Digest(digest) => Some(*digest),
            Reference::Tag(_) => told,
        };
        let algorithm = expected.as_ref().map_or(DigestAlgorithm::Sha256, Digest::algorithm);
        let actual = Digest::of(algorithm, &bytes);
        if let Some(expected) = expected.filter(|expected| *expected != actual) {
            return Err(ClientError::DigestMismatch { host: host.clone(), expected, actual });
        }
        let manifest = Manifest::parse(content_type.as_ref(), &bytes)
            .map_err(|source| ClientError::Manifest { host: host.clone(), source })?;
        Ok(PulledManifest { digest: actual, bytes, manifest })
    }

    /// What a reference means, without the manifest: its type, digest and size. Registries that do not say the digest
    /// are asked for the whole.
    ///
    /// # Errors
    /// [`ClientError::Refused`] with 404 if there is none.
    pub async fn resolve(&self, reference: &Reference) -> Result<Descriptor, ClientError> {
        for mirror in self.mirrors_for(reference) {
            if let Some(found) = mirror.gave(mirror.repository.own_descriptor(reference).await) {
                return Ok(found);
            }
        }
        self.own_descriptor(reference).await
    }

    async fn own_descriptor(&self, reference: &Reference) -> Result<Descriptor, ClientError> {
        let response = self.registry.send(self.asking(Method::HEAD, reference)).await?;
        let digest = told_digest(self, &response)?;
        let size = response.headers().get(CONTENT_LENGTH).and_then(|size| size.to_str().ok()?.parse().ok());
        if let (Some(media_type), Some(digest), Some(size)) = (content_type(&response), digest, size) {
            return Ok(descriptor(media_type, digest, size));
        }
        let pulled = self.own_manifest(reference).await?;
        let size = pulled.bytes.len() as u64;
        Ok(descriptor(pulled.manifest.media_type().clone(), pulled.digest, size))
    }

    /// Pushes a manifest under a tag, or under its digest.
    ///
    /// # Errors
    /// If the registry refuses it, or takes it for something else.
    pub async fn push_manifest(
        &self,
        reference: &Reference,
        media_type: &MediaType,
        bytes: Bytes,
    ) -> Result<Digest, ClientError> {
        self.put_manifest(reference, media_type, bytes).await.map(|(digest, _)| digest)
    }

    /// The same; says whether the registry lists it with its subject: distribution specification v1.1.1, "Pushing
    /// Manifests with Subject".
    pub(crate) async fn put_manifest(
        &self,
        reference: &Reference,
        media_type: &MediaType,
        bytes: Bytes,
    ) -> Result<(Digest, bool), ClientError> {
        let own = Digest::sha256(&bytes);
        let path = self.manifest_path(reference);
        let content_type = HeaderValue::from_str(media_type.as_str())
            .map_err(|error| ClientError::protocol(self.registry.host(), error.to_string()))?;
        let mut request =
            Request::new(Method::PUT, path, Scopes::push(&self.name)).header(CONTENT_TYPE, content_type);
        request.body = bytes;
        let response = self.registry.send(request).await?;
        match told_digest(self, &response)? {
            Some(told) if told.algorithm() == own.algorithm() && told != own => {
                Err(ClientError::DigestMismatch {
                    host: self.registry.host().clone(),
                    expected: own,
                    actual: told,
                })
            }
            told => Ok((told.unwrap_or(own), response.headers().contains_key("oci-subject"))),
        }
    }

    /// Deletes a manifest with all its tags, or one tag: distribution specification v1.1.1, "Content Management".
    ///
    /// # Errors
    /// If the registry refuses; many have deleting switched off.
    pub async fn delete_manifest(&self, reference: &Reference) -> Result<(), ClientError> {
        let request = Request::new(Method::DELETE, self.manifest_path(reference), Scopes::delete(&self.name));
        self.registry.send(request).await.map(drop)
    }

    fn asking(&self, method: Method, reference: &Reference) -> Request {
        let request = Request::new(method, self.manifest_path(reference), Scopes::pull(&self.name));
        request.header(ACCEPT, HeaderValue::from_static(ACCEPTED))
    }
}

fn content_type(response: &Response) -> Option<MediaType> {
    let value = response.headers().get(CONTENT_TYPE)?.to_str().ok()?;
    MediaType::from_content_type(value).ok()
}

fn told_digest(repository: &Repository, response: &Response) -> Result<Option<Digest>, ClientError> {
    let value = response.headers().get("docker-content-digest").and_then(|value| value.to_str().ok());
    let told = value.map(str::parse).transpose();
    told.map_err(|error| ClientError::digest(repository.registry.host(), &error))
}

fn descriptor(media_type: MediaType, digest: Digest, size_bytes: u64) -> Descriptor {
    Descriptor { media_type, digest, size_bytes, artifact_type: None, annotations: BTreeMap::new() }
}
