//! Method, path and query as one [`Endpoint`]: distribution specification (main branch, July 2026), "Endpoints".
//!
//! Repository names contain `/`, so a path is read from its end: the last one or two components say what is meant,
//! everything before them is the name.

use http::Method;
use longshore_auth::{Action, Scope};
use longshore_types::{
    Digest, DigestAlgorithm, DigestError, NameError, Reference, ReferenceError, RepositoryName, Tag, UploadId,
};

use crate::{
    query::{self, Query},
    route::Route,
};

/// Most tags in one push. The specification wants at least 10 and lets a registry answer 414 beyond its limit.
pub(crate) const TAGS_PER_PUSH_MAX: usize = 100;

/// What a request is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// end-1.
    Base,
    /// distribution's listing of repositories.
    Catalog { page: PageQuery },
    /// end-8.
    Tags { repository: RepositoryName, page: PageQuery },
    /// end-12.
    Referrers { repository: RepositoryName, subject: Digest, filter: Option<String>, page: PageQuery },
    /// end-3.
    PullManifest { repository: RepositoryName, reference: Reference },
    /// end-7.
    PushManifest { repository: RepositoryName, reference: Reference, tags: Vec<Tag> },
    /// end-9.
    DeleteManifest { repository: RepositoryName, reference: Reference },
    /// end-2.
    PullBlob { repository: RepositoryName, digest: Digest },
    /// end-10.
    DeleteBlob { repository: RepositoryName, digest: Digest },
    /// end-4 and end-11.
    StartUpload { repository: RepositoryName, start: UploadStart },
    /// end-13.
    UploadStatus { repository: RepositoryName, id: UploadId },
    /// end-5.
    AppendUpload { repository: RepositoryName, id: UploadId },
    /// end-6.
    FinishUpload { repository: RepositoryName, id: UploadId, digest: Digest },
    /// end-14.
    CancelUpload { repository: RepositoryName, id: UploadId },
}

/// How an upload is meant to begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum UploadStart {
    /// The blob comes in pieces, its digest will be by this algorithm.
    Session(DigestAlgorithm),
    /// The body is the whole blob.
    Whole(Digest),
    /// Perhaps another repository has it already. `from` is `None` when any will do.
    Mount { digest: Digest, from: Option<RepositoryName> },
}

/// Which part of a listing is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PageQuery {
    /// `n`; a number too large to hold is as good as the largest.
    pub(crate) count: Option<usize>,
    /// `last`.
    pub(crate) last: Option<String>,
}

/// Why a request is about nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RouteError {
    /// No such path.
    Unknown,
    /// The path knows other methods; the value of `Allow`.
    Method(&'static str),
    /// An escape in path or query is broken.
    Encoding,
    Name(NameError),
    Digest(DigestError),
    /// `digest` is missing where it must be.
    DigestMissing,
    /// A reference that nothing can be stored under.
    Reference(ReferenceError),
    /// A reference that nothing can be found under.
    ReferenceUnknown {
        repository: RepositoryName,
    },
    /// A `tag` parameter is no tag.
    Tag,
    TooManyTags,
    /// The upload's id is none of ours.
    UploadUnknown,
    /// `n` is no number.
    Count,
    /// `last` cannot be the end of a page.
    Last,
}

impl From<NameError> for RouteError {
    fn from(error: NameError) -> Self {
        Self::Name(error)
    }
}

impl From<DigestError> for RouteError {
    fn from(error: DigestError) -> Self {
        Self::Digest(error)
    }
}

