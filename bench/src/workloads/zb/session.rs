//! The clients of one test on one server.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

use super::{
    Action,
    operations::{self, Pushed},
};
use crate::{
    content::{Blob, Random},
    load::{Plan, Worker, run},
    server::Server,
    workload::{Budget, Case, Measured, Session, Unit, Value},
};

/// The parts in which operations are recorded: all, and where they are mixed pulls and pushes by themselves.
const ALL: usize = 0;
const PULLS: usize = 1;
const PUSHES: usize = 2;

/// Of four operations of mixed tests, so many are pulls.
const PULLS_OF_FOUR: u64 = 3;

pub(super) struct Clients {
    action: Action,
    /// Layers, and how often each is taken.
    layers: Vec<(Blob, u64)>,
}

impl Clients {
    pub(super) fn new(action: Action, layers: Vec<(Blob, u64)>) -> Self {
        Self { action, layers }
    }

    /// Which layer an operation takes.
    fn choose(&self, random: &mut Random) -> usize {
        let mut place = random.below(self.layers.iter().map(|(_, weight)| weight).sum());
        let found = self.layers.iter().position(|(_, weight)| {
            let here = place < *weight;
            place = place.saturating_sub(*weight);
            here
        });
        found.unwrap_or(0)
    }

    /// Pushes what the operations need: for the catalog an image for each of them, to be pulled one of each layer for
    /// each client.
    fn prepare(&self, server: &Server, images: &Images, plan: &Plan, operations: u64) -> Result<Duration> {
        let (mut plan, each) = (*plan, self.layers.len() as u64);
        plan = match self.action {
            Action::PushMonolith | Action::PushChunk | Action::Sync => return Ok(Duration::ZERO),
            Action::Catalog => plan.exactly(operations),
            Action::Pull | Action::PullAndPush => plan.exactly(plan.connections as u64 * each),
        };
        complete(run(server, &plan, async |worker: &mut Worker| {
            let layer = match self.action {
                Action::Catalog => self.choose(&mut Random::seeded(worker.iteration)),
                // Every layer as often as there are clients.
                _ => usize::try_from(worker.iteration % each)?,
            };
            images.keep(layer, operations::push_monolith(&mut worker.client, &self.layers[layer].0).await?);
            Ok(())
        })?)
    }

    async fn operation(&self, worker: &mut Worker, images: &Images) -> Result<()> {
        // Every server gets the same choices.
        let (begun, layer) = (Instant::now(), self.choose(&mut Random::seeded(worker.iteration)));
        let pulls = self.action == Action::Pull
            || self.action == Action::PullAndPush && worker.iteration % 4 < PULLS_OF_FOUR;
        let bytes = if self.action == Action::Catalog {
            operations::catalog(&mut worker.client).await?
        } else if pulls {
            let pushed = images.of(layer, worker.index)?;
            operations::pull(&mut worker.client, &pushed).await?;
            pushed.bytes()
        } else {
            let blob = &self.layers[layer].0;
            let pushed = match self.action {
                Action::PushChunk => operations::push_chunk(&mut worker.client, blob).await?,
                _ => operations::push_monolith(&mut worker.client, blob).await?,
            };
            let bytes = pushed.bytes();
            images.done(pushed);
            bytes
        };
        let took = begun.elapsed();
        worker.record(ALL, took, bytes);
        if self.action == Action::PullAndPush {
            worker.record(if pulls { PULLS } else { PUSHES }, took, bytes);
        }
        Ok(())
    }
}

impl Session for Clients {
    fn run(&mut self, server: &mut Server, _case: &Case, budget: &Budget) -> Result<Vec<Measured>> {
        let (operations, clients) = budget.zb.counts(budget.quick);
        let plan = Plan::new(usize::try_from(clients)?, budget).exactly(operations);
        let images = Images::new(self.layers.len());
        let prepared = self.prepare(server, &images, &plan, operations)?;
        let mut parts =
            run(server, &plan, async |worker: &mut Worker| self.operation(worker, &images).await)?;
        let deleted = images.delete(server, &plan);
        for (part, name) in parts.iter_mut().zip(["", "Pull", "Push"]) {
            part.part = name.to_owned();
            part.values = percentiles(part);
        }
        for part in &mut parts[1..] {
            // What the server spent cannot be told apart.
            part.server_cpu = None;
        }
        // Where deleting is switched off, `zb` itself would tell nothing.
        if let (Some(all), Ok(deleted)) = (parts.first_mut(), deleted) {
            let whole = prepared + all.elapsed + deleted;
            let value = all.operations as f64 / whole.as_secs_f64();
            all.values.push(Value { name: "with_setup", unit: Unit::PerSecond, value });
        }
        Ok(parts)
    }
}

/// What `zb` tells beside the median and p99.
fn percentiles(measured: &Measured) -> Vec<Value> {
    let percentiles = [("min", 0.0), ("p75", 75.0), ("p90", 90.0), ("max", 100.0)];
    let value = |(name, percent)| {
        let value = measured.latency.percentile(percent).as_secs_f64() * 1000.0;
        Value { name, unit: Unit::Milliseconds, value }
    };
    percentiles.into_iter().map(value).collect()
}

/// The time of a load that must not fail.
fn complete(parts: Vec<Measured>) -> Result<Duration> {
    let all = parts.into_iter().next().context("a load has at least one part")?;
    match all.errors.first {
        Some(error) => bail!("{error} ({} times)", all.errors.count),
        None => Ok(all.elapsed),
    }
}

/// What was pushed: to be pulled, by layer and client, and to be deleted in the end.
struct Images {
    to_pull: Mutex<Vec<Vec<Pushed>>>,
    done: Mutex<Vec<Pushed>>,
}

impl Images {
    fn new(layers: usize) -> Self {
        Self { to_pull: Mutex::new(vec![Vec::new(); layers]), done: Mutex::default() }
    }

    fn keep(&self, layer: usize, pushed: Pushed) {
        lock(&self.to_pull)[layer].push(pushed);
    }

    fn done(&self, pushed: Pushed) {
        lock(&self.done).push(pushed);
    }

    /// The image of a layer that a client pulls.
    fn of(&self, layer: usize, client: usize) -> Result<Pushed> {
        let images = lock(&self.to_pull);
        images[layer].get(client).cloned().context("there is an image for each client")
    }

    /// Deletes all, and says how long it took.
    fn delete(self, server: &Server, plan: &Plan) -> Result<Duration> {
        let mut images = self.done.into_inner().unwrap_or_else(PoisonError::into_inner);
        images.extend(lock(&self.to_pull).drain(..).flatten());
        complete(run(server, &plan.exactly(images.len() as u64), async |worker: &mut Worker| {
            let image = images.get(usize::try_from(worker.iteration)?).context("an image an iteration")?;
            operations::delete(&mut worker.client, image).await
        })?)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_taken_as_often_as_their_weight_says() {
        let layers =
            [20, 70, 10].into_iter().zip(1..).map(|(weight, size)| (Blob::new(vec![0; size]), weight));
        let clients = Clients::new(Action::Pull, layers.collect());
        let (mut random, mut taken) = (Random::seeded(1), [0u32; 3]);
        for _ in 0..10_000 {
            taken[clients.choose(&mut random)] += 1;
        }
        for (taken, expected) in taken.into_iter().zip([2000, 7000, 1000]) {
            assert!(taken.abs_diff(expected) < 150, "{taken} instead of {expected}");
        }
    }
}
