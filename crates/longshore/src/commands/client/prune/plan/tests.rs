use super::*;

const DAY: Duration = Duration::from_secs(86_400);

fn digest(content: &str) -> Digest {
    Digest::sha256(content.as_bytes())
}

fn now() -> Timestamp {
    "2026-11-21T00:00:00Z".parse().unwrap()
}

/// Tags, what each points to and how many days old that is.
fn survey(tags: &[(&str, &str, Option<i64>)]) -> Survey {
    let mut survey = Survey::default();
    for (tag, content, days) in tags {
        survey.tags.push((tag.parse().unwrap(), digest(content)));
        let created = days.map(|days| now() - jiff::SignedDuration::from_hours(24 * days));
        survey.images.insert(digest(content), Image { created, children: HashSet::new() });
    }
    survey
}

fn told(steps: &[Step]) -> Vec<String> {
    let words = |step: &Step| {
        let tags: Vec<_> = step.tags.iter().map(Tag::as_str).collect();
        format!("{} {}", step.act.word(), tags.join(","))
    };
    steps.iter().map(words).collect()
}

fn rules(older_than_days: Option<u32>, keep: Option<usize>, matching: &[&str], except: &[&str]) -> Rules {
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    let older_than = older_than_days.map(|days| DAY * days);
    Rules { older_than, keep, matching: texts(matching), except: texts(except) }
}

#[test]
fn rules_hold_together() {
    let there = survey(&[
        ("v1", "1", Some(90)),
        ("v2", "2", Some(60)),
        ("v3", "3", Some(40)),
        ("latest", "4", Some(1)),
        ("odd", "5", None),
    ]);
    let check = |rules: Rules, wanted: &[&str]| {
        assert_eq!(told(&plan(&there, &rules, now())), wanted, "{rules:?}");
    };
    check(rules(Some(30), None, &[], &[]), &["delete v1", "delete v2", "delete v3"]);
    check(rules(Some(90), None, &[], &[]), &[]);
    // What says nothing of its age counts as the newest.
    check(rules(None, Some(2), &[], &[]), &["delete v1", "delete v2", "delete v3"]);
    check(rules(Some(50), Some(4), &[], &[]), &["delete v1"]);
    check(rules(None, Some(1), &["v*"], &[]), &["delete v1", "delete v2"]);
    check(rules(None, None, &["v?"], &["v2"]), &["delete v1", "delete v3"]);
    check(rules(Some(1), None, &[], &["v*", "l*"]), &[]);
    check(rules(None, Some(9), &[], &[]), &[]);
}

#[test]
fn what_something_else_needs_stays() {
    let mut there = survey(&[
        ("v1", "1", Some(90)),
        ("stable", "1", Some(90)),
        ("amd64", "child", Some(90)),
        ("all", "index", Some(1)),
        ("part", "old child", Some(90)),
        ("old", "old index", Some(90)),
    ]);
    there.images.get_mut(&digest("index")).unwrap().children.insert(digest("child"));
    there.images.get_mut(&digest("old index")).unwrap().children.insert(digest("old child"));
    let mut steps = told(&plan(&there, &rules(Some(30), None, &[], &["stable"]), now()));
    steps.sort();
    // A part of an index that goes can go when that is gone.
    assert_eq!(steps, ["delete old", "untag amd64", "untag part", "untag v1"]);
}

#[test]
fn what_is_about_an_image_goes_with_it_and_never_alone() {
    let (old, new) = (digest("old"), digest("new"));
    let signature = |of: &Digest| format!("sha256-{}.sig", of.hex());
    let referrers = format!("sha256-{}", old.hex());
    let there = survey(&[
        ("v1", "old", Some(90)),
        ("v2", "new", Some(1)),
        (&signature(&old), "signature of old", None),
        (&referrers, "referrers of old", None),
        (&signature(&new), "signature of new", Some(90)),
    ]);
    let steps = plan(&there, &rules(Some(30), None, &[], &[]), now());
    let mut found: Vec<_> = told(&steps);
    assert_eq!(found.remove(0), "delete v1");
    found.sort();
    assert_eq!(found, [format!("delete {referrers}"), format!("delete {}", signature(&old))]);
    assert_eq!(told(&plan(&there, &rules(None, None, &["sha256-*"], &[]), now())), Vec::<String>::new());
}

#[test]
fn what_has_no_tag_goes_by_its_push() {
    let mut there = survey(&[("all", "index", Some(1))]);
    there.images.get_mut(&digest("index")).unwrap().children.insert(digest("child"));
    let found = |content: &str, days: i64| Untagged {
        digest: digest(content),
        push_time: now() - jiff::SignedDuration::from_hours(24 * days),
    };
    let found = [found("a", 40), found("b", 2), found("child", 40)];
    let check = |rules: Rules, wanted: &[Digest]| {
        let steps = untagged(&found, &there, &rules, now());
        assert_eq!(steps.iter().map(|step| step.digest).collect::<Vec<_>>(), wanted);
    };
    check(Rules::default(), &[digest("a"), digest("b")]);
    check(rules(Some(30), Some(9), &["v*"], &[]), &[digest("a")]);
}

#[test]
fn patterns() {
    let check =
        |pattern: &str, text: &str, wanted: bool| assert_eq!(fits(pattern, text), wanted, "{pattern} {text}");
    check("v1", "v1", true);
    check("v1", "v10", false);
    check("*", "", true);
    check("v*.?", "v1.2.3", true);
    check("*-rc*", "v1-rc2", true);
    check("*-rc*", "v1", false);
    check("a*b*c", "axxbyybzc", true);
    check("a*b*c", "axxbyyb", false);
    check("?", "", false);
    check(&"*a".repeat(40), &"a".repeat(128), true);
    check(&format!("{}b", "*a".repeat(40)), &"a".repeat(128), false);
}
