//! What is made from the table of keys: the reference for people and the JSON Schema for editors.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::keys::{self, KEYS, Key, Kind, Support};

/// The part of `docs/configuration.md` that lists every key.
pub(crate) fn markdown() -> String {
    let mut out = String::new();
    for top in KEYS.iter().filter(|key| !key.path.contains('.')) {
        let rows =
            KEYS.iter().filter(|key| key.path == top.path || key.path.starts_with(&format!("{}.", top.path)));
        let rows: Vec<_> = rows.collect();
        if rows.iter().all(|key| key.support != Support::Served) {
            continue;
        }
        let _ = write!(out, "### `{}`\n\n", top.path);
        if matches!(top.kind, Kind::Section) {
            let _ = write!(out, "{}\n\n", top.about);
        }
        out.push_str("| key | value | default | meaning |\n| --- | --- | --- | --- |\n");
        for key in rows {
            if let Some(row) = row(key) {
                out.push_str(&row);
            }
        }
        out.push('\n');
    }
    out.push_str(
        "### Keys of distribution without effect\n\n| key | what happens | why |\n| --- | --- | --- |\n",
    );
    for key in KEYS {
        let (what, why) = match key.support {
            Support::Served => continue,
            Support::Unneeded(why) => ("accepted", why),
            Support::Ignored(why) => ("accepted with a warning", why),
            Support::Refused(why) => ("refused", why),
        };
        let _ = writeln!(out, "| `{}` | {what} | {why} |", key.path);
    }
    out
}

fn row(key: &Key) -> Option<String> {
    let value = match key.kind {
        Kind::Section => return None,
        _ if key.support != Support::Served => return None,
        Kind::Sections => "sequence of sections".to_owned(),
        Kind::Bool => "`true` or `false`".to_owned(),
        Kind::Text => "text".to_owned(),
        Kind::Secret => "text, secret".to_owned(),
        Kind::Path => "path".to_owned(),
        Kind::Word(words) => words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", "),
        Kind::Integer => "number".to_owned(),
        Kind::Size => "size".to_owned(),
        Kind::Duration => "time span".to_owned(),
        Kind::Texts => "sequence of texts".to_owned(),
        Kind::Values => "names and texts".to_owned(),
        Kind::Headers => "header names and texts".to_owned(),
        Kind::Anything => "anything".to_owned(),
    };
    let default = key.default.map_or_else(String::new, |default| format!("`{default}`"));
    Some(format!("| `{}` | {value} | {default} | {} |\n", key.path, key.about))
}

/// A JSON Schema (2020-12) of the configuration.
pub(crate) fn json_schema() -> Value {
    let mut schema = section("");
    let object = schema.as_object_mut().expect("a section's schema is an object");
    object.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
    object.insert("title".to_owned(), json!("Configuration of Longshore"));
    schema
}

fn section(path: &str) -> Value {
    let mut properties = Map::new();
    for name in keys::children(path) {
        let row = super::check::join(path, name);
        if let Some(key) = keys::find(&row) {
            properties.insert(name.to_owned(), property(key));
        }
    }
    json!({ "type": ["object", "null"], "properties": properties, "additionalProperties": false })
}

fn property(key: &Key) -> Value {
    let mut schema = match key.kind {
        // Their one-word form names a driver or a kind.
        Kind::Section if matches!(key.path, "storage" | "auth") => {
            json!({ "anyOf": [section(key.path), { "type": "string" }] })
        }
        Kind::Section => section(key.path),
        Kind::Sections => json!({ "type": ["array", "null"], "items": section(&format!("{}[]", key.path)) }),
        Kind::Bool => json!({ "type": "boolean" }),
        Kind::Text | Kind::Secret | Kind::Path => json!({ "type": ["string", "number", "null"] }),
        Kind::Word(words) => json!({ "enum": word_values(words) }),
        Kind::Integer => json!({ "type": "integer", "minimum": 0 }),
        Kind::Size => json!({ "type": ["integer", "string"], "minimum": 0 }),
        Kind::Duration => json!({ "type": ["string", "integer"], "examples": ["30s", "24h"] }),
        Kind::Texts => texts(),
        Kind::Values => {
            json!({ "type": ["object", "null"], "additionalProperties": { "type": ["string", "number", "boolean", "null"] } })
        }
        Kind::Headers => json!({ "type": ["object", "null"], "additionalProperties": texts() }),
        Kind::Anything => json!({}),
    };
    let object = schema.as_object_mut().expect("every schema above is an object");
    let about = match key.support {
        Support::Served => key.about.to_owned(),
        Support::Unneeded(why) => format!("Not needed: {why}."),
        Support::Ignored(why) => format!("Without effect: {why}."),
        Support::Refused(why) => format!("Refused: {why}."),
    };
    object.insert("description".to_owned(), json!(about));
    if let Some(default) = key.default {
        object.insert(
            "default".to_owned(),
            match key.kind {
                Kind::Bool => json!(default == "true"),
                Kind::Integer => default.parse::<u64>().map_or(Value::Null, Value::from),
                _ => json!(default),
            },
        );
    }
    if !matches!(key.support, Support::Served | Support::Unneeded(_)) {
        object.insert("deprecated".to_owned(), json!(true));
    }
    schema
}

/// YAML has values of their own for two of them.
fn word_values(words: &[&str]) -> Vec<Value> {
    let own = |word: &&str| match *word {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        text => json!(text),
    };
    words.iter().map(own).collect()
}

fn texts() -> Value {
    json!({ "anyOf": [{ "type": "array", "items": { "type": "string" } }, { "type": ["string", "null"] }] })
}
