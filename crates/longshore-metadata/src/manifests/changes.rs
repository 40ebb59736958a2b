//! What changes manifests.

use longshore_types::{Digest, Timestamp};

use super::{ManifestId, ManifestRecord, NewManifest};
use crate::{
    MetadataError, RepositoryId, WriteTx,
    cache::Key,
    sql::{Row, Value, batches, params},
};

impl WriteTx {
    /// Stores a manifest with its references. One that is there already gets a new `pushed_at` and is no longer
    /// deleted; its bytes are the same by digest, its media type becomes the new one, and what it referred to before
    /// under another type is kept. The caller holds [`WriteTx::lock_repository`].
    ///
    /// An artifact type with a NUL in it counts as none: PostgreSQL cannot hold it, and no media type has one.
    ///
    /// # Errors
    /// [`MetadataError::QuotaExceeded`].
    pub async fn put_manifest(
        &mut self,
        manifest: &NewManifest<'_>,
        now: Timestamp,
    ) -> Result<ManifestRecord, MetadataError> {
        let id = match self.manifest_record(manifest.repository, &manifest.digest).await? {
            Some(known) => self.push_again(&known, manifest, now).await?,
            None => self.insert_manifest(manifest, now).await?,
        };
        self.insert_references(id, manifest).await?;
        self.mark_manifest(manifest.repository, id, manifest.annotations).await?;
        self.list_repository(manifest.repository, now).await?;
        Ok(ManifestRecord {
            id,
            repository: manifest.repository,
            digest: manifest.digest,
            media_type: manifest.media_type.clone(),
            artifact_type: storable(manifest.artifact_type).map(str::to_owned),
            subject: manifest.subject,
            size_bytes: manifest.payload.len() as u64,
            pushed_at: now,
            deleted_at: None,
        })
    }

    async fn push_again(
        &mut self,
        known: &ManifestRecord,
        manifest: &NewManifest<'_>,
        now: Timestamp,
    ) -> Result<ManifestId, MetadataError> {
        let id = known.id;
        if known.media_type != *manifest.media_type || known.subject != manifest.subject {
            self.changes(Key::Manifest(manifest.repository, manifest.digest));
            for tag in self.tags_of(id).await? {
                self.changes(Key::Tag(manifest.repository, tag));
            }
        }
        let sql = "UPDATE manifests SET media_type = $1, artifact_type = $2, subject = $3, pushed_at = $4, \
                   deleted_at = NULL WHERE id = $5";
        let subject = manifest.subject.as_ref();
        let params =
            params![manifest.media_type.as_str(), storable(manifest.artifact_type), subject, now, id];
        self.execute(sql, params).await?;
        Ok(id)
    }

    async fn insert_manifest(
        &mut self,
        manifest: &NewManifest<'_>,
        now: Timestamp,
    ) -> Result<ManifestId, MetadataError> {
        let sql = "INSERT INTO manifests \
                   (repository_id, digest, media_type, artifact_type, subject, size_bytes, pushed_at) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7) \
                   RETURNING id, (SELECT counted FROM repositories WHERE id = $1)";
        let params = params![
            manifest.repository,
            &manifest.digest,
            manifest.media_type.as_str(),
            storable(manifest.artifact_type),
            manifest.subject.as_ref(),
            manifest.payload.len() as u64,
            now,
        ];
        let row = self.query_opt(sql, params).await?;
        let mut row = row.ok_or_else(|| MetadataError::vanished("the new manifest vanished"))?;
        let (id, counted) = (ManifestId(row.int()?), row.int()? == 1);
        let annotations = serde_json::to_string(manifest.annotations)
            .map_err(|error| MetadataError::Corrupt(format!("annotations of a manifest: {error}")))?;
        let sql = "INSERT INTO manifest_payloads (manifest_id, annotations, payload) VALUES ($1, $2, $3)";
        self.execute(sql, params![id, annotations, manifest.payload]).await?;
        if counted {
            let size_bytes = manifest.payload.len() as u64;
            self.hold_manifest(manifest.repository, &manifest.digest, size_bytes).await?;
        }
        Ok(id)
    }

