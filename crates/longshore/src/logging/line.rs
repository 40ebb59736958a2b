//! One event as one line: text for people, JSON for machines.

use std::fmt::{self, Write as _};

use serde_json::{Map, Value};
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    registry::LookupSpan,
};

use crate::config::LogFormat;

/// Writes events, each with the fields that the configuration adds.
pub(super) struct LineFormat {
    format: LogFormat,
    fields: Vec<(String, String)>,
}

impl LineFormat {
    pub(super) fn new(format: LogFormat, fields: Vec<(String, String)>) -> Self {
        Self { format, fields }
    }

    fn line(&self, time: &str, level: &str, target: &str, content: Content) -> String {
        match self.format {
            LogFormat::Text => self.text(time, level, &content),
            LogFormat::Json => self.json(time, level, target, content),
        }
    }

    /// `time level message key=value …`.
    fn text(&self, time: &str, level: &str, content: &Content) -> String {
        let mut line = format!("{time} {level:5} {}", Shown(&content.message, false));
        for (name, value) in &content.fields {
            let _ = match value {
                Value::String(text) => write!(line, " {name}={}", Shown(text, true)),
                value => write!(line, " {name}={value}"),
            };
        }
        for (name, value) in &self.fields {
            let _ = write!(line, " {name}={}", Shown(value, true));
        }
        line
    }

    /// One flat object. What an event says of itself wins over what the configuration adds.
    fn json(&self, time: &str, level: &str, target: &str, content: Content) -> String {
        let mut object = Map::new();
        object.insert("time".to_owned(), time.into());
        object.insert("level".to_owned(), level.to_lowercase().into());
        object.insert("message".to_owned(), content.message.into());
        object.insert("target".to_owned(), target.into());
        for (name, value) in content.fields {
            object.entry(name).or_insert(value);
        }
        for (name, value) in &self.fields {
            object.entry(name.clone()).or_insert_with(|| value.clone().into());
        }
        Value::Object(object).to_string()
    }
}

impl<S, N> FormatEvent<S, N> for LineFormat
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _cx: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut content = Content::default();
        event.record(&mut content);
        let metadata = event.metadata();
        let time = format!("{:.3}", jiff::Timestamp::now());
        writeln!(writer, "{}", self.line(&time, metadata.level().as_str(), metadata.target(), content))
    }
}

/// What an event says.
#[derive(Default)]
struct Content {
    message: String,
    fields: Vec<(String, Value)>,
}

impl Content {
    fn add(&mut self, field: &Field, value: impl Into<Value>) {
        self.fields.push((field.name().to_owned(), value.into()));
    }
}

impl Visit for Content {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            let _ = write!(self.message, "{value:?}");
        } else {
            self.add(field, format!("{value:?}"));
        }
    }
}

/// A text that stays on its line, whoever wrote it; quoted where it would be taken for something else.
struct Shown<'a>(&'a str, bool);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(text, value) = self;
        let odd = |c: char| c.is_control() || *value && (c.is_whitespace() || matches!(c, '"' | '='));
        if text.contains(odd) || *value && text.is_empty() {
            write!(f, "{text:?}")
        } else {
            f.write_str(text)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(format: LogFormat, content: Content) -> String {
        let format = LineFormat::new(format, vec![("service".to_owned(), "my registry".to_owned())]);
        format.line("T", "INFO", "longshore", content)
    }

    fn content(message: &str) -> Content {
        let fields =
            [("a", Value::from(1)), ("b", "x y\n".into()), ("c", "z".into()), ("level", "odd".into())];
        let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Content { message: message.to_owned(), fields }
    }

    #[test]
    fn text() {
        assert_eq!(
            line(LogFormat::Text, content("it is done")),
            r#"T INFO  it is done a=1 b="x y\n" c=z level=odd service="my registry""#
        );
        assert!(
            line(LogFormat::Text, content("first\nsecond")).starts_with(r#"T INFO  "first\nsecond" a=1"#)
        );
    }

    #[test]
    fn json() {
        let line: Value = serde_json::from_str(&line(LogFormat::Json, content("it is done"))).unwrap();
        let wanted = serde_json::json!({
            "time": "T", "level": "info", "target": "longshore", "message": "it is done",
            "a": 1, "b": "x y\n", "c": "z", "service": "my registry",
        });
        assert_eq!(line, wanted);
    }
}
