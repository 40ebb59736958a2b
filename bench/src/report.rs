//! What a run came to: medians, spreads and ratios, as a table and as JSON.

pub(crate) mod charts;
mod machine;
mod metric;
mod plot;
pub(crate) mod table;

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context as _, Result};
use serde::Serialize;

pub(crate) use metric::Metric;

use self::machine::Machine;
use crate::{
    cli::Options,
    server::Kind,
    workload::{Case, Measured, Unsupported},
};

/// Everything that was measured; written as JSON as it is.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    machine: Machine,
    /// Over which medians are taken.
    rounds: u32,
    /// How long a round was, where time bounds it.
    seconds: f64,
    /// What each server says of its version.
    servers: BTreeMap<String, String>,
    /// In the order in which they ran.
    rows: Vec<Row>,
}

/// A workload, a case of it, and a part of that: what servers are compared by.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    /// Its name.
    pub(crate) workload: String,
    /// What was varied.
    pub(crate) case: Case,
    /// Which part of the workload; empty where there is one.
    pub(crate) part: String,
    /// The metric to look at first.
    pub(crate) headline: String,
    /// How each server fared.
    pub(crate) entries: Vec<Entry>,
}

/// How a server fared.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Entry {
    /// Its name; `disk` for what the machine can do without a server.
    pub(crate) server: String,
    /// In the order of columns.
    pub(crate) metrics: Vec<Metric>,
    /// Operations that went wrong, over all rounds. Where there are any, the metrics are of the others alone.
    pub(crate) errors: u64,
    /// Why there are no metrics, or the first of the errors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) problem: Option<String>,
    /// The server cannot do this; no failure.
    pub(crate) unsupported: bool,
}

impl Entry {
    /// A metric by its name.
    pub(crate) fn metric(&self, name: &str) -> Option<&Metric> {
        self.metrics.iter().find(|metric| metric.name == name)
    }
}

impl Row {
    /// The entry of a server.
    pub(crate) fn entry(&self, server: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.server == server)
    }
}

impl Report {
    /// An empty one.
    pub(crate) fn new(options: &Options, kinds: &[Box<dyn Kind>]) -> Self {
        Self {
            machine: Machine::read(),
            rounds: options.rounds(),
            seconds: options.budget().round.as_secs_f64(),
            servers: kinds.iter().map(|kind| (kind.name().to_owned(), kind.version())).collect(),
            rows: Vec::new(),
        }
    }

    /// Adds the rows of a workload.
    pub(crate) fn add(&mut self, rows: Vec<Row>) {
        self.rows.extend(rows);
    }

    /// The rows so far.
    pub(crate) fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Whether anything went wrong that should not have.
    pub(crate) fn failed(&self) -> bool {
        let mut entries = self.rows.iter().flat_map(|row| &row.entries);
        entries.any(|entry| entry.problem.is_some() && !entry.unsupported)
    }

    /// Writes it as JSON.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn write_json(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_vec_pretty(self)?;
        fs::write(path, text).with_context(|| format!("could not write {}", path.display()))
    }
}

/// What the rounds of a workload have brought so far.
#[derive(Debug, Default)]
pub(crate) struct Collected {
    workload: String,
    /// By case and part, in the order of appearance; then by server, likewise.
    rows: Vec<(Case, String, Vec<Rounds>)>,
    /// Servers that never began.
    missing: Vec<Entry>,
}

/// The rounds of a server.
#[derive(Debug)]
struct Rounds {
    server: String,
    measured: Vec<Measured>,
    failure: Option<(String, bool)>,
}

impl Collected {
    /// Nothing yet.
    pub(crate) fn new(workload: &str) -> Self {
        Self { workload: workload.to_owned(), ..Self::default() }
    }

    /// Adds a round.
    pub(crate) fn add(&mut self, server: &str, case: &Case, measured: Vec<Measured>) {
        for measured in measured {
            self.rounds(server, case, &measured.part.clone()).measured.push(measured);
        }
    }

    /// A round could not be run.
    pub(crate) fn fail(&mut self, server: &str, case: &Case, error: &anyhow::Error) {
        let failure = (format!("{error:#}"), error.is::<Unsupported>());
        self.rounds(server, case, "").failure.get_or_insert(failure);
    }

    /// A server does not take part at all.
    pub(crate) fn missing(&mut self, server: &str, error: &anyhow::Error) {
        self.missing.push(Entry {
            server: server.to_owned(),
            problem: Some(format!("{error:#}")),
            unsupported: error.is::<Unsupported>(),
            ..Entry::default()
        });
    }

    /// The rows of the report.
    pub(crate) fn into_rows(mut self) -> Vec<Row> {
        if self.rows.is_empty() && !self.missing.is_empty() {
            self.rows.push((Case::default(), String::new(), Vec::new()));
        }
        let missing = &self.missing;
        let mut rows = Vec::new();
        for (case, part, rounds) in self.rows {
            let headline = metric::headline(rounds.iter().flat_map(|rounds| &rounds.measured));
            let mut entries: Vec<_> = rounds.into_iter().map(Entry::from).collect();
            entries.extend(missing.iter().map(|entry| Entry {
                server: entry.server.clone(),
                problem: entry.problem.clone(),
                unsupported: entry.unsupported,
                ..Entry::default()
            }));
            metric::compare(&mut entries);
            rows.push(Row { workload: self.workload.clone(), case, part, headline, entries });
        }
        rows
    }

    fn rounds(&mut self, server: &str, case: &Case, part: &str) -> &mut Rounds {
        let known = self.rows.iter().position(|(a, b, _)| (a, b.as_str()) == (case, part));
        let row = known.unwrap_or_else(|| {
            self.rows.push((case.clone(), part.to_owned(), Vec::new()));
            self.rows.len() - 1
        });
        let servers = &mut self.rows[row].2;
        let known = servers.iter().position(|rounds| rounds.server == server);
        let index = known.unwrap_or_else(|| {
            servers.push(Rounds { server: server.to_owned(), measured: Vec::new(), failure: None });
            servers.len() - 1
        });
        &mut servers[index]
    }
}

impl From<Rounds> for Entry {
    fn from(rounds: Rounds) -> Self {
        let errors = rounds.measured.iter().map(|measured| measured.errors.count).sum();
        let first = rounds.measured.iter().find_map(|measured| measured.errors.first.clone());
        let (failure, unsupported) = rounds.failure.unzip();
        Self {
            metrics: metric::of_rounds(&rounds.measured),
            errors,
            problem: failure.or(first),
            unsupported: unsupported.unwrap_or(false),
            server: rounds.server,
        }
    }
}
