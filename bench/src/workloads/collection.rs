//! `collection`: how fast garbage goes, and what pulls and pushes notice of it.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use crate::{
    content::{Image, Random, index, manifest_path, push_image, push_manifest, repository_name},
    load::{Plan, Request, Worker, block_on, run},
    process,
    server::Server,
    workload::{Budget, Case, Measured, Needs, Session, Unit, Workload},
};

/// How many blobs of which size are garbage.
const SMALL: (u64, usize) = (20_000, 4096);
const LARGE: (u64, usize) = (10, 256 << 20);
/// One in so many requests is a push.
const PUSH_EACH: u64 = 16;
/// Longest that a run of collection may take to begin, and to end.
const PATIENCE: Duration = Duration::from_secs(300);

/// Garbage, and load meanwhile.
pub(super) struct Collection;

impl Workload for Collection {
    fn name(&self) -> &str {
        "collection"
    }

    fn about(&self) -> &str {
        "20,000 blobs of 4 KB (--long: and 10 of 256 MiB) collected while others pull and push manifests"
    }

    fn needs(&self) -> Needs {
        Needs { registry: true, process: true, longshore: true, ..Needs::default() }
    }

    fn by_default(&self) -> bool {
        false
    }

    fn cases(&self, _budget: &Budget) -> Vec<Case> {
        Case::each("connections", &[0, 8])
    }

    fn prepare(&self, server: &mut Server, _budget: &Budget) -> Result<Box<dyn Session>> {
        let image = Image::random(&mut Random::new()?, &[1000]);
        let repository = repository_name("collection")?;
        push_image(server, &repository, "v1", &image)?;
        Ok(Box::new(Littered { repository, image, pushed: 0 }))
    }
}

struct Littered {
    repository: String,
    image: Image,
    pushed: u64,
}

impl Session for Littered {
    fn run(&mut self, server: &mut Server, case: &Case, budget: &Budget) -> Result<Vec<Measured>> {
        let garbage = format!("{}-garbage", self.repository);
        let mut all = Vec::new();
        if case.connections() > 0 {
            server.set_environment("LONGSHORE_COLLECTION_INTERVAL", "1h");
            server.stop();
            server.start()?;
            all.extend(self.load(server, case, budget, "before")?);
        }
        server.stop();
        let others = reviews(server)?;
        let small = budget.count(SMALL.0, 50);
        let large = if budget.long { LARGE.0 } else { 0 };
        index::fill_garbage(server, &garbage, small, SMALL.1)?;
        if large > 0 {
            index::fill_garbage(server, &garbage, large, LARGE.1)?;
        }
        let blobs = small + large;
        server.set_environment("LONGSHORE_COLLECTION_INTERVAL", "1s");
        server.start()?;
        let server = &*server;
        // The clock runs from the first that is seen to be gone; with few blobs that is all of them.
        let left = wait(server, |reviews| reviews < others + blobs)?.saturating_sub(others);
        let begun = Instant::now();
        let took = std::thread::scope(|scope| {
            let ended = scope.spawn(move || -> Result<Duration> {
                wait(server, |reviews| reviews <= others)?;
                Ok(begun.elapsed())
            });
            if case.connections() > 0 {
                all.extend(self.load(server, case, budget, "meanwhile")?);
            }
            ended.join().map_err(|_| anyhow::anyhow!("the thread that watches panicked"))?
        })?;
        #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
        let speed = left as f64 / took.as_secs_f64().max(1e-3);
        let collected = Measured::value("collected", Unit::PerSecond, speed);
        all.push(Measured { part: "collection".to_owned(), elapsed: took, ..collected });
        Ok(all)
    }
}

impl Littered {
    /// Pulls, and a push now and then.
    fn load(&mut self, server: &Server, case: &Case, budget: &Budget, when: &str) -> Result<Vec<Measured>> {
        let pull = Request::get(server.endpoint(), &manifest_path(&self.repository, "v1"))?;
        let text = String::from_utf8_lossy(&self.image.manifest.bytes).into_owned();
        let text = text.trim_end().strip_suffix('}').context("a manifest is an object")?.to_owned();
        let (repository, from) = (self.repository.as_str(), self.pushed);
        let parts = run(server, &Plan::new(case.connections(), budget), async |worker: &mut Worker| {
            if worker.iteration % PUSH_EACH != PUSH_EACH - 1 {
                return worker.timed(&pull, 200).await;
            }
            let number = from + worker.iteration;
            let manifest = format!("{text},\"annotations\":{{\"number\":\"{number}\"}}}}").into();
            let begun = Instant::now();
            push_manifest(&mut worker.client, repository, &format!("v{number}"), &manifest).await?;
            worker.record(1, begun.elapsed(), manifest.len() as u64);
            Ok(())
        })?;
        self.pushed += parts.iter().map(|part| part.operations).sum::<u64>() + 64;
        let named = |(one, name): (Measured, &str)| Measured { part: format!("{name}, {when}"), ..one };
        Ok(parts.into_iter().zip(["pull", "push"]).map(named).collect())
    }
}

fn reviews(server: &Server) -> Result<u64> {
    block_on(async { index::open(server).await?.reviews().await })
}

/// Waits until the number of reviews on the queue is what `until` says; returns it.
fn wait(server: &Server, until: impl Fn(u64) -> bool) -> Result<u64> {
    let deadline = Instant::now() + PATIENCE;
    block_on(async {
        let index = index::open(server).await?;
        loop {
            let reviews = index.reviews().await?;
            if until(reviews) {
                return Ok(reviews);
            }
            ensure!(Instant::now() < deadline, "collection did not get on: {reviews} are left");
            process::pause(Duration::from_millis(20));
        }
    })
}
