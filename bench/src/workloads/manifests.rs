//! `manifest-*`: one manifest, again and again.

use anyhow::Result;

use crate::{
    content::{Image, Random, manifest_path, push_image, repository_name},
    load::{Plan, Request, repeat},
    server::Server,
    workload::{Budget, Case, Measured, Session, Workload},
};

/// What clients do before anything else: GET or HEAD of a manifest, by tag or digest.
struct Manifests {
    name: &'static str,
    about: &'static str,
    head: bool,
    by_digest: bool,
}

/// The four of them.
pub(super) fn all() -> Vec<Box<dyn Workload>> {
    let workload = |name, about, head, by_digest| -> Box<dyn Workload> {
        Box::new(Manifests { name, about, head, by_digest })
    };
    vec![
        workload("manifest-get-tag", "GET of a manifest by tag", false, false),
        workload("manifest-get-digest", "GET of a manifest by digest", false, true),
        workload("manifest-head-tag", "HEAD of a manifest by tag", true, false),
        workload("manifest-head-digest", "HEAD of a manifest by digest", true, true),
    ]
}

impl Workload for Manifests {
    fn name(&self) -> &str {
        self.name
    }

    fn about(&self) -> &str {
        self.about
    }

    fn cases(&self, _budget: &Budget) -> Vec<Case> {
        Case::each("connections", &[1, 32, 128])
    }

    fn prepare(&self, server: &mut Server, _budget: &Budget) -> Result<Box<dyn Session>> {
        let image = Image::random(&mut Random::new()?, &[20_000, 30_000]);
        let repository = repository_name("manifests")?;
        push_image(server, &repository, "v1", &image)?;
        let digest = image.manifest.digest.to_string();
        let path = manifest_path(&repository, if self.by_digest { &digest } else { "v1" });
        let request = if self.head { Request::head } else { Request::get }(server.endpoint(), &path)?;
        Ok(Box::new(Requested { request }))
    }
}

struct Requested {
    request: Request,
}

impl Session for Requested {
    fn run(&mut self, server: &mut Server, case: &Case, budget: &Budget) -> Result<Vec<Measured>> {
        Ok(vec![repeat(server, &Plan::new(case.connections(), budget), &self.request, 200)?])
    }
}
