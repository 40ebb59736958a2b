//! `notifications`.

use std::time::Duration;

use super::{section::Section, values::Secret};

/// Who is told what happened.
#[derive(Clone, Debug)]
pub(crate) struct NotificationsConfig {
    pub(crate) include_references: bool,
    /// Without those that are disabled.
    pub(crate) endpoints: Vec<EndpointConfig>,
}

/// Someone who is told.
#[derive(Clone, Debug)]
pub(crate) struct EndpointConfig {
    pub(crate) name: String,
    /// It may hold a password.
    pub(crate) url: Secret,
    pub(crate) headers: Vec<(String, Vec<Secret>)>,
    pub(crate) timeout: Duration,
    /// Failures in a row before it rests.
    pub(crate) threshold: u64,
    pub(crate) backoff: Duration,
    pub(crate) ignored_media_types: Vec<String>,
    pub(crate) ignored_actions: Vec<String>,
}

impl NotificationsConfig {
    pub(super) fn read(notifications: &Section<'_>) -> Self {
        let mut endpoints: Vec<EndpointConfig> = Vec::new();
        for section in notifications.sections("endpoints") {
            let endpoint = EndpointConfig::read(&section);
            if endpoints.iter().any(|other| other.name == endpoint.name) {
                section.refuse("name", format!("{:?} is the name of two endpoints", endpoint.name));
            }
            if !section.boolean("disabled") {
                endpoints.push(endpoint);
            }
        }
        Self { include_references: notifications.boolean("events.includereferences"), endpoints }
    }
}

impl EndpointConfig {
    fn read(section: &Section<'_>) -> Self {
        let url = section.secret("url").unwrap_or_default();
        if !["http://", "https://"].iter().any(|scheme| url.reveal().starts_with(scheme)) {
            section.refuse("url", "must be set to an address that begins with http:// or https://");
        }
        let mut ignored_media_types = section.texts("ignoredmediatypes");
        ignored_media_types.extend(section.texts("ignore.mediatypes"));
        let ignored_actions = section.texts("ignore.actions");
        for action in &ignored_actions {
            if !["push", "pull", "mount", "delete"].contains(&action.as_str()) {
                section.refuse("ignore.actions", format!("{action:?} is none of push, pull, mount, delete"));
            }
        }
        let headers = section.headers("headers").into_iter();
        Self {
            name: section.needed("name"),
            url,
            headers: headers
                .map(|(name, values)| (name, values.into_iter().map(Secret::new).collect()))
                .collect(),
            timeout: section.positive("timeout"),
            threshold: section.integer("threshold").max(1),
            backoff: section.positive("backoff"),
            ignored_media_types,
            ignored_actions,
        }
    }
}
