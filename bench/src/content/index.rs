//! Longshore's index and store, filled directly while the server is stopped: millions of pushes would take hours.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    time::{Instant, SystemTime},
};

use anyhow::{Context as _, Result};
use longshore_metadata::{BulkFill, Metadata, MetadataSettings, ReviewEvent};
use longshore_types::{Digest, RepositoryName, Timestamp};

use super::{Random, repository_name};
use crate::{load::block_on, server::Server};

/// How many blobs the manifests of a filled repository share.
const SHARED_BLOBS: u32 = 2000;
/// How long links are left alone after a push.
const DELAY: std::time::Duration = std::time::Duration::from_secs(86_400);

/// What a stopped server has: its index, opened without waiting for the disk, and its store.
pub(crate) struct Index {
    metadata: Metadata,
    blobs: PathBuf,
}

/// Opens the index of a server.
///
/// # Errors
/// When it cannot be opened.
pub(crate) async fn open(server: &Server) -> Result<Index> {
    let data = server.folder().join("data");
    let config = fs::read_to_string(server.folder().join("config.yml"))?;
    let url = config.lines().find_map(|line| line.strip_prefix("  url: ").map(str::to_owned));
    let url = url.unwrap_or_else(|| format!("sqlite://{}", data.join("longshore/index.sqlite3").display()));
    let settings = MetadataSettings { url, connections_max: 4, durable: false };
    let metadata = Metadata::open(&settings).await.context("could not open the index")?;
    Ok(Index { metadata, blobs: data.join("docker/registry/v2/blobs") })
}

/// Lets a stopped server use a folder that outlives it for all that it keeps.
///
/// # Errors
/// When the folder cannot be made.
pub(crate) fn use_kept(server: &Server, kept: &Path) -> Result<()> {
    let (data, kept) = (server.folder().join("data"), std::path::absolute(kept)?);
    fs::create_dir_all(&kept).with_context(|| format!("could not make {}", kept.display()))?;
    fs::remove_dir_all(&data)?;
    symlink(&kept, &data).with_context(|| format!("could not link {}", data.display()))
}

/// The name of a repository of a stopped server that has so many manifests, each under a tag. Filled now, unless a
/// finished run has left one in this index.
///
/// # Errors
/// When the index or the store cannot be written.
pub(crate) fn filled(server: &Server, manifests: u32) -> Result<String> {
    let now = now();
    block_on(async {
        let index = open(server).await?;
        let blobs = SHARED_BLOBS.min(manifests.max(2));
        for number in 0..blobs {
            index.store(&BulkFill::blob(number))?;
        }
        let fill = async |repository: &str| -> Result<()> {
            let told = |done: u64| {
                if done.is_multiple_of(1_000_000) {
                    crate::cli::note(&format!("{repository}: {done} manifests"));
                }
            };
            Ok(index.metadata.fill(&of(repository, manifests, blobs, now)?, &told).await?)
        };
        let repository = index.once(&format!("bench.filled.{manifests}"), fill).await?;
        index.metadata.close().await;
        Ok(repository)
    })
}

/// What the names of so many repositories of a stopped server begin with, each of one manifest: `-` and five digits
/// follow. Filled as by [`filled`].
///
/// # Errors
/// When the index or the store cannot be written.
pub(crate) fn filled_beside(server: &Server, repositories: u64) -> Result<String> {
    let now = now();
    block_on(async {
        let index = open(server).await?;
        for number in 0..2 {
            index.store(&BulkFill::blob(number))?;
        }
        let fill = async |prefix: &str| -> Result<()> {
            for number in 0..repositories {
                let fill = of(&format!("{prefix}-{number:05}"), 1, 2, now)?;
                index.metadata.fill(&fill, &|_| ()).await?;
            }
            Ok(())
        };
        let prefix = index.once(&format!("bench.beside.{repositories}"), fill).await?;
        index.metadata.close().await;
        Ok(prefix)
    })
}

fn of(repository: &str, manifests: u32, blobs: u32, now: Timestamp) -> Result<BulkFill> {
    Ok(BulkFill { repository: repository.parse()?, manifests, blobs, now, review_after: now.after(DELAY) })
}

/// Garbage: blobs that a repository links, no manifest names, and whose review is due. The server is stopped.
///
/// # Errors
/// When the index or the store cannot be written.
pub(crate) fn fill_garbage(server: &Server, repository: &str, blobs: u64, size: usize) -> Result<()> {
    let repository: RepositoryName = repository.parse()?;
    let mut random = Random::new()?;
    let mut content = random.bytes(size.max(8));
    let long_ago = Timestamp::from_unix_millis(1);
    block_on(async {
        let index = open(server).await?;
        let mut tx = index.metadata.write().await?;
        let id = tx.ensure_repository(&repository, long_ago).await?.id;
        tx.lock_repository(id).await?;
        for number in 0..blobs {
            content[..8].copy_from_slice(&number.to_be_bytes());
            let digest = index.store(&content)?;
            let blob = tx.ensure_blob(&digest, content.len() as u64, long_ago).await?.id;
            tx.link_blob(id, blob, long_ago).await?;
            tx.queue_blob_review(id, blob, ReviewEvent::BlobLinked, long_ago).await?;
        }
        tx.commit().await?;
        index.metadata.close().await;
        Ok(())
    })?;
    rustix::fs::sync();
    Ok(())
}

impl Index {
    /// How many links wait for a review, due or not. Cheap enough to be asked again and again beside a load.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub(crate) async fn reviews(&self) -> Result<u64> {
        Ok(self.metadata.read().await?.reviews_count().await?.0)
    }

    /// The name that `key` stands for in this index. If it stands for none, `fill` is given a new one to fill; only
    /// when that is done the key stands for it, so what an interrupted run has left is never used.
    async fn once(&self, key: &str, fill: impl AsyncFnOnce(&str) -> Result<()>) -> Result<String> {
        if let Some(name) = self.metadata.read().await?.setting(key).await? {
            return Ok(name);
        }
        let (name, begun) = (repository_name("growth")?, Instant::now());
        fill(&name).await?;
        let mut tx = self.metadata.write().await?;
        tx.set_setting(key, &name).await?;
        tx.commit().await?;
        crate::cli::note(&format!("{key}: filled in {:.1} s", begun.elapsed().as_secs_f64()));
        Ok(name)
    }

    fn store(&self, content: &[u8]) -> Result<Digest> {
        let digest = Digest::sha256(content);
        let hex = digest.hex();
        let folder = self.blobs.join(digest.algorithm().as_str()).join(&hex[..2]).join(&hex);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("data"), content)?;
        Ok(digest)
    }
}

fn now() -> Timestamp {
    SystemTime::now().into()
}
