//! A directory as a source of identity.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use ldap3::LdapConnSettings;
use reqwest::Url;
use rustls::ClientConfig;
use tokio::{sync::Semaphore, task::JoinSet, time::Instant};

use super::{
    Dn, LdapSettings, login,
    session::{LdapFailure, Session, code},
    settings::Checked,
};
use crate::{Identity, PasswordSource, Secret, SettingsError, SourceError, SourceGroup, error::chain, tls};

/// How long a server that did not answer is asked last.
const AVOID: Duration = Duration::from_secs(30);

/// A user of a directory, for import: nobody has logged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LdapUser {
    /// The name to log in with.
    pub name: String,
    /// What people call them; may be empty.
    pub real_name: String,
    /// Where their mail goes.
    pub email: Option<String>,
}

/// A directory. Cheap to clone.
#[derive(Clone, Debug)]
pub struct LdapSource {
    pub(super) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) settings: LdapSettings,
    pub(super) checked: Checked,
    tls: Option<Arc<ClientConfig>>,
    connections: Arc<Semaphore>,
    /// When each server last failed.
    failed: Mutex<Vec<Option<Instant>>>,
}

impl LdapSource {
    /// Checks the settings and reads the authorities to trust; asks nobody.
    ///
    /// # Errors
    /// When a setting cannot work.
    pub fn new(settings: LdapSettings) -> Result<Self, SettingsError> {
        let checked = settings.check()?;
        let encrypted = settings.start_tls || checked.urls.iter().any(|url| url.scheme() == "ldaps");
        if settings.insecure {
            tracing::warn!(
                source = settings.name,
                "insecure: passwords go to whoever answers for the directory"
            );
        }
        for url in checked.urls.iter().filter(|url| url.scheme() == "ldap" && !settings.start_tls) {
            tracing::warn!(source = settings.name, %url, "passwords go to the directory unencrypted: use ldaps:// or start_tls");
        }
        let tls = match encrypted && !settings.insecure {
            true => Some(tls::client("ca_file", settings.ca_file.as_deref())?),
            false => None,
        };
        let connections = Arc::new(Semaphore::new(settings.connections_max));
        let failed = Mutex::new(vec![None; checked.urls.len()]);
        Ok(Self { inner: Arc::new(Inner { settings, checked, tls, connections, failed }) })
    }

    /// The settings.
    pub fn settings(&self) -> &LdapSettings {
        &self.inner.settings
    }

    /// Whether the directory answers, lets the search account in, and has `base_dn`.
    ///
    /// # Errors
    /// When it does not; the causes say why.
    pub async fn ping(&self) -> Result<(), SourceError> {
        self.converse(|inner| async move { login::ping(&inner).await }).await
    }

    /// Who this is, without a password: for import, and for renewing groups.
    ///
    /// # Errors
    /// [`SourceError::Refused`] when there is nobody, or several, of that name.
    pub async fn identity(&self, name: &str) -> Result<Identity, SourceError> {
        let name = login::acceptable_name(name)?;
        let found = self.converse(|inner| async move { login::look_up(&inner, &name, None).await }).await?;
        found.ok_or(SourceError::Refused)
    }

    /// Users of that name, or some of all users for an empty one.
    ///
    /// # Errors
    /// When the directory does not answer.
    pub async fn search_users(&self, name: &str) -> Result<Vec<LdapUser>, SourceError> {
        let name = name.to_owned();
        self.converse(|inner| async move { login::search_users(&inner, &name).await }).await
    }

    /// Groups of that name, or some of all groups for an empty one; none when no groups are configured.
    ///
    /// # Errors
    /// When the directory does not answer.
    pub async fn search_groups(&self, name: &str) -> Result<Vec<SourceGroup>, SourceError> {
        let name = name.to_owned();
        self.converse(|inner| async move { login::search_groups(&inner, &name).await }).await
    }

    /// The group with that distinguished name, if it is one of those configured.
    ///
    /// # Errors
    /// When the directory does not answer.
    pub async fn group(&self, dn: &str) -> Result<Option<SourceGroup>, SourceError> {
        let dn = dn.to_owned();
        self.converse(|inner| async move { login::group(&inner, &dn).await }).await
    }

    /// Runs a conversation within the bounds of number and time. It runs in a task of its own, because the library
    /// panics on answers that are no LDAP; the task ends when the caller goes.
    async fn converse<T, F>(&self, work: impl FnOnce(Arc<Inner>) -> F + Send) -> Result<T, SourceError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, LdapFailure>> + Send + 'static,
    {
        let result = self.bounded(work(self.inner.clone())).await;
        result.map_err(|failure| {
            tracing::warn!(
                source = self.inner.settings.name,
                error = chain(&failure),
                "a directory cannot be asked"
            );
            SourceError::Unavailable(failure.into())
        })
    }

