//! Commands that move images: between registries, and from and to files.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use longshore_client::ImageReference;

use super::client::{Connection, Output, PlatformChoice};

/// What is copied, and where to.
#[derive(Args, Clone, Debug)]
pub(crate) struct CopyArguments {
    /// What is copied, by tag or digest: localhost:5000/team/app:v1.
    #[arg(value_name = "FROM")]
    pub(crate) from: ImageReference,
    /// Where to: example.org/team/app; without a tag it keeps its own.
    #[arg(value_name = "TO")]
    pub(crate) to: ImageReference,
    /// Leaves signatures, SBOMs and attestations behind.
    #[arg(long)]
    pub(crate) no_referrers: bool,
    #[command(flatten)]
    pub(crate) transfer: Transfer,
}

/// What is pulled, and into which files.
#[derive(Args, Clone, Debug)]
pub(crate) struct PullArguments {
    /// What is pulled, by tag or digest: localhost:5000/team/app:v1.
    #[arg(value_name = "REF")]
    pub(crate) from: ImageReference,
    /// The folder, or with --format docker-archive the file, that it is written to.
    #[arg(value_name = "DIR")]
    pub(crate) to: PathBuf,
    /// As what it is written.
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "oci")]
    pub(crate) format: LocalFormat,
    /// What it is called in the layout or archive, instead of its tag.
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Brings along signatures, SBOMs and attestations.
    #[arg(long)]
    pub(crate) referrers: bool,
    #[command(flatten)]
    pub(crate) transfer: Transfer,
}

/// Which files are pushed, and where to.
#[derive(Args, Clone, Debug)]
pub(crate) struct PushArguments {
    /// The folder or archive that holds the image.
    #[arg(value_name = "DIR")]
    pub(crate) from: PathBuf,
    /// Where to: localhost:5000/team/app:v1.
    #[arg(value_name = "REF")]
    pub(crate) to: ImageReference,
    /// The image that is meant, of several that lie there.
    #[arg(long, value_name = "NAME")]
    pub(crate) image: Option<String>,
    /// Brings along signatures, SBOMs and attestations.
    #[arg(long)]
    pub(crate) referrers: bool,
    #[command(flatten)]
    pub(crate) transfer: Transfer,
}

/// How images move.
#[derive(Args, Clone, Debug)]
pub(crate) struct Transfer {
    #[command(flatten)]
    pub(crate) choice: PlatformChoice,
    /// Blobs under way at a time.
    #[arg(long, value_name = "COUNT", default_value = "4", value_parser = clap::value_parser!(u8).range(1..=64))]
    pub(crate) parallel: u8,
    #[command(flatten)]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

/// The form of an image in files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LocalFormat {
    /// A folder that is an OCI image layout; it holds any number of images.
    Oci,
    /// A file as `docker save` writes it, with the image of one platform.
    DockerArchive,
    /// A folder as skopeo's `dir:` has it, of one image.
    Dir,
}
