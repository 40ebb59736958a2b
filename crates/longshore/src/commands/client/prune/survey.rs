//! What there is: tags, what they point to, and when that was built.

use std::collections::{HashMap, HashSet};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use longshore_client::{ManagementError, PulledManifest, Registry, Repository, repository_path};
use longshore_types::{Digest, ManifestKind, Reference, Tag};

use super::Failure;

/// Manifests under way at a time.
const PARALLEL: usize = 8;

/// Most children of an index that are looked at for a moment.
const CHILDREN_MAX: usize = 64;

/// What a repository has.
#[derive(Debug, Default)]
pub(super) struct Survey {
    /// Every tag, and where it points.
    pub(super) tags: Vec<(Tag, Digest)>,
    /// What they point to.
    pub(super) images: HashMap<Digest, Image>,
}

/// Something that a tag points to.
#[derive(Clone, Debug, Default)]
pub(super) struct Image {
    /// When it was built, as it says; the newest of an index.
    pub(super) created: Option<Timestamp>,
    /// What it is made of, where it is an index.
    pub(super) children: HashSet<Digest>,
}

/// A manifest without tags.
#[derive(Clone, Debug)]
pub(super) struct Untagged {
    pub(super) digest: Digest,
    /// There is nothing else to go by.
    pub(super) push_time: Timestamp,
}

/// Looks at everything. A tag that goes meanwhile is left out.
pub(super) async fn of(repository: &Repository) -> Result<Survey, Failure> {
    let mut tags: Vec<Tag> = Vec::new();
    repository.tags(|page| tags.extend(page)).await?;
    let pulled: Vec<Option<(Tag, PulledManifest)>> = stream::iter(tags)
        .map(|tag| async move {
            match repository.manifest(&Reference::Tag(tag.clone())).await {
                Ok(manifest) => Ok(Some((tag, manifest))),
                Err(error) if error.is_not_found() => Ok(None),
                Err(error) => Err(Failure::from(error)),
            }
        })
        .buffered(PARALLEL)
        .try_collect()
        .await?;
    let mut survey = Survey::default();
    let mut manifests = HashMap::new();
    for (tag, manifest) in pulled.into_iter().flatten() {
        survey.tags.push((tag, manifest.digest));
        manifests.insert(manifest.digest, manifest);
    }
    survey.images = stream::iter(manifests.into_values())
        .map(
            |manifest| async move { Ok::<_, Failure>((manifest.digest, image(repository, manifest).await?)) },
        )
        .buffer_unordered(PARALLEL)
        .try_collect()
        .await?;
    Ok(survey)
}

async fn image(repository: &Repository, pulled: PulledManifest) -> Result<Image, Failure> {
    if pulled.manifest.kind() != ManifestKind::Index {
        return Ok(Image { created: created(repository, &pulled).await?, children: HashSet::new() });
    }
    let children: Vec<Digest> = pulled.entries().iter().map(|entry| entry.descriptor.digest).collect();
    let mut newest = None;
    for child in children.iter().take(CHILDREN_MAX) {
        let child = match repository.manifest(&Reference::Digest(*child)).await {
            Ok(child) => child,
            Err(error) if error.is_not_found() => continue,
            Err(error) => return Err(error.into()),
        };
        newest = newest.max(created(repository, &child).await?);
    }
    Ok(Image { created: newest, children: children.into_iter().collect() })
}

/// What the configuration says, else the annotation. Builds that are to be the same every time say the beginning of 1970,
/// which is no moment.
async fn created(repository: &Repository, pulled: &PulledManifest) -> Result<Option<Timestamp>, Failure> {
    let configured = match repository.image_config(pulled).await {
        Ok(config) => config.created,
        Err(longshore_client::ImageError::Client(error)) if !error.is_not_found() => return Err(error.into()),
        Err(_) => None,
    };
    let annotated = || pulled.manifest.annotations().get("org.opencontainers.image.created").cloned();
    let moment: Option<Timestamp> = configured.or_else(annotated).and_then(|text| text.parse().ok());
    Ok(moment.filter(|moment| moment.as_second() > 0))
}

/// What has no tag and is part of nothing, from the management API: the distribution API lists no such things.
pub(super) async fn untagged(registry: &Registry, repository: &Repository) -> Result<Vec<Untagged>, Failure> {
    let path = format!(
        "{}/artifacts?q=tags%3Dnil&page_size=100&with_tag=false&with_accessory=false",
        repository_path(repository.name())
    );
    let found = registry.management().list(&path).await.map_err(|error| match error {
        ManagementError::Absent(host) => {
            Failure::Other(format!("{host} does not list what has no tag; leave --untagged out"))
        }
        error => error.into(),
    })?;
    let read = |value: &serde_json::Value| {
        let digest = value["digest"].as_str()?.parse().ok()?;
        Some(Untagged { digest, push_time: value["push_time"].as_str()?.parse().ok()? })
    };
    let strange = || Failure::Other(format!("{}: {path} lists something else", registry.host()));
    found.iter().map(|value| read(value).ok_or_else(strange)).collect()
}
