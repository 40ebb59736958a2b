//! The URLs in replies.

use http::HeaderValue;
use longshore_types::{Digest, RepositoryName, UploadId};

use crate::proxies::Origin;

/// How URLs are made, from the settings.
#[derive(Clone, Debug)]
pub(crate) struct UrlSettings {
    /// Empty, or `/prefix`.
    pub(crate) prefix: String,
    /// `https://registry.example`, without a slash at the end.
    pub(crate) host: Option<String>,
    pub(crate) relative: Option<bool>,
}

/// Makes the URLs of one reply.
#[derive(Clone, Debug)]
pub(crate) struct Urls {
    base: String,
}

impl Urls {
    /// `host` is what the client asked for ([`Origin::host`]).
    pub(crate) fn new(settings: &UrlSettings, origin: &Origin, host: &str) -> Self {
        let root = match (settings.relative, &settings.host) {
            (Some(true), _) => String::new(),
            (_, Some(set)) => set.clone(),
            (Some(false), None) if origin.forwarded => format!("{}://{host}", origin.scheme),
            (_, None) => String::new(),
        };
        Self { base: root + &settings.prefix }
    }

    /// Any path under `/v2/`.
    pub(crate) fn path(&self, path: &str) -> String {
        format!("{}/v2/{path}", self.base)
    }

    pub(crate) fn blob(&self, repository: &RepositoryName, digest: &Digest) -> HeaderValue {
        header(format!("{}/v2/{repository}/blobs/{digest}", self.base))
    }

    pub(crate) fn manifest(&self, repository: &RepositoryName, digest: &Digest) -> HeaderValue {
        header(format!("{}/v2/{repository}/manifests/{digest}", self.base))
    }

    pub(crate) fn upload(&self, repository: &RepositoryName, id: &UploadId) -> HeaderValue {
        header(format!("{}/v2/{repository}/blobs/uploads/{id}", self.base))
    }
}

fn header(url: String) -> HeaderValue {
    HeaderValue::try_from(url).expect("names, digests, ids and a parsed host have only visible ASCII")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_absolute_only_when_the_host_is_known() {
        let check = |host: Option<&str>, relative: Option<bool>, forwarded: bool, wanted: &str| {
            let settings = UrlSettings { prefix: "/p".to_owned(), host: host.map(str::to_owned), relative };
            let origin = Origin {
                client: None,
                scheme: "https",
                forwarded_host: None,
                forwarded,
                trusted: forwarded,
                certificate: None,
            };
            let url = Urls::new(&settings, &origin, "seen.example").path("_catalog");
            assert_eq!(url, wanted, "{host:?} {relative:?} {forwarded}");
        };
        let host = Some("https://set.example");
        check(None, None, false, "/p/v2/_catalog");
        check(None, None, true, "/p/v2/_catalog");
        check(None, Some(true), true, "/p/v2/_catalog");
        check(None, Some(false), false, "/p/v2/_catalog");
        check(None, Some(false), true, "https://seen.example/p/v2/_catalog");
        check(host, None, false, "https://set.example/p/v2/_catalog");
        check(host, Some(false), true, "https://set.example/p/v2/_catalog");
        check(host, Some(true), true, "/p/v2/_catalog");
    }
}
