//! `memory` and `start`: what a server takes, and how soon it is there.

use anyhow::{Context as _, Result};

use crate::{
    content::{Blob, Image, Random, blob_path, publish_blob, push_image, repository_name},
    load::{Plan, Request, repeat},
    server::Server,
    workload::{Budget, Case, Measured, Needs, Session, Unit, Value, Workload},
};

/// A process of ours is needed.
const NEEDS: Needs = Needs { registry: false, tls: false, process: true, longshore: false };

/// Memory after the start, and its peak while many download.
pub(super) struct Memory;

impl Workload for Memory {
    fn name(&self) -> &str {
        "memory"
    }

    fn about(&self) -> &str {
        "resident memory after the start, and its peak under 32 downloads of a blob of 128 MiB"
    }

    fn needs(&self) -> Needs {
        NEEDS
    }

    fn prepare(&self, server: &mut Server, budget: &Budget) -> Result<Box<dyn Session>> {
        let size = usize::try_from(budget.count(128 << 20, 1 << 20))?;
        let blob = Blob::random(&mut Random::new()?, size);
        let repository = repository_name("memory")?;
        publish_blob(server, &repository, &blob)?;
        let request = Request::get(server.endpoint(), &blob_path(&repository, &blob.digest))?;
        Ok(Box::new(Downloaded { request }))
    }
}

struct Downloaded {
    request: Request,
}

impl Session for Downloaded {
    fn run(&mut self, server: &mut Server, _case: &Case, budget: &Budget) -> Result<Vec<Measured>> {
        // A new process each round: what a push has left behind is no idle memory.
        server.stop();
        server.start()?;
        let idle = server.memory().context("its memory cannot be read")?;
        let plan = Plan::new(32, budget);
        let loaded = repeat(server, &plan, &self.request, 200)?;
        let peak = loaded.memory.context("its memory cannot be read")?.peak_bytes;
        let values = vec![mebibytes("idle_rss", idle.resident_bytes), mebibytes("peak_rss", peak)];
        Ok(vec![Measured { errors: loaded.errors, values, ..Measured::default() }])
    }
}

#[expect(clippy::cast_precision_loss, reason = "sizes far below 2^52")]
fn mebibytes(name: &'static str, bytes: u64) -> Value {
    Value { name, unit: Unit::Mebibytes, value: bytes as f64 / 1_048_576.0 }
}

/// How long it takes from the start of the program to its first answer.
pub(super) struct Start;

impl Workload for Start {
    fn name(&self) -> &str {
        "start"
    }

    fn about(&self) -> &str {
        "from the start of the program to its first 200, with one image in it"
    }

    fn needs(&self) -> Needs {
        NEEDS
    }

    fn prepare(&self, server: &mut Server, _budget: &Budget) -> Result<Box<dyn Session>> {
        let image = Image::random(&mut Random::new()?, &[1000]);
        push_image(server, &repository_name("start")?, "v1", &image)?;
        Ok(Box::new(Started))
    }
}

struct Started;

impl Session for Started {
    fn run(&mut self, server: &mut Server, _case: &Case, _budget: &Budget) -> Result<Vec<Measured>> {
        server.stop();
        let took = server.start()?;
        Ok(vec![Measured::value("start", Unit::Milliseconds, took.as_secs_f64() * 1e3)])
    }
}
