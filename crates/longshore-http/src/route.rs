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
    Base,
    Catalog,
    Tags,
    Referrers,
    Manifest,
    Blob,
    Uploads,
    Upload,
}

impl Route {
    /// How many there are.
    pub(crate) const COUNT: usize = Self::Upload as usize + 1;

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Live => "/livez",
            Self::Ready => "/readyz",
            Self::Metrics => "/metrics",
            Self::Root => "/",
            Self::Base => "/v2/",
            Self::Catalog => "/v2/_catalog",
            Self::Tags => "/v2/<name>/tags/list",
            Self::Referrers => "/v2/<name>/referrers/<digest>",
            Self::Manifest => "/v2/<name>/manifests/<reference>",
            Self::Blob => "/v2/<name>/blobs/<digest>",
            Self::Uploads => "/v2/<name>/blobs/uploads/",
            Self::Upload => "/v2/<name>/blobs/uploads/<id>",
        }
    }
}
