//! The claims of a token (RFC 7519 section 4.1) and distribution's own `access`.

use std::time::Duration;

use longshore_types::Timestamp;
use serde::Deserialize;

use crate::{Action, Caller, CallerKind, Permissions, RepositoryGrant};

/// What a token says.
#[derive(Debug, Deserialize)]
pub(super) struct Claims {
    #[serde(default)]
    iss: String,
    #[serde(default)]
    sub: String,
    #[serde(default)]
    aud: Audience,
    /// Seconds since the Unix epoch; they may have a fraction. Without `exp` the token is long expired.
    #[serde(default)]
    exp: f64,
    #[serde(default)]
    nbf: f64,
    #[serde(default)]
    access: Option<Vec<Access>>,
    /// What conditions decide at each request, in our own tokens. Beside `access`, so that those who know nothing of it
    /// allow nothing by it.
    #[serde(default)]
    longshore_conditional: Option<Vec<Access>>,
    /// What the bearer is, in our own tokens. Rights don't come from it.
    #[serde(default)]
    longshore_kind: Option<String>,
}

/// The claim `longshore_kind`: nothing for a person.
pub(super) fn kind_word(kind: CallerKind) -> Option<&'static str> {
    match kind {
        CallerKind::Person => None,
        CallerKind::Administrator => Some("administrator"),
        CallerKind::Robot => Some("robot"),
    }
}

/// One name or several.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Default for Audience {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

/// Rights to something.
#[derive(Debug, Deserialize)]
struct Access {
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    actions: Option<Vec<String>>,
}

impl Claims {
    /// Whether the token is meant for `service`, comes from `issuer`, and holds at `now`.
    pub(super) fn check(
        &self,
        issuer: &str,
        service: &str,
        now: Timestamp,
        leeway: Duration,
    ) -> Result<(), String> {
        if self.iss != issuer {
            return Err(format!("issued by {:?}", self.iss));
        }
        let meant = match &self.aud {
            Audience::One(name) => name == service,
            Audience::Many(names) => names.iter().any(|name| name == service),
        };
        if !meant {
            return Err(format!("meant for {:?}", self.aud));
        }
        if now >= self.valid_until(leeway) {
            return Err("expired".to_owned());
        }
        if now.after(leeway) < Timestamp::from_unix_seconds(self.nbf) {
            return Err("not valid yet".to_owned());
        }
        Ok(())
    }

    /// From when on it is expired.
    pub(super) fn valid_until(&self, leeway: Duration) -> Timestamp {
        Timestamp::from_unix_seconds(self.exp).after(leeway)
    }

    /// Who bears it. Names and actions that mean nothing here grant nothing.
    pub(super) fn into_caller(self) -> Caller {
        let mut repositories = Vec::new();
        let mut catalog = false;
        let allowed = self.access.unwrap_or_default().into_iter().map(|access| (access, false));
        let conditional =
            self.longshore_conditional.unwrap_or_default().into_iter().map(|access| (access, true));
        for (access, on_condition) in allowed.chain(conditional) {
            let words = access.actions.unwrap_or_default();
            // `repository(plugin)` names a class of content, which is all the same here.
            match access.kind.split('(').next() {
                Some("repository") => {
                    let Ok(repository) = access.name.parse() else { continue };
                    let actions = actions(&words);
                    if !actions.is_empty() {
                        repositories.push(RepositoryGrant { repository, actions, on_condition });
                    }
                }
                Some("registry") if !on_condition => {
                    catalog |= access.name == "catalog" && words.iter().any(|word| word == "*")
                }
                _ => {}
            }
        }
        let kinds = [CallerKind::Administrator, CallerKind::Robot];
        let kind = kinds.into_iter().find(|kind| kind_word(*kind) == self.longshore_kind.as_deref());
        Caller {
            kind: kind.unwrap_or_default(),
            name: Some(self.sub).filter(|name| !name.is_empty()).map(Into::into),
            permissions: Permissions::Granted { repositories: repositories.into(), catalog },
        }
    }
}

/// `*` stands for every action, as in distribution.
fn actions(words: &[String]) -> Vec<Action> {
    let all = [Action::Pull, Action::Push, Action::Delete];
    let granted = |action: &Action| words.iter().any(|word| word == "*" || word == action.as_str());
    all.into_iter().filter(granted).collect()
}
