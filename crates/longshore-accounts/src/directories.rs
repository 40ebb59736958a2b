//! What administrators do with directories and providers besides configuring them: try them, look into them, and make
//! somebody a user before the first login.

use longshore_identity::{
    Identity, Secret, SourceError, SourceGroup,
    ldap::{LdapScope, LdapSettings, LdapSource, LdapUser},
    oidc::{OidcProvider, OidcSettings},
};
use longshore_metadata::{GroupKind, UserRecord};
use longshore_types::error_chain;

use crate::{Accounts, Act, LoginError, ManageError, NewHolder, Vouched};

/// How long somebody who tries a directory or a provider waits at most for each step.
const TRIAL_TIME: std::time::Duration = std::time::Duration::from_secs(10);
/// Most people imported at a time.
const IMPORTS_MAX: usize = 200;

/// A directory to be tried. What is not said is as [`LdapSettings`] has it.
#[derive(Clone, Debug, Default)]
pub struct DirectoryTrial {
    /// `ldap://host[:port]` or `ldaps://host[:port]`; empty for the directories of the configuration.
    pub url: String,
    /// Who searches; may be empty.
    pub search_dn: String,
    /// Their password. Left out, that of the configuration is used, but only at its own directory.
    pub search_password: String,
    /// Where users are.
    pub base_dn: String,
    /// What else an entry must match to be a user.
    pub filter: String,
    /// The attribute with the name that users type.
    pub uid: String,
    /// How deep below: 0, 1 or 2.
    pub scope: Option<i64>,
    /// Whether certificates are verified.
    pub verify_cert: Option<bool>,
}

/// Somebody who was not imported, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotImported {
    /// The name that was given.
    pub name: String,
    /// The reason.
    pub problem: String,
}

impl Accounts {
    /// Whether a directory answers, lets the search account in, and has the base. `Ok(Err)` says why it does not.
    ///
    /// # Errors
    /// [`ManageError::Invalid`] for settings that cannot work, and where there is no directory to try.
    pub async fn try_directory(&self, trial: &DirectoryTrial) -> Result<Result<(), String>, ManageError> {
        if !trial.url.is_empty() {
            let source = LdapSource::new(self.tried(trial)?).map_err(invalid)?;
            return Ok(source.ping().await.map_err(|error| error_chain(&error)));
        }
        let mut tried = false;
        for source in self.directories() {
            tried = true;
            if let Err(error) = source.ping().await {
                return Ok(Err(format!("{}: {}", source.settings().name, error_chain(&error))));
            }
        }
        if tried { Ok(Ok(())) } else { Err(no_directory()) }
    }

    /// The settings to try. The password of the configuration goes where it is meant to go, and nowhere else.
    fn tried(&self, trial: &DirectoryTrial) -> Result<LdapSettings, ManageError> {
        let own = self.directories().map(LdapSource::settings).find(|settings| {
            settings.urls.contains(&trial.url)
                && (trial.search_dn.is_empty() || trial.search_dn == settings.bind_dn)
        });
        let base = match own.filter(|_| trial.search_password.is_empty()) {
            Some(settings) => LdapSettings { groups: None, ..settings.clone() },
            None => LdapSettings {
                bind_dn: trial.search_dn.clone(),
                bind_password: Secret::new(&trial.search_password),
                insecure: trial.verify_cert == Some(false),
                connect_timeout: TRIAL_TIME,
                ..LdapSettings::default()
            },
        };
        let or = |given: &str, default: String| if given.is_empty() { default } else { given.to_owned() };
        let scope = trial.scope.map(|scope| scope.to_string().parse::<LdapScope>()).transpose();
        Ok(LdapSettings {
            name: "a directory that is tried".to_owned(),
            urls: vec![trial.url.clone()],
            base_dn: or(&trial.base_dn, base.base_dn),
            user_filter: or(&trial.filter, base.user_filter),
            uid_attribute: or(&trial.uid, base.uid_attribute),
            scope: scope.map_err(invalid)?.unwrap_or(base.scope),
            ..base
        })
    }

    /// Whether a provider answers at that address and is the one that it should be. `Ok(Err)` says why not.
    ///
    /// # Errors
    /// [`ManageError::Invalid`] for an address that is not asked.
    pub async fn try_provider(&self, issuer: &str) -> Result<Result<(), String>, ManageError> {
        let settings = OidcSettings {
            name: "a provider that is tried".to_owned(),
            issuer: issuer.to_owned(),
            client_id: "trial".to_owned(),
            timeout: TRIAL_TIME,
            ..OidcSettings::default()
        };
        let provider = OidcProvider::new(settings).map_err(|error| {
            ManageError::Invalid(format!("url: {}", error.to_string().trim_start_matches("issuer: ")))
        })?;
        Ok(provider.ping().await.map_err(|error| error_chain(&error)))
    }

    /// People of that name in the directories, each with the directory's name; some of all for an empty name.
    ///
    /// # Errors
    /// [`ManageError::Unavailable`] when one does not answer.
    pub async fn people_of_directories(&self, name: &str) -> Result<Vec<(String, LdapUser)>, ManageError> {
        let mut found = Vec::new();
        for source in self.asked()? {
            let users = source.search_users(name).await.map_err(|error| unavailable(source, &error))?;
            found.extend(users.into_iter().map(|user| (source.settings().name.clone(), user)));
        }
        Ok(found)
    }

