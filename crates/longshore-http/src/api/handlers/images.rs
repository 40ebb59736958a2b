//! What images hold: how they were built and are run, their files, and what two of them have apart. Not Harbor's.

mod comparison;
mod files;
mod reply;

use http::{HeaderValue, header};
use longshore_accounts::ManageError;
use longshore_auth::{Action, Permission, Target, decide};
use longshore_registry::{Call, ContentsError, ImagePlace, ImagePlatform, dockerfile, steps};
use longshore_types::{Reference, RepositoryName};

pub(crate) use self::{
    comparison::ComparisonReply,
    files::{FileReply, WasteReply},
    reply::{ConfigurationReply, StepReply},
};
use super::{
    artifacts::may_all,
    content::{call, reference, repository, short_name, window},
};
use crate::{
    api::{
        Api,
        problem::ApiProblem,
        request::ApiRequest,
        response::ApiResponse,
        route::{Parameter, Reply, integer, like, text},
    },
    query,
};

/// Largest file that is given, in bytes.
const FILE_BYTES_MAX: u64 = 16 << 20;

const PLATFORM: Parameter = like(
    "platform",
    PLATFORM_PATTERN,
    "Which image of an index, as os/architecture or os/architecture/variant.",
);
/// Empty is as good as none.
const PLATFORM_PATTERN: &str = "^([a-zA-Z0-9_.-]+/[a-zA-Z0-9_.-]+(/[a-zA-Z0-9_.-]+)?)?$";

/// Of an image.
pub(crate) static IMAGE: &[Parameter] = &[PLATFORM];
/// Of a folder of an image.
pub(crate) static FOLDER: &[Parameter] = &[
    PLATFORM,
    text("path", "The folder; the root if nothing is said."),
    integer("layer", "Only what this layer has to do with, counted from 1, the lowest."),
];
/// Of a search in an image.
pub(crate) static SEARCH: &[Parameter] = &[
    PLATFORM,
    text("name", "A part of the name, or of the path if it has a slash; case does not matter.").required(),
];
/// Of a file of an image.
pub(crate) static FILE: &[Parameter] =
    &[PLATFORM, text("path", "The file. Links are followed as in the image.").required()];
/// Of a comparison.
pub(crate) static COMPARISON: &[Parameter] = &[
    PLATFORM,
    text("with", "The other image: a tag or a digest.").required(),
    text("repository", "Its repository as project/repository, where it is another one."),
    like(
        "with_platform",
        PLATFORM_PATTERN,
        "Which image of the other index, where it is not the same platform.",
    ),
];

/// What a request says of the image that it is about.
struct Asked {
    repository: RepositoryName,
    reference: Reference,
    platform: Option<ImagePlatform>,
    call: Call,
}

impl Asked {
    /// What an image holds is told to those who may pull it.
    async fn read(api: &Api, request: &ApiRequest) -> Result<Self, ApiProblem> {
        let named = request.repository.as_ref();
        let named = named.ok_or_else(|| ApiProblem::internal("the path names no repository"))?;
        let project = request.project()?;
        let target = Target::repository(&project.record.name, project.public, named);
        if !decide(&request.access, &target, Permission::REPOSITORY_PULL, &request.circumstances).allowed {
            return Err(ManageError::lacks(Permission::REPOSITORY_PULL).into());
        }
        let (repository, reference) = (repository(api, request).await?, reference(request)?);
        let call = call(request, &[(&repository, &[Action::Pull])]);
        Ok(Self { platform: platform(request, "platform")?, repository, reference, call })
    }

    fn place(&self) -> ImagePlace<'_> {
        let Self { repository, reference, platform, .. } = self;
        ImagePlace { repository, reference, platform: platform.as_ref() }
    }
}

fn platform(request: &ApiRequest, name: &str) -> Result<Option<ImagePlatform>, ApiProblem> {
    let read = |text: &str| text.parse().map_err(|error| ApiProblem::bad_request(format!("{name}: {error}")));
    request.query.text(name).map(read).transpose()
}

fn required<'a>(request: &'a ApiRequest, name: &str) -> Result<&'a str, ApiProblem> {
    request.query.text(name).ok_or_else(|| ApiProblem::bad_request(format!("{name} is missing")))
}

pub(crate) async fn layers(api: &Api, request: ApiRequest) -> Reply {
    let asked = Asked::read(api, &request).await?;
    let image = api.registry.open_image(&asked.call, asked.place()).await?;
    let steps = steps(&image.config.history, image.layers());
    Ok(ApiResponse::json(&steps.iter().map(StepReply::of).collect::<Vec<_>>()))
}

pub(crate) async fn build_file(api: &Api, request: ApiRequest) -> Reply {
    let asked = Asked::read(api, &request).await?;
    let image = api.registry.open_image(&asked.call, asked.place()).await?;
    Ok(ApiResponse::content("text/plain; charset=utf-8", dockerfile(&image.config.history)))
}

pub(crate) async fn configuration(api: &Api, request: ApiRequest) -> Reply {
    let asked = Asked::read(api, &request).await?;
    let image = api.registry.open_image(&asked.call, asked.place()).await?;
    Ok(ApiResponse::json(&ConfigurationReply::of(image)))
}

