//! What happened to tags and what was deleted, the way back, and a look at what a deletion would take along. Harbor has
//! none of this.

use http::{HeaderValue, header};
use longshore_auth::{Action, Permission};
use longshore_registry::{DeletedManifest, DeletedTag, ManifestRecord, Page, PastEvent, TagEventAction};
use longshore_types::{Digest, Reference, RepositoryName, Tag, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::content::{call, check_with_tag, reference, repository, short_name};
use crate::api::{
    Api,
    listing::{PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX, visible},
    moment::Moment,
    problem::ApiProblem,
    request::ApiRequest,
    response::ApiResponse,
    route::{Parameter, Reply, integer, like},
};

/// What part of a list that goes from the newest to the oldest is wanted.
pub(crate) static WALK: &[Parameter] = &[
    integer("page_size", "Most entries, from 1 to 100; what lies beyond counts as the nearest of these."),
    like(
        "before",
        r"^([0-9]{1,18}(\.[0-9]{1,18})?)?$",
        "Where the list before this one ended, as its Link header says.",
    ),
];

/// Something that happened to a tag.
#[derive(Serialize, JsonSchema)]
pub(crate) struct TagEventReply {
    /// Grows with every event.
    id: i64,
    tag: String,
    /// `push`, `move`, `delete`, `restore`, `import`.
    operation: &'static str,
    /// Who; missing where nobody was logged in, and for callers who are not.
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    op_time: Moment,
    /// Where it pointed before.
    #[serde(skip_serializing_if = "Option::is_none")]
    from_digest: Option<String>,
    /// Whether that is there, or can be restored.
    from_available: bool,
    /// Where it points since.
    #[serde(skip_serializing_if = "Option::is_none")]
    to_digest: Option<String>,
    /// Whether that is there, or can be restored.
    to_available: bool,
}

/// A tag that was deleted and can be restored.
#[derive(Serialize, JsonSchema)]
pub(crate) struct DeletedTagReply {
    tag: String,
    /// Where it pointed.
    digest: String,
    /// Who deleted it; missing where nobody was logged in, and for callers who are not.
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    deleted_at: Moment,
    restorable_until: Moment,
}

/// A manifest that was deleted and can be restored.
#[derive(Serialize, JsonSchema)]
pub(crate) struct DeletedArtifactReply {
    #[serde(flatten)]
    manifest: ManifestReply,
    /// Tags that were deleted with it, the first hundred.
    tags: Vec<String>,
    deleted_at: Moment,
    restorable_until: Moment,
}

/// A manifest.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ManifestReply {
    digest: String,
    manifest_media_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    artifact_type: Option<String>,
    /// The manifest alone, in bytes.
    size: u64,
    push_time: Moment,
}

/// Where a tag goes.
#[derive(Default, Deserialize, JsonSchema)]
pub(crate) struct Restoration {
    /// A manifest that the tag pointed to before. Missing: where it pointed before it was deleted.
    #[serde(default)]
    digest: Option<String>,
}

/// Where a tag points.
#[derive(Serialize, JsonSchema)]
pub(crate) struct RestoredTag {
    digest: String,
}

/// What would go with an artifact.
#[derive(Serialize, JsonSchema)]
pub(crate) struct DeletionReply {
    digest: String,
    /// Its tags, which go at once.
    tags: Vec<String>,
    /// Manifests that only it names. They go when it can no longer be restored.
    children: Vec<ManifestReply>,
    /// What is about it or about its children, and goes with them: signatures, bills of materials.
    referrers: Vec<ManifestReply>,
    /// All of these and blobs that nothing else in the repository needs.
    bytes_freed: u64,
    /// An index that names it and must be deleted first.
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<String>,
    /// false where there is too much to look at, so that more goes than is said here.
    complete: bool,
}

fn word(action: TagEventAction) -> &'static str {
    match action {
        TagEventAction::Push => "push",
        TagEventAction::Move => "move",
        TagEventAction::Delete => "delete",
        TagEventAction::Restore => "restore",
        TagEventAction::Import => "import",
    }
}

