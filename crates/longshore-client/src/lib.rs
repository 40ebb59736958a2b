//! A client of the distribution API: logs in as registries ask for it, tries again what may be tried again, goes on where
//! a connection broke, and believes no content whose digest it did not check.
//!
//! It reads no environment and no clock of the day; which files hold credentials and what is allowed is said by
//! [`ClientSettings`]. What a registry answers is hostile until it was checked: everything read whole has a bound.

mod blobs;
mod catalog;
mod challenge;
mod client;
mod copy;
mod credentials;
mod error;
mod graph;
mod image;
mod image_reference;
mod local;
mod management;
mod manifests;
mod pages;
mod referrers;
mod registry;
mod repository;
mod retry;
mod rules;
mod scope;
mod source;
mod tags;
mod tokens;
mod uploads;

/// Parts of this crate's interface that come from below it.
pub use longshore_image::{
    HistoryEntry, ImageConfig, IndexEntry, NoSuchPlatform, Platform, PlatformError, RunConfig, instruction,
};

pub use blobs::BlobStream;
pub use client::{Client, ClientSettings, SettingsError};
pub use copy::{Copied, CopyError, CopyProgress, CopySettings, copy};
pub use credentials::{CredentialError, CredentialFile, CredentialStore, Credentials};
pub use error::{ClientError, Problem, Refusal};
pub use graph::Parts;
pub use image::ImageError;
pub use image_reference::{ImageReference, ImageReferenceError, RegistryHost, RepositoryReference};
pub use local::{Choice, LocalError, LocalForm, LocalImages, PullSettings, pull};
pub use management::{Managed, Management, ManagementError, repository_path, segment};
pub use manifests::PulledManifest;
pub use registry::Registry;
pub use repository::Repository;
pub use rules::{Prefix, RegistryRules, RulesError};
pub use source::ImageSource;
pub use uploads::{BlobPush, BlobSource, Pieces, Pushed};
