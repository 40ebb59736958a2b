//! Commands that ask a registry, any registry, over the network.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use longshore_client::{ImageReference, Prefix, RegistryHost, RepositoryReference};
use longshore_types::Tag;

use super::{
    contents::{DiffArguments, FilesArguments},
    operator::{PruneArguments, RollbackArguments},
    transfer::{CopyArguments, PullArguments, PushArguments},
};

/// What a client does.
#[derive(Debug, Subcommand)]
pub(crate) enum ClientCommand {
    /// Logs in to a registry, and keeps name and secret where docker keeps them.
    ///
    /// They are tried first. Without --user and --password-stdin they are asked for on the terminal. They are kept by the
    /// credential helper that docker's config.json names, else in that file, readable for its owner alone.
    #[command(after_help = "Examples:
  longshore login localhost:5000
  longshore login localhost:5000 --user ann --password-stdin < secret")]
    Login {
        /// The registry, host or host:port.
        #[arg(value_name = "HOST")]
        host: RegistryHost,
        /// The name.
        #[arg(short, long, value_name = "NAME")]
        user: Option<String>,
        /// Reads the password, access token or robot's secret from standard input.
        #[arg(long)]
        password_stdin: bool,
        #[command(flatten)]
        connection: Connection,
    },
    /// Forgets name and secret of a registry, wherever docker and podman keep them.
    Logout {
        /// The registry, host or host:port.
        #[arg(value_name = "HOST")]
        host: RegistryHost,
        #[command(flatten)]
        connection: Connection,
    },
    /// Lists the repositories of a registry that you may see.
    Catalog {
        /// The registry, host or host:port.
        #[arg(value_name = "HOST")]
        host: RegistryHost,
        #[command(flatten)]
        output: Output,
        #[command(flatten)]
        connection: Connection,
    },
    /// Lists the tags of a repository.
    Tags {
        /// The repository: localhost:5000/team/app.
        #[arg(value_name = "HOST/NAME")]
        repository: RepositoryReference,
        #[command(flatten)]
        output: Output,
        #[command(flatten)]
        connection: Connection,
    },
    /// Shows what an image is: the parts of its address, digests, platforms, configuration.
    #[command(after_help = "Examples:
  longshore inspect localhost:5000/team/app:v1
  longshore inspect --platform linux/arm64 docker.io/library/alpine
  longshore inspect --output json localhost:5000/team/app@sha256:…")]
    Inspect {
        #[command(flatten)]
        one: OneImage,
        #[command(flatten)]
        output: Output,
    },
    /// Prints a manifest, byte for byte as it was pushed.
    Manifest(OneImage),
    /// Shows how an image was built: its layers, their sizes, and the Dockerfile that makes them.
    History {
        #[command(flatten)]
        one: OneImage,
        #[command(flatten)]
        output: Output,
    },
    /// Lists a folder of an image, or prints a file of it.
    ///
    /// Layers are read as they arrive, and none is kept. A file that lies in an upper layer is printed without fetching those
    /// below.
    #[command(after_help = "Examples:
  longshore files localhost:5000/team/app:v1 /etc
  longshore files localhost:5000/team/app:v1 /etc/os-release
  longshore files --recursive --layer 3 localhost:5000/team/app:v1")]
    Files(Box<FilesArguments>),
    /// Shows what differs between two images: configuration, packages, layers, files.
    ///
    /// Packages are those that dpkg and apk list. Times are left out: they always differ.
    #[command(after_help = "Examples:
  longshore diff localhost:5000/team/app:v1 localhost:5000/team/app:v2
  longshore diff --no-files docker.io/library/alpine:3.19 docker.io/library/alpine:3.20")]
    Diff(Box<DiffArguments>),
    /// Lists what refers to an image: signatures, SBOMs, attestations.
    Referrers {
        /// The image, by tag or digest: localhost:5000/team/app:v1.
        #[arg(value_name = "IMAGE")]
        image: ImageReference,
        #[command(flatten)]
        output: Output,
        #[command(flatten)]
        connection: Connection,
    },
    /// Copies an image from one registry or repository to another, with all its platforms and what refers to it.
    ///
    /// Manifests stay byte for byte what they are. What is there is not sent again, and what the registry has in the other
    /// repository is mounted: a copy that broke goes on where it was.
    #[command(after_help = "Examples:
  longshore copy docker.io/library/alpine:3 localhost:5000/base/alpine
  longshore copy localhost:5000/team/app:v1 example.org/team/app:v1
  longshore copy --no-referrers localhost:5000/team/app@sha256:… localhost:5000/team/copy:v1
  longshore copy --platform linux/arm64 localhost:5000/team/app:v1 localhost:5000/team/app:v1-arm64")]
    Copy(Box<CopyArguments>),
    /// Writes an image into files: an OCI image layout, an archive for docker load, or a folder for skopeo.
    ///
    /// All its platforms, unless --platform names one. Every digest is checked, and files appear whole or not at all: a pull
    /// that broke goes on where it was. A layout holds several images, each under its tag or --name.
    #[command(after_help = "Examples:
  longshore pull localhost:5000/team/app:v1 images
  longshore pull --referrers localhost:5000/team/app:v1 images
  longshore pull --format docker-archive docker.io/library/alpine:3 alpine.tar")]
    Pull(Box<PullArguments>),
    /// Pushes an image from files: an OCI image layout, also in a tar archive, an archive of docker save, a folder of
    /// skopeo's dir:.
    ///
    /// What is there shows by itself; archives may be compressed by gzip. Of several images it is that of the same name or tag
    /// as REF, or the one that --image names.
    #[command(after_help = "Examples:
  longshore push images localhost:5000/team/app:v1
  longshore push --image v2 images localhost:5000/team/app:latest
  docker save team/app | gzip > app.tar.gz; longshore push app.tar.gz localhost:5000/team/app:v1")]
    Push(Box<PushArguments>),
    /// Gives an image another tag, in the same repository. No content moves.
    Tag {
        /// The image, by tag or digest: localhost:5000/team/app:v1.
        #[arg(value_name = "IMAGE")]
        image: ImageReference,
        /// The tag it gets; one that exists moves.
        #[arg(value_name = "TAG")]
        tag: Tag,
        #[command(flatten)]
        connection: Connection,
    },
    /// Takes a tag away; the image stays under its digest and its other tags.
    ///
    /// Registries that cannot, such as registry:2, say so: there, only the image can be deleted, with all its tags.
    Untag {
        /// The image with the tag to take away: localhost:5000/team/app:v1.
        #[arg(value_name = "IMAGE")]
        image: ImageReference,
        #[command(flatten)]
        connection: Connection,
    },
    /// Deletes an image with all its tags in that repository.
    Delete {
        /// The image, by tag or digest: localhost:5000/team/app:v1.
        #[arg(value_name = "IMAGE")]
        image: ImageReference,
        #[command(flatten)]
        connection: Connection,
    },
    /// Points a tag back to what it was.
    ///
    /// Longshore keeps the history of tags, and what was deleted for a while: both come back. At other registries --to
    /// points the tag to an image that is still there.
    #[command(after_help = "Examples:
  longshore rollback localhost:5000/team/app:v1
  longshore rollback --list localhost:5000/team/app:v1
  longshore rollback --to sha256:… localhost:5000/team/app:v1")]
    Rollback(Box<RollbackArguments>),
    /// Takes old tags and their images, after showing what would go and why.
    ///
    /// What is given must hold together: --match 'v*' --older-than 30d --keep 5 takes of the tags that begin with v those
    /// built more than 30 days ago, but never the newest five. An image that another tag or index needs loses the tag
    /// alone. Signatures go with what they are about. How old an image is, its configuration says; what does not say
    /// it stays.
    #[command(after_help = "Examples:
  longshore prune --older-than 30d localhost:5000/team/app             what would go
  longshore prune --older-than 30d --keep 10 --yes localhost:5000/team/app
  longshore prune --match 'pr-*' --older-than 2w --except pr-1 localhost:5000/team/app")]
    Prune(Box<PruneArguments>),
    /// Tells why a registry cannot be used: name, connection, TLS, login, clock, one after the other.
    Ping {
        /// The registry, host or host:port.
        #[arg(value_name = "HOST")]
        host: RegistryHost,
        #[command(flatten)]
        connection: Connection,
    },
}

