//! What kind of request it was, as logs and metrics name it: patterns, never paths.

/// The pattern of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// No endpoint.
    None,
    Live,
    Ready,
    Metrics,
    Root,
    LogIn,
    LogOut,
    Base,
    Catalog,
    Tags,
    Referrers,
    Manifest,
    Blob,
    Uploads,
    Upload,
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
    pub(crate) const COUNT: usize = 15;

    /// Its place among all, those of the management API behind the others.
    pub(crate) fn index(self) -> usize {
        match self {
            Self::None => 0,
            Self::Live => 1,
            Self::Ready => 2,
            Self::Metrics => 3,
            Self::Root => 4,
            Self::Base => 5,
            Self::Catalog => 6,
            Self::Tags => 7,
            Self::Referrers => 8,
            Self::Manifest => 9,
            Self::Blob => 10,
            Self::Uploads => 11,
            Self::Upload => 12,
            Self::LogIn => 13,
            Self::LogOut => 14,
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
            Self::LogIn => "/c/login",
            Self::LogOut => "/c/log_out",
            Self::Base => "/v2/",
            Self::Catalog => "/v2/_catalog",
            Self::Tags => "/v2/<name>/tags/list",
            Self::Referrers => "/v2/<name>/referrers/<digest>",
            Self::Manifest => "/v2/<name>/manifests/<reference>",
            Self::Blob => "/v2/<name>/blobs/<digest>",
            Self::Uploads => "/v2/<name>/blobs/uploads/",
            Self::Upload => "/v2/<name>/blobs/uploads/<id>",
            Self::Api(row) => row.pattern,
        }
    }
}
