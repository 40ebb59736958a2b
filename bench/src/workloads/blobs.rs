//! `blob*`: one blob, again and again.

use anyhow::{Result, ensure};

use crate::{
    content::{Blob, Random, blob_path, publish_blob, repository_name},
    load::{Client, Plan, Protocol, Request, block_on, repeat},
    server::Server,
    workload::{Budget, Case, Measured, Needs, Session, Workload},
};

const KB: u64 = 1000;
const MB: u64 = 1000 * KB;
const MIB: u64 = 1 << 20;

/// Bytes out: GET of a blob, plain or over TLS 1.3.
struct Blobs {
    name: &'static str,
    about: &'static str,
    tls: bool,
    protocol: Protocol,
}

/// Plain, over TLS, and over HTTP/2.
pub(super) fn all() -> Vec<Box<dyn Workload>> {
    let workload =
        |name, about, tls, protocol| -> Box<dyn Workload> { Box::new(Blobs { name, about, tls, protocol }) };
    vec![
        workload("blob-get", "GET of a blob of 10 KB to 128 MiB (1 GiB with --long)", false, Protocol::Http1),
        workload("blob-get-tls", "GET of a blob of 128 MiB over TLS 1.3, HTTP/1.1", true, Protocol::Http1),
        workload("blob-get-http2", "GET of a blob of 128 MiB over TLS 1.3, HTTP/2", true, Protocol::Http2),
    ]
}

impl Workload for Blobs {
    fn name(&self) -> &str {
        self.name
    }

    fn about(&self) -> &str {
        self.about
    }

    fn needs(&self) -> Needs {
        Needs { tls: self.tls, ..Needs::default() }
    }

    fn cases(&self, budget: &Budget) -> Vec<Case> {
        let sizes: &[u64] = match (self.tls, budget.quick, budget.long) {
            (_, true, _) => &[10 * KB, MB],
            (true, ..) => &[128 * MIB],
            (false, _, false) => &[10 * KB, MB, 10 * MB, 128 * MIB],
            (false, _, true) => &[10 * KB, MB, 10 * MB, 128 * MIB, 1024 * MIB],
        };
        Case::grid(("bytes", sizes), ("connections", &[1, 8, 32]))
    }

    fn prepare(&self, server: &mut Server, budget: &Budget) -> Result<Box<dyn Session>> {
        let repository = repository_name("blobs")?;
        let mut random = Random::new()?;
        let mut sizes: Vec<_> = self.cases(budget).iter().map(|case| case.of("bytes")).collect();
        sizes.dedup();
        let mut requests = Vec::new();
        for size in sizes {
            let blob = Blob::random(&mut random, usize::try_from(size)?);
            publish_blob(server, &repository, &blob)?;
            let request = Request::get(server.endpoint(), &blob_path(&repository, &blob.digest))?;
            check(server, self.protocol, &request, &blob)?;
            requests.push((size, request));
        }
        Ok(Box::new(Requested { requests, protocol: self.protocol }))
    }
}

/// What is served are the bytes that were pushed. While the clock runs, only their number is seen to.
fn check(server: &Server, protocol: Protocol, request: &Request, blob: &Blob) -> Result<()> {
    let (reply, body) = block_on(async {
        let mut client = Client::connect(server.endpoint(), protocol).await?;
        client.fetch(request).await
    })?;
    ensure!(
        reply.status == 200 && body == blob.bytes,
        "{} serves other bytes than were pushed",
        server.name()
    );
    Ok(())
}

struct Requested {
    requests: Vec<(u64, Request)>,
    protocol: Protocol,
}

impl Session for Requested {
    fn run(&mut self, server: &mut Server, case: &Case, budget: &Budget) -> Result<Vec<Measured>> {
        let size = case.of("bytes");
        let plan = Plan::new(case.connections(), budget).over(self.protocol);
        let mut measured = Vec::new();
        for (_, request) in self.requests.iter().filter(|(known, _)| *known == size) {
            measured.push(repeat(server, &plan, request, 200)?);
        }
        Ok(measured)
    }
}
