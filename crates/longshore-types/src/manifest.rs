//! Manifests: what the registry must know of one. The bytes travel beside it and are never made anew.

use std::collections::BTreeMap;

use serde::{Deserialize, de::Error as _};

use crate::{Descriptor, MediaType};

/// What a manifest is to the registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ManifestKind {
    /// OCI image manifest (also of an artifact) or docker's schema 2: names a configuration and layers.
    Image,
    /// OCI image index or docker's manifest list: names manifests.
    Index,
    /// Any other JSON: stored as it is, only `subject` is read.
    Opaque,
}

/// A manifest that was read and found valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    kind: ManifestKind,
    media_type: MediaType,
    artifact_type: Option<String>,
    config: Option<Descriptor>,
    layers: Vec<Descriptor>,
    manifests: Vec<Descriptor>,
    subject: Option<Descriptor>,
    annotations: BTreeMap<String, String>,
}

/// Why bytes are no manifest.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// Not JSON, or not of the form its type asks for.
    #[error("manifest invalid: {0}")]
    Json(#[from] serde_json::Error),
    /// Neither `Content-Type` nor `mediaType` says what it is.
    #[error("manifest invalid: neither Content-Type nor mediaType names its type")]
    NoMediaType,
    /// `Content-Type` and `mediaType` differ.
    #[error("manifest invalid: sent as {header}, but its mediaType is {field}")]
    MediaTypeMismatch {
        /// From the request.
        header: MediaType,
        /// From the body.
        field: MediaType,
    },
    /// `schemaVersion` is not 2.
    #[error("manifest invalid: schemaVersion must be 2")]
    SchemaVersion,
    /// Docker's schema 1.
    #[error(
        "manifest invalid: docker image manifest schema 1 is not supported; push it again with a newer client"
    )]
    Schema1,
    /// Both layers and manifests: image specification v1.1.1, CVE-2021-41190.
    #[error("manifest invalid: it has fields of an image manifest and of an image index at once")]
    Ambiguous,
    /// An image manifest without `config`.
    #[error("manifest invalid: config is missing")]
    NoConfig,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields {
    schema_version: Option<serde_json::Value>,
    media_type: Option<MediaType>,
    artifact_type: Option<String>,
    config: Option<serde_json::Value>,
    layers: Option<serde_json::Value>,
    manifests: Option<serde_json::Value>,
    subject: Option<Descriptor>,
    annotations: Option<BTreeMap<String, String>>,
}

impl Manifest {
    /// Reads a manifest. `content_type` is what the client said it sends, if it did.
    ///
    /// # Errors
    /// See [`ManifestError`]; every one of them is the client's mistake.
    pub fn parse(content_type: Option<&MediaType>, bytes: &[u8]) -> Result<Self, ManifestError> {
        let fields: Fields = serde_json::from_slice(bytes)?;
        let media_type = agreed_media_type(content_type, fields.media_type.as_ref(), &fields)?;
        if media_type.is_docker_schema1() {
            return Err(ManifestError::Schema1);
        }
        // PostgreSQL cannot hold it; RFC 6838 knows no such type.
        if fields.artifact_type.as_ref().is_some_and(|text| text.contains('\0')) {
            return Err(ManifestError::Json(serde_json::Error::custom("artifactType contains NUL")));
        }
        let kind = kind_of(&media_type);
        let mut manifest = Self {
            kind,
            media_type,
            artifact_type: fields.artifact_type.filter(|text| !text.is_empty()),
            config: None,
            layers: Vec::new(),
            manifests: Vec::new(),
            subject: fields.subject,
            annotations: fields.annotations.unwrap_or_default(),
        };
        if kind == ManifestKind::Opaque {
            return Ok(manifest);
        }
        if fields.schema_version != Some(2.into()) {
            return Err(ManifestError::SchemaVersion);
        }
        let present =
            |field: &Option<serde_json::Value>| field.as_ref().is_some_and(|value| !value.is_null());
        match kind {
            ManifestKind::Image if present(&fields.manifests) => return Err(ManifestError::Ambiguous),
            ManifestKind::Index if present(&fields.layers) || present(&fields.config) => {
                return Err(ManifestError::Ambiguous);
            }
            ManifestKind::Image => {
                manifest.config = Some(optional(fields.config)?.ok_or(ManifestError::NoConfig)?);
                manifest.layers = optional(fields.layers)?.unwrap_or_default();
            }
            ManifestKind::Index => manifest.manifests = optional(fields.manifests)?.unwrap_or_default(),
            ManifestKind::Opaque => {}
        }
        Ok(manifest)
    }

    /// What it is to the registry.
    pub fn kind(&self) -> ManifestKind {
        self.kind
    }

    /// Its type, to be sent as `Content-Type`.
    pub fn media_type(&self) -> &MediaType {
        &self.media_type
    }

    /// `artifactType` as it stands in the manifest.
    pub fn artifact_type(&self) -> Option<&str> {
        self.artifact_type.as_deref()
    }

    /// What a referrers list says as `artifactType`: distribution specification v1.1.1, "Listing Referrers". The
    /// field, or for an image manifest without it the type of its configuration.
    pub fn referrer_artifact_type(&self) -> Option<&str> {
        self.artifact_type().or_else(|| self.config.as_ref().map(|config| config.media_type.as_str()))
    }

    /// The configuration of an image manifest.
    pub fn config(&self) -> Option<&Descriptor> {
        self.config.as_ref()
    }

    /// The layers of an image manifest, in order; the same one may stand there twice.
    pub fn layers(&self) -> &[Descriptor] {
        &self.layers
    }

