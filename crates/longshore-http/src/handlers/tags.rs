//! end-8: the tags of a repository.

use http::header;
use longshore_types::{RepositoryName, Tag};
use serde::Serialize;

use super::{Reply, json_reply, next_page, page_limit};
use crate::{
    context::{Context, Request},
    endpoint::PageQuery,
};

/// The body, which borrows everything.
#[derive(Serialize)]
struct TagList<'a> {
    name: &'a str,
    tags: &'a [&'a str],
}

pub(crate) async fn list(
    cx: &Context,
    request: &Request,
    repository: &RepositoryName,
    page: &PageQuery,
) -> Reply {
    let limit = page_limit(page, cx.limits.tags_max);
    let listed = cx.registry.tags(&request.call, repository, page.last.as_deref(), limit).await?;
    let tags: Vec<_> = listed.entries.iter().map(Tag::as_str).collect();
    let body = TagList { name: repository.as_str(), tags: &tags };
    let mut response = json_reply("application/json; charset=utf-8", &body);
    // With n=0 there is no last tag: "MUST NOT include a Link header".
    if let (true, Some(last)) = (listed.more, tags.last()) {
        let link = next_page(&request.urls, &format!("{repository}/tags/list"), last, page, None);
        response.headers_mut().insert(header::LINK, link);
    }
    Ok(response)
}