impl From<PastEvent> for TagEventReply {
    fn from(past: PastEvent) -> Self {
        let PastEvent { event, from_available, to_available } = past;
        Self {
            id: event.id,
            tag: event.tag.to_string(),
            operation: word(event.action),
            username: event.actor,
            op_time: event.at.into(),
            from_digest: event.from.map(|digest| digest.to_string()),
            from_available,
            to_digest: event.to.map(|digest| digest.to_string()),
            to_available,
        }
    }
}

impl From<DeletedTag> for DeletedTagReply {
    fn from(DeletedTag { event, until }: DeletedTag) -> Self {
        Self {
            tag: event.tag.to_string(),
            digest: event.from.map(|digest| digest.to_string()).unwrap_or_default(),
            username: event.actor,
            deleted_at: event.at.into(),
            restorable_until: until.into(),
        }
    }
}

impl From<DeletedManifest> for DeletedArtifactReply {
    fn from(deleted: DeletedManifest) -> Self {
        Self {
            tags: deleted.tags.iter().map(Tag::to_string).collect(),
            deleted_at: deleted.deleted_at.into(),
            restorable_until: deleted.until.into(),
            manifest: deleted.record.into(),
        }
    }
}

impl From<ManifestRecord> for ManifestReply {
    fn from(record: ManifestRecord) -> Self {
        Self {
            digest: record.digest.to_string(),
            manifest_media_type: record.media_type.to_string(),
            artifact_type: record.artifact_type,
            size: record.size_bytes,
            push_time: record.pushed_at.into(),
        }
    }
}

/// The repository that the path names, also where all that it held is deleted.
async fn past_repository(api: &Api, request: &ApiRequest) -> Result<RepositoryName, ApiProblem> {
    let named = repository(api, request).await?;
    let Some(short) = short_name(&named) else { return Ok(named) };
    let reading = call(request, &[(&named, &[Action::Pull]), (&short, &[Action::Pull])]);
    let is_short = !api.registry.had_repository(&reading, &named).await?
        && api.registry.had_repository(&reading, &short).await?;
    Ok(if is_short { short } else { named })
}

fn page_size(request: &ApiRequest) -> Result<usize, ApiProblem> {
    let size = request
        .query
        .integer("page_size")?
        .map_or(PAGE_SIZE_DEFAULT, |size| u64::try_from(size).unwrap_or(1).clamp(1, PAGE_SIZE_MAX));
    Ok(usize::try_from(size).unwrap_or(1))
}

fn wrong_before() -> ApiProblem {
    ApiProblem::bad_request("before must be what a Link header says")
}

/// A number, as the history goes on before it.
fn before_event(request: &ApiRequest) -> Result<Option<i64>, ApiProblem> {
    request.query.text("before").map(|text| text.parse().map_err(|_| wrong_before())).transpose()
}

/// A moment and a number.
fn before_moment(request: &ApiRequest) -> Result<Option<(Timestamp, i64)>, ApiProblem> {
    let Some(text) = request.query.text("before") else { return Ok(None) };
    let read = || {
        let (at, id) = text.split_once('.')?;
        Some((Timestamp::from_unix_millis(at.parse().ok()?), id.parse().ok()?))
    };
    read().map(Some).ok_or_else(wrong_before)
}

/// The entries, and a `Link` to those before them if there are any.
fn walk<T, R: From<T> + Serialize>(
    request: &ApiRequest,
    page: Page<T>,
    end: impl Fn(&T) -> String,
) -> Result<ApiResponse, ApiProblem> {
    let next = page.entries.last().filter(|_| page.more).map(end);
    let entries: Vec<R> = page.entries.into_iter().map(R::from).collect();
    let response = ApiResponse::json(&entries);
    let Some(before) = next else { return Ok(response) };
    let url = visible(&format!("{}?page_size={}&before={before}", request.raw.path, page_size(request)?));
    let link = format!("<{url}>; rel=\"next\"");
    Ok(match HeaderValue::try_from(link) {
        Ok(link) => response.with_header(header::LINK, link),
        Err(_) => response,
    })
}

async fn history(api: &Api, request: ApiRequest, tag: Option<Tag>) -> Reply {
    let name = past_repository(api, &request).await?;
    let reading = call(&request, &[(&name, &[Action::Pull])]);
    let (before, size) = (before_event(&request)?, page_size(&request)?);
    let mut page = api.registry.tag_history(&reading, &name, tag.as_ref(), before, size).await?;
    if !request.access.principal.is_known() {
        page.entries.iter_mut().for_each(|past| past.event.actor = None);
    }
    walk::<_, TagEventReply>(&request, page, |past| past.event.id.to_string())
}

