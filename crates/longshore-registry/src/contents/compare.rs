//! Two images side by side.

use longshore_image::{
    ConfigChange, FileComparison, PackageChange, compare_configs, compare_files, compare_packages,
};
use longshore_types::{Descriptor, Digest};

use super::{ContentsError, ImagePlace, listing::apart};
use crate::{Call, Registry};

/// What two images have apart, and in common.
#[derive(Clone, Debug)]
pub struct ImageComparison<T> {
    /// The manifest of the first.
    pub before: Digest,
    /// The manifest of the second.
    pub after: Digest,
    /// What differs in their configurations.
    pub config: Vec<ConfigChange>,
    /// Layers that both have.
    pub shared_layers: Vec<Descriptor>,
    /// Those that only the first has.
    pub removed_layers: Vec<Descriptor>,
    /// Those that only the second has.
    pub added_layers: Vec<Descriptor>,
    /// What differs in their packages; none where it is not known of both what is installed.
    pub packages: Option<Vec<PackageChange>>,
    /// The answer about files.
    pub files: T,
}

impl Registry {
    /// Compares two images, both of which the caller must be allowed to pull. `files` makes an answer of what differs in
    /// their files, on a thread for such.
    pub async fn compare_images<T: Send + 'static>(
        &self,
        call: &Call,
        before: ImagePlace<'_>,
        after: ImagePlace<'_>,
        files: impl FnOnce(FileComparison<'_>) -> T + Send + 'static,
    ) -> Result<ImageComparison<T>, ContentsError> {
        let (one, one_files) = self.image_with_files(call, before).await?;
        let (other, other_files) = self.image_with_files(call, after).await?;
        let packages =
            match (self.packages(&one, &one_files).await?, self.packages(&other, &other_files).await?) {
                (Some(before), Some(after)) => Some(compare_packages(&before, &after)),
                _ => None,
            };
        let has =
            |layers: &[Descriptor], layer: &Descriptor| layers.iter().any(|had| had.digest == layer.digest);
        let (shared_layers, removed_layers) =
            one.layers().iter().cloned().partition(|layer| has(other.layers(), layer));
        let added_layers = other.layers().iter().filter(|layer| !has(one.layers(), layer)).cloned().collect();
        Ok(ImageComparison {
            before: one.digest,
            after: other.digest,
            config: compare_configs(&one.config, &other.config),
            shared_layers,
            removed_layers,
            added_layers,
            packages,
            files: apart(move || files(compare_files(&one_files, &other_files))).await,
        })
    }
}
