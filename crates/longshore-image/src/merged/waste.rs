//! Bytes that a layer brings and a later one makes useless.

use std::collections::HashSet;

use super::MergedFiles;
use crate::EntryKind;

/// What of an image is never seen.
#[derive(Clone, Debug, PartialEq)]
pub struct Waste {
    /// Bytes of all files of all layers, unpacked.
    pub total_bytes: u64,
    /// Those of files that a later layer overwrites or removes.
    pub wasted_bytes: u64,
    /// Where they are, what wastes most first.
    pub paths: Vec<WastedPath>,
}

/// A path whose bytes are there in vain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WastedPath {
    /// From the root, without a slash before it.
    pub path: String,
    /// How many layers have bytes for it.
    pub copies: usize,
    /// The bytes of those that are not seen.
    pub wasted_bytes: u64,
    /// Whether it is not there in the end.
    pub removed: bool,
}

impl Waste {
    /// The share of bytes that is of use, from 0 to 1. Tools like dive show such a number; theirs counts the smallest copy
    /// of a path as of use, here it is the last.
    pub fn efficiency(&self) -> f64 {
        match self.total_bytes {
            0 => 1.0,
            total => 1.0 - self.wasted_bytes as f64 / total as f64,
        }
    }
}

impl MergedFiles {
    /// What is there in vain. Bytes that another name still stands for, as a hard link in the same layer, are not.
    pub fn waste(&self) -> Waste {
        let linked: HashSet<(usize, &str)> = self
            .iter()
            .filter(|file| file.is_there() && file.kind() == EntryKind::HardLink)
            .filter_map(|file| Some((file.layer()?, file.entry()?.target.as_deref()?)))
            .collect();
        let (mut total_bytes, mut all_wasted, mut paths) = (0u64, 0u64, Vec::new());
        for file in self.iter() {
            let (mut copies, mut wasted_bytes) = (0, 0u64);
            for touch in file.touches() {
                let Some(entry) = touch.entry.map(|at| &self.layers[touch.layer].entries()[at]) else {
                    continue;
                };
                if entry.size_bytes == 0 {
                    continue;
                }
                copies += 1;
                total_bytes = total_bytes.saturating_add(entry.size_bytes);
                let is_seen = file.is_there() && file.layer() == Some(touch.layer);
                if !is_seen && !linked.contains(&(touch.layer, file.path())) {
                    wasted_bytes = wasted_bytes.saturating_add(entry.size_bytes);
                }
            }
            if wasted_bytes > 0 {
                all_wasted = all_wasted.saturating_add(wasted_bytes);
                let path = file.path().to_owned();
                paths.push(WastedPath { path, copies, wasted_bytes, removed: !file.is_there() });
            }
        }
        paths.sort_by(|a, b| b.wasted_bytes.cmp(&a.wasted_bytes).then_with(|| a.path.cmp(&b.path)));
        Waste { total_bytes, wasted_bytes: all_wasted, paths }
    }
}
