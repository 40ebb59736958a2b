//! What a commit waits for.

/// Whether a commit waits for the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durability {
    /// It survives a power cut.
    Durable,
    /// It survives a crash of this program, and a power cut from the next durable commit on.
    Relaxed,
}
