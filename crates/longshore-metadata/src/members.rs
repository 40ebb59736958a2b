//! Who belongs to a project, with which role.

use longshore_types::{ProjectName, Timestamp};

use crate::{
    GroupId, MetadataError, ProjectId, ReadTx, UserId, WriteTx,
    sql::{Row, params},
};

/// A membership's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MemberId(pub(crate) i64);

/// A user or a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Holder {
    /// A user.
    User(UserId),
    /// Everybody in a group.
    Group(GroupId),
}

/// A membership.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberRecord {
    /// Its row.
    pub id: MemberId,
    /// In which project.
    pub project: ProjectId,
    /// Whose.
    pub holder: Holder,
    /// The holder's name.
    pub name: String,
    /// With which role: one of Harbor's numbers, or of a role of ours.
    pub role: i64,
    /// A pattern of repositories within the project; empty for all.
    pub repositories: String,
    /// The policy that must also allow it.
    pub condition: Option<i64>,
    /// Since when.
    pub created_at: Timestamp,
}

/// A membership as it counts for one user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// In which project.
    pub project: ProjectName,
    /// See [`MemberRecord::role`].
    pub role: i64,
    /// See [`MemberRecord::repositories`].
    pub repositories: String,
    /// See [`MemberRecord::condition`].
    pub condition: Option<i64>,
    /// The group that the user has it through.
    pub through: Option<String>,
}

const COLUMNS: &str = "m.id, m.project_id, m.user_id, m.group_id, COALESCE(u.name, g.name), m.role_id, \
                       m.repositories, m.condition_id, m.created_at";
const TABLES: &str =
    "project_members m LEFT JOIN users u ON u.id = m.user_id LEFT JOIN user_groups g ON g.id = m.group_id";

impl MemberRecord {
    fn read(mut row: Row) -> Result<Self, MetadataError> {
        let (id, project) = (MemberId(row.int()?), ProjectId(row.int()?));
        let holder = match (row.optional_int()?, row.optional_int()?) {
            (Some(user), None) => Holder::User(UserId(user)),
            (None, Some(group)) => Holder::Group(GroupId(group)),
            _ => return Err(MetadataError::Corrupt("a membership is of a user or of a group".to_owned())),
        };
        Ok(Self {
            id,
            project,
            holder,
            name: row.text()?,
            role: row.int()?,
            repositories: row.text()?,
            condition: row.optional_int()?,
            created_at: row.timestamp()?,
        })
    }
}

impl ReadTx {
    /// A membership of that project.
    pub async fn member(
        &mut self,
        project: ProjectId,
        id: MemberId,
    ) -> Result<Option<MemberRecord>, MetadataError> {
        let sql = format!("SELECT {COLUMNS} FROM {TABLES} WHERE m.id = $1 AND m.project_id = $2");
        self.query_opt(&sql, params![id, project]).await?.map(MemberRecord::read).transpose()
    }

    /// All that a user has, also through groups.
    pub async fn memberships_of(&mut self, user: UserId) -> Result<Vec<Membership>, MetadataError> {
        let sql = "SELECT p.name, m.role_id, m.repositories, m.condition_id, NULL FROM project_members m \
                   JOIN projects p ON p.id = m.project_id WHERE m.user_id = $1 \
                   UNION ALL \
                   SELECT p.name, m.role_id, m.repositories, m.condition_id, g.name FROM user_group_members i \
                   JOIN user_groups g ON g.id = i.group_id JOIN project_members m ON m.group_id = i.group_id \
                   JOIN projects p ON p.id = m.project_id WHERE i.user_id = $1";
        let rows = self.query(sql, params![user]).await?;
        let read = |mut row: Row| {
            Ok(Membership {
                project: row.parsed("project name")?,
                role: row.int()?,
                repositories: row.text()?,
                condition: row.optional_int()?,
                through: row.optional_text()?,
            })
        };
        rows.into_iter().map(read).collect()
    }
}

impl WriteTx {
    /// Makes a membership; `None` when the holder has one for the same repositories.
    pub async fn insert_member(
        &mut self,
        project: ProjectId,
        holder: Holder,
        role: i64,
        repositories: &str,
        now: Timestamp,
    ) -> Result<Option<MemberId>, MetadataError> {
        let (user, group) = match holder {
            Holder::User(user) => (Some(user), None),
            Holder::Group(group) => (None, Some(group)),
        };
        let sql = "INSERT INTO project_members (project_id, user_id, group_id, role_id, repositories, created_at) \
                   VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING RETURNING id";
        let row = self.query_opt(sql, params![project, user, group, role, repositories, now]).await?;
        row.map(|mut row| row.int().map(MemberId)).transpose()
    }
}
