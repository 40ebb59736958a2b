//! Manifests, with their exact bytes, and what they refer to.

mod changes;

use std::collections::{BTreeMap, HashSet};

use longshore_types::{Digest, MediaType, Reference, RepositoryName, Timestamp};

use crate::{
    MetadataError, Page, ReadTx, RepositoryId,
    sql::{Row, Value, at_most, batches, digest_key, one_more, page, params, placeholders},
};

/// A manifest's row: one per repository and digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ManifestId(pub(crate) i64);

/// A manifest without its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestRecord {
    /// Its row.
    pub id: ManifestId,
    /// Where it belongs.
    pub repository: RepositoryId,
    /// Its digest.
    pub digest: Digest,
    /// Its media type.
    pub media_type: MediaType,
    /// As a referrers list shows it: the field, or the type of the configuration.
    pub artifact_type: Option<String>,
    /// The digest of its subject.
    pub subject: Option<Digest>,
    /// The length of its bytes.
    pub size_bytes: u64,
    /// When it was (last) pushed.
    pub pushed_at: Timestamp,
    /// When it was deleted, while it can still be restored.
    pub deleted_at: Option<Timestamp>,
}

/// A manifest with its bytes, exactly as pushed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredManifest {
    /// What is known of it.
    pub record: ManifestRecord,
    /// Its bytes.
    pub payload: Vec<u8>,
}

/// How a manifest refers to content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReferenceKind {
    /// The configuration blob of an image.
    Config,
    /// A layer blob of an image.
    Layer,
    /// A manifest of an index.
    Child,
}

/// Something a manifest refers to. The digest alone counts: what it names may be absent (sparse indexes, layers that
/// are not distributed) and may come later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ManifestReference {
    /// How.
    pub kind: ReferenceKind,
    /// To what.
    pub digest: Digest,
}

/// A manifest to be stored.
#[derive(Clone, Debug)]
pub struct NewManifest<'a> {
    /// Where it belongs.
    pub repository: RepositoryId,
    /// Its digest.
    pub digest: Digest,
    /// Its media type.
    pub media_type: &'a MediaType,
    /// As a referrers list shows it.
    pub artifact_type: Option<&'a str>,
    /// The digest of its subject.
    pub subject: Option<Digest>,
    /// Its annotations, for referrers lists and search.
    pub annotations: &'a BTreeMap<String, String>,
    /// Its exact bytes.
    pub payload: &'a [u8],
    /// What it refers to; the same thing may stand there twice.
    pub references: &'a [ManifestReference],
}

/// What a referrers list says of a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferrerRecord {
    /// Its digest.
    pub digest: Digest,
    /// Its media type.
    pub media_type: MediaType,
    /// The length of its bytes.
    pub size_bytes: u64,
    /// Its artifact type.
    pub artifact_type: Option<String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
}

/// The columns that [`ManifestRecord::read_from`] reads, of a table called `m`.
macro_rules! record_columns {
    () => {
        "m.id, m.repository_id, m.digest, m.media_type, m.artifact_type, m.subject, m.size_bytes, m.pushed_at, \
         m.deleted_at"
    };
}
pub(crate) use record_columns;

impl ManifestRecord {
    pub(crate) fn read(mut row: Row) -> Result<Self, MetadataError> {
        Self::read_from(&mut row)
    }

    pub(crate) fn read_from(row: &mut Row) -> Result<Self, MetadataError> {
        Ok(Self {
            id: ManifestId(row.int()?),
            repository: RepositoryId(row.int()?),
            digest: row.digest()?,
            media_type: row.parsed("media type")?,
            artifact_type: row.optional_text()?,
            subject: row.optional_digest()?,
            size_bytes: row.unsigned()?,
            pushed_at: row.timestamp()?,
            deleted_at: row.optional_timestamp()?,
        })
    }
}

impl StoredManifest {
    fn read(mut row: Row) -> Result<Self, MetadataError> {
        Ok(Self { record: ManifestRecord::read_from(&mut row)?, payload: row.bytes()? })
    }
}

impl ReferrerRecord {
    fn read(mut row: Row) -> Result<Self, MetadataError> {
        Ok(Self {
            digest: row.digest()?,
            media_type: row.parsed("media type")?,
            size_bytes: row.unsigned()?,
            artifact_type: row.optional_text()?,
            annotations: serde_json::from_str(&row.text()?)
                .map_err(|error| MetadataError::Corrupt(format!("annotations of a manifest: {error}")))?,
        })
    }
}

