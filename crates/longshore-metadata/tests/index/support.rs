//! What every test here starts from.

use std::collections::BTreeMap;

use longshore_metadata::{
    BlobId, ManifestRecord, ManifestReference, Metadata, MetadataSettings, NewManifest, ReferenceKind,
    RepositoryId, TagEventAction, WriteTx,
};
use longshore_testkit::Postgres;
use longshore_types::{Digest, MediaType, RepositoryName, Tag, Timestamp};

pub(crate) use longshore_testkit::on_both_databases;

pub(crate) fn settings(url: &str) -> MetadataSettings {
    MetadataSettings { url: url.to_owned(), connections_max: 8, durable: true }
}

pub(crate) async fn sqlite() -> Metadata {
    Metadata::open(&settings("sqlite::memory:")).await.unwrap()
}

pub(crate) async fn postgres() -> Metadata {
    let url = Postgres::shared().fresh_database().unwrap();
    Metadata::open(&settings(&url)).await.unwrap()
}

pub(crate) fn at(millis: i64) -> Timestamp {
    Timestamp::from_unix_millis(millis)
}

pub(crate) fn name(text: &str) -> RepositoryName {
    text.parse().unwrap()
}

pub(crate) fn tag(text: &str) -> Tag {
    text.parse().unwrap()
}

/// A digest that stands for some content.
pub(crate) fn digest(content: &str) -> Digest {
    Digest::sha256(content.as_bytes())
}

/// Makes a repository and locks it.
pub(crate) async fn repository(tx: &mut WriteTx, text: &str) -> RepositoryId {
    let id = tx.ensure_repository(&name(text), at(1)).await.unwrap().id;
    tx.lock_repository(id).await.unwrap();
    id
}

/// Makes a blob and links it.
pub(crate) async fn linked_blob(tx: &mut WriteTx, repository: RepositoryId, content: &str) -> BlobId {
    let blob = tx.ensure_blob(&digest(content), content.len() as u64, at(1)).await.unwrap().id;
    tx.link_blob(repository, blob, at(1)).await.unwrap();
    blob
}

/// A manifest to be stored; `content` stands for its bytes.
pub(crate) struct Draft<'a> {
    pub(crate) content: &'a str,
    pub(crate) media_type: MediaType,
    pub(crate) artifact_type: Option<&'a str>,
    pub(crate) subject: Option<Digest>,
    pub(crate) annotations: BTreeMap<String, String>,
    pub(crate) references: Vec<ManifestReference>,
}

pub(crate) fn draft(content: &str) -> Draft<'_> {
    Draft {
        content,
        media_type: MediaType::OCI_MANIFEST,
        artifact_type: None,
        subject: None,
        annotations: BTreeMap::new(),
        references: Vec::new(),
    }
}

impl Draft<'_> {
    pub(crate) fn refers(mut self, kind: ReferenceKind, content: &str) -> Self {
        self.references.push(ManifestReference { kind, digest: digest(content) });
        self
    }

    pub(crate) async fn put(
        &self,
        tx: &mut WriteTx,
        repository: RepositoryId,
        now: Timestamp,
    ) -> ManifestRecord {
        let manifest = NewManifest {
            repository,
            digest: digest(self.content),
            media_type: &self.media_type,
            artifact_type: self.artifact_type,
            subject: self.subject,
            annotations: &self.annotations,
            payload: self.content.as_bytes(),
            references: &self.references,
        };
        tx.put_manifest(&manifest, now).await.unwrap()
    }
}

/// Pushes a tag to a manifest.
pub(crate) async fn push_tag(tx: &mut WriteTx, text: &str, manifest: &ManifestRecord, now: Timestamp) {
    tx.set_tag(manifest.repository, &tag(text), manifest, TagEventAction::Push, Some("ann"), now)
        .await
        .unwrap();
}