    /// Groups of that name, or of that DN, in the directories, each with the directory's name; some of all where neither
    /// is said.
    ///
    /// # Errors
    /// As there.
    pub async fn groups_of_directories(
        &self,
        name: &str,
        dn: &str,
    ) -> Result<Vec<(String, SourceGroup)>, ManageError> {
        let mut found = Vec::new();
        for source in self.asked()? {
            let groups = match dn {
                "" => source.search_groups(name).await,
                dn => source.group(dn).await.map(|group| group.into_iter().collect()),
            };
            let groups = groups.map_err(|error| unavailable(source, &error))?;
            found.extend(groups.into_iter().map(|group| (source.settings().name.clone(), group)));
        }
        Ok(found)
    }

    /// Makes users of people of the directories, by the names that they log in with. Who could not be made one, and why.
    ///
    /// # Errors
    /// [`ManageError::Invalid`] for too many, and where there is no directory.
    pub async fn import_people(&self, act: &Act, names: &[String]) -> Result<Vec<NotImported>, ManageError> {
        if names.is_empty() || names.len() > IMPORTS_MAX {
            let problem = format!("ldap_uid_list: expected 1 to {IMPORTS_MAX} names");
            return Err(ManageError::Invalid(problem));
        }
        self.asked()?;
        let mut failed = Vec::new();
        for name in names {
            let problem = match self.import(act, name).await {
                Ok(Some(_)) => continue,
                Ok(None) => "no directory has anybody of this name".to_owned(),
                Err(error @ ManageError::Metadata(_)) => return Err(error),
                Err(error) => error.to_string(),
            };
            failed.push(NotImported { name: name.clone(), problem });
        }
        Ok(failed)
    }

    /// The user that somebody of a directory is, made if need be; none where no directory has anybody of that name.
    async fn import(&self, act: &Act, name: &str) -> Result<Option<UserRecord>, ManageError> {
        for source in self.directories() {
            match source.identity(name).await {
                Ok(identity) => return self.invited(act, source, &identity).await.map(Some),
                Err(SourceError::Refused) => {}
                Err(error) => return Err(unavailable(source, &error)),
            }
        }
        Ok(None)
    }

    async fn invited(
        &self,
        act: &Act,
        source: &LdapSource,
        identity: &Identity,
    ) -> Result<UserRecord, ManageError> {
        let source = source.settings().name.as_str();
        let vouched = Vouched { source, groups: GroupKind::Ldap, identity };
        match self.invite(&vouched, act).await {
            Ok(user) => Ok(user),
            Err(LoginError::Refused(why)) => Err(ManageError::Invalid(why.to_string())),
            Err(LoginError::Unavailable(why)) => Err(ManageError::Unavailable(error_chain(why.as_ref()))),
            Err(LoginError::TooMany { retry_after }) => Err(ManageError::TooMany { retry_after }),
            Err(error @ LoginError::Csrf) => Err(ManageError::Forbidden(error.to_string())),
        }
    }

    /// The same holder, found: somebody of a directory who is not known here yet becomes a user, as at a first login; and
    /// a directory's group must be there, for a misspelt one would be a group that nobody is ever in.
    pub(crate) async fn found_holder(&self, act: &Act, holder: &NewHolder) -> Result<NewHolder, ManageError> {
        match holder {
            NewHolder::User(name) => {
                if self.inner.metadata.read().await?.user(name).await?.is_none()
                    && let Some(user) = self.import(act, name).await?
                {
                    return Ok(NewHolder::UserId(user.id.number()));
                }
            }
            NewHolder::Group { kind: GroupKind::Ldap, name, source } => {
                self.check_group_is_there(name, source).await?;
            }
            NewHolder::UserId(_) | NewHolder::GroupId(_) | NewHolder::Group { .. } => {}
        }
        Ok(holder.clone())
    }

    /// Refuses a group that no directory has which could: any, or the one of that name. Where there is none, nobody can be
    /// asked.
    pub(crate) async fn check_group_is_there(&self, dn: &str, source: &str) -> Result<(), ManageError> {
        let with_groups = |directory: &&LdapSource| {
            directory.settings().groups.is_some() && ["", &directory.settings().name].contains(&source)
        };
        let mut asked = Vec::new();
        for directory in self.directories().filter(with_groups) {
            match directory.group(dn).await {
                Ok(Some(_)) => return Ok(()),
                Ok(None) => asked.push(directory.settings().name.as_str()),
                Err(error) => return Err(unavailable(directory, &error)),
            }
        }
        if asked.is_empty() {
            return Ok(());
        }
        let asked = asked.join(", ");
        Err(ManageError::Invalid(format!("ldap_group_dn: there is no group {dn} in the directory {asked}")))
    }

    fn directories(&self) -> impl Iterator<Item = &LdapSource> {
        self.inner.sources.iter().filter_map(|source| source.as_directory())
    }

    fn asked(&self) -> Result<Vec<&LdapSource>, ManageError> {
        let directories: Vec<_> = self.directories().collect();
        if directories.is_empty() { Err(no_directory()) } else { Ok(directories) }
    }
}

fn no_directory() -> ManageError {
    let problem =
        "no directory is configured: accounts.sources of the configuration file names those that are asked";
    ManageError::Invalid(problem.to_owned())
}

fn unavailable(source: &LdapSource, error: &SourceError) -> ManageError {
    // Why, is in the log: it names hosts that whoever adds a member need not know.
    tracing::debug!(source = source.settings().name, error = error_chain(error), "a directory was not asked");
    ManageError::Unavailable(format!(
        "the directory {} does not answer at the moment",
        source.settings().name
    ))
}

fn invalid(error: longshore_identity::SettingsError) -> ManageError {
    ManageError::Invalid(error.to_string())
}
