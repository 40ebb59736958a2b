//! What an image says and holds. Pure: bytes come in, words go out; who fetched them, and when, is others' matter.
//! What is read here was written by strangers: everything has a bound.

mod configuration;
mod dockerfile;
mod index;
mod platform;

pub use configuration::{HistoryEntry, ImageConfig, RunConfig, is_image_config};
pub use dockerfile::instruction;
pub use index::{IndexEntry, NoSuchPlatform, choose, index_entries};
pub use platform::{Platform, PlatformError};
