//! Users: local ones and those that another source vouches for.

mod changes;
mod listing;

use longshore_types::Timestamp;

pub use listing::{UserFilter, UserOrder};

use crate::{
    MetadataError, ReadTx,
    sql::{Row, at_most, params},
};

/// A user's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserId(pub(crate) i64);

/// A user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserRecord {
    /// Its row.
    pub id: UserId,
    /// The name to log in with.
    pub name: String,
    /// Where mail goes. Nobody proved that it is theirs.
    pub email: Option<String>,
    /// What people call them.
    pub real_name: String,
    /// A remark.
    pub comment: String,
    /// Who vouches: `local`, or the name of a source.
    pub source: String,
    /// The source's own name for the user, which never changes.
    pub external_id: Option<String>,
    /// 0 nothing, 1 auditor, 2 administrator: as an administrator said.
    pub system_role: u8,
    /// An administrator because the source said so when it was last asked.
    pub source_admin: bool,
    /// When the source last said that the user is there; `None` where it says otherwise, and for local users.
    pub confirmed_at: Option<Timestamp>,
    /// PHC string of a local user's password.
    pub password_hash: Option<String>,
    /// When the password was last changed.
    pub password_changed_at: Option<Timestamp>,
    /// Wrong passwords since the last right one.
    pub failed_logins: u32,
    /// When the last wrong one came.
    pub last_failed_at: Option<Timestamp>,
    /// May not log in.
    pub disabled: bool,
    /// When the row was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// When the user last logged in.
    pub last_login_at: Option<Timestamp>,
}

/// What a new user is made of.
#[derive(Clone, Debug, Default)]
pub struct NewUser<'a> {
    /// See [`UserRecord::name`].
    pub name: &'a str,
    /// See [`UserRecord::email`].
    pub email: Option<&'a str>,
    /// See [`UserRecord::real_name`].
    pub real_name: &'a str,
    /// See [`UserRecord::comment`].
    pub comment: &'a str,
    /// See [`UserRecord::source`].
    pub source: &'a str,
    /// See [`UserRecord::external_id`].
    pub external_id: Option<&'a str>,
    /// See [`UserRecord::system_role`].
    pub system_role: u8,
    /// See [`UserRecord::source_admin`].
    pub source_admin: bool,
    /// See [`UserRecord::password_hash`].
    pub password_hash: Option<&'a str>,
}

/// [`UserRecord::source`] of users whose passwords are in the index.
pub const LOCAL_SOURCE: &str = "local";
/// [`UserRecord::system_role`] of an administrator.
pub const ADMIN_ROLE: u8 = 2;

const COLUMNS: &str = "id, name, email, real_name, comment, source, external_id, system_role, source_admin, \
                       confirmed_at, password_hash, password_changed_at, failed_logins, last_failed_at, disabled, created_at, \
                       updated_at, last_login_at";

impl UserRecord {
    fn read(mut row: Row) -> Result<Self, MetadataError> {
        Ok(Self {
            id: UserId(row.int()?),
            name: row.text()?,
            email: row.optional_text()?,
            real_name: row.text()?,
            comment: row.text()?,
            source: row.text()?,
            external_id: row.optional_text()?,
            system_role: row.unsigned()?,
            source_admin: row.int()? != 0,
            confirmed_at: row.optional_timestamp()?,
            password_hash: row.optional_text()?,
            password_changed_at: row.optional_timestamp()?,
            failed_logins: row.unsigned()?,
            last_failed_at: row.optional_timestamp()?,
            disabled: row.int()? != 0,
            created_at: row.timestamp()?,
            updated_at: row.timestamp()?,
            last_login_at: row.optional_timestamp()?,
        })
    }

    /// Whether the password is in the index, and no other source has a say.
    pub fn is_local(&self) -> bool {
        self.source == LOCAL_SOURCE
    }

    /// Whether they are an administrator, whoever said so. Of a local user no source has a say.
    pub fn is_admin(&self) -> bool {
        self.system_role == ADMIN_ROLE || (self.source_admin && !self.is_local())
    }
}

impl ReadTx {
    /// The user of that name.
    pub async fn user(&mut self, name: &str) -> Result<Option<UserRecord>, MetadataError> {
        let sql = format!("SELECT {COLUMNS} FROM users WHERE name = $1");
        self.query_opt(&sql, params![name]).await?.map(UserRecord::read).transpose()
    }

    /// A user of a source whose name differs at most in the case of ASCII letters; `folded` has none in upper case.
    pub async fn user_of_source_by_folded_name(
        &mut self,
        folded: &str,
    ) -> Result<Option<UserRecord>, MetadataError> {
        let sql = format!("SELECT {COLUMNS} FROM users WHERE lower(name) = $1 AND source <> 'local' LIMIT 1");
        self.query_opt(&sql, params![folded]).await?.map(UserRecord::read).transpose()
    }

    /// The user of that row.
    pub async fn user_by_id(&mut self, id: UserId) -> Result<Option<UserRecord>, MetadataError> {
        let sql = format!("SELECT {COLUMNS} FROM users WHERE id = $1");
        self.query_opt(&sql, params![id]).await?.map(UserRecord::read).transpose()
    }

    /// Administrators because a source said so, before that moment; some of them.
    pub async fn source_admins_confirmed_before(
        &mut self,
        moment: Timestamp,
        limit: usize,
    ) -> Result<Vec<UserRecord>, MetadataError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM users WHERE source_admin = 1 AND disabled = 0 AND confirmed_at < $1 \
             ORDER BY id LIMIT $2"
        );
        let rows = self.query(&sql, params![moment, at_most(limit)]).await?;
        rows.into_iter().map(UserRecord::read).collect()
    }

    /// A user with that address.
    pub async fn user_by_email(&mut self, email: &str) -> Result<Option<UserRecord>, MetadataError> {
        let sql = format!("SELECT {COLUMNS} FROM users WHERE email = $1 ORDER BY id LIMIT 1");
        self.query_opt(&sql, params![email]).await?.map(UserRecord::read).transpose()
    }

    /// The user whom a source calls so.
    pub async fn user_of_source(
        &mut self,
        source: &str,
        external_id: &str,
    ) -> Result<Option<UserRecord>, MetadataError> {
        let sql = format!("SELECT {COLUMNS} FROM users WHERE source = $1 AND external_id = $2");
        self.query_opt(&sql, params![source, external_id]).await?.map(UserRecord::read).transpose()
    }
}
