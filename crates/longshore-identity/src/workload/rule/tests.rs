use proptest::prelude::*;
use serde_json::json;

use super::*;

const ISSUER: &str = "https://token.actions.githubusercontent.com";
const AUDIENCE: &str = "registry.example.org";

fn rule(claims: &[(&str, &str)]) -> Result<TrustRule, RuleError> {
    let claims = claims.iter().map(|(path, pattern)| (path.parse().unwrap(), pattern.parse().unwrap()));
    TrustRule::new(ISSUER, AUDIENCE, claims.collect())
}

fn workload(claims: Value) -> Workload {
    Workload::for_tests(ISSUER, Some(&[AUDIENCE]), claims)
}

#[track_caller]
fn check(claims: Value, wanted: &[(&str, &str)], expected: bool) {
    assert_eq!(rule(wanted).unwrap().matches(&workload(claims.clone())), expected, "{claims} by {wanted:?}");
}

#[test]
fn every_claim_must_match() {
    let token = json!({
        "sub": "repo:octo/app:ref:refs/heads/main",
        "repository": "octo/app",
        "ref": "refs/heads/main",
        "run_attempt": "1",
        "protected": true,
        "project_id": 22,
        "groups": ["dev", "ops", 7],
        "nothing": null,
        "kubernetes.io": { "namespace": "ci", "serviceaccount": { "name": "builder" } },
    });
    check(token.clone(), &[("repository", "octo/app")], true);
    check(token.clone(), &[("repository", "octo/app"), ("ref", "refs/heads/*")], true);
    check(token.clone(), &[("repository", "octo/app"), ("ref", "refs/tags/*")], false);
    check(token.clone(), &[("repository", "octo/ap")], false);
    check(token.clone(), &[("repository", "octo/app"), ("environment", "production")], false);
    // A claim that must be there with any value.
    check(token.clone(), &[("repository", "octo/app"), ("environment", "*")], false);
    check(token.clone(), &[("repository", "octo/app"), ("run_attempt", "*")], true);
    check(token.clone(), &[("protected", "true"), ("project_id", "22")], true);
    check(token.clone(), &[("protected", "True")], false);
    check(token.clone(), &[("groups", "ops")], true);
    check(token.clone(), &[("groups", "7")], true);
    check(token.clone(), &[("groups", "dev,ops*")], false);
    check(
        token.clone(),
        &[("kubernetes.io.namespace", "ci"), ("kubernetes.io.serviceaccount.name", "build*")],
        true,
    );
    check(token.clone(), &[("repository", "octo/app"), ("kubernetes.io", "*")], false);
    check(token, &[("repository", "octo/app"), ("nothing", "*")], false);
    check(json!({ "a": [["octo/app"]] }), &[("a", "octo/app")], false);
}

#[test]
fn issuer_and_audience_are_exact() {
    let rule = rule(&[("sub", "a")]).unwrap();
    let of = |issuer: &str, audiences: Option<&[&str]>| {
        rule.matches(&Workload::for_tests(issuer, audiences, json!({ "sub": "a" })))
    };
    assert!(of(ISSUER, Some(&[AUDIENCE])));
    assert!(of(ISSUER, Some(&["other", AUDIENCE])));
    assert!(!of(ISSUER, Some(&["other"])));
    assert!(!of(ISSUER, Some(&[])));
    assert!(!of(&format!("{ISSUER}/"), Some(&[AUDIENCE])));
    assert!(!of("https://evil.example", Some(&[AUDIENCE])));
    // A certificate has none, and no issuer of tokens speaks for it.
    assert!(of(ISSUER, None));
}

