//! Settings in Harbor's words, and changing those of them that may change while the registry runs.
//!
//! What the configuration file or the environment says holds, and nobody changes it here: a file that is kept with other
//! files stays true. Else what is in the index holds, where administrators change it, and else the default. The process
//! that changes something uses it at once; the others read the index every few seconds.

mod keys;
mod running;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, sync::Arc};

use longshore_identity::Secret;
use longshore_metadata::{MetadataError, ReadTx, UserFilter, UserOrder, WriteTx};
use serde_json::{Map, Value, json};

pub use self::running::Running;
pub(crate) use self::{keys::TOKEN_MINUTES_MAX, running::Holding};
use self::{
    keys::{DISABLED_EVENTS, FIXED, Key, SECRETS},
    running::Stored,
};
use crate::{Accounts, AccountsSettings, Act, ManageError, retry::retry_on_conflict};

/// What stands before the keys in the index.
const GROUP: &str = "configuration";

/// What the configuration file and the environment say, in Harbor's words.
#[derive(Clone, Debug, Default)]
pub struct FileConfiguration {
    /// What everybody sees who may see the configuration.
    pub values: BTreeMap<&'static str, Value>,
    /// What nobody sees.
    pub secrets: BTreeMap<&'static str, Secret>,
    /// Who may say who somebody is, in the order in which they are asked.
    pub sources: Vec<ConfiguredSource>,
    /// How often everybody may come: limits by their keys in the file, those that are set.
    pub rate_limits: Vec<(&'static str, u64)>,
}

/// Somebody who may say who somebody is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfiguredSource {
    /// What users that it vouches for are marked with, or the address of an issuer.
    pub name: String,
    /// `local`, `ldap`, `oidc`, `htpasswd`, `certificate`, `issuer`, `domain`.
    pub kind: &'static str,
    /// What else of it is no secret, by keys of the file.
    pub facts: Vec<(&'static str, String)>,
}

/// A setting as it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// What it is.
    pub value: Value,
    /// Whether it may be changed while the registry runs.
    pub editable: bool,
}

/// What somebody wants to be different: keys that may be changed, with values that make sense.
type Changes = BTreeMap<Key, Value>;

impl Accounts {
    /// Every setting but the secret ones.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub async fn configuration(&self) -> Result<BTreeMap<&'static str, Setting>, ManageError> {
        let mut tx = self.inner.metadata.read().await?;
        let settings = &self.inner.settings;
        let (running, quota) = (Running::of(settings, &stored(&mut tx).await?), tx.default_quota().await?);
        let of_file = &settings.file.values;
        let fixed = FIXED.iter().map(|(key, value)| (*key, value.to_json()));
        let mut all: BTreeMap<_, _> = fixed.collect();
        all.extend(of_file.iter().map(|(key, value)| (*key, value.clone())));
        let mut all: BTreeMap<_, _> =
            all.into_iter().map(|(key, value)| (key, Setting { value, editable: false })).collect();
        for key in Key::ALL {
            let editable = !of_file.contains_key(key.name());
            all.insert(key.name(), Setting { value: running.value(key, quota), editable });
        }
        // Harbor's own client shows every key that Harbor has, and falls over one that is missing.
        all.insert(keys::SCANS, Setting { value: json!({ "type": "none" }), editable: false });
        let editable = !of_file.contains_key(Key::PullsUnrecorded.name());
        let events = keys::disabled_events(running.records_pulls);
        all.insert(DISABLED_EVENTS, Setting { value: events.into(), editable });
        Ok(all)
    }

    /// Changes settings: those that are named. All of them, or none.
    ///
    /// # Errors
    /// [`ManageError::Invalid`] with the key, for one that there is not, a value that makes no sense, and one that differs
    /// from what cannot be changed here.
    pub async fn change_configuration(
        &self,
        act: &Act,
        wanted: &Map<String, Value>,
    ) -> Result<(), ManageError> {
        let changes = read_changes(&self.inner.settings, wanted)?;
        retry_on_conflict(|| self.write_configuration(act, &changes)).await?;
        Ok(self.refresh_configuration().await?)
    }

    async fn write_configuration(&self, act: &Act, changes: &Changes) -> Result<(), ManageError> {
        let mut tx = self.inner.metadata.write().await?;
        let running = Running::of(&self.inner.settings, &stored(&mut tx).await?);
        let quota = tx.default_quota().await?;
        let (mut before, mut after) = (Map::new(), Map::new());
        for (key, value) in changes {
            let old = running.value(*key, quota);
            if old == *value {
                continue;
            }
            write_value(&mut tx, *key, value).await?;
            before.insert(key.name().to_owned(), old);
            after.insert(key.name().to_owned(), value.clone());
        }
        if after.is_empty() {
            return Ok(());
        }
        let detail = json!({ "before": before, "after": after }).to_string();
        act.record(&mut tx, "update_configuration", ("configuration", "configuration"), None, &detail)
            .await?;
        Ok(tx.commit().await?)
    }

    /// Uses what the index says now. To be called at the start, and every few seconds for what other processes change.
    ///
    /// # Errors
    /// When the index cannot be read; what held before holds on.
    pub async fn refresh_configuration(&self) -> Result<(), MetadataError> {
        // One at a time: what was read first must not be used last.
        let _turn = self.inner.refreshing.lock().await;
        let mut tx = self.inner.metadata.read().await?;
        let running = Running::of(&self.inner.settings, &stored(&mut tx).await?);
        self.inner.running.replace(Arc::new(running));
        Ok(())
    }

    /// The settings that may change, as they hold now.
    pub fn running(&self) -> Arc<Running> {
        self.inner.running.get()
    }
}

