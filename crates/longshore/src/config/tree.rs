//! A configuration as a tree of texts that remember where they stand. YAML's own guesses about types (`on`, `012`,
//! `1e3`) play no part: the table of keys says what a value should be.

use std::{collections::HashMap, fmt};

use granit_parser::{Event, Options, Parser, ScalarStyle};

use super::ConfigError;

/// Largest configuration read, in bytes.
pub(crate) const BYTES_MAX: usize = 1 << 20;
/// Most nodes of a tree; a file that repeats itself through anchors ends here.
const NODES_MAX: usize = 100_000;
/// Deepest nesting.
const DEPTH_MAX: usize = 32;

/// Where a value comes from, for messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A line of the file, from 1.
    Line(usize),
    /// A variable of the environment.
    Variable(String),
    /// An argument of the command line.
    Argument(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, "line {line}"),
            Self::Variable(name) => f.write_str(name),
            Self::Argument(name) => f.write_str(name),
        }
    }
}

/// A part of a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) value: Value,
    pub(crate) origin: Origin,
}

/// What a part holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// Nothing, `~` or `null`.
    Null,
    /// Any other scalar, as written.
    Text(String),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping, in the order of the file.
    Map(Vec<(String, Node)>),
}

impl Node {
    pub(crate) fn text(text: impl Into<String>, origin: Origin) -> Self {
        Self { value: Value::Text(text.into()), origin }
    }

    pub(crate) fn empty_map(origin: Origin) -> Self {
        Self { value: Value::Map(Vec::new()), origin }
    }

    /// The value under `key`, where this is a mapping that has it.
    pub(crate) fn child(&self, key: &str) -> Option<&Self> {
        match &self.value {
            Value::Map(entries) => entries.iter().find(|(name, _)| name == key).map(|(_, node)| node),
            _ => None,
        }
    }

    /// The value at `path`, keys joined by dots.
    pub(crate) fn at(&self, path: &str) -> Option<&Self> {
        path.split('.').try_fold(self, |node, key| node.child(key))
    }

    /// The value under `key`, made if need be; whatever else was here gives way to a mapping.
    pub(crate) fn child_mut(&mut self, key: &str, origin: &Origin) -> &mut Self {
        if !matches!(self.value, Value::Map(_)) {
            // `auth: htpasswd` is short for `auth: {htpasswd: }`.
            let entries = match std::mem::replace(&mut self.value, Value::Null) {
                Value::Text(name) => vec![(name, Self { value: Value::Null, origin: self.origin.clone() })],
                _ => Vec::new(),
            };
            self.value = Value::Map(entries);
        }
        let Value::Map(entries) = &mut self.value else { unreachable!("it was made a mapping above") };
        let place = match entries.iter().position(|(name, _)| name == key) {
            Some(place) => place,
            None => {
                entries.push((key.to_owned(), Self { value: Value::Null, origin: origin.clone() }));
                entries.len() - 1
            }
        };
        &mut entries[place].1
    }

    /// Reads YAML: one document, whose nodes all come from `origin`, or from their lines when that is `None`.
    pub(crate) fn parse(text: &str, origin: Option<&Origin>) -> Result<Self, ConfigError> {
        if text.len() > BYTES_MAX {
            return Err(ConfigError::new(format!("larger than {BYTES_MAX} bytes")));
        }
        Builder { origin, anchors: HashMap::new(), nodes: 0 }.document(text)
    }
}

/// A collection that is still open.
struct Open {
    node: Node,
    anchor: usize,
    key: Option<(String, usize)>,
    /// Keys that a merge brought and that are not given here yet.
    merged: Vec<String>,
}

struct Builder<'o> {
    origin: Option<&'o Origin>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
}

impl Builder<'_> {
    fn document(mut self, text: &str) -> Result<Node, ConfigError> {
        let mut options = Options::default();
        options.emit_comments = false;
        let mut open: Vec<Open> = Vec::new();
        let mut root = None;
        for event in Parser::new_from_str_with_options(text, options) {
            let (event, span) = event.map_err(|error| ConfigError::new(format!("not YAML: {error}")))?;
            let line = span.start.line();
            let origin = self.origin.cloned().unwrap_or(Origin::Line(line));
            let (node, anchor) = match event {
                Event::Scalar(text, style, anchor, _) => (scalar(&text, style, origin), anchor),
                Event::Alias(anchor) => {
                    let known = self.anchors.get(&anchor).cloned();
                    (known.ok_or_else(|| ConfigError::at_line(line, "an alias inside its own anchor"))?, 0)
                }
                Event::SequenceStart(_, anchor, _) => {
                    open.push(Open {
                        node: Node { value: Value::List(Vec::new()), origin },
                        anchor,
                        key: None,
                        merged: Vec::new(),
                    });
                    if open.len() > DEPTH_MAX {
                        return Err(ConfigError::at_line(line, "nested too deeply"));
                    }
                    continue;
                }
                Event::MappingStart(_, anchor, _) => {
                    open.push(Open { node: Node::empty_map(origin), anchor, key: None, merged: Vec::new() });
                    if open.len() > DEPTH_MAX {
                        return Err(ConfigError::at_line(line, "nested too deeply"));
                    }
                    continue;
                }
                Event::SequenceEnd | Event::MappingEnd => {
                    let closed = open.pop().expect("the parser closes only what it opened");
                    (closed.node, closed.anchor)
                }
                Event::DocumentStart(..) if root.is_some() => {
                    return Err(ConfigError::at_line(line, "a second YAML document begins"));
                }
                _ => continue,
            };
            self.count(&node, line)?;
            if anchor != 0 {
                self.anchors.insert(anchor, node.clone());
            }
            match open.last_mut() {
                Some(parent) => parent.add(node, line)?,
                None => root = Some(node),
            }
        }
        Ok(root.unwrap_or_else(|| Node::empty_map(self.origin.cloned().unwrap_or(Origin::Line(1)))))
    }

    /// Counts what a node adds; collections are counted with all they hold, so that aliases cannot multiply freely.
    fn count(&mut self, node: &Node, line: usize) -> Result<(), ConfigError> {
        self.nodes += size(node);
        if self.nodes > NODES_MAX {
            return Err(ConfigError::at_line(line, "too many values"));
        }
        Ok(())
    }
}

