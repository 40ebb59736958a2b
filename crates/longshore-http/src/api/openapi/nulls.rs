//! `null` in what is read: it says as much as leaving the field out, see [`json`](crate::api::json).

use serde_json::{Map, Value, json};

/// Says of what may be left out that it may be `null`.
pub(super) fn allow(schema: &mut Value) {
    let Some(members) = schema.as_object_mut() else { return };
    let required = members.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
    if let Some(Value::Object(properties)) = members.get_mut("properties") {
        for (name, property) in properties {
            allow(property);
            if !required.iter().any(|required| required == name) {
                or_null(property);
            }
        }
    }
    if let Some(values @ Value::Object(_)) = members.get_mut("additionalProperties") {
        or_null(values);
    }
}

fn or_null(schema: &mut Value) {
    let Some(members) = schema.as_object_mut() else { return };
    if members.contains_key("type") {
        or_null_by_type(members);
    } else {
        // Not called `null`: json! takes that for the value.
        let nothing = json!({ "type": "null" });
        match members.get_mut("anyOf") {
            Some(Value::Array(any)) if any.contains(&nothing) => {}
            Some(Value::Array(any)) => any.push(nothing),
            _ => {
                let (about, default) = (members.remove("description"), members.remove("default"));
                let schema = std::mem::take(members);
                members.insert("anyOf".to_owned(), json!([schema, nothing]));
                members.extend(about.map(|about| ("description".to_owned(), about)));
                members.extend(default.map(|default| ("default".to_owned(), default)));
            }
        }
    }
}

fn or_null_by_type(members: &mut Map<String, Value>) {
    match members.get_mut("type") {
        Some(Value::Array(types)) if types.iter().any(|of| of == "null") => return,
        Some(Value::Array(types)) => types.push("null".into()),
        Some(of) => *of = json!([of, "null"]),
        None => {}
    }
    if let Some(Value::Array(words)) = members.get_mut("enum") {
        words.push(Value::Null);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_left_out_may_be_null() {
        let check = |property: Value, wanted: Value| {
            let mut schema = json!({ "properties": { "must": { "type": "string" }, "may": property },
                "required": ["must"] });
            allow(&mut schema);
            assert_eq!(schema["properties"]["must"], json!({ "type": "string" }));
            assert_eq!(schema["properties"]["may"], wanted);
            allow(&mut schema);
            assert_eq!(schema["properties"]["may"], wanted, "once is enough");
        };
        check(json!({ "type": "string" }), json!({ "type": ["string", "null"] }));
        check(json!({ "type": ["string", "null"] }), json!({ "type": ["string", "null"] }));
        check(
            json!({ "type": "string", "enum": ["a"] }),
            json!({ "type": ["string", "null"], "enum": ["a", null] }),
        );
        let (item, nothing) = (json!({ "$ref": "#/components/schemas/Item" }), json!({ "type": "null" }));
        check(
            json!({ "$ref": "#/components/schemas/Item", "description": "One." }),
            json!({ "description": "One.", "anyOf": [item, nothing] }),
        );
        check(json!({ "anyOf": [item] }), json!({ "anyOf": [item, nothing] }));
        check(json!({ "anyOf": [item, nothing] }), json!({ "anyOf": [item, nothing] }));
        let map = |of: Value| json!({ "type": ["object", "null"], "additionalProperties": { "type": of } });
        check(
            json!({ "type": "object", "additionalProperties": { "type": "string" } }),
            map(json!(["string", "null"])),
        );
        // Elements of lists are not left out.
        let list = |of: Value| json!({ "type": of, "items": { "type": "string" } });
        check(list(json!("array")), list(json!(["array", "null"])));
    }
}
