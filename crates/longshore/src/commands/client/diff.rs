//! `longshore diff`.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use longshore_client::{Client, ImageConfig, ImageReference, Platform, PulledManifest, Repository};
use longshore_image::{
    ConfigChange, Entry, FileComparison, LayerFiles, MergedFile, MergedFiles, Package, PackageChange,
    PackageFormat, compare_configs, compare_files, compare_packages, files_bytes, package_lists, packages_of,
};
use longshore_types::{Descriptor, Digest};
use serde_json::{Value, json};

use super::{Failure, client, image, layers, output};
use crate::cli::{DiffArguments, Form};

/// Layers under way at a time for their lists of packages.
const PARALLEL: usize = 4;

/// Largest lists of packages of one layer together, in bytes.
const LISTS_BYTES_MAX: u64 = 64 << 20;

/// One of the two images.
struct Side {
    repository: Repository,
    image: PulledManifest,
    config: ImageConfig,
}

/// What differs.
struct Diff<'a> {
    before: &'a Side,
    after: &'a Side,
    config: Vec<ConfigChange>,
    /// Layers that both have, in the order of the second image.
    shared: Vec<&'a Descriptor>,
    /// Those of one alone.
    only: [Vec<&'a Descriptor>; 2],
    /// `None` where nobody asked.
    files: Option<FileComparison<'a>>,
    /// `None` where an image does not say what is installed.
    packages: Option<Vec<PackageChange>>,
}

pub(super) async fn diff(arguments: &DiffArguments) -> Result<String, Failure> {
    let client = client(&arguments.connection, None)?;
    let platform = arguments.choice.platform.as_ref();
    let before = Side::read(&client, &arguments.before, platform).await?;
    let after = Side::read(&client, &arguments.after, platform).await?;
    let (mut trees, mut packages) = (None, None);
    if !arguments.no_files {
        let read = trees.insert(both(&before, &after).await?);
        let one = installed(&before, &read.0).await?;
        let other = installed(&after, &read.1).await?;
        packages = one.zip(other).map(|(one, other)| compare_packages(&one, &other));
    }
    let (shared, only) = compare_layers(before.layers(), after.layers());
    let diff = Diff {
        config: compare_configs(&before.config, &after.config),
        shared,
        only,
        files: trees.as_ref().map(|(before, after)| compare_files(before, after)),
        packages,
        before: &before,
        after: &after,
    };
    match arguments.output.output {
        Form::Json => output::json(&diff.value()),
        Form::Table => Ok(diff.text()),
    }
}

impl Side {
    async fn read(
        client: &Client,
        reference: &ImageReference,
        platform: Option<&Platform>,
    ) -> Result<Self, Failure> {
        let repository = image::source(client, reference)?;
        let pulled = repository.manifest(&reference.reference()).await?;
        let image = repository.image_of(pulled, platform).await?;
        let config = repository.image_config(&image).await?;
        Ok(Self { repository, image, config })
    }

    fn layers(&self) -> &[Descriptor] {
        self.image.manifest.layers()
    }
}

/// The files of both. A layer of both is fetched once.
async fn both(before: &Side, after: &Side) -> Result<(MergedFiles, MergedFiles), Failure> {
    let first = layers::merged(&before.repository, before.layers(), |_| None).await?;
    let known: HashMap<Digest, Arc<LayerFiles>> =
        before.layers().iter().map(|layer| layer.digest).zip(first.layers().iter().cloned()).collect();
    let known = |layer: &Descriptor| known.get(&layer.digest).cloned();
    let second = layers::merged(&after.repository, after.layers(), known).await?;
    Ok((first, second))
}

/// The packages that an image says are installed; `None` if it does not say.
async fn installed(side: &Side, files: &MergedFiles) -> Result<Option<Vec<Package>>, Failure> {
    let lists = package_lists(files);
    if lists.is_empty() {
        return Ok(None);
    }
    let mut by_layer: BTreeMap<usize, Vec<(Entry, PackageFormat)>> = BTreeMap::new();
    for (path, format) in lists {
        let found = files.content(&path).map_err(|error| Failure::Other(error.to_string()))?;
        by_layer.entry(found.layer).or_default().push((found.entry.clone(), format));
    }
    let found: Vec<Vec<Package>> = stream::iter(by_layer)
        .map(async |(layer, lists)| listed(&side.repository, &side.layers()[layer], lists).await)
        .buffered(PARALLEL)
        .try_collect()
        .await?;
    Ok(Some(found.concat()))
}

/// The packages of the lists that a layer has.
async fn listed(
    repository: &Repository,
    layer: &Descriptor,
    lists: Vec<(Entry, PackageFormat)>,
) -> Result<Vec<Package>, Failure> {
    layers::reading(repository, layer, move |source| {
        let entries: Vec<&Entry> = lists.iter().map(|(entry, _)| entry).collect();
        let lists_bytes = files_bytes(source, &entries, LISTS_BYTES_MAX, layers::UNPACKED_BYTES_MAX)?;
        let lists = lists.iter().zip(&lists_bytes);
        Ok(lists.flat_map(|((_, format), bytes)| packages_of(*format, bytes)).collect())
    })
    .await
}

type Layers<'a> = Vec<&'a Descriptor>;

