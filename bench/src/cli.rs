//! The command line.

use std::{
    io::{self, Write as _},
    path::PathBuf,
    time::Duration,
};

use clap::Parser;

use crate::{
    server::External,
    workload::Budget,
    workloads::{mixed, zb},
};

/// Compares registries by load.
///
/// Starts Longshore and those of nginx, docker-registry, distribution and zot that are installed, each for every
/// workload anew with an empty folder; loads them in turns, round by round; and prints for each the median and the
/// spread over the rounds: requests and bytes a second, p50 and p99, CPU time of the server for a request and for a
/// gigabyte, memory, and how Longshore compares. nginx serves the same bytes as files: what the machine gives without
/// being a registry. Client and servers share this machine.
#[derive(Debug, Parser)]
#[command(name = "longshore-bench", after_help = EXAMPLES)]
pub(crate) struct Options {
    /// Workloads to run, by name; `*` stands for anything. Without: all that --list does not mark "by name only"
    #[arg(long = "workload", value_name = "NAME", value_delimiter = ',')]
    pub(crate) workloads: Vec<String>,

    /// Servers to compare: longshore, longshore-postgresql (with --metadata-url), longshore-token (only by name: it wants
    /// a token of every request), nginx, docker-registry, distribution, zot. Without: those that are installed
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub(crate) servers: Vec<String>,

    /// Shows the workloads and ends
    #[arg(long)]
    pub(crate) list: bool,

    /// How often each server's turn comes
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rounds: u32,

    /// How long a turn lasts, for workloads that are bounded by time
    #[arg(long, value_name = "S", default_value_t = 3.0)]
    pub(crate) seconds: f64,

    /// Only sees whether everything works: one round, tiny contents
    #[arg(long)]
    pub(crate) quick: bool,

    /// Also the cases that take minutes or many gigabytes, such as blobs of 1 GiB
    #[arg(long)]
    pub(crate) long: bool,

    #[command(flatten)]
    pub(crate) zb: zb::Settings,

    #[command(flatten)]
    pub(crate) mixed: mixed::Settings,

    /// Threads of the client. Without: what the workload finds best for all servers alike
    #[arg(long, value_name = "N")]
    pub(crate) client_threads: Option<usize>,

    /// Where servers keep their data while they run; a folder on the disk that is to be measured, not in memory
    #[arg(long, value_name = "DIR", default_value = "/var/tmp")]
    pub(crate) data: PathBuf,

    /// Keeps what `growth` fills in below this folder, and finds it there in later runs
    #[arg(long, value_name = "DIR")]
    pub(crate) filled: Option<PathBuf>,

    /// Also writes the results to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,

    /// Also draws throughput over connections, an SVG a workload, into this folder
    #[arg(long, value_name = "DIR")]
    pub(crate) plot: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) external: External,

    /// The program. Without: the one beside this program
    #[arg(long, value_name = "PATH")]
    pub(crate) longshore: Option<PathBuf>,

    /// Compares Longshore over PostgreSQL, too: `postgres://...`, a database of its own for each run but for what `growth`
    /// fills in, which later runs find there
    #[arg(long, value_name = "URL")]
    pub(crate) metadata_url: Option<String>,

    /// The program. Without: nginx, if it is in PATH
    #[arg(long, value_name = "PATH")]
    pub(crate) nginx: Option<PathBuf>,

    /// The program. Without: docker-registry, if it is in PATH
    #[arg(long, value_name = "PATH")]
    pub(crate) docker_registry: Option<PathBuf>,

    /// The program. Without: distribution, if it is in PATH
    #[arg(long, value_name = "PATH")]
    pub(crate) distribution: Option<PathBuf>,

    /// The program. Without: zot, if it is in PATH
    #[arg(long, value_name = "PATH")]
    pub(crate) zot: Option<PathBuf>,
}

const EXAMPLES: &str = "Examples:
  longshore-bench --quick
      sees in a minute whether everything works
  longshore-bench --workload 'manifest-*' --servers longshore,nginx
      how close Longshore comes to files
  longshore-bench --zot ~/zot --rounds 5 --json results.json
      everything, with zot, five rounds, also as JSON";

impl Options {
    /// How much a run may take.
    pub(crate) fn budget(&self) -> Budget {
        let seconds = if self.quick { 0.1 } else { self.seconds.clamp(0.01, 3600.0) };
        Budget {
            round: Duration::from_secs_f64(seconds),
            quick: self.quick,
            long: self.long,
            client_threads: self.client_threads,
            zb: self.zb,
            mixed: self.mixed,
        }
    }

    /// How many rounds.
    pub(crate) fn rounds(&self) -> u32 {
        if self.quick { 1 } else { self.rounds }
    }
}

/// Writes a line to standard output. Whether anybody reads it is not our concern.
pub(crate) fn say(line: &str) {
    drop(writeln!(io::stdout().lock(), "{line}"));
}

/// Writes a line about the progress to standard error.
pub(crate) fn note(line: &str) {
    drop(writeln!(io::stderr().lock(), "{line}"));
}

/// Writes an error with its causes to standard error.
pub(crate) fn complain(error: &anyhow::Error) {
    note(&format!("error: {error:#}"));
}
