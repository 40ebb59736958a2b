//! What every test here starts from.

use std::{
    collections::HashMap,
    net::IpAddr,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
};

use longshore_accounts::{Accounts, AccountsSettings, Act, Credentials, LoginError, NewAccount};
use longshore_auth::{Access, Circumstances, Principal, SystemRole};
use longshore_identity::{Identity, PasswordSource, SourceError, SourceGroup};
use longshore_metadata::{AuditEvent, AuditFilter, AuditOrder, Metadata, MetadataSettings, TextFilter};
use longshore_testkit::Postgres;
use longshore_types::Timestamp;

pub(crate) use longshore_testkit::on_both_databases;

/// A password that keeps the rules.
pub(crate) const PASSWORD: &str = "Sesame123";

async fn open(url: &str, durable: bool) -> Metadata {
    let settings = MetadataSettings { url: url.to_owned(), connections_max: 8, durable };
    Metadata::open(&settings).await.unwrap()
}

pub(crate) async fn sqlite() -> Metadata {
    open("sqlite::memory:", false).await
}

/// One in that folder, whose commits wait for the disk.
pub(crate) async fn durable_sqlite(folder: &Path) -> Metadata {
    open(&format!("sqlite://{}", folder.join("index.sqlite3").display()), true).await
}

pub(crate) async fn postgres() -> Metadata {
    open(&Postgres::shared().fresh_database().unwrap(), false).await
}

/// Accounts without sources of identity.
pub(crate) fn local(metadata: &Metadata) -> Accounts {
    Accounts::new(metadata.clone(), AccountsSettings::default(), Vec::new())
}

/// Accounts with these sources.
pub(crate) fn with_sources(metadata: &Metadata, sources: &[&Arc<FakeSource>]) -> Accounts {
    let sources = sources.iter().map(|source| Arc::clone(source) as Arc<dyn PasswordSource>).collect();
    Accounts::new(metadata.clone(), AccountsSettings::default(), sources)
}

/// So many seconds after some moment.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_millis(1_800_000_000_000 + seconds * 1000)
}

pub(crate) fn circumstances(seconds: i64, address: &str) -> Circumstances {
    let address: Option<IpAddr> = address.parse().ok();
    Circumstances { address, ..Circumstances::at(at(seconds)) }
}

pub(crate) fn basic(name: &str, secret: &str) -> Credentials {
    Credentials::Basic { name: name.to_owned(), secret: secret.to_owned() }
}

/// A login with name and secret, from an address of its own.
pub(crate) async fn login(
    accounts: &Accounts,
    name: &str,
    secret: &str,
    seconds: i64,
) -> Result<Access, LoginError> {
    accounts.login(&basic(name, secret), &circumstances(seconds, "192.0.2.1"), "r1").await
}

/// The outcome of a login in a word or two.
pub(crate) async fn outcome(accounts: &Accounts, name: &str, secret: &str, seconds: i64) -> String {
    word(login(accounts, name, secret, seconds).await)
}

pub(crate) fn word(outcome: Result<Access, LoginError>) -> String {
    match outcome {
        Ok(access) => access.principal.to_string(),
        Err(LoginError::Refused(reason)) => format!("refused: {reason}"),
        Err(error) => error.to_string(),
    }
}

/// Something that an administrator does.
pub(crate) fn by_admin(seconds: i64) -> Act {
    by(Principal::User { id: 1, name: "admin".into(), system_role: SystemRole::Admin }, seconds)
}

/// Something that a principal does who has no grants.
pub(crate) fn by(principal: Principal, seconds: i64) -> Act {
    let access = Access { principal, grants: Vec::new(), ceiling: None };
    by_access(access, seconds)
}

pub(crate) fn by_access(access: Access, seconds: i64) -> Act {
    Act { access, circumstances: circumstances(seconds, "192.0.2.9"), request_id: "r2".to_owned() }
}

/// Makes the first user, and one of each name; all have [`PASSWORD`], but for `admin`.
pub(crate) async fn make_users<const N: usize>(accounts: &Accounts, names: [&str; N]) -> [i64; N] {
    accounts.first_start(at(0)).await.unwrap();
    let mut ids = [0; N];
    for (id, name) in ids.iter_mut().zip(names) {
        *id = accounts.create_user(&by_admin(0), &new_account(name)).await.unwrap().number();
    }
    ids
}

pub(crate) fn new_account(name: &str) -> NewAccount {
    NewAccount { name: name.to_owned(), password: PASSWORD.to_owned(), ..NewAccount::default() }
}

/// Rows of the record with that operation, the oldest first: actor, resource, whether it was done, and more.
pub(crate) async fn recorded(metadata: &Metadata, operation: &str) -> Vec<AuditEvent> {
    let filter = AuditFilter { operation: Some(TextFilter::Is(operation)), ..AuditFilter::default() };
    let mut tx = metadata.read().await.unwrap();
    tx.audit_page(&filter, AuditOrder::OldestFirst, None, 0, 1000).await.unwrap().entries
}

/// A source of identity with people that a test says.
#[derive(Debug, Default)]
pub(crate) struct FakeSource {
    name: &'static str,
    people: Mutex<HashMap<String, (String, Identity)>>,
    pub(crate) down: AtomicBool,
    /// Whether it answers nothing at all.
    pub(crate) hangs: AtomicBool,
    pub(crate) asked: AtomicU32,
}

impl FakeSource {
    pub(crate) fn new(name: &'static str) -> Arc<Self> {
        Arc::new(Self { name, ..Self::default() })
    }

    /// It no longer knows somebody.
    pub(crate) fn forgets(&self, name: &str) {
        self.people.lock().unwrap().remove(name);
    }

    async fn answers(&self) -> Result<(), SourceError> {
        if self.hangs.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        match self.down.load(Ordering::SeqCst) {
            true => Err(SourceError::Unavailable("no answer".into())),
            false => Ok(()),
        }
    }

    /// It now knows somebody, or knows them otherwise.
    pub(crate) fn knows(&self, password: &str, identity: Identity) {
        self.people.lock().unwrap().insert(identity.name.clone(), (password.to_owned(), identity));
    }

    pub(crate) fn asked(&self) -> u32 {
        self.asked.load(Ordering::SeqCst)
    }
}

/// Somebody of a directory.
pub(crate) fn person(name: &str, groups: &[&str]) -> Identity {
    let group =
        |name: &&str| SourceGroup { external_id: format!("cn={name},dc=example"), name: (*name).to_owned() };
    Identity {
        external_id: format!("uid={name},dc=example"),
        former_id: None,
        name: name.to_owned(),
        email: Some(format!("{name}@example.org")),
        real_name: format!("Real {name}"),
        groups: groups.iter().map(group).collect(),
        admin: false,
    }
}

#[async_trait::async_trait]
impl PasswordSource for FakeSource {
    fn name(&self) -> &str {
        self.name
    }

    async fn look_up(&self, name: &str) -> Result<Identity, SourceError> {
        self.answers().await?;
        let people = self.people.lock().unwrap();
        people.get(&name.to_lowercase()).map(|(_, identity)| identity.clone()).ok_or(SourceError::Refused)
    }

    fn may_have_group(&self, external_id: &str) -> bool {
        external_id.ends_with(",dc=example")
    }

    /// As directories do, it does not look at the case of names.
    async fn check(&self, name: &str, password: &str) -> Result<Identity, SourceError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.answers().await?;
        match self.people.lock().unwrap().get(&name.to_lowercase()) {
            Some((right, identity)) if right == password => Ok(identity.clone()),
            _ => Err(SourceError::Refused),
        }
    }
}
