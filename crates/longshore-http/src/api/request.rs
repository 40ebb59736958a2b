//! What a handler is given: everything about the request that the table names, read and checked.

use std::fmt::Display;

use http::{HeaderMap, HeaderName, HeaderValue};
use longshore_accounts::{Act, SessionId};
use longshore_auth::{Access, Circumstances};
use longshore_types::{ProjectName, RepositoryName, Tag};
use serde::de::DeserializeOwned;

use super::{
    filter::{self, Filter},
    guard::{FoundProject, ProjectKey},
    json,
    listing::{self, Page, Sort},
    problem::ApiProblem,
    response::{ApiResponse, X_TOTAL_COUNT},
    route::{Kind, Route},
};
use crate::{query, query::Query, request_body::RequestBody};

/// What a request carries.
pub(crate) enum ApiBody {
    /// From the wire.
    Incoming(RequestBody),
    /// At hand: a page asks.
    Ready(bytes::Bytes),
    /// Nothing, or nothing more.
    Empty,
}

/// Largest body, in bytes.
const BODY_BYTES_MAX: usize = 1024 * 1024;
/// The same where nobody is logged in.
const ANONYMOUS_BODY_BYTES_MAX: usize = 64 * 1024;

/// How paths name projects.
const PROJECT_PARAMETERS: [&str; 3] = ["project_name_or_id", "project_name", "project_id"];

/// An integer in a path is a project's name, not its number.
pub(crate) const X_IS_RESOURCE_NAME: HeaderName = HeaderName::from_static("x-is-resource-name");
/// `Location` is to name what was created.
const X_RESOURCE_NAME_IN_LOCATION: HeaderName = HeaderName::from_static("x-resource-name-in-location");

/// A request that was let through to its handler.
pub(crate) struct ApiRequest {
    pub(crate) route: &'static Route,
    /// The path as it came, and the query.
    pub(crate) raw: RawTarget,
    pub(crate) headers: HeaderMap,
    pub(crate) path: PathValues,
    pub(crate) query: QueryValues,
    /// Who calls, and what they may do.
    pub(crate) access: Access,
    /// The session by which they are logged in, if it is one.
    pub(crate) session: Option<SessionId>,
    /// When, and from where.
    pub(crate) circumstances: Circumstances,
    /// As in the log.
    pub(crate) request_id: String,
    /// The project that the path names; there where the route asks for a permission in it.
    pub(crate) project: Option<FoundProject>,
    /// The whole name of the repository that the path names, as clients pull it; there where `project` is.
    pub(crate) repository: Option<RepositoryName>,
    pub(crate) body: ApiBody,
}

/// Path and query as they came.
#[derive(Clone, Debug)]
pub(crate) struct RawTarget {
    pub(crate) path: String,
    pub(crate) query: Option<String>,
}

/// The values of a path's parameters, decoded.
#[derive(Clone, Debug, Default)]
pub(crate) struct PathValues(pub(crate) Vec<(&'static str, String)>);

/// The values of a query's parameters.
#[derive(Debug)]
pub(crate) struct QueryValues {
    query: Query,
    pub(crate) page: Page,
    /// In the order of their weight.
    pub(crate) sorts: Vec<Sort>,
    pub(crate) filters: Vec<Filter>,
}

impl PathValues {
    /// A parameter that the route's pattern has.
    pub(crate) fn text(&self, name: &'static str) -> Result<&str, ApiProblem> {
        let found = self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str());
        found.ok_or_else(|| ApiProblem::internal(format!("the pattern has no {{{name}}}")))
    }

    /// The same, as a number from 1.
    pub(crate) fn id(&self, name: &'static str) -> Result<i64, ApiProblem> {
        let text = self.text(name)?;
        number(text)
            .filter(|id| *id > 0)
            .ok_or_else(|| ApiProblem::bad_request(format!("{name} must be a number from 1")))
    }

    /// The project's name or number; none where nothing can be called so. `names_only`: a number is a name too.
    pub(crate) fn project(&self, names_only: bool) -> Option<ProjectKey> {
        let (parameter, text) = self.0.iter().find(|(name, _)| PROJECT_PARAMETERS.contains(name))?;
        let id = if *parameter == "project_name" || names_only { None } else { number(text) };
        match id {
            Some(id) => Some(ProjectKey::Id(id)),
            None => text.parse().ok().map(ProjectKey::Name),
        }
    }

    /// `{tag_name}`, if it names one.
    pub(crate) fn tag(&self) -> Option<Tag> {
        self.text("tag_name").ok()?.parse().ok()
    }

    /// The same as the path says it.
    pub(crate) fn project_text(&self) -> &str {
        let found = self.0.iter().find(|(name, _)| PROJECT_PARAMETERS.contains(name));
        found.map_or("", |(_, text)| text)
    }

    /// The whole name of the repository, if the path names one; what the path says where nothing can be called so.
    pub(crate) fn repository(&self, project: &ProjectName) -> Option<Result<RepositoryName, String>> {
        let (_, text) = self.0.iter().find(|(name, _)| *name == "repository_name")?;
        Some(format!("{project}/{text}").parse().map_err(|_| text.clone()))
    }
}

/// A number as Harbor writes one, and not `+1`.
fn number(text: &str) -> Option<i64> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?
}

