//! The files of an image, as people ask for them.

use std::sync::Arc;

use bytes::Bytes;
use longshore_image::{Entry, MergedFiles, Package, files_bytes, package_lists, packages_of};
use longshore_types::{Digest, RepositoryName};

use super::{ContentsError, ImagePlace, OpenedImage, listing::apart};
use crate::{Call, Registry};

/// Most bytes of the lists of packages of an image.
const PACKAGES_BYTES_MAX: u64 = 64 << 20;

/// A file of an image.
#[derive(Clone, Debug)]
pub struct ImageFile {
    /// What is said of it where its bytes lie: links were followed.
    pub entry: Entry,
    /// The layer that has it.
    pub layer: Digest,
    /// All of its bytes.
    pub bytes: Bytes,
}

impl Registry {
    /// Asks a question about the files of an image, on a thread for such: it may take some time of the processor.
    pub async fn ask_image<T: Send + 'static>(
        &self,
        call: &Call,
        place: ImagePlace<'_>,
        question: impl FnOnce(&OpenedImage, &MergedFiles) -> T + Send + 'static,
    ) -> Result<T, ContentsError> {
        let image = self.open_image(call, place).await?;
        let files = self.merged_files(place.repository, &image).await?;
        Ok(apart(move || question(&image, &files)).await)
    }

    /// The bytes of a file of an image, if it has no more than `bytes_max`. Links are followed as in the image.
    pub async fn image_file(
        &self,
        call: &Call,
        place: ImagePlace<'_>,
        path: &str,
        bytes_max: u64,
    ) -> Result<ImageFile, ContentsError> {
        let image = self.open_image(call, place).await?;
        let files = self.merged_files(place.repository, &image).await?;
        let found = files.content(path)?;
        let (layer, entry) = (image.layers()[found.layer].digest, found.entry.clone());
        let mut bytes = self.files_of_layer(&layer, vec![entry.clone()], bytes_max).await?;
        Ok(ImageFile { entry, layer, bytes: bytes.pop().unwrap_or_default().into() })
    }

    /// Files of a layer that the caller may read.
    async fn files_of_layer(
        &self,
        layer: &Digest,
        entries: Vec<Entry>,
        bytes_max: u64,
    ) -> Result<Vec<Vec<u8>>, ContentsError> {
        let blob = self.open_linked(layer).await?;
        let unpacked_bytes_max = self.inner.contents.settings.layer.unpacked_bytes_max;
        let read = self.inner.contents.read(&*blob, move |source| {
            let entries: Vec<&Entry> = entries.iter().collect();
            files_bytes(source, &entries, bytes_max, unpacked_bytes_max)
        });
        read.await?.map_err(|error| ContentsError::of_layer(*layer, error))
    }

    /// The packages that an image says are installed; none where nothing that is known installed any.
    pub(super) async fn packages(
        &self,
        image: &OpenedImage,
        files: &Arc<MergedFiles>,
    ) -> Result<Option<Vec<Package>>, ContentsError> {
        let lists = package_lists(files);
        if lists.is_empty() {
            return Ok(None);
        }
        let mut packages = Vec::new();
        for layer in 0..files.layers().len() {
            let found = lists.iter().filter_map(|(path, format)| Some((files.content(path).ok()?, *format)));
            let (entries, formats): (Vec<_>, Vec<_>) = found
                .filter(|(content, _)| content.layer == layer)
                .map(|(content, format)| (content.entry.clone(), format))
                .unzip();
            if entries.is_empty() {
                continue;
            }
            let digest = image.layers()[layer].digest;
            let texts = self.files_of_layer(&digest, entries, PACKAGES_BYTES_MAX).await?;
            let read = move || -> Vec<Package> {
                texts.iter().zip(formats).flat_map(|(text, format)| packages_of(format, text)).collect()
            };
            packages.extend(apart(read).await);
        }
        Ok(Some(packages))
    }

    /// The image, and its files.
    pub(super) async fn image_with_files(
        &self,
        call: &Call,
        place: ImagePlace<'_>,
    ) -> Result<(OpenedImage, Arc<MergedFiles>), ContentsError> {
        let image = self.open_image(call, place).await?;
        let repository: &RepositoryName = place.repository;
        let files = self.merged_files(repository, &image).await?;
        Ok((image, files))
    }
}
