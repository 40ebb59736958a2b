//! The parts that every use case works with.

use std::{sync::Arc, time::Duration};

use longshore_auth::{Lockout, ProjectCreation};
use longshore_identity::{PasswordSource, certificate::Certificates};
use longshore_metadata::Metadata;

use crate::{
    ConfirmationSettings,
    access_policies::CompiledPolicies,
    configuration::{FileConfiguration, Holding},
    login::Logins,
    refusals::Refusals,
};

/// What an operator may set about accounts in the configuration file.
#[derive(Clone, Debug)]
pub struct AccountsSettings {
    /// What tokens name as issuer and audience. From `accounts.token.service`.
    pub service: String,
    /// How long a token of the token service holds. From `accounts.token.lifetime`.
    pub token_lifetime: Duration,
    /// How long somebody stays logged in on the pages. From `accounts.session.lifetime`.
    pub session_lifetime: Duration,
    /// How long somebody stays logged in without doing anything. From `accounts.session.idle`.
    pub session_idle: Duration,
    /// How long a local user's password is good; for ever if not set. From `accounts.password.lifetime`.
    pub password_lifetime: Option<Duration>,
    /// How wrong passwords slow a user's logins down. From `accounts.lockout`.
    pub lockout: Lockout,
    /// How long the word of a source counts. From `accounts.confirmation`.
    pub confirmation: ConfirmationSettings,
    /// Whether somebody whom a source vouches for becomes a user at the first login. From `accounts.onboarding`.
    pub onboarding: bool,
    /// The sources that check no passwords: OpenID providers, where people log in with their browsers. From
    /// `accounts.sources`.
    pub providers: Vec<String>,
    /// Passwords checked at a time, at most: about the number of cores.
    pub password_checks_max: usize,
    /// Whose word counts about programs: addresses of issuers, and `spiffe://` with trust domains. From `accounts.trust`.
    pub trusted_issuers: Vec<String>,
    /// What stands before the names of robots. From `accounts.robot_prefix`; Harbor's is `robot$`.
    pub robot_prefix: String,
    /// Who may make projects. From `accounts.project_creation`.
    pub project_creation: ProjectCreation,
    /// Whether pulls are written to the audit record. From `accounts.audit.pulls`.
    pub audit_pulls: bool,
    /// Whether nothing may be pushed or deleted. From `storage.maintenance.readonly.enabled`.
    pub read_only: bool,
    /// What of the configuration is shown, and may not be changed while the registry runs.
    pub file: FileConfiguration,
}

impl Default for AccountsSettings {
    fn default() -> Self {
        Self {
            service: "harbor-registry".to_owned(),
            token_lifetime: Duration::from_secs(10 * 60),
            session_lifetime: Duration::from_secs(12 * 3600),
            session_idle: Duration::from_secs(2 * 3600),
            password_lifetime: None,
            lockout: Lockout::default(),
            confirmation: ConfirmationSettings::default(),
            onboarding: true,
            providers: Vec::new(),
            password_checks_max: 2,
            trusted_issuers: Vec::new(),
            robot_prefix: "robot$".to_owned(),
            project_creation: ProjectCreation::Everyone,
            audit_pulls: true,
            read_only: false,
            file: FileConfiguration::default(),
        }
    }
}

/// Accounts: the index, the sources of identity and the settings. Cheap to clone.
#[derive(Clone)]
pub struct Accounts {
    pub(crate) inner: Arc<Inner>,
    /// Who signs certificates that say who somebody is.
    pub(crate) certificates: Option<Arc<Certificates>>,
}

pub(crate) struct Inner {
    pub(crate) metadata: Metadata,
    pub(crate) settings: AccountsSettings,
    /// Those that check passwords, in the order in which they are asked; local users come first.
    pub(crate) sources: Vec<Arc<dyn PasswordSource>>,
    pub(crate) logins: Logins,
    pub(crate) policies: CompiledPolicies,
    /// The settings that may change, as they hold.
    pub(crate) running: Holding,
    /// Held while they are read.
    pub(crate) refreshing: tokio::sync::Mutex<()>,
    pub(crate) refusals: Refusals,
}

impl Accounts {
    /// Puts the parts together.
    pub fn new(
        metadata: Metadata,
        settings: AccountsSettings,
        sources: Vec<Arc<dyn PasswordSource>>,
    ) -> Self {
        let logins = Logins::new(settings.password_checks_max);
        let (running, refreshing) = (Holding::new(&settings), tokio::sync::Mutex::default());
        let (refusals, policies) = (Refusals::default(), CompiledPolicies::default());
        let inner = Inner { metadata, settings, sources, logins, policies, running, refreshing, refusals };
        Self { inner: Arc::new(inner), certificates: None }
    }

    /// With clients whose certificates say who they are.
    pub fn with_certificates(self, certificates: Certificates) -> Self {
        Self { certificates: Some(Arc::new(certificates)), ..self }
    }

    /// The settings.
    pub fn settings(&self) -> &AccountsSettings {
        &self.inner.settings
    }

    /// The index, for the jobs of other parts.
    pub fn metadata(&self) -> &Metadata {
        &self.inner.metadata
    }
}
