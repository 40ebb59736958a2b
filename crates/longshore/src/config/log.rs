//! `log`.

use super::section::Section;

/// The form of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

/// What is written to standard error.
#[derive(Clone, Debug)]
pub(crate) struct LogConfig {
    pub(crate) level: &'static str,
    pub(crate) format: LogFormat,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) access_log: bool,
}

impl LogConfig {
    pub(super) fn read(root: &Section<'_>) -> Self {
        let log = root.section("log");
        let old = root.word("loglevel").filter(|_| !log.is_given("level"));
        Self {
            level: old.or_else(|| log.word("level")).unwrap_or("info"),
            format: match log.word("formatter") {
                Some("json" | "logstash") => LogFormat::Json,
                _ => LogFormat::Text,
            },
            fields: log.values("fields"),
            access_log: !log.boolean("accesslog.disabled"),
        }
    }
}
