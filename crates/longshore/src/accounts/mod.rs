//! Accounts of a server: put together as a configuration says, with what they keep in the storage folder.

mod first_password;
mod htpasswd;
mod in_harbors_words;
mod secret_key;
mod sources;

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::Context as _;
use longshore_accounts::{Accounts, AccountsSettings, Certificates, KeysError, Providers, TokenService};
use longshore_auth::RateLimiter;
use longshore_http::Api;
use longshore_identity::{PasswordSource, ldap::LdapSource, oidc::OidcProvider, workload::Workloads};
use longshore_metadata::Metadata;
use longshore_types::error_chain;
use tokio::{sync::watch, task::JoinSet, time::sleep};

pub(crate) use self::{first_password::FirstPassword, secret_key::secret_key};
use crate::{
    background::{jittered, now},
    config::{AccountsConfig, AuthConfig, Config, SourceConfig},
};

/// How often things are looked at; a new key is published for five minutes before it signs.
const LOOKED_AT_EVERY: Duration = Duration::from_secs(60);
/// How often it is written down who was there.
const LOGINS_TENDED_EVERY: Duration = Duration::from_secs(5);
/// How often settings are read that other processes may have changed; docs/access.md says so.
const CONFIGURATION_READ_EVERY: Duration = Duration::from_secs(5);

/// How often the limits of projects are read; docs/access.md says so.
const PROJECT_LIMITS_READ_EVERY: Duration = Duration::from_secs(2);

/// Accounts over an index, with the sources that the configuration names.
pub(crate) fn accounts(
    config: &Config,
    accounts: &AccountsConfig,
    metadata: &Metadata,
) -> anyhow::Result<Accounts> {
    let settings = AccountsSettings {
        read_only: config.storage.readonly,
        file: in_harbors_words::file_configuration(config, accounts),
        ..accounts.settings.clone()
    };
    let mut sources = directories(accounts)?;
    if let AuthConfig::Htpasswd(settings) = &config.auth {
        sources.push(htpasswd::source(settings)?);
    }
    let opened = Accounts::new(metadata.clone(), settings, sources);
    Ok(opened.with_certificates(certificates(accounts)?))
}

/// The sources that check passwords, in the order of the configuration. Providers check none: they are for the pages.
fn directories(accounts: &AccountsConfig) -> anyhow::Result<Vec<Arc<dyn PasswordSource>>> {
    let mut directories: Vec<Arc<dyn PasswordSource>> = Vec::new();
    for source in &accounts.sources {
        let named = || format!("accounts.sources: {}", source.name());
        match source {
            SourceConfig::Ldap(settings) => {
                directories.push(Arc::new(LdapSource::new((**settings).clone()).with_context(named)?));
            }
            SourceConfig::Oidc(settings) => {
                OidcProvider::new((**settings).clone()).with_context(named)?;
            }
        }
    }
    Ok(directories)
}

/// Whose certificates say who somebody is: users, robots, workloads of trust domains.
fn certificates(accounts: &AccountsConfig) -> anyhow::Result<Certificates> {
    Certificates::new(&accounts.certificates, &accounts.trust).context("accounts.certificates")
}

/// Opens every file that they will read; asks nobody.
pub(crate) fn check(accounts: &AccountsConfig) -> anyhow::Result<()> {
    directories(accounts)?;
    Workloads::new(&accounts.trust).context("accounts.trust")?;
    certificates(accounts)?;
    Ok(())
}

/// The providers at which people log in with their browsers, if there are any; asks nobody. `folder` is ours in the storage
/// folder.
pub(crate) fn providers(
    settings: &AccountsConfig,
    accounts: &Accounts,
    folder: &Path,
) -> anyhow::Result<Option<Providers>> {
    let mut providers = Vec::new();
    for source in &settings.sources {
        if let SourceConfig::Oidc(settings) = source {
            let named = || format!("accounts.sources: {}", settings.name);
            providers.push(OidcProvider::new((**settings).clone()).with_context(named)?);
        }
    }
    if providers.is_empty() {
        return Ok(None);
    }
    Ok(Some(Providers::new(accounts.clone(), providers, secret_key(settings, folder)?)))
}

