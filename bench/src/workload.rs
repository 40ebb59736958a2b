//! What a workload is: a name, what it needs of a server, and how it is prepared and run.

use std::{collections::BTreeMap, fmt, path::Path, time::Duration};

use anyhow::Result;
use serde::Serialize;

use crate::{
    load::{Errors, Histogram},
    process::Memory,
    server::Server,
    workloads::{mixed, zb},
};

/// Something that servers are compared by. Its state, one for each server, is a [`Session`].
pub(crate) trait Workload: Send + Sync {
    /// The name on the command line and in reports, such as `manifest-get-tag`.
    fn name(&self) -> &str;

    /// What it does, in one sentence; `--list` shows it.
    fn about(&self) -> &str;

    /// What a server must be able to do to take part.
    fn needs(&self) -> Needs {
        Needs::default()
    }

    /// Whether it brings content to servers; one that is not ours must be opened for that.
    fn pushes(&self) -> bool {
        true
    }

    /// Whether it runs when no workload is named.
    fn by_default(&self) -> bool {
        true
    }

    /// How many rounds, of those that the command line asks for; less where a round takes long.
    fn rounds(&self, asked: u32, _budget: &Budget) -> u32 {
        asked
    }

    /// What is varied; each case is a row of the report. Cases that take long are left out unless `budget.long`.
    fn cases(&self, _budget: &Budget) -> Vec<Case> {
        vec![Case::default()]
    }

    /// Brings content to a server that was started for this workload alone. Nothing of it is timed.
    ///
    /// # Errors
    /// [`Unsupported`] when this server cannot do what is asked; anything else is a failure of the workload.
    fn prepare(&self, server: &mut Server, budget: &Budget) -> Result<Box<dyn Session>>;

    /// What this machine can do at best, without a server; shown beside the servers as `disk`.
    ///
    /// # Errors
    /// When the folder cannot be written.
    fn reference(&self, _folder: &Path, _case: &Case, _budget: &Budget) -> Result<Option<Measured>> {
        Ok(None)
    }
}

/// A workload on one server: runs once a round for every case, interleaved with the other servers.
pub(crate) trait Session {
    /// One round of one case; mostly one [`Measured`], more where parts of it are told apart (`Measured::part`).
    ///
    /// # Errors
    /// [`Unsupported`], or that the load could not be run at all. Exchanges that went wrong are counted in
    /// `Measured::errors` instead.
    fn run(&mut self, server: &mut Server, case: &Case, budget: &Budget) -> Result<Vec<Measured>>;
}

/// What a server must be able to do for a workload.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Needs {
    /// More than serving files: pushes, listings, mounts. nginx cannot.
    pub(crate) registry: bool,
    /// The server is started with a certificate.
    pub(crate) tls: bool,
    /// A process of ours that can be measured and started again; a server known by its URL alone cannot.
    pub(crate) process: bool,
    /// Only Longshore: reaches into its index or its commands.
    pub(crate) longshore: bool,
}

/// A server cannot do what a workload asks. Not a failure: reported as "not supported", with this reason.
#[derive(Clone, Debug)]
pub(crate) struct Unsupported(pub(crate) String);

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not supported: {}", self.0)
    }
}

impl std::error::Error for Unsupported {}

/// One setting of what a workload varies, as names and values: `connections` = 32, `bytes` = 1048576.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub(crate) struct Case(pub(crate) BTreeMap<&'static str, u64>);

impl Case {
    /// Every combination of two lists of values.
    pub(crate) fn grid(outer: (&'static str, &[u64]), inner: (&'static str, &[u64])) -> Vec<Self> {
        outer
            .1
            .iter()
            .flat_map(|&a| inner.1.iter().map(move |&b| Self(BTreeMap::from([(outer.0, a), (inner.0, b)]))))
            .collect()
    }

    /// A case for each value of one name.
    pub(crate) fn each(name: &'static str, values: &[u64]) -> Vec<Self> {
        values.iter().map(|&value| Self(BTreeMap::from([(name, value)]))).collect()
    }

    /// The value of `name`, or 1 where it is not varied.
    pub(crate) fn of(&self, name: &str) -> u64 {
        self.0.get(name).copied().unwrap_or(1)
    }

    /// How many connections; 1 where that is not varied.
    pub(crate) fn connections(&self) -> usize {
        usize::try_from(self.of("connections")).unwrap_or(1)
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pairs: Vec<_> = self.0.iter().map(|(name, value)| format!("{name}={value}")).collect();
        f.write_str(&pairs.join(" "))
    }
}

/// How much a run may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    /// How long one round of one case on one server lasts.
    pub(crate) round: Duration,
    /// Only see that everything works: tiny contents, a few requests.
    pub(crate) quick: bool,
    /// Also the cases that take minutes or many gigabytes.
    pub(crate) long: bool,
    /// Client threads, if the command line says so.
    pub(crate) client_threads: Option<usize>,
    /// Of `zb *`.
    pub(crate) zb: zb::Settings,
    /// Of `mixed` and `roll-out`.
    pub(crate) mixed: mixed::Settings,
}

impl Budget {
    /// `usual`, or `quick` in a smoke run.
    pub(crate) fn count(&self, usual: u64, quick: u64) -> u64 {
        if self.quick { quick } else { usual }
    }
}

/// What one round came to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Measured {
    /// Which part of the workload, such as `first 1000`; empty where there is one only.
    pub(crate) part: String,
    /// From the first request to the last reply.
    pub(crate) elapsed: Duration,
    /// Timed operations that went well.
    pub(crate) operations: u64,
    /// Bytes of content moved by them, in either direction.
    pub(crate) bytes: u64,
    /// How long each took.
    pub(crate) latency: Histogram,
    /// Operations that went wrong.
    pub(crate) errors: Errors,
    /// CPU time of the server's processes meanwhile; `None` for a server that is not ours.
    pub(crate) server_cpu: Option<Duration>,
    /// CPU time of this program meanwhile.
    pub(crate) client_cpu: Duration,
    /// Memory of the server's processes at the end.
    pub(crate) memory: Option<Memory>,
    /// Numbers that only this workload has, such as a start-up time. The first one is its headline if there are no
    /// operations.
    pub(crate) values: Vec<Value>,
}

impl Measured {
    /// A single number.
    pub(crate) fn value(name: &'static str, unit: Unit, value: f64) -> Self {
        Self { values: vec![Value { name, unit, value }], ..Self::default() }
    }
}

/// A number of a workload's own.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Value {
    /// What it is, in snake case without the unit: `start`, `idle_rss`.
    pub(crate) name: &'static str,
    /// Its unit, which also says whether more is better.
    pub(crate) unit: Unit,
    /// The number.
    pub(crate) value: f64,
}

/// Units of reported numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Unit {
    /// Operations a second; more is better.
    PerSecond,
    /// Millions of bytes a second; more is better.
    MegabytesPerSecond,
    /// Milliseconds; less is better.
    Milliseconds,
    /// Microseconds; less is better.
    Microseconds,
    /// Seconds of CPU time; less is better.
    CpuSeconds,
    /// Mebibytes of memory; less is better.
    Mebibytes,
}

impl Unit {
    /// How it is written behind a number.
    pub(crate) fn symbol(self) -> &'static str {
        match self {
            Self::PerSecond => "/s",
            Self::MegabytesPerSecond => "MB/s",
            Self::Milliseconds => "ms",
            Self::Microseconds => "us",
            Self::CpuSeconds => "s",
            Self::Mebibytes => "MiB",
        }
    }
}
