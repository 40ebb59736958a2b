//! The listing of repositories, as distribution has it.

use http::header;
use longshore_types::RepositoryName;
use serde::Serialize;

use super::{Reply, json_reply, next_page, page_limit};
use crate::{
    context::{Context, Request},
    endpoint::PageQuery,
};

/// The body, which borrows everything.
#[derive(Serialize)]
struct Catalog<'a> {
    repositories: &'a [&'a str],
}

pub(crate) async fn list(cx: &Context, request: &Request, page: &PageQuery) -> Reply {
    let limit = page_limit(page, cx.limits.catalog_max);
    let listed = cx.registry.catalog(&request.call, page.last.as_deref(), limit).await?;
    let names: Vec<_> = listed.entries.iter().map(RepositoryName::as_str).collect();
    let mut response = json_reply("application/json; charset=utf-8", &Catalog { repositories: &names });
    if let (true, Some(last)) = (listed.more, names.last()) {
        let link = next_page(&request.urls, "_catalog", last, page, None);
        response.headers_mut().insert(header::LINK, link);
    }
    Ok(response)
}