    /// The manifests of an index, in order.
    pub fn manifests(&self) -> &[Descriptor] {
        &self.manifests
    }

    /// The manifest that this one is about.
    pub fn subject(&self) -> Option<&Descriptor> {
        self.subject.as_ref()
    }

    /// Free key and value pairs.
    pub fn annotations(&self) -> &BTreeMap<String, String> {
        &self.annotations
    }
}

fn optional<T: serde::de::DeserializeOwned>(
    field: Option<serde_json::Value>,
) -> Result<Option<T>, ManifestError> {
    Ok(field.map(serde_json::from_value::<Option<T>>).transpose()?.flatten())
}

fn kind_of(media_type: &MediaType) -> ManifestKind {
    if [MediaType::OCI_MANIFEST, MediaType::DOCKER_MANIFEST].contains(media_type) {
        ManifestKind::Image
    } else if [MediaType::OCI_INDEX, MediaType::DOCKER_LIST].contains(media_type) {
        ManifestKind::Index
    } else {
        ManifestKind::Opaque
    }
}

/// The image specification leaves `mediaType` optional, and the distribution specification lets a registry take the
/// type from either place; where both speak they must agree. `application/json` and `application/octet-stream` are
/// what clients send that do not know, so the body decides. A body that says nothing at all and was sent without a
/// type is told apart by its fields: registries before us stored such images.
fn agreed_media_type(
    header: Option<&MediaType>,
    field: Option<&MediaType>,
    fields: &Fields,
) -> Result<MediaType, ManifestError> {
    let vague = |m: &MediaType| *m == MediaType::OCTET_STREAM || m.as_str() == "application/json";
    match (header.filter(|m| !vague(m)), field) {
        (Some(header), Some(field)) if header != field => {
            Err(ManifestError::MediaTypeMismatch { header: header.clone(), field: field.clone() })
        }
        (Some(media_type), _) | (None, Some(media_type)) => Ok(media_type.clone()),
        (None, None) if fields.schema_version == Some(1.into()) => Err(ManifestError::Schema1),
        (None, None) if fields.config.is_some() && fields.layers.is_some() => Ok(MediaType::OCI_MANIFEST),
        (None, None) if fields.manifests.is_some() => Ok(MediaType::OCI_INDEX),
        (None, None) => Err(ManifestError::NoMediaType),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = r#"{"mediaType":"application/vnd.oci.empty.v1+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2}"#;

    fn image(extra: &str) -> String {
        format!(r#"{{"schemaVersion":2,"config":{EMPTY},"layers":[{EMPTY},{EMPTY}]{extra}}}"#)
    }

    fn parse(content_type: Option<MediaType>, body: &str) -> Result<Manifest, ManifestError> {
        Manifest::parse(content_type.as_ref(), body.as_bytes())
    }

    #[test]
    fn an_image_manifest() {
        let manifest = parse(Some(MediaType::OCI_MANIFEST), &image("")).unwrap();
        assert_eq!((manifest.kind(), manifest.layers().len()), (ManifestKind::Image, 2));
        assert_eq!(manifest.referrer_artifact_type(), Some("application/vnd.oci.empty.v1+json"));
        assert!(parse(None, &image(r#","artifactType":"a/\u0000b""#)).is_err(), "an index may not hold NUL");
        let manifest = parse(None, &image(r#","artifactType":"a/b","annotations":{"k":"v"}"#)).unwrap();
        assert_eq!(manifest.referrer_artifact_type(), Some("a/b"));
        assert_eq!(manifest.media_type(), &MediaType::OCI_MANIFEST);
        assert_eq!(manifest.annotations()["k"], "v");
    }

    #[test]
    fn an_index_may_be_empty() {
        let body = r#"{"schemaVersion":2,"manifests":null}"#;
        assert_eq!(parse(Some(MediaType::OCI_INDEX), body).unwrap().kind(), ManifestKind::Index);
    }

    #[test]
    fn unknown_types_are_opaque_but_their_subject_is_read() {
        let body = format!(r#"{{"mediaType":"application/x.y+json","subject":{EMPTY},"layers":"whatever"}}"#);
        let manifest = parse(None, &body).unwrap();
        assert_eq!(manifest.kind(), ManifestKind::Opaque);
        assert_eq!(manifest.subject().unwrap().size_bytes, 2);
    }

    #[test]
    fn refuses_what_is_no_manifest() {
        let check = |content_type: Option<MediaType>, body: &str, wanted: &str| {
            let error = parse(content_type, body).unwrap_err().to_string();
            assert!(error.contains(wanted), "{body}: {error}");
        };
        check(None, "", "EOF");
        check(None, "[]", "invalid");
        check(None, "{}", "neither Content-Type");
        check(Some(MediaType::OCI_MANIFEST), "{}", "schemaVersion");
        check(Some(MediaType::OCI_MANIFEST), r#"{"schemaVersion":2}"#, "config");
        check(Some(MediaType::OCI_INDEX), &image(r#","manifests":[]"#), "at once");
        check(Some(MediaType::OCI_MANIFEST), &image(r#","manifests":[]"#), "at once");
        check(Some(MediaType::OCI_INDEX), r#"{"schemaVersion":2,"manifests":[{}]}"#, "mediaType");
        check(None, r#"{"schemaVersion":1,"fsLayers":[]}"#, "schema 1");
        let docker = format!(r#","mediaType":"{}""#, MediaType::DOCKER_MANIFEST);
        check(Some(MediaType::OCI_MANIFEST), &image(&docker), "its mediaType is");
    }
}
