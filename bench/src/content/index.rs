//! Longshore's index and store, filled directly while the server is stopped: millions of pushes would take hours.

use std::{fs, path::PathBuf, time::SystemTime};

use anyhow::{Context as _, Result};
use longshore_metadata::{BulkFill, Metadata, MetadataSettings, ReviewEvent};
use longshore_types::{Digest, RepositoryName, Timestamp};

use super::Random;
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

/// Fills a repository with manifests, each under a tag, and as many repositories beside it with one each. The server
/// is stopped.
///
/// # Errors
/// When the index or the store cannot be written.
pub(crate) fn fill(server: &Server, repository: &str, manifests: u32, beside: u32) -> Result<()> {
    let now = now();
    let of = |repository: String, manifests, blobs| -> Result<BulkFill> {
        let repository: RepositoryName = repository.parse()?;
        Ok(BulkFill { repository, manifests, blobs, now, review_after: now.after(DELAY) })
    };
    let main = of(repository.to_owned(), manifests, SHARED_BLOBS.min(manifests.max(2)))?;
    block_on(async {
        let index = open(server).await?;
        for number in 0..main.blobs {
            index.store(&BulkFill::blob(number))?;
        }
        for number in 0..beside {
            index.metadata.fill(&of(format!("{repository}-{number:05}"), 1, 2)?, &|_| ()).await?;
        }
        let told = |done: u64| {
            if done.is_multiple_of(1_000_000) {
                crate::cli::note(&format!("{repository}: {done} manifests"));
            }
        };
        index.metadata.fill(&main, &told).await?;
        index.metadata.close().await;
        Ok(())
    })
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
