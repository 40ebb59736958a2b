//! A configuration written out again, with `***` for what is secret.

use std::fmt::Write as _;

use super::{
    check::join,
    keys::{self, Kind, Support},
    tree::{Node, Value},
};

/// YAML of the whole tree. Texts are quoted as in JSON, which YAML reads too.
pub(crate) fn yaml(root: &Node) -> String {
    let mut out = String::new();
    write_node(&mut out, root, "", 0, false);
    out
}

fn write_node(out: &mut String, node: &Node, row: &str, depth: usize, secret: bool) {
    match &node.value {
        Value::Null => out.push_str(" ~\n"),
        Value::Text(_) if secret => out.push_str(" \"***\"\n"),
        Value::Text(text) => {
            let _ = writeln!(out, " {}", quoted(text));
        }
        Value::List(items) if items.is_empty() => out.push_str(" []\n"),
        Value::Map(entries) if entries.is_empty() => out.push_str(if depth == 0 { "{}\n" } else { " {}\n" }),
        Value::List(items) => {
            out.push('\n');
            for item in items {
                let _ = write!(out, "{}-", "  ".repeat(depth));
                write_node(out, item, &format!("{row}[]"), depth + 1, secret);
            }
        }
        Value::Map(entries) => {
            if depth > 0 {
                out.push('\n');
            }
            for (name, child) in entries {
                let row = join(row, name);
                let _ = write!(out, "{}{}:", "  ".repeat(depth), quoted_key(name));
                write_node(out, child, &row, depth + 1, secret || is_secret(&row));
            }
        }
    }
}

/// Keys whose values are secret, and sections that may hold secrets which the table does not know.
fn is_secret(row: &str) -> bool {
    let Some(key) = keys::find(row) else { return false };
    let unknown_inside = key.kind == Kind::Anything && !matches!(key.support, Support::Unneeded(_));
    let headers =
        ["notifications.endpoints[].headers", "tracing.otlp.headers", "accounts.audit.forward[].headers"];
    key.kind == Kind::Secret || unknown_inside || headers.contains(&row)
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn quoted_key(name: &str) -> String {
    let plain = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    if plain { name.to_owned() } else { quoted(name) }
}
