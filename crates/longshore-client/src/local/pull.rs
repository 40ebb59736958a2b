//! Images on their way from a registry into files.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use longshore_types::{Descriptor, Reference};

use super::{
    LocalError, directory, docker,
    error::blocking,
    fetch::fetch,
    folder::{Folder, Naming},
    images::described,
    layout,
};
use crate::{
    Copied, CopyError, CopyProgress, ImageSource, Parts, PulledManifest, Pushed, graph::Graph,
    image::image_of,
};

/// As what an image is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LocalForm {
    /// A folder that is an OCI image layout.
    Layout,
    /// A file as `docker save` writes it, of one platform.
    DockerArchive,
    /// A folder as skopeo's `dir:` has it.
    Directory,
}

/// Which parts are written, and how.
#[derive(Clone, Debug)]
pub struct PullSettings {
    /// As what.
    pub form: LocalForm,
    /// What of it. Only a layout holds referrers.
    pub parts: Parts,
    /// Blobs under way at a time.
    pub parallel: usize,
    /// What it is called in a layout.
    pub name: Option<String>,
    /// What it is called with its registry: in a layout beside its name, and in an archive.
    pub full_name: Option<String>,
}

/// Writes what `reference` means into the folder or file `to`.
///
/// # Errors
/// If something cannot be read or written. What was written stays beside, and a second try goes on from there.
pub async fn pull(
    from: &dyn ImageSource,
    reference: &Reference,
    to: &Path,
    settings: &PullSettings,
    progress: &Arc<dyn CopyProgress>,
) -> Result<Copied, CopyError> {
    let graph = match settings.form {
        LocalForm::DockerArchive => one_image(from, reference, &settings.parts).await?,
        _ => Graph::read(from, reference, &settings.parts).await?,
    };
    let folder = Arc::new(open(to, settings).await?);
    let mut copied = fetch_all(from, &graph, &folder, settings.parallel, progress).await?;
    copied.digest = Some(graph.root);
    copied.manifests = graph.manifests.len() as u64;
    let (to, settings) = (to.to_owned(), settings.clone());
    blocking(move || finish(&folder, &graph, &to, &settings)).await?;
    Ok(copied)
}

/// Docker's archives hold no indexes: the image for one platform, which is this machine's if nobody says another.
async fn one_image(from: &dyn ImageSource, reference: &Reference, parts: &Parts) -> Result<Graph, CopyError> {
    let what = format!("{} {reference}", from.describe());
    let pulled = from.manifest(reference).await.map_err(|source| CopyError::Source { what, source })?;
    let image = image_of(from, pulled, parts.platform.as_ref()).await?;
    Ok(Graph { root: image.digest, manifests: vec![image] })
}

/// Where the blobs go: an archive is put together from a folder beside it.
async fn open(to: &Path, settings: &PullSettings) -> Result<Folder, LocalError> {
    let (to, settings) = (to.to_owned(), settings.clone());
    blocking(move || match settings.form {
        LocalForm::Layout => {
            let folder = Folder::open(&to, Naming::Layout, layout::MARK)?;
            layout::begin(&folder, settings.name.as_deref(), settings.full_name.as_deref())?;
            Ok(folder)
        }
        LocalForm::Directory => {
            let folder = Folder::open(&to, Naming::Directory, directory::MARK)?;
            directory::begin(&folder)?;
            Ok(folder)
        }
        LocalForm::DockerArchive if to.is_dir() => {
            Err(LocalError::malformed(&to, "it is a folder; an archive of docker is a file"))
        }
        LocalForm::DockerArchive => Folder::open(&beside(&to), Naming::Layout, "blobs"),
    })
    .await
}

fn beside(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".unfinished");
    name.into()
}

async fn fetch_all(
    from: &dyn ImageSource,
    graph: &Graph,
    folder: &Arc<Folder>,
    parallel: usize,
    progress: &Arc<dyn CopyProgress>,
) -> Result<Copied, CopyError> {
    let one = async |blob: &Descriptor| {
        progress.begin(blob);
        let pushed = fetch(from, folder, blob, |bytes| progress.advance(&blob.digest, bytes)).await;
        let what = || format!("{} of {}", blob.digest, from.describe());
        let pushed = pushed.map_err(|source| CopyError::Source { what: what(), source })?;
        progress.end(blob, pushed);
        Ok((blob.size_bytes, pushed))
    };
    stream::iter(graph.blobs().into_iter().map(one))
        .buffer_unordered(parallel.max(1))
        .try_fold(Copied::default(), async |mut copied, (size_bytes, pushed)| {
            copied.count(size_bytes, pushed);
            Ok(copied)
        })
        .await
}

/// Makes an image of what was fetched.
fn finish(folder: &Folder, graph: &Graph, to: &Path, settings: &PullSettings) -> Result<(), LocalError> {
    match settings.form {
        LocalForm::Layout => finish_layout(folder, graph, settings)?,
        LocalForm::Directory => directory::finish(folder, graph)?,
        LocalForm::DockerArchive => {
            let unfinished = folder.unfinished(&graph.root);
            for image in &graph.manifests {
                docker::write(&unfinished, image, settings.full_name.as_deref(), |digest| {
                    folder.place(digest)
                })?;
            }
            std::fs::rename(&unfinished, to).map_err(LocalError::file(to))?;
            return std::fs::remove_dir_all(folder.root()).map_err(LocalError::file(folder.root()));
        }
    }
    folder.tidy()
}

fn finish_layout(folder: &Folder, graph: &Graph, settings: &PullSettings) -> Result<(), LocalError> {
    let mut root = None;
    let mut referrers = Vec::new();
    for pulled in &graph.manifests {
        let PulledManifest { digest, bytes, manifest } = pulled;
        folder.write(&Naming::Layout.path(digest), bytes)?;
        let mut descriptor = described(pulled);
        if *digest == graph.root {
            descriptor.annotations.clear();
            root = Some(descriptor);
        } else if manifest.subject().is_some() {
            referrers.push(descriptor);
        }
    }
    let missing = || LocalError::Missing { path: folder.root().to_owned(), digest: graph.root };
    let image = layout::Entry {
        descriptor: root.ok_or_else(missing)?,
        name: settings.name.clone(),
        full_name: settings.full_name.clone(),
    };
    layout::finish(folder, &image, &referrers)
}

impl Copied {
    /// Adds a blob.
    pub(crate) fn count(&mut self, size_bytes: u64, pushed: Pushed) {
        match pushed {
            Pushed::Present => self.blobs_present += 1,
            Pushed::Mounted => self.blobs_mounted += 1,
            Pushed::Sent => {
                self.blobs_sent += 1;
                self.bytes_sent += size_bytes;
            }
        }
    }
}
