//! Artifacts, in Harbor's forms.

mod reply;

use longshore_accounts::LabelId;
use longshore_auth::{Action, Permission, Reach, Target, decide, reach};
use longshore_registry::{
    ArtifactFilter, ArtifactOrder, ArtifactParts, ManifestId, RepositoryParts, TagFilter, TextFilter,
    media_types_of,
};
use longshore_types::{Digest, Reference, RepositoryName, Timestamp};
use schemars::JsonSchema;
use serde::Deserialize;

pub(crate) use self::reply::{
    AccessoryReply, ArtifactReply, HistoryStep, RepositoryTagReply, TagReply, tag_reply,
};
use super::{
    content::{call, reference, repository, sort, window},
    filters::text_filter,
    labels,
};
use crate::api::{
    Api,
    filter::{Filter, Test},
    guard::ProjectKey,
    problem::ApiProblem,
    request::{ApiRequest, segment},
    response::ApiResponse,
    route::{Parameter, Reply, boolean},
};

/// Keys of `sort`.
pub(crate) const SORTS: &[&str] = &["push_time", "pull_time", "id", "digest"];
/// Keys of `q`.
pub(crate) const FILTERS: &[&str] = &[
    "id",
    "digest",
    "tags",
    "labels",
    "type",
    "media_type",
    "manifest_media_type",
    "artifact_type",
    "push_time",
    "base",
];
/// What is shown with artifacts.
pub(crate) static PARTS: &[Parameter] = &[
    boolean("with_tag", "Whether tags are shown; they are if nothing is said."),
    boolean("with_label", "Whether labels are shown."),
    boolean("with_accessory", "Whether accessories are shown; they are if nothing is said."),
    boolean("with_immutable_status", "Whether tags say that they cannot be changed."),
    boolean("with_scan_overview", "Whether the results of scans are shown."),
    boolean("with_sbom_overview", "Whether it is shown that there is a bill of materials."),
    boolean("with_signature", "Nothing any more: signatures are accessories."),
    boolean("with_inherited_accessory", "Whether signatures of indexes are shown with their children."),
];

const ORDERS: [(&str, ArtifactOrder); 4] = [
    ("push_time", ArtifactOrder::Pushed),
    ("pull_time", ArtifactOrder::Pulled),
    ("id", ArtifactOrder::Id),
    ("digest", ArtifactOrder::Digest),
];

/// `POST …/labels`: Harbor's clients send the whole label.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct LabelOfArtifact {
    /// The label's number.
    id: i64,
}

/// `q` in the words of the use case, and the lists that it borrows.
#[derive(Default)]
struct Asked<'a> {
    filter: ArtifactFilter<'a>,
    labels: Vec<LabelId>,
    types: Option<Vec<&'static str>>,
    /// Nothing can be so.
    impossible: bool,
}

impl<'a> Asked<'a> {
    fn read(filters: &'a [Filter]) -> Result<Self, ApiProblem> {
        let mut asked = Self::default();
        for filter in filters {
            asked.add(filter)?;
        }
        Ok(asked)
    }

    fn add(&mut self, filter: &'a Filter) -> Result<(), ApiProblem> {
        let into = &mut self.filter;
        match filter.key {
            "id" => into.id = Some(ManifestId::of_number(number(filter)?)),
            "digest" => {
                let digest = exact(filter)?.parse::<Digest>().ok();
                self.impossible |= digest.is_none();
                into.digest = digest;
            }
            "tags" => {
                into.tags = Some(match text_filter(filter)? {
                    TextFilter::Is("*") => TagFilter::Any,
                    TextFilter::Is("nil") => TagFilter::None,
                    text => TagFilter::One(text),
                });
            }
            "labels" => self.labels = numbers(filter)?.into_iter().map(LabelId::of_number).collect(),
            "type" => {
                let types = media_types_of(exact(filter)?);
                self.impossible |= types.is_empty();
                self.types = Some(types);
            }
            "media_type" => into.content_type = Some(text_filter(filter)?),
            "manifest_media_type" => into.manifest_media_type = Some(text_filter(filter)?),
            "artifact_type" => into.artifact_type = Some(text_filter(filter)?),
            "push_time" => (into.pushed_from, into.pushed_to) = range(filter)?,
            "base" if exact(filter)? == "*" => into.every_manifest = true,
            _ => return Err(ApiProblem::bad_request("q: base can be base=* alone")),
        }
        Ok(())
    }

