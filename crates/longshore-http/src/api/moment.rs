//! Moments as Harbor writes them: RFC 3339, in UTC.

use std::borrow::Cow;

use longshore_types::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

/// A moment in a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment(pub(crate) Timestamp);

impl From<Timestamp> for Moment {
    fn from(timestamp: Timestamp) -> Self {
        Self(timestamp)
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // What lies beyond the years that RFC 3339 can write is not a moment at which something happened.
        let moment = jiff::Timestamp::from_millisecond(self.0.unix_millis()).unwrap_or_default();
        serializer.collect_str(&format_args!("{moment:.3}"))
    }
}

impl JsonSchema for Moment {
    fn schema_name() -> Cow<'static, str> {
        "Moment".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date-time" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_rfc_3339() {
        let check = |millis: i64, wanted: &str| {
            let moment = Moment(Timestamp::from_unix_millis(millis));
            assert_eq!(serde_json::to_string(&moment).unwrap(), format!("\"{wanted}\""));
        };
        check(0, "1970-01-01T00:00:00.000Z");
        check(1_789_000_000_120, "2026-09-10T00:26:40.120Z");
        check(i64::MAX, "1970-01-01T00:00:00.000Z");
    }
}
