//! The settings that may change while the registry runs, as they hold.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use longshore_auth::ProjectCreation;
use serde_json::Value;

use super::keys::Key;
use crate::AccountsSettings;

/// What is in the index, by the names of keys; values are JSON.
pub(super) type Stored = BTreeMap<String, String>;

/// The settings that may change while the registry runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Running {
    /// Who may make projects.
    pub project_creation: ProjectCreation,
    /// Whether nothing may be pushed or deleted.
    pub read_only: bool,
    /// For how many days a robot is good whose maker does not say it.
    pub robot_days: i64,
    /// What stands before the names of robots.
    pub robot_prefix: String,
    /// How long a token of the token service holds.
    pub token_lifetime: Duration,
    /// How long somebody stays logged in without doing anything.
    pub session_idle: Duration,
    /// Whether pulls are written to the audit record.
    pub records_pulls: bool,
    /// What pages show above everything else, as Harbor's pages write it; may be empty.
    pub banner: String,
}

impl Running {
    /// What the file says, else what is in the index, else the default. A value of the index that makes no sense counts
    /// as none.
    pub(super) fn of(settings: &AccountsSettings, stored: &Stored) -> Self {
        let mut running = Self {
            project_creation: settings.project_creation,
            read_only: settings.read_only,
            robot_days: crate::robots::ROBOT_DAYS_DEFAULT,
            robot_prefix: settings.robot_prefix.clone(),
            token_lifetime: settings.token_lifetime,
            session_idle: settings.session_idle,
            records_pulls: settings.audit_pulls,
            banner: String::new(),
        };
        for key in Key::ALL {
            let Some(text) = stored.get(key.name()) else { continue };
            if settings.file.values.contains_key(key.name()) {
                continue;
            }
            match serde_json::from_str(text).ok().filter(|value| key.check(value).is_ok()) {
                Some(value) => running.set(key, &value),
                None => tracing::warn!(key = key.name(), "a setting of the index makes no sense: left out"),
            }
        }
        running
    }

    /// Takes a value that was checked.
    fn set(&mut self, key: Key, value: &Value) {
        let number = || value.as_i64().unwrap_or_default();
        let minutes = || Duration::from_secs(number().unsigned_abs().saturating_mul(60));
        let (text, flag) = (value.as_str().unwrap_or_default(), value.as_bool().unwrap_or_default());
        match key {
            Key::ProjectCreation if text == "adminonly" => self.project_creation = ProjectCreation::AdminOnly,
            Key::ProjectCreation => self.project_creation = ProjectCreation::Everyone,
            Key::ReadOnly => self.read_only = flag,
            Key::RobotDays => self.robot_days = number(),
            Key::RobotPrefix => text.clone_into(&mut self.robot_prefix),
            Key::TokenMinutes => self.token_lifetime = minutes(),
            Key::SessionMinutes => self.session_idle = minutes(),
            Key::PullsUnrecorded => self.records_pulls = !flag,
            Key::Banner => text.clone_into(&mut self.banner),
            // Quotas read theirs where they need it.
            Key::StoragePerProject => {}
        }
    }

    /// As Harbor writes it. `quota` is what the index says of projects without a limit of their own.
    pub(super) fn value(&self, key: Key, quota: Option<u64>) -> Value {
        match key {
            Key::ProjectCreation => self.project_creation_word().into(),
            Key::ReadOnly => self.read_only.into(),
            Key::RobotDays => self.robot_days.into(),
            Key::RobotPrefix => self.robot_prefix.as_str().into(),
            Key::TokenMinutes => minutes(self.token_lifetime).into(),
            Key::SessionMinutes => minutes(self.session_idle).into(),
            Key::PullsUnrecorded => (!self.records_pulls).into(),
            Key::Banner => self.banner.as_str().into(),
            Key::StoragePerProject => {
                quota.map_or(-1, |bytes| i64::try_from(bytes).unwrap_or(i64::MAX)).into()
            }
        }
    }

    /// Who may make projects, in Harbor's word.
    pub fn project_creation_word(&self) -> &'static str {
        match self.project_creation {
            ProjectCreation::Everyone => "everyone",
            ProjectCreation::AdminOnly => "adminonly",
        }
    }
}

/// Whole minutes, rounded up.
pub(super) fn minutes(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs().div_ceil(60)).unwrap_or(i64::MAX)
}

/// The settings that hold, for everybody who asks.
pub(crate) struct Holding(RwLock<Arc<Running>>);

impl Holding {
    /// Before the index was read.
    pub(crate) fn new(settings: &AccountsSettings) -> Self {
        Self(RwLock::new(Arc::new(Running::of(settings, &Stored::new()))))
    }

    pub(crate) fn get(&self) -> Arc<Running> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn replace(&self, running: Arc<Running>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = running;
    }
}
