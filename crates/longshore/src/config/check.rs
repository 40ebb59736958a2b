//! Compares a configuration with the table of keys: what is unknown, refused or without effect.

use super::{
    ConfigError,
    keys::{self, Kind, Support},
    tree::{Node, Value},
};

/// Walks the tree; returns the warnings.
///
/// # Errors
/// Every unknown and every refused key.
pub(crate) fn check(root: &Node) -> Result<Vec<String>, Vec<ConfigError>> {
    let mut found = Found::default();
    found.section(root, "", "");
    if found.errors.is_empty() { Ok(found.warnings) } else { Err(found.errors) }
}

#[derive(Default)]
struct Found {
    warnings: Vec<String>,
    errors: Vec<ConfigError>,
}

impl Found {
    /// `row` is the path in the table, `shown` the one for people; they differ inside of sequences.
    fn section(&mut self, node: &Node, row: &str, shown: &str) {
        match &node.value {
            Value::Null => {}
            Value::Map(entries) => {
                for (name, child) in entries {
                    self.entry(name, child, &join(row, name), &join(shown, name), row);
                }
            }
            _ => self.errors.push(ConfigError::of(node, shown, "must be a mapping of keys to values")),
        }
    }

    fn entry(&mut self, name: &str, node: &Node, row: &str, shown: &str, parent: &str) {
        let Some(key) = keys::find(row) else {
            self.errors.push(ConfigError::of(node, shown, unknown(name, parent)));
            return;
        };
        match key.support {
            Support::Unneeded(_) => {}
            Support::Ignored(why) => self.warnings.push(format!("{shown} has no effect: {why}")),
            Support::Refused(why) => {
                if !is_empty(node) {
                    let message = format!("{why}; take it out to go on without it");
                    self.errors.push(ConfigError::of(node, shown, message));
                }
            }
            Support::Served => match key.kind {
                Kind::Section => self.section(node, row, shown),
                Kind::Sections => self.sections(node, row, shown),
                _ => {}
            },
        }
    }

    fn sections(&mut self, node: &Node, row: &str, shown: &str) {
        match &node.value {
            Value::Null => {}
            Value::List(items) => {
                for (number, item) in items.iter().enumerate() {
                    self.section(item, &format!("{row}[]"), &format!("{shown}[{number}]"));
                }
            }
            _ => self.errors.push(ConfigError::of(node, shown, "must be a sequence")),
        }
    }
}

/// Nothing that could have been meant. A storage driver that is only named is meant.
fn is_empty(node: &Node) -> bool {
    match &node.value {
        Value::Null => false,
        Value::Text(text) => text.is_empty(),
        Value::List(items) => items.is_empty(),
        Value::Map(entries) => entries.is_empty(),
    }
}

pub(crate) fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// What to say of a key that is not in the table.
fn unknown(name: &str, parent: &str) -> String {
    match nearest(name, parent) {
        Some(near) => format!("unknown key; did you mean {near}?"),
        None => {
            let mut known: Vec<_> = keys::children(parent).collect();
            known.sort_unstable();
            format!("unknown key; known here: {}", known.join(", "))
        }
    }
}

/// The key that was probably meant: one of those beside it, else one of that name elsewhere.
pub(crate) fn nearest(name: &str, parent: &str) -> Option<String> {
    let name = name.to_lowercase();
    let beside = keys::children(parent)
        .map(|known| (strsim::jaro_winkler(&name, known), known))
        .filter(|(likeness, _)| *likeness >= 0.8)
        .max_by(|one, other| one.0.total_cmp(&other.0));
    if let Some((_, known)) = beside {
        return Some(join(parent, known));
    }
    let last = |path: &'static str| path.rsplit('.').next().unwrap_or(path);
    keys::KEYS.iter().map(|key| key.path).find(|path| last(path) == name).map(str::to_owned)
}
