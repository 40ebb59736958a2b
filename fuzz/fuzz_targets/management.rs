//! The management API: `path q`, as a client writes them. What fits a pattern has its parameters, and filters are those
//! that the listing knows.
#![no_main]

use libfuzzer_sys::fuzz_target;

// The parsers are private to their crate and stay so; they are compiled into this target as they are.
#[allow(dead_code, reason = "only the parser is called here")]
#[path = "../../crates/longshore-http/src/api/filter.rs"]
mod filter;
#[allow(dead_code, reason = "only the parser is called here")]
#[path = "../../crates/longshore-http/src/api/listing.rs"]
mod listing;
#[allow(dead_code, reason = "only the parser is called here")]
#[path = "../../crates/longshore-http/src/api/pattern.rs"]
mod pattern;
#[allow(dead_code, reason = "only the parser is called here")]
#[path = "../../crates/longshore-http/src/query.rs"]
mod query;

const PATTERNS: [&str; 4] = [
    "/projects/{project_name_or_id}",
    "/projects/{project_name}/repositories/{repository_name}/artifacts/{reference}/tags/{tag_name}",
    "/users/{user_id}",
    "/users/current",
];
const KEYS: &[&str] = &["name", "project_id", "creation_time"];

fuzz_target!(|text: &str| {
    let (path, rest) = text.split_once(' ').unwrap_or((text, ""));
    if let Some(segments) = pattern::segments(path) {
        assert!((1..=pattern::SEGMENTS_MAX).contains(&segments.len()));
        for wanted in PATTERNS.into_iter().filter(|wanted| pattern::fits(wanted, &segments)) {
            let Ok(values) = pattern::values(wanted, &segments) else { continue };
            assert_eq!(values.len(), pattern::parameters(wanted).count());
            for (name, value) in values {
                assert!((1..=pattern::VALUE_BYTES_MAX).contains(&value.len()), "{name}");
                assert!(!value.chars().any(char::is_control), "{name}");
            }
        }
    }
    let (filters, sorts) = rest.split_once(' ').unwrap_or((rest, ""));
    if let Ok(filters) = filter::parse(filters, KEYS) {
        assert!(filters.len() <= KEYS.len());
        assert!(filters.iter().all(|filter| KEYS.contains(&filter.key)));
    }
    assert!(listing::sort(sorts, KEYS).len() <= KEYS.len());
    if let Ok(page) = listing::Page::parse(Some(filters), Some(sorts)) {
        assert!((1..=listing::PAGE_SIZE_MAX).contains(&page.size) && page.offset() <= i64::MAX.unsigned_abs());
        if let Some(links) = page.links("/api/v2.0/users", Some(rest), u64::MAX) {
            assert!(links.to_str().is_ok());
        }
    }
});
