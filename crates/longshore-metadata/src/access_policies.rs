//! Policies that grants may depend on.

use longshore_types::{ProjectName, Timestamp};

use crate::{
    MetadataError, ReadTx, WriteTx,
    sql::{Row, at_most, params},
};

/// A policy's row, in one of the forms that it had: each change gives it another revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PolicyVersion {
    /// Its row.
    pub id: i64,
    /// How often it was changed.
    pub revision: i64,
}

/// A policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessPolicyRecord {
    /// Its row, and how often that was changed.
    pub version: PolicyVersion,
    /// What people call it.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// What it says, in Cedar's language.
    pub text: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// What a policy is: the fields are those of [`AccessPolicyRecord`].
#[derive(Clone, Copy, Debug)]
pub struct NewAccessPolicy<'a> {
    /// What people call it.
    pub name: &'a str,
    /// What it is for.
    pub description: &'a str,
    /// What it says.
    pub text: &'a str,
}

/// A membership that depends on a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyUse {
    /// In which project.
    pub project: ProjectName,
    /// Whose, by name.
    pub member: String,
}

const COLUMNS: &str = "id, revision, name, description, text, created_at, updated_at";

impl AccessPolicyRecord {
    fn read(mut row: Row) -> Result<Self, MetadataError> {
        Ok(Self {
            version: PolicyVersion { id: row.int()?, revision: row.int()? },
            name: row.text()?,
            description: row.text()?,
            text: row.text()?,
            created_at: row.timestamp()?,
            updated_at: row.timestamp()?,
        })
    }
}

impl ReadTx {
    /// The policy of that row.
    pub async fn access_policy(&mut self, id: i64) -> Result<Option<AccessPolicyRecord>, MetadataError> {
        let sql = format!("SELECT {COLUMNS} FROM access_policies WHERE id = $1");
        self.query_opt(&sql, params![id]).await?.map(AccessPolicyRecord::read).transpose()
    }

    /// The policy of that name.
    pub async fn access_policy_named(
        &mut self,
        name: &str,
    ) -> Result<Option<AccessPolicyRecord>, MetadataError> {
        let sql = format!("SELECT {COLUMNS} FROM access_policies WHERE name = $1");
        self.query_opt(&sql, params![name]).await?.map(AccessPolicyRecord::read).transpose()
    }

    /// Policies as they were made, without the first `skip`.
    pub async fn access_policies_page(
        &mut self,
        skip: usize,
        limit: usize,
    ) -> Result<Vec<AccessPolicyRecord>, MetadataError> {
        let sql =
            format!("SELECT {COLUMNS} FROM access_policies WHERE id > 0 ORDER BY id LIMIT $1 OFFSET $2");
        let rows = self.query(&sql, params![at_most(limit), at_most(skip)]).await?;
        rows.into_iter().map(AccessPolicyRecord::read).collect()
    }

    /// How many there are.
    pub async fn access_policies_count(&mut self) -> Result<u64, MetadataError> {
        self.count("SELECT COUNT(*) FROM access_policies", params![]).await
    }

    /// Memberships that depend on a policy, some of them.
    pub async fn access_policy_uses(
        &mut self,
        id: i64,
        limit: usize,
    ) -> Result<Vec<PolicyUse>, MetadataError> {
        let sql = "SELECT p.name, COALESCE(u.name, g.name) FROM project_members m \
                   JOIN projects p ON p.id = m.project_id LEFT JOIN users u ON u.id = m.user_id \
                   LEFT JOIN user_groups g ON g.id = m.group_id WHERE m.condition_id = $1 ORDER BY m.id LIMIT $2";
        let rows = self.query(sql, params![id, at_most(limit)]).await?;
        let read = |mut row: Row| Ok(PolicyUse { project: row.parsed("project name")?, member: row.text()? });
        rows.into_iter().map(read).collect()
    }
}

impl WriteTx {
    /// Makes a policy; `None` when the name is taken.
    pub async fn insert_access_policy(
        &mut self,
        policy: &NewAccessPolicy<'_>,
        now: Timestamp,
    ) -> Result<Option<i64>, MetadataError> {
        let sql = "INSERT INTO access_policies (name, description, text, revision, created_at, updated_at) \
                   VALUES ($1, $2, $3, 1, $4, $4) ON CONFLICT (name) DO NOTHING RETURNING id";
        let values = params![policy.name, policy.description, policy.text, now];
        self.query_opt(sql, values).await?.map(|mut row| row.int()).transpose()
    }

    /// Has a policy say something else. Who else has the name must be asked before.
    pub async fn update_access_policy(
        &mut self,
        id: i64,
        policy: &NewAccessPolicy<'_>,
        now: Timestamp,
    ) -> Result<(), MetadataError> {
        let sql = "UPDATE access_policies SET name = $1, description = $2, text = $3, revision = revision + 1, \
                   updated_at = $4 WHERE id = $5";
        let values = params![policy.name, policy.description, policy.text, now, id];
        self.execute(sql, values).await.map(drop)
    }

    /// Removes a policy. That nothing depends on it must be asked before.
    pub async fn delete_access_policy(&mut self, id: i64) -> Result<(), MetadataError> {
        self.execute("DELETE FROM access_policies WHERE id = $1", params![id]).await.map(drop)
    }

    /// Waits until no other transaction changes the policy or looks whether it is there, and keeps others out until
    /// commit. Returns whether it is there.
    pub async fn lock_access_policy(&mut self, id: i64) -> Result<bool, MetadataError> {
        let sql = "SELECT id FROM access_policies WHERE id = $1";
        Ok(!self.query_locking(sql, "FOR UPDATE", params![id]).await?.is_empty())
    }
}
