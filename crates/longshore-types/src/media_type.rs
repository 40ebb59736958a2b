//! Media types of manifests and descriptors.

use std::{borrow::Cow, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The text is no media type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid media type: expected type/subtype as in RFC 6838")]
pub struct MediaTypeError;

/// A media type, `type/subtype`, without parameters, each part as in RFC 6838 section 4.2.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MediaType(Cow<'static, str>);

impl MediaType {
    /// OCI image manifest, also of artifacts.
    pub const OCI_MANIFEST: Self = Self(Cow::Borrowed("application/vnd.oci.image.manifest.v1+json"));
    /// OCI image index.
    pub const OCI_INDEX: Self = Self(Cow::Borrowed("application/vnd.oci.image.index.v1+json"));
    /// Docker image manifest, schema 2.
    pub const DOCKER_MANIFEST: Self =
        Self(Cow::Borrowed("application/vnd.docker.distribution.manifest.v2+json"));
    /// Docker manifest list.
    pub const DOCKER_LIST: Self =
        Self(Cow::Borrowed("application/vnd.docker.distribution.manifest.list.v2+json"));
    /// OCI image configuration.
    pub const OCI_CONFIG: Self = Self(Cow::Borrowed("application/vnd.oci.image.config.v1+json"));
    /// The empty descriptor, `{}`.
    pub const OCI_EMPTY: Self = Self(Cow::Borrowed("application/vnd.oci.empty.v1+json"));
    /// Arbitrary bytes.
    pub const OCTET_STREAM: Self = Self(Cow::Borrowed("application/octet-stream"));

    /// Longest media type accepted, in bytes: two parts of 127 and the slash.
    pub const BYTES_MAX: usize = 255;

    /// The media type as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Reads the value of a `Content-Type` header; parameters are dropped.
    ///
    /// # Errors
    /// When what stands before the first `;` is no media type.
    pub fn from_content_type(value: &str) -> Result<Self, MediaTypeError> {
        value.split(';').next().unwrap_or_default().trim().parse()
    }

    /// Whether content of this type may be absent: "foreign" or non-distributable layers, fetched from elsewhere.
    pub fn is_non_distributable(&self) -> bool {
        self.0.starts_with("application/vnd.oci.image.layer.nondistributable.")
            || self.0.starts_with("application/vnd.docker.image.rootfs.foreign.")
    }

    /// Whether this is docker's image manifest of schema 1, which Longshore leaves out on purpose.
    pub fn is_docker_schema1(&self) -> bool {
        self.0.starts_with("application/vnd.docker.distribution.manifest.v1+")
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for MediaType {
    type Err = MediaTypeError;

    fn from_str(text: &str) -> Result<Self, MediaTypeError> {
        let part = |text: &str| {
            (1..=127).contains(&text.len())
                && text.as_bytes()[0].is_ascii_alphanumeric()
                && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b))
        };
        match text.split_once('/') {
            Some((kind, subtype)) if part(kind) && part(subtype) => Ok(Self(Cow::Owned(text.to_owned()))),
            _ => Err(MediaTypeError),
        }
    }
}

impl Serialize for MediaType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for MediaType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_types() {
        assert_eq!(
            MediaType::from_content_type("application/vnd.oci.image.manifest.v1+json; charset=utf-8"),
            Ok(MediaType::OCI_MANIFEST)
        );
        for bad in ["", "a", "a/", "/b", "a/b/c", "a b/c", ".a/b", "a/b;c", "a/b\n"] {
            assert!(bad.parse::<MediaType>().is_err(), "{bad}");
        }
        assert!(
            "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
                .parse::<MediaType>()
                .unwrap()
                .is_non_distributable()
        );
    }
}
