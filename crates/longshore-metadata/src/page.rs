//! A keyset page: never an offset.

/// Part of a listing, in the order of its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The entries.
    pub entries: Vec<T>,
    /// Whether more follow after the last entry.
    pub more: bool,
}
