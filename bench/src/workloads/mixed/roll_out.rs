//! `roll-out`: a new tag is pushed, and all nodes of a cluster pull it within a short time.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::{
    MoreConnections,
    images::{Layer, get_manifest, head_tag, push_image},
    pull_layers,
};
use crate::{
    content::{Random, repository_name},
    load::{Client, Plan, Protocol, Worker, block_on, run},
    server::Server,
    workload::{Budget, Case, Measured, Needs, Session, Unit, Value, Workload},
};

pub(super) struct RollOut;

impl Workload for RollOut {
    fn name(&self) -> &str {
        "roll-out"
    }

    fn about(&self) -> &str {
        "all nodes pull a new tag within seconds: how long until the last one has it"
    }

    fn needs(&self) -> Needs {
        Needs { registry: true, ..Needs::default() }
    }

    fn cases(&self, budget: &Budget) -> Vec<Case> {
        Case::each("connections", &[budget.count(budget.mixed.nodes.into(), 4)])
    }

    fn prepare(&self, _server: &mut Server, _budget: &Budget) -> Result<Box<dyn Session>> {
        Ok(Box::new(Nodes { repository: repository_name("roll-out")? }))
    }
}

struct Nodes {
    repository: String,
}

impl Session for Nodes {
    fn run(&mut self, server: &mut Server, case: &Case, budget: &Budget) -> Result<Vec<Measured>> {
        let settings = budget.mixed;
        let largest = if budget.quick { 64_000 } else { settings.layer_bytes_max };
        let window =
            Duration::from_secs_f64(if budget.quick { 0.05 } else { settings.window.clamp(0.0, 3600.0) });
        // One small layer, one of a middle size, one large.
        let sizes = [largest / 64, largest / 8, largest / 2];
        let image = block_on(async {
            let layers = sizes.into_iter().map(Layer::make).collect::<Result<_>>()?;
            let tag = format!("n{:016x}", getrandom::u64()?);
            let mut client = Client::connect(server.endpoint(), Protocol::Http1).await?;
            push_image(&mut client, &self.repository, &tag, &[], layers).await
        })?;
        let nodes = case.connections();
        let plan = Plan::new(nodes, budget).exactly(nodes as u64);
        let more = MoreConnections::new(nodes);
        let mut parts = run(server, &plan, async |node: &mut Worker| {
            let mut random = Random::seeded(settings.seed.wrapping_add(node.iteration).rotate_left(32));
            let mut layers = more.take(node).await?;
            tokio::time::sleep(window.mul_f64(random.below(1000) as f64 / 1000.0)).await;
            let begun = Instant::now();
            head_tag(&mut node.client, &image).await?;
            get_manifest(&mut node.client, &image, true).await?;
            pull_layers(&mut node.client, &mut layers, &image, sizes.len(), &mut random).await?;
            node.record(0, begun.elapsed(), sizes.iter().sum());
            Ok(())
        })?;
        let all = parts.first_mut().context("a load has at least one part")?;
        let value = all.elapsed.as_secs_f64() * 1000.0;
        all.values.push(Value { name: "until_last_node", unit: Unit::Milliseconds, value });
        parts.truncate(1);
        Ok(parts)
    }
}
