//! Artifacts and their parts as Harbor writes them.

use std::collections::BTreeMap;

use longshore_registry::{
    Accessory, Artifact, ArtifactChild, ManifestId, ManifestRecord, Platform, Pulls, TagRecord,
    TaggedArtifact,
};
use longshore_types::{Digest, ProjectName, RepositoryName, Timestamp};
use schemars::JsonSchema;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::{super::labels::LabelReply, addition_path};
use crate::api::moment::Moment;

/// An artifact. What was not asked for, or is not there, is `null`, as in Harbor.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ArtifactReply {
    id: i64,
    /// `IMAGE`, `CHART`, `UNKNOWN`.
    #[serde(rename = "type")]
    kind: String,
    /// The type of the configuration, or of the manifest where there is none.
    media_type: String,
    manifest_media_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    artifact_type: Option<String>,
    project_id: i64,
    repository_id: i64,
    repository_name: String,
    digest: String,
    /// The manifest and all that it names, in bytes.
    size: u64,
    push_time: Moment,
    /// The year 1 if it was never pulled.
    #[serde(serialize_with = "moment_or_never")]
    #[schemars(with = "Moment")]
    pull_time: Option<Timestamp>,
    /// What the configuration says.
    extra_attrs: Map<String, Value>,
    annotations: Option<BTreeMap<String, String>>,
    references: Option<Vec<ReferenceReply>>,
    tags: Option<Vec<TagReply>>,
    addition_links: Option<BTreeMap<&'static str, AdditionLink>>,
    labels: Option<Vec<LabelReply>>,
    accessories: Option<Vec<AccessoryReply>>,
}

/// What an index names.
#[derive(Serialize, JsonSchema)]
struct ReferenceReply {
    parent_id: i64,
    /// Missing where it is not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    child_id: Option<i64>,
    child_digest: String,
    platform: Option<PlatformReply>,
    annotations: Option<BTreeMap<String, String>>,
    urls: Option<Vec<String>>,
}

/// What it runs on.
#[derive(Serialize, JsonSchema)]
struct PlatformReply {
    architecture: String,
    os: String,
    // Harbor's own spelling.
    #[serde(rename = "'os.version'", skip_serializing_if = "Option::is_none")]
    os_version: Option<String>,
    #[serde(rename = "'os.features'", skip_serializing_if = "Vec::is_empty")]
    os_features: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    variant: Option<String>,
}

/// A tag.
#[derive(Serialize, JsonSchema)]
pub(crate) struct TagReply {
    /// Stands for the tag's name in its repository.
    id: i64,
    repository_id: i64,
    artifact_id: i64,
    name: String,
    push_time: Moment,
    /// That of the artifact; the year 1 if it was never pulled.
    #[serde(serialize_with = "moment_or_never")]
    #[schemars(with = "Moment")]
    pull_time: Option<Timestamp>,
    /// Whether it can neither be moved nor deleted.
    immutable: bool,
}

/// A tag of a repository, and what it points to.
#[derive(Serialize, JsonSchema)]
pub(crate) struct RepositoryTagReply {
    #[serde(flatten)]
    tag: TagReply,
    digest: String,
    /// `IMAGE`, `CHART`, `UNKNOWN`.
    #[serde(rename = "type")]
    kind: String,
    manifest_media_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    artifact_type: Option<String>,
    /// The manifest and all that it names, in bytes.
    size: u64,
    /// How often the artifact was pulled, by whatever tag.
    pull_count: u64,
    /// What it runs on: of an index what its children do, without attestations.
    platforms: Vec<PlatformReply>,
    labels: Vec<LabelReply>,
    /// Who pushed, moved or restored the tag last; missing where nobody was logged in, and for callers who are not.
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
}

/// Where an addition lies.
#[derive(Serialize, JsonSchema)]
struct AdditionLink {
    href: String,
    absolute: bool,
}

/// What is about an artifact: a signature, a bill of materials.
#[derive(Serialize, JsonSchema)]
pub(crate) struct AccessoryReply {
    id: i64,
    artifact_id: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject_artifact_id: Option<i64>,
    subject_artifact_digest: String,
    subject_artifact_repo: String,
    size: u64,
    digest: String,
    /// `signature.cosign`, `signature.notation`, `sbom.harbor`, `subject.accessory`.
    #[serde(rename = "type")]
    kind: &'static str,
    creation_time: Moment,
}

/// A step in which an image was built: image specification v1.1, "history".
#[derive(JsonSchema)]
#[expect(dead_code, reason = "describes what comes from the configuration as it stands there")]
pub(crate) struct HistoryStep {
    created: Option<String>,
    created_by: Option<String>,
    author: Option<String>,
    comment: Option<String>,
    empty_layer: Option<bool>,
}

/// Go's zero time, which clients of Harbor know.
fn moment_or_never<S: Serializer>(moment: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    match moment {
        Some(moment) => Moment(*moment).serialize(serializer),
        None => serializer.serialize_str("0001-01-01T00:00:00.000Z"),
    }
}

/// `null` for nothing.
fn some<T>(list: Vec<T>) -> Option<Vec<T>> {
    if list.is_empty() { None } else { Some(list) }
}

fn some_map(map: BTreeMap<String, String>) -> Option<BTreeMap<String, String>> {
    if map.is_empty() { None } else { Some(map) }
}

