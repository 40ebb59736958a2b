use super::*;

const START: i64 = 1_800_000_000_000;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_unix_millis(START + millis)
}

#[test]
fn a_bucket_empties_and_fills() {
    let limit = RateLimit { capacity: 3, refill_per_second: 2.0 };
    let mut bucket = TokenBucket::full(&limit, at(0));
    assert_eq!(bucket.take(&limit, at(0), 1), Ok(Remaining(2)));
    assert_eq!(bucket.take(&limit, at(0), 2), Ok(Remaining(0)));
    let RetryAfter(wait) = bucket.take(&limit, at(0), 1).unwrap_err();
    assert!(wait >= Duration::from_millis(500) && wait < Duration::from_millis(510), "{wait:?}");
    assert_eq!(RetryAfter(wait).seconds(), 1);
    assert!(bucket.take(&limit, at(499), 1).is_err());
    assert_eq!(bucket.take(&limit, at(500), 1), Ok(Remaining(0)));
    assert!(!bucket.is_full(&limit, at(1999)) && bucket.is_full(&limit, at(2000)));
    assert_eq!(bucket.take(&limit, at(3_600_000), 1), Ok(Remaining(2)), "never more than full");
    assert_eq!(bucket.take(&limit, at(3_700_000), 99), Ok(Remaining(0)), "all there is");
}

/// However often it is asked, and by whatever clock, it gives what it held and what came since, and whoever waits as long
/// as they were told is served.
#[test]
fn a_bucket_gives_no_more_than_it_may() {
    let limit = RateLimit { capacity: 10, refill_per_second: 100.0 / 60.0 };
    let mut bucket = TokenBucket::full(&limit, at(0));
    let given = (0..600_000_i64).step_by(7).filter(|&now| bucket.take(&limit, at(now), 1).is_ok()).count();
    assert!((1009..=1010).contains(&given), "{given}");

    let now = 600_000;
    while bucket.take(&limit, at(now), 1).is_ok() {}
    let RetryAfter(wait) = bucket.take(&limit, at(now), 1).unwrap_err();
    let back = -3_600_000;
    assert!(bucket.take(&limit, at(back), 1).is_err(), "a clock that was set back gives nothing");
    let mut again = bucket;
    assert!(
        again.take(&limit, at(back + now - 1), 10).is_ok(),
        "nor does it take away what time brought since"
    );
    assert!(bucket.take(&limit, at(back + i64::try_from(wait.as_millis()).unwrap()), 1).is_ok());
}

/// Who began a request long ago and comes here only now must not fill the bucket, or end the window, for the next.
#[test]
fn requests_that_come_late_give_nothing_back() {
    let limit = RateLimit::per_second(1, Duration::from_secs(2));
    assert_eq!(limit, RateLimit { capacity: 2, refill_per_second: 1.0 });
    let mut bucket = TokenBucket::full(&limit, at(600_000));
    let given = (0..1000).filter(|nth| {
        let now = if nth % 2 == 0 { 600_000 } else { 1000 };
        bucket.take(&limit, at(now), 1).is_ok()
    });
    assert_eq!(given.count(), 2);

    let limit = PullLimit { pulls: 1, window: Duration::from_secs(21600) };
    let mut window = PullWindow::new(at(600_000));
    assert!(window.take(&limit, at(600_000)).is_ok() && window.take(&limit, at(1000)).is_err());
    assert_eq!(window.remaining(&limit, at(1000)).pulls, 0);
    window.give_back();
    assert_eq!(window.remaining(&limit, at(1000)).pulls, 1);
}

#[test]
fn a_bucket_that_never_fills_says_so() {
    for refill_per_second in [0.0, -1.0, f64::NAN] {
        let limit = RateLimit { capacity: 1, refill_per_second };
        let mut bucket = TokenBucket::full(&limit, at(0));
        assert!(bucket.take(&limit, at(0), 1).is_ok());
        let RetryAfter(wait) = bucket.take(&limit, at(86_400_000), 1).unwrap_err();
        assert_eq!(wait, Duration::from_secs(365 * 24 * 3600), "{refill_per_second}");
    }
}

#[test]
fn pulls_are_counted_in_windows() {
    let limit = PullLimit { pulls: 2, window: Duration::from_secs(21600) };
    let end = 21_600_000;
    assert_eq!(limit.header().to_string(), "2;w=21600");
    let mut window = PullWindow::new(at(0));
    assert_eq!(window.take(&limit, at(0)).unwrap().to_string(), "1;w=21600");
    assert_eq!(window.take(&limit, at(1000)).unwrap().to_string(), "0;w=21600");
    assert_eq!(window.take(&limit, at(2000)), Err(RetryAfter(Duration::from_secs(21598))));
    assert_eq!(window.remaining(&limit, at(end - 1)).pulls, 0);
    assert_eq!(window.remaining(&limit, at(end)).pulls, 2);
    assert_eq!(window.take(&limit, at(end)).unwrap().pulls, 1);
    assert!(!window.is_over(&limit, at(end + end - 1)) && window.is_over(&limit, at(end + end)));
    assert!(window.is_over(&limit, at(-3_600_000)), "the clock was set back");
}
