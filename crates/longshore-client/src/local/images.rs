//! Images that lie in files, to be read.

use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use longshore_types::{Descriptor, Digest, Manifest, ManifestKind, Reference};
use tempfile::TempDir;
use tokio::sync::OnceCell;

use super::{
    LocalError, archive, directory, docker, error::blocking, extent::Extent, folder::Naming, layout,
};
use crate::{ClientError, ImageSource, Pieces, PulledManifest, graph::MANIFESTS_MAX};

/// Which of several images is meant.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// The one of this name.
    pub name: Option<String>,
    /// Where nobody said a name, those it likely has.
    pub likely: Vec<String>,
}

/// An image that a folder or an archive names.
#[derive(Clone, Debug)]
pub(super) struct Root {
    pub(super) descriptor: Descriptor,
    pub(super) names: Vec<String>,
}

/// Where blobs and manifests are.
#[derive(Debug)]
pub(super) enum Store {
    /// In files of a folder.
    Folder(PathBuf, Naming),
    /// In parts of an archive, or beside it.
    Extents(HashMap<Digest, Extent>),
}

/// Images that lie in files: a layout, an archive, a folder of skopeo's; which of them shows by what is there.
#[derive(Debug)]
pub struct LocalImages {
    path: PathBuf,
    store: Store,
    roots: Vec<Root>,
    /// The one that is meant.
    chosen: Digest,
    /// By their subjects.
    referrers: OnceCell<HashMap<Digest, Vec<Descriptor>>>,
    /// What had to be unpacked; it goes with this.
    _scratch: Option<TempDir>,
}

impl LocalImages {
    /// Looks what lies there. What has to be unpacked for it lies in a folder below `scratch` meanwhile.
    ///
    /// # Errors
    /// If it is no image, or nothing tells which of several is meant.
    pub async fn open(path: &Path, choice: &Choice, scratch: &Path) -> Result<Self, LocalError> {
        let (path, choice, scratch) = (path.to_owned(), choice.clone(), scratch.to_owned());
        blocking(move || Self::open_now(path, &choice, &scratch)).await
    }

    /// The image that was meant.
    pub fn chosen(&self) -> Digest {
        self.chosen
    }

    fn open_now(path: PathBuf, choice: &Choice, scratch: &Path) -> Result<Self, LocalError> {
        let metadata = std::fs::metadata(&path).map_err(LocalError::file(&path))?;
        if metadata.is_dir() {
            return Self::open_folder(path, choice);
        }
        if !metadata.is_file() {
            return Err(LocalError::malformed(&path, "it is neither a file nor a folder"));
        }
        let scratch = tempfile::Builder::new()
            .prefix("longshore-")
            .tempdir_in(scratch)
            .map_err(LocalError::file(scratch))?;
        let archive = archive::Index::open(&path, scratch.path())?;
        if let Some(index) = archive.file(layout::INDEX) {
            let roots = layout::roots(&path, &index.read()?)?;
            return Self::new(path, Store::Extents(archive.blobs()), roots, choice, Some(scratch));
        }
        let (extents, root) = docker::read(&path, &archive, choice, scratch.path())?;
        Self::new(path, Store::Extents(extents), vec![root], &Choice::default(), Some(scratch))
    }

    fn open_folder(path: PathBuf, choice: &Choice) -> Result<Self, LocalError> {
        let index = path.join(layout::INDEX);
        if let Some(index) = Extent::whole(index.clone()).map_err(LocalError::file(&index))? {
            let roots = layout::roots(&path, &index.read()?)?;
            let store = Store::Folder(path.clone(), Naming::Layout);
            return Self::new(path, store, roots, choice, None);
        }
        let manifest = path.join(directory::MANIFEST);
        let Some(extent) = Extent::whole(manifest.clone()).map_err(LocalError::file(&manifest))? else {
            let why =
                "it is no image: it has neither index.json (OCI layout) nor manifest.json (skopeo's dir:)";
            return Err(LocalError::malformed(&path, why));
        };
        let bytes = extent.read()?;
        let parsed = PulledManifest::parse(None, bytes)
            .map_err(|error| LocalError::malformed(&manifest, error.to_string()))?;
        let descriptor = described(&parsed);
        let store = Store::Folder(path.clone(), Naming::Directory);
        Self::new(path, store, vec![Root { descriptor, names: Vec::new() }], &Choice::default(), None)
    }

