//! Images in files: OCI image layouts, archives of docker, folders of skopeo. What is written appears whole or not at
//! all, and a second try goes on where the first one broke; what is read may have been made by strangers, so that nothing
//! in it names a place outside.

mod archive;
mod directory;
mod docker;
mod error;
mod extent;
mod fetch;
mod folder;
mod images;
mod layout;
mod pull;

pub use error::LocalError;
pub(crate) use images::described;
pub use images::{Choice, LocalImages};
pub use pull::{LocalForm, PullSettings, pull};

/// Largest manifest, index or configuration read whole, in bytes.
const JSON_BYTES_MAX: u64 = 16 << 20;
