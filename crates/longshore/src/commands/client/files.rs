//! `longshore files`.

use std::{
    io::{self, IsTerminal as _, Read as _, Write as _, stdout},
    sync::Arc,
};

use longshore_client::Repository;
use longshore_image::{
    Entry, EntryKind, FileContent, FileReader, LayerError, LayerFiles, MergedFile, MergedFiles, normal_path,
};
use longshore_types::{Descriptor, DigestAlgorithm, Digester};
use serde_json::{Value, json};

use super::{
    Failure, client, image,
    layers::{self, Arriving},
    output,
};
use crate::cli::{FilesArguments, Form};

pub(super) async fn files(arguments: &FilesArguments) -> Result<String, Failure> {
    let one = &arguments.one;
    let repository = image::source(&client(&one.connection, None)?, &one.image)?;
    let pulled = repository.manifest(&one.image.reference()).await?;
    let image = repository.image_of(pulled, one.choice.platform.as_ref()).await?;
    let asked = Asked {
        repository: &repository,
        layers: image.manifest.layers(),
        path: normal_path(&arguments.path),
        recursive: arguments.recursive,
        form: arguments.output.output,
    };
    match &arguments.layer {
        Some(layer) => asked.in_layer(layer).await,
        None => asked.in_image().await,
    }
}

/// With fewer digits of a digest, another layer may be meant.
const DIGITS_MIN: usize = 12;

/// What was asked for.
struct Asked<'a> {
    repository: &'a Repository,
    layers: &'a [Descriptor],
    path: String,
    recursive: bool,
    form: Form,
}

/// Where a path is decided.
enum Decided {
    /// Here, and it is this file.
    File(Entry),
    /// Here, by links, folders or what hides others: all layers have to be looked at.
    Otherwise,
    /// In a lower layer.
    Below,
}

fn decided(files: &LayerFiles, path: &str) -> Decided {
    let is_on_the_way = |entry: &&Entry| {
        let rest = path.strip_prefix(&*entry.path);
        entry.path.is_empty() || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let mut on_the_way = files.entries().iter().filter(is_on_the_way);
    let folders = path.match_indices('/').map(|(end, _)| files.get(&path[..end]));
    let folders_are_there = folders.into_iter().all(|folder| folder.is_some());
    match on_the_way.find(|entry| entry.kind != EntryKind::Folder) {
        Some(entry) if entry.kind == EntryKind::File && *entry.path == *path && folders_are_there => {
            match on_the_way.all(|entry| entry.kind == EntryKind::Folder) {
                true => Decided::File(entry.clone()),
                false => Decided::Otherwise,
            }
        }
        Some(_) => Decided::Otherwise,
        None if files.touches(path) => Decided::Otherwise,
        None => Decided::Below,
    }
}

/// A file, or what stands for one, with the layer that has it, counted from 0.
struct Row<'a> {
    path: &'a str,
    entry: Option<&'a Entry>,
    size_bytes: u64,
    layer: Option<usize>,
}

