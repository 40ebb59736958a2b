//! The files of a whole image: its layers, one over the other.

mod build;
mod links;
mod waste;

use std::sync::Arc;

use serde::Serialize;

use crate::{
    Entry, EntryKind, LayerFiles,
    layer::path::{normal_path, split},
};

pub use links::{FileContent, LookUpError};
pub use waste::{Waste, WastedPath};

/// How much may be put together. An image beyond was made to fill memory or time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MergeBounds {
    /// Most layers.
    pub layers_max: usize,
    /// Most entries of all layers.
    pub entries_max: usize,
    /// All paths, those of folders that only follow from others included, in bytes.
    pub text_bytes_max: usize,
    /// Most files that are looked at because something hides them, counted again each time.
    pub hidden_max: usize,
}

impl Default for MergeBounds {
    /// Beyond all images that people build.
    fn default() -> Self {
        Self { layers_max: 1000, entries_max: 2_000_000, text_bytes_max: 512 << 20, hidden_max: 50_000_000 }
    }
}

/// The layers are too much to be put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the layers are too much to be put together: more than {bound} {what}")]
pub struct MergeError {
    /// What there is too much of.
    pub what: &'static str,
    /// How much may be.
    pub bound: usize,
}

/// What a layer does to a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Brings what was not there.
    Added,
    /// Brings something else for what was there.
    Changed,
    /// Takes it away.
    Removed,
}

impl Change {
    /// In one word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Changed => "changed",
            Self::Removed => "removed",
        }
    }
}

/// What one layer does to a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Touch {
    /// Which layer, counted from the lowest, which is 0.
    pub layer: usize,
    /// What it does.
    pub change: Change,
    /// Where it has the entry, if it has one.
    pub(super) entry: Option<usize>,
}

/// Numbers of one layer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LayerChanges {
    /// Files, links and folders that were not there before.
    pub added: usize,
    /// Those that were there, and are something else now.
    pub changed: usize,
    /// Those that are gone.
    pub removed: usize,
    /// Bytes of its files.
    pub size_bytes: u64,
}

#[derive(Debug)]
struct Node {
    path: Box<str>,
    /// Layer and place of the entry that is shown; none of a folder that no layer lists, but that others lie in.
    shown: Option<(usize, usize)>,
    is_there: bool,
    touches: Vec<Touch>,
    /// Of a file its own, of a folder those of all files in it.
    size_bytes: u64,
}

/// The files of an image, with what each layer did to them. What was removed is there too, and says so.
#[derive(Debug)]
pub struct MergedFiles {
    layers: Vec<Arc<LayerFiles>>,
    /// In the order of folders, and in each of names.
    nodes: Vec<Node>,
}

impl MergedFiles {
    /// Lays layers over each other, the lowest first.
    ///
    /// # Errors
    /// If they are too much.
    pub fn new(layers: Vec<Arc<LayerFiles>>, bounds: &MergeBounds) -> Result<Self, MergeError> {
        build::build(layers, bounds)
    }

    /// The layers, the lowest first.
    pub fn layers(&self) -> &[Arc<LayerFiles>] {
        &self.layers
    }

    /// How much memory it takes, about, its layers included.
    pub fn memory_bytes(&self) -> usize {
        let layers = self.layers.iter().map(|layer| layer.memory_bytes()).sum::<usize>();
        let nodes = self.nodes.iter();
        layers
            + nodes
                .map(|node| size_of::<Node>() + node.path.len() + size_of_val(&*node.touches))
                .sum::<usize>()
    }

