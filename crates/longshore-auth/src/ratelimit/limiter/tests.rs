use super::*;

const ANN: Source<'_> = Source::User("ann");

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_millis(1_800_000_000_000 + seconds * 1000)
}

fn address(text: &str) -> Source<'static> {
    Source::Address(Some(text.parse().unwrap()))
}

fn repository(name: &str) -> RepositoryName {
    name.parse().unwrap()
}

fn limits<T>(address: T, user: T, robot: T, project: T) -> BySource<Option<T>> {
    BySource { address: Some(address), user: Some(user), robot: Some(robot), project: Some(project) }
}

/// One request a second for addresses, 2 for users, 3 for robots, 4 for projects, and as many pulls in an hour.
fn limiter() -> RateLimiter {
    RateLimiter::new(RateLimitSettings {
        requests: limits(1, 2, 3, 4),
        burst: Duration::from_secs(1),
        pulls: limits(1, 2, 3, 4),
        window: Duration::from_secs(3600),
    })
}

/// How many of many go through.
fn through<T>(act: impl Fn() -> Result<T, Limited>) -> usize {
    (0..100).filter(|_| act().is_ok()).count()
}

#[test]
fn each_source_has_its_own_bucket() {
    let limiter = limiter();
    let check = |source, now, wanted: usize| {
        assert_eq!(through(|| limiter.request(source, at(now))), wanted, "{source:?} at {now}");
    };
    check(address("192.0.2.1"), 0, 1);
    check(address("::ffff:192.0.2.1"), 0, 0);
    check(address("192.0.2.2"), 0, 1);
    check(address("2001:db8::1"), 0, 1);
    check(address("2001:db8::ffff:2"), 0, 0);
    check(address("2001:db8:0:1::1"), 0, 1);
    check(Source::Address(None), 0, 1);
    check(ANN, 0, 2);
    check(Source::User("bob"), 0, 2);
    check(Source::Robot("ann"), 0, 3);
    check(ANN, 1, 2);
    check(address("192.0.2.1"), 10, 1);

    let refused = limiter.request(address("2001:db8::3"), at(0)).unwrap_err();
    assert_eq!(refused.to_string(), "too many requests for 2001:db8::/64, try again in 2 seconds");
    assert_eq!(limiter.request(address("::ffff:192.0.2.2"), at(0)).unwrap_err().source, "192.0.2.2");
}

#[test]
fn administrators_are_not_counted() {
    let caller =
        |name: Option<&str>, kind| Caller { name: name.map(Into::into), kind, ..Caller::anonymous() };
    let of = |name, kind| Source::of_caller(&caller(name, kind), None).map(|source| format!("{source:?}"));
    assert_eq!(of(Some("root"), CallerKind::Administrator), None);
    assert_eq!(of(Some("ann"), CallerKind::Person).as_deref(), Some("User(\"ann\")"));
    assert_eq!(of(Some("ci"), CallerKind::Robot).as_deref(), Some("Robot(\"ci\")"));
    assert_eq!(of(None, CallerKind::Administrator).as_deref(), Some("Address(None)"));
}

#[test]
fn pulls_of_source_and_project_both_count() {
    let limiter = limiter();
    let app = repository("team/app");
    let shown = |pulls: Option<Pulls>| {
        pulls.map(|pulls| format!("{} {} {}", pulls.limit, pulls.remaining, pulls.source)).unwrap_or_default()
    };
    assert_eq!(shown(limiter.pulls_left(ANN, &app, at(0))), "2;w=3600 2;w=3600 ann");
    assert_eq!(shown(limiter.pull(ANN, &app, at(0)).unwrap()), "2;w=3600 1;w=3600 ann");
    assert_eq!(shown(limiter.pulls_left(ANN, &app, at(1))), "2;w=3600 1;w=3600 ann");
    assert_eq!(shown(limiter.pull(ANN, &app, at(1)).unwrap()), "2;w=3600 0;w=3600 ann");
    let refused = limiter.pull(ANN, &app, at(2)).unwrap_err();
    assert_eq!((refused.kind, refused.retry_after.seconds()), (LimitKind::User, 3598));
    assert_eq!(shown(refused.pulls), "2;w=3600 0;w=3600 ann");

    // The project has two left; what it refuses costs the source nothing.
    let ci = Source::Robot("ci");
    assert_eq!(shown(limiter.pull(ci, &app, at(3)).unwrap()), "4;w=3600 1;w=3600 team");
    assert_eq!(
        shown(limiter.pull(ci, &repository("team/sub/app"), at(3)).unwrap()),
        "4;w=3600 0;w=3600 team"
    );
    let refused = limiter.pull(ci, &app, at(3)).unwrap_err();
    assert_eq!((refused.kind, refused.source.as_str()), (LimitKind::Project, "team"));
    assert_eq!(shown(limiter.pulls_left(ci, &repository("other/app"), at(3))), "3;w=3600 1;w=3600 ci");

    assert_eq!(shown(limiter.pull(ANN, &app, at(3600)).unwrap()), "2;w=3600 1;w=3600 ann", "a new window");
}

