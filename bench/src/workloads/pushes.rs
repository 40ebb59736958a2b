//! `blob-push`: new blobs, durably.

use std::{
    fs::File,
    io::Write as _,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};

use crate::{
    content::{Blob, Random, push_blob, repository_name},
    load::{Plan, Worker, run},
    process,
    server::Server,
    workload::{Budget, Case, Measured, Needs, Session, Workload},
};

const KB: u64 = 1000;
const MB: u64 = 1000 * KB;
const MIB: u64 = 1 << 20;

/// What a round pushes at most, unless a single blob for each pusher is more.
const ROUND_BYTES_MAX: u64 = 512 * MIB;
const ROUND_BLOBS_MAX: u64 = 20_000;

/// Bytes in: POST and PUT of blobs that the server has never seen.
pub(super) struct Pushes;

impl Workload for Pushes {
    fn name(&self) -> &str {
        "blob-push"
    }

    fn about(&self) -> &str {
        "POST and PUT of new random blobs of 10 KB to 100 MiB (1 GiB with --long) by 1 and 8 pushers"
    }

    fn needs(&self) -> Needs {
        Needs { registry: true, ..Needs::default() }
    }

    fn cases(&self, budget: &Budget) -> Vec<Case> {
        let sizes: &[u64] = match (budget.quick, budget.long) {
            (true, _) => &[10 * KB, MB],
            (false, false) => &[10 * KB, MB, 10 * MB, 100 * MIB],
            (false, true) => &[10 * KB, MB, 10 * MB, 100 * MIB, 1024 * MIB],
        };
        Case::grid(("bytes", sizes), ("connections", &[1, 8]))
    }

    fn prepare(&self, _server: &mut Server, _budget: &Budget) -> Result<Box<dyn Session>> {
        Ok(Box::new(Pushed { repository: repository_name("pushes")?, random: Random::new()? }))
    }

    fn reference(&self, folder: &Path, case: &Case, budget: &Budget) -> Result<Option<Measured>> {
        if case.connections() != 1 {
            return Ok(None);
        }
        let blobs = blobs(&mut Random::new()?, case, budget)?;
        write_and_sync(folder, &blobs, budget).map(Some)
    }
}

struct Pushed {
    repository: String,
    random: Random,
}

impl Session for Pushed {
    fn run(&mut self, server: &mut Server, case: &Case, budget: &Budget) -> Result<Vec<Measured>> {
        // Made and hashed before the clock runs.
        let blobs = blobs(&mut self.random, case, budget)?;
        let (repository, blobs) = (self.repository.as_str(), blobs.as_slice());
        let plan = Plan::new(case.connections(), budget).at_most(blobs.len() as u64);
        run(server, &plan, async |worker: &mut Worker| {
            let blob = usize::try_from(worker.iteration).ok().and_then(|index| blobs.get(index));
            let blob = blob.context("there are as many blobs as iterations")?;
            let begun = Instant::now();
            push_blob(&mut worker.client, repository, blob).await?;
            worker.record(0, begun.elapsed(), blob.bytes.len() as u64);
            Ok(())
        })
    }
}

/// What a round pushes: each of its own random bytes, as many as a round has use for and room.
fn blobs(random: &mut Random, case: &Case, budget: &Budget) -> Result<Vec<Blob>> {
    let size = case.of("bytes");
    let count = (ROUND_BYTES_MAX / size).clamp(case.of("connections"), budget.count(ROUND_BLOBS_MAX, 16));
    let size = usize::try_from(size)?;
    Ok((0..count).map(|_| Blob::random(random, size)).collect())
}

/// The same bytes, each blob written to a file of its own and synced: what the disk can do.
fn write_and_sync(folder: &Path, blobs: &[Blob], budget: &Budget) -> Result<Measured> {
    let folder = folder.join("disk");
    std::fs::create_dir_all(&folder)?;
    let mut measured = Measured::default();
    let (begun, cpu) = (Instant::now(), process::own_cpu());
    for (index, blob) in blobs.iter().enumerate() {
        let one = Instant::now();
        let mut file = File::create(folder.join(index.to_string()))?;
        file.write_all(&blob.bytes)?;
        file.sync_data()?;
        measured.latency.record(one.elapsed());
        measured.bytes += blob.bytes.len() as u64;
        if begun.elapsed() > budget.round {
            break;
        }
    }
    measured.elapsed = begun.elapsed();
    measured.operations = measured.latency.len();
    measured.server_cpu = Some(process::own_cpu().saturating_sub(cpu));
    measured.client_cpu = Duration::ZERO;
    std::fs::remove_dir_all(&folder)?;
    Ok(measured)
}
