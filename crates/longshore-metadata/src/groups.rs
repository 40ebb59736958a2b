//! Groups of users, as directories and providers name them.

use longshore_types::Timestamp;

use crate::{
    MetadataError, Page, ReadTx, TextFilter, UserId, WriteTx,
    conditions::Conditions,
    sql::{Row, at_most, one_more, page, params},
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
    /// The name of the source in the configuration. Groups of two sources are two, whatever they are called.
    pub source: String,
    /// What people call it.
    pub name: String,
    /// The DN of an LDAP group; for the other kinds the name.
    pub external_id: String,
}

/// Which groups. All that is given must hold.
#[derive(Clone, Copy, Debug, Default)]
pub struct GroupFilter<'a> {
    /// What people call it.
    pub name: Option<TextFilter<'a>>,
    /// What its source calls it: the DN of an LDAP group.
    pub external_id: Option<TextFilter<'a>>,
}

impl<'a> GroupFilter<'a> {
    fn add_to(&self, conditions: &mut Conditions<'a>) {
        conditions.text("name", self.name);
        conditions.text("external_id", self.external_id);
    }
}

const COLUMNS: &str = "id, kind, source, name, external_id";

impl GroupRecord {
    fn read(mut row: Row) -> Result<Self, MetadataError> {
        let id = GroupId(row.int()?);
        let kind = row.int()?;
        let unknown = || MetadataError::Corrupt(format!("{kind} is no kind of group"));
        Ok(Self {
            id,
            kind: GroupKind::from_code(kind).ok_or_else(unknown)?,
            source: row.text()?,
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
        source: &str,
        external_id: &str,
    ) -> Result<Option<GroupRecord>, MetadataError> {
        let sql =
            format!("SELECT {COLUMNS} FROM user_groups WHERE external_id = $1 AND kind = $2 AND source = $3");
        let values = params![external_id, kind as i64, source];
        self.query_opt(&sql, values).await?.map(GroupRecord::read).transpose()
    }

    /// Groups by name, without the first `skip`: these are read all the same, so whoever pages by number pays for the
    /// pages before. Whoever goes on after the last one of the page before does not.
    pub async fn groups_page(
        &mut self,
        filter: &GroupFilter<'_>,
        after: Option<&GroupRecord>,
        skip: usize,
        limit: usize,
    ) -> Result<Page<GroupRecord>, MetadataError> {
        let mut conditions = Conditions::new(self.dialect());
        filter.add_to(&mut conditions);
        let (name, id) = after.map_or(("", GroupId(0)), |last| (last.name.as_str(), last.id));
        conditions.after("name, id", (name, id));
        let sql = conditions.sql();
        let (rows, skip) = (conditions.value(one_more(limit)), conditions.value(at_most(skip)));
        let sql =
            format!("SELECT {COLUMNS} FROM user_groups {sql} ORDER BY name, id LIMIT ${rows} OFFSET ${skip}");
        page(self.query(&sql, &conditions.values).await?, limit, GroupRecord::read)
    }

    /// How many there are.
    pub async fn groups_count(&mut self, filter: &GroupFilter<'_>) -> Result<u64, MetadataError> {
        let mut conditions = Conditions::new(self.dialect());
        filter.add_to(&mut conditions);
        // All are: so that the index of names, which is smaller, is counted.
        conditions.after("name, id", ("", 0_i64));
        let sql = format!("SELECT COUNT(*) FROM user_groups {}", conditions.sql());
        self.count(&sql, &conditions.values).await
    }

    /// The groups of a user, as the source said at the last login.
    pub async fn groups_of_user(&mut self, user: UserId) -> Result<Vec<GroupRecord>, MetadataError> {
        let sql = "SELECT g.id, g.kind, g.source, g.name, g.external_id FROM user_group_members m \
                   JOIN user_groups g ON g.id = m.group_id WHERE m.user_id = $1 ORDER BY m.group_id";
        self.query(sql, params![user]).await?.into_iter().map(GroupRecord::read).collect()
    }
}

impl WriteTx {
    /// Makes a group; `None` when its source has one of that name already.
    pub async fn insert_group(
        &mut self,
        kind: GroupKind,
        source: &str,
        external_id: &str,
        name: &str,
        now: Timestamp,
    ) -> Result<Option<GroupId>, MetadataError> {
        let sql = "INSERT INTO user_groups (kind, source, name, external_id, created_at) \
                   VALUES ($1, $2, $3, $4, $5) ON CONFLICT (external_id, kind, source) DO NOTHING RETURNING id";
        let row = self.query_opt(sql, params![kind as i64, source, name, external_id, now]).await?;
        row.map(|mut row| row.int().map(GroupId)).transpose()
    }

    /// Calls a group otherwise.
    pub async fn rename_group(&mut self, id: GroupId, name: &str) -> Result<(), MetadataError> {
        self.execute("UPDATE user_groups SET name = $1 WHERE id = $2", params![name, id]).await.map(drop)
    }

    /// Takes a group away, and what its members had through it.
    pub async fn delete_group(&mut self, id: GroupId) -> Result<(), MetadataError> {
        for sql in [
            "DELETE FROM project_members WHERE group_id = $1",
            "DELETE FROM user_group_members WHERE group_id = $1",
            "DELETE FROM user_groups WHERE id = $1",
        ] {
            self.execute(sql, params![id]).await?;
        }
        Ok(())
    }

    /// The group that its source calls so, made if it is new.
    pub async fn ensure_group(
        &mut self,
        kind: GroupKind,
        source: &str,
        external_id: &str,
        name: &str,
        now: Timestamp,
    ) -> Result<GroupId, MetadataError> {
        self.insert_group(kind, source, external_id, name, now).await?;
        let group = self.group(kind, source, external_id).await?;
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
