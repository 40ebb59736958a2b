//! Configurations of images: image specification v1.1, "Image Configuration".

use std::collections::BTreeMap;

use longshore_types::MediaType;
use serde::Deserialize;

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
    #[serde(default)]
    pub config: RunConfig,
    /// How it was built, the oldest step first.
    #[serde(default)]
    pub history: Vec<HistoryEntry>,
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