/// An image, the one that is meant of it, and the way to its registry.
#[derive(Args, Clone, Debug)]
pub(crate) struct OneImage {
    /// The image, by tag or digest: localhost:5000/team/app:v1.
    #[arg(value_name = "IMAGE")]
    pub(crate) image: ImageReference,
    #[command(flatten)]
    pub(crate) choice: PlatformChoice,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

/// How registries are reached.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Connection {
    /// Takes plain HTTP, and certificates that nobody vouches for. Not needed for registries on this machine.
    #[arg(long)]
    pub(crate) insecure: bool,
    /// Trusts the certificates in this file, in PEM form, beside those of the system.
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Vec<PathBuf>,
    /// Pulls from here first, host or host/name, and goes on where it is not; may be given several times.
    #[arg(long, value_name = "MIRROR")]
    pub(crate) mirror: Vec<Prefix>,
    /// Keeps and finds names and secrets in this file alone.
    #[arg(long, value_name = "FILE", env = "REGISTRY_AUTH_FILE")]
    pub(crate) authfile: Option<PathBuf>,
}

/// How what was found is written.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Output {
    /// For people, or for programs.
    #[arg(short, long, value_enum, value_name = "FORM", default_value = "table")]
    pub(crate) output: Form,
}

/// The form of what is written to standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// Columns and lines.
    Table,
    /// One JSON value.
    Json,
}

/// Which image of an index is meant.
#[derive(Args, Clone, Debug)]
pub(crate) struct PlatformChoice {
    /// The platform, os/architecture or os/architecture/variant, of an image that has several.
    #[arg(long, value_name = "PLATFORM")]
    pub(crate) platform: Option<longshore_client::Platform>,
}
