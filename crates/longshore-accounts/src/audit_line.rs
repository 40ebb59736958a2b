//! A row of the audit record as text: a line of JSON, a line of CSV.

use std::borrow::Cow;

use longshore_metadata::AuditEvent;
use longshore_types::Timestamp;
use serde_json::{Value, json};

/// The names of the columns of [`csv_line`].
pub const CSV_HEADER: &str = "sequence,hash,id,time,operation,resource_type,resource,project,actor,address,request_id,succeeded,detail\r\n";

/// One line, without its end. `sequence` and `hash` are null while the row has no place in the chain.
pub fn json_line(event: &AuditEvent) -> String {
    let detail = match event.detail.as_str() {
        "" => Value::Null,
        text => serde_json::from_str(text).unwrap_or_else(|_| text.into()),
    };
    json!({
        "sequence": event.sequence,
        "hash": event.hash.map(|hash| hash.hex()),
        "id": event.id,
        "time": timestamp(event.at),
        "operation": event.operation,
        "resource_type": event.resource_type,
        "resource": event.resource,
        "project": event.project,
        "actor": event.actor,
        "address": event.address,
        "request_id": event.request_id,
        "succeeded": event.succeeded,
        "detail": detail,
    })
    .to_string()
}

/// One record as RFC 4180 has it, with its end.
pub fn csv_line(event: &AuditEvent) -> String {
    let sequence = event.sequence.map(|sequence| sequence.to_string()).unwrap_or_default();
    let hash = event.hash.map(|hash| hash.hex()).unwrap_or_default();
    let (id, time) = (event.id.to_string(), timestamp(event.at));
    let fields = [
        sequence.as_str(),
        &hash,
        &id,
        &time,
        &event.operation,
        &event.resource_type,
        &event.resource,
        event.project.as_deref().unwrap_or_default(),
        &event.actor,
        &event.address,
        &event.request_id,
        if event.succeeded { "true" } else { "false" },
        &event.detail,
    ];
    let fields: Vec<Cow<'_, str>> = fields.into_iter().map(quoted).collect();
    format!("{}\r\n", fields.join(","))
}

/// RFC 3339, to the millisecond.
fn timestamp(at: Timestamp) -> String {
    let moment = jiff::Timestamp::from_millisecond(at.unix_millis()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    format!("{moment:.3}")
}

/// A field, in quotes where it needs them. One that a spreadsheet would take for a formula gets an apostrophe before it:
/// names come from whoever sends them.
fn quoted(field: &str) -> Cow<'_, str> {
    let guarded = match field.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        true => Cow::Owned(format!("'{field}")),
        false => Cow::Borrowed(field),
    };
    match guarded.contains(['"', ',', '\r', '\n']) {
        true => format!("\"{}\"", guarded.replace('"', "\"\"")).into(),
        false => guarded,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_csv_stay_fields() {
        let check = |field: &str, wanted: &str| assert_eq!(quoted(field), wanted);
        check("", "");
        check("team/app:v1", "team/app:v1");
        check("a,b", "\"a,b\"");
        check("say \"no\"", "\"say \"\"no\"\"\"");
        check("two\nlines", "\"two\nlines\"");
        check("=1+1", "'=1+1");
        check("@a,b", "\"'@a,b\"");
    }
}
