//! What a client of `zb` does with an image, request by request.

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use http::Method;

use crate::{
    content::{Blob, Image, blob_path, manifest_path, push_blob, push_manifest, repository_name},
    load::{Client, Request},
};

/// An image in a repository of its own.
#[derive(Clone, Debug)]
pub(super) struct Pushed {
    repository: String,
    image: Image,
}

impl Pushed {
    /// Bytes of configuration and layer.
    pub(super) fn bytes(&self) -> u64 {
        self.image.blobs.iter().map(|blob| blob.bytes.len() as u64).sum()
    }
}

const TAG: &str = "tag";

/// The same for every image, as there.
const CONFIG: &[u8] =
    br#"{"created":"2011-01-01T01:01:01Z","architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}"#;

fn image_of(layer: &Blob) -> Result<Pushed> {
    let image = Image::of(Blob::new(CONFIG), vec![layer.clone()], None);
    Ok(Pushed { repository: repository_name("zb")?, image })
}

/// Pushes an image of that layer into a new repository: layer, configuration, manifest, each blob whole.
///
/// # Errors
/// When something is refused, or the connection breaks.
pub(super) async fn push_monolith(client: &mut Client, layer: &Blob) -> Result<Pushed> {
    let pushed = image_of(layer)?;
    for blob in pushed.image.blobs.iter().rev() {
        push_blob(client, &pushed.repository, blob).await?;
    }
    push_manifest(client, &pushed.repository, TAG, &pushed.image.manifest.bytes).await?;
    Ok(pushed)
}

/// [`push_monolith`], each blob as the one chunk of an upload, and the configuration after an empty chunk.
///
/// # Errors
/// As there.
pub(super) async fn push_chunk(client: &mut Client, layer: &Blob) -> Result<Pushed> {
    let pushed = image_of(layer)?;
    for (nth, blob) in pushed.image.blobs.iter().enumerate().rev() {
        let chunks = [Bytes::new(), blob.bytes.clone()];
        push_chunks(client, &pushed.repository, blob, &chunks[usize::from(nth != 0)..]).await?;
    }
    push_manifest(client, &pushed.repository, TAG, &pushed.image.manifest.bytes).await?;
    Ok(pushed)
}

async fn push_chunks(client: &mut Client, repository: &str, blob: &Blob, chunks: &[Bytes]) -> Result<()> {
    let headers = [("Content-Type", "application/octet-stream")];
    let start = Request::new(client.endpoint(), Method::POST, &format!("/v2/{repository}/blobs/uploads/"))?;
    let started = client.send(&start).await?.expect(202, "POST of an upload")?;
    let mut location = started.location.context("an upload was begun without a Location")?;
    for chunk in chunks {
        let patch =
            Request::build(client.endpoint(), Method::PATCH, &location, &headers, Some(chunk.clone()))?;
        let patched = client.send(&patch).await?.expect(202, "PATCH of an upload")?;
        location = patched.location.context("a chunk was taken without a Location")?;
    }
    let separator = if location.contains('?') { '&' } else { '?' };
    let target = format!("{location}{separator}digest={}", blob.digest);
    let put = Request::build(client.endpoint(), Method::PUT, &target, &headers, Some(Bytes::new()))?;
    client.send(&put).await?.expect(201, "PUT of an upload")?;
    Ok(())
}

/// Pulls an image: manifest, configuration and layer, HEAD before each GET. The manifest is compared, of blobs the
/// length.
///
/// # Errors
/// When something is missing or differs, or the connection breaks.
pub(super) async fn pull(client: &mut Client, pushed: &Pushed) -> Result<()> {
    let path = manifest_path(&pushed.repository, TAG);
    client.send(&Request::head(client.endpoint(), &path)?).await?.expect(200, "HEAD of a manifest")?;
    let (reply, body) = client.fetch(&Request::get(client.endpoint(), &path)?).await?;
    reply.expect(200, "GET of a manifest")?;
    ensure!(body == pushed.image.manifest.bytes, "another manifest came");
    for blob in &pushed.image.blobs {
        let path = blob_path(&pushed.repository, &blob.digest);
        client.send(&Request::head(client.endpoint(), &path)?).await?.expect(200, "HEAD of a blob")?;
        let reply =
            client.send(&Request::get(client.endpoint(), &path)?).await?.expect(200, "GET of a blob")?;
        ensure!(reply.body_bytes == blob.bytes.len() as u64, "{} bytes of a blob came", reply.body_bytes);
    }
    Ok(())
}

/// Asks for the catalog.
///
/// # Errors
/// When it is refused, or the connection breaks.
pub(super) async fn catalog(client: &mut Client) -> Result<u64> {
    let reply = client.send(&Request::get(client.endpoint(), "/v2/_catalog")?).await?;
    Ok(reply.expect(200, "GET of the catalog")?.body_bytes)
}

/// Deletes an image: its manifest, then its blobs.
///
/// # Errors
/// When it is refused, or the connection breaks.
pub(super) async fn delete(client: &mut Client, pushed: &Pushed) -> Result<()> {
    let manifest = manifest_path(&pushed.repository, &pushed.image.manifest.digest.to_string());
    let blobs = pushed.image.blobs.iter().rev().map(|blob| blob_path(&pushed.repository, &blob.digest));
    for path in std::iter::once(manifest).chain(blobs) {
        let delete = Request::new(client.endpoint(), Method::DELETE, &path)?;
        client.send(&delete).await?.expect(202, "DELETE")?;
    }
    Ok(())
}
