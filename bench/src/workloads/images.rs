//! `image-push` and `tag-push`: whole small images, and one tag after the other.

use std::time::Instant;

use anyhow::{Context as _, Result};

use crate::{
    content::{Image, Random, push_blob, push_image, push_manifest, repository_name},
    load::{Plan, Worker, run},
    server::Server,
    workload::{Budget, Case, Measured, Needs, Session, Workload},
};

/// A registry is needed, not files.
const NEEDS: Needs = Needs { registry: true, tls: false, process: false, longshore: false };

/// What a round pushes at most.
const IMAGES_MAX: u64 = 3000;

/// Small images by eight pushers, each to a repository of its own.
pub(super) struct SmallImages;

impl Workload for SmallImages {
    fn name(&self) -> &str {
        "image-push"
    }

    fn about(&self) -> &str {
        "images of 3 blobs of 20 to 100 KB and a manifest, all new, by 8 pushers"
    }

    fn needs(&self) -> Needs {
        NEEDS
    }

    fn cases(&self, _budget: &Budget) -> Vec<Case> {
        Case::each("connections", &[1, 8])
    }

    fn prepare(&self, _server: &mut Server, _budget: &Budget) -> Result<Box<dyn Session>> {
        Ok(Box::new(Images { repository: repository_name("images")?, random: Random::new()? }))
    }
}

struct Images {
    repository: String,
    random: Random,
}

impl Images {
    /// A configuration of 20 KB and two layers of 20 to 100 KB.
    fn image(&mut self) -> Image {
        let mut size = || 20_000 + usize::try_from(self.random.below(80_001)).unwrap_or(0);
        let sizes = [size(), size()];
        let mut image = Image::random(&mut self.random, &sizes);
        let padding: String =
            std::iter::repeat_with(|| format!("{:016x}", self.random.next())).take(1250).collect();
        let config = format!("{{\"architecture\":\"amd64\",\"os\":\"linux\",\"padding\":\"{padding}\"}}");
        let layers = image.blobs.split_off(1);
        image = Image::of(crate::content::Blob::new(config), layers, None);
        image
    }
}

impl Session for Images {
    fn run(&mut self, server: &mut Server, case: &Case, budget: &Budget) -> Result<Vec<Measured>> {
        let images: Vec<_> = (0..budget.count(IMAGES_MAX, 8)).map(|_| self.image()).collect();
        let (repository, images) = (self.repository.as_str(), images.as_slice());
        let plan = Plan::new(case.connections(), budget).at_most(images.len() as u64);
        run(server, &plan, async |worker: &mut Worker| {
            let image = usize::try_from(worker.iteration).ok().and_then(|index| images.get(index));
            let image = image.context("there are as many images as iterations")?;
            let repository = format!("{repository}-{}", worker.index);
            let begun = Instant::now();
            let mut bytes = image.manifest.bytes.len();
            for blob in &image.blobs {
                push_blob(&mut worker.client, &repository, blob).await?;
                bytes += blob.bytes.len();
            }
            let tag = image.manifest.digest.hex();
            push_manifest(&mut worker.client, &repository, &tag[..32], &image.manifest.bytes).await?;
            worker.record(0, begun.elapsed(), bytes as u64);
            Ok(())
        })
    }
}

/// How many tags are pushed, and of how many the first and the last are told apart.
const TAGS: u64 = 10_000;
const EDGE: u64 = 1000;

/// New tags onto one repository, one after the other: does it slow down as the repository grows?
pub(super) struct Tags;

impl Workload for Tags {
    fn name(&self) -> &str {
        "tag-push"
    }

    fn about(&self) -> &str {
        "10,000 manifests pushed under new tags, one after another, onto one repository"
    }

    fn needs(&self) -> Needs {
        NEEDS
    }

    fn rounds(&self, asked: u32, budget: &Budget) -> u32 {
        // Minutes each on servers that slow down; what is compared is in every one of them.
        if budget.long { asked } else { 1 }
    }

    fn prepare(&self, _server: &mut Server, _budget: &Budget) -> Result<Box<dyn Session>> {
        Ok(Box::new(Tagged { random: Random::new()? }))
    }
}

struct Tagged {
    random: Random,
}

impl Session for Tagged {
    fn run(&mut self, server: &mut Server, _case: &Case, budget: &Budget) -> Result<Vec<Measured>> {
        let (tags, edge) = (budget.count(TAGS, 30), budget.count(EDGE, 10));
        // A new repository each round: growth begins anew.
        let repository = repository_name("tags")?;
        let base = Image::random(&mut self.random, &[1000]);
        push_image(server, &repository, "base", &base)?;
        let manifests: Vec<_> = (0..tags).map(|index| variant(&base, index)).collect();
        let mut measured = Vec::new();
        for (part, range) in [
            (format!("first {edge}"), 0..edge),
            (format!("next {}", tags - 2 * edge), edge..tags - edge),
            (format!("last {edge}"), tags - edge..tags),
        ] {
            let plan = Plan::new(1, budget).exactly(range.end - range.start);
            let (repository, manifests, start) = (repository.as_str(), manifests.as_slice(), range.start);
            let parts = run(server, &plan, async |worker: &mut Worker| {
                let number = start + worker.iteration;
                let manifest = usize::try_from(number).ok().and_then(|index| manifests.get(index));
                let manifest = manifest.context("there are as many manifests as iterations")?;
                let begun = Instant::now();
                push_manifest(&mut worker.client, repository, &format!("v{number}"), manifest).await?;
                worker.record(0, begun.elapsed(), manifest.len() as u64);
                Ok(())
            })?;
            measured.extend(parts.into_iter().map(|one| Measured { part: part.clone(), ..one }));
        }
        Ok(measured)
    }
}

/// The image's manifest with an annotation that makes it another one.
fn variant(image: &Image, number: u64) -> bytes::Bytes {
    let text = String::from_utf8_lossy(&image.manifest.bytes);
    let rest = text.trim_end().strip_suffix('}').unwrap_or_default();
    format!("{rest},\"annotations\":{{\"number\":\"{number}\"}}}}").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variants_are_manifests_that_differ() {
        let image = Image::random(&mut Random::seeded(1), &[10]);
        let (a, b) = (variant(&image, 1), variant(&image, 2));
        assert_ne!(a, b);
        let parsed: serde_json::Value = serde_json::from_slice(&a).unwrap();
        assert_eq!(parsed["annotations"]["number"], "1");
        assert_eq!(parsed["layers"].as_array().unwrap().len(), 1);
    }
}
