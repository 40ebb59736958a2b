//! `longshore admin jobs` and `gc`: what a registry does in the background, over its management API.

use clap::Subcommand;

use super::remote::Remote;

#[derive(Debug, Subcommand)]
pub(crate) enum JobsCommand {
    /// Lists the kinds of work that wait, or the jobs of one kind.
    List {
        /// The kind, as the list without it has it.
        #[arg(long, value_name = "KIND")]
        kind: Option<String>,
        #[command(flatten)]
        at: Remote,
    },
    /// Has a job run at once.
    Retry {
        /// The job's number.
        #[arg(value_name = "NUMBER", value_parser = clap::value_parser!(i64).range(1..))]
        job: i64,
        #[command(flatten)]
        at: Remote,
    },
    /// Forgets a job: it is never done.
    Remove {
        /// The job's number.
        #[arg(value_name = "NUMBER", value_parser = clap::value_parser!(i64).range(1..))]
        job: i64,
        #[command(flatten)]
        at: Remote,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum GcCommand {
    /// Shows how much waits for collection.
    Status {
        #[command(flatten)]
        at: Remote,
    },
    /// Tells what collection would take now, and why; changes nothing.
    Preview {
        #[command(flatten)]
        at: Remote,
    },
    /// Collects at once what is due, in the background of the registry.
    Run {
        #[command(flatten)]
        at: Remote,
    },
    /// Lists the last runs that somebody asked for.
    List {
        #[command(flatten)]
        at: Remote,
    },
}
