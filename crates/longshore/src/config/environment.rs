//! Overrides from the environment: `REGISTRY_HTTP_ADDR` for `http.addr`, as in distribution; `LONGSHORE_…` wins.
//!
//! Names are found in the table of keys without regard to case; `_0` is a place in a sequence; the value is YAML.
//! `…_FILE` names a file that holds the value. Variables that mean nothing are passed over with a warning, since
//! others set such names too: Kubernetes describes a service named `registry` by `REGISTRY_PORT` and the like.

use super::{
    ConfigError, check,
    keys::{self, Kind},
    tree::{self, Node, Origin, Value},
};

/// Reads a file named by a variable.
pub(crate) type ReadFile<'f> = &'f dyn Fn(&str) -> Result<String, String>;

/// A place in the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    /// Under a key.
    Key(String),
    /// At a place of a sequence.
    Item(usize),
}

/// What a variable's name stands for.
#[derive(Clone, Debug)]
struct Target {
    steps: Vec<Step>,
    kind: Kind,
    from_file: bool,
}

/// Applies the variables to the tree; returns warnings.
pub(crate) fn apply(
    root: &mut Node,
    variables: impl IntoIterator<Item = (String, String)>,
    read_file: ReadFile<'_>,
) -> Result<Vec<String>, Vec<ConfigError>> {
    let mut found: Vec<_> = variables
        .into_iter()
        .filter_map(|(name, value)| {
            let (prefix, rest) = name.split_once('_')?;
            let rank = match prefix.to_ascii_uppercase().as_str() {
                "REGISTRY" => 0,
                "LONGSHORE" => 1,
                _ => return None,
            };
            Some((rank, rest.matches('_').count(), rest.to_owned(), name, value))
        })
        .collect();
    // REGISTRY_AUTH before REGISTRY_AUTH_HTPASSWD_REALM, everything of LONGSHORE last.
    found.sort();
    let (mut warnings, mut errors) = (Vec::new(), Vec::new());
    for (_, _, rest, name, value) in found {
        let words: Vec<_> = rest.split('_').collect();
        let Some(target) = resolve(&words, "") else {
            warnings.push(unknown(&name, &words));
            continue;
        };
        if let Err(error) = set(root, &target, &name, &value, read_file) {
            errors.push(error);
        }
    }
    if errors.is_empty() { Ok(warnings) } else { Err(errors) }
}

fn unknown(name: &str, words: &[&str]) -> String {
    let prefix = name.split('_').next().unwrap_or_default();
    let path = words.join(".").to_lowercase();
    let near = keys::KEYS
        .iter()
        .map(|key| (strsim::damerau_levenshtein(&path, key.path), key.path))
        .filter(|(distance, _)| *distance <= 3)
        .min();
    match near {
        Some((_, near)) => {
            let near = near.replace("[]", "_0").replace('.', "_").to_uppercase();
            format!("{name} in the environment stands for no key; did you mean {prefix}_{near}?")
        }
        None => format!("{name} in the environment stands for no key and is passed over"),
    }
}

/// Finds the key that `words` spell below `path`; the longest name first, since names may hold `_` themselves.
fn resolve(words: &[&str], path: &str) -> Option<Target> {
    for count in (1..=words.len()).rev() {
        let spelled = words[..count].join("_");
        let Some(name) = keys::children(path).find(|name| name.eq_ignore_ascii_case(&spelled)) else {
            continue;
        };
        let row = check::join(path, name);
        let key = keys::find(&row)?;
        if let Some(mut target) = below(&words[count..], key) {
            target.steps.insert(0, Step::Key(name.to_owned()));
            return Some(target);
        }
    }
    None
}

/// What the words after a key's name mean.
fn below(rest: &[&str], key: &'static keys::Key) -> Option<Target> {
    let here = |from_file| Some(Target { steps: Vec::new(), kind: key.kind, from_file });
    let named = |name: String, kind| Some(Target { steps: vec![Step::Key(name)], kind, from_file: false });
    let item = |word: &str| word.parse().ok().filter(|&place| place < 1000).map(Step::Item);
    match (key.kind, rest) {
        (_, []) => here(false),
        (Kind::Section, _) => resolve(rest, key.path),
        (Kind::Sections, [place, inner @ ..]) => {
            let place = item(place)?;
            let row = format!("{}[]", key.path);
            let mut target = match inner {
                [] => Target { steps: Vec::new(), kind: Kind::Anything, from_file: false },
                _ => resolve(inner, &row)?,
            };
            target.steps.insert(0, place);
            Some(target)
        }
        (Kind::Texts, [place]) if item(place).is_some() => {
            Some(Target { steps: vec![item(place)?], kind: Kind::Text, from_file: false })
        }
        (Kind::Values, _) => named(rest.join("_"), Kind::Text),
        (Kind::Headers, _) => named(rest.join("_"), Kind::Texts),
        (Kind::Anything, _) => named(rest.join("_").to_lowercase(), Kind::Anything),
        (_, [word]) if word.eq_ignore_ascii_case("FILE") => here(true),
        _ => None,
    }
}

