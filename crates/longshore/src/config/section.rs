//! Typed reading of a checked tree. Kinds and defaults come from the table of keys; what is wrong is collected, so
//! that one run names all of it.

use std::{cell::RefCell, path::PathBuf, time::Duration};

use super::{
    ConfigError,
    check::join,
    keys::{self, Key, Kind},
    tree::{Node, Value},
    values::{self, Secret},
};

/// A part of the configuration that is being read.
pub(crate) struct Section<'a> {
    node: Option<&'a Node>,
    /// Its path in the table, and for people.
    row: String,
    shown: String,
    errors: &'a RefCell<Vec<ConfigError>>,
}

impl<'a> Section<'a> {
    /// The whole configuration.
    pub(crate) fn root(node: &'a Node, errors: &'a RefCell<Vec<ConfigError>>) -> Self {
        Self { node: Some(node), row: String::new(), shown: String::new(), errors }
    }

    /// The section under `name`, a path of keys joined by dots; it may be absent.
    pub(crate) fn section(&self, name: &str) -> Self {
        let row = join(&self.row, name);
        self.row(&row, |kind| kind == Kind::Section);
        Self {
            node: self.node.and_then(|node| node.at(name)),
            row,
            shown: join(&self.shown, name),
            errors: self.errors,
        }
    }

    /// The sections of the sequence under `name`.
    pub(crate) fn sections(&self, name: &str) -> Vec<Self> {
        let row = join(&self.row, name);
        self.row(&row, |kind| kind == Kind::Sections);
        let items = match self.node.and_then(|node| node.at(name)).map(|node| &node.value) {
            Some(Value::List(items)) => items.as_slice(),
            _ => &[],
        };
        let section = |(number, node)| Self {
            node: Some(node),
            row: format!("{row}[]"),
            shown: format!("{}[{number}]", join(&self.shown, name)),
            errors: self.errors,
        };
        items.iter().enumerate().map(section).collect()
    }

    /// Whether `name` is given, be it without a value.
    pub(crate) fn is_given(&self, name: &str) -> bool {
        self.node.and_then(|node| node.at(name)).is_some()
    }

    pub(crate) fn boolean(&self, name: &str) -> bool {
        self.scalar(name, |kind| kind == Kind::Bool, values::boolean).unwrap_or_default()
    }

    pub(crate) fn integer(&self, name: &str) -> u64 {
        self.scalar(name, |kind| kind == Kind::Integer, values::integer).unwrap_or_default()
    }

    pub(crate) fn size(&self, name: &str) -> Option<u64> {
        self.scalar(name, |kind| kind == Kind::Size, values::size)
    }

    pub(crate) fn duration(&self, name: &str) -> Option<Duration> {
        self.scalar(name, |kind| kind == Kind::Duration, values::duration)
    }

    /// A time span that is longer than nothing and has a default.
    pub(crate) fn positive(&self, name: &str) -> Duration {
        let duration = self.duration(name).unwrap_or(Duration::from_secs(1));
        if duration.is_zero() {
            self.refuse(name, "must be longer than 0");
        }
        duration
    }

