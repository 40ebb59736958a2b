//! Permissions to tick: one box each, by what they are about.

use std::collections::BTreeMap;

use maud::{Markup, html};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::pairs::Pairs;

/// A permission as the management API shows it.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub(super) struct Permission {
    pub(super) resource: String,
    pub(super) action: String,
}

impl Permission {
    /// `repository:pull`.
    pub(super) fn word(&self) -> String {
        format!("{}:{}", self.resource, self.action)
    }
}

/// Boxes named `field`, a group for each resource; `is_on` says which are ticked.
pub(super) fn boxes(
    field: &str,
    title: &str,
    possible: &[Permission],
    is_on: impl Fn(&Permission) -> bool,
) -> Markup {
    let mut by_resource: BTreeMap<&str, Vec<&Permission>> = BTreeMap::new();
    for permission in possible {
        by_resource.entry(&permission.resource).or_default().push(permission);
    }
    html! {
        fieldset class="permissions" {
            legend { (title) }
            @for (resource, permissions) in &by_resource {
                div role="group" aria-label=(resource) {
                    code { (resource) }
                    @for permission in permissions {
                        label {
                            input type="checkbox" name=(field) value=(permission.word())
                                aria-label=(permission.word()) checked[is_on(permission)];
                            (permission.action)
                        }
                    }
                }
            }
        }
    }
}

/// What was ticked, as the management API takes it.
pub(super) fn ticked(form: &Pairs, field: &str) -> Vec<Value> {
    form.all(field)
        .filter_map(|word| word.split_once(':'))
        .map(|(resource, action)| json!({ "resource": resource, "action": action }))
        .collect()
}

/// Permissions in a line for each resource: `repository: pull, push`.
pub(super) fn shown(permissions: &[Permission]) -> Markup {
    let mut by_resource: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for permission in permissions {
        by_resource.entry(&permission.resource).or_default().push(&permission.action);
    }
    html! {
        ul class="plain" {
            @for (resource, actions) in &by_resource { li { code { (resource) } ": " (actions.join(", ")) } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_come_back_as_they_were_ticked() {
        let possible = ["pull", "push"]
            .map(|action| Permission { resource: "repository".into(), action: action.into() });
        let html = boxes("on", "Title", &possible, |permission| permission.action == "push").into_string();
        assert!(html.contains(r#"aria-label="repository:push" checked"#), "{html}");
        assert!(!html.contains(r#"aria-label="repository:pull" checked"#), "{html}");
        let form = Pairs::from([("on", "repository:push"), ("on", "odd"), ("other", "a:b")]);
        assert_eq!(ticked(&form, "on"), [json!({ "resource": "repository", "action": "push" })]);
    }
}
