//! Images, and pushing by the plain distribution API.

use std::fs;

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use http::Method;
use longshore_types::Digest;
use serde_json::json;

use super::{Blob, Random};
use crate::{
    load::{Client, Protocol, Request, block_on},
    server::Server,
};

/// The media type of the manifests made here.
const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG_TYPE: &str = "application/vnd.oci.image.config.v1+json";
const LAYER_TYPE: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// An OCI image: a configuration, layers of random bytes, and the manifest that names them.
#[derive(Clone, Debug)]
pub(crate) struct Image {
    /// The configuration first, then the layers.
    pub(crate) blobs: Vec<Blob>,
    /// The manifest.
    pub(crate) manifest: Blob,
}

impl Image {
    /// One with a layer of each size, and a random configuration, so that it is like no other.
    pub(crate) fn random(random: &mut Random, layer_sizes: &[usize]) -> Self {
        let layers: Vec<_> = layer_sizes.iter().map(|&size| Blob::random(random, size)).collect();
        let diff_ids: Vec<_> = layers.iter().map(|layer| layer.digest.to_string()).collect();
        let config = json!({
            "architecture": "amd64",
            "os": "linux",
            "config": { "Labels": { "unique": format!("{:016x}", random.next()) } },
            "rootfs": { "type": "layers", "diff_ids": diff_ids },
        });
        let config = Blob::new(config.to_string());
        Self::of(config, layers, None)
    }

    /// One made of given blobs, that refers to a subject if there is one.
    pub(crate) fn of(config: Blob, layers: Vec<Blob>, subject: Option<&Blob>) -> Self {
        let descriptor = |media_type: &str, blob: &Blob| json!({ "mediaType": media_type, "digest": blob.digest.to_string(), "size": blob.bytes.len() });
        let mut manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": descriptor(CONFIG_TYPE, &config),
            "layers": layers.iter().map(|layer| descriptor(LAYER_TYPE, layer)).collect::<Vec<_>>(),
        });
        if let Some(subject) = subject {
            manifest["artifactType"] = json!("application/vnd.example.note");
            manifest["subject"] = descriptor(MANIFEST_TYPE, subject);
        }
        let manifest = Blob::new(manifest.to_string());
        Self { blobs: std::iter::once(config).chain(layers).collect(), manifest }
    }
}

/// The path of a blob.
pub(crate) fn blob_path(repository: &str, digest: &Digest) -> String {
    format!("/v2/{repository}/blobs/{digest}")
}

/// The path of a manifest, by tag or digest.
pub(crate) fn manifest_path(repository: &str, reference: &str) -> String {
    format!("/v2/{repository}/manifests/{reference}")
}

/// Pushes a blob whole, by POST and PUT.
///
/// # Errors
/// When it is refused, or the connection breaks.
pub(crate) async fn push_blob(client: &mut Client, repository: &str, blob: &Blob) -> Result<()> {
    let start = Request::new(client.endpoint(), Method::POST, &format!("/v2/{repository}/blobs/uploads/"))?;
    let started = client.send(&start).await?.expect(202, "POST of an upload")?;
    let location = started.location.context("an upload was begun without a Location")?;
    let separator = if location.contains('?') { '&' } else { '?' };
    let target = format!("{location}{separator}digest={}", blob.digest);
    let headers = [("Content-Type", "application/octet-stream")];
    let put = Request::build(client.endpoint(), Method::PUT, &target, &headers, Some(blob.bytes.clone()))?;
    client.send(&put).await?.expect(201, "PUT of a blob")?;
    Ok(())
}

/// Pushes a manifest under a tag or its digest.
///
/// # Errors
/// When it is refused, or the connection breaks.
pub(crate) async fn push_manifest(
    client: &mut Client,
    repository: &str,
    reference: &str,
    manifest: &Bytes,
) -> Result<()> {
    let (target, headers) = (manifest_path(repository, reference), [("Content-Type", MANIFEST_TYPE)]);
    let put = Request::build(client.endpoint(), Method::PUT, &target, &headers, Some(manifest.clone()))?;
    client.send(&put).await?.expect(201, "PUT of a manifest")?;
    Ok(())
}

/// Mounts a blob from another repository; says whether the server did so, rather than begin an upload.
///
/// # Errors
/// When it is refused, or the connection breaks.
pub(crate) async fn mount(
    client: &mut Client,
    repository: &str,
    from: &str,
    digest: &Digest,
) -> Result<bool> {
    let target = format!("/v2/{repository}/blobs/uploads/?mount={digest}&from={from}");
    let post = Request::new(client.endpoint(), Method::POST, &target)?;
    match client.send(&post).await?.status {
        201 => Ok(true),
        202 => Ok(false),
        status => bail!("a mount was answered with {status}"),
    }
}

/// Brings an image to a server, before the clock runs: pushed, or written as files; under a tag and its digest.
///
/// # Errors
/// When it is refused, or files cannot be written.
pub(crate) fn push_image(server: &Server, repository: &str, tag: &str, image: &Image) -> Result<()> {
    for blob in &image.blobs {
        publish_blob(server, repository, blob)?;
    }
    if server.files().is_some() {
        write_file(server, &manifest_path(repository, tag), &image.manifest.bytes)?;
        let digest = image.manifest.digest.to_string();
        return write_file(server, &manifest_path(repository, &digest), &image.manifest.bytes);
    }
    block_on(async {
        let mut client = Client::connect(server.endpoint(), Protocol::Http1).await?;
        push_manifest(&mut client, repository, tag, &image.manifest.bytes).await
    })
}

/// Brings a blob to a server, before the clock runs: pushed, or written as a file.
///
/// # Errors
/// When it is refused, or the file cannot be written.
pub(crate) fn publish_blob(server: &Server, repository: &str, blob: &Blob) -> Result<()> {
    if server.files().is_some() {
        return write_file(server, &blob_path(repository, &blob.digest), &blob.bytes);
    }
    block_on(async {
        let mut client = Client::connect(server.endpoint(), Protocol::Http1).await?;
        push_blob(&mut client, repository, blob).await
    })
}

fn write_file(server: &Server, path: &str, bytes: &Bytes) -> Result<()> {
    let Some(root) = server.files() else { bail!("{} serves no files", server.name()) };
    let path = root.join(path.trim_start_matches('/'));
    let folder = path.parent().context("a path has a folder")?;
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(&path, bytes))
        .with_context(|| path.display().to_string())
}