    /// The filter; none where nothing can be found.
    fn filter(&'a self) -> Option<ArtifactFilter<'a>> {
        let filter =
            ArtifactFilter { labels: &self.labels, content_types: self.types.as_deref(), ..self.filter };
        (!self.impossible).then_some(filter)
    }
}

fn exact(filter: &Filter) -> Result<&str, ApiProblem> {
    match &filter.test {
        Test::Is(text) => Ok(text),
        _ => Err(ApiProblem::bad_request(format!("q: {0} can be {0}=value alone", filter.key))),
    }
}

fn number(filter: &Filter) -> Result<i64, ApiProblem> {
    let number = exact(filter)?.parse().ok();
    number.ok_or_else(|| ApiProblem::bad_request(format!("q: {} must be a number", filter.key)))
}

fn numbers(filter: &Filter) -> Result<Vec<i64>, ApiProblem> {
    let texts = match &filter.test {
        Test::Is(text) => std::slice::from_ref(text),
        Test::AllOf(texts) => texts.as_slice(),
        Test::AnyOf(_) | Test::Contains(_) | Test::Between(..) => &[],
    };
    let numbers: Option<Vec<i64>> = texts.iter().map(|text| text.parse().ok()).collect();
    numbers.filter(|numbers| !numbers.is_empty()).ok_or_else(|| {
        ApiProblem::bad_request(format!("q: {0} must be {0}=(1 2), numbers of which all count", filter.key))
    })
}

/// Two moments, as Harbor's clients write them: `2026-01-31 10:00:00`, in UTC, or RFC 3339.
fn range(filter: &Filter) -> Result<(Option<Timestamp>, Option<Timestamp>), ApiProblem> {
    let wrong = || {
        let key = filter.key;
        ApiProblem::bad_request(format!("q: {key} must be [first~last], moments as 2026-01-31 10:00:00"))
    };
    let Test::Between(from, to) = &filter.test else { return Err(wrong()) };
    let end = |text: &Option<String>| match text {
        Some(text) => moment(text).map(Some).ok_or_else(wrong),
        None => Ok(None),
    };
    Ok((end(from)?, end(to)?))
}

fn moment(text: &str) -> Option<Timestamp> {
    let civil = || {
        let civil: jiff::civil::DateTime = text.parse().ok()?;
        Some(civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
    };
    let moment: jiff::Timestamp = text.parse().ok().or_else(civil)?;
    Some(Timestamp::from_unix_millis(moment.as_millisecond()))
}

fn parts(request: &ApiRequest) -> Result<ArtifactParts, ApiProblem> {
    let query = &request.query;
    Ok(ArtifactParts {
        tags: query.flag("with_tag")?.unwrap_or(true),
        labels: query.flag("with_label")?.unwrap_or(false),
        accessories: query.flag("with_accessory")?.unwrap_or(true),
    })
}

pub(crate) async fn list(api: &Api, request: ApiRequest) -> Reply {
    let name = repository(api, &request).await?;
    let reading = call(&request, &[(&name, &[Action::Pull])]);
    let asked = Asked::read(&request.query.filters)?;
    let Some(filter) = asked.filter() else {
        // Who asks for what cannot be is told whether there is the repository all the same.
        api.registry.describe_repository(&reading, &name, RepositoryParts::default()).await?;
        return Ok(request.page::<ArtifactReply>(&[], 0));
    };
    let order = sort(&request, &ORDERS).unwrap_or((ArtifactOrder::Pushed, true));
    let (window, parts) = (window(&request), parts(&request)?);
    let listed = api.registry.browse_artifacts(&reading, &name, &filter, order, window, parts).await?;
    let project = &request.project()?.record.name;
    let entries: Vec<_> =
        listed.entries.into_iter().map(|artifact| ArtifactReply::of(artifact, project)).collect();
    Ok(request.page(&entries, listed.total))
}

pub(crate) async fn show(api: &Api, request: ApiRequest) -> Reply {
    let (name, reference) = (repository(api, &request).await?, reference(&request)?);
    let reading = call(&request, &[(&name, &[Action::Pull])]);
    let artifact = api.registry.describe_artifact(&reading, &name, &reference, parts(&request)?).await?;
    Ok(ApiResponse::json(&ArtifactReply::of(artifact, &request.project()?.record.name)))
}

pub(crate) async fn delete(api: &Api, request: ApiRequest) -> Reply {
    let (name, reference) = (repository(api, &request).await?, reference(&request)?);
    let deleting = call(&request, &[(&name, &[Action::Delete])]);
    api.registry.delete_artifact(&deleting, &name, &reference).await?;
    Ok(ApiResponse::done())
}

/// `?from=project/repository:tag` or `@digest`: the caller must be allowed to pull it.
pub(crate) async fn copy(api: &Api, request: ApiRequest) -> Reply {
    let name = request.repository.clone();
    let name = name.ok_or_else(|| ApiProblem::internal("the path names no repository"))?;
    let text = request.query.text("from").ok_or_else(|| ApiProblem::bad_request("from is missing"))?;
    let (source, reference) = source(text).ok_or_else(|| {
        ApiProblem::bad_request("from must be project/repository:tag or project/repository@digest")
    })?;
    let project = request.project()?;
    let target = Target::repository(&project.record.name, project.public, &name);
    if reach(&request.access, &target, Permission::ARTIFACT_CREATE) != Reach::Always {
        // All tags of the artifact come along, whatever they are.
        return Err(ApiProblem::forbidden("who may push here on a condition only cannot copy artifacts"));
    }
    let unknown = || ApiProblem::not_found(format!("artifact {text} not found"));
    if !may_all(api, &request, &source, &[Permission::REPOSITORY_PULL]).await? {
        return Err(unknown());
    }
    let rights: &[(_, &[Action])] = &[(&source, &[Action::Pull]), (&name, &[Action::Pull, Action::Push])];
    api.registry.copy_artifact(&call(&request, rights), &source, &reference, &name).await?;
    Ok(request.created(reference))
}

fn source(text: &str) -> Option<(RepositoryName, Reference)> {
    let (name, reference) = match text.split_once('@') {
        // A tag before the digest says nothing more.
        Some((name, digest)) => {
            let name = name.split_once(':').map_or(name, |(name, _)| name);
            (name, Reference::Digest(digest.parse().ok()?))
        }
        None => {
            let (name, tag) = text.rsplit_once(':')?;
            (name, Reference::Tag(tag.parse().ok()?))
        }
    };
    Some((name.parse().ok()?, reference))
}

/// Whether the caller may do all of these to a repository that the path does not name.
pub(super) async fn may_all(
    api: &Api,
    request: &ApiRequest,
    name: &RepositoryName,
    permissions: &[Permission],
) -> Result<bool, ApiProblem> {
    for project in name.possible_projects() {
        let found = api.guard.project(&ProjectKey::Name(project)).await.map_err(ApiProblem::unavailable)?;
        if let Some(found) = found {
            let target = Target::repository(&found.record.name, found.public, name);
            let (access, circumstances) = (&request.access, &request.circumstances);
            let allowed = |needed: &Permission| decide(access, &target, *needed, circumstances).allowed;
            return Ok(permissions.iter().all(allowed));
        }
    }
    Ok(false)
}

pub(crate) async fn accessories(api: &Api, request: ApiRequest) -> Reply {
    let (name, reference) = (repository(api, &request).await?, reference(&request)?);
    let reading = call(&request, &[(&name, &[Action::Pull])]);
    let listed = api.registry.browse_accessories(&reading, &name, &reference, window(&request)).await?;
    let entries: Vec<_> =
        listed.entries.into_iter().map(|accessory| AccessoryReply::of(accessory, &name)).collect();
    Ok(request.page(&entries, listed.total))
}

/// Build histories of images; of other additions there are none.
pub(crate) async fn addition(api: &Api, request: ApiRequest) -> Reply {
    let (name, reference) = (repository(api, &request).await?, reference(&request)?);
    let reading = call(&request, &[(&name, &[Action::Pull])]);
    let addition = request.path.text("addition")?;
    if addition.eq_ignore_ascii_case("build_history") {
        let history = api.registry.build_history(&reading, &name, &reference).await?;
        return Ok(ApiResponse::json(&history));
    }
    let artifact =
        api.registry.describe_artifact(&reading, &name, &reference, ArtifactParts::default()).await?;
    let problem = format!("addition {addition} is not supported for {}", artifact.kind);
    Err(ApiProblem::bad_request(problem))
}

/// Nothing was scanned, so that there are no reports.
pub(crate) async fn vulnerabilities(api: &Api, request: ApiRequest) -> Reply {
    let (name, reference) = (repository(api, &request).await?, reference(&request)?);
    let reading = call(&request, &[(&name, &[Action::Pull])]);
    api.registry.describe_artifact(&reading, &name, &reference, ArtifactParts::default()).await?;
    Ok(ApiResponse::json(&serde_json::Map::new()))
}

pub(crate) async fn add_label(api: &Api, mut request: ApiRequest) -> Reply {
    let (name, reference) = (repository(api, &request).await?, reference(&request)?);
    let LabelOfArtifact { id } = request.json().await?;
    api.accounts.label_artifact(&request.act(), &name, &reference, LabelId::of_number(id)).await?;
    Ok(ApiResponse::done())
}

pub(crate) async fn remove_label(api: &Api, request: ApiRequest) -> Reply {
    let (name, reference) = (repository(api, &request).await?, reference(&request)?);
    let label = labels::id(&request)?;
    api.accounts.unlabel_artifact(&request.act(), &name, &reference, label).await?;
    Ok(ApiResponse::done())
}

/// Where an addition lies.
fn addition_path(project: &str, repository: &str, digest: &Digest, addition: &str) -> String {
    // Harbor's clients encode names of repositories twice.
    let (project, repository) = (segment(project), segment(&segment(repository)));
    format!("/api/v2.0/projects/{project}/repositories/{repository}/artifacts/{digest}/additions/{addition}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::filter;

    #[test]
    fn sources_of_copies() {
        let check = |text: &str, wanted: Option<(&str, &str)>| {
            let found = source(text).map(|(name, reference)| (name.to_string(), reference.to_string()));
            let wanted = wanted.map(|(name, reference)| (name.to_owned(), reference.to_owned()));
            assert_eq!(found, wanted, "{text}");
        };
        let digest = Digest::sha256(b"x").to_string();
        check("team/app:v1", Some(("team/app", "v1")));
        check("team/sub/app:v1", Some(("team/sub/app", "v1")));
        check(&format!("team/app@{digest}"), Some(("team/app", &digest)));
        check(&format!("team/app:v1@{digest}"), Some(("team/app", &digest)));
        for bad in ["", "team/app", "team/app:", ":v1", "Team/app:v1", "team/app@sha256:12", "team/app@v1"] {
            check(bad, None);
        }
    }

    #[test]
    fn filters_of_artifacts() {
        let refused = |text: &str| {
            let filters = filter::parse(text, FILTERS).unwrap();
            Asked::read(&filters)
                .map(|asked| asked.filter().is_none())
                .map_err(|problem| problem.code().as_str())
        };
        for good in [
            "tags=*",
            "tags=nil",
            "tags=v1",
            "tags=~v",
            "labels=(1 2)",
            "labels=1",
            "type=IMAGE",
            "base=*",
            "id=7",
            "push_time=[2026-01-31 10:00:00~]",
            "push_time=[2026-01-31T10:00:00Z~2026-02-01 00:00:00]",
            "media_type=~helm",
        ] {
            assert_eq!(refused(good), Ok(false), "{good}");
        }
        for impossible in ["digest=sha256:12", "type=NOTHING"] {
            assert_eq!(refused(impossible), Ok(true), "{impossible}");
        }
        for bad in [
            "labels={1 2}",
            "labels=(a)",
            "base=x",
            "push_time=now",
            "push_time=[now~]",
            "id=x",
            "tags=(a b)",
        ] {
            assert_eq!(refused(bad), Err("BAD_REQUEST"), "{bad}");
        }
    }
}
