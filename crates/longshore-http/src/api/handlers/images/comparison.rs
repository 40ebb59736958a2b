//! Two images side by side.

use longshore_registry::{ConfigChange, FileComparison, ImageComparison, MergedFile, PackageChange};
use longshore_types::Descriptor;
use schemars::JsonSchema;
use serde::Serialize;

/// Most files that are named for each way in which they differ.
const NAMED_MAX: usize = 1000;

/// What two images have apart, and in common: the first is the one of the path.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ComparisonReply {
    /// The manifest of the first.
    before: String,
    /// The manifest of the second.
    after: String,
    configuration: Vec<ConfigurationChange>,
    layers: LayersComparison,
    files: FilesComparison,
    /// None where it is not known of both what is installed: only dpkg's and apk's lists are read.
    packages: Option<Vec<PackageChangeReply>>,
}

/// A part of the configuration that differs.
#[derive(Serialize, JsonSchema)]
struct ConfigurationChange {
    /// `env`, `entrypoint`, `cmd`, `label`, `port`, `user` and so on.
    part: &'static str,
    /// Which variable, label, port or volume.
    key: Option<String>,
    before: Option<String>,
    after: Option<String>,
}

/// Layers by where they are.
#[derive(Serialize, JsonSchema)]
struct LayersComparison {
    shared: Vec<LayerOfComparison>,
    /// Only in the first.
    removed: Vec<LayerOfComparison>,
    /// Only in the second.
    added: Vec<LayerOfComparison>,
}

/// A layer, and its bytes as they are stored.
#[derive(Serialize, JsonSchema)]
struct LayerOfComparison {
    digest: String,
    size: u64,
}

/// Files that differ when all layers lie over each other. Of each list there are no more than 1000.
#[derive(Default, Serialize, JsonSchema)]
pub(super) struct FilesComparison {
    added: Vec<FileOfComparison>,
    added_total: usize,
    changed: Vec<FileOfComparison>,
    changed_total: usize,
    removed: Vec<FileOfComparison>,
    removed_total: usize,
}

/// A file that differs.
#[derive(Serialize, JsonSchema)]
struct FileOfComparison {
    path: String,
    kind: &'static str,
    /// In the first; of a folder, that of all files in it.
    size_before: Option<u64>,
    /// In the second.
    size_after: Option<u64>,
}

/// A package that differs.
#[derive(Serialize, JsonSchema)]
struct PackageChangeReply {
    name: String,
    architecture: String,
    /// The version in the first.
    before: Option<String>,
    /// The version in the second.
    after: Option<String>,
}

/// What is told of files that differ.
pub(super) fn differences(files: FileComparison<'_>) -> FilesComparison {
    let one = |file: MergedFile<'_>, before: Option<u64>, after: Option<u64>| FileOfComparison {
        path: format!("/{}", file.path()),
        kind: file.kind().as_str(),
        size_before: before,
        size_after: after,
    };
    let added = files.added.iter().take(NAMED_MAX).map(|file| one(*file, None, Some(file.size_bytes())));
    let removed = files.removed.iter().take(NAMED_MAX).map(|file| one(*file, Some(file.size_bytes()), None));
    let changed = files.changed.iter().take(NAMED_MAX);
    let changed =
        changed.map(|(before, after)| one(*after, Some(before.size_bytes()), Some(after.size_bytes())));
    FilesComparison {
        added: added.collect(),
        added_total: files.added.len(),
        changed: changed.collect(),
        changed_total: files.changed.len(),
        removed: removed.collect(),
        removed_total: files.removed.len(),
    }
}

fn layers(layers: &[Descriptor]) -> Vec<LayerOfComparison> {
    layers
        .iter()
        .map(|layer| LayerOfComparison { digest: layer.digest.to_string(), size: layer.size_bytes })
        .collect()
}

impl From<ConfigChange> for ConfigurationChange {
    fn from(change: ConfigChange) -> Self {
        let ConfigChange { part, key, before, after } = change;
        Self { part: part.as_str(), key, before, after }
    }
}

impl From<PackageChange> for PackageChangeReply {
    fn from(change: PackageChange) -> Self {
        let PackageChange { name, architecture, before, after } = change;
        Self { name, architecture, before, after }
    }
}

impl ComparisonReply {
    pub(super) fn of(compared: ImageComparison<FilesComparison>) -> Self {
        Self {
            before: compared.before.to_string(),
            after: compared.after.to_string(),
            configuration: compared.config.into_iter().map(ConfigurationChange::from).collect(),
            layers: LayersComparison {
                shared: layers(&compared.shared_layers),
                removed: layers(&compared.removed_layers),
                added: layers(&compared.added_layers),
            },
            files: compared.files,
            packages: compared
                .packages
                .map(|changes| changes.into_iter().map(PackageChangeReply::from).collect()),
        }
    }
}
