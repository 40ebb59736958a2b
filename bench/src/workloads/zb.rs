//! `zb ...`: the tests of `zb`, the benchmark that comes with zot, by the names, sizes and counts that it has, so that
//! results can be set beside published ones.
//!
//! As there, a client pushes or pulls a whole image of one layer at a time: an operation is a push of layer,
//! configuration and manifest into a repository of its own, or a pull that asks for the head of each before its bytes.
//! Unlike there, layers are random from end to end, not zeros behind the first page. `with setup` is the rate that `zb`
//! itself would tell: over the time that preparing and deleting take, too.

mod operations;
mod session;

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;

use crate::{
    content::{Blob, Random},
    server::Server,
    workload::{Budget, Case, Needs, Session, Unsupported, Workload},
};

/// How much each test does; as `-n` and `-c` of `zb`.
#[derive(Clone, Copy, Debug, clap::Args)]
#[group(id = "zb")]
pub(crate) struct Settings {
    /// Operations of a round, for `zb *`
    #[arg(long = "requests", value_name = "N", default_value_t = 100)]
    requests: u64,

    /// Clients that share them, for `zb *`
    #[arg(long = "concurrency", value_name = "N", default_value_t = 10)]
    concurrency: u64,
}

impl Settings {
    /// (operations, clients): every client has the same number.
    fn counts(self, quick: bool) -> (u64, u64) {
        let (requests, clients) = if quick { (4, 2) } else { (self.requests, self.concurrency) };
        let clients = clients.clamp(1, requests.max(1));
        (requests.max(1) / clients * clients, clients)
    }
}

/// What the clients of a test do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    /// Ask for the catalog, with as many repositories in it as they will ask.
    Catalog,
    /// Push, each blob by POST and PUT.
    PushMonolith,
    /// Push, each blob by POST, PATCH and PUT.
    PushChunk,
    /// Pull the image that each client has pushed before.
    Pull,
    /// Pull three times out of four, push otherwise.
    PullAndPush,
    /// Pull what only another registry has.
    Sync,
}

/// One of the sizes of layers.
type Size = usize;

const SMALL: Size = 1 << 20;
const MEDIUM: Size = 10 << 20;
const LARGE: Size = 100 << 20;

/// Sizes of layers and how often each is taken, in percent or any other unit.
type Sizes = &'static [(Size, u64)];

const MIXED: Sizes = &[(SMALL, 20), (MEDIUM, 70), (LARGE, 10)];

#[rustfmt::skip] // A table.
const TESTS: [(&str, Action, Sizes); 18] = [
    ("zb Get Catalog", Action::Catalog, &[(SMALL, 70), (MEDIUM, 20), (LARGE, 10)]),
    ("zb Push Monolith 1MB", Action::PushMonolith, &[(SMALL, 1)]),
    ("zb Push Monolith 10MB", Action::PushMonolith, &[(MEDIUM, 1)]),
    ("zb Push Monolith 100MB", Action::PushMonolith, &[(LARGE, 1)]),
    ("zb Push Chunk Streamed 1MB", Action::PushChunk, &[(SMALL, 1)]),
    ("zb Push Chunk Streamed 10MB", Action::PushChunk, &[(MEDIUM, 1)]),
    ("zb Push Chunk Streamed 100MB", Action::PushChunk, &[(LARGE, 1)]),
    ("zb Pull 1MB", Action::Pull, &[(SMALL, 1)]),
    ("zb Pull 10MB", Action::Pull, &[(MEDIUM, 1)]),
    ("zb Pull 100MB", Action::Pull, &[(LARGE, 1)]),
    ("zb Pull Mixed 20% 1MB, 70% 10MB, 10% 100MB", Action::Pull, MIXED),
    ("zb Push Monolith Mixed 20% 1MB, 70% 10MB, 10% 100MB", Action::PushMonolith, MIXED),
    ("zb Push Chunk Mixed 33% 1MB, 33% 10MB, 33% 100MB", Action::PushChunk, &[(SMALL, 1), (MEDIUM, 1), (LARGE, 1)]),
    ("zb Pull 75% and Push 25% Mixed 1MB", Action::PullAndPush, &[(SMALL, 1)]),
    ("zb Pull 75% and Push 25% Mixed 10MB", Action::PullAndPush, &[(MEDIUM, 1)]),
    ("zb Pull 75% and Push 25% Mixed 100MB", Action::PullAndPush, &[(LARGE, 1)]),
    ("zb On-demand Sync 100MB", Action::Sync, &[(LARGE, 1)]),
    ("zb On-demand Sync 1GB", Action::Sync, &[(1 << 30, 1)]),
];

