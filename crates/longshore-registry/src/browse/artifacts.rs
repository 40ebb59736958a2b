//! Artifacts of a repository.

use std::collections::{BTreeMap, HashMap};

use longshore_auth::Action;
use longshore_image::is_image_config;
use longshore_metadata::{
    ArtifactFilter, ArtifactOrder, ManifestRecord, MetadataError, ReadTx, RepositoryRecord, TagOrder,
    TextFilter,
};
use longshore_storage::StoreError;
use longshore_types::{Digest, Manifest, ManifestKind, Reference, RepositoryName};
use serde::Deserialize;
use serde_json::Value;

use super::{
    Accessory, Artifact, ArtifactChild, ArtifactParts, BrowseError, Listed, Platform, TagsOfArtifact, Window,
    configuration::{history, image_attributes},
    find,
    kind::{COSIGN, accessory_kind, cosign_tag, kind_of},
    listed,
};
use crate::{Call, Registry, access::require};

/// Most tags that an artifact shows among others.
const TAGS_MAX: usize = 1000;
/// Most labels, and most accessories.
const PARTS_MAX: usize = 100;
/// Most bytes of a configuration that an artifact shows.
const CONFIGURATION_BYTES_MAX: u64 = 256 * 1024;
/// Most bytes of configurations that are read for one page; artifacts beyond show none.
pub(super) const CONFIGURATIONS_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Largest configuration that a build history is read from.
const HISTORY_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// An artifact, and which blob of its repository says more.
pub(super) struct Draft {
    pub(super) artifact: Artifact,
    configuration: Option<(Digest, u64)>,
}

/// An entry of an index, as far as people look at it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    digest: Digest,
    #[serde(default)]
    platform: Option<Platform>,
    #[serde(default)]
    annotations: Option<BTreeMap<String, String>>,
    #[serde(default)]
    urls: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Entries {
    #[serde(default)]
    manifests: Option<Vec<Entry>>,
}

impl Registry {
    /// Artifacts of a repository.
    pub async fn browse_artifacts(
        &self,
        call: &Call,
        name: &RepositoryName,
        filter: &ArtifactFilter<'_>,
        order: (ArtifactOrder, bool),
        window: Window,
        parts: ArtifactParts,
    ) -> Result<Listed<Artifact>, BrowseError> {
        require(call, Action::Pull, name)?;
        let mut tx = self.inner.metadata.read().await?;
        let repository = listed(&mut tx, name).await?;
        let total = tx.artifacts_count(repository.id, filter).await?;
        let mut drafts = Vec::new();
        for record in tx.artifacts_page(repository.id, filter, order, window.skip, window.limit).await? {
            drafts.extend(draft(&mut tx, &repository, record, parts).await?);
        }
        drop(tx);
        let (mut left, mut entries) = (CONFIGURATIONS_BYTES_MAX, Vec::new());
        for draft in drafts {
            entries.push(self.read_configuration(draft, &mut left).await?);
        }
        Ok(Listed { entries, total })
    }

    /// The artifact that a reference names; also a child of an index, and an accessory.
    pub async fn describe_artifact(
        &self,
        call: &Call,
        name: &RepositoryName,
        reference: &Reference,
        parts: ArtifactParts,
    ) -> Result<Artifact, BrowseError> {
        let (mut tx, repository, record) = self.begin_artifact(call, name, reference).await?;
        let draft = draft(&mut tx, &repository, record, parts).await?;
        drop(tx);
        let draft = draft.ok_or_else(|| unknown(name, reference))?;
        Ok(self.read_configuration(draft, &mut { CONFIGURATIONS_BYTES_MAX }).await?)
    }

    /// How the image under a reference was built: the steps that its configuration lists, as they stand there.
    pub async fn build_history(
        &self,
        call: &Call,
        name: &RepositoryName,
        reference: &Reference,
    ) -> Result<Value, BrowseError> {
        let (mut tx, repository, record) = self.begin_artifact(call, name, reference).await?;
        let draft = draft(&mut tx, &repository, record, ArtifactParts::default()).await?;
        drop(tx);
        let Draft { artifact, configuration } = draft.ok_or_else(|| unknown(name, reference))?;
        if !artifact.has_history {
            let message = format!("addition build_history is not supported for {}", artifact.kind);
            return Err(BrowseError::NotSupported(message));
        }
        let Some((digest, _)) = configuration else { return Ok(Value::Array(Vec::new())) };
        let configuration = self.configuration(&digest, HISTORY_BYTES_MAX).await?;
        Ok(configuration.map_or_else(|| Value::Array(Vec::new()), history))
    }

