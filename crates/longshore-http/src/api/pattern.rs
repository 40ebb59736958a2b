//! Paths of the management API against patterns such as `/projects/{project_name_or_id}/members/{mid}`.
//!
//! A path is taken apart while it is still encoded: the `/` within a nested project's name comes as `%2F`, and Harbor's
//! clients encode those within a repository's name twice (`%252F`).

use crate::query;

/// Most segments of a path; the longest pattern has fewer.
pub(crate) const SEGMENTS_MAX: usize = 16;
/// Longest value of a parameter, in bytes, once it is decoded: names have at most 255.
pub(crate) const VALUE_BYTES_MAX: usize = 512;

/// Parameters that hold names with `/`. Neither `%` nor what follows it can be part of such a name, so that encoding
/// them once or twice means the same.
const ENCODED_TWICE: [&str; 3] = ["project_name_or_id", "project_name", "repository_name"];

/// The characters of a parameter's value, for the API's description: a regular expression.
pub(crate) fn characters(name: &str) -> &'static str {
    if ENCODED_TWICE.contains(&name) { r"^[^%\x00-\x1f\x7f-\x9f]+$" } else { r"^[^\x00-\x1f\x7f-\x9f]+$" }
}

/// A value in a path that nothing can be named by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ValueError {
    /// Which parameter.
    pub(crate) name: &'static str,
}

/// The segments of a path below the API's root, still encoded. One `/` at the end is allowed. None where nothing can lie.
pub(crate) fn segments(path: &str) -> Option<Vec<&str>> {
    let path = path.strip_prefix('/')?;
    let path = path.strip_suffix('/').unwrap_or(path);
    let segments: Vec<_> = path.split('/').take(SEGMENTS_MAX + 1).collect();
    let whole = segments.len() <= SEGMENTS_MAX && segments.iter().all(|segment| !segment.is_empty());
    whole.then_some(segments)
}

/// The name of a segment that stands for any: `mid` of `{mid}`.
pub(crate) fn parameter(segment: &str) -> Option<&str> {
    segment.strip_prefix('{')?.strip_suffix('}')
}

