//! `mixed` and `roll-out`: what registries do all day, in the shares that traces of IBM's registry and of Docker Hub
//! show (Anwar et al., FAST '18).
//!
//! Of 100 requests, 25 are for a manifest by tag and 15 by digest, 50 GET and 5 HEAD a blob, and 5 push: a push counts as
//! one, with all the requests that it takes. They come as clients make them: one looks whether a tag has moved; one
//! pulls, layers at the same time; one pushes, and at once another pulls that. Images are asked for by Zipf's law; layers
//! are of random bytes, 65% below 1 MB and 80% below 10 MB; one GET of a blob in ten wants a range. Choices and sizes
//! are the same in every run of a seed.

mod distribution;
mod images;
mod roll_out;
mod schedule;

use std::sync::{Mutex, PoisonError};

use anyhow::Result;
use futures_util::future::try_join_all;

use self::{
    distribution::LayerSizes,
    images::{Known, Layer, Library, Took, get_layer, get_manifest, head_layer, head_tag, push_image},
    schedule::{LAYERS, Schedule, Visit},
};
use crate::{
    content::Random,
    load::{Client, Plan, Protocol, Worker, block_on, run},
    server::Server,
    workload::{Budget, Case, Measured, Needs, Session, Workload},
};

/// How large the load is.
#[derive(Clone, Copy, Debug, clap::Args)]
#[group(id = "mixed")]
pub(crate) struct Settings {
    /// The largest layer of `mixed` and `roll-out`; 2000000000 as in the traces
    #[arg(long, value_name = "BYTES", default_value_t = 64_000_000)]
    layer_bytes_max: u64,

    /// Images that `mixed` asks for
    #[arg(long, value_name = "N", default_value_t = 96, value_parser = clap::value_parser!(u32).range(1..))]
    images: u32,

    /// What `mixed` and `roll-out` choose by; the same choices for the same number
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// Nodes that pull in `roll-out`
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    nodes: u32,

    /// Seconds within which they begin
    #[arg(long, value_name = "S", default_value_t = 5.0)]
    window: f64,
}

/// The parts that are told apart.
const PARTS: [&str; 6] = ["", "manifest by tag", "manifest by digest", "GET blob", "HEAD blob", "push"];
const BY_TAG: usize = 1;
const BY_DIGEST: usize = 2;
const GET_BLOB: usize = 3;
const HEAD_BLOB: usize = 4;
const PUSH: usize = 5;

/// Both.
pub(super) fn all() -> Vec<Box<dyn Workload>> {
    vec![Box::new(Mixed), Box::new(roll_out::RollOut)]
}

struct Mixed;

impl Workload for Mixed {
    fn name(&self) -> &str {
        "mixed"
    }

    fn about(&self) -> &str {
        "pulls, looks at tags and pushes, in the shares of real registries"
    }

    fn needs(&self) -> Needs {
        Needs { registry: true, ..Needs::default() }
    }

    fn cases(&self, _budget: &Budget) -> Vec<Case> {
        Case::each("connections", &[1, 8, 32])
    }

    fn prepare(&self, server: &mut Server, budget: &Budget) -> Result<Box<dyn Session>> {
        let settings = budget.mixed;
        let sizes = LayerSizes::up_to(if budget.quick { 100_000 } else { settings.layer_bytes_max });
        let images = usize::try_from(budget.count(settings.images.into(), 8))?;
        let library = block_on(async {
            let mut client = Client::connect(server.endpoint(), Protocol::Http1).await?;
            Library::push(&mut client, images, sizes, settings.seed).await
        })?;
        Ok(Box::new(Visitors { library, schedule: Schedule::new(settings.seed) }))
    }
}

struct Visitors {
    library: Library,
    schedule: Schedule,
}

