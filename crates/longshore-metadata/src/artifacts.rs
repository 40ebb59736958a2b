//! Manifests as people look at them: an image index with its children is one artifact, and signatures and the like
//! stand beside what they are about.

use longshore_types::{Digest, Tag, Timestamp};

use crate::{
    LabelId, ManifestId, ManifestRecord, MetadataError, ReadTx, RepositoryId, TagRecord, TextFilter,
    conditions::Conditions,
    manifests::record_columns,
    sql::{Row, Value, at_most, batches, digest_key, params, placeholders},
};

/// What is asked of an artifact's tags.
#[derive(Clone, Copy, Debug)]
pub enum TagFilter<'a> {
    /// It has any.
    Any,
    /// It has none.
    None,
    /// One of them is so.
    One(TextFilter<'a>),
}

/// Which artifacts of a repository. All that is given must hold.
#[derive(Clone, Copy, Debug, Default)]
pub struct ArtifactFilter<'a> {
    /// Every manifest, also those that stand for nothing by themselves.
    pub every_manifest: bool,
    /// Its row.
    pub id: Option<ManifestId>,
    /// Its digest.
    pub digest: Option<Digest>,
    /// What is asked of its tags.
    pub tags: Option<TagFilter<'a>>,
    /// All of these are on it.
    pub labels: &'a [LabelId],
    /// Of the manifest.
    pub manifest_media_type: Option<TextFilter<'a>>,
    /// As a referrers list shows it.
    pub artifact_type: Option<TextFilter<'a>>,
    /// The type of what it holds: the artifact type, or where it has none the manifest's.
    pub content_type: Option<TextFilter<'a>>,
    /// The same: one of these.
    pub content_types: Option<&'a [&'a str]>,
    /// Pushed not before.
    pub pushed_from: Option<Timestamp>,
    /// Pushed not after.
    pub pushed_to: Option<Timestamp>,
}

/// In which order. The first walks along an index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ArtifactOrder {
    /// As they were pushed.
    #[default]
    Pushed,
    /// By the last pull.
    Pulled,
    /// By row.
    Id,
    /// By digest.
    Digest,
}

/// In which order tags of an artifact come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TagOrder {
    /// As they were pushed.
    #[default]
    Pushed,
    /// By name.
    Name,
}

const COLUMNS: &str = record_columns!();

/// A manifest `m` that stands for something by itself: it is about no other manifest, by a subject or by cosign's tag
/// for signatures; and it has a tag, or no index names it. An index that is deleted but restorable names it too.
const BY_ITSELF: &str = "m.subject IS NULL \
    AND NOT EXISTS (SELECT 1 FROM tags s WHERE s.manifest_id = m.id AND length(s.name) = 75 \
        AND substr(s.name, 1, 7) = 'sha256-' AND substr(s.name, 72) = '.sig') \
    AND (EXISTS (SELECT 1 FROM tags t WHERE t.manifest_id = m.id) OR NOT EXISTS \
        (SELECT 1 FROM manifest_references p WHERE p.repository_id = m.repository_id AND p.digest = m.digest \
         AND p.kind = 2))";

