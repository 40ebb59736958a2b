//! Differences of configurations.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::json;

use crate::{ImageConfig, RunConfig};

/// A part of a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ConfigPart {
    /// Operating system and processor.
    Platform,
    /// Who built it.
    Author,
    /// As whom it runs.
    User,
    /// What is run, always.
    Entrypoint,
    /// What is run, or given to the entry point.
    Cmd,
    /// In which folder.
    WorkingDir,
    /// What ends it.
    StopSignal,
    /// How one asks whether it is well.
    Healthcheck,
    /// What lines of a shell are given to.
    Shell,
    /// A variable of the environment.
    Env,
    /// A port.
    Port,
    /// A folder that outlives a container.
    Volume,
    /// A label.
    Label,
}

impl ConfigPart {
    /// In one word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Platform => "platform",
            Self::Author => "author",
            Self::User => "user",
            Self::Entrypoint => "entrypoint",
            Self::Cmd => "cmd",
            Self::WorkingDir => "working_dir",
            Self::StopSignal => "stop_signal",
            Self::Healthcheck => "healthcheck",
            Self::Shell => "shell",
            Self::Env => "env",
            Self::Port => "port",
            Self::Volume => "volume",
            Self::Label => "label",
        }
    }
}

/// A part of the configuration that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigChange {
    /// Which part.
    pub part: ConfigPart,
    /// Which variable, port, volume or label.
    pub key: Option<String>,
    /// What the first image says; lists as JSON.
    pub before: Option<String>,
    /// What the second says.
    pub after: Option<String>,
}

type Parts = BTreeMap<(ConfigPart, Option<String>), String>;

/// What differs between two configurations, part by part. When each was built always does, and is left out.
pub fn compare_configs(before: &ImageConfig, after: &ImageConfig) -> Vec<ConfigChange> {
    let (before, mut after) = (parts(before), parts(after));
    let mut changes: Vec<_> = before
        .into_iter()
        .map(|(key, before)| {
            let after = after.remove(&key);
            (key, Some(before), after)
        })
        .collect();
    changes.extend(after.into_iter().map(|(key, after)| (key, None, Some(after))));
    changes.retain(|(_, before, after)| before != after);
    changes.sort();
    changes
        .into_iter()
        .map(|((part, key), before, after)| ConfigChange { part, key, before, after })
        .collect()
}

/// What a configuration says. Nothing said and nothing in what is said are the same.
fn parts(config: &ImageConfig) -> Parts {
    let run = &config.config;
    let mut parts = Parts::new();
    let mut put = |part, text: String| {
        if !text.is_empty() {
            parts.insert((part, None), text);
        }
    };
    put(ConfigPart::Platform, config.platform().to_string());
    put(ConfigPart::Author, config.author.clone().unwrap_or_default());
    put(ConfigPart::User, run.user.clone().unwrap_or_default());
    put(ConfigPart::Entrypoint, words(run.entrypoint.as_deref()));
    put(ConfigPart::Cmd, words(run.cmd.as_deref()));
    put(ConfigPart::WorkingDir, run.working_dir.clone().unwrap_or_default());
    put(ConfigPart::StopSignal, run.stop_signal.clone().unwrap_or_default());
    put(ConfigPart::Shell, words(run.shell.as_deref()));
    put(
        ConfigPart::Healthcheck,
        run.healthcheck.as_ref().map(|check| json!(check).to_string()).unwrap_or_default(),
    );
    put_lists(&mut parts, run);
    parts
}

fn put_lists(parts: &mut Parts, run: &RunConfig) {
    for variable in run.env.iter().flatten() {
        let (name, value) = variable.split_once('=').unwrap_or((variable, ""));
        parts.insert((ConfigPart::Env, Some(name.to_owned())), value.to_owned());
    }
    let keys = [(ConfigPart::Port, &run.exposed_ports), (ConfigPart::Volume, &run.volumes)];
    for (part, map) in keys {
        parts.extend(map.iter().flatten().map(|(key, _)| ((part, Some(key.clone())), key.clone())));
    }
    for (key, value) in run.labels.iter().flatten() {
        parts.insert((ConfigPart::Label, Some(key.clone())), value.clone());
    }
}

fn words(words: Option<&[String]>) -> String {
    words.filter(|words| !words.is_empty()).map(|words| json!(words).to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(value: serde_json::Value) -> ImageConfig {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn differences_are_told_by_part() {
        let before = config(json!({
            "os": "linux", "architecture": "amd64", "created": "2026-01-01T00:00:00Z",
            "config": {
                "Env": ["PATH=/bin", "A=1"], "Entrypoint": ["/app"], "User": "", "ExposedPorts": {"80/tcp": {}},
                "Labels": {"v": "1"}, "Cmd": [],
            },
        }));
        let after = config(json!({
            "os": "linux", "architecture": "arm64", "created": "2026-02-02T00:00:00Z",
            "config": {
                "Env": ["PATH=/bin", "B=x=y", "A="], "Entrypoint": ["/app", "-v"], "ExposedPorts": {"443/tcp": {}},
                "Labels": {"v": "2"}, "Cmd": null, "User": "7", "Healthcheck": {"Test": ["NONE"]},
            },
        }));
        let found: Vec<_> = compare_configs(&before, &after)
            .into_iter()
            .map(|c| (c.part.as_str(), c.key.unwrap_or_default(), c.before, c.after))
            .collect();
        let some = |text: &str| Some(text.to_owned());
        let wanted = [
            ("platform", String::new(), some("linux/amd64"), some("linux/arm64")),
            ("user", String::new(), None, some("7")),
            ("entrypoint", String::new(), some("[\"/app\"]"), some("[\"/app\",\"-v\"]")),
            ("healthcheck", String::new(), None, some("{\"Test\":[\"NONE\"]}")),
            ("env", "A".to_owned(), some("1"), some("")),
            ("env", "B".to_owned(), None, some("x=y")),
            ("port", "443/tcp".to_owned(), None, some("443/tcp")),
            ("port", "80/tcp".to_owned(), some("80/tcp"), None),
            ("label", "v".to_owned(), some("1"), some("2")),
        ];
        assert_eq!(found, wanted);
        assert!(compare_configs(&before, &before).is_empty());
    }
}
