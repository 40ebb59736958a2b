//! How an image was built, and how it is run.

use std::collections::BTreeMap;

use longshore_registry::{Healthcheck, OpenedImage, Step, instruction};
use schemars::JsonSchema;
use serde::Serialize;

/// A step in which an image was built, and the layer that came of it.
#[derive(Serialize, JsonSchema)]
pub(crate) struct StepReply {
    /// As it would stand in a Dockerfile, as far as the builder wrote it down.
    instruction: String,
    /// When, as the builder wrote it.
    created: Option<String>,
    comment: Option<String>,
    /// Whether it made no layer.
    empty: bool,
    /// The layer, counted from 1, the lowest.
    layer: Option<usize>,
    digest: Option<String>,
    media_type: Option<String>,
    /// Of the layer as it is stored, in bytes.
    size: u64,
}

impl StepReply {
    pub(super) fn of(step: &Step<'_>) -> Self {
        let descriptor = step.layer.map(|(_, descriptor)| descriptor);
        Self {
            instruction: instruction(step.entry),
            created: step.entry.created.clone(),
            comment: step.entry.comment.clone(),
            empty: descriptor.is_none(),
            layer: step.layer.map(|(layer, _)| layer + 1),
            digest: descriptor.map(|descriptor| descriptor.digest.to_string()),
            media_type: descriptor.map(|descriptor| descriptor.media_type.to_string()),
            size: descriptor.map_or(0, |descriptor| descriptor.size_bytes),
        }
    }
}

/// How an image is run, unless somebody says otherwise.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ConfigurationReply {
    /// Of the image's manifest: where the path names an index, of the one in it.
    digest: String,
    /// `linux/amd64`.
    platform: String,
    /// When it was built, as the builder wrote it.
    created: Option<String>,
    author: Option<String>,
    user: Option<String>,
    entrypoint: Option<Vec<String>>,
    cmd: Option<Vec<String>>,
    /// `NAME=VALUE`.
    env: Vec<String>,
    working_dir: Option<String>,
    /// `80/tcp`.
    ports: Vec<String>,
    volumes: Vec<String>,
    labels: BTreeMap<String, String>,
    stop_signal: Option<String>,
    healthcheck: Option<HealthcheckReply>,
    shell: Option<Vec<String>>,
    /// What builds on top of it do first.
    on_build: Vec<String>,
    /// How many layers it has, and their bytes as they are stored.
    layers: usize,
    size: u64,
}

/// How one asks whether a container is well. Times are in nanoseconds.
#[derive(Serialize, JsonSchema)]
struct HealthcheckReply {
    test: Option<Vec<String>>,
    interval: Option<i64>,
    timeout: Option<i64>,
    start_period: Option<i64>,
    start_interval: Option<i64>,
    retries: Option<i64>,
}

impl From<Healthcheck> for HealthcheckReply {
    fn from(check: Healthcheck) -> Self {
        let Healthcheck { test, interval, timeout, start_period, start_interval, retries } = check;
        Self { test, interval, timeout, start_period, start_interval, retries }
    }
}

impl ConfigurationReply {
    pub(super) fn of(image: OpenedImage) -> Self {
        let size = image.layers().iter().map(|layer| layer.size_bytes).fold(0, u64::saturating_add);
        let layers = image.layers().len();
        let OpenedImage { digest, config, .. } = image;
        let platform = config.platform().to_string();
        let run = config.config;
        Self {
            digest: digest.to_string(),
            platform,
            created: config.created,
            author: config.author,
            user: run.user,
            entrypoint: run.entrypoint,
            cmd: run.cmd,
            env: run.env.unwrap_or_default(),
            working_dir: run.working_dir,
            ports: run.exposed_ports.unwrap_or_default().into_keys().collect(),
            volumes: run.volumes.unwrap_or_default().into_keys().collect(),
            labels: run.labels.unwrap_or_default(),
            stop_signal: run.stop_signal,
            healthcheck: run.healthcheck.map(HealthcheckReply::from),
            shell: run.shell,
            on_build: run.on_build.unwrap_or_default(),
            layers,
            size,
        }
    }
}
