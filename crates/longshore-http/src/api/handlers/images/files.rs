//! The files of an image.

use longshore_registry::{Entry, MergedFile, MergedFiles, OpenedImage, Touch, Window};
use longshore_types::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::api::{moment::Moment, problem::ApiProblem};

/// Most of what a search finds.
const FOUND_MAX: usize = 10_000;
/// Most paths that are named as wasting bytes.
const WASTED_MAX: usize = 200;

/// A file, folder or link of an image.
#[derive(Serialize, JsonSchema)]
pub(crate) struct FileReply {
    path: String,
    name: String,
    /// `file`, `folder`, `symlink`, `hard_link`, `char_device`, `block_device`, `fifo`.
    kind: &'static str,
    /// `-rwxr-xr-x`; none of a folder that no layer lists.
    mode: Option<String>,
    uid: Option<u64>,
    gid: Option<u64>,
    /// Of a folder, that of all files in it.
    size: u64,
    modified: Option<Moment>,
    /// Where a link leads.
    target: Option<String>,
    /// Whether it is there when all layers lie over each other.
    present: bool,
    /// The layer that gives it, or gave it last, counted from 1, the lowest.
    layer: Option<usize>,
    /// What layers did to it, the lowest first.
    changes: Vec<ChangeReply>,
}

/// What a layer does to a path.
#[derive(Serialize, JsonSchema)]
struct ChangeReply {
    layer: usize,
    /// `added`, `changed`, `removed`.
    change: &'static str,
}

/// What of an image is never seen.
#[derive(Serialize, JsonSchema)]
pub(crate) struct WasteReply {
    /// Bytes of all files of all layers, unpacked.
    total_size: u64,
    /// Those of files that a later layer overwrites or removes.
    wasted_size: u64,
    /// The share of bytes that is of use, from 0 to 1.
    efficiency: f64,
    /// Where they are, what wastes most first; no more than 200.
    paths: Vec<WastedReply>,
    /// What each layer does, the lowest first.
    layers: Vec<LayerReply>,
}

/// A path whose bytes are there in vain.
#[derive(Serialize, JsonSchema)]
struct WastedReply {
    path: String,
    /// How many layers have bytes for it.
    copies: usize,
    wasted_size: u64,
    /// Whether it is not there in the end.
    removed: bool,
}

/// What a layer does, in numbers of files, links and folders.
#[derive(Serialize, JsonSchema)]
struct LayerReply {
    added: usize,
    changed: usize,
    removed: usize,
    /// Bytes of its files, unpacked.
    size: u64,
}

impl ChangeReply {
    fn of(touch: &Touch) -> Self {
        Self { layer: touch.layer + 1, change: touch.change.as_str() }
    }
}

impl FileReply {
    fn of(file: MergedFile<'_>) -> Self {
        Self::with(file, file.entry(), file.size_bytes(), file.layer())
    }

    /// As one layer has it.
    fn in_layer(file: MergedFile<'_>, layer: usize) -> Self {
        match file.entry_of(layer) {
            Some(entry) => Self::with(file, Some(entry), entry.size_bytes, Some(layer)),
            None => Self::of(file),
        }
    }

    fn with(file: MergedFile<'_>, entry: Option<&Entry>, size: u64, layer: Option<usize>) -> Self {
        Self {
            path: format!("/{}", file.path()),
            name: file.name().to_owned(),
            kind: entry.map_or(file.kind(), |entry| entry.kind).as_str(),
            mode: entry.map(Entry::mode_text),
            uid: entry.map(|entry| entry.uid),
            gid: entry.map(|entry| entry.gid),
            size,
            modified: entry
                .map(|entry| Moment(Timestamp::from_unix_millis(entry.modified.saturating_mul(1000)))),
            target: entry.and_then(|entry| entry.target.as_deref()).map(str::to_owned),
            present: file.is_there(),
            layer: layer.map(|layer| layer + 1),
            changes: file.touches().iter().map(ChangeReply::of).collect(),
        }
    }
}

/// A part of a folder, and how much is in it; in a layer, what that has to do with.
pub(super) fn folder(
    image: &OpenedImage,
    files: &MergedFiles,
    path: &str,
    number: Option<usize>,
    window: Window,
) -> Result<(Vec<FileReply>, u64), ApiProblem> {
    let layers = image.layers().len();
    // People count from 1.
    let layer = match number.map(|number| number.checked_sub(1).filter(|layer| *layer < layers)) {
        Some(None) => {
            return Err(ApiProblem::bad_request(format!("the image has {layers} layers, counted from 1")));
        }
        Some(layer) => layer,
        None => None,
    };
    let folder =
        files.folder(path).ok_or_else(|| ApiProblem::not_found(format!("there is no folder {path}")))?;
    let entries: Vec<_> = folder.filter(|file| layer.is_none_or(|layer| file.concerns(layer))).collect();
    let total = entries.len() as u64;
    let part = entries.into_iter().skip(window.skip).take(window.limit);
    let reply = |file| layer.map_or_else(|| FileReply::of(file), |layer| FileReply::in_layer(file, layer));
    Ok((part.map(reply).collect(), total))
}

/// A part of what has this in its name, and how much has.
pub(super) fn search(files: &MergedFiles, name: &str, window: Window) -> (Vec<FileReply>, u64) {
    let found = files.search(name, FOUND_MAX);
    let total = found.len() as u64;
    (found.into_iter().skip(window.skip).take(window.limit).map(FileReply::of).collect(), total)
}

impl WasteReply {
    pub(super) fn of(files: &MergedFiles) -> Self {
        let waste = files.waste();
        let wasted = |wasted: &longshore_registry::WastedPath| WastedReply {
            path: format!("/{}", wasted.path),
            copies: wasted.copies,
            wasted_size: wasted.wasted_bytes,
            removed: wasted.removed,
        };
        let layer = |changes: longshore_registry::LayerChanges| LayerReply {
            added: changes.added,
            changed: changes.changed,
            removed: changes.removed,
            size: changes.size_bytes,
        };
        Self {
            efficiency: waste.efficiency(),
            total_size: waste.total_bytes,
            wasted_size: waste.wasted_bytes,
            paths: waste.paths.iter().take(WASTED_MAX).map(wasted).collect(),
            layers: files.changes().into_iter().map(layer).collect(),
        }
    }
}
