//! `mount`: blobs that are already there, linked into another repository.

use std::time::Instant;

use anyhow::{Context as _, Result};

use crate::{
    content::{Blob, Random, mount, publish_blob, repository_name},
    load::{Client, Plan, Protocol, Worker, block_on, run},
    server::Server,
    workload::{Budget, Case, Measured, Needs, Session, Unsupported, Workload},
};

/// How many blobs there are to mount; each round and case mounts them into new repositories.
const BLOBS: u64 = 200;

/// Cross-repository mounts.
pub(super) struct Mounts;

impl Workload for Mounts {
    fn name(&self) -> &str {
        "mount"
    }

    fn about(&self) -> &str {
        "cross-repository mounts of 200 blobs into new repositories"
    }

    fn needs(&self) -> Needs {
        Needs { registry: true, ..Needs::default() }
    }

    fn cases(&self, _budget: &Budget) -> Vec<Case> {
        Case::each("connections", &[1, 8])
    }

    fn prepare(&self, server: &mut Server, budget: &Budget) -> Result<Box<dyn Session>> {
        let from = repository_name("from")?;
        let mut random = Random::new()?;
        let blobs: Vec<_> = (0..budget.count(BLOBS, 10)).map(|_| Blob::random(&mut random, 1000)).collect();
        for blob in &blobs {
            publish_blob(server, &from, blob)?;
        }
        let first = blobs.first().context("there are blobs")?;
        let probe = repository_name("probe")?;
        let mounted = block_on(async {
            let mut client = Client::connect(server.endpoint(), Protocol::Http1).await?;
            mount(&mut client, &probe, &from, &first.digest).await
        })?;
        if !mounted {
            return Err(Unsupported("it begins an upload instead".to_owned()).into());
        }
        Ok(Box::new(Mounted { from, blobs }))
    }
}

struct Mounted {
    from: String,
    blobs: Vec<Blob>,
}

impl Session for Mounted {
    fn run(&mut self, server: &mut Server, case: &Case, budget: &Budget) -> Result<Vec<Measured>> {
        let to = repository_name("to")?;
        let (to, from, blobs) = (to.as_str(), self.from.as_str(), self.blobs.as_slice());
        run(server, &Plan::new(case.connections(), budget), async |worker: &mut Worker| {
            let iteration = usize::try_from(worker.iteration)?;
            let repository = format!("{to}-{}", iteration / blobs.len());
            let begun = Instant::now();
            let mounted =
                mount(&mut worker.client, &repository, from, &blobs[iteration % blobs.len()].digest);
            anyhow::ensure!(mounted.await?, "a mount began an upload instead");
            worker.record(0, begun.elapsed(), 0);
            Ok(())
        })
    }
}
