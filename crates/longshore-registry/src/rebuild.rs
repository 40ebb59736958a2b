//! A lost index made anew from link files and blobs.
/// What a rebuild found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RebuildReport {
    /// What came back from link files.
    pub imported: crate::ImportReport,
    /// What could not be recovered, in words for a person.
    pub lost: Vec<String>,
}