impl<'a> ArtifactFilter<'a> {
    fn conditions(&self, tx: &ReadTx, repository: RepositoryId) -> Conditions<'a> {
        let mut conditions = Conditions::new(tx.dialect());
        conditions.compare("m.repository_id", "=", repository);
        conditions.says("m.deleted_at IS NULL");
        if !self.every_manifest {
            conditions.says(BY_ITSELF);
        }
        if let Some(id) = self.id {
            conditions.compare("m.id", "=", id);
        }
        if let Some(digest) = self.digest {
            conditions.compare("m.digest", "=", digest_key(Some(&digest)));
        }
        self.tag_conditions(&mut conditions);
        for label in self.labels {
            let label = conditions.value(*label);
            conditions.says(format!(
                "EXISTS (SELECT 1 FROM manifest_labels l WHERE l.manifest_id = m.id AND l.label_id = ${label})"
            ));
        }
        conditions.text("m.media_type", self.manifest_media_type);
        conditions.text("m.artifact_type", self.artifact_type);
        conditions.text("COALESCE(m.artifact_type, m.media_type)", self.content_type);
        match self.content_types {
            None => {}
            Some([]) => conditions.says("1 = 0"),
            Some(types) => {
                let types: Vec<String> =
                    types.iter().map(|text| format!("${}", conditions.value(*text))).collect();
                let any = types.join(", ");
                conditions.says(format!("COALESCE(m.artifact_type, m.media_type) IN ({any})"));
            }
        }
        if let Some(from) = self.pushed_from {
            conditions.compare("m.pushed_at", ">=", from);
        }
        if let Some(to) = self.pushed_to {
            conditions.compare("m.pushed_at", "<=", to);
        }
        conditions
    }

    fn tag_conditions(&self, conditions: &mut Conditions<'a>) {
        match self.tags {
            None => {}
            Some(TagFilter::Any) => {
                conditions.says("EXISTS (SELECT 1 FROM tags t WHERE t.manifest_id = m.id)");
            }
            Some(TagFilter::None) => {
                conditions.says("NOT EXISTS (SELECT 1 FROM tags t WHERE t.manifest_id = m.id)");
            }
            Some(TagFilter::One(filter)) => conditions.exists("tags t", |of_tag| {
                of_tag.says("t.manifest_id = m.id");
                of_tag.text("t.name", Some(filter));
            }),
        }
    }
}

impl ArtifactOrder {
    fn sql(self, descending: bool) -> String {
        let by = match self {
            Self::Pushed if descending => return "m.pushed_at DESC, m.id DESC".to_owned(),
            Self::Pushed => return "m.pushed_at, m.id".to_owned(),
            Self::Pulled => {
                "COALESCE((SELECT p.last_pulled_at FROM manifest_pulls p WHERE p.manifest_id = m.id), 0)"
            }
            Self::Id => "m.id",
            Self::Digest => "m.digest",
        };
        if descending { format!("{by} DESC, m.id DESC") } else { format!("{by}, m.id") }
    }
}

impl ReadTx {
    /// Artifacts of a repository in an order, without the first `skip`: these are walked over all the same.
    pub async fn artifacts_page(
        &mut self,
        repository: RepositoryId,
        filter: &ArtifactFilter<'_>,
        (order, descending): (ArtifactOrder, bool),
        skip: usize,
        limit: usize,
    ) -> Result<Vec<ManifestRecord>, MetadataError> {
        let mut conditions = filter.conditions(self, repository);
        let (sql, order) = (conditions.sql(), order.sql(descending));
        let (rows, skip) = (conditions.value(at_most(limit)), conditions.value(at_most(skip)));
        let sql =
            format!("SELECT {COLUMNS} FROM manifests m {sql} ORDER BY {order} LIMIT ${rows} OFFSET ${skip}");
        self.query(&sql, &conditions.values).await?.into_iter().map(ManifestRecord::read).collect()
    }

    /// How many there are.
    pub async fn artifacts_count(
        &mut self,
        repository: RepositoryId,
        filter: &ArtifactFilter<'_>,
    ) -> Result<u64, MetadataError> {
        let conditions = filter.conditions(self, repository);
        let sql = format!("SELECT COUNT(*) FROM manifests m {}", conditions.sql());
        self.count(&sql, &conditions.values).await
    }

