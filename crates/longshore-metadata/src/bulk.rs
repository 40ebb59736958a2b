//! Fills a repository with many manifests at once, to measure how the registry does as it grows.
//!
//! What is written is what pushes of the same content would have written, row for row, and in any order of pushes the
//! same rows: only the statements are larger. The manifests go in by digest, so that no index is written at random
//! places; a filled index is therefore packed a little tighter than one that grew.

use std::{collections::HashMap, time::Duration};

use longshore_types::{Digest, MediaType, RepositoryName, Tag, Timestamp};

use crate::{
    ManifestId, MarkKey, Metadata, MetadataError, ReferenceKind, RepositoryId, ReviewEvent, TagEventAction,
    WriteTx,
    images::{marks, position},
    sql::{Value, params},
};

/// Manifests in one statement.
const ROWS: usize = 200;
/// Manifests in one transaction. In a longer one SQLite spends most of its time on the journal of each statement: it
/// walks what all statements before have left there.
const ROWS_IN_TRANSACTION: usize = 10 * ROWS;

const CONFIG_TYPE: &str = "application/vnd.oci.image.config.v1+json";
const LAYER_TYPE: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const VERSION: &str = "org.opencontainers.image.version";

/// What to fill a repository with: images of a configuration and a layer, each with a tag, over a stock of blobs that
/// they share. The same values always make the same content.
///
/// ```
/// # use longshore_metadata::{BulkFill, Metadata, MetadataSettings};
/// # use longshore_types::{Reference, Timestamp};
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
/// # runtime.block_on(async {
/// # let settings = MetadataSettings { url: "sqlite::memory:".into(), connections_max: 2, durable: false };
/// let metadata = Metadata::open(&settings).await.unwrap();
/// let now = Timestamp::from_unix_millis(0);
/// let fill =
///     BulkFill { repository: "big".parse().unwrap(), manifests: 1000, blobs: 10, now, review_after: now };
/// metadata.fill(&fill, &|_| ()).await.unwrap();
/// let mut tx = metadata.read().await.unwrap();
/// assert!(tx.manifest(&fill.repository, &Reference::Tag(BulkFill::tag(999))).await.unwrap().is_some());
/// # });
/// ```
#[derive(Clone, Debug)]
pub struct BulkFill {
    /// The repository; made if it is missing.
    pub repository: RepositoryName,
    /// How many manifests and tags.
    pub manifests: u32,
    /// How many blobs they share, at least 2. The caller puts [`BulkFill::blob`] of each number below into the store, or
    /// leaves them out where nobody pulls them.
    pub blobs: u32,
    /// When all of it was pushed.
    pub now: Timestamp,
    /// When the links of the blobs are reviewed, as after a push.
    pub review_after: Timestamp,
}

/// A manifest that is filled in.
struct Filled {
    tag: Tag,
    digest: Digest,
    payload: String,
    annotations: String,
    marks: Vec<(MarkKey, String)>,
    references: [(ReferenceKind, Digest); 2],
}

impl BulkFill {
    /// The content of a blob.
    pub fn blob(number: u32) -> Vec<u8> {
        format!("blob {number} of a filled registry").into_bytes()
    }

    /// The tag of a number below [`BulkFill::manifests`].
    pub fn tag(number: u32) -> Tag {
        format!("v{number:08}").parse().expect("letters and digits make a tag")
    }

    /// Tags and manifests, in the order of their rows.
    pub fn content(&self) -> impl Iterator<Item = (Tag, String)> {
        let stock = self.stock();
        let order = self.order(&stock);
        (0..).zip(order).map(move |(number, seed)| (Self::tag(number), payload(seed, &stock)))
    }

    fn stock(&self) -> Vec<(Digest, usize)> {
        let blobs = (0..self.blobs.max(2)).map(Self::blob);
        blobs.map(|blob| (Digest::sha256(&blob), blob.len())).collect()
    }

