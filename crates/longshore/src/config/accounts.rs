//! `accounts`, but for the record of what was done.

use std::{path::PathBuf, thread, time::Duration};

use longshore_accounts::{AccountsSettings, ConfirmationSettings};
use longshore_auth::{Lockout, ProjectCreation};
use longshore_identity::{certificate::CertificateRule, workload::TrustSettings};

use super::{
    section::Section,
    sources::{self, SourceConfig},
};

/// Clients take less than that for it.
const TOKEN_LIFETIME_MIN: Duration = Duration::from_secs(60);
/// A new key is published for five minutes before it signs.
const KEY_ROTATION_MIN: Duration = Duration::from_secs(3600);

/// Users, robots and projects.
#[derive(Clone, Debug)]
pub(crate) struct AccountsConfig {
    pub(crate) settings: AccountsSettings,
    /// `None`: under the storage folder.
    pub(crate) secret_key_file: Option<PathBuf>,
    pub(crate) key_rotation: Duration,
    /// In the order in which they are asked.
    pub(crate) sources: Vec<SourceConfig>,
    pub(crate) trust: TrustSettings,
    /// Whose certificates say who somebody is.
    pub(crate) certificates: Vec<CertificateRule>,
    /// What the file or the environment says of the settings that else may change while the registry runs, by the names
    /// that Harbor has for them.
    pub(crate) given: Vec<&'static str>,
}

impl AccountsConfig {
    /// `None` where there are none.
    pub(super) fn read(root: &Section<'_>) -> Option<Self> {
        let accounts = root.section("accounts");
        let auth = root.section("auth");
        let given = |kinds: &[&'static str]| kinds.iter().copied().find(|kind| auth.is_given(kind));
        match accounts.word("enabled") {
            Some("true") => {}
            Some("auto") if given(&["htpasswd", "token", "silly"]).is_none() => {}
            _ => return None,
        }
        // Names and passwords of a file may log in as users; the others admit people that nobody here knows.
        if let Some(kind) = given(&["token", "silly"]) {
            let message = format!("cannot be true where auth.{kind} is given: that admits people of its own");
            accounts.refuse("enabled", message);
        }
        let sources = sources::sources(&accounts);
        let providers = sources.iter().filter(|source| matches!(source, SourceConfig::Oidc(_)));
        let providers = providers.map(|source| source.name().to_owned()).collect();
        let trust = sources::trust(&accounts.section("trust"));
        Some(Self {
            settings: AccountsSettings {
                providers,
                trusted_issuers: trust.issuers_of_rules(),
                ..settings(&accounts)
            },
            secret_key_file: accounts.path("secret_key_file"),
            key_rotation: at_least(&accounts.section("token"), "key_rotation", KEY_ROTATION_MIN),
            certificates: sources::certificates(root, &sources),
            sources,
            trust,
            given: said_of_running(root, &accounts),
        })
    }
}

fn settings(accounts: &Section<'_>) -> AccountsSettings {
    let (token, session) = (accounts.section("token"), accounts.section("session"));
    let (password, lockout) = (accounts.section("password"), accounts.section("lockout"));
    AccountsSettings {
        service: token.needed("service"),
        token_lifetime: at_least(&token, "lifetime", TOKEN_LIFETIME_MIN),
        session_lifetime: session.positive("lifetime"),
        session_idle: session.positive("idle"),
        password_lifetime: password.is_given("lifetime").then(|| password.positive("lifetime")),
        lockout: Lockout {
            free_failures: u32::try_from(lockout.integer("free_failures")).unwrap_or(u32::MAX),
            first_delay: lockout.positive("first_delay"),
            delay_max: lockout.positive("delay_max"),
        },
        confirmation: confirmation(&accounts.section("confirmation")),
        onboarding: accounts.boolean("onboarding"),
        providers: Vec::new(),
        password_checks_max: thread::available_parallelism().map_or(1, usize::from),
        robot_prefix: accounts.needed("robot_prefix"),
        project_creation: match accounts.word("project_creation") {
            Some("adminonly") => ProjectCreation::AdminOnly,
            _ => ProjectCreation::Everyone,
        },
        audit_pulls: accounts.section("audit").boolean("pulls"),
        // What is not said in this section is filled in where everything is put together.
        ..AccountsSettings::default()
    }
}

fn said_of_running(root: &Section<'_>, accounts: &Section<'_>) -> Vec<&'static str> {
    let of_accounts = [
        ("project_creation_restriction", "project_creation"),
        ("robot_name_prefix", "robot_prefix"),
        ("token_expiration", "token.lifetime"),
        ("session_timeout", "session.idle"),
        ("pull_audit_log_disable", "audit.pulls"),
    ];
    let of_accounts = of_accounts.iter().filter(|(_, key)| accounts.is_given(key)).map(|(name, _)| *name);
    let read_only = root.is_given("storage.maintenance.readonly.enabled").then_some("read_only");
    of_accounts.chain(read_only).collect()
}

fn confirmation(section: &Section<'_>) -> ConfirmationSettings {
    let settings = ConfirmationSettings {
        every: section.positive("every"),
        grace: section.positive("grace"),
        provider: section.positive("provider"),
    };
    if settings.grace < settings.every {
        section.refuse("grace", "must not be shorter than every");
    }
    settings
}

fn at_least(section: &Section<'_>, name: &str, least: Duration) -> Duration {
    let duration = section.positive(name);
    if duration < least {
        section.refuse(name, format!("must be at least {} seconds", least.as_secs()));
    }
    duration
}
