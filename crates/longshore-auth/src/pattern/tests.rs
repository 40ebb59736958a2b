use super::*;

fn check(pattern: &str, name: &str, matches: bool) {
    assert_eq!(pattern.parse::<RepositoryPattern>().unwrap().matches(name), matches, "{pattern} {name}");
}

#[test]
fn patterns_match_names() {
    for (pattern, yes, no) in [
        ("app", &["app"][..], &["ap", "apps", "a/app", "app/b", ""][..]),
        ("app-*", &["app-", "app-x", "app-x-y"], &["app", "app-x/y"]),
        ("*", &["app", "a.b"], &["a/b", "a/b/c"]),
        ("?pp", &["app", "1pp"], &["pp", "/pp", "aapp"]),
        ("**", &["app", "a/b", "a/b/c"], &[""]),
        ("app/**", &["app/a", "app/a/b"], &["app", "app/", "apple/a", "b/app/a"]),
        ("**/app", &["app", "a/app", "a/b/app"], &["xapp", "a/xapp", "app/a", "/app"]),
        ("a/**/b", &["a/b", "a/x/b", "a/x/y/b"], &["ab", "a/xb", "a/x", "b"]),
        ("**/a/**", &["a/x", "x/a/y", "x/y/a/z/w"], &["a", "x/a", "xa/b"]),
        ("{app,tool}", &["app", "tool"], &["apptool", ""]),
        ("{app,}-x", &["app-x", "-x"], &["a-x"]),
        ("{team/**,other/*}", &["team/a/b", "other/a"], &["other/a/b", "team"]),
        ("x{a,b{c,d}}y", &["xay", "xbcy", "xbdy"], &["xby", "xacy", "xcy"]),
        ("{**/a,b}", &["a", "x/y/a", "b"], &["x/b", "xa"]),
        ("a,b", &["a,b"], &["a"]),
        ("*a*", &["a", "bab"], &["b", "a/a"]),
    ] {
        yes.iter().for_each(|name| check(pattern, name, true));
        no.iter().for_each(|name| check(pattern, name, false));
    }
}

#[test]
fn what_is_no_pattern_is_refused() {
    let error = |text: &str| text.parse::<RepositoryPattern>().unwrap_err();
    assert_eq!(error(""), PatternError::Empty);
    assert_eq!(error(&"a".repeat(513)), PatternError::TooLong);
    assert_eq!(error(&("{".repeat(9) + &"}".repeat(9))), PatternError::TooDeep);
    for text in ["{", "}", "{a", "a}", "{a,{b}", "a}{"] {
        assert_eq!(error(text), PatternError::Brace, "{text}");
    }
    for text in ["a**", "**a", "a/**b", "***", "a{**,b}", "{**,a}b", "{a/**}/b"] {
        assert_eq!(error(text), PatternError::DoubleStar, "{text}");
    }
    for text in ["[a]", "a b", "a\\*", "é", "!a"] {
        assert!(matches!(error(text), PatternError::Character(_)), "{text}");
    }
}

#[test]
fn no_pattern_takes_long() {
    // A matcher that tries one way after the other needs longer for these than anybody would wait.
    check(&format!("{}b", "*a".repeat(200)), &"a".repeat(255), false);
    check(&format!("{}b", "**/".repeat(160)), &"a/".repeat(127), false);
    check(&"{a,aa}".repeat(80), &"a".repeat(255), false);
    check(&"{a,aa}".repeat(80), &"a".repeat(160), true);
    check(&"{,{,{,{,{,{,{,a}}}}}}}".repeat(20), &"a".repeat(255), false);
}