impl Session for Visitors {
    fn run(&mut self, server: &mut Server, case: &Case, budget: &Budget) -> Result<Vec<Measured>> {
        let mut plan = Plan::new(case.connections(), budget);
        if budget.quick {
            // All shares, however slow the machine is.
            plan = plan.exactly(50);
        }
        let more = MoreConnections::new(plan.connections);
        let mut parts = run(server, &plan, async |worker: &mut Worker| {
            let mut layers = more.take(worker).await?;
            let visited = self.visit(worker, &mut layers).await;
            if visited.is_ok() {
                more.put(worker, layers);
            }
            visited
        })?;
        for (part, name) in parts.iter_mut().zip(PARTS) {
            part.part = name.to_owned();
            if !name.is_empty() {
                // What the server spent cannot be told apart.
                (part.server_cpu, part.memory) = (None, None);
            }
        }
        Ok(parts)
    }
}

impl Visitors {
    async fn visit(&self, worker: &mut Worker, more: &mut [Client]) -> Result<()> {
        let (visit, mut random) = self.schedule.visit(worker.iteration);
        match visit {
            Visit::Poll => {
                let image = self.library.choose(&mut random);
                note(head_tag(&mut worker.client, image).await?, worker, BY_TAG);
            }
            Visit::Pull(layers) => {
                let image = self.library.choose(&mut random);
                note(head_tag(&mut worker.client, image).await?, worker, BY_TAG);
                note(get_manifest(&mut worker.client, image, true).await?, worker, BY_DIGEST);
                let pulled = pull_layers(&mut worker.client, more, image, layers, &mut random).await?;
                pulled.into_iter().for_each(|took| note(took, worker, GET_BLOB));
            }
            Visit::PushAndPull => {
                let image = self.push(worker, &mut random).await?;
                note(get_manifest(&mut worker.client, &image, false).await?, worker, BY_TAG);
                let pulled = pull_layers(&mut worker.client, more, &image, LAYERS, &mut random).await?;
                pulled.into_iter().for_each(|took| note(took, worker, GET_BLOB));
            }
        }
        Ok(())
    }

    /// A new image of one new layer upon those of a known image.
    async fn push(&self, worker: &mut Worker, random: &mut Random) -> Result<Known> {
        let (repository, below) = self.library.base(random);
        note(head_layer(&mut worker.client, repository, &below[0]).await?, worker, HEAD_BLOB);
        let (tag, size) = (format!("n{:016x}", getrandom::u64()?), self.library.size_bytes(random));
        let layer = Layer::make(size)?;
        let begun = std::time::Instant::now();
        let image = push_image(&mut worker.client, repository, &tag, below, vec![layer]).await?;
        note((begun.elapsed(), size), worker, PUSH);
        Ok(image)
    }
}

/// Records a request as a part, and in the whole.
fn note((took, bytes): Took, worker: &Worker, part: usize) {
    worker.record(0, took, bytes);
    worker.record(part, took, bytes);
}

/// GETs the topmost `count` layers of an image at the same time, each over a connection of its own.
async fn pull_layers(
    client: &mut Client,
    more: &mut [Client],
    image: &Known,
    count: usize,
    random: &mut Random,
) -> Result<Vec<Took>> {
    let clients = std::iter::once(client).chain(more);
    let pulls = clients.zip(image.layers.iter().rev().take(count)).map(|(client, layer)| {
        let mut random = Random::seeded(random.next());
        async move { get_layer(client, &image.repository, layer, &mut random).await }
    });
    try_join_all(pulls).await
}

/// For each worker, connections beside its own, for layers at the same time.
struct MoreConnections(Vec<Mutex<Vec<Client>>>);

impl MoreConnections {
    fn new(workers: usize) -> Self {
        Self((0..workers).map(|_| Mutex::default()).collect())
    }

    /// Those of a worker; they are made when they are first wanted, and after an error.
    async fn take(&self, worker: &Worker) -> Result<Vec<Client>> {
        let mut clients = std::mem::take(&mut *self.of(worker));
        while clients.len() < LAYERS - 1 {
            clients.push(Client::connect(worker.client.endpoint(), Protocol::Http1).await?);
        }
        Ok(clients)
    }

    fn put(&self, worker: &Worker, clients: Vec<Client>) {
        *self.of(worker) = clients;
    }

    fn of(&self, worker: &Worker) -> std::sync::MutexGuard<'_, Vec<Client>> {
        self.0[worker.index].lock().unwrap_or_else(PoisonError::into_inner)
    }
}
