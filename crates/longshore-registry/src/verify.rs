//! Verification: re-hashes blobs and checks every link. The server may run meanwhile.

mod blobs;
mod links;

use longshore_types::Digest;

use crate::{MaintenanceError, Progress, Registry};

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Of which content.
    pub digest: Digest,
    /// What is wrong, and what was done about it.
    pub what: String,
}

/// How to verify.
#[derive(Clone, Debug)]
pub struct VerifyOptions {
    /// Whether damaged content is set aside: then pulls of it fail cleanly, and a push heals it.
    pub set_aside: bool,
    /// How many blobs are read at a time.
    pub parallel: usize,
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
    /// What is wrong: the first [`VerifyReport::DAMAGE_MAX`]. All of it went to [`Progress::note`].
    pub damage: Vec<Damage>,
    /// How much there was of that.
    pub damage_count: u64,
}

impl VerifyReport {
    /// Most damage that a report names.
    pub const DAMAGE_MAX: usize = 1000;

    fn damage(&mut self, progress: &dyn Progress, damage: Damage) {
        progress.note(&format!("{}: {}", damage.digest, damage.what));
        self.damage_count += 1;
        if self.damage.len() < Self::DAMAGE_MAX {
            self.damage.push(damage);
        }
    }
}

impl Registry {
    /// Reads everything and compares it with its digest, then checks that what refers to something finds it.
    ///
    /// # Errors
    /// When index or storage fail altogether; a single blob that cannot be read is damage.
    pub async fn verify(
        &self,
        options: &VerifyOptions,
        progress: &dyn Progress,
    ) -> Result<VerifyReport, MaintenanceError> {
        let mut report = VerifyReport::default();
        self.verify_blobs(options, &mut report, progress).await?;
        self.verify_links(&mut report, progress).await?;
        Ok(report)
    }
}
