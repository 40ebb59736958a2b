//! `growth`: the same requests on a registry that holds more and more.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, Result};
use http::Method;
use longshore_metadata::BulkFill;

use crate::{
    content::{index, manifest_path, push_manifest},
    load::{Client, Plan, Protocol, Request, Worker, block_on, run},
    server::Server,
    workload::{Budget, Case, Measured, Needs, Session, Unit, Workload},
};

/// How many manifests and tags one repository gets; and with `--long` also the last.
const SIZES: [u64; 4] = [1_000, 100_000, 1_000_000, 10_000_000];
/// Other repositories, for pages of the catalog.
const BESIDE: u64 = 2_000;
/// Pushes and deletions of a round.
const CHANGES: u64 = 200;

/// Everything that could get slower as a registry grows.
pub(super) struct Growth;

impl Workload for Growth {
    fn name(&self) -> &str {
        "growth"
    }

    fn about(&self) -> &str {
        "start, pulls, pages, pushes and deletions with 1 k to 1 M (--long: 10 M) tags in one repository"
    }

    fn needs(&self) -> Needs {
        Needs { registry: true, process: true, longshore: true, ..Needs::default() }
    }

    fn by_default(&self) -> bool {
        false
    }

    fn cases(&self, budget: &Budget) -> Vec<Case> {
        let sizes = match (budget.quick, budget.long) {
            (true, _) => &[500],
            (false, false) => &SIZES[..3],
            (false, true) => &SIZES[..],
        };
        Case::each("manifests", sizes)
    }

    fn prepare(&self, server: &mut Server, budget: &Budget) -> Result<Box<dyn Session>> {
        server.stop();
        if let Some(kept) = server.kept() {
            index::use_kept(server, kept)?;
        }
        let beside = budget.count(BESIDE, 20);
        let prefix = index::filled_beside(server, beside)?;
        // What was pushed in earlier runs is still there.
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        Ok(Box::new(Grown { beside, prefix, filled: BTreeMap::new(), pushed: seconds * 10_000 }))
    }
}

struct Grown {
    /// How many small repositories there are.
    beside: u64,
    /// What their names begin with.
    prefix: String,
    /// The repository of each size that is there; smaller ones stay.
    filled: BTreeMap<u64, String>,
    /// The number of the next tag to push: each is a new one.
    pushed: u64,
}

impl Session for Grown {
    fn run(&mut self, server: &mut Server, case: &Case, budget: &Budget) -> Result<Vec<Measured>> {
        let size = case.of("manifests");
        server.stop();
        let repository = match self.filled.entry(size) {
            Entry::Occupied(filled) => filled.get().clone(),
            Entry::Vacant(empty) => empty.insert(index::filled(server, u32::try_from(size)?)?).clone(),
        };
        let took = server.start()?;
        let mut all =
            vec![part("start", Measured::value("start", Unit::Milliseconds, took.as_secs_f64() * 1e3))];

        let tag = |number: u64| BulkFill::tag(u32::try_from(spread(number) % size).unwrap_or_default());
        let manifest = |number| manifest_path(&repository, tag(number).as_str());
        let first = manifest(0);
        let tags = |number| format!("/v2/{repository}/tags/list?n=1000&last={}", tag(number));
        let catalog = |number| {
            let from = spread(number) % (self.beside / 2);
            format!("/v2/_catalog?n=1000&last={}-{from:05}", self.prefix)
        };
        all.push(part("manifest, any tag", pages(server, 32, budget, manifest)?));
        all.push(part("manifest, one tag", pages(server, 32, budget, |_| first.clone())?));
        all.push(part("tags page", pages(server, 1, budget, tags)?));
        all.push(part("catalog page", pages(server, 1, budget, catalog)?));
        all.extend(self.changes(server, &repository, budget)?);
        let memory = server.memory().context("its memory cannot be read")?;
        #[expect(clippy::cast_precision_loss, reason = "sizes far below 2^52")]
        let rss = memory.resident_bytes as f64 / 1_048_576.0;
        all.push(part("after all that", Measured::value("rss", Unit::Mebibytes, rss)));
        Ok(all)
    }
}

impl Grown {
    /// New manifests under new tags, one after the other; then these tags are deleted again.
    fn changes(&mut self, server: &mut Server, repository: &str, budget: &Budget) -> Result<Vec<Measured>> {
        let (changes, from) = (budget.count(CHANGES, 5), self.pushed);
        self.pushed += changes;
        let known = Request::get(server.endpoint(), &manifest_path(repository, BulkFill::tag(0).as_str()))?;
        let (_, known) = block_on(async {
            Client::connect(server.endpoint(), Protocol::Http1).await?.fetch(&known).await
        })?;
        let known = String::from_utf8_lossy(&known);
        let plan = Plan::new(1, budget).exactly(changes);
        let pushes = run(server, &plan, async |worker: &mut Worker| {
            let number = from + worker.iteration;
            let manifest = known.replace("\"1.0.", &format!("\"2.{number}.")).into();
            let begun = Instant::now();
            push_manifest(&mut worker.client, repository, &format!("pushed-{number}"), &manifest).await?;
            worker.record(0, begun.elapsed(), manifest.len() as u64);
            Ok(())
        })?;
        let deletions = run(server, &plan, async |worker: &mut Worker| {
            let path = manifest_path(repository, &format!("pushed-{}", from + worker.iteration));
            let request = Request::new(worker.client.endpoint(), Method::DELETE, &path)?;
            worker.timed(&request, 202).await
        })?;
        let named = |name, parts: Vec<Measured>| parts.into_iter().map(move |one| part(name, one));
        Ok(named("push", pushes).chain(named("delete", deletions)).collect())
    }
}

fn part(name: &str, measured: Measured) -> Measured {
    Measured { part: name.to_owned(), ..measured }
}

/// GETs of a path that depends on a number.
fn pages(
    server: &Server,
    connections: usize,
    budget: &Budget,
    path: impl Fn(u64) -> String + Sync,
) -> Result<Measured> {
    let parts = run(server, &Plan::new(connections, budget), async |worker: &mut Worker| {
        let request = Request::get(worker.client.endpoint(), &path(worker.iteration))?;
        worker.timed(&request, 200).await
    })?;
    parts.into_iter().next().context("a load has at least one part")
}

/// A number that looks like any other, the same for the same number (SplitMix64).
fn spread(number: u64) -> u64 {
    let mut z = number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
