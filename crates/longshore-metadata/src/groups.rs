//! Groups of users, as directories and providers name them.

use longshore_types::Timestamp;

use crate::{
    MetadataError, ReadTx, UserId, WriteTx,
    sql::{Row, params},
};

/// A group's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupId(pub(crate) i64);

/// Where a group comes from; the numbers are Harbor's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GroupKind {
    /// A directory.
    Ldap = 1,
    /// A header of a proxy.
    Http = 2,
    /// A claim of an identity provider.
    Oidc = 3,
}

impl GroupKind {
    /// The kind of that number.
    pub fn from_code(code: i64) -> Option<Self> {
        [Self::Ldap, Self::Http, Self::Oidc].into_iter().find(|kind| *kind as i64 == code)
    }
}

/// A group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupRecord {
    /// Its row.
    pub id: GroupId,
    /// Where it comes from.
    pub kind: GroupKind,
    /// What people call it.
    pub name: String,
    /// The DN of an LDAP group; for the other kinds the name.
    pub external_id: String,
}

const COLUMNS: &str = "id, kind, name, external_id";

impl GroupRecord {
    fn read(mut row: Row) -> Result<Self, MetadataError> {
        let id = GroupId(row.int()?);
        let kind = row.int()?;
        let unknown = || MetadataError::Corrupt(format!("{kind} is no kind of group"));
        Ok(Self {
            id,
            kind: GroupKind::from_code(kind).ok_or_else(unknown)?,
            name: row.text()?,
            external_id: row.text()?,
        })
    }
}

impl ReadTx {
    /// The group of that row.
    pub async fn group_by_id(&mut self, id: GroupId) -> Result<Option<GroupRecord>, MetadataError> {
        let sql = format!("SELECT {COLUMNS} FROM user_groups WHERE id = $1");
        self.query_opt(&sql, params![id]).await?.map(GroupRecord::read).transpose()
    }

    /// The group that its source calls so.
    pub async fn group(
        &mut self,
        kind: GroupKind,
        external_id: &str,
    ) -> Result<Option<GroupRecord>, MetadataError> {
        let sql = format!("SELECT {COLUMNS} FROM user_groups WHERE kind = $1 AND external_id = $2");
        self.query_opt(&sql, params![kind as i64, external_id]).await?.map(GroupRecord::read).transpose()
    }
}

impl WriteTx {
    /// The group that its source calls so, made if it is new.
    pub async fn ensure_group(
        &mut self,
        kind: GroupKind,
        external_id: &str,
        name: &str,
        now: Timestamp,
    ) -> Result<GroupId, MetadataError> {
        let sql = "INSERT INTO user_groups (kind, name, external_id, created_at) VALUES ($1, $2, $3, $4) \
                   ON CONFLICT (kind, external_id) DO NOTHING";
        self.execute(sql, params![kind as i64, name, external_id, now]).await?;
        let group = self.group(kind, external_id).await?;
        Ok(group.ok_or_else(|| MetadataError::vanished("the new group vanished"))?.id)
    }

    /// Notes that the user is in exactly these groups.
    pub async fn set_groups_of_user(
        &mut self,
        user: UserId,
        groups: &[GroupId],
    ) -> Result<(), MetadataError> {
        self.execute("DELETE FROM user_group_members WHERE user_id = $1", params![user]).await?;
        let sql = "INSERT INTO user_group_members (group_id, user_id) VALUES ($1, $2) ON CONFLICT DO NOTHING";
        for group in groups {
            self.execute(sql, params![*group, user]).await?;
        }
        Ok(())
    }
}