    /// Everything, folder by folder.
    pub fn iter(&self) -> impl Iterator<Item = MergedFile<'_>> {
        self.nodes.iter().map(|node| MergedFile { files: self, node })
    }

    /// What is, or was, at a path. Links are not followed.
    pub fn get(&self, path: &str) -> Option<MergedFile<'_>> {
        self.at(&normal_path(path))
    }

    /// As [`MergedFiles::get`], of a path in normal form.
    fn at(&self, path: &str) -> Option<MergedFile<'_>> {
        let at = self.nodes.binary_search_by(|node| split(&node.path).cmp(&split(path))).ok()?;
        Some(MergedFile { files: self, node: &self.nodes[at] })
    }

    /// What is, or was, in a folder, by name; none where there is, and was, no folder.
    pub fn folder(&self, path: &str) -> Option<impl Iterator<Item = MergedFile<'_>>> {
        let path = normal_path(path);
        let folder = self.at(&path)?;
        let was_one = folder.kind() == EntryKind::Folder || !self.children(&path).is_empty();
        was_one.then(|| self.children(&path).iter().map(|node| MergedFile { files: self, node }))
    }

    fn children(&self, folder: &str) -> &[Node] {
        let from = self.nodes.partition_point(|node| split(&node.path).0 < folder);
        let count = self.nodes[from..].partition_point(|node| split(&node.path).0 <= folder);
        let children = &self.nodes[from..from + count];
        // The root stands among its own children.
        if folder.is_empty() { children.get(1..).unwrap_or_default() } else { children }
    }

    /// What has `text` in its name, or in its path where `text` has a slash, whatever the case of letters; at most `limit`.
    pub fn search(&self, text: &str, limit: usize) -> Vec<MergedFile<'_>> {
        let text = text.to_lowercase();
        let in_path = text.contains('/');
        self.iter()
            .filter(|file| match in_path {
                true => format!("/{}", file.path()).to_lowercase().contains(&text),
                false => !file.path().is_empty() && file.name().to_lowercase().contains(&text),
            })
            .take(limit)
            .collect()
    }

    /// What each layer did, in numbers.
    pub fn changes(&self) -> Vec<LayerChanges> {
        let mut changes: Vec<LayerChanges> = self
            .layers
            .iter()
            .map(|layer| LayerChanges { size_bytes: layer.size_bytes(), ..LayerChanges::default() })
            .collect();
        for touch in self.nodes.iter().flat_map(|node| &node.touches) {
            let layer = &mut changes[touch.layer];
            match touch.change {
                Change::Added => layer.added += 1,
                Change::Changed => layer.changed += 1,
                Change::Removed => layer.removed += 1,
            }
        }
        changes
    }
}

/// A path of an image.
#[derive(Clone, Copy, Debug)]
pub struct MergedFile<'a> {
    files: &'a MergedFiles,
    node: &'a Node,
}

impl<'a> MergedFile<'a> {
    /// From the root, without a slash before it; empty for the root.
    pub fn path(&self) -> &'a str {
        &self.node.path
    }

    /// The last part of it.
    pub fn name(&self) -> &'a str {
        split(&self.node.path).1
    }

    /// What it is, or was. A folder that no layer lists is one all the same.
    pub fn kind(&self) -> EntryKind {
        self.entry().map_or(EntryKind::Folder, |entry| entry.kind)
    }

    /// What the topmost layer that has it says, also if it was removed later; none of a folder that no layer lists.
    pub fn entry(&self) -> Option<&'a Entry> {
        self.node.shown.map(|(layer, at)| &self.files.layers[layer].entries()[at])
    }

    /// The layer that gave [`MergedFile::entry`].
    pub fn layer(&self) -> Option<usize> {
        self.node.shown.map(|(layer, _)| layer)
    }

    /// Whether it is there when all layers lie over each other.
    pub fn is_there(&self) -> bool {
        self.node.is_there
    }

    /// What layers did to it, the lowest first. A folder that layers list again as it was, is not touched by them.
    pub fn touches(&self) -> &'a [Touch] {
        &self.node.touches
    }

    /// What one layer did to it.
    pub fn touch_of(&self, layer: usize) -> Option<Touch> {
        self.node.touches.iter().copied().find(|touch| touch.layer == layer)
    }

    /// What one layer brought for it.
    pub fn entry_of(&self, layer: usize) -> Option<&'a Entry> {
        self.files.layers.get(layer)?.get(&self.node.path)
    }

    /// Whether a layer has anything to do with it, or with what lies in it.
    pub fn concerns(&self, layer: usize) -> bool {
        self.touch_of(layer).is_some()
            || self.files.layers.get(layer).is_some_and(|files| files.touches(&self.node.path))
    }

    /// Bytes of a file; of a folder, those of all files in it that are there.
    pub fn size_bytes(&self) -> u64 {
        self.node.size_bytes
    }
}
