//! The keys of Harbor's configuration: those that may be changed while the registry runs, and what all others are.

use serde_json::{Map, Value};

use super::FileConfiguration;

/// Longest banner, in bytes.
const BANNER_BYTES_MAX: usize = 4096;
/// Longest prefix of robots, in bytes.
const PREFIX_BYTES_MAX: usize = 32;
/// Most minutes that a token may hold: what is withdrawn from somebody still holds for so long.
pub(crate) const TOKEN_MINUTES_MAX: i64 = 60;
/// Most minutes that a session may rest: a year.
const SESSION_MINUTES_MAX: i64 = 365 * 24 * 60;

/// A setting that may be changed while the registry runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    ProjectCreation,
    ReadOnly,
    RobotDays,
    RobotPrefix,
    TokenMinutes,
    SessionMinutes,
    PullsUnrecorded,
    Banner,
    StoragePerProject,
}

/// Another form of [`Key::PullsUnrecorded`]: events that are left out of the record.
pub(super) const DISABLED_EVENTS: &str = "disabled_audit_log_event_types";
/// The only event that can be left out.
const PULLS: &str = "pull_artifact";

/// A value that nobody changes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fixed {
    Flag(bool),
    Number(i64),
    Text(&'static str),
}

use Fixed::{Flag, Number, Text};

/// What else Harbor has, as it is here where the file says nothing else.
pub(super) const FIXED: &[(&str, Fixed)] = &[
    ("audit_log_forward_endpoint", Text("")),
    ("auth_mode", Text("db_auth")),
    ("http_authproxy_admin_groups", Text("")),
    ("http_authproxy_admin_usernames", Text("")),
    ("http_authproxy_endpoint", Text("")),
    ("http_authproxy_server_certificate", Text("")),
    ("http_authproxy_skip_search", Flag(false)),
    ("http_authproxy_tokenreview_endpoint", Text("")),
    ("http_authproxy_verify_cert", Flag(true)),
    ("ldap_base_dn", Text("")),
    ("ldap_filter", Text("")),
    ("ldap_group_admin_dn", Text("")),
    ("ldap_group_attach_parallel", Flag(false)),
    ("ldap_group_attribute_name", Text("")),
    ("ldap_group_base_dn", Text("")),
    ("ldap_group_membership_attribute", Text("")),
    ("ldap_group_search_filter", Text("")),
    ("ldap_group_search_scope", Number(2)),
    ("ldap_scope", Number(2)),
    ("ldap_search_dn", Text("")),
    ("ldap_timeout", Number(5)),
    ("ldap_uid", Text("")),
    ("ldap_url", Text("")),
    ("ldap_verify_cert", Flag(true)),
    ("notification_enable", Flag(true)),
    ("oidc_admin_group", Text("")),
    ("oidc_auto_onboard", Flag(false)),
    ("oidc_client_id", Text("")),
    ("oidc_endpoint", Text("")),
    ("oidc_extra_redirect_parms", Text("{}")),
    ("oidc_group_filter", Text("")),
    ("oidc_groups_claim", Text("")),
    ("oidc_logout", Flag(false)),
    ("oidc_name", Text("")),
    ("oidc_scope", Text("")),
    ("oidc_user_claim", Text("")),
    ("oidc_verify_cert", Flag(true)),
    ("primary_auth_mode", Flag(false)),
    ("pull_count_update_disable", Flag(false)),
    ("pull_time_update_disable", Flag(false)),
    ("quota_per_project_enable", Flag(true)),
    ("scanner_skip_update_pulltime", Flag(false)),
    ("self_registration", Flag(false)),
    ("skip_audit_log_database", Flag(false)),
    ("uaa_client_id", Text("")),
    ("uaa_client_secret", Text("")),
    ("uaa_endpoint", Text("")),
    ("uaa_verify_cert", Flag(false)),
];

/// When everything is scanned; the only setting that is no text, number or flag.
pub(super) const SCANS: &str = "scan_all_policy";

/// What is never shown.
pub(super) const SECRETS: &[&str] = &["ldap_search_password", "oidc_client_secret"];

impl Fixed {
    pub(super) fn to_json(self) -> Value {
        match self {
            Flag(flag) => flag.into(),
            Number(number) => number.into(),
            Text(text) => text.into(),
        }
    }
}

impl Key {
    /// All of them.
    pub(super) const ALL: [Self; 9] = [
        Self::ProjectCreation,
        Self::ReadOnly,
        Self::RobotDays,
        Self::RobotPrefix,
        Self::TokenMinutes,
        Self::SessionMinutes,
        Self::PullsUnrecorded,
        Self::Banner,
        Self::StoragePerProject,
    ];