    fn new(
        path: PathBuf,
        store: Store,
        roots: Vec<Root>,
        choice: &Choice,
        scratch: Option<TempDir>,
    ) -> Result<Self, LocalError> {
        let found: Vec<(&[String], Digest)> =
            roots.iter().map(|root| (&root.names[..], root.descriptor.digest)).collect();
        let chosen = choose(&path, &found, choice)?;
        Ok(Self { path, store, roots, chosen, referrers: OnceCell::new(), _scratch: scratch })
    }

    fn extent(&self, digest: &Digest) -> Result<Extent, LocalError> {
        let found = match &self.store {
            Store::Extents(extents) => extents.get(digest).cloned(),
            Store::Folder(root, naming) => {
                let mut places = vec![naming.path(digest)];
                if *naming == Naming::Directory {
                    places.push(directory::manifest(digest));
                    if *digest == self.chosen {
                        places = vec![directory::MANIFEST.into()];
                    }
                }
                let mut found = None;
                for place in places {
                    let place = root.join(place);
                    found = found.or(Extent::whole(place.clone()).map_err(LocalError::file(&place))?);
                }
                found
            }
        };
        found.ok_or_else(|| LocalError::Missing { path: self.path.clone(), digest: *digest })
    }

    fn read_manifest(&self, digest: &Digest) -> Result<PulledManifest, LocalError> {
        let extent = self.extent(digest)?;
        let bytes: Bytes = extent.read()?;
        let actual = Digest::of(digest.algorithm(), &bytes);
        if actual != *digest {
            let path = extent.path.to_path_buf();
            return Err(LocalError::DigestMismatch { path, expected: *digest, actual });
        }
        let manifest = Manifest::parse(None, &bytes)
            .map_err(|error| LocalError::malformed(&extent.path, error.to_string()))?;
        Ok(PulledManifest { digest: *digest, bytes, manifest })
    }

    /// Whatever names a subject, among all that is named from `index.json` on.
    fn find_referrers(&self) -> Result<HashMap<Digest, Vec<Descriptor>>, LocalError> {
        let mut found: HashMap<Digest, Vec<Descriptor>> = HashMap::new();
        let mut seen = HashSet::new();
        let mut next: Vec<Digest> = self.roots.iter().map(|root| root.descriptor.digest).collect();
        while let Some(digest) = next.pop() {
            if !seen.insert(digest) {
                continue;
            }
            if seen.len() > MANIFESTS_MAX {
                let why = format!("it holds more than {MANIFESTS_MAX} manifests");
                return Err(LocalError::malformed(&self.path, why));
            }
            // A layout may lack platforms, and hold what is no manifest.
            let manifest = match self.read_manifest(&digest) {
                Ok(manifest) => manifest,
                Err(LocalError::Missing { .. } | LocalError::Malformed { .. }) => continue,
                Err(error) => return Err(error),
            };
            if manifest.manifest.kind() == ManifestKind::Index {
                next.extend(manifest.manifest.manifests().iter().map(|child| child.digest));
            }
            if let Some(subject) = manifest.manifest.subject() {
                found.entry(subject.digest).or_default().push(described(&manifest));
            }
        }
        Ok(found)
    }
}

impl ImageSource for LocalImages {
    fn describe(&self) -> String {
        self.path.display().to_string()
    }