fn set(
    root: &mut Node,
    target: &Target,
    name: &str,
    value: &str,
    read_file: ReadFile<'_>,
) -> Result<(), ConfigError> {
    let origin = Origin::Variable(name.to_owned());
    let fail = |message: String| ConfigError::new(format!("{name} in the environment: {message}"));
    let value = match target.from_file {
        true => {
            let text = read_file(value).map_err(|error| fail(format!("cannot read {value}: {error}")))?;
            Node::text(text.trim_end_matches(['\r', '\n']), origin.clone())
        }
        false => node(value, target.kind, &origin).map_err(|error| fail(error.to_string()))?,
    };
    let mut place = root;
    for step in &target.steps {
        place = match step {
            Step::Key(key) => {
                // Header names and the like: the file's own spelling stays.
                let spelled = match &place.value {
                    Value::Map(entries) => {
                        entries.iter().map(|(known, _)| known).find(|known| known.eq_ignore_ascii_case(key))
                    }
                    _ => None,
                };
                let key = spelled.unwrap_or(key).clone();
                place.child_mut(&key, &origin)
            }
            Step::Item(index) => item_mut(place, *index, &origin).map_err(fail)?,
        };
    }
    *place = value;
    Ok(())
}

/// A value as its kind wants it: a text that looks like YAML of another kind stays the text it is.
fn node(value: &str, kind: Kind, origin: &Origin) -> Result<Node, ConfigError> {
    let texts = matches!(kind, Kind::Text | Kind::Secret | Kind::Path);
    match Node::parse(value, Some(origin)) {
        Ok(node) if texts && !matches!(node.value, Value::Text(_)) => Ok(Node::text(value, origin.clone())),
        Ok(node) if value.is_empty() => Ok(Node { value: Value::Null, ..node }),
        Ok(node) => Ok(node),
        Err(_) if texts && value.len() <= tree::BYTES_MAX => Ok(Node::text(value, origin.clone())),
        Err(error) => Err(error),
    }
}