    /// Tags of a manifest in an order, without the first `skip`.
    pub async fn tags_on(
        &mut self,
        manifest: ManifestId,
        name: Option<TextFilter<'_>>,
        (order, descending): (TagOrder, bool),
        skip: usize,
        limit: usize,
    ) -> Result<Vec<TagRecord>, MetadataError> {
        let mut conditions = Conditions::new(self.dialect());
        conditions.compare("t.manifest_id", "=", manifest);
        conditions.text("t.name", name);
        let order = match (order, descending) {
            (TagOrder::Name, false) => "t.name",
            (TagOrder::Name, true) => "t.name DESC",
            (TagOrder::Pushed, false) => "t.updated_at, t.name",
            (TagOrder::Pushed, true) => "t.updated_at DESC, t.name",
        };
        let sql = conditions.sql();
        let (rows, skip) = (conditions.value(at_most(limit)), conditions.value(at_most(skip)));
        let sql = format!(
            "SELECT t.name, t.manifest_id, m.digest, t.updated_at FROM tags t CROSS JOIN manifests m {sql} \
             AND m.id = t.manifest_id ORDER BY {order} LIMIT ${rows} OFFSET ${skip}"
        );
        let read = |mut row: Row| {
            Ok(TagRecord {
                tag: row.parsed("tag")?,
                manifest: ManifestId(row.int()?),
                digest: row.digest()?,
                updated_at: row.timestamp()?,
            })
        };
        self.query(&sql, &conditions.values).await?.into_iter().map(read).collect()
    }

    /// How many there are.
    pub async fn tags_on_count(
        &mut self,
        manifest: ManifestId,
        name: Option<TextFilter<'_>>,
    ) -> Result<u64, MetadataError> {
        let mut conditions = Conditions::new(self.dialect());
        conditions.compare("t.manifest_id", "=", manifest);
        conditions.text("t.name", name);
        let sql = format!("SELECT COUNT(*) FROM tags t {}", conditions.sql());
        self.count(&sql, &conditions.values).await
    }

