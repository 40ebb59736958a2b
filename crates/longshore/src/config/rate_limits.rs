//! `rate_limits`.

use std::time::Duration;

use longshore_auth::{BySource, RateLimitSettings};

use super::section::Section;

/// More requests a second, or pulls in a window, than this are no limit.
const COUNT_MAX: u64 = 1_000_000_000;

/// How often everybody may come.
pub(super) fn read(root: &Section<'_>) -> RateLimitSettings {
    let (requests, pulls) = (root.section("rate_limits.requests"), root.section("rate_limits.pulls"));
    RateLimitSettings {
        requests: by_source(&requests),
        burst: requests.positive("burst"),
        pulls: by_source(&pulls),
        window: whole_seconds(&pulls, "window"),
    }
}

fn by_source(section: &Section<'_>) -> BySource<Option<u32>> {
    let limit = |name: &str| {
        let count = section.integer(name);
        if section.is_given(name) && !(1..=COUNT_MAX).contains(&count) {
            section.refuse(name, format!("must lie between 1 and {COUNT_MAX}; leave it out for no limit"));
        }
        u32::try_from(count).ok().filter(|count| *count > 0)
    };
    BySource {
        address: limit("anonymous"),
        user: limit("user"),
        robot: limit("robot"),
        project: limit("project"),
    }
}

/// Clients are told of it in seconds.
fn whole_seconds(section: &Section<'_>, name: &str) -> Duration {
    let duration = section.positive(name);
    if duration.subsec_nanos() != 0 {
        section.refuse(name, "must be whole seconds");
    }
    duration
}
