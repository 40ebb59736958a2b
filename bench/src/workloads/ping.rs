//! `ping`: the one question that needs no content, so that it can be put to any registry.

use anyhow::Result;

use crate::{
    load::{Plan, Request, repeat},
    server::Server,
    workload::{Budget, Case, Measured, Session, Workload},
};

pub(super) struct Ping;

impl Workload for Ping {
    fn name(&self) -> &str {
        "ping"
    }

    fn about(&self) -> &str {
        "GET of /v2/: what a request costs at least; pushes nothing"
    }

    fn pushes(&self) -> bool {
        false
    }

    fn cases(&self, _budget: &Budget) -> Vec<Case> {
        Case::each("connections", &[1, 32])
    }

    fn prepare(&self, server: &mut Server, _budget: &Budget) -> Result<Box<dyn Session>> {
        Ok(Box::new(Pings { request: Request::get(server.endpoint(), "/v2/")? }))
    }
}

struct Pings {
    request: Request,
}

impl Session for Pings {
    fn run(&mut self, server: &mut Server, case: &Case, budget: &Budget) -> Result<Vec<Measured>> {
        Ok(vec![repeat(server, &Plan::new(case.connections(), budget), &self.request, 200)?])
    }
}
