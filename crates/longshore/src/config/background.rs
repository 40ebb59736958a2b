//! `collection`, `undelete`, `limits`, and the sizes of pages.

use std::{ops::RangeInclusive, time::Duration};

use super::section::Section;

/// Background collection.
#[derive(Clone, Debug)]
pub(crate) struct CollectionConfig {
    pub(crate) enabled: bool,
    pub(crate) delay: Duration,
    pub(crate) untagged: Option<Duration>,
    pub(crate) interval: Duration,
    pub(crate) undelete_window: Duration,
}

/// Bounds.
#[derive(Clone, Debug)]
pub(crate) struct LimitsConfig {
    pub(crate) manifest_bytes_max: usize,
    pub(crate) blob_bytes_max: Option<u64>,
    pub(crate) uploads_max: u64,
    pub(crate) connections_max: usize,
    pub(crate) streams_max: u32,
    pub(crate) header_bytes_max: usize,
    pub(crate) handshake_timeout: Duration,
    pub(crate) header_timeout: Duration,
    pub(crate) body_timeout: Duration,
    pub(crate) idle_timeout: Duration,
    pub(crate) catalog_entries_max: usize,
    pub(crate) tags_max: usize,
    /// Whether image manifests may name blobs that are not here.
    pub(crate) sparse_images: bool,
}

impl CollectionConfig {
    pub(super) fn read(root: &Section<'_>) -> Self {
        let collection = root.section("collection");
        Self {
            enabled: collection.boolean("enabled"),
            delay: collection.duration("delay").unwrap_or_default(),
            untagged: collection.duration("untagged"),
            interval: collection.positive("interval"),
            undelete_window: root.duration("undelete.window").unwrap_or_default(),
        }
    }
}

impl LimitsConfig {
    pub(super) fn read(root: &Section<'_>) -> Self {
        let limits = root.section("limits");
        Self {
            // Manifests are held in memory while they are read; so are headers.
            manifest_bytes_max: bytes(&limits, "manifest_bytes_max", 1..=256 << 20),
            blob_bytes_max: limits.size("blob_bytes_max"),
            uploads_max: count(&limits, "uploads_max") as u64,
            connections_max: count(&limits, "connections_max"),
            streams_max: u32::try_from(count(&limits, "streams_max")).unwrap_or(u32::MAX),
            header_bytes_max: bytes(&limits, "header_bytes_max", 8192..=1 << 20),
            handshake_timeout: limits.positive("handshake_timeout"),
            header_timeout: limits.positive("header_timeout"),
            body_timeout: limits.positive("body_timeout"),
            idle_timeout: limits.positive("idle_timeout"),
            catalog_entries_max: count(root, "catalog.maxentries"),
            tags_max: count(root, "tags.maxtags"),
            sparse_images: root.boolean("validation.manifests.sparse"),
        }
    }
}

fn bytes(section: &Section<'_>, name: &str, allowed: RangeInclusive<u64>) -> usize {
    let bytes = section.size(name).unwrap_or(*allowed.start());
    if !allowed.contains(&bytes) {
        section.refuse(name, format!("must lie between {} and {} bytes", allowed.start(), allowed.end()));
    }
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

fn count(section: &Section<'_>, name: &str) -> usize {
    let count = section.integer(name);
    if !(1..=1_000_000).contains(&count) {
        section.refuse(name, "must lie between 1 and 1000000");
    }
    usize::try_from(count).unwrap_or(usize::MAX)
}