impl ReferenceKind {
    pub(crate) fn code(self) -> i64 {
        match self {
            Self::Config => 0,
            Self::Layer => 1,
            Self::Child => 2,
        }
    }

    fn from_code(code: i64) -> Result<Self, MetadataError> {
        [Self::Config, Self::Layer, Self::Child]
            .into_iter()
            .find(|kind| kind.code() == code)
            .ok_or_else(|| MetadataError::Corrupt(format!("{code} is no kind of reference")))
    }
}

impl ReadTx {
    /// The manifest that `reference` names in that repository; deleted ones do not count. The hot path: one query.
    pub async fn manifest(
        &mut self,
        repository: &RepositoryName,
        reference: &Reference,
    ) -> Result<Option<StoredManifest>, MetadataError> {
        // CROSS JOIN keeps SQLite to this order, which is the right one; PostgreSQL reads it as a plain join.
        const BY_TAG: &str = concat!(
            "SELECT ",
            record_columns!(),
            ", p.payload FROM repositories r CROSS JOIN tags t CROSS JOIN manifests m \
             JOIN manifest_payloads p ON p.manifest_id = m.id \
             WHERE r.name = $1 AND t.repository_id = r.id AND t.name = $2 AND m.id = t.manifest_id \
             AND m.deleted_at IS NULL"
        );
        const BY_DIGEST: &str = concat!(
            "SELECT ",
            record_columns!(),
            ", p.payload FROM repositories r CROSS JOIN manifests m \
             JOIN manifest_payloads p ON p.manifest_id = m.id \
             WHERE r.name = $1 AND m.repository_id = r.id AND m.digest = $2 AND m.deleted_at IS NULL"
        );
        let row = match reference {
            Reference::Tag(tag) => self.query_opt(BY_TAG, params![repository, tag.as_str()]).await?,
            Reference::Digest(digest) => self.query_opt(BY_DIGEST, params![repository, digest]).await?,
        };
        row.map(StoredManifest::read).transpose()
    }

    /// What is known of a manifest, also when it is deleted but still restorable.
    pub async fn manifest_record(
        &mut self,
        repository: RepositoryId,
        digest: &Digest,
    ) -> Result<Option<ManifestRecord>, MetadataError> {
        const SQL: &str = concat!(
            "SELECT ",
            record_columns!(),
            " FROM manifests m WHERE m.repository_id = $1 AND m.digest = $2"
        );
        self.query_opt(SQL, params![repository, digest]).await?.map(ManifestRecord::read).transpose()
    }

    /// A manifest by its row, with its bytes, deleted or not.
    pub async fn manifest_by_id(&mut self, id: ManifestId) -> Result<Option<StoredManifest>, MetadataError> {
        const SQL: &str = concat!(
            "SELECT ",
            record_columns!(),
            ", p.payload FROM manifests m JOIN manifest_payloads p ON p.manifest_id = m.id WHERE m.id = $1"
        );
        self.query_opt(SQL, params![id]).await?.map(StoredManifest::read).transpose()
    }

    /// Manifests of a repository with their bytes, not the deleted ones, by digest, after `after`.
    pub async fn manifests_page(
        &mut self,
        repository: RepositoryId,
        after: Option<&Digest>,
        limit: usize,
    ) -> Result<Page<StoredManifest>, MetadataError> {
        const SQL: &str = concat!(
            "SELECT ",
            record_columns!(),
            ", p.payload FROM (SELECT * FROM manifests WHERE repository_id = $1 AND digest > $2 \
             AND deleted_at IS NULL ORDER BY digest LIMIT $3) AS m \
             JOIN manifest_payloads p ON p.manifest_id = m.id ORDER BY m.digest"
        );
        let params = [repository.into(), digest_key(after), one_more(limit).into()];
        page(self.query(SQL, &params).await?, limit, StoredManifest::read)
    }

    /// Those of `digests` for which the repository has no manifest (deleted ones do not count).
    pub async fn missing_manifests(
        &mut self,
        repository: RepositoryId,
        digests: &[Digest],
    ) -> Result<Vec<Digest>, MetadataError> {
        let mut present = HashSet::new();
        for batch in batches(digests) {
            let sql = format!(
                "SELECT digest FROM manifests WHERE repository_id = $1 AND digest IN ({}) AND deleted_at IS NULL",
                placeholders(2, batch.len())
            );
            let digests = batch.iter().map(Value::from);
            let params: Vec<Value<'_>> = std::iter::once(repository.into()).chain(digests).collect();
            for mut row in self.query(&sql, &params).await? {
                present.insert(row.digest()?);
            }
        }
        Ok(digests.iter().filter(|digest| !present.contains(*digest)).copied().collect())
    }

