//! Configurations of images: image specification v1.1, "Image Configuration".

use std::collections::BTreeMap;

use longshore_types::MediaType;
use serde::{Deserialize, Deserializer, Serialize};

use crate::Platform;

/// Docker's own type of a configuration.
const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";

/// Whether a configuration of this type is that of an image.
pub fn is_image_config(media_type: &str) -> bool {
    media_type == MediaType::OCI_CONFIG.as_str() || media_type == DOCKER_CONFIG
}

/// What an image's configuration says: image specification v1.1, "Image Configuration".
#[derive(Clone, Debug, Default, Deserialize)]
pub struct ImageConfig {
    /// When it was built, as it was written.
    pub created: Option<String>,
    /// Who built it.
    pub author: Option<String>,
    /// `linux`.
    #[serde(default)]
    pub os: String,
    /// `amd64`.
    #[serde(default)]
    pub architecture: String,
    /// `v7`.
    pub variant: Option<String>,
    /// How it is run.
    #[serde(default, deserialize_with = "null_is_nothing")]
    pub config: RunConfig,
    /// How it was built, the oldest step first.
    #[serde(default, deserialize_with = "null_is_nothing")]
    pub history: Vec<HistoryEntry>,
}

/// Some builders write `null` for what they have not.
fn null_is_nothing<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// How a container of the image is run, unless somebody says otherwise.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RunConfig {
    /// As whom.
    pub user: Option<String>,
    /// What is run, always.
    pub entrypoint: Option<Vec<String>>,
    /// What is run, or given to the entry point.
    pub cmd: Option<Vec<String>>,
    /// `NAME=VALUE`.
    pub env: Option<Vec<String>>,
    /// In which folder.
    pub working_dir: Option<String>,
    /// `80/tcp`.
    pub exposed_ports: Option<BTreeMap<String, serde_json::Value>>,
    /// Folders that outlive a container.
    pub volumes: Option<BTreeMap<String, serde_json::Value>>,
    /// Free key and value pairs.
    pub labels: Option<BTreeMap<String, String>>,
    /// What ends it.
    pub stop_signal: Option<String>,
    /// How one asks whether it is well: Docker's own.
    pub healthcheck: Option<Healthcheck>,
    /// What lines of a shell are given to: Docker's own.
    pub shell: Option<Vec<String>>,
    /// What builds on top of it do first: Docker's own.
    pub on_build: Option<Vec<String>>,
}

/// How one asks whether a container is well. Times are in nanoseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Healthcheck {
    /// `["CMD-SHELL", "curl localhost"]`, `["NONE"]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test: Option<Vec<String>>,
    /// Between two questions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<i64>,
    /// Longest time for an answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<i64>,
    /// Time after the start in which failures don't count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_period: Option<i64>,
    /// Between two questions in that time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_interval: Option<i64>,
    /// Failures after which it is not well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retries: Option<i64>,
}

impl ImageConfig {
    /// What it runs on.
    pub fn platform(&self) -> Platform {
        Platform {
            os: self.os.clone(),
            architecture: self.architecture.clone(),
            variant: self.variant.clone(),
            os_version: None,
        }
    }
}

/// A step of a build.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct HistoryEntry {
    /// When, as it was written.
    pub created: Option<String>,
    /// What was run.
    pub created_by: Option<String>,
    /// What somebody said of it.
    pub comment: Option<String>,
    /// Whether it made no layer.
    #[serde(default)]
    pub empty_layer: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_said_is_nothing() {
        for text in
            ["{}", r#"{"config": null, "history": null}"#, r#"{"config": {"Env": null, "Labels": null}}"#]
        {
            let config: ImageConfig = serde_json::from_str(text).unwrap();
            assert!(config.config.env.is_none() && config.history.is_empty(), "{text}");
        }
    }
}
