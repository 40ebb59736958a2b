use std::{fs, path::Path};

use proptest::prelude::*;

use super::{keys::KEYS, *};

/// What the official image of `registry:2` starts with.
const REGISTRY_2: &str = "\
version: 0.1
log:
  fields:
    service: registry
storage:
  cache:
    blobdescriptor: inmemory
  filesystem:
    rootdirectory: /var/lib/registry
http:
  addr: :5000
  headers:
    X-Content-Type-Options: [nosniff]
health:
  storagedriver:
    enabled: true
    interval: 10s
    threshold: 3
";

/// What Debian's package of it starts with.
const DEBIAN: &str = "\
version: 0.1
log:
  fields:
    service: registry
storage:
  cache:
    blobdescriptor: inmemory
  filesystem:
    rootdirectory: /var/lib/docker-registry
  delete:
    enabled: true
http:
  addr: :5000
  headers:
    X-Content-Type-Options: [nosniff]
auth:
  htpasswd:
    realm: basic-realm
    path: /etc/docker/registry
health:
  storagedriver:
    enabled: true
    interval: 10s
    threshold: 3
";

fn load(text: &str) -> Result<Loaded, Vec<ConfigError>> {
    Sources::default().load_text(text)
}

fn load_with(text: &str, variables: &[(&str, &str)]) -> Loaded {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let sources = Sources { variables: variables.collect(), ..Sources::default() };
    sources.load_text(text).unwrap()
}