    /// The seeds of all manifests, by the digests that these will have.
    fn order(&self, stock: &[(Digest, usize)]) -> Vec<u32> {
        let mut keys: Vec<(u64, u32)> = (0..self.manifests)
            .map(|seed| {
                let digest = Digest::sha256(payload(seed, stock).as_bytes());
                let first = digest.hash().first_chunk().copied().unwrap_or_default();
                (u64::from_be_bytes(first), seed)
            })
            .collect();
        keys.sort_unstable();
        keys.into_iter().map(|(_, seed)| seed).collect()
    }

    fn filled(&self, number: u32, seed: u32, stock: &[(Digest, usize)]) -> Filled {
        let payload = payload(seed, stock);
        let [config, layer] = chosen(seed, stock.len());
        Filled {
            tag: Self::tag(number),
            digest: Digest::sha256(payload.as_bytes()),
            payload,
            marks: marks(&serde_json::from_str(&annotations(seed)).unwrap_or_default()),
            annotations: annotations(seed),
            references: [(ReferenceKind::Config, stock[config].0), (ReferenceKind::Layer, stock[layer].0)],
        }
    }
}

/// Which two blobs of the stock, never the same.
fn chosen(seed: u32, stock: usize) -> [usize; 2] {
    let config = seed as usize % stock;
    let step = 1 + (seed as usize / stock) % (stock - 1);
    [config, (config + step) % stock]
}

