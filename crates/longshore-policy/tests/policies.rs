//! What texts are refused for, and what policies say of requests.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::sync::Arc;

use longshore_auth::{
    Access, Circumstances, ClientCertificate, Permission, Principal, Question, SystemRole, Target,
};
use longshore_policy::{Effect, Policy, RULES_MAX, TEXT_BYTES_MAX, schema_text};
use longshore_types::{Digest, ProjectName, RepositoryName, Timestamp};
use proptest::prelude::*;

/// Wednesday, 2026-07-01T08:30:00Z.
const MORNING: i64 = 1_782_894_600_000;

struct Asked {
    principal: Principal,
    project: ProjectName,
    repository: Option<RepositoryName>,
    permission: Permission,
    circumstances: Circumstances,
}

fn push(tag: Option<&str>) -> Asked {
    let now = Circumstances::at(Timestamp::from_unix_millis(MORNING));
    Asked {
        principal: Principal::User { id: 1, name: "ann".into(), system_role: SystemRole::None },
        project: "team/sub".parse().unwrap(),
        repository: Some("team/sub/app".parse().unwrap()),
        permission: Permission::REPOSITORY_PUSH,
        circumstances: Circumstances { tag: tag.map(|tag| tag.parse().unwrap()), ..now },
    }
}

impl Asked {
    fn from(mut self, address: &str) -> Self {
        self.circumstances.address = Some(address.parse().unwrap());
        self
    }

    fn at(mut self, millis: i64) -> Self {
        self.circumstances.now = Timestamp::from_unix_millis(millis);
        self
    }

    fn with<T>(&self, ask: impl FnOnce(&Question<'_>) -> T) -> T {
        let access = Access { principal: self.principal.clone(), ..Access::anonymous() };
        let target = match &self.repository {
            Some(repository) => Target::repository(&self.project, false, repository),
            None => Target::project(&self.project, false),
        };
        let (permission, circumstances) = (self.permission, &self.circumstances);
        ask(&Question { access: &access, target, permission, circumstances })
    }
}

fn check(text: &str, asked: &Asked, wanted: bool) {
    let policy = Policy::check(text).unwrap();
    let answer = asked.with(|question| policy.answer(question));
    assert_eq!(answer.agrees, wanted, "{text}: {answer:?}");
    assert_eq!(answer.errors, Vec::<String>::new());
    assert_eq!(asked.with(|question| policy.agrees(question)), wanted);
}

#[test]
fn tags() {
    let text =
        r#"permit (principal, action, resource) unless { context has tag && !(context.tag like "dev-*") };"#;
    check(text, &push(None), true);
    check(text, &push(Some("dev-1")), true);
    check(text, &push(Some("v1")), false);
}

#[test]
fn addresses() {
    let text = r#"permit (principal, action, resource)
when { context has address && context.address.isInRange(ip("10.0.0.0/8")) };"#;
    check(text, &push(None), false);
    check(text, &push(None).from("10.1.2.3"), true);
    check(text, &push(None).from("::ffff:10.1.2.3"), true);
    check(text, &push(None).from("192.0.2.1"), false);
    check(text, &push(None).from("2001:db8::1"), false);
}

#[test]
fn moments() {
    let text = r#"permit (principal, action, resource)
when { context.time.weekday <= 5 && context.time.hour >= 8 && context.time.hour < 18 };"#;
    let hour = 3_600_000;
    check(text, &push(None), true);
    check(text, &push(None).at(MORNING - hour), false);
    check(text, &push(None).at(MORNING + 9 * hour), true);
    check(text, &push(None).at(MORNING + 10 * hour), false);
    // Saturday and Sunday, then Monday.
    for (day, wanted) in [(3, false), (4, false), (5, true)] {
        check(text, &push(None).at(MORNING + day * 24 * hour), wanted);
    }
    let parts = "permit (principal, action, resource) when { context.time.year == 2026 && \
                 context.time.month == 7 && context.time.day == 1 && context.time.minute == 30 };";
    check(parts, &push(None), true);
    let before = r#"permit (principal, action, resource) when { context.now < datetime("2026-07-01T08:30:00.001Z") };"#;
    check(before, &push(None), true);
    check(before, &push(None).at(MORNING + 1), false);
}

#[test]
fn certificates() {
    let text = r#"permit (principal, action, resource)
when { context has certificate && context.certificate.uris.contains("spiffe://example.org/ci") };"#;
    check(text, &push(None), false);
    let shown = |uri: &str| {
        let mut asked = push(None);
        asked.circumstances.certificate = Some(Arc::new(ClientCertificate {
            subject: "CN=ci".to_owned(),
            uris: vec![uri.to_owned()],
            dns_names: vec!["ci.example.org".to_owned()],
            fingerprint: Digest::sha256(b"certificate"),
        }));
        asked
    };
    check(text, &shown("spiffe://example.org/ci"), true);
    check(text, &shown("spiffe://example.org/other"), false);
    let rest = format!(
        r#"permit (principal, action, resource) when {{ context has certificate
        && context.certificate.subject == "CN=ci" && context.certificate.dnsNames.contains("ci.example.org")
        && context.certificate.fingerprint == "{}" }};"#,
        Digest::sha256(b"certificate")
    );
    check(&rest, &shown("spiffe://example.org/other"), true);
}