#[test]
fn the_nearest_limit_of_a_project_holds() {
    let limiter = limiter();
    let own = |requests| ProjectLimit { requests: Some(requests), pulls: None };
    let projects = [
        ("team", own(OwnLimit::AtMost(2))),
        ("team/free", own(OwnLimit::Unlimited)),
        ("team/free/deep", ProjectLimit { pulls: Some(OwnLimit::AtMost(1)), requests: None }),
        ("library", own(OwnLimit::AtMost(1))),
    ];
    let projects = projects.map(|(name, limit)| (name.parse().unwrap(), limit));
    limiter.set_project_limits(projects.into_iter().collect());
    let check = |name: &str, wanted: usize| {
        assert_eq!(through(|| limiter.request_to(&repository(name), at(0))), wanted, "{name}");
    };
    check("team/app", 2);
    check("team/sub/app", 0);
    check("team/free/app", 100);
    check("team/free/deep/app", 100);
    check("teams/app", 4);
    check("app", 1);
    check("library/app", 0);
    let deep = repository("team/free/deep/app");
    assert_eq!(limiter.pulls_left(ANN, &deep, at(0)).unwrap().source, "team/free/deep");

    limiter.set_project_limits(ProjectLimits::default());
    check("team/app", 0);
    check("team/free/app", 0);
    let nothing = RateLimiter::new(RateLimitSettings::default());
    assert_eq!(through(|| nothing.request_to(&deep, at(0))), 100);
    assert_eq!(nothing.pull(ANN, &deep, at(0)), Ok(None));
}

#[test]
fn the_log_is_told_of_a_source_once_a_minute() {
    let limiter = limiter();
    let told = |source, now| limiter.request(source, at(now)).is_err_and(|refused| refused.is_news);
    let news = (0..1000).filter(|_| told(ANN, 0)).count();
    assert_eq!(news, 1);
    assert!((0..4).any(|_| told(Source::User("bob"), 0)));
    assert!((0..4).any(|_| told(ANN, 60)));
}

/// However many addresses come, memory is bounded, and who comes again and again is not forgotten for them.
#[test]
fn a_storm_of_fresh_addresses_is_kept_in_bounds() {
    let limiter = limiter();
    let app = repository("team/app");
    limiter.set_project_limits(
        [("team".parse().unwrap(), ProjectLimit { pulls: Some(OwnLimit::Unlimited), requests: None })]
            .into_iter()
            .collect(),
    );
    assert!(limiter.pull(address("192.0.2.1"), &app, at(0)).is_ok());
    for nth in 0..4 * SOURCES_MAX as u128 {
        let fresh = IpAddr::V6(Ipv6Addr::from_bits((0x2001 << 112) | (nth << 64)));
        assert!(limiter.request(Source::Address(Some(fresh)), at(1)).is_ok());
        if nth % 1000 == 0 {
            assert!(limiter.pull(address("192.0.2.1"), &app, at(1)).is_err(), "after {nth} others");
        }
    }
    let kept: usize = limiter.addresses.parts.iter().map(|part| part.lock().unwrap().len()).sum();
    assert!(kept <= SOURCES_MAX && kept > SOURCES_MAX / 4, "{kept}");
}
