//! Connections in closed loop: each sends its next request when it has the last reply.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::{
        Barrier,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use futures_util::{StreamExt as _, stream::FuturesUnordered};

use super::{Client, Histogram, Protocol, Request, client::runtime};
use crate::{
    process,
    server::Server,
    workload::{Budget, Measured},
};

/// How much longer than its limit a round may take before it is given up.
const PATIENCE: Duration = Duration::from_secs(600);
/// Errors of one connection after which it gives up: a server that is gone would fail a million times a second.
const ERRORS_MAX: u64 = 100;

/// How the load is shaped.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// Connections, each with one request at a time.
    pub(crate) connections: usize,
    /// Threads that they are spread over.
    pub(crate) threads: usize,
    /// What they speak.
    pub(crate) protocol: Protocol,
    /// When it ends.
    pub(crate) limit: Limit,
}

impl Plan {
    /// `connections` over HTTP/1.1 for as long as the budget says, from one thread or as many as it says.
    pub(crate) fn new(connections: usize, budget: &Budget) -> Self {
        let limit = Limit { after: budget.round, count: None };
        Self { connections, threads: budget.client_threads.unwrap_or(1), protocol: Protocol::Http1, limit }
    }

    /// Ends after `count` iterations too, whichever comes first.
    pub(crate) fn at_most(mut self, count: u64) -> Self {
        self.limit.count = Some(count);
        self
    }

    /// Ends after `count` iterations, however long they take (an hour at most).
    pub(crate) fn exactly(mut self, count: u64) -> Self {
        self.limit = Limit { after: Duration::from_secs(3600), count: Some(count) };
        self
    }

    /// Speaks `protocol`.
    pub(crate) fn over(mut self, protocol: Protocol) -> Self {
        self.protocol = protocol;
        self
    }
}

/// When a load ends. Iterations that have begun are finished.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit {
    /// After this time.
    pub(crate) after: Duration,
    /// After so many iterations, counted over all connections.
    pub(crate) count: Option<u64>,
}

/// What went wrong, and how often.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Errors {
    /// How many operations.
    pub(crate) count: u64,
    /// The first of them, in words.
    pub(crate) first: Option<String>,
}

impl Errors {
    /// Counts one.
    pub(crate) fn record(&mut self, error: &anyhow::Error) {
        self.count += 1;
        self.first.get_or_insert_with(|| format!("{error:#}"));
    }

    /// Adds those of another.
    pub(crate) fn merge(&mut self, other: Self) {
        self.count += other.count;
        self.first = self.first.take().or(other.first);
    }
}

/// One connection of a load, as a script sees it.
#[derive(Debug)]
pub(crate) struct Worker {
    /// The connection.
    pub(crate) client: Client,
    /// Which of the connections this is, from 0.
    pub(crate) index: usize,
    /// Which iteration this is, from 0, counted over all connections.
    pub(crate) iteration: u64,
    recorder: Rc<RefCell<Recorder>>,
}

impl Worker {
    /// Notes an operation that went well: how long it took and how many bytes of content it moved. `part` counts
    /// from 0; [`run`] returns as many as were used.
    pub(crate) fn record(&self, part: usize, took: Duration, bytes: u64) {
        let mut recorder = self.recorder.borrow_mut();
        let part = recorder.part(part);
        part.latency.record(took);
        part.bytes += bytes;
    }

    /// Sends a request, expects `status`, and records the exchange in part 0 with the bytes of the reply.
    ///
    /// # Errors
    /// When the connection breaks, or another status is answered.
    pub(crate) async fn timed(&mut self, request: &Request, status: u16) -> Result<()> {
        let begun = Instant::now();
        let reply = self.client.send(request).await?.expect(status, "a request")?;
        self.record(0, begun.elapsed(), reply.body_bytes);
        Ok(())
    }
}

/// What the connections of a thread have recorded.
#[derive(Debug, Default)]
struct Recorder {
    parts: Vec<Part>,
    errors: Errors,
}

#[derive(Debug, Default)]
struct Part {
    latency: Histogram,
    bytes: u64,
}

impl Recorder {
    fn part(&mut self, index: usize) -> &mut Part {
        if self.parts.len() <= index {
            self.parts.resize_with(index + 1, Part::default);
        }
        &mut self.parts[index]
    }

    fn merge(&mut self, other: Self) {
        for (index, part) in other.parts.into_iter().enumerate() {
            let mine = self.part(index);
            mine.latency.merge(&part.latency);
            mine.bytes += part.bytes;
        }
        self.errors.merge(other.errors);
    }
}

/// Sends one request again and again.
///
/// # Errors
/// As for [`run`].
pub(crate) fn repeat(server: &Server, plan: &Plan, request: &Request, status: u16) -> Result<Measured> {
    let parts = run(server, plan, async |worker: &mut Worker| worker.timed(request, status).await)?;
    parts.into_iter().next().context("a load has at least one part")
}