/// The token service. `folder` is ours in the storage folder.
pub(crate) async fn token_service(
    config: &Config,
    settings: &AccountsConfig,
    accounts: Accounts,
    folder: &Path,
) -> anyhow::Result<TokenService> {
    let secret = secret_key(settings, folder)?;
    let prefix = config.http.prefix.trim_matches('/');
    let prefix = if prefix.is_empty() { String::new() } else { format!("/{prefix}") };
    let workloads = Workloads::new(&settings.trust).context("accounts.trust")?;
    let opened = TokenService::open(accounts, workloads, secret, settings.key_rotation, &prefix, now()).await;
    opened.map_err(explain).context("cannot open the keys that sign tokens")
}

/// What to do about it.
pub(crate) fn explain(error: KeysError) -> anyhow::Error {
    let foreign = matches!(error, KeysError::Seal(_));
    let error = anyhow::anyhow!(error_chain(&error));
    match foreign {
        true => error.context(
            "they were sealed with another secret key: put accounts.secret_key_file back, or make new keys with \
             `longshore admin rotate-keys --forget-old`",
        ),
        false => error,
    }
}

/// Starts what is to be done beside the requests until the server ends.
pub(crate) fn start(
    tokens: Arc<TokenService>,
    password: FirstPassword,
    tasks: &mut JoinSet<()>,
    stopping: &watch::Receiver<bool>,
) {
    tasks.spawn(tend_logins(tokens.accounts().clone(), stopping.clone()));
    tasks.spawn(look_after(tokens, password, stopping.clone()));
}

/// Keeps up with the settings that administrators change at other processes.
pub(crate) async fn follow_configuration(api: Arc<Api>, mut stopping: watch::Receiver<bool>) {
    while !rests(CONFIGURATION_READ_EVERY, &mut stopping).await {
        if let Err(error) = api.refresh_configuration().await {
            let error = error_chain(&error);
            tracing::warn!(error, "could not read the settings of the index; those in use stay");
        }
    }
}

/// Keeps up with the limits that administrators give to projects.
pub(crate) async fn follow_project_limits(
    accounts: Accounts,
    rate_limits: Arc<RateLimiter>,
    mut stopping: watch::Receiver<bool>,
) {
    loop {
        match accounts.project_limits().await {
            Ok(limits) => rate_limits.set_project_limits(limits),
            Err(error) => tracing::warn!(
                error = error_chain(&error),
                "could not read the limits of projects; those in use stay"
            ),
        }
        if rests(PROJECT_LIMITS_READ_EVERY, &mut stopping).await {
            return;
        }
    }
}

/// Writes down what logins leave; also at the end.
async fn tend_logins(accounts: Accounts, mut stopping: watch::Receiver<bool>) {
    loop {
        let ends = rests(LOGINS_TENDED_EVERY, &mut stopping).await;
        let written = match ends {
            true => accounts.wind_up(now()).await,
            false => accounts.tend_logins(now()).await,
        };
        if let Err(error) = written {
            tracing::warn!(
                error = error_chain(&error),
                "could not write down when users and robots were last seen, and what was refused"
            );
        }
        if ends {
            return;
        }
    }
}

/// Looks after the keys, and after the file with the first password.
async fn look_after(tokens: Arc<TokenService>, password: FirstPassword, mut stopping: watch::Receiver<bool>) {
    while !rests(LOOKED_AT_EVERY, &mut stopping).await {
        if let Err(error) = tokens.refresh_keys(now()).await {
            let error = error_chain(&error);
            tracing::warn!(error, "could not look at the keys that sign tokens; those in use stay");
        }
        if let Err(error) = tokens.accounts().confirm_administrators(now()).await {
            let error = error_chain(&error);
            tracing::warn!(error, "could not see which administrators sources still vouch for");
        }
        if let Err(error) = password.forget_if_changed(tokens.accounts().metadata()).await {
            tracing::warn!(
                error = error_chain(&error),
                "could not see whether the first password was changed"
            );
        }
    }
}

/// Sleeps; `true` when the server ends.
async fn rests(interval: Duration, stopping: &mut watch::Receiver<bool>) -> bool {
    tokio::select! {
        // A sleep may be dropped.
        () = sleep(jittered(interval)) => false,
        _ = stopping.wait_for(|stopping| *stopping) => true,
    }
}
