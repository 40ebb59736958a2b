//! Pushing and pulling whole images, as a careful client does.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use longshore_types::Digest;
use reqwest::Method;
use serde_json::Value;

use crate::{Api, Blob, Content, Reply, api::with_query};

impl Api {
    /// Begins an upload and gives its location.
    ///
    /// # Panics
    /// When the registry does not answer 202.
    pub async fn start_upload(&self, repository: &str) -> String {
        self.post(&format!("/v2/{repository}/blobs/uploads/")).await.assert_status(202).location()
    }

    /// Pushes a blob by `POST` and `PUT`.
    ///
    /// # Panics
    /// When the registry does not take it.
    pub async fn push_blob(&self, repository: &str, blob: &Blob) {
        self.try_push_blob(repository, blob).await.expect("the registry takes a correct blob");
    }

    /// Pushes a blob by `POST` and `PUT`.
    ///
    /// # Errors
    /// When the connection breaks or the registry does not acknowledge.
    pub async fn try_push_blob(&self, repository: &str, blob: &Blob) -> Result<()> {
        let begin = self.call(Method::POST, &format!("/v2/{repository}/blobs/uploads/"));
        let begun = begin.header("Content-Length", "0").try_send().await?;
        ensure!(begun.status == 202, "{begun:?}");
        let finish = with_query(&begun.location(), &format!("digest={}", blob.digest));
        let finished = self.call(Method::PUT, &finish).octets(blob.bytes.clone()).try_send().await?;
        ensure!(finished.status == 201, "{finished:?}");
        Ok(())
    }

    /// Puts a manifest under a tag or digest.
    pub async fn put_manifest(&self, repository: &str, reference: &str, manifest: &Blob) -> Reply {
        self.manifest_call(repository, reference, manifest).send().await
    }

    fn manifest_call(&self, repository: &str, reference: &str, manifest: &Blob) -> crate::Call {
        self.call(Method::PUT, &format!("/v2/{repository}/manifests/{reference}"))
            .header("Content-Type", &manifest.media_type)
            .body(manifest.bytes.clone())
    }

    /// Pushes everything: blobs, manifests by digest, and the top manifest by `tag`.
    ///
    /// # Panics
    /// When the registry does not take it.
    pub async fn push_image(&self, repository: &str, tag: &str, content: &Content) {
        self.try_push_image(repository, tag, content).await.expect("the registry takes correct content");
    }

    /// Pushes everything, as [`Api::push_image`].
    ///
    /// # Errors
    /// When a connection breaks or the registry does not acknowledge something.
    pub async fn try_push_image(&self, repository: &str, tag: &str, content: &Content) -> Result<()> {
        for blob in &content.blobs {
            self.try_push_blob(repository, blob).await?;
        }
        let (top, children) = content.manifests.split_last().context("content has a manifest")?;
        for child in children {
            let digest = child.digest.to_string();
            let reply = self.manifest_call(repository, &digest, child).try_send().await?;
            ensure!(reply.status == 201, "{reply:?}");
        }
        let reply = self.manifest_call(repository, tag, top).try_send().await?;
        ensure!(reply.status == 201, "{reply:?}");
        Ok(())
    }

    /// Pulls a manifest and all it names, children too; checks every digest and length. Gives the manifest's bytes.
    ///
    /// # Panics
    /// When something is missing or wrong.
    pub async fn pull_image(&self, repository: &str, reference: &str) -> Bytes {
        let pulled = self.try_pull_image(repository, reference).await;
        pulled.unwrap_or_else(|error| panic!("pull of {repository} {reference}: {error:?}"))
    }

    /// Pulls and checks, as [`Api::pull_image`].
    ///
    /// # Errors
    /// The first thing that is missing or wrong.
    pub async fn try_pull_image(&self, repository: &str, reference: &str) -> Result<Bytes> {
        let top = self.manifest(repository, reference).await?;
        let mut waiting = vec![top.clone()];
        let mut seen = BTreeSet::new();
        while let Some(bytes) = waiting.pop() {
            let json: Value = serde_json::from_slice(&bytes)?;
            for child in json["manifests"].as_array().into_iter().flatten() {
                waiting.push(self.manifest(repository, text(&child["digest"])?).await?);
            }
            let layers = json["layers"].as_array().into_iter().flatten();
            for descriptor in layers.chain(json.get("config")) {
                let foreign = descriptor.get("urls").is_some();
                if !foreign && seen.insert(text(&descriptor["digest"])?.to_owned()) {
                    self.check_blob(repository, descriptor).await?;
                }
            }
        }
        Ok(top)
    }

    async fn manifest(&self, repository: &str, reference: &str) -> Result<Bytes> {
        let call = self.call(Method::GET, &format!("/v2/{repository}/manifests/{reference}"));
        let reply = ACCEPT.iter().fold(call, |call, accept| call.header("Accept", accept)).try_send().await?;
        ensure!(reply.status == 200, "{reply:?}");
        let named: Digest = reply.header("docker-content-digest").parse()?;
        ensure!(named == Digest::of(named.algorithm(), &reply.body), "another digest: {reply:?}");
        if reference.contains(':') {
            ensure!(named.to_string() == reference, "another manifest: {reply:?}");
        }
        Ok(reply.body)
    }

    async fn check_blob(&self, repository: &str, descriptor: &Value) -> Result<()> {
        let digest: Digest = text(&descriptor["digest"])?.parse()?;
        let reply = self.call(Method::GET, &format!("/v2/{repository}/blobs/{digest}")).try_send().await?;
        ensure!(reply.status == 200, "{reply:?}");
        ensure!(digest == Digest::of(digest.algorithm(), &reply.body), "another digest: {reply:?}");
        ensure!(descriptor["size"].as_u64() == Some(reply.body.len() as u64), "another size: {reply:?}");
        Ok(())
    }
}

/// The types that a client of today asks for.
const ACCEPT: [&str; 4] = [
    crate::media_type::MANIFEST,
    crate::media_type::INDEX,
    crate::media_type::DOCKER_MANIFEST,
    crate::media_type::DOCKER_LIST,
];

fn text(value: &Value) -> Result<&str> {
    value.as_str().with_context(|| format!("{value} is no text"))
}