    fn manifest<'a>(
        &'a self,
        reference: &'a Reference,
    ) -> BoxFuture<'a, Result<PulledManifest, ClientError>> {
        Box::pin(async move {
            let digest = match reference {
                Reference::Digest(digest) => *digest,
                Reference::Tag(_) => self.chosen,
            };
            Ok(self.read_manifest(&digest)?)
        })
    }

    fn referrers<'a>(&'a self, digest: &'a Digest) -> BoxFuture<'a, Result<Vec<Descriptor>, ClientError>> {
        Box::pin(async move {
            let all = self.referrers.get_or_try_init(async || self.find_referrers()).await?;
            Ok(all.get(digest).cloned().unwrap_or_default())
        })
    }

    fn open<'a>(&'a self, blob: &'a Descriptor, offset: u64) -> BoxFuture<'a, Result<Pieces, ClientError>> {
        Box::pin(async move {
            let extent = self.extent(&blob.digest)?;
            if extent.size_bytes != blob.size_bytes {
                let why = format!("it has {} bytes, but should have {}", extent.size_bytes, blob.size_bytes);
                return Err(LocalError::malformed(&extent.path, why).into());
            }
            Ok(extent.stream(offset, blob.digest))
        })
    }
}

/// What an index or a list of referrers says of a manifest.
pub(crate) fn described(pulled: &PulledManifest) -> Descriptor {
    let manifest = &pulled.manifest;
    Descriptor {
        media_type: manifest.media_type().clone(),
        digest: pulled.digest,
        size_bytes: pulled.bytes.len() as u64,
        artifact_type: manifest.subject().and_then(|_| manifest.referrer_artifact_type()).map(str::to_owned),
        annotations: manifest.annotations().clone(),
    }
}

/// The image that is meant, out of several with their names.
pub(super) fn choose<T: Copy + PartialEq>(
    path: &Path,
    images: &[(&[String], T)],
    choice: &Choice,
) -> Result<T, LocalError> {
    let unclear = |what: String| {
        let names = images.iter().filter_map(|(names, _)| names.first());
        LocalError::Choice { path: path.to_owned(), what, there: names.cloned().collect() }
    };
    let called = |wanted: &String| {
        let mut found: Vec<T> = Vec::new();
        for (_, image) in images.iter().filter(|(names, _)| names.contains(wanted)) {
            if !found.contains(image) {
                found.push(*image);
            }
        }
        found
    };
    if let Some(name) = &choice.name {
        return match called(name)[..] {
            [only] => Ok(only),
            [] => Err(unclear(format!("has no image {name}"))),
            _ => Err(unclear(format!("has several images {name}"))),
        };
    }
    // What has no name beside others that do is no image of its own: it refers to one of them.
    let named: Vec<T> =
        images.iter().filter(|(names, _)| !names.is_empty()).map(|(_, image)| *image).collect();
    let candidates = if named.is_empty() { images.iter().map(|(_, image)| *image).collect() } else { named };
    match candidates[..] {
        [] => Err(LocalError::malformed(path, "it holds no image")),
        [first, ref others @ ..] if others.iter().all(|other| *other == first) => Ok(first),
        _ => match choice.likely.iter().map(called).find(|found| found.len() == 1) {
            Some(found) => Ok(found[0]),
            None => Err(unclear("has several images; --image NAME chooses one".to_owned())),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_image_that_is_meant_is_chosen() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let (v1, v2, none) = (names(&["v1", "host/app:v1"]), names(&["v2"]), names(&[]));
        let check =
            |images: &[(&[String], u8)], name: Option<&str>, likely: &[&str], expected: Option<u8>| {
                let choice = Choice { name: name.map(str::to_owned), likely: names(likely) };
                assert_eq!(choose(Path::new("x"), images, &choice).ok(), expected, "{choice:?}");
            };
        let both: &[(&[String], u8)] = &[(&v1, 1), (&v2, 2)];
        check(both, Some("v1"), &[], Some(1));
        check(both, Some("host/app:v1"), &["v2"], Some(1));
        check(both, Some("v3"), &["v2"], None);
        check(both, None, &["host/app:v2", "v2"], Some(2));
        check(both, None, &["v3"], None);
        // What has no name beside what has one is a signature, or the like.
        check(&[(&v1, 1), (&none, 3)], None, &[], Some(1));
        check(&[(&none, 3)], None, &["v3"], Some(3));
        check(&[(&none, 3), (&none, 4)], None, &[], None);
        check(&[(&v1, 1), (&v1, 2)], Some("v1"), &[], None);
        check(&[(&v1, 1), (&v2, 1)], None, &[], Some(1));
        check(&[], None, &[], None);
    }
}
