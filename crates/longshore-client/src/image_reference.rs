//! What people type to name an image: `host[:port]/name[:tag][@digest]`.

use std::{fmt, net::IpAddr, str::FromStr};

use longshore_types::{Digest, DigestError, NameError, Reference, RepositoryName, Tag, TagError};

/// The name under which people know Docker Hub, and those under which it answers.
const DOCKER_HUB: &str = "docker.io";
const DOCKER_HUB_API: &str = "registry-1.docker.io";
const DOCKER_HUB_OTHERS: [&str; 2] = ["index.docker.io", DOCKER_HUB_API];

/// Why a text names no image.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ImageReferenceError {
    /// The part before the first `/` is no host, so that nobody knows which registry is meant.
    #[error(
        "{0:?} names no registry: write HOST/NAME, such as localhost:5000/team/app or docker.io/library/alpine"
    )]
    NoHost(String),
    /// A host and nothing else.
    #[error("{0:?} names a registry but no repository: write HOST/NAME")]
    NoRepository(String),
    /// The host has characters that no host has, or its port is no number.
    #[error("{0:?} is no registry: write a host, or host:port")]
    Host(String),
    /// A scheme was written before it.
    #[error("write {0:?} without https:// or http://; --insecure allows plain HTTP")]
    Scheme(String),
    /// The name of the repository is none.
    #[error("{text:?}: {error}")]
    Repository {
        /// What was read.
        text: String,
        /// What is wrong with it.
        error: NameError,
    },
    /// What follows the colon is no tag.
    #[error("{text:?}: {error}")]
    Tag {
        /// What was read.
        text: String,
        /// What is wrong with it.
        error: TagError,
    },
    /// What follows the `@` is no digest.
    #[error("{text:?}: {error}")]
    Digest {
        /// What was read.
        text: String,
        /// What is wrong with it.
        error: DigestError,
    },
    /// A tag or digest where a repository alone is meant.
    #[error("{0:?}: a repository is meant here, without tag and digest")]
    NotARepository(String),
}

/// A registry as people name it: `host` or `host:port`, in lower case. Docker Hub has one name, `docker.io`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RegistryHost(String);

impl RegistryHost {
    /// As it was typed, and as credentials are kept under it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Where its API is: the same but for Docker Hub.
    pub fn api_authority(&self) -> &str {
        if self.is_docker_hub() { DOCKER_HUB_API } else { &self.0 }
    }

    /// Whether it is Docker Hub, which has habits of its own.
    pub fn is_docker_hub(&self) -> bool {
        self.0 == DOCKER_HUB
    }

    /// Whether it is this machine: docker and podman speak plain HTTP with such a registry without being asked to.
    pub fn is_loopback(&self) -> bool {
        let host = match self.0.strip_prefix('[') {
            Some(rest) => rest.split(']').next().unwrap_or_default(),
            None => self.0.split(':').next().unwrap_or_default(),
        };
        host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

impl fmt::Display for RegistryHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for RegistryHost {
    type Err = ImageReferenceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        refuse_scheme(text)?;
        let wrong = || ImageReferenceError::Host(text.to_owned());
        // A host is nothing but what a URL takes as host and port; what the parser would change is refused.
        let lower = text.trim_end_matches('/').to_ascii_lowercase();
        let url = reqwest::Url::parse(&format!("https://{lower}/")).map_err(|_| wrong())?;
        let host = url.host_str().ok_or_else(wrong)?;
        let back = match (url.port(), lower.strip_suffix(":443")) {
            (Some(port), _) => format!("{host}:{port}"),
            (None, Some(_)) => format!("{host}:443"),
            (None, None) => host.to_owned(),
        };
        if back != lower {
            return Err(wrong());
        }
        let is_hub = DOCKER_HUB_OTHERS.contains(&lower.as_str());
        Ok(Self(if is_hub { DOCKER_HUB.to_owned() } else { lower }))
    }
}

/// A repository at a registry: `host[:port]/name`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RepositoryReference {
    /// The registry.
    pub host: RegistryHost,
    /// The repository there.
    pub repository: RepositoryName,
}

impl fmt::Display for RepositoryReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.host, self.repository)
    }
}

impl FromStr for RepositoryReference {
    type Err = ImageReferenceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let image: ImageReference = text.parse()?;
        match (image.tag, image.digest) {
            (None, None) => Ok(image.place),
            _ => Err(ImageReferenceError::NotARepository(text.to_owned())),
        }
    }
}

/// An image at a registry: `host[:port]/name[:tag][@digest]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ImageReference {
    /// Registry and repository.
    pub place: RepositoryReference,
    /// The tag, if one was written.
    pub tag: Option<Tag>,
    /// The digest, if one was written. It decides what is meant; the tag is for people then.
    pub digest: Option<Digest>,
}

impl ImageReference {
    /// What is asked of the registry: the digest, else the tag, else `latest`.
    pub fn reference(&self) -> Reference {
        match (&self.digest, &self.tag) {
            (Some(digest), _) => Reference::Digest(*digest),
            (None, Some(tag)) => Reference::Tag(tag.clone()),
            (None, None) => Reference::Tag(latest()),
        }
    }
}