    async fn insert_references(
        &mut self,
        id: ManifestId,
        manifest: &NewManifest<'_>,
    ) -> Result<(), MetadataError> {
        for batch in batches(manifest.references) {
            let rows: Vec<String> =
                (0..batch.len()).map(|n| format!("($1, $2, ${}, ${})", 3 + 2 * n, 4 + 2 * n)).collect();
            let sql = format!(
                "INSERT INTO manifest_references (manifest_id, repository_id, kind, digest) VALUES {} \
                 ON CONFLICT (manifest_id, kind, digest) DO NOTHING",
                rows.join(", ")
            );
            let mut params: Vec<Value<'_>> = vec![id.into(), manifest.repository.into()];
            params.extend(batch.iter().flat_map(|to| [to.kind.code().into(), Value::from(&to.digest)]));
            self.execute(&sql, &params).await?;
        }
        Ok(())
    }

    /// Hides a manifest; it can be restored until it is purged. Its tags must be gone.
    ///
    /// # Errors
    /// [`MetadataError::Conflict`] when it has a tag, or is gone itself.
    pub async fn mark_manifest_deleted(
        &mut self,
        id: ManifestId,
        now: Timestamp,
    ) -> Result<(), MetadataError> {
        let sql = "UPDATE manifests SET deleted_at = $1 WHERE id = $2 \
                   AND NOT EXISTS (SELECT 1 FROM tags WHERE manifest_id = $2) RETURNING repository_id, digest";
        let row = self.query_opt(sql, params![now, id]).await?;
        let row = row.ok_or_else(|| MetadataError::vanished("the manifest is tagged again, or vanished"));
        let (repository, _) = self.manifest_is_gone(&mut row?)?;
        self.touch_repository(repository, now).await?;
        self.unlist_repository_if_empty(repository).await
    }

    /// Shows a deleted manifest again.
    ///
    /// # Errors
    /// [`MetadataError::Conflict`] when it is gone for good.
    pub async fn restore_manifest(&mut self, id: ManifestId) -> Result<(), MetadataError> {
        let sql = "UPDATE manifests SET deleted_at = NULL WHERE id = $1 RETURNING repository_id";
        let row = self.query_opt(sql, params![id]).await?;
        let repository = row.ok_or_else(|| MetadataError::vanished("the manifest vanished"))?.int()?;
        // Later than the last change, which is all that it must be.
        self.list_repository(RepositoryId(repository), Timestamp::from_unix_millis(0)).await
    }

    /// Forgets a manifest for good, with its references and reviews. Its tags must be gone.
    ///
    /// # Errors
    /// [`MetadataError::Conflict`] when it has a tag.
    pub async fn purge_manifest(&mut self, id: ManifestId) -> Result<(), MetadataError> {
        for sql in [
            "DELETE FROM manifest_reviews WHERE manifest_id = $1",
            "DELETE FROM manifest_references WHERE manifest_id = $1",
            "DELETE FROM manifest_marks WHERE manifest_id = $1",
            "DELETE FROM manifest_payloads WHERE manifest_id = $1",
        ] {
            self.execute(sql, params![id]).await?;
        }
        let sql = "DELETE FROM manifests WHERE id = $1 RETURNING repository_id, digest, \
                   (SELECT counted FROM repositories WHERE repositories.id = manifests.repository_id)";
        let Some(mut row) = self.query_opt(sql, params![id]).await? else { return Ok(()) };
        let (repository, digest) = self.manifest_is_gone(&mut row)?;
        if row.int()? == 1 {
            self.release(repository, &digest).await?;
        }
        self.unlist_repository_if_empty(repository).await
    }

    /// Notes that a manifest without tags is no longer served. Takes its repository and digest from the row.
    fn manifest_is_gone(&mut self, row: &mut Row) -> Result<(RepositoryId, Digest), MetadataError> {
        let (repository, digest) = (RepositoryId(row.int()?), row.digest()?);
        self.changes(Key::Manifest(repository, digest));
        Ok((repository, digest))
    }
}

/// An artifact type as both databases can hold it.
fn storable(artifact_type: Option<&str>) -> Option<&str> {
    artifact_type.filter(|text| !text.contains('\0'))
}