    /// Manifests of the repository that are about `subject`, not the deleted ones, by digest, without the first `skip`.
    pub async fn accessories_page(
        &mut self,
        repository: RepositoryId,
        subject: &Digest,
        skip: usize,
        limit: usize,
    ) -> Result<Vec<ManifestRecord>, MetadataError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM manifests m WHERE m.repository_id = $1 AND m.subject = $2 \
             AND m.deleted_at IS NULL ORDER BY m.digest LIMIT $3 OFFSET $4"
        );
        let rows = self.query(&sql, params![repository, subject, at_most(limit), at_most(skip)]).await?;
        rows.into_iter().map(ManifestRecord::read).collect()
    }

    /// How many there are.
    pub async fn accessories_count(
        &mut self,
        repository: RepositoryId,
        subject: &Digest,
    ) -> Result<u64, MetadataError> {
        let sql = "SELECT COUNT(*) FROM manifests WHERE repository_id = $1 AND subject = $2 \
                   AND deleted_at IS NULL";
        self.count(sql, params![repository, subject]).await
    }

    /// An index of the repository that is not deleted and names the manifest.
    pub async fn live_index_of(
        &mut self,
        repository: RepositoryId,
        digest: &Digest,
    ) -> Result<Option<Digest>, MetadataError> {
        let sql = "SELECT i.digest FROM manifest_references p CROSS JOIN manifests i \
                   WHERE p.repository_id = $1 AND p.digest = $2 AND p.kind = 2 AND i.id = p.manifest_id \
                   AND i.deleted_at IS NULL LIMIT 1";
        let row = self.query_opt(sql, params![repository, digest]).await?;
        row.map(|mut row| row.digest()).transpose()
    }

    /// The bytes of all manifests that an index names and that are there, and of the blobs that these name.
    pub async fn children_bytes(&mut self, index: &ManifestRecord) -> Result<u64, MetadataError> {
        let manifests = "SELECT CAST(COALESCE(SUM(m.size_bytes), 0) AS bigint) \
             FROM manifest_references c CROSS JOIN manifests m \
             WHERE c.manifest_id = $1 AND c.kind = 2 AND m.repository_id = $2 AND m.digest = c.digest \
             AND m.deleted_at IS NULL";
        let blobs = "SELECT CAST(COALESCE(SUM(b.size_bytes), 0) AS bigint) \
             FROM manifest_references c CROSS JOIN manifests m CROSS JOIN manifest_references r CROSS JOIN blobs b \
             WHERE c.manifest_id = $1 AND c.kind = 2 AND m.repository_id = $2 AND m.digest = c.digest \
             AND m.deleted_at IS NULL AND r.manifest_id = m.id AND r.kind < 2 AND b.digest = r.digest";
        let manifests = self.count(manifests, params![index.id, index.repository]).await?;
        Ok(manifests + self.count(blobs, params![index.id, index.repository]).await?)
    }

    /// The bytes of the blobs that a manifest names.
    pub async fn referenced_bytes(&mut self, manifest: ManifestId) -> Result<u64, MetadataError> {
        let sql = "SELECT CAST(COALESCE(SUM(b.size_bytes), 0) AS bigint) \
                   FROM manifest_references r CROSS JOIN blobs b \
                   WHERE r.manifest_id = $1 AND r.kind < 2 AND b.digest = r.digest";
        self.count(sql, params![manifest]).await
    }

    /// The rows of those manifests of the repository that are there and not deleted.
    pub async fn manifest_ids(
        &mut self,
        repository: RepositoryId,
        digests: &[Digest],
    ) -> Result<Vec<(Digest, ManifestId)>, MetadataError> {
        let mut found = Vec::new();
        for batch in batches(digests) {
            let sql = format!(
                "SELECT digest, id FROM manifests WHERE repository_id = $1 AND digest IN ({}) \
                 AND deleted_at IS NULL",
                placeholders(2, batch.len())
            );
            let digests = batch.iter().map(Value::from);
            let params: Vec<Value<'_>> = std::iter::once(repository.into()).chain(digests).collect();
            for mut row in self.query(&sql, &params).await? {
                found.push((row.digest()?, ManifestId(row.int()?)));
            }
        }
        Ok(found)
    }

    /// Manifests of the repository that are not deleted, by digest, at most `limit`.
    pub async fn live_digests(
        &mut self,
        repository: RepositoryId,
        limit: usize,
    ) -> Result<Vec<Digest>, MetadataError> {
        let sql = "SELECT digest FROM manifests WHERE repository_id = $1 AND deleted_at IS NULL \
                   ORDER BY pushed_at, id LIMIT $2";
        let rows = self.query(sql, params![repository, at_most(limit)]).await?;
        rows.into_iter().map(|mut row| row.digest()).collect()
    }

    /// What was deleted in the same moment as a manifest and belongs to it: the children of an index, and what is about
    /// the manifest.
    pub async fn deleted_together(
        &mut self,
        manifest: &ManifestRecord,
        deleted_at: Timestamp,
    ) -> Result<Vec<ManifestRecord>, MetadataError> {
        let children = format!(
            "SELECT {COLUMNS} FROM manifest_references c CROSS JOIN manifests m WHERE c.manifest_id = $1 \
             AND c.kind = 2 AND m.repository_id = $2 AND m.digest = c.digest AND m.deleted_at = $3"
        );
        let about = format!(
            "SELECT {COLUMNS} FROM manifests m WHERE m.repository_id = $1 AND m.subject = $2 \
             AND m.deleted_at = $3"
        );
        let mut rows = self.query(&children, params![manifest.id, manifest.repository, deleted_at]).await?;
        rows.extend(self.query(&about, params![manifest.repository, &manifest.digest, deleted_at]).await?);
        rows.into_iter().map(ManifestRecord::read).collect()
    }

    /// The manifest under a tag that is known to be one, without its bytes.
    pub async fn tagged_manifest(
        &mut self,
        repository: RepositoryId,
        tag: &Tag,
    ) -> Result<Option<ManifestRecord>, MetadataError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM tags t CROSS JOIN manifests m WHERE t.repository_id = $1 AND t.name = $2 \
             AND m.id = t.manifest_id AND m.deleted_at IS NULL"
        );
        self.query_opt(&sql, params![repository, tag.as_str()]).await?.map(ManifestRecord::read).transpose()
    }
}