    /// Harbor's name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::ProjectCreation => "project_creation_restriction",
            Self::ReadOnly => "read_only",
            Self::RobotDays => "robot_token_duration",
            Self::RobotPrefix => "robot_name_prefix",
            Self::TokenMinutes => "token_expiration",
            Self::SessionMinutes => "session_timeout",
            Self::PullsUnrecorded => "pull_audit_log_disable",
            Self::Banner => "banner_message",
            Self::StoragePerProject => "storage_per_project",
        }
    }

    /// Refuses a value that makes no sense; the message names the key.
    pub(super) fn check(self, value: &Value) -> Result<(), String> {
        let expected = match self {
            Self::ProjectCreation => {
                let good = matches!(value.as_str(), Some("everyone" | "adminonly"));
                (!good).then(|| "expected everyone or adminonly".to_owned())
            }
            Self::ReadOnly | Self::PullsUnrecorded => {
                (!value.is_boolean()).then(|| "expected true or false".to_owned())
            }
            Self::RobotDays => outside(value, crate::robots::DAYS_MAX, "days"),
            Self::TokenMinutes => outside(value, TOKEN_MINUTES_MAX, "minutes"),
            Self::SessionMinutes => outside(value, SESSION_MINUTES_MAX, "minutes"),
            Self::RobotPrefix => value.as_str().map_or(Some("expected a text".to_owned()), prefix_problem),
            Self::Banner => value.as_str().map_or(Some("expected a text".to_owned()), banner_problem),
            Self::StoragePerProject => match value.as_i64() {
                Some(-1 | 1..) => None,
                _ => Some("expected -1, for no limit, or a number of bytes from 1".to_owned()),
            },
        };
        expected.map_or(Ok(()), |expected| Err(format!("{}: {expected}", self.name())))
    }
}

/// The setting that somebody wants to change by that key, and to what; `None` if it is none that can be changed.
pub(super) fn meant(name: &str, value: &Value) -> Result<Option<(Key, Value)>, String> {
    if name == DISABLED_EVENTS {
        return match value.as_str() {
            Some("") => Ok(Some((Key::PullsUnrecorded, false.into()))),
            Some(PULLS) => Ok(Some((Key::PullsUnrecorded, true.into()))),
            _ => Err(format!("{name}: only {PULLS} can be left out of the record")),
        };
    }
    let Some(key) = Key::ALL.into_iter().find(|key| key.name() == name) else { return Ok(None) };
    key.check(value)?;
    Ok(Some((key, value.clone())))
}

/// What [`DISABLED_EVENTS`] is.
pub(super) fn disabled_events(records_pulls: bool) -> &'static str {
    if records_pulls { "" } else { PULLS }
}

/// Whether a key of a source says nothing: false, 0 or an empty text, of a source that there is not, or by somebody who is
/// about another kind of source. Terraform sends such for all.
pub(super) fn says_nothing(
    name: &str,
    value: &Value,
    wanted: &Map<String, Value>,
    file: &FileConfiguration,
) -> bool {
    let nothing = match value {
        Value::Bool(flag) => !flag,
        Value::Number(number) => number.as_i64() == Some(0),
        Value::String(text) => text.is_empty(),
        _ => false,
    };
    if name == SCANS {
        // There is nothing that scans.
        return value.get("type").is_none_or(|kind| matches!(kind.as_str(), Some("none" | "")));
    }
    let is_known = || SECRETS.contains(&name) || FIXED.iter().any(|(key, _)| *key == name);
    let other = |kind: &str| wanted.get("auth_mode").and_then(Value::as_str).is_some_and(|mode| mode != kind);
    nothing
        && is_known()
        && match name.split('_').next() {
            Some("ldap") => !file.values.contains_key("ldap_url") || other("ldap_auth"),
            Some("oidc") => !file.values.contains_key("oidc_endpoint") || other("oidc_auth"),
            Some("uaa" | "http") => true,
            _ => false,
        }
}

fn outside(value: &Value, most: i64, unit: &str) -> Option<String> {
    let good = value.as_i64().is_some_and(|number| (1..=most).contains(&number));
    (!good).then(|| format!("expected 1 to {most} {unit}"))
}

/// What robots' names begin with must be possible in a header, and end before the project's name.
fn prefix_problem(prefix: &str) -> Option<String> {
    let good = |byte: u8| byte.is_ascii_graphic() && !b":/+,\"\\".contains(&byte);
    let fits = (1..=PREFIX_BYTES_MAX).contains(&prefix.len()) && prefix.bytes().all(good);
    (!fits)
        .then(|| format!("expected 1 to {PREFIX_BYTES_MAX} visible ASCII characters, none of : / + , \" \\"))
}

/// The form that Harbor's pages and Terraform write and read.
fn banner_problem(banner: &str) -> Option<String> {
    if banner.is_empty() {
        return None;
    }
    let expected = "expected nothing, or a JSON object in a text: message, and perhaps type (success, info, warning, \
                    danger), closable (true or false), fromDate and toDate";
    if banner.len() > BANNER_BYTES_MAX {
        return Some(format!("expected at most {BANNER_BYTES_MAX} bytes"));
    }
    let Ok(Value::Object(parts)) = serde_json::from_str(banner) else { return Some(expected.to_owned()) };
    let good = |(key, value): (&String, &Value)| match key.as_str() {
        "message" | "fromDate" | "toDate" => value.is_string(),
        "type" => matches!(value.as_str(), Some("success" | "info" | "warning" | "danger")),
        "closable" => value.is_boolean(),
        _ => false,
    };
    let has_message = parts.get("message").and_then(Value::as_str).is_some_and(|text| !text.is_empty());
    (!has_message || !parts.iter().all(good)).then(|| expected.to_owned())
}
