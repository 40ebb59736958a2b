//! Patterns with `*`.

use std::{fmt, str::FromStr};

/// Longest pattern, in bytes.
const PATTERN_BYTES_MAX: usize = 1024;

/// A text in which `*` stands for any characters, or none; every other character stands for itself, and the whole value
/// must match.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WildcardPattern(String);

impl WildcardPattern {
    /// Whether a value matches. Takes time in proportion to the product of both lengths at worst.
    pub fn matches(&self, value: &str) -> bool {
        let (pattern, value) = (self.0.as_bytes(), value.as_bytes());
        let (mut at, mut from) = (0, 0);
        // The last `*`, and how much of the value it has taken so far.
        let mut star: Option<(usize, usize)> = None;
        while from < value.len() {
            match pattern.get(at) {
                Some(b'*') => {
                    star = Some((at, from));
                    at += 1;
                }
                Some(byte) if *byte == value[from] => {
                    at += 1;
                    from += 1;
                }
                // It takes one byte more and what follows it is tried again. An earlier `*` need not: whatever it
                // could take in addition, this one can.
                _ => match star {
                    Some((place, taken)) => {
                        star = Some((place, taken + 1));
                        at = place + 1;
                        from = taken + 1;
                    }
                    None => return false,
                },
            }
        }
        pattern[at..].iter().all(|byte| *byte == b'*')
    }

    /// Whether every value matches.
    pub fn matches_everything(&self) -> bool {
        !self.0.is_empty() && self.0.bytes().all(|byte| byte == b'*')
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for WildcardPattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        match text.len() {
            0 => Err(PatternError::Empty),
            1..=PATTERN_BYTES_MAX => Ok(Self(text.to_owned())),
            _ => Err(PatternError::TooLong),
        }
    }
}

impl fmt::Display for WildcardPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is no pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// It matches nothing that is worth matching.
    #[error("an empty pattern")]
    Empty,
    /// Longer than 1,024 bytes.
    #[error("a pattern of more than {PATTERN_BYTES_MAX} bytes")]
    TooLong,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(pattern: &str, value: &str, expected: bool) {
        let pattern: WildcardPattern = pattern.parse().unwrap();
        assert_eq!(pattern.matches(value), expected, "{pattern} against {value:?}");
    }

    #[test]
    fn values() {
        check("octo-org/octo-repo", "octo-org/octo-repo", true);
        check("octo-org/octo-repo", "octo-org/octo-repo-evil", false);
        check("octo-org/octo-repo", "x/octo-org/octo-repo", false);
        check("octo-org/*", "octo-org/a/b", true);
        check("octo-org/*", "octo-org/", true);
        check("octo-org/*", "octo-organisation/a", false);
        check("repo:*:ref:refs/heads/*", "repo:a/b:ref:refs/heads/main", true);
        check("repo:*:ref:refs/heads/*", "repo:a/b:ref:refs/tags/main", false);
        check("*-release", "a-release-release", true);
        check("a*b*c", "a-b-b-d", false);
        check("Octo", "octo", false);
        check("*", "", true);
        check("?", "a", false);
        check("é*", "éa", true);
    }

    #[test]
    fn what_is_no_pattern() {
        assert_eq!("".parse::<WildcardPattern>(), Err(PatternError::Empty));
        assert_eq!("a".repeat(1025).parse::<WildcardPattern>(), Err(PatternError::TooLong));
        assert!("**".parse::<WildcardPattern>().unwrap().matches_everything());
        assert!(!"*a".parse::<WildcardPattern>().unwrap().matches_everything());
    }

    /// As the definition says it: the first character stands for itself, or takes any number.
    fn model(pattern: &[char], value: &[char]) -> bool {
        match pattern.split_first() {
            None => value.is_empty(),
            Some(('*', rest)) => (0..=value.len()).any(|taken| model(rest, &value[taken..])),
            Some((first, rest)) => {
                value.split_first().is_some_and(|(v, more)| v == first && model(rest, more))
            }
        }
    }

    proptest! {
        #[test]
        fn as_the_definition(pattern in "[ab*é]{1,8}", value in "[abé]{0,10}") {
            let parsed: WildcardPattern = pattern.parse().unwrap();
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            prop_assert_eq!(parsed.matches(&value), model(&chars(&pattern), &chars(&value)));
        }
    }
}