/// Runs `script` again and again on every connection, and returns what it recorded, by part; at least one. Each has
/// the time and the CPU time of the whole. An error of the script is counted, in the first part.
///
/// # Errors
/// When no connection can be made, or the round does not end.
pub(crate) fn run<F>(server: &Server, plan: &Plan, script: F) -> Result<Vec<Measured>>
where
    F: AsyncFn(&mut Worker) -> Result<()> + Sync,
{
    let threads = plan.threads.clamp(1, plan.connections.max(1));
    let shared = Shared {
        connected: Barrier::new(threads + 1),
        begun: Barrier::new(threads + 1),
        next: AtomicU64::new(0),
    };
    let (script, shared) = (&script, &shared);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|thread| scope.spawn(move || drive(server, plan, thread, threads, shared, script)))
            .collect();
        shared.connected.wait();
        let (cpu, own_cpu, begun) = (server.cpu(), process::own_cpu(), Instant::now());
        shared.begun.wait();
        let mut recorder = Recorder::default();
        for worker in workers {
            match worker.join() {
                Ok(recorded) => recorder.merge(recorded?),
                Err(_) => bail!("a client thread panicked"),
            }
        }
        let elapsed = begun.elapsed();
        let server_cpu = server.cpu().zip(cpu).map(|(after, before)| after.saturating_sub(before));
        let client_cpu = process::own_cpu().saturating_sub(own_cpu);
        recorder.part(0);
        let mut errors = Some(recorder.errors);
        let measured = recorder.parts.into_iter().map(|part| Measured {
            elapsed,
            operations: part.latency.len(),
            bytes: part.bytes,
            latency: part.latency,
            errors: errors.take().unwrap_or_default(),
            server_cpu,
            client_cpu,
            memory: server.memory(),
            ..Measured::default()
        });
        Ok(measured.collect())
    })
}

/// What the threads of a load share.
#[derive(Debug)]
struct Shared {
    /// Passed when every thread has its connections.
    connected: Barrier,
    /// Passed when the clock runs.
    begun: Barrier,
    /// The next iteration.
    next: AtomicU64,
}

/// One thread: its share of the connections, until the limit.
fn drive<F>(
    server: &Server,
    plan: &Plan,
    thread: usize,
    threads: usize,
    shared: &Shared,
    script: &F,
) -> Result<Recorder>
where
    F: AsyncFn(&mut Worker) -> Result<()>,
{
    let recorder = Rc::new(RefCell::new(Recorder::default()));
    let connected = runtime().and_then(|runtime| {
        let workers = runtime.block_on(connect(server, plan, thread, threads, &recorder))?;
        Ok((runtime, workers))
    });
    // Whatever happened, nobody may be left waiting.
    shared.connected.wait();
    shared.begun.wait();
    let (runtime, workers) = connected?;
    let deadline = Instant::now() + plan.limit.after;
    let ended = Cell::new(false);
    runtime.block_on(async {
        let mut running: FuturesUnordered<_> =
            workers.into_iter().map(|worker| work(worker, plan, deadline, shared, &ended, script)).collect();
        let all = async { while running.next().await.is_some() {} };
        let patience = plan.limit.after + PATIENCE;
        tokio::time::timeout(patience, all).await.context("the server did not answer any more")
    })?;
    Ok(std::mem::take(&mut recorder.borrow_mut()))
}

async fn connect(
    server: &Server,
    plan: &Plan,
    thread: usize,
    threads: usize,
    recorder: &Rc<RefCell<Recorder>>,
) -> Result<Vec<Worker>> {
    let mut workers = Vec::new();
    for index in (thread..plan.connections).step_by(threads) {
        let client = Client::connect(server.endpoint(), plan.protocol).await?;
        workers.push(Worker { client, index, iteration: 0, recorder: Rc::clone(recorder) });
    }
    Ok(workers)
}

/// One connection, until the limit.
async fn work<F>(
    mut worker: Worker,
    plan: &Plan,
    deadline: Instant,
    shared: &Shared,
    ended: &Cell<bool>,
    script: &F,
) where
    F: AsyncFn(&mut Worker) -> Result<()>,
{
    let mut errors = 0;
    while !ended.get() {
        worker.iteration = shared.next.fetch_add(1, Ordering::Relaxed);
        if plan.limit.count.is_some_and(|count| worker.iteration >= count) {
            break;
        }
        if let Err(error) = script(&mut worker).await {
            worker.recorder.borrow_mut().errors.record(&error);
            errors += 1;
            if errors == ERRORS_MAX {
                break;
            }
        }
        if Instant::now() >= deadline {
            ended.set(true);
        }
    }
}
