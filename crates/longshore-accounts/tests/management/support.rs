//! What every test here starts from.

use longshore_accounts::{
    Accounts, AccountsSettings, Act, Credentials, ManageError, MemberGrant, MemberId, NewAccount, NewHolder,
    NewProject, ProjectId, ProjectKey,
};
use longshore_auth::{Access, Circumstances, Principal, SystemRole};
use longshore_metadata::{AuditFilter, AuditOrder, Metadata, MetadataSettings};
use longshore_testkit::Postgres;
use longshore_types::Timestamp;

pub(crate) use longshore_testkit::on_both_databases;

/// A password that keeps the rules.
const PASSWORD: &str = "Sesame123";

/// Whose word counts about programs.
pub(crate) const TRUSTED: [&str; 2] = ["https://token.actions.example", "spiffe://example.org"];

async fn open(url: &str) -> Accounts {
    let settings = MetadataSettings { url: url.to_owned(), connections_max: 8, durable: false };
    let metadata = Metadata::open(&settings).await.unwrap();
    let trusted_issuers = TRUSTED.map(str::to_owned).to_vec();
    let settings = AccountsSettings { trusted_issuers, ..AccountsSettings::default() };
    let accounts = Accounts::new(metadata, settings, Vec::new());
    accounts.first_start(at(0)).await.unwrap();
    accounts
}

pub(crate) async fn sqlite() -> Accounts {
    open("sqlite::memory:").await
}

pub(crate) async fn postgres() -> Accounts {
    open(&Postgres::shared().fresh_database().unwrap()).await
}

/// So many seconds after some moment.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_millis(1_800_000_000_000 + seconds * 1000)
}

pub(crate) fn act(access: Access) -> Act {
    Act { access, circumstances: Circumstances::at(at(10)), request_id: "r1".to_owned() }
}

/// Something that an administrator does.
pub(crate) fn admin() -> Act {
    let principal = Principal::User { id: 1, name: "admin".into(), system_role: SystemRole::Admin };
    act(Access { principal, grants: Vec::new(), ceiling: None })
}

/// Something that nobody in particular does.
pub(crate) fn nobody() -> Act {
    act(Access::anonymous())
}

/// Makes users.
pub(crate) async fn make_users<const N: usize>(accounts: &Accounts, names: [&str; N]) -> [i64; N] {
    let mut ids = [0; N];
    for (id, name) in ids.iter_mut().zip(names) {
        let new =
            NewAccount { name: name.to_owned(), password: PASSWORD.to_owned(), ..NewAccount::default() };
        *id = accounts.create_user(&admin(), &new).await.unwrap().number();
    }
    ids
}

/// Something that a user does, with all that they have at this moment.
pub(crate) async fn user(accounts: &Accounts, name: &str) -> Act {
    login(accounts, name, PASSWORD).await.unwrap()
}

/// Something that whoever has that secret does.
pub(crate) async fn login(accounts: &Accounts, name: &str, secret: &str) -> Option<Act> {
    let credentials = Credentials::Basic { name: name.to_owned(), secret: secret.to_owned() };
    accounts.login(&credentials, &Circumstances::at(at(10)), "r1").await.ok().map(act)
}

pub(crate) async fn make_project(accounts: &Accounts, act: &Act, name: &str) -> ProjectId {
    accounts.create_project(act, &new_project(name)).await.unwrap()
}

pub(crate) fn new_project(name: &str) -> NewProject {
    NewProject { name: name.parse().unwrap(), settings: Default::default(), storage_limit: 0 }
}

pub(crate) async fn project_id(accounts: &Accounts, name: &str) -> Option<ProjectId> {
    let key = ProjectKey::Name(name.parse().unwrap());
    accounts.find_project(&key).await.unwrap().map(|found| found.record.id)
}

/// Pushes something to a repository.
pub(crate) async fn push(accounts: &Accounts, name: &str) -> longshore_types::Digest {
    let mut tx = accounts.metadata().write().await.unwrap();
    let repository = tx.ensure_locked_repository(&name.parse().unwrap(), at(1)).await.unwrap();
    let digest = longshore_types::Digest::sha256(name.as_bytes());
    let manifest = longshore_metadata::NewManifest {
        repository: repository.id,
        digest,
        media_type: &longshore_types::MediaType::OCI_MANIFEST,
        artifact_type: None,
        subject: None,
        annotations: &Default::default(),
        payload: name.as_bytes(),
        references: &[],
    };
    tx.put_manifest(&manifest, at(1)).await.unwrap();
    tx.commit().await.unwrap();
    digest
}

/// Makes a user a member for the whole project.
pub(crate) async fn add_member(accounts: &Accounts, project: ProjectId, name: &str, role: i64) -> MemberId {
    let grant = MemberGrant { role, ..MemberGrant::default() };
    let holder = NewHolder::User(name.to_owned());
    accounts.add_member(&admin(), project, &holder, &grant).await.unwrap()
}

/// What happened, in a word.
pub(crate) fn word<T>(result: Result<T, ManageError>) -> &'static str {
    match result {
        Ok(_) => "done",
        Err(ManageError::Unknown { .. }) => "unknown",
        Err(ManageError::Conflict(_)) => "conflict",
        Err(ManageError::Invalid(_)) => "invalid",
        Err(ManageError::Forbidden(_)) => "forbidden",
        Err(ManageError::Precondition(_)) => "precondition",
        Err(ManageError::TooMany { .. }) => "too many",
        Err(ManageError::Unavailable(_)) => "unavailable",
        Err(ManageError::Metadata(error)) => panic!("{error}"),
    }
}

/// What the record says was done with things of that type: operation, resource, project and actor, the oldest first.
pub(crate) async fn recorded(accounts: &Accounts, resource_type: &str) -> Vec<[String; 4]> {
    let mut tx = accounts.metadata().read().await.unwrap();
    let filter = AuditFilter {
        resource_type: Some(longshore_metadata::TextFilter::Is(resource_type)),
        ..AuditFilter::default()
    };
    let page = tx.audit_page(&filter, AuditOrder::OldestFirst, None, 0, 100).await.unwrap();
    let row = |event: longshore_metadata::AuditEvent| {
        [event.operation, event.resource, event.project.unwrap_or_default(), event.actor]
    };
    page.entries.into_iter().map(row).collect()
}