impl QueryValues {
    /// Reads a query by what the route's row says of it.
    pub(crate) fn parse(route: &Route, query: Option<&str>) -> Result<Self, ApiProblem> {
        // In the forms that Harbor's clients write, `+` is a blank.
        let query = query.map(|query| query.replace('+', "%20"));
        let query = Query::parse(query.as_deref())
            .ok_or_else(|| ApiProblem::bad_request("broken percent-encoding in the query"))?;
        let mut values = Self { page: Page::default(), sorts: Vec::new(), filters: Vec::new(), query };
        if let Some(listing) = route.listing {
            let first = |name| values.query.first(name);
            values.page = Page::parse(first("page"), first("page_size"))?;
            values.sorts = listing::sort(first("sort").unwrap_or_default(), listing.sorts);
            values.filters = filter::parse(first("q").unwrap_or_default(), listing.filters)?;
        }
        for parameter in route.query {
            match parameter.kind {
                Kind::Text | Kind::Choice(_) | Kind::Like(_) => {}
                Kind::Integer => drop(values.integer(parameter.name)?),
                Kind::Boolean => drop(values.flag(parameter.name)?),
            }
        }
        Ok(values)
    }

    /// A text; empty is as good as none.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.query.first(name).filter(|text| !text.is_empty())
    }

    /// A whole number.
    pub(crate) fn integer(&self, name: &str) -> Result<Option<i64>, ApiProblem> {
        let read = |text: &str| {
            text.parse().map_err(|_| ApiProblem::bad_request(format!("{name} must be a number")))
        };
        self.text(name).map(read).transpose()
    }

    /// True or false, in the words that Harbor takes.
    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, ApiProblem> {
        let read = |text: &str| match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "t" | "yes" | "y" | "on" => Ok(true),
            "false" | "0" | "f" | "no" | "n" | "off" => Ok(false),
            _ => Err(ApiProblem::bad_request(format!("{name} must be true or false"))),
        };
        self.text(name).map(read).transpose()
    }
}

impl ApiRequest {
    /// The body. See [`json::parse`] for what is ignored in it.
    pub(crate) async fn json<T: DeserializeOwned>(&mut self) -> Result<T, ApiProblem> {
        json::parse(&self.bytes().await?).map_err(ApiProblem::bad_request)
    }

    /// The same, but that these fields are ignored whatever they hold: see [`json::parse_but`].
    pub(crate) async fn json_but<T: DeserializeOwned>(&mut self, ignored: &[&str]) -> Result<T, ApiProblem> {
        json::parse_but(&self.bytes().await?, ignored).map_err(ApiProblem::bad_request)
    }

    /// The same, where no body is as good as an empty object.
    pub(crate) async fn json_or_default<T: DeserializeOwned + Default>(&mut self) -> Result<T, ApiProblem> {
        let bytes = self.bytes().await?;
        if bytes.is_empty() { Ok(T::default()) } else { json::parse(&bytes).map_err(ApiProblem::bad_request) }
    }

    async fn bytes(&mut self) -> Result<bytes::Bytes, ApiProblem> {
        let bytes_max =
            if self.access.principal.is_known() { BODY_BYTES_MAX } else { ANONYMOUS_BODY_BYTES_MAX };
        match std::mem::replace(&mut self.body, ApiBody::Empty) {
            ApiBody::Incoming(body) => Ok(body.read_whole(bytes_max).await?),
            ApiBody::Ready(bytes) => Ok(bytes),
            ApiBody::Empty => Ok(bytes::Bytes::new()),
        }
    }

