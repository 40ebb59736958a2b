//! What kind of request it was, as logs and metrics name it: patterns, never paths.

use longshore_pages::SECTION_PATTERNS as PAGES;

/// The pattern of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// No endpoint.
    None,
    Live,
    Ready,
    Metrics,
    Root,
    Token,
    TokenKeys,
    LogIn,
    LogOut,
    GoToProvider,
    ComeFromProvider,
    ChooseName,
    Base,
    Catalog,
    Tags,
    Referrers,
    Manifest,
    Blob,
    Uploads,
    Upload,
    /// A page, by its place among the groups of pages.
    Pages(usize),
    /// An operation of the management API.
    Api(ApiRoute),
}

/// A row of the management API's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ApiRoute {
    /// Its place in the table.
    pub(crate) nth: usize,
    /// The whole pattern.
    pub(crate) pattern: &'static str,
}

impl Route {
    /// How many there are without those of the management API.
    pub(crate) const COUNT: usize = 20 + PAGES.len();

    /// Its place among all, those of the management API behind the others.
    pub(crate) fn index(self) -> usize {
        match self {
            Self::None => 0,
            Self::Live => 1,
            Self::Ready => 2,
            Self::Metrics => 3,
            Self::Root => 4,
            Self::Token => 5,
            Self::TokenKeys => 6,
            Self::Base => 7,
            Self::Catalog => 8,
            Self::Tags => 9,
            Self::Referrers => 10,
            Self::Manifest => 11,
            Self::Blob => 12,
            Self::Uploads => 13,
            Self::Upload => 14,
            Self::LogIn => 15,
            Self::LogOut => 16,
            Self::GoToProvider => 17,
            Self::ComeFromProvider => 18,
            Self::ChooseName => 19,
            Self::Pages(nth) => 20 + nth,
            Self::Api(row) => Self::COUNT + row.nth,
        }
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Live => "/livez",
            Self::Ready => "/readyz",
            Self::Metrics => "/metrics",
            Self::Root => "/",
            Self::Token => "/service/token",
            Self::TokenKeys => "/service/token/jwks",
            Self::LogIn => "/c/login",
            Self::LogOut => "/c/log_out",
            Self::GoToProvider => "/c/oidc/login",
            Self::ComeFromProvider => "/c/oidc/callback",
            Self::ChooseName => "/c/oidc/onboard",
            Self::Base => "/v2/",
            Self::Catalog => "/v2/_catalog",
            Self::Tags => "/v2/<name>/tags/list",
            Self::Referrers => "/v2/<name>/referrers/<digest>",
            Self::Manifest => "/v2/<name>/manifests/<reference>",
            Self::Blob => "/v2/<name>/blobs/<digest>",
            Self::Uploads => "/v2/<name>/blobs/uploads/",
            Self::Upload => "/v2/<name>/blobs/uploads/<id>",
            Self::Pages(nth) => PAGES[nth],
            Self::Api(row) => row.pattern,
        }
    }
}