/// All of them.
pub(super) fn all() -> Vec<Box<dyn Workload>> {
    let layers = Arc::new(Layers::default());
    let test = |(name, action, sizes)| Test {
        name,
        about: about(action),
        action,
        sizes,
        layers: Arc::clone(&layers),
    };
    TESTS.into_iter().map(|row| Box::new(test(row)) as Box<dyn Workload>).collect()
}

fn about(action: Action) -> &'static str {
    match action {
        Action::Catalog => "GET of the catalog, after as many pushes",
        Action::PushMonolith => "push of an image, blobs by POST and PUT",
        Action::PushChunk => "push of an image, blobs by POST, PATCH and PUT",
        Action::Pull => "pull of an image, HEAD before each GET",
        Action::PullAndPush => "pulls and pushes of images",
        Action::Sync => "pull of an image that only an upstream registry has",
    }
}

struct Test {
    name: &'static str,
    about: &'static str,
    action: Action,
    sizes: Sizes,
    layers: Arc<Layers>,
}

impl Workload for Test {
    fn name(&self) -> &str {
        self.name
    }

    fn about(&self) -> &str {
        self.about
    }

    fn needs(&self) -> Needs {
        Needs { registry: true, ..Needs::default() }
    }

    fn by_default(&self) -> bool {
        false
    }

    fn cases(&self, budget: &Budget) -> Vec<Case> {
        Case::each("connections", &[budget.zb.counts(budget.quick).1])
    }

    fn prepare(&self, _server: &mut Server, budget: &Budget) -> Result<Box<dyn Session>> {
        if self.action == Action::Sync {
            return Err(Unsupported("no pull-through cache is set up".to_owned()).into());
        }
        // A smoke run has the same mixes of smaller layers.
        let scale = if budget.quick { 64 } else { 1 };
        let layers = self.sizes.iter().map(|&(size, weight)| Ok((self.layers.of(size / scale)?, weight)));
        Ok(Box::new(session::Clients::new(self.action, layers.collect::<Result<_>>()?)))
    }
}

/// Layers, one of each size for all servers and tests, as `zb` has a file of each.
#[derive(Debug, Default)]
struct Layers(Mutex<Vec<Blob>>);

impl Layers {
    fn of(&self, size: Size) -> Result<Blob> {
        let mut layers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(layer) = layers.iter().find(|layer| layer.bytes.len() == size) {
            return Ok(layer.clone());
        }
        let layer = Blob::random(&mut Random::new()?, size);
        layers.push(layer.clone());
        Ok(layer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_client_has_the_same_number_of_operations() {
        for (requests, concurrency, expected) in
            [(100, 10, (100, 10)), (105, 10, (100, 10)), (3, 10, (3, 3)), (0, 0, (1, 1))]
        {
            assert_eq!(Settings { requests, concurrency }.counts(false), expected);
        }
    }

    #[test]
    fn layers_of_a_size_are_made_once() {
        let layers = Layers::default();
        let digest = layers.of(1000).unwrap().digest;
        assert_eq!(layers.of(1000).unwrap().digest, digest);
        assert_ne!(layers.of(1001).unwrap().digest, digest);
    }
}