#[test]
fn who_does_what_where() {
    let asked = push(None);
    for (text, wanted) in [
        (r#"permit (principal == User::"ann", action, resource);"#, true),
        (r#"permit (principal == User::"bob", action, resource);"#, false),
        (r#"permit (principal is Robot, action, resource);"#, false),
        (r#"permit (principal, action == Action::"repository:push", resource);"#, true),
        (
            r#"permit (principal, action in [Action::"repository:pull", Action::"tag:list"], resource);"#,
            false,
        ),
        (r#"permit (principal, action, resource in Project::"team");"#, true),
        (r#"permit (principal, action, resource in Project::"tea");"#, false),
        (r#"permit (principal, action, resource == Repository::"team/sub/app");"#, true),
        (r#"permit (principal, action, resource) when { resource.name like "team/*/app" };"#, true),
        (r#"permit (principal, action, resource is Project);"#, false),
    ] {
        check(text, &asked, wanted);
    }
    let mut about_project = push(None);
    about_project.repository = None;
    check(r#"permit (principal, action, resource is Project in Project::"team");"#, &about_project, true);
    let mut robot = push(None);
    robot.principal = Principal::Robot { id: 1, name: "robot$ci".into() };
    check(r#"permit (principal == Robot::"robot$ci", action, resource);"#, &robot, true);
}

#[test]
fn rules_that_decide_are_named() {
    let text = "// Pushes.\n@id(\"all\")\npermit (principal, action, resource);\n\n\
                forbid (principal, action, resource) when { context has tag && context.tag == \"v1\" };\n";
    let policy = Policy::check(text).unwrap();
    let answer = push(Some("v2")).with(|question| policy.answer(question));
    let [rule] = answer.rules.as_slice() else { panic!("{answer:?}") };
    assert_eq!((rule.number, rule.id.as_deref(), rule.effect), (1, Some("all"), Effect::Permit));
    assert!(rule.text.ends_with("permit (principal, action, resource);"), "{}", rule.text);

    let answer = push(Some("v1")).with(|question| policy.answer(question));
    let [rule] = answer.rules.as_slice() else { panic!("{answer:?}") };
    assert_eq!((rule.number, &rule.id, rule.effect, rule.line), (2, &None, Effect::Forbid, 5));
    assert!(!answer.agrees && answer.errors.is_empty());
}

#[test]
fn nothing_is_agreed_to_where_a_rule_fails() {
    let text = "permit (principal, action, resource);\n\
                forbid (principal, action, resource) when { context.time.year + 9223372036854775807 > 0 };";
    let policy = Policy::check(text).unwrap();
    let answer = push(None).with(|question| policy.answer(question));
    assert!(!answer.agrees, "{answer:?}");
    assert!(answer.errors[0].contains("overflow"), "{answer:?}");
    assert!(!push(None).with(|question| policy.agrees(question)));
}

#[test]
fn nothing_is_agreed_to_beyond_projects_users_and_robots() {
    let policy = Policy::check("permit (principal, action, resource);").unwrap();
    let mut anonymous = push(None);
    anonymous.principal = Principal::Anonymous;
    let mut of_system = push(None);
    of_system.permission = Permission::USER_CREATE;
    for asked in [anonymous, of_system] {
        let answer = asked.with(|question| policy.answer(question));
        assert!(!answer.agrees && answer.errors.len() == 1, "{answer:?}");
    }
    let access = Access { principal: push(None).principal, ..Access::anonymous() };
    let (permission, circumstances) = (Permission::ROBOT_LIST, &push(None).circumstances);
    let question = Question { access: &access, target: Target::SYSTEM, permission, circumstances };
    assert!(!policy.agrees(&question));
}

/// A text is refused in that line and column, with a message that has this in it.
fn refused(text: &str, place: (usize, usize), wanted: &str) {
    let problems = Policy::check(text).unwrap_err();
    let first = problems.iter().next().unwrap();
    assert_eq!((first.line, first.column), place, "{text}: {problems}");
    assert!(problems.to_string().contains(wanted), "{text}: {problems}");
}

#[test]
fn refusals_tell_where_and_what_was_expected() {
    refused("", (1, 1), "expected `permit` or `forbid`");
    refused("permit (principal, action resource);", (1, 27), "expected");
    refused("permit (principal, action, resource)\nwhen { context.tag like };", (2, 25), "string literal");
    refused("permit (principal, action, resource)\nwhen { context.tag == \"a\" };", (2, 8), "has tag");
    refused("permit (principal, action, resource)\nwhen { context.tags == \"a\" };", (2, 8), "did you mean");
    refused("permit (principal, action, resource) when { context.time.hour == \"8\" };", (1, 45), "types");
    refused(
        "permit (principal, action == Action::\"repository:psh\", resource);",
        (1, 30),
        "repository:push",
    );
    refused("permit (principal == Usr::\"ann\", action, resource);", (1, 22), "User");
    refused(
        "permit (principal, action, resource) when { context has address && context.address.isInRange(ip(\"10.0.0.0/99\")) };",
        (1, 94),
        "10.0.0.0/99",
    );
    refused("permit (principal, action, resource) when { \"é\" == context.x };", (1, 52), "x");
    refused("forbid (principal, action, resource);", (1, 1), "permits");
    refused("permit (principal == ?principal, action, resource);", (1, 1), "?principal");
    refused("permit (principal, action, resource) when { false };", (1, 1), "impossible");
}

#[test]
fn texts_have_bounds() {
    let rule = "permit (principal, action, resource);";
    Policy::check(&rule.repeat(RULES_MAX)).unwrap();
    refused(&rule.repeat(RULES_MAX + 1), (1, 1), "64 are the most");
    let long = format!("{rule}//{}", "x".repeat(TEXT_BYTES_MAX));
    refused(&long, (1, 1), "bytes");
    let nested = |open: &str, close: &str, n: usize| {
        format!("permit (principal, action, resource) when {{ {}true{} }};", open.repeat(n), close.repeat(n))
    };
    Policy::check(&nested("(", ")", 30)).unwrap();
    refused(&nested("(", ")", 40), (1, 76), "lie in each other");
    refused(&nested("if true then ", " else false", 40), (1, 461), "lie in each other");
    // Neither strings nor comments count.
    let quoted = format!(
        "permit (principal, action, resource) unless {{ \"\\\"{0}\" == \"if\" }}; // {0}",
        "(".repeat(99)
    );
    Policy::check(&quoted).unwrap();
}

#[test]
fn the_schema_tells_all_permissions_of_projects() {
    let text = schema_text();
    for wanted in ["\"repository:push\"", "\"member:create\"", "tag?: String"] {
        assert!(text.contains(wanted), "{wanted} in {text}");
    }
    assert!(!text.contains("\"user:create\""));
}

/// The longest chains that a text has room for, checked, asked and dropped on the stack of a thread of a runtime.
#[test]
fn long_chains_need_no_deep_stack() {
    let chains = [
        ("true", " && true"),
        ("true", " || true"),
        ("1", " + 1"),
        ("1", "*1"),
        ("\"a\"", " like \"a\" && \"a\""),
        ("context", ".a"),
        ("context", "[\"a\"]"),
        ("[1]", ".contains(1)"),
        ("", "!"),
        ("", "-"),
        ("[", "1,"),
    ];
    for (begin, more) in chains {
        let room = TEXT_BYTES_MAX - 80;
        let expression = format!("{begin}{}", more.repeat(room / more.len()));
        for end in ["", "true", "1", " == 1", "1]"] {
            let text = format!("permit (principal, action, resource) when {{ {expression}{end} }};");
            let thread = std::thread::Builder::new().stack_size(2 << 20);
            let asked = move || {
                if let Ok(policy) = Policy::check(&text) {
                    push(None).with(|question| policy.agrees(question));
                }
                if let Ok(policy) = Policy::read(&text) {
                    push(None).with(|question| policy.agrees(question));
                }
            };
            thread.spawn(asked).unwrap().join().unwrap();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_text_is_too_strange(pieces in prop::collection::vec(prop::sample::select(vec![
        "permit", "forbid", "(", ")", "principal", ",", "action", "resource", ";", "when", "unless", "{", "}", "context",
        ".", "tag", "\"", "dev", "==", "has", "like", "in", "if", "then", "else", "[", "]", "!", "-", "1", "ip", "//", "\n",
        "@id", "is", "User", "::", "é", "\\", "?principal", "&&",
    ]), 0..60)) {
        let text = pieces.join(" ");
        match Policy::check(&text) {
            Ok(policy) => { push(None).with(|question| policy.agrees(question)); }
            Err(problems) => {
                for problem in problems.iter() {
                    let lines: Vec<_> = text.split('\n').collect();
                    prop_assert!(problem.line <= lines.len(), "{problem}");
                    prop_assert!(problem.column <= lines[problem.line - 1].chars().count() + 1, "{problem}");
                }
            }
        }
    }
}
