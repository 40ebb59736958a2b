//! The table: every operation of the management API, one row each.
//!
//! A row reads: method and path in Harbor's spelling, Harbor's name of the operation, what is asked of the caller, the
//! handler; then what it is about, what it takes and what it gives. Nothing of the API exists without its row, and what a
//! row says is what happens: the router, the checks before a handler, the OpenAPI document and the page are made from it.

use super::{
    handlers::{description, system},
    route::{Needs, Parameter, Route, get, integer, of, text},
};

/// A path below the API's root.
macro_rules! at {
    ($pattern:literal) => {
        concat!("/api/v2.0", $pattern)
    };
}

/// A handler, `async fn(&Api, ApiRequest) -> Reply`, as a row holds it.
macro_rules! by {
    ($handler:path) => {
        |api, request| Box::pin($handler(api, request))
    };
}
#[cfg(test)]
pub(crate) use by;

/// Every operation.
pub(crate) static ROUTES: &[Route] = &[
    get(at!("/ping"), "getPing", Needs::Nobody, by!(system::ping))
        .about("ping", "Says Pong, so that one sees whether the API is there.")
        .and_head()
        .gives_other("text/plain"),
    get(at!("/health"), "getHealth", Needs::Nobody, by!(system::health))
        .about("health", "Whether the registry and what it stands on work.")
        .and_head()
        .gives(of::<system::Health>),
    get(at!("/systeminfo"), "getSystemInfo", Needs::Anybody, by!(system::info))
        .about("systeminfo", "What kind of registry this is; more of it for who is logged in.")
        .and_head()
        .gives(of::<system::SystemInfo>),
    get(at!("/openapi.json"), "getOpenAPI", Needs::Nobody, by!(description::openapi))
        .about("description", "This description of the API.")
        .and_head()
        .gives_other("application/json"),
    get(at!("/docs"), "getDocs", Needs::Nobody, by!(description::page))
        .about("description", "This description of the API as a page to read.")
        .and_head()
        .gives_other("text/html"),
    get(at!("/docs.css"), "getDocsStyle", Needs::Nobody, by!(description::style))
        .about("description", "The style of that page.")
        .and_head()
        .gives_other("text/css"),
];

/// What paths' parameters mean, for the description. Each name means the same in every path.
pub(crate) static PATH_PARAMETERS: &[Parameter] = &[
    text(
        "project_name_or_id",
        "The project's name, the / of nested projects encoded as %2F; or its number, unless the header \
         X-Is-Resource-Name is true.",
    ),
    text("project_name", "The project's name, the / of nested projects encoded as %2F."),
    integer("project_id", "The project's number."),
    text(
        "repository_name",
        "The repository's name within the project, / encoded as %252F (clients of Harbor encode twice) or %2F.",
    ),
    text("reference", "A tag or a digest."),
    text("tag_name", "A tag."),
    text("addition", "The kind of addition: build_history, vulnerabilities, sbom."),
    text("meta_name", "A key of the project's metadata."),
    text("username", "The name somebody logs in with."),
    integer("mid", "The member's number."),
    integer("user_id", "The user's number."),
    integer("group_id", "The user group's number."),
    integer("robot_id", "The robot's number."),
    integer("label_id", "The label's number."),
    integer("token_id", "The access token's number."),
    integer("role_id", "The role's number."),
    integer("id", "The number of what is meant."),
];
