//! What an artifact's configuration says of it.

use std::collections::BTreeMap;

use futures_util::TryStreamExt as _;
use longshore_storage::StoreError;
use longshore_types::{ByteRange, Descriptor, Digest, Manifest};
use serde_json::{Map, Value};

use crate::Registry;

/// Configurations that have labels.
const IMAGE_CONFIGURATIONS: [&str; 2] =
    ["application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"];

/// Longest configuration that is read for its labels at a push.
const LABELS_BYTES_MAX: u64 = 256 * 1024;

/// What Harbor shows of an image.
const SHOWN: [&str; 4] = ["created", "architecture", "os", "config"];

/// Labels that may name an image's author, where its configuration does not.
const AUTHOR_LABELS: [&str; 2] = ["org.opencontainers.image.authors", "maintainer"];

impl Registry {
    /// A configuration of at most `bytes_max`; none where it is longer, gone or no JSON object.
    pub(crate) async fn configuration(
        &self,
        digest: &Digest,
        bytes_max: u64,
    ) -> Result<Option<Map<String, Value>>, StoreError> {
        let blob = match self.inner.blobs.open(digest).await {
            Ok(blob) if blob.size_bytes() <= bytes_max => blob,
            Ok(_) | Err(StoreError::NotFound | StoreError::Corrupt(_)) => return Ok(None),
            Err(error) => return Err(error),
        };
        let Some(range) = ByteRange::whole(blob.size_bytes()) else { return Ok(None) };
        let mut bytes = Vec::new();
        if !blob.read_now(range, &mut bytes) {
            let mut stream = blob.stream(range);
            while let Some(piece) = stream.try_next().await? {
                bytes.extend_from_slice(&piece);
            }
        }
        Ok(serde_json::from_slice(&bytes).ok())
    }
}

impl Registry {
    /// The labels in the configuration of an image that is pushed. It is no reason to refuse the push if they cannot be read.
    pub(crate) async fn labels_of(&self, manifest: &Manifest) -> BTreeMap<String, String> {
        let is_image = |config: &&Descriptor| IMAGE_CONFIGURATIONS.contains(&config.media_type.as_str());
        let Some(config) = manifest.config().filter(is_image) else { return BTreeMap::new() };
        if config.size_bytes > LABELS_BYTES_MAX {
            return BTreeMap::new();
        }
        match self.configuration(&config.digest, LABELS_BYTES_MAX).await {
            Ok(Some(configuration)) => labels(&configuration),
            Ok(None) => BTreeMap::new(),
            Err(error) => {
                tracing::warn!(digest = %config.digest, error = longshore_types::error_chain(&error), "no labels of a configuration");
                BTreeMap::new()
            }
        }
    }
}

fn labels(configuration: &Map<String, Value>) -> BTreeMap<String, String> {
    let labels =
        configuration.get("config").and_then(|config| config.get("Labels")).and_then(Value::as_object);
    let texts = labels.into_iter().flatten();
    texts.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}

/// Of an image's configuration, what Harbor shows.
pub(super) fn image_attributes(mut configuration: Map<String, Value>) -> Map<String, Value> {
    let author = author(&configuration);
    let mut attributes: Map<String, Value> = SHOWN
        .iter()
        .filter_map(|&key| configuration.remove(key).map(|value| (key.to_owned(), value)))
        .collect();
    attributes.insert("author".to_owned(), author.into());
    attributes
}

fn author(configuration: &Map<String, Value>) -> String {
    let text = |value: Option<&Value>| {
        value.and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let labels = configuration.get("config").and_then(|config| config.get("Labels"));
    text(configuration.get("author"))
        .or_else(|| AUTHOR_LABELS.iter().find_map(|&label| text(labels.and_then(|labels| labels.get(label)))))
        .unwrap_or_default()
}

/// How an image was built, as its configuration has it.
pub(super) fn history(mut configuration: Map<String, Value>) -> Value {
    match configuration.remove("history") {
        Some(Value::Array(steps)) => Value::Array(steps),
        _ => Value::Array(Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn an_image_shows_what_harbor_shows() {
        let configuration = json!({
            "architecture": "amd64", "os": "linux", "created": "2026-01-01T00:00:00Z", "rootfs": {}, "history": [1],
            "config": {"Labels": {"maintainer": "ann"}},
        });
        let attributes = image_attributes(object(configuration.clone()));
        let wanted = json!({
            "architecture": "amd64", "os": "linux", "created": "2026-01-01T00:00:00Z", "author": "ann",
            "config": {"Labels": {"maintainer": "ann"}},
        });
        assert_eq!(Value::Object(attributes), wanted);
        assert_eq!(history(object(configuration)), json!([1]));
        assert_eq!(history(object(json!({"history": {}}))), json!([]));
        assert_eq!(author(&object(json!({"author": "bob", "config": null}))), "bob");
        let wanted = [("maintainer".to_owned(), "ann".to_owned())];
        assert_eq!(
            labels(&object(json!({"config": {"Labels": {"maintainer": "ann", "n": 7}}}))),
            wanted.into()
        );
        assert!(labels(&object(json!({"config": []}))).is_empty());
        assert_eq!(author(&object(json!({"author": 7, "config": {"Labels": []}}))), "");
    }
}