/// The shape of a path, nothing in it checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape<'a> {
    Base,
    Catalog,
    Tags(&'a str),
    Referrers(&'a str, &'a str),
    Manifest(&'a str, &'a str),
    Blob(&'a str, &'a str),
    Uploads(&'a str),
    Upload(&'a str, &'a str),
}

impl Endpoint {
    /// Reads a request; `path` begins with `/v2`, what stands before it was taken off.
    pub(crate) fn parse(method: &Method, path: &str, query: Option<&str>) -> Result<Self, RouteError> {
        let path = query::decode(path).ok_or(RouteError::Encoding)?;
        let shape = Shape::of(&path).ok_or(RouteError::Unknown)?;
        if !shape.allowed().split(',').any(|allowed| allowed.trim_start() == method.as_str()) {
            return Err(RouteError::Method(shape.allowed()));
        }
        let query = Query::parse(query).ok_or(RouteError::Encoding)?;
        // HEAD is GET without the body, by the same code.
        let method = if *method == Method::HEAD { Method::GET } else { method.clone() };
        match shape {
            Shape::Base => Ok(Self::Base),
            Shape::Catalog => Ok(Self::Catalog { page: PageQuery::parse(&query)? }),
            Shape::Tags(name) => {
                Ok(Self::Tags { repository: name.parse()?, page: PageQuery::parse(&query)? })
            }
            Shape::Referrers(name, digest) => Self::referrers(name, digest, &query),
            Shape::Manifest(name, reference) => Self::manifest(&method, name, reference, &query),
            Shape::Blob(name, digest) => {
                let (repository, digest) = (name.parse()?, digest.parse()?);
                match method {
                    Method::DELETE => Ok(Self::DeleteBlob { repository, digest }),
                    _ => Ok(Self::PullBlob { repository, digest }),
                }
            }
            Shape::Uploads(name) => {
                Ok(Self::StartUpload { repository: name.parse()?, start: UploadStart::parse(&query)? })
            }
            Shape::Upload(name, id) => Self::upload(&method, name, id, &query),
        }
    }

    fn referrers(name: &str, digest: &str, query: &Query) -> Result<Self, RouteError> {
        let page = PageQuery::parse(query)?;
        if page.last.as_ref().is_some_and(|last| last.parse::<Digest>().is_err()) {
            return Err(RouteError::Last);
        }
        let filter = query.first("artifactType").filter(|filter| !filter.is_empty()).map(str::to_owned);
        Ok(Self::Referrers { repository: name.parse()?, subject: digest.parse()?, filter, page })
    }

    fn manifest(method: &Method, name: &str, reference: &str, query: &Query) -> Result<Self, RouteError> {
        let repository: RepositoryName = name.parse()?;
        let reference = match reference.parse::<Reference>() {
            Ok(reference) => reference,
            Err(ReferenceError::Digest(error)) => return Err(error.into()),
            Err(error @ ReferenceError::Malformed) if *method == Method::PUT => {
                return Err(RouteError::Reference(error));
            }
            // "If the manifest is not found in the repository, the response code MUST be 404".
            Err(ReferenceError::Malformed) => return Err(RouteError::ReferenceUnknown { repository }),
        };
        match *method {
            Method::PUT => {
                let tags = tags(&reference, query)?;
                Ok(Self::PushManifest { repository, reference, tags })
            }
            Method::DELETE => Ok(Self::DeleteManifest { repository, reference }),
            _ => Ok(Self::PullManifest { repository, reference }),
        }
    }

    fn upload(method: &Method, name: &str, id: &str, query: &Query) -> Result<Self, RouteError> {
        let repository = name.parse()?;
        let id = id.parse().map_err(|_| RouteError::UploadUnknown)?;
        match *method {
            Method::PATCH => Ok(Self::AppendUpload { repository, id }),
            Method::PUT => {
                let digest = query.first("digest").ok_or(RouteError::DigestMissing)?.parse()?;
                Ok(Self::FinishUpload { repository, id, digest })
            }
            Method::DELETE => Ok(Self::CancelUpload { repository, id }),
            _ => Ok(Self::UploadStatus { repository, id }),
        }
    }

    /// What logs and metrics say instead of the path.
    pub(crate) fn route(&self) -> Route {
        match self {
            Self::Base => Route::Base,
            Self::Catalog { .. } => Route::Catalog,
            Self::Tags { .. } => Route::Tags,
            Self::Referrers { .. } => Route::Referrers,
            Self::PullManifest { .. } | Self::PushManifest { .. } | Self::DeleteManifest { .. } => {
                Route::Manifest
            }
            Self::PullBlob { .. } | Self::DeleteBlob { .. } => Route::Blob,
            Self::StartUpload { .. } => Route::Uploads,
            Self::UploadStatus { .. }
            | Self::AppendUpload { .. }
            | Self::FinishUpload { .. }
            | Self::CancelUpload { .. } => Route::Upload,
        }
    }

    /// The repository that the request works in.
    pub(crate) fn repository(&self) -> Option<&RepositoryName> {
        match self {
            Self::Base | Self::Catalog { .. } => None,
            Self::Tags { repository, .. }
            | Self::Referrers { repository, .. }
            | Self::PullManifest { repository, .. }
            | Self::PushManifest { repository, .. }
            | Self::DeleteManifest { repository, .. }
            | Self::PullBlob { repository, .. }
            | Self::DeleteBlob { repository, .. }
            | Self::StartUpload { repository, .. }
            | Self::UploadStatus { repository, .. }
            | Self::AppendUpload { repository, .. }
            | Self::FinishUpload { repository, .. }
            | Self::CancelUpload { repository, .. } => Some(repository),
        }
    }

    /// What a caller needs for it, as a challenge asks for it. Pushes name `pull` too: clients look before they push,
    /// with the same token.
    pub(crate) fn scopes(&self) -> Vec<Scope> {
        match self {
            Self::Base => Vec::new(),
            Self::Catalog { .. } => vec![Scope::Catalog],
            Self::Tags { repository, .. }
            | Self::Referrers { repository, .. }
            | Self::PullManifest { repository, .. }
            | Self::PullBlob { repository, .. } => vec![Scope::repository(repository, &[Action::Pull])],
            Self::DeleteManifest { repository, .. } | Self::DeleteBlob { repository, .. } => {
                vec![Scope::repository(repository, &[Action::Delete])]
            }
            Self::StartUpload { repository, start } => {
                let mut scopes = vec![push_scope(repository)];
                if let UploadStart::Mount { from: Some(from), .. } = start
                    && from != repository
                {
                    scopes.push(Scope::repository(from, &[Action::Pull]));
                }
                scopes
            }
            Self::PushManifest { repository, .. }
            | Self::UploadStatus { repository, .. }
            | Self::AppendUpload { repository, .. }
            | Self::FinishUpload { repository, .. }
            | Self::CancelUpload { repository, .. } => vec![push_scope(repository)],
        }
    }
}

fn push_scope(repository: &RepositoryName) -> Scope {
    Scope::repository(repository, &[Action::Pull, Action::Push])
}

/// `tag` parameters count only beside a digest ("Pushing Manifests"): the reply's `OCI-Tag` says which were taken.
fn tags(reference: &Reference, query: &Query) -> Result<Vec<Tag>, RouteError> {
    if matches!(reference, Reference::Tag(_)) {
        return Ok(Vec::new());
    }
    let mut tags: Vec<Tag> = Vec::new();
    for tag in query.all("tag") {
        let tag = tag.parse().map_err(|_| RouteError::Tag)?;
        if !tags.contains(&tag) {
            if tags.len() == TAGS_PER_PUSH_MAX {
                return Err(RouteError::TooManyTags);
            }
            tags.push(tag);
        }
    }
    Ok(tags)
}

impl UploadStart {
    fn parse(query: &Query) -> Result<Self, RouteError> {
        if let Some(digest) = query.first("mount").filter(|digest| !digest.is_empty()) {
            let digest = digest.parse()?;
            return Ok(match query.first("from").filter(|from| !from.is_empty()).map(str::parse) {
                None => Self::Mount { digest, from: None },
                Some(Ok(from)) => Self::Mount { digest, from: Some(from) },
                // No such repository can be here: "unable to mount", so an upload begins.
                Some(Err(_)) => Self::Session(digest.algorithm()),
            });
        }
        if let Some(digest) = query.first("digest") {
            return Ok(Self::Whole(digest.parse()?));
        }
        match query.first("digest-algorithm") {
            Some(algorithm) => Ok(Self::Session(algorithm.parse()?)),
            None => Ok(Self::Session(DigestAlgorithm::Sha256)),
        }
    }
}

impl PageQuery {
    fn parse(query: &Query) -> Result<Self, RouteError> {
        let count = match query.first("n").filter(|n| !n.is_empty()) {
            None => None,
            Some(n) if n.bytes().all(|b| b.is_ascii_digit()) => Some(n.parse().unwrap_or(usize::MAX)),
            Some(_) => return Err(RouteError::Count),
        };
        Ok(Self { count, last: query.first("last").filter(|last| !last.is_empty()).map(str::to_owned) })
    }
}

impl<'a> Shape<'a> {
    fn of(path: &'a str) -> Option<Self> {
        let rest = path.strip_prefix("/v2")?;
        if matches!(rest, "" | "/") {
            return Some(Self::Base);
        }
        let rest = rest.strip_prefix('/')?;
        if rest == "_catalog" {
            return Some(Self::Catalog);
        }
        if let Some(name) = rest.strip_suffix("/tags/list") {
            return Some(Self::Tags(name));
        }
        if let Some(name) =
            rest.strip_suffix("/blobs/uploads/").or_else(|| rest.strip_suffix("/blobs/uploads"))
        {
            return Some(Self::Uploads(name));
        }
        let (rest, last) = rest.rsplit_once('/')?;
        if let Some(name) = rest.strip_suffix("/blobs/uploads") {
            return Some(Self::Upload(name, last));
        }
        let (name, kind) = rest.rsplit_once('/')?;
        match kind {
            "manifests" => Some(Self::Manifest(name, last)),
            "blobs" => Some(Self::Blob(name, last)),
            "referrers" => Some(Self::Referrers(name, last)),
            _ => None,
        }
    }

    fn allowed(self) -> &'static str {
        match self {
            Self::Base | Self::Catalog | Self::Tags(_) | Self::Referrers(..) => "GET, HEAD",
            Self::Manifest(..) => "GET, HEAD, PUT, DELETE",
            Self::Blob(..) => "GET, HEAD, DELETE",
            Self::Uploads(_) => "POST",
            Self::Upload(..) => "GET, HEAD, PATCH, PUT, DELETE",
        }
    }
}

#[cfg(test)]
mod tests;