    /// The tags of an artifact.
    pub async fn browse_tags(
        &self,
        call: &Call,
        name: &RepositoryName,
        reference: &Reference,
        tag: Option<TextFilter<'_>>,
        order: (TagOrder, bool),
        window: Window,
    ) -> Result<TagsOfArtifact, BrowseError> {
        let (mut tx, _, record) = self.begin_artifact(call, name, reference).await?;
        let total = tx.tags_on_count(record.id, tag).await?;
        let entries = tx.tags_on(record.id, tag, order, window.skip, window.limit).await?;
        let pulls = tx.pulls_of(record.id).await?;
        Ok(TagsOfArtifact { record, pulls, tags: Listed { entries, total } })
    }

    /// What is about an artifact.
    pub async fn browse_accessories(
        &self,
        call: &Call,
        name: &RepositoryName,
        reference: &Reference,
        window: Window,
    ) -> Result<Listed<Accessory>, BrowseError> {
        let (mut tx, repository, record) = self.begin_artifact(call, name, reference).await?;
        Ok(accessories(&mut tx, &repository, &record, window).await?)
    }

    async fn begin_artifact(
        &self,
        call: &Call,
        name: &RepositoryName,
        reference: &Reference,
    ) -> Result<(ReadTx, RepositoryRecord, ManifestRecord), BrowseError> {
        require(call, Action::Pull, name)?;
        let mut tx = self.inner.metadata.read().await?;
        let repository = listed(&mut tx, name).await?;
        let record = find(&mut tx, &repository, reference).await?;
        Ok((tx, repository, record.ok_or_else(|| unknown(name, reference))?))
    }

    /// Reads the configuration, as long as `left` bytes are enough for it.
    pub(super) async fn read_configuration(
        &self,
        draft: Draft,
        left: &mut u64,
    ) -> Result<Artifact, StoreError> {
        let Draft { mut artifact, configuration } = draft;
        let Some((digest, size_bytes)) = configuration else { return Ok(artifact) };
        if size_bytes > (*left).min(CONFIGURATION_BYTES_MAX) {
            return Ok(artifact);
        }
        *left -= size_bytes;
        if let Some(configuration) = self.configuration(&digest, size_bytes).await? {
            artifact.attributes = match is_image_config(&artifact.media_type) {
                true => image_attributes(configuration),
                false => configuration,
            };
        }
        Ok(artifact)
    }
}

fn unknown(repository: &RepositoryName, reference: &Reference) -> BrowseError {
    BrowseError::ManifestUnknown { repository: repository.clone(), reference: reference.clone() }
}

/// All but what the store knows; none where the manifest went away meanwhile.
pub(super) async fn draft(
    tx: &mut ReadTx,
    repository: &RepositoryRecord,
    record: ManifestRecord,
    parts: ArtifactParts,
) -> Result<Option<Draft>, MetadataError> {
    let Some(stored) = tx.manifest_by_id(record.id).await? else { return Ok(None) };
    let manifest = Manifest::parse(Some(&record.media_type), &stored.payload)
        .map_err(|error| MetadataError::Corrupt(format!("manifest {}: {error}", record.digest)))?;
    let media_type = media_type(&manifest);
    let artifact_type = manifest.artifact_type();
    let blobs_bytes: u64 = descriptors(&manifest).map(|descriptor| descriptor.size_bytes).sum();
    let children_bytes = match manifest.kind() {
        ManifestKind::Index => tx.children_bytes(&record).await?,
        ManifestKind::Image | ManifestKind::Opaque => 0,
    };
    let configuration = match manifest.config() {
        Some(config) if config.media_type.as_str().ends_with("json") => {
            let linked = tx.blob_in(&repository.name, &config.digest).await?;
            linked.map(|blob| (blob.digest, blob.size_bytes))
        }
        _ => None,
    };
    let artifact = Artifact {
        project: repository.project,
        repository: repository.name.clone(),
        kind: kind_of(artifact_type, &media_type),
        has_history: is_image_config(&media_type),
        media_type,
        size_bytes: record.size_bytes.saturating_add(blobs_bytes).saturating_add(children_bytes),
        pulls: tx.pulls_of(record.id).await?,
        attributes: serde_json::Map::new(),
        annotations: manifest.annotations().clone(),
        children: children(tx, &record, &stored.payload, manifest.kind()).await?,
        tags: match parts.tags {
            true => Some(tx.tags_on(record.id, None, (TagOrder::Pushed, true), 0, TAGS_MAX).await?),
            false => None,
        },
        labels: match parts.labels {
            true => Some(tx.labels_on(record.id, PARTS_MAX).await?),
            false => None,
        },
        accessories: match parts.accessories {
            true => {
                let all = Window { skip: 0, limit: PARTS_MAX };
                Some(accessories(tx, repository, &record, all).await?.entries)
            }
            false => None,
        },
        record,
    };
    Ok(Some(Draft { artifact, configuration }))
}