    /// The circumstances of what the handler has done.
    pub(crate) fn act(&self) -> Act {
        Act {
            access: self.access.clone(),
            circumstances: self.circumstances.clone(),
            request_id: self.request_id.clone(),
        }
    }

    /// The project that the path names, which [`Needs::Project`](super::route::Needs::Project) found.
    pub(crate) fn project(&self) -> Result<&FoundProject, ApiProblem> {
        self.project.as_ref().ok_or_else(|| ApiProblem::internal("the route asks for no project"))
    }

    /// 201 for something that lies below the request's path now.
    pub(crate) fn created(&self, id: impl Display) -> ApiResponse {
        let path = self.raw.path.trim_end_matches('/');
        ApiResponse::created(location(format!("{path}/{}", segment(&id.to_string()))))
    }

    /// The same for something that has a name; `Location` holds it if the request asks for that.
    pub(crate) fn created_named(&self, id: impl Display, name: &str) -> ApiResponse {
        if is_true(&self.headers, &X_RESOURCE_NAME_IN_LOCATION) {
            self.created(name)
        } else {
            self.created(id)
        }
    }

    /// 200 with a page of `total` entries, and the headers that lead to the others.
    pub(crate) fn page<T: serde::Serialize>(&self, entries: &[T], total: u64) -> ApiResponse {
        let response = ApiResponse::json(&entries).with_header(X_TOTAL_COUNT, HeaderValue::from(total));
        match self.query.page.links(&self.raw.path, self.raw.query.as_deref(), total) {
            Some(links) => response.with_header(http::header::LINK, links),
            None => response,
        }
    }
}

/// Encodes what stands between two `/` of a path.
pub(crate) fn segment(text: &str) -> String {
    query::encode(text).replace('/', "%2F")
}

/// What is no header here came as a path that HTTP took, so that only bytes beyond ASCII are to be escaped.
fn location(path: String) -> HeaderValue {
    let visible: String = path
        .bytes()
        .map(
            |byte| {
                if byte.is_ascii_graphic() { char::from(byte).to_string() } else { format!("%{byte:02X}") }
            },
        )
        .collect();
    HeaderValue::try_from(visible).expect("visible ASCII makes a header")
}

/// Whether a number in the path is a project's name.
pub(crate) fn is_name(headers: &HeaderMap) -> bool {
    is_true(headers, &X_IS_RESOURCE_NAME)
}

fn is_true(headers: &HeaderMap, name: &HeaderName) -> bool {
    headers.get(name).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"true"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_an_id_unless_the_request_says_otherwise() {
        let check = |parameter: &'static str, text: &str, names_only: bool, wanted: Option<ProjectKey>| {
            let values = PathValues(vec![(parameter, text.to_owned())]);
            let found = values.project(names_only);
            assert_eq!(found, wanted, "{text}");
        };
        let name = |name: &str| Some(ProjectKey::Name(name.parse().unwrap()));
        check("project_name_or_id", "7", false, Some(ProjectKey::Id(7)));
        check("project_name_or_id", "7", true, name("7"));
        check("project_name", "7", false, name("7"));
        check("project_name_or_id", "team/sub", false, name("team/sub"));
        check("project_name_or_id", "99999999999999999999", false, name("99999999999999999999"));
        check("project_name_or_id", "Team", false, None);
        check("project_name_or_id", "a//b", false, None);
        check("user_id", "7", false, None);
    }

    #[test]
    fn ids_are_numbers_from_1() {
        let id =
            |text: &str| PathValues(vec![("mid", text.to_owned())]).id("mid").map_err(|p| p.code().as_str());
        assert_eq!(id("12"), Ok(12));
        for bad in ["0", "-1", "+1", "a", "1.0", "99999999999999999999"] {
            assert_eq!(id(bad), Err("BAD_REQUEST"), "{bad}");
        }
        assert_eq!(PathValues::default().id("mid").map_err(|p| p.code().as_str()), Err("UNKNOWN"));
    }

    #[test]
    fn locations_are_headers() {
        assert_eq!(location("/api/v2.0/projects/é/1".to_owned()), "/api/v2.0/projects/%C3%A9/1");
        assert_eq!(segment("team/sub é"), "team%2Fsub%20%C3%A9");
    }
}