#[test]
fn rules_that_trust_everybody() {
    for claims in [
        vec![],
        vec![("sub", "*")],
        vec![("sub", "**"), ("repository", "*")],
        // What every token of this issuer for this audience has.
        vec![("iss", ISSUER)],
        vec![("aud", AUDIENCE), ("jti", "a*")],
    ] {
        assert_eq!(rule(&claims), Err(RuleError::TooWide), "{claims:?}");
    }
    let claims = || BTreeMap::from([("sub".parse().unwrap(), "a".parse().unwrap())]);
    assert_eq!(TrustRule::new("", AUDIENCE, claims()), Err(RuleError::Issuer));
    assert_eq!(TrustRule::new(ISSUER, "", claims()), Err(RuleError::Audience));
    let many = (0..33).map(|number| (format!("claim{number}").parse().unwrap(), "a".parse().unwrap()));
    assert_eq!(TrustRule::new(ISSUER, AUDIENCE, many.collect()), Err(RuleError::TooManyClaims));
    for path in ["", "a\nb", &"a".repeat(257)] {
        assert_eq!(path.parse::<ClaimPath>(), Err(RuleError::ClaimPath), "{path:?}");
    }
}

#[test]
fn claims_as_json() {
    let read = |claims: &str| TrustRule::from_json(ISSUER, AUDIENCE, claims);
    let text = r#"{"kubernetes.io.namespace":"ci","sub":"system:serviceaccount:ci:*"}"#;
    let rule = read(text).unwrap();
    assert_eq!(rule.claims_json(), text);
    assert_eq!(read(&rule.claims_json()), Ok(rule));
    for bad in ["", "[]", "null", "{", r#"{"sub":1}"#, r#"{"sub":["a"]}"#, r#"{"sub":null}"#] {
        assert_eq!(read(bad), Err(RuleError::Claims), "{bad}");
    }
    assert_eq!(read(r#"{"sub":""}"#), Err(RuleError::Pattern("sub".to_owned(), PatternError::Empty)));
    assert_eq!(read(r#"{"":"a"}"#), Err(RuleError::ClaimPath));
    assert_eq!(read("{}"), Err(RuleError::TooWide));
}

#[test]
fn the_rules_that_match() {
    let rules = vec![
        ("x", rule(&[("sub", "b*")]).unwrap()),
        ("y", rule(&[("sub", "a*")]).unwrap()),
        ("z", rule(&[("sub", "ab")]).unwrap()),
        ("later", rule(&[("sub", "*b")]).unwrap()),
    ];
    let found = |sub: &str| -> Vec<_> {
        let matched = workload(json!({ "sub": sub })).matched(rules.clone(), |(_, rule)| rule);
        matched.into_iter().map(|(name, _)| name).collect()
    };
    assert_eq!(found("ab"), ["z", "y", "later"], "the narrowest first");
    assert_eq!(found("b"), ["x", "later"]);
    assert_eq!(found("c"), [""; 0]);
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0..3).prop_map(Value::from),
        "[ab]{0,3}".prop_map(Value::from)
    ];
    leaf.prop_recursive(2, 6, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            proptest::collection::btree_map("[ab]", inner, 0..3).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

proptest! {
    /// A rule that asks for more trusts nobody whom one that asks for less does not.
    #[test]
    fn more_claims_never_trust_more(
        token in proptest::collection::btree_map("[ab]", value(), 0..3),
        wanted in proptest::collection::btree_map("[ab](\\.[ab])?", "[ab*]{1,3}", 1..4),
    ) {
        let workload = workload(token.into_iter().collect());
        let rule_of = |wanted: &BTreeMap<String, String>| {
            rule(&wanted.iter().map(|(path, pattern)| (path.as_str(), pattern.as_str())).collect::<Vec<_>>())
        };
        let Ok(whole) = rule_of(&wanted) else { return Ok(()) };
        for left_out in wanted.keys() {
            let mut fewer = wanted.clone();
            fewer.remove(left_out);
            if let Ok(fewer) = rule_of(&fewer) {
                prop_assert!(!whole.matches(&workload) || fewer.matches(&workload));
            }
        }
    }

    /// A rule without `*` trusts exactly those with those values.
    #[test]
    fn exact_rules_are_exact(token in "[abc]{0,3}", wanted in "[abc]{1,3}") {
        let matches = rule(&[("sub", &wanted)]).unwrap().matches(&workload(json!({ "sub": token })));
        prop_assert_eq!(matches, token == wanted);
    }
}