impl ArtifactReply {
    pub(super) fn of(artifact: Artifact, project: &ProjectName) -> Self {
        let Artifact { record, repository, pulls, .. } = artifact;
        let tags = artifact.tags.unwrap_or_default();
        let within = project.repository_within(&repository).unwrap_or(repository.as_str());
        let history = |addition| {
            let href = addition_path(project.as_str(), within, &record.digest, addition);
            BTreeMap::from([(addition, AdditionLink { href, absolute: false })])
        };
        Self {
            id: record.id.number(),
            kind: artifact.kind,
            media_type: artifact.media_type,
            manifest_media_type: record.media_type.to_string(),
            artifact_type: record.artifact_type.clone(),
            project_id: artifact.project.number(),
            repository_id: record.repository.number(),
            digest: record.digest.to_string(),
            size: artifact.size_bytes,
            push_time: record.pushed_at.into(),
            pull_time: pulls.map(|pulls| pulls.last_at),
            extra_attrs: artifact.attributes,
            annotations: some_map(artifact.annotations),
            references: some(
                artifact.children.into_iter().map(|child| ReferenceReply::of(record.id, child)).collect(),
            ),
            tags: some(tags.into_iter().map(|tag| tag_reply(&record, pulls, tag)).collect()),
            addition_links: artifact.has_history.then(|| history("build_history")),
            labels: some(artifact.labels.unwrap_or_default().into_iter().map(LabelReply::from).collect()),
            accessories: some(
                artifact
                    .accessories
                    .unwrap_or_default()
                    .into_iter()
                    .map(|accessory| AccessoryReply::of(accessory, &repository))
                    .collect(),
            ),
            repository_name: repository.to_string(),
        }
    }
}

impl ReferenceReply {
    fn of(parent: ManifestId, child: ArtifactChild) -> Self {
        Self {
            parent_id: parent.number(),
            child_id: child.id.map(ManifestId::number),
            child_digest: child.digest.to_string(),
            platform: child.platform.map(PlatformReply::from),
            annotations: some_map(child.annotations),
            urls: some(child.urls),
        }
    }
}

impl From<TaggedArtifact> for RepositoryTagReply {
    fn from(TaggedArtifact { tag, artifact, actor }: TaggedArtifact) -> Self {
        let Artifact { record, pulls, .. } = artifact;
        Self {
            tag: tag_reply(&record, pulls, tag),
            digest: record.digest.to_string(),
            platforms: platforms(artifact.children, &artifact.attributes),
            kind: artifact.kind,
            manifest_media_type: record.media_type.to_string(),
            artifact_type: record.artifact_type,
            size: artifact.size_bytes,
            pull_count: pulls.map_or(0, |pulls| pulls.pulls),
            labels: artifact.labels.unwrap_or_default().into_iter().map(LabelReply::from).collect(),
            username: actor,
        }
    }
}

/// What an index has children for, or what the configuration of an image says. Builders write attestations into indexes as
/// children for `unknown/unknown`.
fn platforms(children: Vec<ArtifactChild>, attributes: &Map<String, Value>) -> Vec<PlatformReply> {
    let text = |key: &str| attributes.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let own = Platform {
        architecture: text("architecture"),
        os: text("os"),
        os_version: Some(text("os.version")).filter(|version| !version.is_empty()),
        os_features: Vec::new(),
        variant: Some(text("variant")).filter(|variant| !variant.is_empty()),
    };
    let named = children.into_iter().filter_map(|child| child.platform).chain([own]);
    let known = named.filter(|platform| !matches!(platform.os.as_str(), "" | "unknown"));
    known.map(PlatformReply::from).collect()
}

impl From<Platform> for PlatformReply {
    fn from(platform: Platform) -> Self {
        let Platform { architecture, os, os_version, os_features, variant } = platform;
        Self { architecture, os, os_version, os_features, variant }
    }
}

impl AccessoryReply {
    pub(super) fn of(accessory: Accessory, repository: &RepositoryName) -> Self {
        let id = accessory.record.id.number();
        Self {
            id,
            artifact_id: id,
            subject_artifact_id: accessory.subject_id.map(ManifestId::number),
            subject_artifact_digest: accessory.subject.to_string(),
            subject_artifact_repo: repository.to_string(),
            size: accessory.size_bytes,
            digest: accessory.record.digest.to_string(),
            kind: accessory.kind,
            creation_time: accessory.record.pushed_at.into(),
        }
    }
}

/// A tag of an artifact.
pub(crate) fn tag_reply(artifact: &ManifestRecord, pulls: Option<Pulls>, tag: TagRecord) -> TagReply {
    let repository_id = artifact.repository.number();
    TagReply {
        id: tag_number(repository_id, tag.tag.as_str()),
        repository_id,
        artifact_id: artifact.id.number(),
        name: tag.tag.to_string(),
        push_time: tag.updated_at.into(),
        pull_time: pulls.map(|pulls| pulls.last_at),
        // There are no rules yet by which it could be.
        immutable: false,
    }
}

/// Tags are found by their names and have no numbers, but clients want some: 48 bits of a hash.
fn tag_number(repository: i64, tag: &str) -> i64 {
    let hex = Digest::sha256(format!("{repository}/{tag}").as_bytes()).hex();
    i64::from_str_radix(&hex[..12], 16).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_have_numbers() {
        let number = tag_number(1, "v1");
        assert!(number > 0 && number < 1 << 48, "{number}");
        assert_eq!(number, tag_number(1, "v1"));
        assert_ne!(number, tag_number(2, "v1"));
        assert_ne!(number, tag_number(1, "v2"));
    }

    #[test]
    fn what_was_never_pulled_was_pulled_in_the_year_1() {
        let digest = Digest::sha256(b"x");
        let href = addition_path("team/sub", "a/b", &digest, "build_history");
        let wanted = "/api/v2.0/projects/team%2Fsub/repositories/a%252Fb/artifacts/";
        assert!(href.starts_with(wanted) && href.ends_with("/additions/build_history"), "{href}");
        let never = moment_or_never(&None, serde_json::value::Serializer).unwrap();
        assert_eq!(never, "0001-01-01T00:00:00.000Z");
    }
}
