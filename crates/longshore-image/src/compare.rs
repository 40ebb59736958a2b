//! What one image has that another has not.

mod configuration;
mod files;
mod packages;

pub use configuration::{ConfigChange, ConfigPart, compare_configs};
pub use files::{FileComparison, compare_files};
pub use packages::{PackageChange, compare_packages};
