//! What changes users. Each method does one thing; who may do it, and what goes with it, is said elsewhere.

use longshore_types::Timestamp;

use super::{LOCAL_SOURCE, NewUser, UserId};
use crate::{
    MetadataError, WriteTx,
    migrations::Dialect,
    sql::{Row, Value, params},
};

const INSERT: &str = "name, email, real_name, comment, source, external_id, system_role, source_admin, \
                      confirmed_at, password_hash, password_changed_at, failed_logins, disabled, created_at, updated_at";

/// What the columns of [`INSERT`] get that are not constant.
fn inserted<'a>(user: &NewUser<'a>, now: Timestamp) -> [Value<'a>; 12] {
    [
        user.name.into(),
        user.email.into(),
        user.real_name.into(),
        user.comment.into(),
        user.source.into(),
        user.external_id.into(),
        i64::from(user.system_role).into(),
        i64::from(user.source_admin).into(),
        (user.source != LOCAL_SOURCE).then_some(now).into(),
        user.password_hash.into(),
        user.password_hash.map(|_| now).into(),
        now.into(),
    ]
}

impl WriteTx {
    /// Makes a user; `None` when name or external name is taken.
    pub async fn insert_user(
        &mut self,
        user: &NewUser<'_>,
        now: Timestamp,
    ) -> Result<Option<UserId>, MetadataError> {
        let sql = format!(
            "INSERT INTO users ({INSERT}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 0, 0, $12, $12) \
             ON CONFLICT DO NOTHING RETURNING id"
        );
        let row = self.query_opt(&sql, &inserted(user, now)).await?;
        row.map(|mut row| row.int().map(UserId)).transpose()
    }

    /// Makes the user of number 1, as which clients of Harbor know the first administrator; `None` when there is one, or
    /// the name is taken. The next one is number 2.
    pub async fn insert_first_user(
        &mut self,
        user: &NewUser<'_>,
        now: Timestamp,
    ) -> Result<Option<UserId>, MetadataError> {
        let overriding = match self.dialect() {
            Dialect::Sqlite => "",
            Dialect::Postgres => "OVERRIDING SYSTEM VALUE ",
        };
        let sql = format!(
            "INSERT INTO users (id, {INSERT}) {overriding}\
             VALUES (1, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 0, 0, $12, $12) \
             ON CONFLICT DO NOTHING RETURNING id"
        );
        let Some(mut row) = self.query_opt(&sql, &inserted(user, now)).await? else { return Ok(None) };
        if self.dialect() == Dialect::Postgres {
            // Numbers that were given out before are not given out again.
            let sql = "SELECT setval(pg_get_serial_sequence('users', 'id'), \
                       GREATEST(1, (SELECT MAX(id) FROM users)))";
            self.query(sql, params![]).await?;
        }
        row.int().map(UserId).map(Some)
    }

    /// Changes what is said about a user.
    pub async fn set_user_profile(
        &mut self,
        id: UserId,
        email: Option<&str>,
        real_name: &str,
        comment: &str,
        now: Timestamp,
    ) -> Result<(), MetadataError> {
        let sql = "UPDATE users SET email = $1, real_name = $2, comment = $3, updated_at = $4 WHERE id = $5";
        self.execute(sql, params![email, real_name, comment, now, id]).await.map(drop)
    }

    /// Changes what a source says about a user, who is there by that. Who else has the name must be asked
    /// before. Nothing changes about a user of another source.
    pub async fn set_user_from_source(
        &mut self,
        id: UserId,
        says: &NewUser<'_>,
        now: Timestamp,
    ) -> Result<(), MetadataError> {
        let sql = "UPDATE users SET name = $1, email = $2, real_name = $3, external_id = $4, source_admin = $5, \
                   updated_at = $6, confirmed_at = $6 WHERE id = $7 AND source = $8";
        let admin = i64::from(says.source_admin);
        let values =
            params![says.name, says.email, says.real_name, says.external_id, admin, now, id, says.source];
        self.execute(sql, values).await.map(drop)
    }

    /// Notes that the source says that the user is there, as the row has them. The moment only grows.
    pub async fn confirm_user(
        &mut self,
        id: UserId,
        source: &str,
        now: Timestamp,
    ) -> Result<(), MetadataError> {
        let sql = "UPDATE users SET confirmed_at = $1 WHERE id = $2 AND source = $3 \
                   AND (confirmed_at IS NULL OR confirmed_at < $1)";
        self.execute(sql, params![now, id, source]).await.map(drop)
    }

    /// Notes that the source does not know the user any more: what it said before counts no longer. Whether that is new.
    pub async fn unconfirm_user(
        &mut self,
        id: UserId,
        source: &str,
        now: Timestamp,
    ) -> Result<bool, MetadataError> {
        let sql = "UPDATE users SET confirmed_at = NULL, source_admin = 0, updated_at = $1 \
                   WHERE id = $2 AND source = $3 AND (confirmed_at IS NOT NULL OR source_admin = 1)";
        Ok(self.execute(sql, params![now, id, source]).await? > 0)
    }

    /// Has another source vouch for a user. Without an external name the source says it at the next login.
    pub async fn bind_user(
        &mut self,
        id: UserId,
        source: &str,
        external_id: Option<&str>,
        now: Timestamp,
    ) -> Result<(), MetadataError> {
        let sql = "UPDATE users SET source = $1, external_id = $2, source_admin = 0, confirmed_at = NULL, \
                   password_hash = NULL, password_changed_at = NULL, failed_logins = 0, last_failed_at = NULL, updated_at = $3 \
                   WHERE id = $4";
        self.execute(sql, params![source, external_id, now, id]).await.map(drop)
    }

