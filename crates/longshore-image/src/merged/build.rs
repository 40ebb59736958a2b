//! Laying layers over each other: image specification v1.1, "Applying Changesets".

use std::{
    collections::BTreeMap,
    ops::Bound::{Excluded, Included},
    sync::Arc,
};

use super::{Change, MergeBounds, MergeError, MergedFiles, Node, Touch};
use crate::{Entry, EntryKind, LayerFiles, layer::path::split};

/// A path while layers are laid over it.
#[derive(Default)]
struct State {
    shown: Option<(usize, usize)>,
    is_there: bool,
    is_folder: bool,
    touches: Vec<Touch>,
}

struct Builder<'a> {
    layers: &'a [Arc<LayerFiles>],
    states: BTreeMap<Box<str>, State>,
    bounds: &'a MergeBounds,
    text_bytes: usize,
    hidden: usize,
}

pub(super) fn build(layers: Vec<Arc<LayerFiles>>, bounds: &MergeBounds) -> Result<MergedFiles, MergeError> {
    let too_much = |what, bound| Err(MergeError { what, bound });
    if layers.len() > bounds.layers_max {
        return too_much("layers", bounds.layers_max);
    }
    if layers.iter().map(|layer| layer.entries().len()).sum::<usize>() > bounds.entries_max {
        return too_much("files", bounds.entries_max);
    }
    let mut builder = Builder { layers: &layers, states: BTreeMap::new(), bounds, text_bytes: 0, hidden: 0 };
    // The root is always there.
    let root = State { is_there: true, is_folder: true, ..State::default() };
    builder.states.insert("".into(), root);
    for layer in 0..layers.len() {
        builder.lay(layer)?;
    }
    let nodes = nodes(builder.states, &layers);
    Ok(MergedFiles { layers, nodes })
}

impl Builder<'_> {
    fn lay(&mut self, layer: usize) -> Result<(), MergeError> {
        let files = Arc::clone(&self.layers[layer]);
        // Markers mean lower layers alone, wherever they stand in their own.
        for entry in files.entries().iter().filter(|entry| entry.kind.is_marker()) {
            if entry.kind == EntryKind::Whiteout {
                self.remove(&entry.path, layer);
            }
            self.remove_below(&entry.path, layer)?;
        }
        for (at, entry) in files.entries().iter().enumerate().filter(|(_, entry)| !entry.kind.is_marker()) {
            self.put_folders(split(&entry.path).0, layer)?;
            self.put(&entry.path, layer, Some((at, entry)))?;
        }
        Ok(())
    }

    /// Every folder on the way must be one. What is there lies in folders that are there, so that the first of them that
    /// is found is enough.
    fn put_folders(&mut self, path: &str, layer: usize) -> Result<(), MergeError> {
        let mut missing = Vec::new();
        let mut folder = path;
        while !self.states.get(folder).is_some_and(|state| state.is_there && state.is_folder) {
            missing.push(folder);
            folder = split(folder).0;
        }
        for folder in missing.into_iter().rev() {
            self.put(folder, layer, None)?;
        }
        Ok(())
    }

    /// Puts an entry, or a folder that follows from others, in its place.
    fn put(&mut self, path: &str, layer: usize, entry: Option<(usize, &Entry)>) -> Result<(), MergeError> {
        let is_folder = entry.is_none_or(|(_, entry)| entry.kind == EntryKind::Folder);
        if !self.states.contains_key(path) {
            self.text_bytes += path.len();
            if self.text_bytes > self.bounds.text_bytes_max {
                return Err(MergeError { what: "bytes of paths", bound: self.bounds.text_bytes_max });
            }
            self.states.insert(path.into(), State::default());
        }
        let Some(state) = self.states.get_mut(path) else { return Ok(()) };
        if path.is_empty() && !is_folder {
            // Whatever a layer says: the root is a folder.
            return Ok(());
        }
        let before = state.shown.map(|(layer, at)| &self.layers[layer].entries()[at]);
        let same_folder = state.is_there
            && state.is_folder
            && is_folder
            && match (before, entry) {
                (Some(before), Some((_, entry))) => before.is_like(entry),
                // It was not listed, or is not: there is nothing to compare.
                (None, _) | (_, None) => true,
            };
        let hides = state.is_there && state.is_folder && !is_folder;
        let change = match state.touches.last() {
            // It hid what lower layers have, and has its own.
            Some(last) if last.layer == layer && last.change == Change::Removed => {
                state.touches.pop();
                Change::Changed
            }
            _ if state.is_there => Change::Changed,
            _ => Change::Added,
        };
        if !same_folder {
            state.touches.push(Touch { layer, change, entry: entry.map(|(at, _)| at) });
        }
        if !same_folder || before.is_none() {
            state.shown = entry.map(|(at, _)| (layer, at));
        }
        (state.is_there, state.is_folder) = (true, is_folder);
        if hides {
            self.remove_below(path, layer)?;
        }
        Ok(())
    }

    fn remove(&mut self, path: &str, layer: usize) {
        if let Some(state) = self.states.get_mut(path).filter(|state| state.is_there && !path.is_empty()) {
            state.is_there = false;
            state.touches.push(Touch { layer, change: Change::Removed, entry: None });
        }
    }

    fn remove_below(&mut self, path: &str, layer: usize) -> Result<(), MergeError> {
        let (from, to) = match path {
            "" => (String::new(), None),
            path => (format!("{path}/"), Some(format!("{path}0"))),
        };
        // '0' comes after '/': in between is what begins with the folder's path.
        let bounds = (Included(&*from), to.as_deref().map_or(std::ops::Bound::Unbounded, Excluded));
        for (path, state) in self.states.range_mut::<str, _>(bounds) {
            self.hidden += 1;
            if state.is_there && !path.is_empty() {
                state.is_there = false;
                state.touches.push(Touch { layer, change: Change::Removed, entry: None });
            }
        }
        match self.hidden > self.bounds.hidden_max {
            true => Err(MergeError { what: "hidden files", bound: self.bounds.hidden_max }),
            false => Ok(()),
        }
    }
}

/// In the order of folders, with sizes added up.
fn nodes(states: BTreeMap<Box<str>, State>, layers: &[Arc<LayerFiles>]) -> Vec<Node> {
    let mut nodes: Vec<Node> = states
        .into_iter()
        .map(|(path, State { shown, is_there, touches, .. })| {
            let size_bytes = shown.map_or(0, |(layer, at)| layers[layer].entries()[at].size_bytes);
            Node { path, shown, is_there, touches, size_bytes }
        })
        .collect();
    nodes.sort_unstable_by(|a, b| split(&a.path).cmp(&split(&b.path)));
    // Deep folders first, so that each is complete when it is added to the one it lies in.
    let mut order: Vec<usize> =
        (0..nodes.len()).filter(|at| nodes[*at].is_there && !nodes[*at].path.is_empty()).collect();
    order.sort_by_key(|at| std::cmp::Reverse(nodes[*at].path.bytes().filter(|byte| *byte == b'/').count()));
    for at in order {
        let folder = split(split(&nodes[at].path).0);
        if let Ok(folder) = nodes.binary_search_by(|node| split(&node.path).cmp(&folder)) {
            nodes[folder].size_bytes = nodes[folder].size_bytes.saturating_add(nodes[at].size_bytes);
        }
    }
    nodes
}
