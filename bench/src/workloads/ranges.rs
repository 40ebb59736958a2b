//! `ranges`: many small pieces of a blob in one request, as lazy pulling does.

use std::fmt::Write as _;

use anyhow::{Result, ensure};
use http::Method;

use crate::{
    content::{Blob, Random, blob_path, publish_blob, repository_name},
    load::{Client, Plan, Protocol, Request, block_on, repeat},
    server::Server,
    workload::{Budget, Case, Measured, Session, Unsupported, Workload},
};

/// How many ranges a request has, how long each is, and where the next one begins: no two can be merged.
const RANGES: u64 = 1000;
const RANGE_BYTES: u64 = 10_000;
const STEP_BYTES: u64 = 100_000;

/// A GET of 1,000 ranges.
pub(super) struct Ranges;

impl Workload for Ranges {
    fn name(&self) -> &str {
        "ranges"
    }

    fn about(&self) -> &str {
        "GET of 1,000 ranges of 10 KB of a blob in one request"
    }

    fn cases(&self, _budget: &Budget) -> Vec<Case> {
        Case::each("connections", &[1, 8])
    }

    fn prepare(&self, server: &mut Server, budget: &Budget) -> Result<Box<dyn Session>> {
        let ranges = budget.count(RANGES, 10);
        let blob = Blob::random(&mut Random::new()?, usize::try_from(ranges * STEP_BYTES)?);
        let repository = repository_name("ranges")?;
        publish_blob(server, &repository, &blob)?;
        let mut range = "bytes=".to_owned();
        for index in 0..ranges {
            let start = index * STEP_BYTES + 17;
            write!(range, "{}{start}-{}", if index == 0 { "" } else { "," }, start + RANGE_BYTES - 1)?;
        }
        let path = blob_path(&repository, &blob.digest);
        let request = Request::build(server.endpoint(), Method::GET, &path, &[("Range", &range)], None)?;
        check(server, &request, ranges)?;
        Ok(Box::new(Requested { request }))
    }
}

/// The server answers with all the ranges, and with little more than that.
fn check(server: &Server, request: &Request, ranges: u64) -> Result<()> {
    let reply = block_on(async {
        let mut client = Client::connect(server.endpoint(), Protocol::Http1).await?;
        client.send(request).await
    })?;
    if reply.status != 206 {
        return Err(Unsupported(format!("it answers {ranges} ranges with {}", reply.status)).into());
    }
    let least = ranges * RANGE_BYTES;
    ensure!(
        (least..least * 2).contains(&reply.body_bytes),
        "{ranges} ranges came as {} bytes",
        reply.body_bytes
    );
    Ok(())
}

struct Requested {
    request: Request,
}

impl Session for Requested {
    fn run(&mut self, server: &mut Server, case: &Case, budget: &Budget) -> Result<Vec<Measured>> {
        Ok(vec![repeat(server, &Plan::new(case.connections(), budget), &self.request, 206)?])
    }
}
