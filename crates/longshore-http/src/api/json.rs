//! JSON of requests: lenient in what it takes, clear about what it refuses.

use serde::de::DeserializeOwned;
use serde_json::Value;

/// Longest message, in bytes: what is wrong may be quoted in it.
const MESSAGE_BYTES_MAX: usize = 300;

/// Reads a body. Fields that nobody asked for are ignored, and so are those that are `null`. `{}` is left to the types,
/// which can do without any of its fields: Terraform sends `cve_allowlist: {}` and `member_group: {}` where it means
/// nothing. The message names the field that is wrong.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    parse_but(bytes, &[])
}

/// The same, but that these fields of the whole are ignored whatever they hold: what clients send along that they read
/// before, where the type refuses fields that it does not know.
pub(crate) fn parse_but<T: DeserializeOwned>(bytes: &[u8], ignored: &[&str]) -> Result<T, String> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err("the body is empty, and JSON is expected".to_owned());
    }
    let mut value: Value =
        serde_json::from_slice(bytes).map_err(|error| short(format!("the body is no JSON: {error}")))?;
    leave_out_nulls(&mut value);
    if let Value::Object(members) = &mut value {
        members.retain(|name, _| !ignored.contains(&name.as_str()));
    }
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        let reason = error.into_inner();
        short(if path == "." { reason.to_string() } else { format!("{path}: {reason}") })
    })
}

/// Takes out the members of objects that are `null`. Depth is bounded by the reader of JSON.
fn leave_out_nulls(value: &mut Value) {
    match value {
        Value::Object(members) => members.retain(|_, member| {
            leave_out_nulls(member);
            !member.is_null()
        }),
        Value::Array(entries) => entries.iter_mut().for_each(leave_out_nulls),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn short(mut message: String) -> String {
    if message.len() > MESSAGE_BYTES_MAX {
        let end =
            (0..=MESSAGE_BYTES_MAX).rev().find(|&end| message.is_char_boundary(end)).unwrap_or_default();
        message.truncate(end);
        message.push('…');
    }
    message
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    struct Member {
        role_id: i64,
        #[serde(default)]
        member_user: Option<User>,
        #[serde(default)]
        names: Vec<String>,
    }

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default)]
    struct User {
        username: String,
    }

    #[test]
    fn what_says_nothing_is_left_out() {
        let check = |json: &str, wanted: Member| {
            assert_eq!(parse::<Member>(json.as_bytes()), Ok(wanted), "{json}");
        };
        let two = || Member { role_id: 2, ..Member::default() };
        check(r#"{"role_id":2}"#, two());
        check(r#"{"role_id":2,"other":7,"payload_format:omitempty":"x"}"#, two());
        check(r#"{"role_id":2,"member_user":null}"#, two());
        for nobody in ["{}", r#"{"username":null}"#, r#"{"username":""}"#] {
            let member_user = Some(User { username: String::new() });
            let json = format!(r#"{{"role_id":2,"member_user":{nobody}}}"#);
            check(&json, Member { member_user, ..two() });
        }
    }

    #[test]
    fn the_field_that_is_wrong_is_named() {
        let check = |json: &str, wanted: &str| {
            assert_eq!(parse::<Member>(json.as_bytes()), Err(wanted.to_owned()), "{json}");
        };
        check("", "the body is empty, and JSON is expected");
        check(" \n", "the body is empty, and JSON is expected");
        check("{", "the body is no JSON: EOF while parsing an object at line 1 column 1");
        check("[]", "invalid length 0, expected struct Member with 3 elements");
        check("{}", "missing field `role_id`");
        check(r#"{"role_id":"2"}"#, r#"role_id: invalid type: string "2", expected i64"#);
        check(r#"{"role_id":{}}"#, "role_id: invalid type: map, expected i64");
        check(
            r#"{"role_id":2,"member_user":{"username":1}}"#,
            "member_user.username: invalid type: integer `1`, expected a string",
        );
        check(r#"{"role_id":2,"names":["a",{}]}"#, "names[1]: invalid type: map, expected a string");
        let long =
            parse::<Member>(format!(r#"{{"role_id":"{}"}}"#, "é".repeat(1000)).as_bytes()).unwrap_err();
        assert!(long.len() <= MESSAGE_BYTES_MAX + 3 && long.ends_with('…'), "{long}");
        let deep = "[".repeat(100_000);
        assert!(parse::<Member>(deep.as_bytes()).unwrap_err().contains("recursion"));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            let _ = parse::<Member>(&bytes);
        }

        #[test]
        fn no_json_makes_it_panic(text in r#"[{}\[\]":,a0é null]{0,60}"#) {
            let _ = parse::<Member>(text.as_bytes());
        }
    }
}