    /// A text that is not empty.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.scalar(name, |kind| kind == Kind::Text, |text| Ok(text.to_owned()))
            .filter(|text| !text.is_empty())
    }

    /// A text that must be given.
    pub(crate) fn needed(&self, name: &str) -> String {
        self.text(name).unwrap_or_else(|| {
            self.refuse(name, "must be set");
            String::new()
        })
    }

    pub(crate) fn secret(&self, name: &str) -> Option<Secret> {
        self.scalar(name, |kind| kind == Kind::Secret, |text| Ok(Secret::new(text)))
            .filter(|secret| !secret.reveal().is_empty())
    }

    pub(crate) fn path(&self, name: &str) -> Option<PathBuf> {
        self.scalar(name, |kind| kind == Kind::Path, |text| Ok(PathBuf::from(text)))
            .filter(|path| !path.as_os_str().is_empty())
    }

    /// One of the words of the table.
    pub(crate) fn word(&self, name: &str) -> Option<&'static str> {
        let key = self.row(&join(&self.row, name), |kind| matches!(kind, Kind::Word(_)));
        let Kind::Word(words) = key.kind else { return None };
        self.scalar(
            name,
            |_| true,
            |text| {
                let known = words.iter().find(|word| word.eq_ignore_ascii_case(text));
                known.copied().ok_or_else(|| format!("{text:?} is none of {}", words.join(", ")))
            },
        )
    }

    pub(crate) fn texts(&self, name: &str) -> Vec<String> {
        self.row(&join(&self.row, name), |kind| kind == Kind::Texts);
        match self.node.and_then(|node| node.at(name)) {
            Some(node) => self.list(node, name),
            None => Vec::new(),
        }
    }

    /// Names and texts, in the order of the file.
    pub(crate) fn values(&self, name: &str) -> Vec<(String, String)> {
        self.row(&join(&self.row, name), |kind| kind == Kind::Values);
        let mut values = Vec::new();
        for (key, node) in self.entries(name) {
            match &node.value {
                Value::Text(text) => values.push((key.clone(), text.clone())),
                Value::Null => values.push((key.clone(), String::new())),
                _ => self.refuse_node(node, &join(name, key), "must be a text"),
            }
        }
        values
    }

    /// Header names and their values, in the order of the file.
    pub(crate) fn headers(&self, name: &str) -> Vec<(String, Vec<String>)> {
        self.row(&join(&self.row, name), |kind| kind == Kind::Headers);
        self.entries(name)
            .iter()
            .map(|(key, node)| (key.clone(), self.list(node, &join(name, key))))
            .collect()
    }

    /// Reports a value that fits its kind but makes no sense.
    pub(crate) fn refuse(&self, name: &str, message: impl Into<String>) {
        match self.node.and_then(|node| node.at(name)).or(self.node) {
            Some(node) => self.refuse_node(node, name, message),
            None => self.errors.borrow_mut().push(ConfigError::new(format!(
                "{}: {}",
                join(&self.shown, name),
                message.into()
            ))),
        }
    }

    fn refuse_node(&self, node: &Node, name: &str, message: impl Into<String>) {
        self.errors.borrow_mut().push(ConfigError::of(node, &join(&self.shown, name), message));
    }

    fn entries(&self, name: &str) -> &'a [(String, Node)] {
        match self.node.and_then(|node| node.at(name)) {
            Some(Node { value: Value::Map(entries), .. }) => entries,
            None | Some(Node { value: Value::Null, .. }) => &[],
            Some(node) => {
                self.refuse_node(node, name, "must be a mapping of names to values");
                &[]
            }
        }
    }

    fn list(&self, node: &Node, name: &str) -> Vec<String> {
        let mut texts = Vec::new();
        match &node.value {
            Value::Null => {}
            Value::Text(text) => texts.push(text.clone()),
            Value::List(items) => {
                for item in items {
                    match &item.value {
                        Value::Text(text) => texts.push(text.clone()),
                        Value::Null => texts.push(String::new()),
                        _ => self.refuse_node(item, name, "must be a sequence of texts"),
                    }
                }
            }
            Value::Map(_) => self.refuse_node(node, name, "must be a text or a sequence of texts"),
        }
        texts
    }

    /// Reads one value, or the default of the table. A wrong one is reported and counts as not given.
    fn scalar<T>(
        &self,
        name: &str,
        fits: impl Fn(Kind) -> bool,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let key = self.row(&join(&self.row, name), fits);
        match self.node.and_then(|node| node.at(name)) {
            None | Some(Node { value: Value::Null, .. }) => {
                key.default.map(|text| read(text).expect("a test reads every default of the table"))
            }
            Some(node @ Node { value: Value::Text(text), .. }) => match read(text) {
                Ok(value) => Some(value),
                Err(message) => {
                    self.refuse_node(node, name, message);
                    None
                }
            },
            Some(node) => {
                self.refuse_node(node, name, "must be a single value");
                None
            }
        }
    }

    fn row(&self, path: &str, fits: impl Fn(Kind) -> bool) -> &'static Key {
        let key = keys::find(path).unwrap_or_else(|| panic!("{path} is not in the table of keys"));
        assert!(fits(key.kind), "{path} is read as another kind than the table says");
        key
    }
}