impl Asked<'_> {
    /// In all layers, one over the other.
    async fn in_image(&self) -> Result<String, Failure> {
        let (read, found) = self.read_from_above().await?;
        if let Some((layer, entry)) = &found {
            return self.show(*layer, entry).await;
        }
        let merged = layers::merged(self.repository, self.layers, |layer| {
            let at = self.layers.iter().rev().position(|other| other.digest == layer.digest)?;
            read.get(at).cloned()
        });
        let merged = merged.await?;
        let file = merged.resolve(&self.path).map_err(|error| Failure::NotFound(error.to_string()))?;
        if file.kind() == EntryKind::Folder {
            return self.list(self.folder(&merged, file.path()));
        }
        let content = merged.content(&self.path);
        let FileContent { layer, entry } = content.map_err(|error| Failure::Other(error.to_string()))?;
        self.show(layer, entry).await
    }

    /// A file that an upper layer holds, with all folders on the way to it, hides whatever lies below: no lower layer is
    /// fetched then. Gives what was read, the topmost first.
    async fn read_from_above(&self) -> Result<(Vec<Arc<LayerFiles>>, Option<(usize, Entry)>), Failure> {
        let mut read = Vec::new();
        if self.path.is_empty() {
            return Ok((read, None));
        }
        for (at, layer) in self.layers.iter().enumerate().rev() {
            let files = layers::files(self.repository, layer).await?;
            read.push(Arc::clone(&files));
            match decided(&files, &self.path) {
                Decided::File(entry) => return Ok((read, Some((at, entry)))),
                Decided::Otherwise => return Ok((read, None)),
                Decided::Below => {}
            }
        }
        Ok((read, None))
    }

    fn folder<'m>(&self, merged: &'m MergedFiles, folder: &str) -> Vec<Row<'m>> {
        let below = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let files: Vec<MergedFile<'m>> = match self.recursive {
            true => merged
                .iter()
                .filter(|file| file.path().starts_with(&below) && !file.path().is_empty())
                .collect(),
            false => merged.folder(folder).into_iter().flatten().collect(),
        };
        let there = files.into_iter().filter(MergedFile::is_there);
        there
            .map(|file| Row {
                path: file.path(),
                entry: file.entry(),
                size_bytes: file.size_bytes(),
                layer: file.layer(),
            })
            .collect()
    }

    /// In one layer alone, with what it hides of those below.
    async fn in_layer(&self, named: &str) -> Result<String, Failure> {
        let at = self.layer(named)?;
        let files = layers::files(self.repository, &self.layers[at]).await?;
        let entry = files.get(&self.path);
        if let Some(entry) = entry.filter(|entry| entry.kind != EntryKind::Folder) {
            return self.show(at, entry).await;
        }
        if !files.touches(&self.path) {
            return Err(Failure::NotFound(format!("layer {} has nothing at /{}", at + 1, self.path)));
        }
        let below = if self.path.is_empty() { String::new() } else { format!("{}/", self.path) };
        let is_meant = |entry: &&Entry| {
            let rest = entry.path.strip_prefix(&below);
            rest.is_some_and(|rest| !rest.is_empty() && (self.recursive || !rest.contains('/')))
        };
        let rows = files.entries().iter().filter(is_meant).map(|entry| Row {
            path: &entry.path,
            entry: Some(entry),
            size_bytes: entry.size_bytes,
            layer: Some(at),
        });
        self.list(rows.collect())
    }

    /// By number, digest, or the beginning of it that histories show.
    fn layer(&self, named: &str) -> Result<usize, Failure> {
        let by_number = || named.parse::<usize>().ok()?.checked_sub(1).filter(|at| *at < self.layers.len());
        let by_digest = || {
            self.layers.iter().position(|Descriptor { digest, .. }| {
                digest.to_string() == named || named.len() >= DIGITS_MIN && digest.hex().starts_with(named)
            })
        };
        by_number().or_else(by_digest).ok_or_else(|| {
            Failure::Usage(format!(
                "--layer {named}: there are 1 to {}, or the digests that longshore history shows",
                self.layers.len()
            ))
        })
    }

    fn list(&self, rows: Vec<Row<'_>>) -> Result<String, Failure> {
        if self.form == Form::Json {
            return output::json(&rows.iter().map(|row| self.value(row)).collect::<Vec<_>>());
        }
        let mut lines = vec![["MODE", "OWNER", "SIZE", "LAYER", "PATH"].map(str::to_owned).to_vec()];
        lines.extend(rows.iter().map(line));
        Ok(output::table(&lines))
    }

    fn value(&self, row: &Row<'_>) -> Value {
        json!({
            "path": format!("/{}", row.path),
            "kind": row.entry.map_or(EntryKind::Folder, |entry| entry.kind),
            "mode": row.entry.map(|entry| format!("{:04o}", entry.mode)),
            "uid": row.entry.map(|entry| entry.uid),
            "gid": row.entry.map(|entry| entry.gid),
            "size": row.size_bytes,
            "modified": row.entry.map(|entry| entry.modified),
            "target": row.entry.and_then(|entry| entry.target.as_deref()),
            "layer": row.layer.map(|layer| layer + 1),
            "layerDigest": row.layer.map(|layer| self.layers[layer].digest),
        })
    }

    /// A file's bytes to standard output, or with JSON what is known of it.
    async fn show(&self, layer: usize, entry: &Entry) -> Result<String, Failure> {
        if self.form == Form::Json {
            let size_bytes = entry.size_bytes;
            let row = Row { path: &entry.path, entry: Some(entry), size_bytes, layer: Some(layer) };
            return output::json(&self.value(&row));
        }
        if entry.kind != EntryKind::File {
            let kind = entry.kind.as_str().replace('_', " ");
            return Err(Failure::Other(format!("/{} is no file, but a {kind}", entry.path)));
        }
        let expected = entry.hash;
        let actual = layers::content(self.repository, &self.layers[layer], entry, print).await?;
        if let (Some(expected), Some(actual)) = (expected, actual)
            && expected != actual
        {
            return Err(Failure::Other(format!("/{} is not what the layer held before", entry.path)));
        }
        Ok(String::new())
    }
}

/// Prints a file's bytes as they arrive; gives the first half of their SHA-256, as the list of the layer has it, unless
/// whoever reads had enough.
fn print(mut file: FileReader<Arriving>) -> Result<Option<[u8; 16]>, LayerError> {
    let mut digester = Digester::new(DigestAlgorithm::Sha256);
    let (mut out, is_terminal) = (stdout().lock(), stdout().is_terminal());
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = file.read(&mut buffer).map_err(LayerError::Source)?;
        if count == 0 {
            break;
        }
        let piece = &mut buffer[..count];
        digester.update(piece);
        if is_terminal {
            // What a file says must not drive the terminal.
            piece
                .iter_mut()
                .filter(|byte| byte.is_ascii_control() && !b"\n\t".contains(byte))
                .for_each(|byte| *byte = b'?');
        }
        match out.write_all(piece) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(None),
            outcome => outcome.map_err(LayerError::Source)?,
        }
    }
    out.flush().map_err(LayerError::Source)?;
    Ok(digester.finish().hash().first_chunk().copied())
}

fn line(row: &Row<'_>) -> Vec<String> {
    let Some(entry) = row.entry else {
        let path = format!("/{}", row.path);
        return vec![
            "d---------".to_owned(),
            "-".to_owned(),
            output::size(row.size_bytes),
            "-".to_owned(),
            path,
        ];
    };
    let path = match (&entry.target, entry.kind) {
        (Some(target), _) => format!("/{} -> {target}", row.path),
        (None, EntryKind::Opaque) => format!("/{} (hides what lower layers have in it)", row.path),
        (None, EntryKind::Whiteout) => format!("/{} (hides it)", row.path),
        (None, _) => format!("/{}", row.path),
    };
    let layer = row.layer.map(|layer| (layer + 1).to_string()).unwrap_or_default();
    vec![entry.mode_text(), format!("{}:{}", entry.uid, entry.gid), output::size(row.size_bytes), layer, path]
}
