//! For tests only: starts registries, builds images, breaks things.
//!
//! ```no_run
//! # async fn example() {
//! use longshore_testkit::{TestRegistry, image};
//!
//! let registry = TestRegistry::builder().set("storage.delete.enabled", false).spawn().await;
//! registry.push_image("team/app", "v1", &image().layers(2).build()).await;
//! registry.pull_image("team/app", "v1").await;
//! registry.get("/v2/team/app/manifests/v2").await.assert_error(404, "MANIFEST_UNKNOWN");
//! # }
//! ```
//!
//! Functions panic when the registry does not do what they say; those that begin with `try_` give an error instead,
//! for tests in which the registry is killed meanwhile. Nothing here sleeps for a fixed time: states are waited for,
//! with a deadline.

mod accounts;
mod answers;
mod api;
mod archive;
mod browser;
mod content;
mod databases;
mod distribution;
mod oidc_provider;
mod postgres;
mod process;
mod random;
mod raw;
mod registry;
mod signer;
mod sink;
mod slapd;
mod tls;
mod transfer;
mod tree;
mod wait;

pub use accounts::{PASSWORD, basic, role};
pub use answers::{Answer, Answers, Asked};
pub use api::{Api, Call, Reply, client_builder, with_query};
pub use archive::Archive;
pub use browser::{Browser, BrowserSettings, ENTER, TAB};
pub use content::{Blob, Content, ImageBuilder, IndexBuilder, artifact, base64, image, index, media_type};
pub use distribution::Distribution;
pub use oidc_provider::{AtProvider, OidcProvider};
pub use postgres::Postgres;
pub use random::Random;
pub use raw::{RawConnection, RawReply};
pub use registry::{Builder, Finished, TestRegistry};
pub use signer::{TokenSigner, message, sign_by_secret};
pub use sink::{Posted, Sink};
pub use slapd::{Slapd, SlapdBuilder};
pub use tls::{Authority, Certificate};
pub use tree::{Harm, blob_path, checksums, files};
pub use wait::{DEADLINE, eventually, within};