fn documentation(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn files_of_registry_2_keep_their_meaning() {
    let loaded = load(REGISTRY_2).unwrap();
    assert_eq!(loaded.warnings, [""; 0]);
    let config = loaded.config;
    assert_eq!(config.storage.root, Path::new("/var/lib/registry"));
    assert!(!config.storage.delete_enabled);
    assert_eq!(config.http.addr, ":5000");
    assert_eq!(config.http.headers, [("X-Content-Type-Options".to_owned(), vec!["nosniff".to_owned()])]);
    assert_eq!(config.log.fields, [("service".to_owned(), "registry".to_owned())]);
    assert!(matches!(config.auth, AuthConfig::Open));

    let loaded = load(DEBIAN).unwrap();
    assert_eq!(loaded.warnings, [""; 0]);
    let AuthConfig::Htpasswd(htpasswd) = loaded.config.auth else { panic!("{:?}", loaded.config.auth) };
    assert_eq!(
        (htpasswd.realm.as_str(), htpasswd.path.as_path()),
        ("basic-realm", Path::new("/etc/docker/registry"))
    );
    assert!(loaded.config.storage.delete_enabled);

    let loaded = load("auth: none").unwrap();
    assert!(matches!(loaded.config.auth, AuthConfig::Open) && loaded.warnings.is_empty());
}

#[test]
fn without_a_file_it_is_a_registry_for_ones_own_machine() {
    let loaded = Sources { data: Some("/d"), listen: Some("[::1]:0"), ..Sources::default() }.load().unwrap();
    assert_eq!(loaded.config.storage.root, Path::new("/d"));
    assert_eq!(loaded.config.http.addr, "[::1]:0");
    let config = Sources::default().load().unwrap().config;
    assert_eq!(config.storage.root, Path::new("./longshore-data"));
    assert_eq!(config.http.addr, "127.0.0.1:5000");
    assert!(config.storage.delete_enabled && config.storage.durable);
}

#[test]
fn accounts_are_on_without_a_file_unless_auth_says_who_may_come_in() {
    let without_file = |variables: &[(&str, &str)]| {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let sources = Sources { variables: variables.collect(), ..Sources::default() };
        sources.load().unwrap().config.accounts.is_some()
    };
    assert!(without_file(&[]));
    assert!(!without_file(&[("REGISTRY_AUTH", "htpasswd"), ("REGISTRY_AUTH_HTPASSWD_PATH", "/users")]));
    assert!(!without_file(&[("LONGSHORE_ACCOUNTS_ENABLED", "false")]));
    let has = |text: &str| load(text).unwrap().config.accounts.is_some();
    for none in [
        REGISTRY_2,
        DEBIAN,
        "auth: none",
        "accounts:",
        "accounts: {enabled: false}",
        "accounts: {token: {lifetime: 5m}}",
    ] {
        assert!(!has(none), "{none}");
    }
    let htpasswd = "auth: {htpasswd: {path: /users}}\n";
    assert!(has("accounts: {enabled: true}") && has("accounts: {enabled: auto}"));
    assert!(has(&format!("{htpasswd}accounts: {{enabled: true}}")));
    assert!(!has(&format!("{htpasswd}accounts: {{enabled: auto}}")));
    let image = include_str!("../../../../contrib/container/config.yml");
    assert!(has(image) && load(image).unwrap().warnings.is_empty());
}

#[test]
fn sources_are_read_in_their_order() {
    let sources = "accounts:\n  enabled: true\n  sources:\n    - oidc: {issuer: https://i, client_id: c, group_filter: [a*]}\n    \
                   - ldap: {urls: ldaps://d, base_dn: dc=d, groups: {membership: memberOf}}\n";
    let accounts = load(sources).unwrap().config.accounts.unwrap();
    assert_eq!(accounts.sources.iter().map(|source| source.name()).collect::<Vec<_>>(), ["oidc", "ldap"]);
    let SourceConfig::Ldap(ldap) = &accounts.sources[1] else { panic!("{:?}", accounts.sources) };
    assert_eq!((ldap.urls.as_slice(), ldap.uid_attribute.as_str()), (&["ldaps://d".to_owned()][..], "uid"));
    assert_eq!(ldap.groups.as_ref().unwrap().membership.to_string(), "memberOf");
}

#[test]
fn errors_say_where_and_what() {
    let check = |text: &str, wanted: &[&str]| {
        let errors = load(text).expect_err(text);
        let errors: Vec<_> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(errors, wanted, "{text}");
    };
    check("http:\n  adress: :5000", &["line 2: http.adress: unknown key; did you mean http.addr?"]);
    check(
        "colour: red",
        &[&format!("line 1: colour: unknown key; known here: {}", {
            let mut top: Vec<_> = keys::children("").collect();
            top.sort_unstable();
            top.join(", ")
        })],
    );
    check("addr: :5000", &["line 1: addr: unknown key; did you mean http.addr?"]);
    check("version: 0.2", &["line 1: version: the only version is 0.1"]);
    check("http: [a]", &["line 1: http: must be a mapping of keys to values"]);
    check(
        "http: {addr: [a]}",
        &[
            "line 1: http.addr: must be a single value",
            "line 1: http.addr: \"\" is not host:port, such as 127.0.0.1:5000 or :5000",
        ],
    );
    check(
        "http:\n\n  draintimeout: 5 minutes",
        &["line 3: http.draintimeout: \"5 minutes\" is not a time span; write for example 30s, 1m30s or 24h"],
    );
    check(
        "storage: {delete: {enabled: maybe}}",
        &["line 1: storage.delete.enabled: \"maybe\" is neither true nor false"],
    );
    check(
        "storage:\n  s3:\n    bucket: b",
        &["line 2: storage.s3: only storage.filesystem is supported so far; take it out to go on without it"],
    );
    check(
        "proxy:\n  remoteurl: https://upstream.example",
        &["line 2: proxy.remoteurl: mirroring is not supported yet; take it out to go on without it"],
    );
    check(
        "auth:\n  htpasswd: {path: /p}\n  silly: {realm: r, service: s}",
        &["line 3: auth.silly: only one kind of authentication at a time, and auth.htpasswd is given"],
    );
    check(
        "auth: {htpasswd: {realm: r}}",
        &[
            "line 1: auth.htpasswd.path: must be set: a file of lines user:hash, made with htpasswd -Bbn USER PASSWORD",
        ],
    );
    check(
        "auth: {token: {realm: r, issuer: i}}",
        &[
            "line 1: auth.token.service: must be set",
            "line 1: auth.token.rootcertbundle: must be set, or jwks: without either no token can be verified",
        ],
    );
    let external = "auth: {token: {realm: r, service: s, issuer: i, jwks: /k}}\naccounts: {enabled: true}";
    check(
        external,
        &[
            "line 2: accounts.enabled: cannot be true where auth.token is given: that admits people of its own",
        ],
    );
    check(
        "accounts: {enabled: true, token: {lifetime: 10s}}",
        &["line 1: accounts.token.lifetime: must be at least 60 seconds"],
    );
    check(
        "accounts: {enabled: true, sources: [{}]}",
        &["line 1: accounts.sources[0].ldap: a source has one of ldap and oidc"],
    );
    let two = "{ldap: {urls: ldap://a, base_dn: dc=a}}";
    check(
        &format!("accounts: {{enabled: true, sources: [{two}, {two}]}}"),
        &["line 1: accounts.sources[1].name: another source is called \"ldap\""],
    );
    check("log: {level: loud}", &["line 1: log.level: \"loud\" is none of error, warn, info, debug, trace"]);
    check(
        "http: {tls: {clientauth: require-any-client-cert}}",
        &["line 1: http.tls.clientauth: needs certificate and key"],
    );
    check("http: {tls: {key: /k}}", &["line 1: http.tls.certificate: must be set, since key is: /k"]);
    check(
        "http: {trusted_proxies: [ten]}",
        &["line 1: http.trusted_proxies: ten: expected an address, a range as 10.0.0.0/8, or the word unix"],
    );
    check("metadata: {url: mysql://h}", &["line 1: metadata.url: must begin with sqlite:// or postgres://"]);
    check(
        "notifications:\n  endpoints:\n    - name: a\n      uri: http://a",
        &["line 4: notifications.endpoints[0].uri: unknown key; did you mean notifications.endpoints[].url?"],
    );
    check(
        "notifications: {endpoints: [{name: a, url: 'http://a'}, {name: a, url: b}]}",
        &[
            "line 1: notifications.endpoints[1].url: must be set to an address that begins with http:// or https://",
            "line 1: notifications.endpoints[1].name: \"a\" is the name of two endpoints",
        ],
    );
    check(
        "limits: {manifest_bytes_max: 0}",
        &["line 1: limits.manifest_bytes_max: must lie between 1 and 268435456 bytes"],
    );
    check(
        "tracing: {otlp: {sampling: 2}}",
        &["line 1: tracing.otlp.sampling: must be a number from 0.0 to 1.0"],
    );
}

#[test]
fn keys_without_effect_are_named() {
    let loaded =
        load("redis: {addr: r}\nlog: {hooks: [{type: mail}]}\nvalidation: {disabled: true}").unwrap();
    assert_eq!(
        loaded.warnings,
        [
            "redis has no effect: Longshore keeps nothing in Redis",
            "log.hooks has no effect: Longshore sends no mail about log lines",
            "validation.disabled has no effect: manifests are always validated",
        ]
    );
}

#[test]
fn the_environment_overrides_the_file() {
    let loaded = load_with(
        REGISTRY_2,
        &[
            ("REGISTRY_AUTH", "htpasswd"),
            ("REGISTRY_AUTH_HTPASSWD_REALM", "Registry Realm"),
            ("REGISTRY_AUTH_HTPASSWD_PATH", "/auth/htpasswd"),
            ("REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY", "/data"),
            ("REGISTRY_STORAGE_DELETE_ENABLED", "true"),
            ("REGISTRY_HTTP_ADDR", "0.0.0.0:5001"),
            ("REGISTRY_HTTP_HEADERS_Access-Control-Allow-Origin", "['http://a', 'http://b']"),
            ("REGISTRY_LOG_LEVEL", "debug"),
            ("LONGSHORE_COLLECTION_UNTAGGED", "720h"),
        ],
    );
    assert_eq!(loaded.warnings, [""; 0]);
    let config = loaded.config;
    let AuthConfig::Htpasswd(htpasswd) = config.auth else { panic!("{:?}", config.auth) };
    assert_eq!(
        (htpasswd.realm.as_str(), htpasswd.path.as_path()),
        ("Registry Realm", Path::new("/auth/htpasswd"))
    );
    assert_eq!(config.storage.root, Path::new("/data"));
    assert!(config.storage.delete_enabled);
    assert_eq!(config.http.addr, "0.0.0.0:5001");
    assert_eq!(config.http.headers[1].1, ["http://a", "http://b"]);
    assert_eq!(config.log.level, "debug");
    assert_eq!(config.collection.untagged, Some(std::time::Duration::from_secs(720 * 3600)));
}

#[test]
fn secrets_are_not_shown() {
    let loaded = load(
        "metadata: {url: 'postgres://u:hush@h/d'}\n\
         http: {secret: hush, addr: ':5'}\n\
         redis: {password: hush}\n\
         tracing: {otlp: {headers: {Authorization: hush}}}\n\
         notifications: {endpoints: [{name: n, url: 'http://u:hush@h/', headers: {Authorization: [hush]}}]}",
    )
    .unwrap();
    for shown in [loaded.show(), format!("{loaded:?}")] {
        assert!(!shown.contains("hush"), "{shown}");
        assert!(shown.contains("***"), "{shown}");
    }
    assert!(loaded.show().contains("addr: \":5\""));
    // What is shown can be read again.
    let shown = loaded.show().replace("\"***\"", "\"http://x\"");
    tree::Node::parse(&shown, None).unwrap();
}

#[test]
fn the_example_is_the_default() {
    let loaded = load(&documentation("config.example.yml")).unwrap();
    assert_eq!(loaded.warnings, [""; 0]);
}

/// Every line of the example that is commented out is a key too: with the `#` taken away it can be read.
#[test]
fn the_example_can_be_uncommented() {
    let example = documentation("config.example.yml");
    let uncommented: Vec<_> = example
        .lines()
        .filter(|line| !line.trim_start().starts_with("# "))
        .map(|line| line.replacen('#', "", 1))
        .collect();
    let uncommented = uncommented.join("\n");
    let loaded = load(&uncommented);
    let root = tree::Node::parse(&uncommented, None).unwrap();
    loaded.unwrap_or_else(|errors| panic!("{errors:?}"));
    for key in KEYS.iter().filter(|key| key.support == keys::Support::Served) {
        let beyond_example =
            ["auth.token", "auth.silly", "loglevel"].iter().any(|path| key.path.starts_with(path));
        if !beyond_example
            && !key.path.contains("[]")
            && key.path != "proxy"
            && !key.path.starts_with("validation")
        {
            assert!(root.at(key.path).is_some(), "docs/config.example.yml lacks {}", key.path);
        }
    }
}

#[test]
fn the_reference_is_made_from_the_table() {
    let page = documentation("configuration.md");
    let (before, rest) =
        page.split_once("<!-- begin keys -->\n\n").expect("docs/configuration.md has the mark");
    let (table, after) =
        rest.split_once("<!-- end keys -->").expect("docs/configuration.md has the end mark");
    if table != markdown() {
        if std::env::var_os("UPDATE_DOCS").is_some() {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
            fs::write(path, format!("{before}<!-- begin keys -->\n\n{}<!-- end keys -->{after}", markdown()))
                .unwrap();
        } else {
            panic!(
                "docs/configuration.md is not in step: run UPDATE_DOCS=1 cargo test -p longshore the_reference"
            );
        }
    }
}

#[test]
fn the_schema_names_every_key() {
    let schema = json_schema();
    for key in KEYS.iter() {
        let mut place = &schema;
        for part in key.path.split('.') {
            let (name, list) = part.strip_suffix("[]").map_or((part, false), |name| (name, true));
            let section = if place["anyOf"].is_array() { &place["anyOf"][0] } else { place };
            place = &section["properties"][name];
            if list {
                place = &place["items"];
            }
        }
        assert!(place["description"].is_string() || key.path.ends_with("[]"), "{}: {place}", key.path);
    }
}

/// Pieces that a configuration is made of, good and bad.
fn fragments() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        proptest::sample::select(
            KEYS.iter().map(|key| key.path.rsplit('.').next().unwrap()).collect::<Vec<_>>()
        )
        .prop_map(str::to_owned),
        proptest::sample::select(vec![
            "&a", "*a", "<<", "- ", "[", "]", "{", "}", "~", "'", "\"", "|", "---", "5s", "1e999", "-1", "é",
            "#", "!!x", "? ", "\t", "",
        ])
        .prop_map(str::to_owned),
        "\\PC{0,6}",
    ];
    let separator = proptest::sample::select(vec![": ", ":", "\n", "\n  ", "\n    ", ", ", " "]);
    proptest::collection::vec((word, separator), 0..30)
        .prop_map(|parts| parts.into_iter().map(|(word, separator)| format!("{word}{separator}")).collect())
}

proptest! {
    #[test]
    fn no_text_panics(text in prop_oneof![fragments(), "\\PC*", proptest::string::string_regex("(.|\n){0,200}").unwrap()]) {
        if let Ok(loaded) = load(&text) {
            loaded.show();
        }
    }

    /// Keys at their right place with any value: deeper than what random YAML reaches.
    #[test]
    fn no_value_panics(
        places in proptest::collection::vec((proptest::sample::select(KEYS), fragments()), 1..6),
    ) {
        let variables = places
            .into_iter()
            .map(|(key, value)| {
                let name = key.path.replace("[]", "_0").replace('.', "_");
                (format!("REGISTRY_{name}"), value)
            })
            .collect();
        if let Ok(loaded) = (Sources { variables, ..Sources::default() }).load_text("") {
            loaded.show();
        }
    }
}
