//! The images that the mixed load asks for, and the asking.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use http::Method;
use longshore_types::Digest;
use serde_json::json;

use super::{
    distribution::{LayerSizes, Zipf, shuffle},
    schedule::LAYERS,
};
use crate::{
    content::{Blob, Random, blob_path, manifest_path, push_blob, push_manifest, repository_name},
    load::{Client, Request},
};

/// One in so many replies is hashed, or compared; of the others, the length.
const SAMPLE: u64 = 16;

/// One in so many GETs of a blob wants a range of it.
const RANGES: u64 = 10;

/// Images of a repository; the lowest layer is the same in all of them.
const IMAGES_OF_REPOSITORY: usize = 4;

/// An image that is at the server. Of layers only what is needed to check a reply is kept.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) repository: String,
    pub(super) tag: String,
    pub(super) manifest: Blob,
    pub(super) layers: Vec<Layer>,
}

/// A layer; its bytes are those of a generator with that seed.
#[derive(Clone, Debug)]
pub(super) struct Layer {
    seed: u64,
    size_bytes: u64,
    digest: Digest,
}

impl Layer {
    /// A new one, like no other, and its bytes.
    pub(super) fn make(size_bytes: u64) -> Result<(Self, Blob)> {
        let seed = getrandom::u64()?;
        let blob = Blob::random(&mut Random::seeded(seed), usize::try_from(size_bytes)?);
        Ok((Self { seed, size_bytes, digest: blob.digest }, blob))
    }
}

/// The images, the most popular first.
#[derive(Debug)]
pub(super) struct Library {
    images: Vec<Known>,
    popularity: Zipf,
    sizes: LayerSizes,
}

impl Library {
    /// Pushes `count` images, with sizes that a seed stands for.
    ///
    /// # Errors
    /// When something is refused, or the connection breaks.
    pub(super) async fn push(
        client: &mut Client,
        count: usize,
        sizes: LayerSizes,
        seed: u64,
    ) -> Result<Self> {
        let mut random = Random::seeded(seed);
        let mut images: Vec<Known> = Vec::new();
        while images.len() < count {
            let (repository, mut base) = (repository_name("mixed")?, Vec::new());
            for nth in 0..IMAGES_OF_REPOSITORY.min(count - images.len()) {
                let bytes = [(); LAYERS].map(|()| sizes.size_bytes(&mut random));
                let new = bytes[base.len()..].iter().map(|size| Layer::make(*size)).collect::<Result<_>>()?;
                let image = push_image(client, &repository, &format!("v{nth}"), &base, new).await?;
                base = image.layers[..1].to_vec();
                images.push(image);
            }
        }
        // Neighbours share a layer; popularity has nothing to do with that.
        shuffle(&mut images, &mut random);
        Ok(Self { popularity: Zipf::new(images.len()), images, sizes })
    }

    /// One of them, by popularity.
    pub(super) fn choose(&self, random: &mut Random) -> &Known {
        &self.images[self.popularity.rank(random)]
    }

    /// A repository where something new is pushed, and the layers of its image that the new one is built upon.
    pub(super) fn base(&self, random: &mut Random) -> (&str, &[Layer]) {
        let below = self.choose(random);
        (&below.repository, &below.layers[..LAYERS - 1])
    }

    /// The size of a new layer, in bytes.
    pub(super) fn size_bytes(&self, random: &mut Random) -> u64 {
        self.sizes.size_bytes(random)
    }
}

/// Pushes an image: `below`, which the repository has already, then new layers.
///
/// # Errors
/// When something is refused, or the connection breaks.
pub(super) async fn push_image(
    client: &mut Client,
    repository: &str,
    tag: &str,
    below: &[Layer],
    new: Vec<(Layer, Blob)>,
) -> Result<Known> {
    let mut layers = below.to_vec();
    for (layer, blob) in new {
        push_blob(client, repository, &blob).await?;
        layers.push(layer);
    }
    let unique = getrandom::u64()?;
    let config = json!({ "architecture": "amd64", "os": "linux", "author": format!("{unique:016x}") });
    let config = Blob::new(config.to_string());
    push_blob(client, repository, &config).await?;
    let manifest = manifest_of(&config, &layers);
    push_manifest(client, repository, tag, &manifest.bytes).await?;
    Ok(Known { repository: repository.to_owned(), tag: tag.to_owned(), manifest, layers })
}

fn manifest_of(config: &Blob, layers: &[Layer]) -> Blob {
    let descriptor = |kind: &str, digest: &Digest, size: u64| {
        let media_type = format!("application/vnd.oci.image.{kind}");
        json!({ "mediaType": media_type, "digest": digest.to_string(), "size": size })
    };
    let layer = |layer: &Layer| descriptor("layer.v1.tar+gzip", &layer.digest, layer.size_bytes);
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": descriptor("config.v1+json", &config.digest, config.bytes.len() as u64),
        "layers": layers.iter().map(layer).collect::<Vec<_>>(),
    });
    Blob::new(manifest.to_string())
}