/// The type of what it holds. A bundle of cloud native applications is an index whose annotation says so.
fn media_type(manifest: &Manifest) -> String {
    let annotated = || manifest.annotations().get("org.opencontainers.artifactType").cloned();
    match manifest.config() {
        Some(config) => config.media_type.to_string(),
        None => annotated().unwrap_or_else(|| manifest.media_type().to_string()),
    }
}

fn descriptors(manifest: &Manifest) -> impl Iterator<Item = &longshore_types::Descriptor> {
    manifest.config().into_iter().chain(manifest.layers())
}

/// What an index names. Entries that are blobs, as build caches have them, are among them without a row.
async fn children(
    tx: &mut ReadTx,
    record: &ManifestRecord,
    payload: &[u8],
    kind: ManifestKind,
) -> Result<Vec<ArtifactChild>, MetadataError> {
    if kind != ManifestKind::Index {
        return Ok(Vec::new());
    }
    // An entry's platform may be anything; what is not understood shows nothing.
    let entries = serde_json::from_slice::<Entries>(payload).ok().and_then(|entries| entries.manifests);
    let entries = entries.unwrap_or_default();
    let digests: Vec<Digest> = entries.iter().map(|entry| entry.digest).collect();
    let ids: HashMap<_, _> = tx.manifest_ids(record.repository, &digests).await?.into_iter().collect();
    let child = |entry: Entry| ArtifactChild {
        id: ids.get(&entry.digest).copied(),
        digest: entry.digest,
        platform: entry.platform,
        annotations: entry.annotations.unwrap_or_default(),
        urls: entry.urls.unwrap_or_default(),
    };
    Ok(entries.into_iter().map(child).collect())
}

/// First the signature under cosign's tag, if there is one, then the manifests that name the subject.
async fn accessories(
    tx: &mut ReadTx,
    repository: &RepositoryRecord,
    subject: &ManifestRecord,
    window: Window,
) -> Result<Listed<Accessory>, MetadataError> {
    let tagged = match cosign_tag(&subject.digest) {
        Some(tag) => tx.tagged_manifest(repository.id, &tag).await?,
        None => None,
    };
    // One that names its subject too is listed by that.
    let tagged = tagged.filter(|record| record.subject != Some(subject.digest));
    let mut total = tx.accessories_count(repository.id, &subject.digest).await?;
    let before = usize::from(tagged.is_some());
    total += before as u64;
    let mut records = Vec::new();
    if window.skip == 0
        && let Some(record) = tagged
    {
        records.push((record, COSIGN));
    }
    let limit = window.limit.saturating_sub(records.len());
    let skip = window.skip.saturating_sub(before);
    for record in tx.accessories_page(repository.id, &subject.digest, skip, limit).await? {
        let kind = accessory_kind(&record);
        records.push((record, kind));
    }
    let mut entries = Vec::new();
    for (record, kind) in records {
        let size_bytes = record.size_bytes + tx.referenced_bytes(record.id).await?;
        entries.push(Accessory {
            subject: subject.digest,
            subject_id: Some(subject.id),
            size_bytes,
            kind,
            record,
        });
    }
    Ok(Listed { entries, total })
}
