//! What is tried again, and when.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, StatusCode, header::RETRY_AFTER};

/// How often a request is sent at most.
pub(crate) const ATTEMPTS: u32 = 5;

/// The wait before the second attempt; it doubles from there.
const FIRST_WAIT: Duration = Duration::from_millis(300);

/// A registry that wants more than this is not waited for.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// Whether an answer may be another the next time.
pub(crate) fn may_pass(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::REQUEST_TIMEOUT
            | StatusCode::TOO_MANY_REQUESTS
            | StatusCode::INTERNAL_SERVER_ERROR
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
    )
}

/// How long to wait before attempt `next` (the second is 1), or `None` if it is not worth it. `jitter` is between 0 and 1
/// and spreads clients that were turned away together.
pub(crate) fn wait(next: u32, headers: Option<&HeaderMap>, now: SystemTime, jitter: f64) -> Option<Duration> {
    if next >= ATTEMPTS {
        return None;
    }
    let own = FIRST_WAIT * 2_u32.pow(next - 1);
    let own = own.mul_f64(0.5 + jitter.clamp(0.0, 1.0));
    let asked = headers.and_then(|headers| retry_after(headers, now)).unwrap_or_default();
    let wait = own.max(asked);
    (wait <= WAIT_MAX).then_some(wait)
}

/// RFC 9110, section 10.2.3: seconds or a date.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    match text.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => httpdate::parse_http_date(text).ok()?.duration_since(now).ok(),
    }
}

/// Something between 0 and 1. It spreads clients; nothing depends on it.
pub(crate) fn jitter() -> f64 {
    use std::hash::{BuildHasher as _, RandomState};
    #[expect(clippy::cast_precision_loss, reason = "a fraction is wanted")]
    let fraction = RandomState::new().hash_one(std::time::Instant::now()) as f64 / u64::MAX as f64;
    fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_end() {
        let now = SystemTime::UNIX_EPOCH;
        let wait = |next| wait(next, None, now, 0.5).map(|wait| wait.as_millis());
        assert_eq!([wait(1), wait(2), wait(4), wait(5)], [Some(300), Some(600), Some(2400), None]);
    }

    #[test]
    fn the_registry_says_how_long() {
        let now = SystemTime::UNIX_EPOCH;
        let check = |text: &str, expected: Option<u64>| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, text.parse().unwrap());
            assert_eq!(wait(1, Some(&headers), now, 0.0).map(|wait| wait.as_secs()), expected, "{text}");
        };
        check("7", Some(7));
        check("Thu, 01 Jan 1970 00:00:09 GMT", Some(9));
        check("61", None);
        check("soon", Some(0));
    }
}
