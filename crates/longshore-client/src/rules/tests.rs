use super::*;

fn conf(text: &str) -> RegistryRules {
    RegistryRules::default().with_registries_conf("registries.conf".into(), text).unwrap()
}

fn daemon(text: &str) -> RegistryRules {
    RegistryRules::default().with_daemon_json("daemon.json".into(), text).unwrap()
}

fn repository(text: &str) -> RepositoryReference {
    text.parse().unwrap()
}

fn places(rules: &RegistryRules, text: &str) -> Vec<String> {
    rules.places(&repository(text)).iter().map(|place| place.at.to_string()).collect()
}

const CONF: &str = r#"
unqualified-search-registries = ["docker.io"]
[[registry]]
prefix = "docker.io"
location = "docker.io"
[[registry.mirror]]
location = "mirror.example/hub"
[[registry.mirror]]
location = "10.0.0.1:5000"
insecure = true
pull-from-mirror = "digest-only"

[[registry]]
prefix = "docker.io/secret"
blocked = true

[[registry]]
prefix = "example.com/old"
location = "example.org/new/place"

[[registry]]
location = "plain.example:5000"
insecure = true

[[registry]]
prefix = "*.lab.example"
insecure = true
mirror-by-digest-only = true
[[registry.mirror]]
location = "cache.example"
"#;

#[test]
fn the_longest_prefix_counts() {
    let rules = conf(CONF);
    let check = |name: &str, wanted: &[&str]| assert_eq!(places(&rules, name), wanted, "{name}");
    check("docker.io/library/alpine", &["mirror.example/hub/library/alpine", "10.0.0.1:5000/library/alpine"]);
    check("docker.io/secret/app", &[]);
    check("docker.io/secrets/app", &["mirror.example/hub/secrets/app", "10.0.0.1:5000/secrets/app"]);
    check("example.com/old/app", &["example.org/new/place/app"]);
    check("example.com/old", &["example.org/new/place"]);
    check("example.com/older", &[]);
    check("one.lab.example/app", &["cache.example/app"]);
    check("lab.example/app", &[]);
    assert!(rules.is_blocked(&repository("docker.io/secret/app")));
    assert!(!rules.is_blocked(&repository("docker.io/secrets/app")));
    assert!(rules.is_moved(&repository("example.com/old/app")));
    assert!(!rules.is_moved(&repository("docker.io/library/alpine")));
    let insecure = |host: &str| rules.is_insecure(&host.parse().unwrap());
    assert!(insecure("plain.example:5000") && insecure("10.0.0.1:5000") && insecure("one.lab.example"));
    assert!(!insecure("mirror.example") && !insecure("plain.example") && !insecure("docker.io"));
}

#[test]
fn mirrors_are_asked_for_what_they_are_for() {
    let rules = conf(CONF);
    let places = rules.places(&repository("docker.io/library/alpine"));
    let digest = Reference::Digest(longshore_types::Digest::sha256(b""));
    let tag = Reference::Tag("v1".parse().unwrap());
    let asked = |reference: &Reference| places.iter().map(|p| p.is_asked_for(reference)).collect::<Vec<_>>();
    assert_eq!((asked(&tag), asked(&digest)), (vec![true, false], vec![true, true]));
}

#[test]
fn a_later_file_goes_before_an_earlier_one() {
    let rules = conf(CONF)
        .with_registries_conf(
            "drop-in".into(),
            "[[registry]]\nprefix = \"docker.io\"\nlocation = \"docker.io\"\n",
        )
        .unwrap();
    assert_eq!(places(&rules, "docker.io/library/alpine"), Vec::<String>::new());
    let rules = rules.with_mirror("localhost:5000/cache".parse().unwrap());
    assert_eq!(places(&rules, "docker.io/a"), ["localhost:5000/cache/library/a"]);
}

#[test]
fn dockers_file_is_about_docker_hub() {
    let rules = daemon(
        r#"{"registry-mirrors": ["https://mirror.example/", "http://10.0.0.1:5000"], "log-level": "debug",
            "insecure-registries": ["plain.example:5000", "any.example", "10.1.0.0/16", "fd00::/8"]}"#,
    );
    let wanted = ["mirror.example/library/alpine", "10.0.0.1:5000/library/alpine"];
    assert_eq!(places(&rules, "docker.io/library/alpine"), wanted);
    assert_eq!(places(&rules, "example.org/app"), Vec::<String>::new());
    let insecure = |host: &str| rules.is_insecure(&host.parse().unwrap());
    for host in ["plain.example:5000", "any.example", "10.1.2.3:5000", "10.0.0.1:5000", "[fd01::1]:5000"] {
        assert!(insecure(host), "{host}");
    }
    for host in ["plain.example", "any.example:5000", "10.2.0.1", "mirror.example", "[fe80::1]", "docker.io"]
    {
        assert!(!insecure(host), "{host}");
    }
    assert_eq!(daemon("").places(&repository("docker.io/a")), []);
    assert!(daemon(r#"{"insecure-registries": ["0.0.0.0/0"]}"#).is_insecure(&"192.0.2.1".parse().unwrap()));
}

#[test]
fn what_is_wrong_is_told() {
    let check = |read: Result<RegistryRules, RulesError>, wanted: &str| {
        let error = read.unwrap_err().to_string();
        assert!(error.starts_with("file: ") && error.contains(wanted), "{error}");
    };
    let conf = |text: &str| RegistryRules::default().with_registries_conf("file".into(), text);
    check(conf("[[registry]]\nblocked = true"), "neither prefix nor location");
    check(conf("[[registry]]\nprefix = \"*.a.example\"\nlocation = \"b.example\""), "not possible together");
    check(conf("[[registry]]\nlocation = \"https://a.example\""), "without https://");
    check(conf("[registries.search]\nregistries = [\"docker.io\"]"), "version 1");
    check(
        conf(
            "[[registry]]\nlocation = \"a\"\n[[registry.mirror]]\nlocation = \"b\"\npull-from-mirror = \"no\"",
        ),
        "none of",
    );
    check(conf("[[registry"), "");
    let daemon = |text: &str| RegistryRules::default().with_daemon_json("file".into(), text);
    check(daemon("{"), "");
    check(daemon(r#"{"registry-mirrors": ["mirror.example"]}"#), "https://");
    check(daemon(r#"{"insecure-registries": ["a b"]}"#), "no registry");
}
