//! Taking over a volume of `registry:2`: reads its links and tags into the index, changes none of its files.
/// What an import did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportReport {
    /// Repositories taken over.
    pub repositories: u64,
    /// Manifests taken over.
    pub manifests: u64,
    /// Tags taken over.
    pub tags: u64,
    /// Blob links taken over.
    pub links: u64,
    /// What could not be taken over, in words for a person.
    pub problems: Vec<String>,
}