/// Byte for byte. The type that was pushed is one of JSON.
pub(crate) async fn manifest(api: &Api, request: ApiRequest) -> Reply {
    let asked = Asked::read(api, &request).await?;
    let manifest = api.registry.manifest_at(&asked.call, asked.place()).await?;
    Ok(ApiResponse::content("application/json", manifest.payload.clone()))
}

pub(crate) async fn list_files(api: &Api, request: ApiRequest) -> Reply {
    let asked = Asked::read(api, &request).await?;
    let layer = request.query.integer("layer")?;
    let layer = layer.map(usize::try_from).transpose();
    let layer = layer.map_err(|_| ApiProblem::bad_request("layer must be a number from 1"))?;
    let path = request.query.text("path").unwrap_or_default().to_owned();
    let window = window(&request);
    let folder = api.registry.ask_image(&asked.call, asked.place(), move |image, merged| {
        files::folder(image, merged, &path, layer, window)
    });
    let (entries, total) = folder.await??;
    Ok(request.page(&entries, total))
}

pub(crate) async fn search_files(api: &Api, request: ApiRequest) -> Reply {
    let asked = Asked::read(api, &request).await?;
    let (name, window) = (required(&request, "name")?.to_owned(), window(&request));
    let found = api
        .registry
        .ask_image(&asked.call, asked.place(), move |_, merged| files::search(merged, &name, window));
    let (entries, total) = found.await?;
    Ok(request.page(&entries, total))
}

pub(crate) async fn read_file(api: &Api, request: ApiRequest) -> Reply {
    let asked = Asked::read(api, &request).await?;
    let path = required(&request, "path")?;
    let file = api.registry.image_file(&asked.call, asked.place(), path, FILE_BYTES_MAX).await?;
    let name = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let response = ApiResponse::content("application/octet-stream", file.bytes);
    Ok(response.with_header(header::CONTENT_DISPOSITION, attachment(name)))
}

/// RFC 6266: whatever the file is called, the header holds. It is never shown in place.
pub(crate) fn attachment(name: &str) -> HeaderValue {
    // Two more than a query escapes: RFC 8187 section 3.2.1.
    let encoded = query::encode(name).replace('/', "%2F").replace(':', "%3A");
    let value = format!("attachment; filename*=UTF-8''{encoded}");
    HeaderValue::try_from(value).unwrap_or(HeaderValue::from_static("attachment"))
}

pub(crate) async fn waste(api: &Api, request: ApiRequest) -> Reply {
    let asked = Asked::read(api, &request).await?;
    let waste = api.registry.ask_image(&asked.call, asked.place(), |_, merged| WasteReply::of(merged));
    Ok(ApiResponse::json(&waste.await?))
}

/// `?with=v2&repository=project/repository`: the caller must be allowed to pull the other image too.
pub(crate) async fn compare(api: &Api, request: ApiRequest) -> Reply {
    let mut asked = Asked::read(api, &request).await?;
    let with = required(&request, "with")?;
    let other = match request.query.text("repository") {
        Some(name) => name.parse().ok(),
        None => Some(asked.repository.clone()),
    };
    let unknown = || {
        let name = request.query.text("repository").unwrap_or(asked.repository.as_str());
        ApiProblem::not_found(format!("artifact {with} not found in {name}"))
    };
    let (Some(mut other), Ok(reference)) = (other, with.parse()) else { return Err(unknown()) };
    if other != asked.repository {
        let needed = [Permission::ARTIFACT_ADDITION_READ, Permission::REPOSITORY_PULL];
        if !may_all(api, &request, &other, &needed).await? {
            return Err(unknown());
        }
        other = stored_name(api, &request, other).await?;
    }
    let second = platform(&request, "with_platform")?.or_else(|| asked.platform.clone());
    let problem = unknown();
    let rights: &[(_, &[Action])] = &[(&asked.repository, &[Action::Pull]), (&other, &[Action::Pull])];
    asked.call = call(&request, rights);
    let after = ImagePlace { repository: &other, reference: &reference, platform: second.as_ref() };
    // What is not there and what may not be known of get one answer.
    let found = api.registry.manifest_at(&asked.call, ImagePlace { platform: None, ..after }).await;
    found.map_err(|error| match error {
        ContentsError::NameUnknown(_) | ContentsError::ManifestUnknown { .. } => problem,
        error => error.into(),
    })?;
    let compared = api.registry.compare_images(&asked.call, asked.place(), after, comparison::differences);
    Ok(ApiResponse::json(&ComparisonReply::of(compared.await?)))
}

/// `alpine` for `library/alpine`, where only that is there.
async fn stored_name(
    api: &Api,
    request: &ApiRequest,
    name: RepositoryName,
) -> Result<RepositoryName, ApiProblem> {
    let Some(short) = short_name(&name) else { return Ok(name) };
    let reading = call(request, &[(&name, &[Action::Pull]), (&short, &[Action::Pull])]);
    let is_short = !api.registry.has_repository(&reading, &name).await?
        && api.registry.has_repository(&reading, &short).await?;
    Ok(if is_short { short } else { name })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_file_is_called_it_is_an_attachment() {
        for (name, wanted) in [
            ("app.conf", "app.conf"),
            ("a b\"c\r\nX: y", "a%20b%22c%0D%0AX%3A%20y"),
            ("käse", "k%C3%A4se"),
            ("", ""),
        ] {
            assert_eq!(attachment(name), format!("attachment; filename*=UTF-8''{wanted}"), "{name}");
        }
    }
}
