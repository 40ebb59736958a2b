//! The listing of repositories, as distribution has it.

use http::header;
use longshore_accounts::TokenService;
use longshore_auth::Circumstances;
use longshore_registry::{Call, ListError, Page};
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
    let after = page.last.as_deref();
    let listed = match &cx.tokens {
        Some(tokens) => readable(tokens, request, after, limit).await?,
        None => cx.registry.catalog(&request.call, after, limit).await?,
    };
    let names: Vec<_> = listed.entries.iter().map(RepositoryName::as_str).collect();
    let mut response = json_reply("application/json; charset=utf-8", &Catalog { repositories: &names });
    if let (true, Some(last)) = (listed.more, names.last()) {
        let link = next_page(&request.urls, "_catalog", last, page, None);
        response.headers_mut().insert(header::LINK, link);
    }
    Ok(response)
}

/// Where there are accounts, everybody sees what they may read.
async fn readable(
    tokens: &TokenService,
    request: &Request,
    after: Option<&str>,
    limit: usize,
) -> Result<Page<RepositoryName>, ListError> {
    let Call { caller, now, .. } = &request.call;
    if !caller.may_read_catalog() {
        return Err(ListError::CatalogDenied);
    }
    let accounts = tokens.accounts();
    let (address, certificate) = (request.client, request.certificate.clone());
    let circumstances = Circumstances { address, certificate, ..Circumstances::at(*now) };
    let listed = match &request.access {
        Some(access) => accounts.catalog(access, after, limit, &circumstances).await,
        None => {
            let access = accounts.access_of_bearer(caller.name.as_deref(), *now).await?;
            accounts.catalog(&access, after, limit, &circumstances).await
        }
    };
    Ok(listed?)
}
