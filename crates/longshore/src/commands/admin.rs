//! `longshore admin`.

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context as _, bail};
use longshore_accounts::{FIRST_USER, KeyStore, OldKeys, rotation};

use super::{maintenance, print};
use crate::{
    accounts::{self, FirstPassword},
    background::now,
    cli::{AdminCommand, Place},
    config::{AccountsConfig, Config},
    lock::Use,
    open::Opened,
};

pub(super) fn run(command: AdminCommand) -> ExitCode {
    match command {
        AdminCommand::ResetPassword { name, place } => {
            let (name, place) = name_and_place(name, place);
            maintenance::run(&place, Use::Beside, async |config, opened: &Opened| {
                reset_password(config, opened, name.as_deref().unwrap_or(FIRST_USER)).await
            })
        }
        AdminCommand::Remote(command) => super::client::administer(*command),
        AdminCommand::RotateKeys { forget_old, place } => {
            let old = if forget_old { OldKeys::Forget } else { OldKeys::Follow };
            maintenance::run(&place, Use::Beside, async |config, opened: &Opened| {
                rotate_keys(config, opened, old).await
            })
        }
    }
}

/// A single word that is a configuration file names no user.
fn name_and_place(name: Option<String>, place: Place) -> (Option<String>, Place) {
    let is_file = |word: &String| word.ends_with(".yml") || word.ends_with(".yaml");
    match (name, place.config) {
        (Some(word), None) if is_file(&word) => {
            (None, Place { config: Some(PathBuf::from(word)), data: place.data })
        }
        (name, config) => (name, Place { config, data: place.data }),
    }
}

fn settings(config: &Config) -> anyhow::Result<&AccountsConfig> {
    let Some(settings) = &config.accounts else {
        bail!("accounts.enabled is false in this configuration: there are no users");
    };
    Ok(settings)
}

async fn reset_password(config: &Config, opened: &Opened, name: &str) -> anyhow::Result<ExitCode> {
    let metadata = opened.registry.metadata();
    let accounts = accounts::accounts(config, settings(config)?, metadata)?;
    let password = accounts
        .reset_password(name, now())
        .await
        .with_context(|| format!("cannot give {name} a new password"))?;
    let first = FirstPassword::of(&opened.folder);
    // The file would go anyway: its password is not good any more.
    first.forget_if_changed(metadata).await.context("cannot read the index")?;
    Ok(print(&format!("{}\n", password.reveal())))
}

async fn rotate_keys(config: &Config, opened: &Opened, old: OldKeys) -> anyhow::Result<ExitCode> {
    let settings = settings(config)?;
    let secret = accounts::secret_key(settings, &opened.folder)?;
    let rotation = rotation(settings.key_rotation, settings.settings.token_lifetime);
    let store = KeyStore::new(opened.registry.metadata().clone(), secret, rotation);
    let keys = store.rotate(old, "system", now()).await.map_err(accounts::explain)?;
    let newest = keys.iter().next().map(|key| key.id().to_owned()).unwrap_or_default();
    let when = match old {
        OldKeys::Follow => "signs in five minutes, when every server knows it",
        OldKeys::Forget => {
            "signs from now on; servers take it within a minute, and refuse what the keys of before signed"
        }
    };
    Ok(print(&format!("made the key {newest}, which {when}\n")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_is_no_name() {
        let check = |name: Option<&str>, config: Option<&str>, wanted: (Option<&str>, Option<&str>)| {
            let place = Place { config: config.map(PathBuf::from), data: None };
            let (name, place) = name_and_place(name.map(str::to_owned), place);
            let config = place.config.as_ref().and_then(|path| path.to_str());
            assert_eq!((name.as_deref(), config), wanted);
        };
        check(None, None, (None, None));
        check(Some("ann"), None, (Some("ann"), None));
        check(Some("c.yml"), None, (None, Some("c.yml")));
        check(Some("ann"), Some("c.yml"), (Some("ann"), Some("c.yml")));
        check(Some("ann.yml"), Some("c.yml"), (Some("ann.yml"), Some("c.yml")));
    }
}
