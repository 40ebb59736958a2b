//! Verification: re-hashes blobs and checks every link.
use longshore_types::Digest;

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Of which content.
    pub digest: Digest,
    /// What is wrong, and what was done about it.
    pub what: String,
}

/// What a verification found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VerifyReport {
    /// Blobs hashed.
    pub blobs: u64,
    /// Their bytes.
    pub blob_bytes: u64,
    /// Manifests and links checked.
    pub links: u64,
    /// What is wrong.
    pub damage: Vec<Damage>,
}