fn size(node: &Node) -> usize {
    1 + match &node.value {
        Value::Null | Value::Text(_) => 0,
        Value::List(items) => items.iter().map(size).sum(),
        Value::Map(entries) => entries.iter().map(|(_, node)| size(node)).sum(),
    }
}

fn scalar(text: &str, style: ScalarStyle, origin: Origin) -> Node {
    let null = matches!(style, ScalarStyle::Plain) && matches!(text, "" | "~" | "null" | "Null" | "NULL");
    Node { value: if null { Value::Null } else { Value::Text(text.to_owned()) }, origin }
}

impl Open {
    fn add(&mut self, node: Node, line: usize) -> Result<(), ConfigError> {
        match &mut self.node.value {
            Value::List(items) => items.push(node),
            Value::Map(entries) => match self.key.take() {
                None => match node.value {
                    Value::Text(key) => self.key = Some((key, line)),
                    _ => return Err(ConfigError::at_line(line, "a key must be a word")),
                },
                Some((key, _)) if key == "<<" => merge(entries, &mut self.merged, node, line)?,
                Some((key, key_line)) => {
                    // What is given here wins, wherever the merge stands.
                    if let Some(place) = self.merged.iter().position(|name| *name == key) {
                        self.merged.swap_remove(place);
                        entries.retain(|(name, _)| *name != key);
                    }
                    if entries.iter().any(|(name, _)| *name == key) {
                        return Err(ConfigError::at_line(key_line, format!("{key} is given twice")));
                    }
                    // A key without a value is remembered at its own line, not at that of whatever comes next.
                    let origin = match node.origin {
                        Origin::Line(_) => Origin::Line(key_line),
                        other => other,
                    };
                    entries.push((key, Node { origin, ..node }));
                }
            },
            Value::Null | Value::Text(_) => unreachable!("only collections are opened"),
        }
        Ok(())
    }
}

/// YAML's merge key: entries of another mapping that are not here already.
fn merge(
    entries: &mut Vec<(String, Node)>,
    merged: &mut Vec<String>,
    node: Node,
    line: usize,
) -> Result<(), ConfigError> {
    let Value::Map(others) = node.value else {
        return Err(ConfigError::at_line(line, "<< needs a mapping"));
    };
    for (key, node) in others {
        if !entries.iter().any(|(name, _)| *name == key) {
            merged.push(key.clone());
            entries.push((key, node));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flat(node: &Node) -> String {
        match &node.value {
            Value::Null => "~".to_owned(),
            Value::Text(text) => format!("{text:?}"),
            Value::List(items) => format!("[{}]", items.iter().map(flat).collect::<Vec<_>>().join(" ")),
            Value::Map(entries) => {
                let entries: Vec<_> = entries.iter().map(|(k, v)| format!("{k}={}", flat(v))).collect();
                format!("{{{}}}", entries.join(" "))
            }
        }
    }

    #[test]
    fn yaml_becomes_texts() {
        let check = |yaml: &str, wanted: &str| {
            let got = match Node::parse(yaml, None) {
                Ok(node) => flat(&node),
                Err(error) => error.to_string(),
            };
            assert_eq!(got, wanted, "{yaml}");
        };
        check("", "{}");
        check("a: 012\nb: yes\nc: '~'\nd: ~\ne:", r#"{a="012" b="yes" c="~" d=~ e=~}"#);
        check("a: [x, {b: c}]\n", r#"{a=["x" {b="c"}]}"#);
        check("a: &x {b: c}\nd: *x\ne:\n  <<: *x\n  f: g", r#"{a={b="c"} d={b="c"} e={b="c" f="g"}}"#);
        check("a: &x {b: c}\ne:\n  <<: *x\n  b: d", r#"{a={b="c"} e={b="d"}}"#);
        check("a: &x {b: c}\ne:\n  <<: *x\n  b: d\n  b: e", "line 5: b is given twice");
        check("a: 1\nb: 2\na: 3", "line 3: a is given twice");
        check("a: 1\n---\nb: 2", "line 2: a second YAML document begins");
        check("[a]: 1", "line 1: a key must be a word");
        check("a: &x [*x]", "line 1: an alias inside its own anchor");
        assert!(Node::parse("a: [", None).unwrap_err().to_string().starts_with("not YAML: "));
        assert!(Node::parse(&"[".repeat(100), None).is_err());
    }

    #[test]
    fn anchors_cannot_blow_up() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for i in 1..12 {
            let aliases = vec![format!("*a{}", i - 1); 9].join(", ");
            bomb.push_str(&format!("a{i}: &a{i} [{aliases}]\n"));
        }
        assert!(Node::parse(&bomb, None).unwrap_err().to_string().ends_with("too many values"));
    }
}