/// How a request went: how long it took, and how many bytes of content came or went.
pub(super) type Took = (Duration, u64);

/// HEAD of a manifest by tag.
///
/// # Errors
/// When it is refused, or the connection breaks.
pub(super) async fn head_tag(client: &mut Client, image: &Known) -> Result<Took> {
    let request = Request::head(client.endpoint(), &manifest_path(&image.repository, &image.tag))?;
    let begun = Instant::now();
    client.send(&request).await?.expect(200, "HEAD of a manifest")?;
    Ok((begun.elapsed(), 0))
}

/// GET of a manifest by tag or digest; every one is compared.
///
/// # Errors
/// When it is refused or another one, or the connection breaks.
pub(super) async fn get_manifest(client: &mut Client, image: &Known, by_digest: bool) -> Result<Took> {
    let digest = image.manifest.digest.to_string();
    let reference = if by_digest { &digest } else { &image.tag };
    let request = Request::get(client.endpoint(), &manifest_path(&image.repository, reference))?;
    let begun = Instant::now();
    let (reply, body) = client.fetch(&request).await?;
    let took = begun.elapsed();
    reply.expect(200, "GET of a manifest")?;
    ensure!(body == image.manifest.bytes, "another manifest came");
    Ok((took, body.len() as u64))
}

/// HEAD of a layer.
///
/// # Errors
/// When it is refused, or the connection breaks.
pub(super) async fn head_layer(client: &mut Client, repository: &str, layer: &Layer) -> Result<Took> {
    let request = Request::head(client.endpoint(), &blob_path(repository, &layer.digest))?;
    let begun = Instant::now();
    client.send(&request).await?.expect(200, "HEAD of a blob")?;
    Ok((begun.elapsed(), 0))
}

/// GET of a layer, one in ten of a range; the bytes of one in sixteen are compared, of the others the number.
///
/// # Errors
/// When it is refused or another one, or the connection breaks.
pub(super) async fn get_layer(
    client: &mut Client,
    repository: &str,
    layer: &Layer,
    random: &mut Random,
) -> Result<Took> {
    let range = (random.below(RANGES) == 0).then(|| some_range(layer.size_bytes, random));
    get_part(client, repository, layer, range, random.below(SAMPLE) == 0).await
}

/// First and last byte of some range.
fn some_range(size_bytes: u64, random: &mut Random) -> (u64, u64) {
    let first = random.below(size_bytes.max(1));
    (first, first + random.below(size_bytes.saturating_sub(first).max(1)))
}

async fn get_part(
    client: &mut Client,
    repository: &str,
    layer: &Layer,
    range: Option<(u64, u64)>,
    compare: bool,
) -> Result<Took> {
    let (first, last) = range.unwrap_or((0, layer.size_bytes - 1));
    let value = format!("bytes={first}-{last}");
    let headers: &[(&str, &str)] = if range.is_some() { &[("Range", &value)] } else { &[] };
    let path = blob_path(repository, &layer.digest);
    let request = Request::build(client.endpoint(), Method::GET, &path, headers, None)?;
    let begun = Instant::now();
    let (reply, body) = match compare {
        true => client.fetch(&request).await.map(|(reply, body)| (reply, Some(body)))?,
        false => (client.send(&request).await?, None),
    };
    let took = begun.elapsed();
    let reply = reply.expect(if range.is_some() { 206 } else { 200 }, "GET of a blob")?;
    ensure!(
        reply.body_bytes == last - first + 1,
        "{} bytes came instead of {first}-{last}",
        reply.body_bytes
    );
    if let Some(body) = body {
        let expected = Random::seeded(layer.seed).bytes(usize::try_from(last + 1)?);
        ensure!(body == expected[usize::try_from(first)?..], "other bytes came");
    }
    Ok((took, reply.body_bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_lies_within_its_layer() {
        let mut random = Random::seeded(1);
        for size in [1, 2, 3, 1000] {
            for _ in 0..1000 {
                let (first, last) = some_range(size, &mut random);
                assert!(first <= last && last < size, "{first}-{last} of {size}");
            }
        }
    }

    #[test]
    fn the_bytes_of_a_layer_can_be_made_again() {
        let (layer, blob) = Layer::make(1001).unwrap();
        let (other, _) = Layer::make(1001).unwrap();
        assert_ne!(layer.digest, other.digest, "layers are unlike each other");
        assert_eq!(Random::seeded(layer.seed).bytes(500), blob.bytes[..500]);
        assert_eq!(layer.digest, blob.digest);
    }
}
