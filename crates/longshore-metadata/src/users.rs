//! Users: local ones and those that another source vouches for.

use longshore_types::Timestamp;

use crate::{
    MetadataError, ReadTx, WriteTx,
    sql::{Row, params},
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
    /// Where mail goes; no two users have the same.
    pub email: Option<String>,
    /// What people call them.
    pub real_name: String,
    /// A remark.
    pub comment: String,
    /// Who vouches: `local`, or the name of a source.
    pub source: String,
    /// The source's own name for the user, which never changes.
    pub external_id: Option<String>,
    /// 0 nothing, 1 auditor, 2 administrator.
    pub system_role: u8,
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
    /// See [`UserRecord::password_hash`].
    pub password_hash: Option<&'a str>,
}

const COLUMNS: &str = "id, name, email, real_name, comment, source, external_id, system_role, password_hash, \
                       password_changed_at, failed_logins, last_failed_at, disabled, created_at, updated_at, last_login_at";

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
            password_hash: row.optional_text()?,
            password_changed_at: row.optional_int()?.map(Timestamp::from_unix_millis),
            failed_logins: row.unsigned()?,
            last_failed_at: row.optional_int()?.map(Timestamp::from_unix_millis),
            disabled: row.int()? != 0,
            created_at: row.timestamp()?,
            updated_at: row.timestamp()?,
            last_login_at: row.optional_int()?.map(Timestamp::from_unix_millis),
        })
    }
}

impl ReadTx {
    /// The user of that name.
    pub async fn user(&mut self, name: &str) -> Result<Option<UserRecord>, MetadataError> {
        let sql = format!("SELECT {COLUMNS} FROM users WHERE name = $1");
        self.query_opt(&sql, params![name]).await?.map(UserRecord::read).transpose()
    }

    /// The user of that row.
    pub async fn user_by_id(&mut self, id: UserId) -> Result<Option<UserRecord>, MetadataError> {
        let sql = format!("SELECT {COLUMNS} FROM users WHERE id = $1");
        self.query_opt(&sql, params![id]).await?.map(UserRecord::read).transpose()
    }
}

impl WriteTx {
    /// Makes a user; `None` when name, address or external name is taken.
    pub async fn insert_user(
        &mut self,
        user: &NewUser<'_>,
        now: Timestamp,
    ) -> Result<Option<UserId>, MetadataError> {
        let changed = user.password_hash.map(|_| now);
        let sql = "INSERT INTO users (name, email, real_name, comment, source, external_id, system_role, \
                   password_hash, password_changed_at, failed_logins, disabled, created_at, updated_at) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, 0, $10, $10) \
                   ON CONFLICT DO NOTHING RETURNING id";
        let values = params![
            user.name,
            user.email,
            user.real_name,
            user.comment,
            user.source,
            user.external_id,
            i64::from(user.system_role),
            user.password_hash,
            changed,
            now
        ];
        let row = self.query_opt(sql, values).await?;
        row.map(|mut row| row.int().map(UserId)).transpose()
    }
}