async fn stored(tx: &mut ReadTx) -> Result<Stored, MetadataError> {
    Ok(tx.settings_of(GROUP).await?.into_iter().collect())
}

async fn write_value(tx: &mut WriteTx, key: Key, value: &Value) -> Result<(), ManageError> {
    match key {
        Key::StoragePerProject => {
            let limit = value.as_i64().and_then(|bytes| u64::try_from(bytes).ok());
            return Ok(tx.set_default_quota(limit).await?);
        }
        Key::RobotPrefix => check_no_user_has(tx, value.as_str().unwrap_or_default()).await?,
        _ => {}
    }
    Ok(tx.set_setting(&format!("{GROUP}.{}", key.name()), &value.to_string()).await?)
}

/// A user whose name begins as robots' do could not log in any more.
async fn check_no_user_has(tx: &mut ReadTx, prefix: &str) -> Result<(), ManageError> {
    let next = tx.users_page(&UserFilter::default(), UserOrder::Name, Some(prefix), 0, 1).await?;
    let next = next.entries.into_iter().next().filter(|user| user.name.starts_with(prefix));
    match tx.user(prefix).await?.or(next) {
        None => Ok(()),
        Some(user) => {
            let key = Key::RobotPrefix.name();
            Err(ManageError::Invalid(format!("{key}: the name of the user {} begins so", user.name)))
        }
    }
}

fn read_changes(settings: &AccountsSettings, wanted: &Map<String, Value>) -> Result<Changes, ManageError> {
    let mut changes = Changes::new();
    for (name, value) in wanted {
        let (key, value) = match keys::meant(name, value).map_err(ManageError::Invalid)? {
            Some(meant) => meant,
            None => {
                check_is_as_fixed(settings, wanted, name, value)?;
                continue;
            }
        };
        if let Some(of_file) = settings.file.values.get(key.name()) {
            if *of_file != value {
                return Err(set_by_file(name));
            }
            continue;
        }
        if key == Key::SessionMinutes {
            let most = running::minutes(settings.session_lifetime);
            if value.as_i64().is_some_and(|minutes| minutes > most) {
                let name = key.name();
                let problem =
                    format!("{name}: at most {most}, for accounts.session.lifetime ends sessions then");
                return Err(ManageError::Invalid(problem));
            }
        }
        if changes.insert(key, value.clone()).is_some_and(|other| other != value) {
            let problem = format!("{name}: pull_audit_log_disable says otherwise");
            return Err(ManageError::Invalid(problem));
        }
    }
    Ok(changes)
}

/// What cannot be changed here may be said all the same, as clients do that send all that they know: as it is.
fn check_is_as_fixed(
    settings: &AccountsSettings,
    wanted: &Map<String, Value>,
    name: &str,
    value: &Value,
) -> Result<(), ManageError> {
    let file = &settings.file;
    if keys::says_nothing(name, value, wanted, file) {
        return Ok(());
    }
    if SECRETS.contains(&name) {
        let known = file.secrets.get(name).filter(|secret| !secret.is_empty());
        let same = known.zip(value.as_str()).is_some_and(|(known, given)| known.reveal() == given);
        return if same { Ok(()) } else { Err(set_by_file(name)) };
    }
    let of_file = file.values.get(name);
    let fixed = FIXED.iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_json());
    match (of_file, fixed) {
        (Some(known), _) if known == value => Ok(()),
        (None, Some(known)) if known == *value => Ok(()),
        (Some(_), _) => Err(set_by_file(name)),
        (None, Some(known)) => {
            Err(ManageError::Invalid(format!("{name}: is {known} here, and cannot be changed")))
        }
        (None, None) => Err(ManageError::Invalid(format!("{name}: there is no such setting"))),
    }
}

fn set_by_file(name: &str) -> ManageError {
    let problem = format!(
        "{name}: the configuration file or the environment of the registry says what it is, so that it cannot be \
         changed here"
    );
    ManageError::Invalid(problem)
}
