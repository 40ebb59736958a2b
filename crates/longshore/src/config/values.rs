//! The notations of single values.

use std::{fmt, time::Duration};

/// A text that no message and no log shows.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Secret(String);

impl Secret {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for whom it is meant.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// `true`, `false`, and the other words that YAML 1.1 has for them.
pub(crate) fn boolean(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "y" => Ok(true),
        "false" | "no" | "off" | "n" => Ok(false),
        _ => Err(format!("{text:?} is neither true nor false")),
    }
}

/// A whole number; underscores may part its digits.
pub(crate) fn integer(text: &str) -> Result<u64, String> {
    let digits = text.replace('_', "");
    digits.parse().map_err(|_| format!("{text:?} is not a whole number, 0 or more"))
}

/// Bytes: `1024`, `4MiB`, `10GB`, `1.5 GiB`.
pub(crate) fn size(text: &str) -> Result<u64, String> {
    const UNITS: [(&str, u64); 14] = [
        ("kib", 1 << 10),
        ("mib", 1 << 20),
        ("gib", 1 << 30),
        ("tib", 1 << 40),
        ("kb", 1_000),
        ("mb", 1_000_000),
        ("gb", 1_000_000_000),
        ("tb", 1_000_000_000_000),
        ("k", 1 << 10),
        ("m", 1 << 20),
        ("g", 1 << 30),
        ("t", 1 << 40),
        ("b", 1),
        ("", 1),
    ];
    let lower = text.trim().to_ascii_lowercase();
    let fail = || format!("{text:?} is not a size; write for example 4MiB, 10GB or a number of bytes");
    let (number, factor) = UNITS
        .iter()
        .find_map(|(unit, factor)| Some((lower.strip_suffix(unit)?, *factor)))
        .ok_or_else(fail)?;
    scaled(number.trim(), factor.into()).and_then(|bytes| u64::try_from(bytes).ok()).ok_or_else(fail)
}

/// A time span in Go's notation; a number without unit counts nanoseconds, as distribution reads it.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    const UNITS: [(&str, u128); 8] = [
        ("ns", 1),
        ("us", 1_000),
        ("µs", 1_000),
        ("μs", 1_000),
        ("ms", 1_000_000),
        ("s", 1_000_000_000),
        ("m", 60_000_000_000),
        ("h", 3_600_000_000_000),
    ];
    let fail = || format!("{text:?} is not a time span; write for example 30s, 1m30s or 24h");
    if let Ok(nanoseconds) = text.parse() {
        return Ok(Duration::from_nanos(nanoseconds));
    }
    let mut rest = text;
    let mut total: u128 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(fail)?;
        let (number, tail) = rest.split_at(digits);
        let letters = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(letters);
        let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(fail)?;
        let part = scaled(number, *factor).ok_or_else(fail)?;
        total = total.checked_add(part).ok_or_else(fail)?;
        rest = tail;
    }
    match u64::try_from(total) {
        // As in Go: the longest span is some 292 years.
        Ok(nanoseconds) if !text.is_empty() && i64::try_from(nanoseconds).is_ok() => {
            Ok(Duration::from_nanos(nanoseconds))
        }
        _ => Err(fail()),
    }
}

/// A decimal number times `factor`, rounded down.
fn scaled(number: &str, factor: u128) -> Option<u128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() || fraction.len() > 18 {
        return None;
    }
    let digits = |text: &str| match text {
        "" => Some(0u128),
        _ if text.bytes().all(|b| b.is_ascii_digit()) => text.parse().ok(),
        _ => None,
    };
    let fraction_part =
        digits(fraction)?.checked_mul(factor)? / 10u128.pow(u32::try_from(fraction.len()).ok()?);
    digits(whole)?.checked_mul(factor)?.checked_add(fraction_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_spans() {
        let check = |text: &str, millis: u64| {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        };
        check("24h", 86_400_000);
        check("1m30s", 90_000);
        check("1.5h", 5_400_000);
        check(".5s", 500);
        check("250ms", 250);
        check("0", 0);
        check("0s", 0);
        check("5000000", 5);
        for bad in ["", "h", "5x", "1d", "-5s", "5s5", "1..5s", ".s", "999999999h", "1e3s", "5 s"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn sizes() {
        let check = |text: &str, bytes: u64| assert_eq!(size(text), Ok(bytes), "{text}");
        check("0", 0);
        check("1024", 1024);
        check("4MiB", 4 << 20);
        check("4 MB", 4_000_000);
        check("1.5g", 3 << 29);
        check("10b", 10);
        for bad in ["", "MiB", "-1", "4 XiB", "99999999999999TiB", "1.2.3k"] {
            assert!(size(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn secrets_do_not_show() {
        assert_eq!(format!("{:?}", Some(Secret::new("hush"))), "Some(***)");
    }
}
