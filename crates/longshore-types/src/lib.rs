//! The words of the OCI specifications as types that carry proof.
//!
//! Everything is parsed once, at the edge, by `FromStr` (or a `parse` function) and passed inward as a type:
//! a value that exists is valid. Nothing here does I/O, reads a clock or knows HTTP.

mod byte_range;
mod descriptor;
mod digest;
mod error_chain;
mod error_code;
mod manifest;
mod media_type;
mod name;
mod reference;
mod tag;
mod timestamp;
mod upload_id;

pub use byte_range::{ByteRange, ByteRangeError, RangeSpec, RangesSpec};
pub use descriptor::Descriptor;
pub use digest::{Digest, DigestAlgorithm, DigestError, Digester, DigesterState};
pub use error_chain::error_chain;
pub use error_code::ErrorCode;
pub use manifest::{Manifest, ManifestError, ManifestKind};
pub use media_type::{MediaType, MediaTypeError};
pub use name::{NameError, ProjectName, ProjectNameError, RepositoryName};
pub use reference::{Reference, ReferenceError};
pub use tag::{Tag, TagError};
pub use timestamp::Timestamp;
pub use upload_id::{UploadId, UploadIdError};