    /// Says what a user is beyond projects.
    pub async fn set_system_role(
        &mut self,
        id: UserId,
        role: u8,
        now: Timestamp,
    ) -> Result<(), MetadataError> {
        let sql = "UPDATE users SET system_role = $1, updated_at = $2 WHERE id = $3";
        self.execute(sql, params![i64::from(role), now, id]).await.map(drop)
    }

    /// Says whether a user may log in.
    pub async fn set_user_disabled(
        &mut self,
        id: UserId,
        disabled: bool,
        now: Timestamp,
    ) -> Result<(), MetadataError> {
        let sql = "UPDATE users SET disabled = $1, updated_at = $2 WHERE id = $3";
        self.execute(sql, params![i64::from(disabled), now, id]).await.map(drop)
    }

    /// Gives a user a new password, and forgets how often a wrong one came.
    pub async fn set_password(
        &mut self,
        id: UserId,
        hash: &str,
        now: Timestamp,
    ) -> Result<(), MetadataError> {
        let sql = "UPDATE users SET password_hash = $1, password_changed_at = $2, failed_logins = 0, \
                   last_failed_at = NULL, updated_at = $2 WHERE id = $3";
        self.execute(sql, params![hash, now, id]).await.map(drop)
    }

    /// Keeps the same password by another hash, unless it was changed meanwhile.
    pub async fn rehash_password(&mut self, id: UserId, old: &str, new: &str) -> Result<(), MetadataError> {
        let sql = "UPDATE users SET password_hash = $1 WHERE id = $2 AND password_hash = $3";
        self.execute(sql, params![new, id, old]).await.map(drop)
    }

    /// Counts a wrong password. The moment only grows, in whatever order requests end. For nobody ([`UserId::NOBODY`]) it
    /// does the same work, and nothing.
    pub async fn login_failed(&mut self, id: UserId, at: Timestamp) -> Result<(), MetadataError> {
        let sql = "UPDATE users SET failed_logins = failed_logins + 1, \
                   last_failed_at = CASE WHEN last_failed_at > $1 THEN last_failed_at ELSE $1 END WHERE id = $2";
        self.execute(sql, params![at, id]).await.map(drop)
    }

    /// Notes that a right password came.
    pub async fn login_succeeded(&mut self, id: UserId, at: Timestamp) -> Result<(), MetadataError> {
        let sql =
            "UPDATE users SET failed_logins = 0, last_failed_at = NULL, last_login_at = $1 WHERE id = $2";
        self.execute(sql, params![at, id]).await.map(drop)
    }

    /// Notes when a user last logged in. Told in batches: the moment only grows.
    pub async fn user_seen(&mut self, id: UserId, at: Timestamp) -> Result<(), MetadataError> {
        let sql = "UPDATE users SET last_login_at = $1 \
                   WHERE id = $2 AND (last_login_at IS NULL OR last_login_at < $1)";
        self.execute(sql, params![at, id]).await.map(drop)
    }

    /// All administrators who are not disabled, with their sources. Until commit nobody else can change which these are.
    pub async fn lock_active_admins(&mut self) -> Result<Vec<(UserId, String)>, MetadataError> {
        let mut admins = Vec::new();
        for column in ["system_role = 2", "source_admin = 1"] {
            let sql = format!("SELECT id, source FROM users WHERE {column} AND disabled = 0 ORDER BY id");
            for mut row in self.query_locking(&sql, "FOR UPDATE", params![]).await? {
                admins.push((UserId(row.int()?), row.text()?));
            }
        }
        admins.sort_unstable();
        admins.dedup();
        Ok(admins)
    }

    /// Locks a user's row.
    pub async fn lock_user(&mut self, id: UserId) -> Result<(), MetadataError> {
        self.query_locking("SELECT id FROM users WHERE id = $1", "FOR UPDATE", params![id]).await.map(drop)
    }

    /// Takes a user away, and with it memberships, access tokens and sessions. Projects stay and have no owner then; so
    /// does the record of what the user did, which has names.
    pub async fn delete_user(&mut self, id: UserId) -> Result<(), MetadataError> {
        for sql in [
            "DELETE FROM sessions WHERE user_id = $1",
            "DELETE FROM access_tokens WHERE user_id = $1",
            "DELETE FROM project_members WHERE user_id = $1",
            "DELETE FROM user_group_members WHERE user_id = $1",
            "UPDATE projects SET owner_id = NULL WHERE owner_id = $1",
            "DELETE FROM users WHERE id = $1",
        ] {
            self.execute(sql, params![id]).await?;
        }
        Ok(())
    }

    /// The projects that a user owns, some of them: for the record of a deletion.
    pub async fn projects_owned_by(
        &mut self,
        id: UserId,
        limit: usize,
    ) -> Result<Vec<String>, MetadataError> {
        let sql = "SELECT name FROM projects WHERE owner_id = $1 ORDER BY id LIMIT $2";
        let rows = self.query(sql, params![id, crate::sql::at_most(limit)]).await?;
        rows.into_iter().map(|mut row: Row| row.text()).collect()
    }
}

impl UserId {
    /// No user's row.
    pub const NOBODY: Self = Self(0);
}