pub(crate) async fn of_repository(api: &Api, request: ApiRequest) -> Reply {
    history(api, request, None).await
}

pub(crate) async fn of_tag(api: &Api, request: ApiRequest) -> Reply {
    let tag = tag(&request)?;
    history(api, request, Some(tag)).await
}

pub(crate) async fn deleted_tags(api: &Api, request: ApiRequest) -> Reply {
    let name = past_repository(api, &request).await?;
    let reading = call(&request, &[(&name, &[Action::Pull])]);
    let (before, size) = (before_moment(&request)?, page_size(&request)?);
    let mut page = api.registry.deleted_tags(&reading, &name, before, size).await?;
    if !request.access.principal.is_known() {
        page.entries.iter_mut().for_each(|tag| tag.event.actor = None);
    }
    let end = |tag: &DeletedTag| format!("{}.{}", tag.event.at.unix_millis(), tag.event.id);
    walk::<_, DeletedTagReply>(&request, page, end)
}

pub(crate) async fn deleted_artifacts(api: &Api, request: ApiRequest) -> Reply {
    let name = past_repository(api, &request).await?;
    let reading = call(&request, &[(&name, &[Action::Pull])]);
    let (before, size) = (before_moment(&request)?, page_size(&request)?);
    let page = api.registry.deleted_manifests(&reading, &name, before, size).await?;
    let end =
        |gone: &DeletedManifest| format!("{}.{}", gone.deleted_at.unix_millis(), gone.record.id.number());
    walk::<_, DeletedArtifactReply>(&request, page, end)
}

/// To the digest that the body names, which moves a tag that is there: that is a push, and must be allowed as one. Without
/// one, what was deleted comes back.
pub(crate) async fn restore_tag(api: &Api, mut request: ApiRequest) -> Reply {
    let (name, tag) = (past_repository(api, &request).await?, tag(&request)?);
    let Restoration { digest } = request.json_or_default().await?;
    check_with_tag(&request, &name, &tag, Permission::REPOSITORY_PUSH)?;
    let restoring = call(&request, &[(&name, &[Action::Push])]);
    let digest = match digest {
        Some(text) => {
            let digest: Digest = text
                .parse()
                .map_err(|_| ApiProblem::bad_request(format!("digest: {text:?} is no digest")))?;
            api.registry.roll_tag_back(&restoring, &name, &tag, &digest).await?;
            digest
        }
        None => api.registry.restore_tag(&restoring, &name, &tag).await?,
    };
    Ok(ApiResponse::json(&RestoredTag { digest: digest.to_string() }))
}

pub(crate) async fn restore_artifact(api: &Api, request: ApiRequest) -> Reply {
    let name = past_repository(api, &request).await?;
    let Reference::Digest(digest) = reference(&request)? else {
        return Err(ApiProblem::bad_request("what is deleted has no tag: name it by its digest"));
    };
    let restoring = call(&request, &[(&name, &[Action::Push])]);
    api.registry.restore_manifest(&restoring, &name, &digest).await?;
    Ok(ApiResponse::done())
}

pub(crate) async fn preview_deletion(api: &Api, request: ApiRequest) -> Reply {
    let (name, reference) = (repository(api, &request).await?, reference(&request)?);
    let reading = call(&request, &[(&name, &[Action::Pull])]);
    let seen = api.registry.preview_deletion(&reading, &name, &reference).await?;
    Ok(ApiResponse::json(&DeletionReply {
        digest: seen.record.digest.to_string(),
        tags: seen.tags.iter().map(Tag::to_string).collect(),
        children: seen.children.into_iter().map(ManifestReply::from).collect(),
        referrers: seen.referrers.into_iter().map(ManifestReply::from).collect(),
        bytes_freed: seen.bytes_freed,
        index: seen.index.map(|digest| digest.to_string()),
        complete: seen.complete,
    }))
}

fn tag(request: &ApiRequest) -> Result<Tag, ApiProblem> {
    let text = request.path.text("tag_name")?;
    text.parse().map_err(|_| ApiProblem::not_found(format!("tag {text} not found")))
}
