//! What an empty registry begins with: somebody who may do everything, and a place that everybody may pull from.

use longshore_auth::{Secret, password};
use longshore_metadata::{ADMIN_ROLE, LOCAL_SOURCE, MetadataError, NewAuditEvent, NewUser, UserId, WriteTx};
use longshore_types::{ProjectName, Timestamp};
use serde_json::json;

use crate::{Accounts, ManageError, project_view::PUBLIC, retry::retry_on_conflict};

/// The first user.
pub const FIRST_USER: &str = "admin";
/// The first project.
pub const FIRST_PROJECT: &str = "library";
/// The setting that says that there was a first start.
const STARTED: &str = "accounts.started";

impl Accounts {
    /// Makes the user `admin`, number 1, and the public project `library`, the first time that this index is used with
    /// accounts. Returns the user's password then, which nothing keeps: the caller shows it. Of several processes that
    /// start together one gets it.
    ///
    /// # Errors
    /// When the index cannot be changed. Then nothing was made.
    pub async fn first_start(&self, now: Timestamp) -> Result<Option<Secret>, ManageError> {
        if self.inner.metadata.read().await?.setting(STARTED).await?.is_some() {
            return Ok(None);
        }
        let password = Secret::random();
        let hash = self.hash_password(password.reveal()).await?;
        let made = retry_on_conflict(|| self.make_first(&hash, now)).await?;
        Ok(made.then_some(password))
    }

    async fn make_first(&self, hash: &str, now: Timestamp) -> Result<bool, ManageError> {
        let mut tx = self.inner.metadata.write().await?;
        // Another process that does the same waits here until this is over.
        if !tx.insert_setting(STARTED, &now.unix_millis().to_string()).await? {
            return Ok(false);
        }
        let made = match tx.user(FIRST_USER).await? {
            Some(_) => None,
            None => Some(insert_first_user(&mut tx, hash, now).await?),
        };
        make_first_project(&mut tx, made, now).await?;
        tx.commit().await?;
        Ok(made.is_some())
    }

    /// Gives a local user a new random password, whatever the old one was, and lets them log in again. For operators who
    /// lost it: the caller shows it, and has to be somebody who can change the index anyway.
    ///
    /// # Errors
    /// [`ManageError::Unknown`]; [`ManageError::Precondition`] for a user whose password is not here.
    pub async fn reset_password(&self, name: &str, now: Timestamp) -> Result<Secret, ManageError> {
        let password = Secret::random();
        let hash = self.hash_password(password.reveal()).await?;
        retry_on_conflict(|| self.write_reset(name, &hash, now)).await?;
        Ok(password)
    }

    async fn write_reset(&self, name: &str, hash: &str, now: Timestamp) -> Result<(), ManageError> {
        let mut tx = self.inner.metadata.write().await?;
        let user = tx.user(name).await?.ok_or_else(|| ManageError::unknown("user", name))?;
        if !user.is_local() {
            let problem = format!("the password of {name} is not here, but in {}", user.source);
            return Err(ManageError::Precondition(problem));
        }
        tx.lock_user(user.id).await?;
        tx.set_password(user.id, hash, now).await?;
        tx.set_user_disabled(user.id, false, now).await?;
        Self::end_sessions(&mut tx, user.id).await?;
        record(&mut tx, "update_user", ("user", name), &json!({ "password": "reset" }).to_string(), now)
            .await?;
        Ok(tx.commit().await?)
    }
}

async fn insert_first_user(tx: &mut WriteTx, hash: &str, now: Timestamp) -> Result<UserId, ManageError> {
    let user = NewUser {
        name: FIRST_USER,
        real_name: "Administrator",
        source: LOCAL_SOURCE,
        system_role: ADMIN_ROLE,
        password_hash: Some(hash),
        ..NewUser::default()
    };
    let id = match tx.insert_first_user(&user, now).await? {
        Some(id) => id,
        // The number is somebody else's: of an index that had users before.
        None => {
            let taken = || MetadataError::Conflict("the name was taken meanwhile".into());
            tx.insert_user(&user, now).await?.ok_or_else(taken)?
        }
    };
    record(tx, "create_user", ("user", FIRST_USER), "", now).await?;
    Ok(id)
}

/// A project that is there already stays as it is, but for what nobody has said about it yet.
async fn make_first_project(
    tx: &mut WriteTx,
    owner: Option<UserId>,
    now: Timestamp,
) -> Result<(), ManageError> {
    let name: ProjectName = FIRST_PROJECT.parse().expect("a name of a project");
    if tx.insert_project(&name, owner, now).await?.is_some() {
        record(tx, "create_project", ("project", FIRST_PROJECT), "", now).await?;
    }
    let Some(project) = tx.project(&name).await? else { return Ok(()) };
    if tx.project_setting(project.id, PUBLIC).await?.is_none() {
        tx.set_project_metadata(project.id, PUBLIC, "true").await?;
    }
    Ok(())
}

/// What the registry, or who runs it, did.
async fn record(
    tx: &mut WriteTx,
    operation: &str,
    (resource_type, resource): (&str, &str),
    detail: &str,
    at: Timestamp,
) -> Result<(), MetadataError> {
    tx.record_audit(&NewAuditEvent {
        at,
        operation,
        resource_type,
        resource,
        project: None,
        actor: "system",
        address: "",
        request_id: "",
        succeeded: true,
        detail,
    })
    .await
}

/// Whether a text is good as the password of a user, in words for people.
pub(crate) fn check_password(new: &str) -> Result<(), ManageError> {
    password::check_new(new).map_err(|error| ManageError::Invalid(error.to_string()))
}