fn latest() -> Tag {
    "latest".parse().expect("it is a tag")
}

impl fmt::Display for ImageReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.place)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

impl FromStr for ImageReference {
    type Err = ImageReferenceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        refuse_scheme(text)?;
        let (host, rest) = text.split_once('/').unwrap_or((text, ""));
        if !looks_like_host(host) {
            return Err(ImageReferenceError::NoHost(text.to_owned()));
        }
        let host: RegistryHost = host.parse()?;
        if rest.is_empty() {
            return Err(ImageReferenceError::NoRepository(text.to_owned()));
        }
        let (rest, digest) = match rest.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest)),
            None => (rest, None),
        };
        let (name, tag) = match rest.split_once(':') {
            Some((name, tag)) => (name, Some(tag)),
            None => (rest, None),
        };
        let text = || text.to_owned();
        let tag = tag
            .map(str::parse)
            .transpose()
            .map_err(|error| ImageReferenceError::Tag { text: text(), error })?;
        let digest = digest
            .map(str::parse)
            .transpose()
            .map_err(|error| ImageReferenceError::Digest { text: text(), error })?;
        let repository = if host.is_docker_hub() && !name.contains('/') {
            format!("library/{name}").parse()
        } else {
            name.parse()
        };
        let repository =
            repository.map_err(|error| ImageReferenceError::Repository { text: text(), error })?;
        Ok(Self { place: RepositoryReference { host, repository }, tag, digest })
    }
}

/// docker's rule: without a dot, a colon or `localhost` it is the first part of a name at Docker Hub, which we ask people
/// to say.
fn looks_like_host(text: &str) -> bool {
    text == "localhost" || text.contains(['.', ':'])
}

pub(crate) fn refuse_scheme(text: &str) -> Result<(), ImageReferenceError> {
    match text.split_once("://") {
        Some((_, rest)) => Err(ImageReferenceError::Scheme(rest.to_owned())),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn an_image_is_read_and_written() {
        let check = |text: &str, written: &str, asked: &str| {
            let image: ImageReference = text.parse().unwrap();
            assert_eq!(
                (image.to_string().as_str(), image.reference().to_string().as_str()),
                (written, asked),
                "{text}"
            );
        };
        check("localhost/app", "localhost/app", "latest");
        check("LOCALHOST:5000/team/app:v1", "localhost:5000/team/app:v1", "v1");
        check("[::1]:5000/app", "[::1]:5000/app", "latest");
        check("example.org:443/a/b/c", "example.org:443/a/b/c", "latest");
        check("docker.io/alpine:3", "docker.io/library/alpine:3", "3");
        check("index.docker.io/me/app", "docker.io/me/app", "latest");
        let both = format!("example.org/app:v1@{DIGEST}");
        check(&both, &both, DIGEST);
    }

    #[test]
    fn what_is_no_image_is_told_apart() {
        use ImageReferenceError as E;
        let check = |text: &str, is: fn(&E) -> bool| {
            let error = text.parse::<ImageReference>().unwrap_err();
            assert!(is(&error), "{text}: {error:?}");
        };
        check("alpine", |e| matches!(e, E::NoHost(_)));
        check("team/app", |e| matches!(e, E::NoHost(_)));
        check("localhost:5000", |e| matches!(e, E::NoRepository(_)));
        check("localhost:5000/", |e| matches!(e, E::NoRepository(_)));
        check("https://example.org/app", |e| matches!(e, E::Scheme(_)));
        check("example.org:port/app", |e| matches!(e, E::Host(_)));
        check("user@example.org:1/app", |e| matches!(e, E::Host(_)));
        check("example.org?x/app", |e| matches!(e, E::Host(_)));
        check("exämple.org/app", |e| matches!(e, E::Host(_)));
        check("example.org/App", |e| matches!(e, E::Repository { .. }));
        check("example.org/app:", |e| matches!(e, E::Tag { .. }));
        check("example.org/app@sha256:12", |e| matches!(e, E::Digest { .. }));
    }

    #[test]
    fn a_repository_has_neither_tag_nor_digest() {
        let repository: RepositoryReference = "localhost:5000/team/app".parse().unwrap();
        assert_eq!(repository.to_string(), "localhost:5000/team/app");
        let error = "localhost:5000/app:v1".parse::<RepositoryReference>().unwrap_err();
        assert!(matches!(error, ImageReferenceError::NotARepository(_)), "{error}");
    }

    #[test]
    fn loopback_is_recognised() {
        let is = |text: &str| text.parse::<RegistryHost>().unwrap().is_loopback();
        assert!(
            is("localhost")
                && is("localhost:5000")
                && is("127.0.0.1:1")
                && is("127.9.9.9")
                && is("[::1]:5000")
        );
        assert!(!is("example.org") && !is("10.0.0.1:5000") && !is("localhost.example.org"));
    }
}
