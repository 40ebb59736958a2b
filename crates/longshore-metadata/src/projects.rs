//! Projects: names, owners, and their settings, which are texts by key as Harbor has them.
//!
//! The row of a deleted project stays while repositories name it, and whoever makes a project of that name gets the row
//! again. Nothing here shows it meanwhile.

mod changes;
mod leftovers;
mod listing;

use std::collections::{BTreeMap, BTreeSet};

use longshore_types::{ProjectName, Timestamp};

pub use listing::{ProjectFilter, ProjectOrder};

use crate::{
    MetadataError, ReadTx, UserId,
    sql::{Row, Value, batches, params, placeholders},
};

/// The setting that says whether everybody may read a project: `true` or `false`.
pub const PUBLIC_SETTING: &str = "public";

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
    /// Whether everybody may read it: the nearest setting on the way from it to the top level.
    pub public: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

pub(crate) const COLUMNS: &str = "id, parent_id, name, owner_id, public, created_at, updated_at";

impl ProjectRecord {
    pub(crate) fn read(mut row: Row) -> Result<Self, MetadataError> {
        Ok(Self {
            id: ProjectId(row.int()?),
            parent: row.optional_int()?.map(ProjectId),
            name: row.parsed("project name")?,
            owner: row.optional_int()?.map(UserId),
            public: row.int()? != 0,
            created_at: row.timestamp()?,
            updated_at: row.timestamp()?,
        })
    }
}

impl ReadTx {
    /// The project of that name.
    pub async fn project(&mut self, name: &ProjectName) -> Result<Option<ProjectRecord>, MetadataError> {
        let sql = format!("SELECT {COLUMNS} FROM projects WHERE name = $1 AND deleted_at IS NULL");
        self.query_opt(&sql, params![name.as_str()]).await?.map(ProjectRecord::read).transpose()
    }

    /// The project of that row.
    pub async fn project_by_id(&mut self, id: ProjectId) -> Result<Option<ProjectRecord>, MetadataError> {
        let sql = format!("SELECT {COLUMNS} FROM projects WHERE id = $1 AND deleted_at IS NULL");
        self.query_opt(&sql, params![id]).await?.map(ProjectRecord::read).transpose()
    }

    /// Those of `names` that exist, the longest name first.
    pub async fn projects_named(
        &mut self,
        names: &[ProjectName],
    ) -> Result<Vec<ProjectRecord>, MetadataError> {
        let names_list = placeholders(1, names.len());
        let sql =
            format!("SELECT {COLUMNS} FROM projects WHERE name IN ({names_list}) AND deleted_at IS NULL");
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

    /// One setting of a project.
    pub async fn project_setting(
        &mut self,
        id: ProjectId,
        key: &str,
    ) -> Result<Option<String>, MetadataError> {
        let sql = "SELECT value FROM project_metadata WHERE project_id = $1 AND key = $2";
        self.query_opt(sql, params![id, key]).await?.map(|mut row| row.text()).transpose()
    }

    /// What all projects say under one key.
    pub async fn projects_with_setting(
        &mut self,
        key: &str,
    ) -> Result<Vec<(ProjectName, String)>, MetadataError> {
        // `+`: the key chooses, not that a project is there.
        let sql = "SELECT p.name, m.value FROM project_metadata m JOIN projects p ON p.id = m.project_id \
                   WHERE m.key = $1 AND +p.deleted_at IS NULL";
        let rows = self.query(sql, params![key]).await?;
        rows.into_iter().map(|mut row| Ok((row.parsed("project name")?, row.text()?))).collect()
    }

    /// The settings of many projects, by project and key.
    pub async fn metadata_of_projects(
        &mut self,
        ids: &[ProjectId],
    ) -> Result<BTreeMap<ProjectId, BTreeMap<String, String>>, MetadataError> {
        let mut found: BTreeMap<ProjectId, BTreeMap<String, String>> = BTreeMap::new();
        for batch in batches(ids) {
            let sql = format!(
                "SELECT project_id, key, value FROM project_metadata WHERE project_id IN ({})",
                placeholders(1, batch.len())
            );
            let values: Vec<Value<'_>> = batch.into_iter().map(Value::from).collect();
            for mut row in self.query(&sql, &values).await? {
                found.entry(ProjectId(row.int()?)).or_default().insert(row.text()?, row.text()?);
            }
        }
        Ok(found)
    }

    /// Those that the projects of these names lie in, and themselves, as far as they are there; by name.
    pub async fn projects_around(
        &mut self,
        names: &[ProjectName],
    ) -> Result<BTreeMap<ProjectName, ProjectRecord>, MetadataError> {
        let all: BTreeSet<_> = names.iter().flat_map(ProjectName::ancestors).collect();
        let all: Vec<_> = all.into_iter().collect();
        let mut found = BTreeMap::new();
        for batch in batches(&all) {
            let records = self.projects_named(&batch).await?;
            found.extend(records.into_iter().map(|record| (record.name.clone(), record)));
        }
        Ok(found)
    }

    /// Whether other projects lie in it.
    pub async fn holds_projects(&mut self, id: ProjectId) -> Result<bool, MetadataError> {
        let sql = "SELECT 1 FROM projects WHERE parent_id = $1 AND deleted_at IS NULL LIMIT 1";
        self.exists(sql, params![id]).await
    }

    /// Whether it has a repository with a manifest that is not deleted.
    pub async fn holds_manifests(&mut self, id: ProjectId) -> Result<bool, MetadataError> {
        let sql = "SELECT 1 FROM repositories WHERE project_id = $1 AND has_manifests = 1 LIMIT 1";
        self.exists(sql, params![id]).await
    }

    /// How many repositories with manifests that are not deleted each of these projects has; those that have none are
    /// left out.
    pub async fn repository_counts(
        &mut self,
        ids: &[ProjectId],
    ) -> Result<BTreeMap<ProjectId, u64>, MetadataError> {
        let mut found = BTreeMap::new();
        for batch in batches(ids) {
            let sql = format!(
                "SELECT project_id, COUNT(*) FROM repositories WHERE has_manifests = 1 \
                 AND project_id IN ({}) GROUP BY project_id",
                placeholders(1, batch.len())
            );
            let values: Vec<Value<'_>> = batch.into_iter().map(Value::from).collect();
            for mut row in self.query(&sql, &values).await? {
                found.insert(ProjectId(row.int()?), row.unsigned()?);
            }
        }
        Ok(found)
    }
}
