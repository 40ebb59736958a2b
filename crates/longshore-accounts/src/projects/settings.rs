//! The settings of projects that mean something, and what they may say. All of them are texts, as in Harbor.

use std::collections::BTreeMap;

use longshore_auth::OwnLimit;

use crate::ManageError;

/// Where a project's list of allowed vulnerabilities is kept, as JSON. It shows beside the settings, not among them.
pub const ALLOWLIST_SETTING: &str = "cve_allowlist";

/// What is more than this limits nothing.
const LIMIT_MAX: i64 = 1_000_000_000;

/// The largest allowlist kept, in bytes: it is shown with each project of a listing that inherits it.
const ALLOWLIST_BYTES_MAX: usize = 16 * 1024;

/// What a setting may say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// `true` or `false`.
    Flag,
    /// A degree of severity.
    Severity,
    /// A number from -1.
    Number,
    /// How often others may come, which is not the project's to say: -1, or a number from 1.
    Limit,
    /// Set by other parts alone.
    Internal,
}

/// How many requests a second there may be to the project's repositories.
pub(super) const REQUEST_LIMIT: &str = "request_limit";
/// How many pulls there may be of them in a window.
pub(super) const PULL_LIMIT: &str = "pull_limit";

const KNOWN: [(&str, Kind); 13] = [
    ("public", Kind::Flag),
    ("enable_content_trust", Kind::Flag),
    ("enable_content_trust_cosign", Kind::Flag),
    ("prevent_vul", Kind::Flag),
    ("severity", Kind::Severity),
    ("auto_scan", Kind::Flag),
    ("auto_sbom_generation", Kind::Flag),
    ("reuse_sys_cve_allowlist", Kind::Flag),
    ("proxy_speed_kb", Kind::Number),
    ("max_upstream_conn", Kind::Number),
    (REQUEST_LIMIT, Kind::Limit),
    (PULL_LIMIT, Kind::Limit),
    ("retention_id", Kind::Internal),
];

const SEVERITIES: [&str; 6] = ["none", "unknown", "low", "medium", "high", "critical"];

fn kind(key: &str) -> Option<Kind> {
    KNOWN.iter().find(|(known, _)| *known == key).map(|(_, kind)| *kind)
}

/// Whether callers may set it.
pub(super) fn is_known(key: &str) -> bool {
    kind(key).is_some_and(|kind| kind != Kind::Internal)
}

/// Whether it takes the permission to set quotas.
pub(super) fn is_limit(key: &str) -> bool {
    kind(key) == Some(Kind::Limit)
}

/// What a limit says.
pub(super) fn limit(value: &str) -> Option<OwnLimit> {
    match value.parse::<i64>() {
        Ok(-1) => Some(OwnLimit::Unlimited),
        Ok(count @ 1..=LIMIT_MAX) => u32::try_from(count).ok().map(OwnLimit::AtMost),
        _ => None,
    }
}

/// The settings that are known, in the form in which they are kept. Empty ones say nothing, and those that callers do
/// not set may come back from them unchanged.
pub(super) fn check_all(
    settings: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, ManageError> {
    let mut checked = BTreeMap::new();
    for (key, value) in settings {
        if key == ALLOWLIST_SETTING {
            if value.len() > ALLOWLIST_BYTES_MAX {
                let limit = ALLOWLIST_BYTES_MAX / 1024;
                return Err(ManageError::Invalid(format!(
                    "cve_allowlist must not be larger than {limit} KiB"
                )));
            }
            checked.insert(key.clone(), value.clone());
        } else if is_known(key) && !value.is_empty() {
            checked.insert(key.clone(), check_one(key, value)?);
        }
    }
    Ok(checked)
}

/// A value in the form in which it is kept.
pub(super) fn check_one(key: &str, value: &str) -> Result<String, ManageError> {
    let invalid = |wanted: &str| ManageError::Invalid(format!("metadata.{key} must be {wanted}"));
    match kind(key) {
        None | Some(Kind::Internal) => Err(ManageError::Invalid(format!("metadata has no key {key:?}"))),
        Some(Kind::Flag) => match value.to_ascii_lowercase().as_str() {
            "true" | "1" => Ok("true".to_owned()),
            "false" | "0" => Ok("false".to_owned()),
            _ => Err(invalid("\"true\" or \"false\"")),
        },
        Some(Kind::Severity) => {
            let lower = value.to_ascii_lowercase();
            let known = SEVERITIES.contains(&lower.as_str());
            if known { Ok(lower) } else { Err(invalid("none, low, medium, high or critical")) }
        }
        Some(Kind::Limit) => match limit(value) {
            Some(OwnLimit::Unlimited) => Ok("-1".to_owned()),
            Some(OwnLimit::AtMost(count)) => Ok(count.to_string()),
            None => Err(invalid(&format!("a number from 1 to {LIMIT_MAX}, or -1 for no limit"))),
        },
        Some(Kind::Number) => match value.parse::<i32>() {
            Ok(number) if number >= -1 => Ok(number.to_string()),
            _ => Err(invalid("a number, -1 for no limit")),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_checked_by_key() {
        let check = |key: &str, value: &str, wanted: Option<&str>| {
            assert_eq!(check_one(key, value).ok().as_deref(), wanted, "{key}={value}");
        };
        check("public", "true", Some("true"));
        check("public", "True", Some("true"));
        check("public", "0", Some("false"));
        check("public", "maybe", None);
        check("public", "", None);
        check("severity", "High", Some("high"));
        check("severity", "worse", None);
        check("proxy_speed_kb", "-1", Some("-1"));
        check("proxy_speed_kb", "-2", None);
        check("proxy_speed_kb", "fast", None);
        check("pull_limit", "-1", Some("-1"));
        check("pull_limit", "007", Some("7"));
        check("request_limit", "0", None);
        check("request_limit", "1000000001", None);
        check("retention_id", "7", None);
        check("unheard_of", "7", None);
    }

    #[test]
    fn what_says_nothing_is_left_out() {
        let given = [("public", "false"), ("severity", ""), ("retention_id", "7"), ("unheard_of", "x")];
        let given: BTreeMap<_, _> =
            given.map(|(key, value)| (key.to_owned(), value.to_owned())).into_iter().collect();
        let kept = check_all(&given).unwrap();
        assert_eq!(kept, BTreeMap::from([("public".to_owned(), "false".to_owned())]));
    }
}
