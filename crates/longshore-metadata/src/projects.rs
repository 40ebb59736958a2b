//! Projects: names, owners, and their settings, which are texts by key as Harbor has them.

use std::collections::BTreeMap;

use longshore_types::{ProjectName, Timestamp};

use crate::{
    MetadataError, ReadTx, RepositoryId, UserId, WriteTx,
    sql::{Row, Value, params, placeholders},
};

/// A project's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProjectId(pub(crate) i64);

/// A project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectRecord {
    /// Its row.
    pub id: ProjectId,
    /// The project that it lies in, if that exists.
    pub parent: Option<ProjectId>,
    /// Its whole name: `team/sub`.
    pub name: ProjectName,
    /// Who made it; `None` for those that came with a push or an import before there were accounts.
    pub owner: Option<UserId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

const COLUMNS: &str = "id, parent_id, name, owner_id, created_at, updated_at";

impl ProjectRecord {
    fn read(mut row: Row) -> Result<Self, MetadataError> {
        Ok(Self {
            id: ProjectId(row.int()?),
            parent: row.optional_int()?.map(ProjectId),
            name: row.parsed("project name")?,
            owner: row.optional_int()?.map(UserId),
            created_at: row.timestamp()?,
            updated_at: row.timestamp()?,
        })
    }
}

impl ReadTx {
    /// The project of that name.
    pub async fn project(&mut self, name: &ProjectName) -> Result<Option<ProjectRecord>, MetadataError> {
        let sql = format!("SELECT {COLUMNS} FROM projects WHERE name = $1");
        self.query_opt(&sql, params![name.as_str()]).await?.map(ProjectRecord::read).transpose()
    }

    /// The project of that row.
    pub async fn project_by_id(&mut self, id: ProjectId) -> Result<Option<ProjectRecord>, MetadataError> {
        let sql = format!("SELECT {COLUMNS} FROM projects WHERE id = $1");
        self.query_opt(&sql, params![id]).await?.map(ProjectRecord::read).transpose()
    }

    /// Those of `names` that exist, the longest name first.
    pub async fn projects_named(
        &mut self,
        names: &[ProjectName],
    ) -> Result<Vec<ProjectRecord>, MetadataError> {
        let sql = format!("SELECT {COLUMNS} FROM projects WHERE name IN ({})", placeholders(1, names.len()));
        let values: Vec<Value<'_>> = names.iter().map(|name| name.as_str().into()).collect();
        let rows = self.query(&sql, &values).await?;
        let mut found: Vec<_> = rows.into_iter().map(ProjectRecord::read).collect::<Result<_, _>>()?;
        found.sort_unstable_by_key(|project| std::cmp::Reverse(project.name.as_str().len()));
        Ok(found)
    }

    /// The settings of a project, by key.
    pub async fn project_metadata(
        &mut self,
        id: ProjectId,
    ) -> Result<BTreeMap<String, String>, MetadataError> {
        let sql = "SELECT key, value FROM project_metadata WHERE project_id = $1";
        let rows = self.query(sql, params![id]).await?;
        rows.into_iter().map(|mut row| Ok((row.text()?, row.text()?))).collect()
    }
}

impl ReadTx {
    /// One setting of a project.
    pub async fn project_setting(
        &mut self,
        id: ProjectId,
        key: &str,
    ) -> Result<Option<String>, MetadataError> {
        let sql = "SELECT value FROM project_metadata WHERE project_id = $1 AND key = $2";
        self.query_opt(sql, params![id, key]).await?.map(|mut row| row.text()).transpose()
    }
}

impl WriteTx {
    /// Makes a project inside of the nearest one that is there, and takes along those of its repositories that are its own
    /// by their names; `None` when the name is taken.
    pub async fn insert_project(
        &mut self,
        name: &ProjectName,
        owner: Option<UserId>,
        now: Timestamp,
    ) -> Result<Option<ProjectId>, MetadataError> {
        let outer: Vec<_> = name.ancestors().skip(1).collect();
        let parent = match outer.is_empty() {
            true => None,
            false => self.projects_named(&outer).await?.first().map(|parent| parent.id),
        };
        if let Some(parent) = parent {
            // Repositories and projects that are made in it at this moment name its row: this waits for them.
            self.query_locking("SELECT id FROM projects WHERE id = $1", "FOR UPDATE", params![parent])
                .await?;
        }
        let sql = "INSERT INTO projects (name, parent_id, owner_id, created_at, updated_at) \
                   VALUES ($1, $2, $3, $4, $4) ON CONFLICT (name) DO NOTHING RETURNING id";
        let row = self.query_opt(sql, params![name.as_str(), parent, owner, now]).await?;
        let Some(id) = row.map(|mut row| row.int()).transpose()?.map(ProjectId) else { return Ok(None) };
        // '0' follows '/' in byte order: everything that begins with the name and a slash.
        let (first, end) = (format!("{name}/"), format!("{name}0"));
        if let Some(parent) = parent {
            let sql =
                "SELECT id FROM repositories WHERE project_id = $1 AND name > $2 AND name < $3 ORDER BY name";
            for mut row in self.query(sql, params![parent, first.as_str(), end.as_str()]).await? {
                self.move_repository(RepositoryId(row.int()?), id).await?;
            }
        }
        let sql = "UPDATE projects SET parent_id = $1 WHERE name > $2 AND name < $3 AND \
                   (parent_id = $4 OR parent_id IS NULL)";
        self.execute(sql, params![id, first, end, parent]).await?;
        Ok(Some(id))
    }

    /// Keeps a setting of a project.
    pub async fn set_project_metadata(
        &mut self,
        id: ProjectId,
        key: &str,
        value: &str,
    ) -> Result<(), MetadataError> {
        let sql = "INSERT INTO project_metadata (project_id, key, value) VALUES ($1, $2, $3) \
                   ON CONFLICT (project_id, key) DO UPDATE SET value = excluded.value";
        self.execute(sql, params![id, key, value]).await.map(drop)
    }
}
