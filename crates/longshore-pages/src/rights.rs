//! What the reader may do in a project, so that pages show what they can use; the management API decides anyway.

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::{PageError, PageReply, cx::Cx, pairs::encode, ui};

/// Permissions in a project: `repository:push`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rights(BTreeSet<String>);

/// What `/users/current/permissions` lists.
#[derive(Deserialize)]
struct Allowed {
    resource: String,
    action: String,
}

impl Rights {
    /// Those of the reader in the project of that number; none for who is not signed in.
    pub(crate) async fn in_project(cx: &Cx<'_>, id: i64) -> Result<Self, PageError> {
        Self::look(cx, &format!("/project/{id}"), "").await
    }

    /// The same in one repository of the project, by its whole name.
    pub(crate) async fn in_repository(cx: &Cx<'_>, id: i64, name: &str) -> Result<Self, PageError> {
        Self::look(cx, &format!("/project/{id}"), &format!("&repository={}", encode(name))).await
    }

    async fn look(cx: &Cx<'_>, scope: &str, more: &str) -> Result<Self, PageError> {
        if cx.request.caller.is_none() {
            return Ok(Self::default());
        }
        let target = format!("/users/current/permissions?scope={scope}&relative=true{more}");
        let allowed = cx.look::<Vec<Allowed>>(target).await?.unwrap_or_default();
        let words = allowed.into_iter().map(|Allowed { resource, action }| format!("{resource}:{action}"));
        Ok(Self(words.collect()))
    }

    /// Whether a permission is among them.
    pub(crate) fn may(&self, permission: &str) -> bool {
        self.0.contains(permission)
    }
}

/// What a form can show: the management API refused it, or does not know what it names. Everything else is a page of its own.
pub(crate) fn refused(error: PageError) -> Result<PageError, PageError> {
    match error {
        PageError::Refused(..) | PageError::Forbidden(_) => Ok(error),
        other => Err(other),
    }
}

/// The page with a form that was refused has the refusal's status.
pub(crate) fn with_refusal(reply: PageReply, problem: Option<&PageError>) -> PageReply {
    match problem {
        Some(PageError::Refused(status, _)) => reply.with_status(*status),
        Some(PageError::Forbidden(_)) => reply.with_status(403),
        _ => reply,
    }
}

/// `page=2&page_size=25` and how it is sorted.
pub(crate) fn part(cx: &Cx<'_>, usual_sort: &str) -> String {
    let sort = cx.request.query.text("sort").unwrap_or(usual_sort);
    format!("page={}&page_size={}&sort={}", ui::page_number(cx), ui::PAGE_SIZE, encode(sort))
}

/// `&q=` of the management API: conditions in its words (`name`, `=~`, text), those without a value left out. What has a comma
/// in it is no name, and separates conditions there: it counts as a blank.
pub(crate) fn filters(conditions: &[(&str, &str, Option<&str>)]) -> String {
    let texts: Vec<_> = conditions
        .iter()
        .filter_map(|(key, comparison, value)| {
            Some(format!("{key}{comparison}{}", (*value)?.replace(',', " ")))
        })
        .collect();
    if texts.is_empty() { String::new() } else { format!("&q={}", encode(&texts.join(","))) }
}

/// A number in a path.
pub(crate) fn number(text: &str) -> Result<i64, PageError> {
    text.parse().map_err(|_| PageError::NotFound)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_joined() {
        assert_eq!(filters(&[("name", "=~", None)]), "");
        assert_eq!(
            filters(&[("name", "=~", Some("a,b=c")), ("x", "=", Some("1"))]),
            "&q=name%3D~a%20b%3Dc%2Cx%3D1"
        );
    }
}
