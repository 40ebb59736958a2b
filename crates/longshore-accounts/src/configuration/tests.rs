use serde_json::json;

use super::*;

fn settings(values: &[(&'static str, Value)]) -> AccountsSettings {
    let values = values.iter().cloned().collect();
    let secrets = [("ldap_search_password", Secret::new("s3cret"))].into();
    AccountsSettings {
        file: FileConfiguration { values, secrets, ..Default::default() },
        ..AccountsSettings::default()
    }
}

fn read(settings: &AccountsSettings, wanted: Value) -> Result<Vec<&'static str>, String> {
    let Value::Object(wanted) = wanted else { panic!("an object") };
    match read_changes(settings, &wanted) {
        Ok(changes) => Ok(changes.keys().map(|key| key.name()).collect()),
        Err(ManageError::Invalid(message)) => Err(message),
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn what_may_be_changed_is_read() {
    let open = settings(&[]);
    let changed = read(
        &open,
        json!({
            "project_creation_restriction": "adminonly", "read_only": true, "robot_token_duration": 90,
            "robot_name_prefix": "bot-", "token_expiration": 30, "session_timeout": 60,
            "storage_per_project": 1 << 30, "banner_message": "{\"message\":\"Moving\",\"type\":\"info\"}",
            "pull_audit_log_disable": true, "disabled_audit_log_event_types": "pull_artifact"
        }),
    );
    assert_eq!(changed.map(|keys| keys.len()), Ok(Key::ALL.len()));
    assert_eq!(read(&open, json!({})), Ok(vec![]));
}

#[test]
fn values_that_make_no_sense_are_refused_with_their_key() {
    let open = settings(&[]);
    for (key, values) in [
        ("project_creation_restriction", vec![json!("nobody"), json!(true), json!("")]),
        ("read_only", vec![json!("true"), json!(1)]),
        ("robot_token_duration", vec![json!(0), json!(-1), json!("30"), json!(1.5), json!(i64::MAX)]),
        ("robot_name_prefix", vec![json!(""), json!("a:b"), json!("a b"), json!("ö"), json!("r".repeat(33))]),
        ("token_expiration", vec![json!(0), json!(61), json!(-5)]),
        ("session_timeout", vec![json!(0), json!(12 * 60 + 1)]),
        ("storage_per_project", vec![json!(0), json!(-2), json!("1"), json!(u64::MAX)]),
        (
            "banner_message",
            vec![json!("hello"), json!("{}"), json!("[]"), json!("{\"message\":1}"), json!(1)],
        ),
        ("banner_message", vec![json!("{\"message\":\"a\",\"type\":\"shout\"}"), json!("x".repeat(5000))]),
        ("disabled_audit_log_event_types", vec![json!("delete_artifact"), json!("pull_artifact,x")]),
        ("auth_mode", vec![json!("ldap_auth")]),
        ("quota_per_project_enable", vec![json!(false)]),
        ("skip_audit_log_database", vec![json!(true)]),
        ("ldap_url", vec![json!("ldap://elsewhere")]),
        ("oidc_client_secret", vec![json!("x")]),
        ("robot_prefix", vec![json!("x"), json!("")]),
    ] {
        for value in values {
            let message = read(&open, json!({ key: value })).expect_err(key);
            assert!(message.starts_with(&format!("{key}: ")), "{message}");
        }
    }
    let both = json!({ "pull_audit_log_disable": false, "disabled_audit_log_event_types": "pull_artifact" });
    assert!(read(&open, both).is_err());
}

#[test]
fn what_the_file_says_stays_and_may_be_said_again() {
    let fixed = settings(&[
        ("project_creation_restriction", json!("adminonly")),
        ("auth_mode", json!("ldap_auth")),
        ("ldap_url", json!("ldaps://directory")),
        ("ldap_scope", json!(2)),
    ]);
    let refused = read(&fixed, json!({ "project_creation_restriction": "everyone" })).unwrap_err();
    assert!(
        refused.starts_with("project_creation_restriction: ") && refused.contains("configuration file"),
        "{refused}"
    );
    let same = json!({
        "project_creation_restriction": "adminonly", "auth_mode": "ldap_auth", "ldap_url": "ldaps://directory",
        "ldap_scope": 2, "ldap_search_password": "s3cret", "oidc_verify_cert": false, "self_registration": false
    });
    assert_eq!(read(&fixed, same), Ok(vec![]));
    assert!(read(&fixed, json!({ "ldap_scope": 0 })).is_err(), "0 is a scope of this directory");
    assert!(read(&fixed, json!({ "ldap_search_password": "other" })).is_err());
    // Terraform's resource for a provider says this of directories.
    let about_others = json!({ "ldap_scope": 0, "ldap_verify_cert": false, "auth_mode": "oidc_auth" });
    assert!(read(&fixed, about_others).unwrap_err().starts_with("auth_mode: "), "but not of the mode itself");
}

#[test]
fn the_file_goes_before_the_index_and_that_before_the_default() {
    let fixed = settings(&[("read_only", json!(false))]);
    let stored = |pairs: &[(&str, &str)]| {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect::<Stored>()
    };
    let running = Running::of(
        &fixed,
        &stored(&[("read_only", "true"), ("robot_token_duration", "7"), ("token_expiration", "junk")]),
    );
    assert!(!running.read_only);
    assert_eq!(running.robot_days, 7);
    assert_eq!(running.token_lifetime, fixed.token_lifetime, "what makes no sense counts as none");
    for key in Key::ALL {
        assert_eq!(key.check(&running.value(key, None)), Ok(()), "{key:?}");
    }
    assert_eq!(Running::of(&fixed, &Stored::new()).robot_days, crate::robots::ROBOT_DAYS_DEFAULT);
}
