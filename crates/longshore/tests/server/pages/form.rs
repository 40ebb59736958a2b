//! Forms, filled in as somebody would.

use super::html::Element;

/// A form of a page.
#[derive(Clone, Debug)]
pub(crate) struct Form {
    pub(crate) action: String,
    pub(crate) is_post: bool,
    controls: Vec<Control>,
}

#[derive(Clone, Debug)]
struct Control {
    name: String,
    kind: Kind,
    value: String,
    /// Ticked, chosen, or simply there.
    is_on: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Hidden,
    Box,
    Option,
    Button,
}

impl Form {
    pub(crate) fn of(element: &Element) -> Self {
        let controls = element.all().into_iter().flat_map(controls).collect();
        Self {
            action: element.attribute("action").unwrap_or_default().to_owned(),
            is_post: element.attribute("method") == Some("post"),
            controls,
        }
    }

    /// Whether it asks for that.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.controls.iter().any(|control| control.name == name)
    }

    /// What a field holds as the page came; the box's or the choice's value where one is on.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.controls
            .iter()
            .find(|control| control.name == name && control.is_on)
            .map(|control| control.value.as_str())
    }

    /// What is sent when these fields are filled in, boxes of these values ticked (none for an empty value), the button of
    /// this value pressed.
    ///
    /// # Panics
    /// When the form does not have that.
    pub(crate) fn filled(&self, fields: &[(&str, &str)]) -> String {
        let is_given = |name: &str| fields.iter().any(|(given, _)| *given == name);
        let kept = self.controls.iter().filter(|control| {
            control.is_on
                && control.kind != Kind::Button
                && (control.kind == Kind::Hidden || !is_given(&control.name))
        });
        let mut pairs: Vec<_> = kept.map(|control| (control.name.as_str(), control.value.as_str())).collect();
        for (name, value) in fields {
            let mut known = self.controls.iter().filter(|control| control.name == *name).peekable();
            assert!(known.peek().is_some(), "{} has no field {name}: {self:?}", self.action);
            let takes = |control: &Control| match control.kind {
                Kind::Text => true,
                Kind::Hidden => false,
                Kind::Box => value.is_empty() || control.value == *value,
                Kind::Option | Kind::Button => control.value == *value,
            };
            let taken = known.find(|control| takes(control));
            let taken =
                taken.unwrap_or_else(|| panic!("{}: {name} does not offer {value}: {self:?}", self.action));
            if taken.kind != Kind::Box || !value.is_empty() {
                pairs.push((name, value));
            }
        }
        encode(&pairs)
    }
}

fn controls(element: &Element) -> Vec<Control> {
    let Some(name) = element.attribute("name").filter(|_| element.attribute("disabled").is_none()) else {
        return Vec::new();
    };
    let value = |element: &Element| element.attribute("value").unwrap_or_default().to_owned();
    let one = |kind, value, is_on| vec![Control { name: name.to_owned(), kind, value, is_on }];
    match (element.name.as_str(), element.attribute("type")) {
        ("input", Some("hidden")) => one(Kind::Hidden, value(element), true),
        ("input", Some("checkbox" | "radio")) => {
            one(Kind::Box, value(element), element.attribute("checked").is_some())
        }
        ("input", _) => one(Kind::Text, value(element), true),
        ("textarea", _) => one(Kind::Text, element.raw_text().trim_end_matches(' ').to_owned(), true),
        ("button", _) => one(Kind::Button, value(element), false),
        ("select", _) => {
            let options = element.named("option");
            let chosen =
                options.iter().position(|option| option.attribute("selected").is_some()).unwrap_or(0);
            let options = options.iter().enumerate().map(|(nth, option)| Control {
                name: name.to_owned(),
                kind: Kind::Option,
                value: value(option),
                is_on: nth == chosen,
            });
            options.collect()
        }
        _ => Vec::new(),
    }
}

/// `application/x-www-form-urlencoded`.
pub(crate) fn encode(pairs: &[(&str, &str)]) -> String {
    let escape = |text: &str| {
        let bytes = text.bytes().map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        });
        bytes.collect::<String>()
    };
    pairs
        .iter()
        .map(|(name, value)| format!("{}={}", escape(name), escape(value)))
        .collect::<Vec<_>>()
        .join("&")
}