    async fn bounded<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, LdapFailure>> + Send + 'static,
    ) -> Result<T, LdapFailure> {
        let settings = &self.inner.settings;
        let turn = tokio::time::timeout(settings.timeout, self.inner.connections.clone().acquire_owned());
        let Ok(Ok(permit)) = turn.await else { return Err(LdapFailure::TooMany) };
        // Servers that do not answer each take their time; then comes the conversation itself.
        let servers = u32::try_from(self.inner.checked.urls.len()).unwrap_or(u32::MAX);
        let limit = settings.connect_timeout.saturating_mul(servers).saturating_add(settings.timeout);
        let mut task = JoinSet::new();
        task.spawn(async move {
            let _permit = permit;
            tokio::time::timeout(limit, work).await.unwrap_or(Err(LdapFailure::TooSlow))
        });
        match task.join_next().await {
            Some(Ok(result)) => result,
            Some(Err(error)) => Err(LdapFailure::Ended(error)),
            None => Err(LdapFailure::TooSlow),
        }
    }
}

#[async_trait::async_trait]
impl PasswordSource for LdapSource {
    fn name(&self) -> &str {
        &self.inner.settings.name
    }

    async fn look_up(&self, name: &str) -> Result<Identity, SourceError> {
        self.identity(name).await
    }

    fn as_directory(&self) -> Option<&LdapSource> {
        Some(self)
    }

    /// Those below the groups' base: no login brings another.
    fn may_have_group(&self, external_id: &str) -> bool {
        let base = self.inner.checked.group_base.as_ref();
        base.is_some_and(|base| Dn::parse(external_id).is_ok_and(|name| name.is_within(base)))
    }

    async fn check(&self, name: &str, password: &str) -> Result<Identity, SourceError> {
        // RFC 4513 section 5.1.2: a name with an empty password is "unauthenticated", which many servers let in.
        if password.is_empty() {
            return Err(SourceError::Refused);
        }
        let name = login::acceptable_name(name)?;
        let password = Secret::new(password);
        let found = self
            .converse(|inner| async move { login::look_up(&inner, &name, Some(&password)).await })
            .await?;
        found.ok_or(SourceError::Refused)
    }
}

impl Inner {
    /// A connection on which the search account speaks, to the first server that gives one.
    pub(super) async fn session(&self) -> Result<Session, LdapFailure> {
        let mut last = None;
        for place in self.order() {
            let url = &self.checked.urls[place];
            let session = tokio::time::timeout(self.settings.connect_timeout, self.try_session(url)).await;
            match session.unwrap_or_else(|_| Err(LdapFailure::Silent(url.to_string()))) {
                Ok(session) => {
                    self.set_failed(place, None);
                    return Ok(session);
                }
                Err(failure) if failure.is_of_server() => {
                    tracing::warn!(
                        source = self.settings.name,
                        error = chain(&failure),
                        "asking the next server"
                    );
                    self.set_failed(place, Some(Instant::now()));
                    last = Some(failure);
                }
                Err(failure) => return Err(failure),
            }
        }
        Err(last.unwrap_or(LdapFailure::TooSlow))
    }

    async fn try_session(&self, url: &Url) -> Result<Session, LdapFailure> {
        let mut settings = LdapConnSettings::new()
            .set_starttls(self.settings.start_tls)
            .set_no_tls_verify(self.settings.insecure);
        if let Some(tls) = &self.tls {
            settings = settings.set_config(tls.clone());
        }
        let mut session = Session::open(url, settings).await?;
        self.bind_as_searcher(&mut session).await?;
        Ok(session)
    }

    /// Says that the search account speaks.
    pub(super) async fn bind_as_searcher(&self, session: &mut Session) -> Result<(), LdapFailure> {
        match session.bind(&self.settings.bind_dn, &self.settings.bind_password).await? {
            (code::SUCCESS, _) => Ok(()),
            (code::REFERRAL, _) => Err(LdapFailure::Referral),
            (code, text) => Err(LdapFailure::Result { what: "let bind_dn in", code, text }),
        }
    }

    /// The servers as configured, those that failed a moment ago last.
    fn order(&self) -> Vec<usize> {
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        let avoid = |place: &usize| failed[*place].is_some_and(|when| when.elapsed() < AVOID);
        let (last, mut order): (Vec<_>, Vec<_>) = (0..failed.len()).partition(avoid);
        order.extend(last);
        order
    }

    fn set_failed(&self, place: usize, when: Option<Instant>) {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner)[place] = when;
    }
}