fn annotations(seed: u32) -> String {
    format!(r#"{{"{VERSION}":"1.0.{seed}"}}"#)
}

fn payload(seed: u32, stock: &[(Digest, usize)]) -> String {
    let [(config, config_bytes), (layer, layer_bytes)] = chosen(seed, stock.len()).map(|index| stock[index]);
    format!(
        r#"{{"schemaVersion":2,"mediaType":"{}","config":{{"mediaType":"{CONFIG_TYPE}","digest":"{config}","size":{config_bytes}}},"layers":[{{"mediaType":"{LAYER_TYPE}","digest":"{layer}","size":{layer_bytes}}}],"annotations":{}}}"#,
        MediaType::OCI_MANIFEST,
        annotations(seed)
    )
}

impl Metadata {
    /// Fills a repository that has none of this yet; `progress` hears how many manifests are in. In many transactions:
    /// what an interruption leaves is a part of it, which nothing completes.
    ///
    /// # Errors
    /// Those of the database, also when some of it is there already.
    pub async fn fill(
        &self,
        fill: &BulkFill,
        progress: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<(), MetadataError> {
        let stock = fill.stock();
        let repository = self.fill_blobs(fill, &stock).await?;
        let order = fill.order(&stock);
        let mut number = 0;
        for seeds in order.chunks(ROWS_IN_TRANSACTION) {
            let mut tx = self.write().await?;
            tx.lock_repository(repository).await?;
            for seeds in seeds.chunks(ROWS) {
                let rows: Vec<Filled> =
                    (number..).zip(seeds).map(|(number, &seed)| fill.filled(number, seed, &stock)).collect();
                tx.insert_filled(repository, &rows, fill.now).await?;
                number += u32::try_from(rows.len()).unwrap_or(u32::MAX);
            }
            // Each of as many pushes at one moment makes it larger.
            let changes_before = Duration::from_millis(u64::from(number.saturating_sub(1)));
            tx.list_repository(repository, fill.now.after(changes_before)).await?;
            tx.commit().await?;
            progress(number.into());
        }
        self.count_filled(repository).await
    }

    /// What is filled in goes around the statements that count.
    async fn count_filled(&self, repository: RepositoryId) -> Result<(), MetadataError> {
        let mut tx = self.write().await?;
        if tx.uncount_repository(repository).await? {
            tx.count_repository(repository).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    async fn fill_blobs(
        &self,
        fill: &BulkFill,
        stock: &[(Digest, usize)],
    ) -> Result<RepositoryId, MetadataError> {
        let mut tx = self.write().await?;
        let repository = tx.ensure_repository(&fill.repository, fill.now).await?.id;
        tx.lock_repository(repository).await?;
        for (digest, size) in stock {
            let blob = tx.ensure_blob(digest, *size as u64, fill.now).await?.id;
            tx.link_blob(repository, blob, fill.now).await?;
            tx.queue_blob_review(repository, blob, ReviewEvent::BlobLinked, fill.review_after).await?;
        }
        tx.commit().await?;
        Ok(repository)
    }
}

impl WriteTx {
    async fn insert_filled(
        &mut self,
        repository: RepositoryId,
        filled: &[Filled],
        now: Timestamp,
    ) -> Result<(), MetadataError> {
        let ids = self.insert_filled_manifests(repository, filled, now).await?;
        let known = |manifest: &Filled| {
            let id = ids.get(&manifest.digest).copied();
            id.ok_or_else(|| MetadataError::vanished("a new manifest vanished"))
        };
        let ids = filled.iter().map(known).collect::<Result<Vec<ManifestId>, _>>()?;
        let each = || ids.iter().zip(filled);

        let into = "manifest_payloads (manifest_id, annotations, payload)";
        let rows = each().map(|(&id, filled)| {
            [id.into(), filled.annotations.as_str().into(), filled.payload.as_bytes().into()]
        });
        self.insert_rows(into, &[], rows, "").await?;

        let into = "manifest_marks (repository_id, manifest_id, key, value, position)";
        let marks =
            each().flat_map(|(&id, filled)| filled.marks.iter().map(move |(key, value)| (id, *key, value)));
        let rows = marks.map(|(id, key, value)| {
            [id.into(), key.code().into(), value.as_str().into(), position(id, key).into()]
        });
        self.insert_rows(into, params![repository], rows, "").await?;

        let into = "manifest_references (repository_id, manifest_id, kind, digest)";
        let rows = each().flat_map(|(&id, filled)| {
            filled.references.each_ref().map(|(kind, digest)| [id.into(), kind.code().into(), digest.into()])
        });
        self.insert_rows(into, params![repository], rows, "").await?;

        let into = "tags (repository_id, updated_at, name, manifest_id)";
        let rows = each().map(|(&id, filled)| [filled.tag.as_str().into(), id.into()]);
        self.insert_rows(into, params![repository, now], rows, "").await?;

        let into = "tag_events (repository_id, action, at, tag, to_digest)";
        let rows = filled.iter().map(|filled| [filled.tag.as_str().into(), (&filled.digest).into()]);
        self.insert_rows(into, params![repository, TagEventAction::Push.code(), now], rows, "")
            .await
            .map(drop)
    }

    async fn insert_filled_manifests(
        &mut self,
        repository: RepositoryId,
        filled: &[Filled],
        now: Timestamp,
    ) -> Result<HashMap<Digest, ManifestId>, MetadataError> {
        let into = "manifests (repository_id, media_type, artifact_type, pushed_at, digest, size_bytes)";
        let common = params![repository, MediaType::OCI_MANIFEST.as_str(), CONFIG_TYPE, now];
        let rows = filled.iter().map(|f| [(&f.digest).into(), (f.payload.len() as u64).into()]);
        let rows = self.insert_rows(into, common, rows, "RETURNING id, digest").await?;
        rows.into_iter()
            .map(|mut row| {
                let id = ManifestId(row.int()?);
                Ok((row.digest()?, id))
            })
            .collect()
    }

    /// `INSERT INTO into VALUES …`, each row beginning with `common`.
    async fn insert_rows<'v, const N: usize>(
        &mut self,
        into: &str,
        common: &[Value<'v>],
        rows: impl Iterator<Item = [Value<'v>; N]>,
        returning: &str,
    ) -> Result<Vec<crate::sql::Row>, MetadataError> {
        use std::fmt::Write as _;

        let mut params = common.to_vec();
        let mut sql = format!("INSERT INTO {into} VALUES");
        for row in rows {
            let from = params.len() + 1;
            sql.push_str(if from == common.len() + 1 { " (" } else { ", (" });
            for (nth, number) in (1..=common.len()).chain(from..from + N).enumerate() {
                let comma = if nth == 0 { "" } else { ", " };
                write!(sql, "{comma}${number}").expect("a string takes everything");
            }
            sql.push(')');
            params.extend(row);
        }
        if returning.is_empty() {
            return self.execute(&sql, &params).await.map(|_| Vec::new());
        }
        self.query(&format!("{sql} {returning}"), &params).await
    }
}
