//! Who belongs to a project, with which role.

use std::collections::BTreeMap;

use longshore_types::{ProjectName, Timestamp};

use crate::{
    GroupId, MetadataError, PolicyVersion, ProjectId, ReadTx, TextFilter, UserId, WriteTx,
    conditions::Conditions,
    sql::{Row, Value, at_most, batches, params, placeholders},
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

impl Holder {
    fn columns(self) -> (Option<UserId>, Option<GroupId>) {
        match self {
            Self::User(user) => (Some(user), None),
            Self::Group(group) => (None, Some(group)),
        }
    }
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
    pub condition: Option<PolicyVersion>,
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

    /// Memberships of a project as they were made, without the first `skip`; those whose holder is called so.
    pub async fn members_page(
        &mut self,
        project: ProjectId,
        name: Option<TextFilter<'_>>,
        skip: usize,
        limit: usize,
    ) -> Result<Vec<MemberRecord>, MetadataError> {
        let mut conditions = members(self, project, name);
        let sql = conditions.sql();
        let (rows, skip) = (conditions.value(at_most(limit)), conditions.value(at_most(skip)));
        let sql = format!("SELECT {COLUMNS} FROM {TABLES} {sql} ORDER BY m.id LIMIT ${rows} OFFSET ${skip}");
        self.query(&sql, &conditions.values).await?.into_iter().map(MemberRecord::read).collect()
    }

    /// How many there are.
    pub async fn members_count(
        &mut self,
        project: ProjectId,
        name: Option<TextFilter<'_>>,
    ) -> Result<u64, MetadataError> {
        let conditions = members(self, project, name);
        let sql = format!("SELECT COUNT(*) FROM {TABLES} {}", conditions.sql());
        self.count(&sql, &conditions.values).await
    }

    /// How many memberships each role has in a project.
    pub async fn members_by_role(&mut self, project: ProjectId) -> Result<BTreeMap<i64, u64>, MetadataError> {
        let sql = "SELECT role_id, COUNT(*) FROM project_members WHERE project_id = $1 GROUP BY role_id";
        let rows = self.query(sql, params![project]).await?;
        rows.into_iter().map(|mut row| Ok((row.int()?, row.unsigned()?))).collect()
    }

    /// Whether anybody who can log in has the role for the whole of one of these projects, on no condition, by another
    /// membership than that one: a user, or somebody in a group.
    pub async fn others_have_role(
        &mut self,
        projects: &[ProjectId],
        role: i64,
        but: MemberId,
    ) -> Result<bool, MetadataError> {
        for batch in batches(projects) {
            let sql = format!(
                "SELECT 1 FROM project_members m WHERE m.role_id = $1 AND m.id <> $2 AND m.repositories = '' \
                 AND m.condition_id IS NULL AND m.project_id IN ({}) \
                 AND (EXISTS (SELECT 1 FROM users u WHERE u.id = m.user_id AND u.disabled = 0) \
                 OR EXISTS (SELECT 1 FROM user_group_members i JOIN users u ON u.id = i.user_id \
                 WHERE i.group_id = m.group_id AND u.disabled = 0)) LIMIT 1",
                placeholders(3, batch.len())
            );
            let mut values: Vec<Value<'_>> = vec![role.into(), but.into()];
            values.extend(batch.into_iter().map(Value::from));
            if self.exists(&sql, &values).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The name of a policy.
    pub async fn policy_name(&mut self, id: i64) -> Result<Option<String>, MetadataError> {
        let sql = "SELECT name FROM access_policies WHERE id = $1";
        self.query_opt(sql, params![id]).await?.map(|mut row| row.text()).transpose()
    }

    /// All that a user has, also through groups.
    pub async fn memberships_of(&mut self, user: UserId) -> Result<Vec<Membership>, MetadataError> {
        let sql = "SELECT p.name, m.role_id, m.repositories, m.condition_id, a.revision, NULL \
                   FROM project_members m JOIN projects p ON p.id = m.project_id \
                   LEFT JOIN access_policies a ON a.id = m.condition_id WHERE m.user_id = $1 \
                   UNION ALL \
                   SELECT p.name, m.role_id, m.repositories, m.condition_id, a.revision, g.name \
                   FROM user_group_members i JOIN user_groups g ON g.id = i.group_id \
                   JOIN project_members m ON m.group_id = i.group_id JOIN projects p ON p.id = m.project_id \
                   LEFT JOIN access_policies a ON a.id = m.condition_id WHERE i.user_id = $1";
        let rows = self.query(sql, params![user]).await?;
        let read = |mut row: Row| {
            Ok(Membership {
                project: row.parsed("project name")?,
                role: row.int()?,
                repositories: row.text()?,
                condition: match (row.optional_int()?, row.optional_int()?) {
                    (None, _) => None,
                    // None of that number is left: there is no such revision.
                    (Some(id), revision) => {
                        Some(PolicyVersion { id, revision: revision.unwrap_or_default() })
                    }
                },
                through: row.optional_text()?,
            })
        };
        rows.into_iter().map(read).collect()
    }
}

/// Which memberships of a project.
fn members<'a>(tx: &ReadTx, project: ProjectId, name: Option<TextFilter<'a>>) -> Conditions<'a> {
    let mut conditions = Conditions::new(tx.dialect());
    conditions.compare("m.project_id", "=", project);
    conditions.text("COALESCE(u.name, g.name)", name);
    conditions
}

impl WriteTx {
    /// Gives a membership another role, other repositories and another condition; `false` when the holder has one for
    /// these repositories already.
    pub async fn set_member(
        &mut self,
        member: &MemberRecord,
        role: i64,
        repositories: &str,
        condition: Option<i64>,
    ) -> Result<bool, MetadataError> {
        let (user, group) = member.holder.columns();
        let sql = "SELECT 1 FROM project_members WHERE project_id = $1 AND repositories = $2 AND id <> $3 \
                   AND (user_id = $4 OR group_id = $5)";
        if self.exists(sql, params![member.project, repositories, member.id, user, group]).await? {
            return Ok(false);
        }
        let sql =
            "UPDATE project_members SET role_id = $1, repositories = $2, condition_id = $3 WHERE id = $4";
        self.execute(sql, params![role, repositories, condition, member.id]).await?;
        Ok(true)
    }

    /// Ends a membership.
    pub async fn delete_member(&mut self, id: MemberId) -> Result<(), MetadataError> {
        self.execute("DELETE FROM project_members WHERE id = $1", params![id]).await.map(drop)
    }

    /// Makes a membership; `None` when the holder has one for the same repositories.
    pub async fn insert_member(
        &mut self,
        project: ProjectId,
        holder: Holder,
        role: i64,
        repositories: &str,
        now: Timestamp,
    ) -> Result<Option<MemberId>, MetadataError> {
        let (user, group) = holder.columns();
        let sql = "INSERT INTO project_members (project_id, user_id, group_id, role_id, repositories, created_at) \
                   VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING RETURNING id";
        let row = self.query_opt(sql, params![project, user, group, role, repositories, now]).await?;
        row.map(|mut row| row.int().map(MemberId)).transpose()
    }
}
