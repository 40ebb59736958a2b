//! The pages that people look at: HTML, made here, of what the management API says.
//!
//! A page is a client of the management API inside the process ([`ManagementApi`]): it asks as the person who looks at it,
//! so that it shows nothing and does nothing that they could not get and do by the API, and what the API records is
//! recorded. Nothing here knows HTTP's types, the index or the rules of access.
//!
//! Every page works without script. Every text is there in each [`Language`], side by side where it is used: `t!(cx, "Projects", "项目")`.

mod account;
mod admin;
mod answer;
mod assets;
mod cx;
mod error;
mod events;
mod home;
mod image;
mod language;
mod layout;
mod management_api;
mod pairs;
mod place;
mod projects;
mod repositories;
mod request;
mod rights;
mod ui;

pub use answer::PageReply;
pub use error::PageError;
pub use language::Language;
pub use management_api::{ApiAnswer, ApiCall, ManagementApi, SignInRefused, Verb};
pub use pairs::Pairs;
pub use request::{Caller, PageRequest, Theme};

use cx::Cx;

/// Where each group of pages begins.
const SECTIONS: [&str; 11] = [
    "",
    "admin",
    "assets",
    "events",
    "preferences",
    "profile",
    "projects",
    "repositories",
    "search",
    "sign-in",
    "sign-out",
];

/// The same, as logs and metrics name them.
pub const SECTION_PATTERNS: [&str; 11] = [
    "/",
    "/admin/<page>",
    "/assets/<file>",
    "/events/<name>",
    "/preferences",
    "/profile/<page>",
    "/projects/<page>",
    "/repositories/<page>",
    "/search/<page>",
    "/sign-in",
    "/sign-out",
];

/// The group of pages that a path belongs to, by its place in [`SECTION_PATTERNS`]; none if it is no page's.
pub fn section(path: &str) -> Option<usize> {
    let first = path.strip_prefix('/')?.split('/').next()?;
    SECTIONS.into_iter().position(|section| section == first)
}

/// Answers a request whose path [`section`] knows.
pub async fn answer(api: &dyn ManagementApi, request: &PageRequest) -> PageReply {
    let cx = &Cx::new(api, request);
    let answered = match place::segments(&request.path) {
        Some(segments) => answer::route(cx, &segments).await,
        None => Err(PageError::NotFound),
    };
    answered.unwrap_or_else(|error| error::page(cx, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_have_sections() {
        for (path, wanted) in [
            ("/", Some("/")),
            ("/projects", Some("/projects/<page>")),
            ("/projects/team/sub/-/members", Some("/projects/<page>")),
            ("/sign-in", Some("/sign-in")),
            ("/v2/", None),
            ("/projectsx", None),
            ("/api/v2.0/projects", None),
            ("projects", None),
        ] {
            assert_eq!(section(path).map(|nth| SECTION_PATTERNS[nth]), wanted, "{path}");
        }
    }
}