/// Those of both, and those of each alone.
fn compare_layers<'a>(before: &'a [Descriptor], after: &'a [Descriptor]) -> (Layers<'a>, [Layers<'a>; 2]) {
    let has =
        |layers: &[Descriptor], layer: &Descriptor| layers.iter().any(|other| other.digest == layer.digest);
    let (shared, added) = after.iter().partition(|layer| has(before, layer));
    let removed = before.iter().filter(|layer| !has(after, layer)).collect();
    (shared, [removed, added])
}

impl Diff<'_> {
    fn value(&self) -> Value {
        let layers = |layers: &[&Descriptor]| {
            layers
                .iter()
                .map(|layer| json!({ "digest": layer.digest, "mediaType": layer.media_type, "size": layer.size_bytes }))
                .collect::<Vec<_>>()
        };
        let paths = |files: &[MergedFile<'_>]| files.iter().map(|file| file_value(*file)).collect::<Vec<_>>();
        json!({
            "before": self.before.image.digest,
            "after": self.after.image.digest,
            "configuration": self.config.iter().map(|change| json!({
                "part": change.part, "key": change.key, "before": change.before, "after": change.after,
            })).collect::<Vec<_>>(),
            "layers": {
                "shared": layers(&self.shared), "before": layers(&self.only[0]), "after": layers(&self.only[1]),
            },
            "packages": self.packages.as_ref().map(|packages| packages.iter().map(|package| json!({
                "name": package.name, "architecture": package.architecture,
                "before": package.before, "after": package.after,
            })).collect::<Vec<_>>()),
            "files": self.files.as_ref().map(|files| json!({
                "added": paths(&files.added),
                "changed": files.changed.iter().map(|(before, after)| json!({
                    "path": format!("/{}", after.path()),
                    "before": file_value(*before), "after": file_value(*after),
                })).collect::<Vec<_>>(),
                "removed": paths(&files.removed),
            })),
        })
    }

    fn text(&self) -> String {
        let mut text = format!("- {}\n+ {}\n", self.before.image.digest, self.after.image.digest);
        let mut section = |title: &str, rows: Vec<Vec<String>>| {
            if !rows.is_empty() {
                text.push_str(&format!("\n{title}\n{}", output::table(&rows)));
            }
        };
        section("CONFIGURATION", self.config.iter().flat_map(config_rows).collect());
        section("PACKAGES", self.packages.iter().flatten().map(package_row).collect());
        section("LAYERS", self.layer_rows());
        section("FILES", self.files.iter().flat_map(file_rows).collect());
        text
    }

    fn layer_rows(&self) -> Vec<Vec<String>> {
        let shared: u64 = self.shared.iter().map(|layer| layer.size_bytes).sum();
        let mut rows =
            vec![vec!["=".to_owned(), format!("{} shared", self.shared.len()), output::size(shared)]];
        for (mark, layers) in ["-", "+"].iter().zip(&self.only) {
            rows.extend(layers.iter().map(|layer| {
                vec![(*mark).to_owned(), layer.digest.to_string(), output::size(layer.size_bytes)]
            }));
        }
        rows
    }
}

/// What stood there and what stands there now, a line each.
fn config_rows(change: &ConfigChange) -> Vec<Vec<String>> {
    let name = change.part.as_str().replace('_', " ");
    let name = match &change.key {
        Some(key) => format!("{name} {key}"),
        None => name,
    };
    let row = |mark: &str, value: &String| vec![mark.to_owned(), name.clone(), value.clone()];
    let before = change.before.iter().map(|value| row("-", value));
    before.chain(change.after.iter().map(|value| row("+", value))).collect()
}

fn package_row(change: &PackageChange) -> Vec<String> {
    let (mark, versions) = match (&change.before, &change.after) {
        (Some(before), Some(after)) => ("~", format!("{before} -> {after}")),
        (Some(before), None) => ("-", before.clone()),
        (None, after) => ("+", after.clone().unwrap_or_default()),
    };
    vec![mark.to_owned(), change.name.clone(), change.architecture.clone(), versions]
}

fn file_rows(files: &FileComparison<'_>) -> Vec<Vec<String>> {
    let row = |mark: &str, file: MergedFile<'_>, size: String| {
        let mode = file.entry().map_or("d---------".to_owned(), Entry::mode_text);
        (file.path().to_owned(), vec![mark.to_owned(), mode, size, format!("/{}", file.path())])
    };
    let size = |file: &MergedFile<'_>| output::size(file.size_bytes());
    let mut rows: Vec<_> = files.removed.iter().map(|file| row("-", *file, size(file))).collect();
    rows.extend(files.added.iter().map(|file| row("+", *file, size(file))));
    rows.extend(files.changed.iter().map(|(before, after)| {
        let (was, is) = (size(before), size(after));
        row("~", *after, if was == is { is } else { format!("{was} -> {is}") })
    }));
    rows.sort();
    rows.into_iter().map(|(_, row)| row).collect()
}

fn file_value(file: MergedFile<'_>) -> Value {
    json!({
        "path": format!("/{}", file.path()),
        "kind": file.kind(),
        "mode": file.entry().map(|entry| format!("{:04o}", entry.mode)),
        "uid": file.entry().map(|entry| entry.uid),
        "gid": file.entry().map(|entry| entry.gid),
        "size": file.size_bytes(),
        "target": file.entry().and_then(|entry| entry.target.as_deref()),
    })
}