/// The names of a pattern's parameters, in their order.
pub(crate) fn parameters(pattern: &'static str) -> impl Iterator<Item = &'static str> {
    pattern.split('/').filter_map(parameter)
}

/// Whether a path fits a pattern.
pub(crate) fn fits(pattern: &str, segments: &[&str]) -> bool {
    let mut wanted = pattern.strip_prefix('/').unwrap_or(pattern).split('/');
    let fit = segments
        .iter()
        .all(|segment| wanted.next().is_some_and(|wanted| wanted == *segment || parameter(wanted).is_some()));
    fit && wanted.next().is_none()
}

/// How exactly a pattern names its paths: of two that fit, the one that has a word first where the other has a
/// parameter is meant (`/users/current` before `/users/{user_id}`).
pub(crate) fn exactness(pattern: &str) -> u32 {
    let segments = pattern.split('/').skip(1).take(32);
    segments
        .fold((0, 31_u32), |(sum, place), segment| {
            let word = u32::from(parameter(segment).is_none());
            (sum | word << place, place.saturating_sub(1))
        })
        .0
}

/// The parameters of a path that fits.
pub(crate) fn values(
    pattern: &'static str,
    segments: &[&str],
) -> Result<Vec<(&'static str, String)>, ValueError> {
    let wanted = pattern.strip_prefix('/').unwrap_or(pattern).split('/');
    wanted
        .zip(segments)
        .filter_map(|(wanted, segment)| Some((parameter(wanted)?, *segment)))
        .map(|(name, raw)| Ok((name, value(name, raw).ok_or(ValueError { name })?)))
        .collect()
}

fn value(name: &str, raw: &str) -> Option<String> {
    let bytes_max = VALUE_BYTES_MAX * 5;
    let once = query::decode(raw).filter(|_| raw.len() <= bytes_max)?;
    let value =
        if ENCODED_TWICE.contains(&name) { query::decode(&once)?.into_owned() } else { once.into_owned() };
    let usable = !value.is_empty() && value.len() <= VALUE_BYTES_MAX && !value.chars().any(char::is_control);
    usable.then_some(value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn paths_fit_patterns_by_segments() {
        let check = |pattern: &str, path: &str, fit: bool| {
            let found = segments(path).is_some_and(|segments| fits(pattern, &segments));
            assert_eq!(found, fit, "{path} and {pattern}");
        };
        check("/ping", "/ping", true);
        check("/ping", "/ping/", true);
        check("/ping", "/ping//", false);
        check("/ping", "/pin", false);
        check("/ping", "ping", false);
        check("/ping", "", false);
        check("/ping", "/", false);
        check("/users/{user_id}", "/users/7", true);
        check("/users/{user_id}", "/users/", false);
        check("/users/{user_id}", "/users", false);
        check("/users/{user_id}", "/users/7/x", false);
        check("/users/{user_id}", "/users/a%2Fb", true);
        check("/a/{b}/c", "/a/x/c/", true);
        check("/a/{b}/c", "/a//c", false);
        check("/a", &"/a".repeat(SEGMENTS_MAX + 1), false);
    }

    #[test]
    fn the_pattern_with_the_earlier_word_is_more_exact() {
        let rising = ["/{a}/{b}", "/{a}/b", "/a/{b}", "/a/{b}/{c}/d", "/a/b"];
        for pair in rising.windows(2) {
            assert!(exactness(pair[0]) < exactness(pair[1]), "{pair:?}");
        }
    }

    #[test]
    fn values_are_decoded() {
        let check = |name: &'static str, raw: &str, wanted: Option<&str>| {
            assert_eq!(value(name, raw).as_deref(), wanted, "{raw}");
        };
        check("username", "a%20b", Some("a b"));
        check("username", "a%252Fb", Some("a%2Fb"));
        check("project_name_or_id", "team%2Fsub", Some("team/sub"));
        check("repository_name", "a%252Fb", Some("a/b"));
        check("repository_name", "a%2Fb", Some("a/b"));
        check("repository_name", "a%25", None);
        for bad in ["%", "%4", "%zz", "%ff", "%00", "%0a", "%250a"] {
            check("repository_name", bad, None);
        }
        check("username", &"a".repeat(VALUE_BYTES_MAX), Some("a".repeat(VALUE_BYTES_MAX)).as_deref());
        check("username", &"a".repeat(VALUE_BYTES_MAX + 1), None);
        let pattern = "/projects/{project_name}/repositories/{repository_name}";
        let found = values(pattern, &segments("/projects/x%2Fy/repositories/z/").unwrap());
        let wanted = [("project_name", "x/y"), ("repository_name", "z")];
        assert_eq!(found.unwrap(), wanted.map(|(name, value)| (name, value.to_owned())));
        let found = values(pattern, &segments("/projects/x/repositories/%").unwrap());
        assert_eq!(found, Err(ValueError { name: "repository_name" }));
    }

    proptest! {
        #[test]
        fn no_path_makes_it_panic(path in "[/a-z%0-9{}é]{0,80}") {
            const PATTERN: &str = "/projects/{project_name}/repositories/{repository_name}/artifacts";
            if let Some(segments) = segments(&path) {
                prop_assert!(segments.len() <= SEGMENTS_MAX);
                if fits(PATTERN, &segments) {
                    let _ = values(PATTERN, &segments);
                }
            }
        }

        #[test]
        fn what_was_encoded_comes_out(name in "[a-z0-9/._ü-]{1,60}") {
            let encoded = query::encode(&name).replace('/', "%2F");
            prop_assert_eq!(value("username", &encoded), Some(name.clone()));
            let twice = encoded.replace('%', "%25");
            prop_assert_eq!(value("repository_name", &twice), Some(name));
        }
    }
}
