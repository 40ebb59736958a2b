//! Commands that look into images: at their files, and at what differs between two.

use clap::Args;
use longshore_client::ImageReference;

use super::client::{Connection, OneImage, Output, PlatformChoice};

/// What of an image's files is shown.
#[derive(Args, Clone, Debug)]
pub(crate) struct FilesArguments {
    #[command(flatten)]
    pub(crate) one: OneImage,
    /// A folder, which is listed, or a file, which is printed.
    #[arg(value_name = "PATH", default_value = "/")]
    pub(crate) path: String,
    /// What this layer alone holds: its number, from 1 for the lowest, or its digest.
    #[arg(long, value_name = "LAYER")]
    pub(crate) layer: Option<String>,
    /// Lists folders within folders, too.
    #[arg(short, long)]
    pub(crate) recursive: bool,
    #[command(flatten)]
    pub(crate) output: Output,
}

/// Which images are compared.
#[derive(Args, Clone, Debug)]
pub(crate) struct DiffArguments {
    /// The first image: localhost:5000/team/app:v1.
    #[arg(value_name = "A")]
    pub(crate) before: ImageReference,
    /// The second image: localhost:5000/team/app:v2.
    #[arg(value_name = "B")]
    pub(crate) after: ImageReference,
    /// Leaves out files and packages, for which layers are fetched.
    #[arg(long)]
    pub(crate) no_files: bool,
    #[command(flatten)]
    pub(crate) choice: PlatformChoice,
    #[command(flatten)]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) connection: Connection,
}
