//! `tags-page`, `catalog-page`, `referrers-page`: listings of a registry that holds a thousand of what they list.

use anyhow::{Result, ensure};

use crate::{
    content::{Image, Random, push_image, push_manifest, repository_name},
    load::{Client, Plan, Protocol, Request, block_on, repeat},
    server::Server,
    workload::{Budget, Case, Measured, Needs, Session, Unsupported, Workload},
};

/// How many tags, repositories and referrers there are.
const TAGS: u64 = 1000;
const REPOSITORIES: u64 = 100;
const REFERRERS: u64 = 100;

/// One page, again and again.
struct Listing {
    name: &'static str,
    about: &'static str,
    of: Of,
}

#[derive(Clone, Copy)]
enum Of {
    Tags,
    Catalog,
    Referrers,
}

/// The three of them.
pub(super) fn all() -> Vec<Box<dyn Workload>> {
    let workload = |name, about, of| -> Box<dyn Workload> { Box::new(Listing { name, about, of }) };
    vec![
        workload("tags-page", "GET of a page of 1,000 tags", Of::Tags),
        workload("catalog-page", "GET of a page of 100 repositories", Of::Catalog),
        workload("referrers-page", "GET of the 100 referrers of a manifest", Of::Referrers),
    ]
}

impl Workload for Listing {
    fn name(&self) -> &str {
        self.name
    }

    fn about(&self) -> &str {
        self.about
    }

    fn needs(&self) -> Needs {
        Needs { registry: true, ..Needs::default() }
    }

    fn cases(&self, _budget: &Budget) -> Vec<Case> {
        Case::each("connections", &[1, 32])
    }

    fn prepare(&self, server: &mut Server, budget: &Budget) -> Result<Box<dyn Session>> {
        let repository = repository_name("listing")?;
        let image = Image::random(&mut Random::new()?, &[1000]);
        push_image(server, &repository, "base", &image)?;
        let (path, wanted) = match self.of {
            Of::Tags => {
                let tags = budget.count(TAGS, 20);
                push_tags(server, &repository, &image, tags)?;
                (format!("/v2/{repository}/tags/list?n=1000"), tags / 2)
            }
            Of::Catalog => {
                let repositories = budget.count(REPOSITORIES, 5);
                for number in 0..repositories {
                    push_image(server, &format!("{repository}-{number}"), "v1", &image)?;
                }
                ("/v2/_catalog?n=100".to_owned(), repositories / 2)
            }
            Of::Referrers => {
                let referrers = budget.count(REFERRERS, 5);
                push_referrers(server, &repository, &image, referrers)?;
                (format!("/v2/{repository}/referrers/{}", image.manifest.digest), referrers)
            }
        };
        let request = Request::get(server.endpoint(), &path)?;
        check(server, &request, usize::try_from(wanted)?)?;
        Ok(Box::new(Requested { request }))
    }
}

fn push_tags(server: &Server, repository: &str, image: &Image, tags: u64) -> Result<()> {
    block_on(async {
        let mut client = Client::connect(server.endpoint(), Protocol::Http1).await?;
        for number in 0..tags {
            push_manifest(&mut client, repository, &format!("v{number}"), &image.manifest.bytes).await?;
        }
        Ok(())
    })
}

fn push_referrers(server: &Server, repository: &str, image: &Image, referrers: u64) -> Result<()> {
    let mut random = Random::new()?;
    for number in 0..referrers {
        let other = Image::random(&mut random, &[100]);
        let mut blobs = other.blobs.into_iter();
        let (Some(config), layers) = (blobs.next(), blobs.collect()) else { continue };
        let referrer = Image::of(config, layers, Some(&image.manifest));
        push_image(server, repository, &format!("referrer-{number}"), &referrer)?;
    }
    Ok(())
}

/// The page has at least so many entries.
fn check(server: &Server, request: &Request, wanted: usize) -> Result<()> {
    let (reply, body) = block_on(async {
        let mut client = Client::connect(server.endpoint(), Protocol::Http1).await?;
        client.fetch(request).await
    })?;
    if reply.status == 404 {
        return Err(Unsupported("it answers with 404".to_owned()).into());
    }
    ensure!(reply.status == 200, "a listing was answered with {}", reply.status);
    let page: serde_json::Value = serde_json::from_slice(&body)?;
    let lists = ["tags", "repositories", "manifests"];
    let entries = lists.iter().find_map(|name| page[*name].as_array()).map_or(0, Vec::len);
    ensure!(entries >= wanted, "a listing has {entries} entries; at least {wanted} were pushed");
    Ok(())
}

struct Requested {
    request: Request,
}

impl Session for Requested {
    fn run(&mut self, server: &mut Server, case: &Case, budget: &Budget) -> Result<Vec<Measured>> {
        Ok(vec![repeat(server, &Plan::new(case.connections(), budget), &self.request, 200)?])
    }
}
