//! Events in distribution's form (its `docs/content/about/notifications.md`, "Events").

use longshore_registry::{Event, EventAction};
use longshore_types::{MediaType, Timestamp, UploadId};
use serde_json::{Map, Value, json};

use crate::{background::timestamp, config::Config};

/// The type of an envelope.
pub(super) const CONTENT_TYPE: &str = "application/vnd.docker.distribution.events.v1+json";

/// What every event says about the registry itself.
pub(super) struct Source {
    /// Scheme and host, where the operator says them.
    host: Option<String>,
    scheme: &'static str,
    prefix: String,
    addr: String,
    /// New with every start.
    instance_id: String,
}

impl Source {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            host: config.http.host.clone(),
            scheme: if config.http.tls.is_some() { "https" } else { "http" },
            prefix: config.http.prefix.clone(),
            addr: config.http.addr.clone(),
            instance_id: UploadId::random().to_string(),
        }
    }

    /// An envelope with one event.
    pub(super) fn envelope(&self, event: &Event) -> Value {
        let mut actor = Map::new();
        if let Some(name) = &event.actor {
            actor.insert("name".to_owned(), name.as_str().into());
        }
        json!({ "events": [{
            "id": event.id,
            "timestamp": timestamp(Timestamp::from_unix_millis(event.at_unix_millis)),
            "action": event.action,
            "target": self.target(event),
            "request": event.request,
            "actor": actor,
            "source": { "addr": self.addr, "instanceID": self.instance_id },
        }] })
    }

    fn target(&self, event: &Event) -> Value {
        let mut target = Map::new();
        let mut add = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                target.insert(name.to_owned(), value);
            }
        };
        add("mediaType", event.media_type.as_ref().map(|media_type| media_type.as_str().into()));
        // distribution writes the length under both names.
        add("size", event.size_bytes.map(Value::from));
        add("digest", event.digest.map(|digest| digest.to_string().into()));
        add("length", event.size_bytes.map(Value::from));
        add("repository", Some(event.repository.as_str().into()));
        add("fromRepository", event.from_repository.as_deref().map(Value::from));
        add("url", self.url(event).map(Value::from));
        add("tag", event.tag.as_deref().map(Value::from));
        add("references", (!event.references.is_empty()).then(|| json!(event.references)));
        Value::Object(target)
    }

    /// Where the content is; nowhere once it is deleted.
    fn url(&self, event: &Event) -> Option<String> {
        let digest = event.digest.filter(|_| event.action != EventAction::Delete)?;
        let origin = match &self.host {
            Some(host) => host.clone(),
            None => format!("{}://{}", self.scheme, event.request.host),
        };
        let kind = if event.media_type == Some(MediaType::OCTET_STREAM) { "blobs" } else { "manifests" };
        Some(format!("{origin}{}/v2/{}/{kind}/{digest}", self.prefix, event.repository))
    }
}
