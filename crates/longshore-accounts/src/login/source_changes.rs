//! What a source changed about a user by a login, as the record shows it.

use std::collections::BTreeSet;

use longshore_metadata::{GroupRecord, UserRecord};
use serde_json::{Map, Value, json};

/// Most groups named in a row; of more, it says how many there are.
const GROUPS_MAX: usize = 100;

/// A user and their groups, as a source said.
#[derive(Clone, Debug)]
pub(super) struct Said {
    pub(super) user: UserRecord,
    pub(super) groups: Vec<GroupRecord>,
}

/// The detail of a row: all that counts for a new user, else what became different. `None` where nothing did.
pub(super) fn changes(source: &str, before: Option<&Said>, after: &Said) -> Option<Value> {
    let mut detail = Map::new();
    let user = &after.user;
    if let Some(Said { user: old, .. }) = before {
        let texts = [
            ("name_before", Some(&old.name) != Some(&user.name), Some(&old.name)),
            ("email_before", old.email != user.email, old.email.as_ref()),
            ("real_name_before", old.real_name != user.real_name, Some(&old.real_name)),
            ("external_id_before", old.external_id != user.external_id, old.external_id.as_ref()),
        ];
        for (field, _, text) in texts.into_iter().filter(|(_, changed, _)| *changed) {
            detail.insert(field.to_owned(), json!(text));
        }
    }
    if before.is_none_or(|before| before.user.source_admin != user.source_admin) {
        detail.insert("source_admin".to_owned(), json!(user.source_admin));
    }
    let none: &[GroupRecord] = &[];
    let had = names(before.map_or(none, |before| &before.groups));
    let has = names(&after.groups);
    insert_names(&mut detail, "groups_added", has.difference(&had));
    insert_names(&mut detail, "groups_removed", had.difference(&has));
    if before.is_some() && detail.is_empty() {
        return None;
    }
    detail.insert("source".to_owned(), json!(source));
    Some(Value::Object(detail))
}

fn names(groups: &[GroupRecord]) -> BTreeSet<&str> {
    groups.iter().map(|group| group.external_id.as_str()).collect()
}

fn insert_names<'a>(
    detail: &mut Map<String, Value>,
    field: &str,
    names: impl Iterator<Item = &'a &'a str> + Clone,
) {
    let count = names.clone().count();
    if count > 0 {
        detail.insert(field.to_owned(), json!(names.take(GROUPS_MAX).collect::<Vec<_>>()));
    }
    if count > GROUPS_MAX {
        detail.insert(format!("{field}_count"), json!(count));
    }
}
