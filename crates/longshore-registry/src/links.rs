//! The way back: writes distribution's link files for everything in the index.
/// What was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LinksReport {
    /// Repositories.
    pub repositories: u64,
    /// Manifests: their bytes and revision links.
    pub manifests: u64,
    /// Tags.
    pub tags: u64,
    /// Blob links.
    pub links: u64,
}