fn item_mut<'n>(node: &'n mut Node, index: usize, origin: &Origin) -> Result<&'n mut Node, String> {
    if !matches!(node.value, Value::List(_)) {
        node.value = Value::List(Vec::new());
    }
    let Value::List(items) = &mut node.value else { unreachable!("it was made a sequence above") };
    if index > items.len() {
        return Err(format!("place {index} of a sequence that has only {} values", items.len()));
    }
    if index == items.len() {
        items.push(Node { value: Value::Null, origin: origin.clone() });
    }
    Ok(&mut items[index])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(yaml: &str, variables: &[(&str, &str)]) -> (Node, Vec<String>) {
        let mut root = Node::parse(yaml, None).unwrap();
        let read =
            |path: &str| if path == "/secret" { Ok("s3cret\n".to_owned()) } else { Err("no".to_owned()) };
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let warnings = apply(&mut root, variables, &read).unwrap();
        (root, warnings)
    }

    #[test]
    fn variables_reach_their_keys() {
        let check = |yaml: &str, name: &str, value: &str, path: &str, wanted: &str| {
            let (root, warnings) = applied(yaml, &[(name, value)]);
            assert_eq!(warnings, [""; 0], "{name}");
            let got = root.at(path).unwrap_or_else(|| panic!("{name} set nothing at {path}"));
            assert_eq!(got.value, Value::Text(wanted.to_owned()), "{name}");
        };
        check("", "REGISTRY_HTTP_ADDR", ":5001", "http.addr", ":5001");
        check("http: {addr: a}", "registry_http_addr", "0.0.0.0:80", "http.addr", "0.0.0.0:80");
        check("", "REGISTRY_STORAGE_DELETE_ENABLED", "true", "storage.delete.enabled", "true");
        check(
            "",
            "REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY",
            "/x",
            "storage.filesystem.rootdirectory",
            "/x",
        );
        check("", "LONGSHORE_LIMITS_MANIFEST_BYTES_MAX", "1MiB", "limits.manifest_bytes_max", "1MiB");
        check("", "LONGSHORE_HTTP_TRUSTED_PROXIES", "10.0.0.1", "http.trusted_proxies", "10.0.0.1");
        check("", "REGISTRY_HTTP_SECRET", "[a: *b", "http.secret", "[a: *b");
        check("", "REGISTRY_HTTP_SECRET", "# no comment", "http.secret", "# no comment");
        check("", "REGISTRY_HTTP_SECRET_FILE", "/secret", "http.secret", "s3cret");
        check("", "LONGSHORE_METADATA_URL_FILE", "/secret", "metadata.url", "s3cret");
        check("", "REGISTRY_LOG_FIELDS_environment", "staging", "log.fields.environment", "staging");
        check("http: {headers: {X-A: [b]}}", "REGISTRY_HTTP_HEADERS_x-a", "c", "http.headers.X-A", "c");
    }

    #[test]
    fn sequences_lists_and_shorthands() {
        let (root, _) = applied(
            "notifications: {endpoints: [{name: a, url: http://a}]}",
            &[
                ("REGISTRY_NOTIFICATIONS_ENDPOINTS_0_URL", "http://b"),
                ("REGISTRY_NOTIFICATIONS_ENDPOINTS_1", "{name: c, url: http://c}"),
                ("REGISTRY_HTTP_HEADERS_Access-Control-Allow-Origin", "['*']"),
                ("REGISTRY_HTTP_TLS_CLIENTCAS_0", "/ca.pem"),
                ("REGISTRY_AUTH_HTPASSWD_REALM", "Realm"),
                ("REGISTRY_AUTH", "htpasswd"),
            ],
        );
        let Value::List(endpoints) = &root.at("notifications.endpoints").unwrap().value else { panic!() };
        assert_eq!(endpoints[0].child("url").unwrap().value, Value::Text("http://b".to_owned()));
        assert_eq!(endpoints[1].child("name").unwrap().value, Value::Text("c".to_owned()));
        assert!(matches!(root.at("http.headers.Access-Control-Allow-Origin").unwrap().value, Value::List(_)));
        assert!(matches!(root.at("http.tls.clientcas").unwrap().value, Value::List(_)));
        assert_eq!(root.at("auth.htpasswd.realm").unwrap().value, Value::Text("Realm".to_owned()));
    }

    #[test]
    fn longshore_wins_and_strangers_are_passed_over() {
        let (root, warnings) = applied(
            "",
            &[
                ("LONGSHORE_HTTP_ADDR", "a:1"),
                ("REGISTRY_HTTP_ADDR", "b:2"),
                ("REGISTRY_PORT_5000_TCP", "tcp://10.0.0.1:5000"),
                ("REGISTRY_HTPP_ADDR", "c:3"),
                ("PATH", "/bin"),
            ],
        );
        assert_eq!(root.at("http.addr").unwrap().value, Value::Text("a:1".to_owned()));
        assert_eq!(
            warnings,
            [
                "REGISTRY_HTPP_ADDR in the environment stands for no key; did you mean REGISTRY_HTTP_ADDR?",
                "REGISTRY_PORT_5000_TCP in the environment stands for no key and is passed over",
            ]
        );
    }

    #[test]
    fn bad_variables_name_themselves() {
        let check = |name: &str, value: &str, wanted: &str| {
            let mut root = Node::parse("", None).unwrap();
            let variables = [(name.to_owned(), value.to_owned())];
            let errors = apply(&mut root, variables, &|_| Err("gone".to_owned())).unwrap_err();
            assert_eq!(errors[0].to_string(), wanted);
        };
        check(
            "REGISTRY_HTTP_SECRET_FILE",
            "/x",
            "REGISTRY_HTTP_SECRET_FILE in the environment: cannot read /x: gone",
        );
        check(
            "REGISTRY_HTTP_TLS_CLIENTCAS_3",
            "/x",
            "REGISTRY_HTTP_TLS_CLIENTCAS_3 in the environment: place 3 of a sequence that has only 0 values",
        );
    }
}