    /// What a manifest refers to, each thing once for each way it is referred to.
    pub async fn references_of(
        &mut self,
        manifest: ManifestId,
    ) -> Result<Vec<ManifestReference>, MetadataError> {
        let sql = "SELECT kind, digest FROM manifest_references WHERE manifest_id = $1 ORDER BY kind, digest";
        let rows = self.query(sql, params![manifest]).await?;
        let read = |mut row: Row| {
            Ok(ManifestReference { kind: ReferenceKind::from_code(row.int()?)?, digest: row.digest()? })
        };
        rows.into_iter().map(read).collect()
    }

    /// Manifests of the repository that refer to `digest` in any way, also deleted ones that are still restorable, at
    /// most `limit`. A subject is no reference.
    pub async fn manifests_referring_to(
        &mut self,
        repository: RepositoryId,
        digest: &Digest,
        limit: usize,
    ) -> Result<Vec<ManifestRecord>, MetadataError> {
        const SQL: &str = concat!(
            "SELECT ",
            record_columns!(),
            " FROM (SELECT DISTINCT manifest_id FROM manifest_references WHERE repository_id = $1 AND digest = $2 \
             ORDER BY manifest_id LIMIT $3) AS found JOIN manifests m ON m.id = found.manifest_id"
        );
        let rows = self.query(SQL, params![repository, digest, at_most(limit)]).await?;
        rows.into_iter().map(ManifestRecord::read).collect()
    }

    /// A manifest of the repository that refers to `digest` in any way and is not deleted.
    pub async fn live_manifest_referring_to(
        &mut self,
        repository: RepositoryId,
        digest: &Digest,
    ) -> Result<Option<Digest>, MetadataError> {
        let sql = "SELECT m.digest FROM manifest_references r CROSS JOIN manifests m \
                   WHERE r.repository_id = $1 AND r.digest = $2 AND m.id = r.manifest_id \
                   AND m.deleted_at IS NULL LIMIT 1";
        let row = self.query_opt(sql, params![repository, digest]).await?;
        row.map(|mut row| row.digest()).transpose()
    }

    /// Whether any repository has a manifest of that digest, deleted or not.
    pub async fn digest_has_manifest(&mut self, digest: &Digest) -> Result<bool, MetadataError> {
        self.exists("SELECT 1 FROM manifests WHERE digest = $1 LIMIT 1", params![digest]).await
    }

    /// Manifests whose subject is `subject`, not the deleted ones, by digest, after `after`; with `artifact_type` only
    /// those of that type.
    pub async fn referrers_page(
        &mut self,
        repository: RepositoryId,
        subject: &Digest,
        artifact_type: Option<&str>,
        after: Option<&Digest>,
        limit: usize,
    ) -> Result<Page<ReferrerRecord>, MetadataError> {
        const ALL: &str = "SELECT m.digest, m.media_type, m.size_bytes, m.artifact_type, p.annotations \
             FROM (SELECT * FROM manifests WHERE repository_id = $1 AND subject = $2 AND digest > $3 \
             AND deleted_at IS NULL ORDER BY digest LIMIT $4) AS m \
             JOIN manifest_payloads p ON p.manifest_id = m.id ORDER BY m.digest";
        const OF_TYPE: &str = "SELECT m.digest, m.media_type, m.size_bytes, m.artifact_type, p.annotations \
             FROM (SELECT * FROM manifests WHERE repository_id = $1 AND subject = $2 AND digest > $3 \
             AND artifact_type = $4 AND deleted_at IS NULL ORDER BY digest LIMIT $5) AS m \
             JOIN manifest_payloads p ON p.manifest_id = m.id ORDER BY m.digest";
        let mut params = vec![repository.into(), subject.into(), digest_key(after)];
        let rows = match artifact_type {
            // Never stored, and PostgreSQL would not even compare it.
            Some(artifact_type) if artifact_type.contains('\0') => Vec::new(),
            Some(artifact_type) => {
                params.extend([artifact_type.into(), one_more(limit).into()]);
                self.query(OF_TYPE, &params).await?
            }
            None => {
                params.push(one_more(limit).into());
                self.query(ALL, &params).await?
            }
        };
        page(rows, limit, ReferrerRecord::read)
    }
}
