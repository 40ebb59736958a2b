//! Repositories by name with the projects that they belong to: what the catalog is made of.

use longshore_types::{ProjectName, RepositoryName};

use crate::{
    MetadataError, ProjectId, ProjectRecord, ReadTx,
    projects::COLUMNS,
    sql::{Row, Value, at_most, batches, params, text_key},
};

/// A repository with something in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogEntry {
    /// Its name.
    pub name: RepositoryName,
    /// The project that it belongs to.
    pub project: ProjectName,
    /// Whether everybody may read that.
    pub public: bool,
}

impl ReadTx {
    /// Repositories with at least one manifest that is not deleted, by name in byte order, after `after`.
    pub async fn catalog_entries(
        &mut self,
        after: &str,
        limit: usize,
    ) -> Result<Vec<CatalogEntry>, MetadataError> {
        let sql = "SELECT r.name, p.name, p.public FROM repositories r JOIN projects p ON p.id = r.project_id \
                   WHERE r.has_manifests = 1 AND r.name > $1 ORDER BY r.name LIMIT $2";
        let read = |mut row: Row| {
            Ok(CatalogEntry {
                name: row.parsed("repository name")?,
                project: row.parsed("project name")?,
                public: row.int()? != 0,
            })
        };
        let rows = self.query(sql, params![text_key(Some(after)), at_most(limit)]).await?;
        rows.into_iter().map(read).collect()
    }

    /// Public projects with something in them, by name from `from` on, that included.
    pub async fn public_projects_from(
        &mut self,
        from: &str,
        limit: usize,
    ) -> Result<Vec<ProjectRecord>, MetadataError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM projects WHERE public = 1 AND name >= $1 AND deleted_at IS NULL AND EXISTS \
             (SELECT 1 FROM repositories r WHERE r.project_id = projects.id AND r.has_manifests = 1) \
             ORDER BY name LIMIT $2"
        );
        let rows = self.query(&sql, params![text_key(Some(from)), at_most(limit)]).await?;
        rows.into_iter().map(ProjectRecord::read).collect()
    }

    /// The repositories of these projects with something in them, by name: from `from` on, that included, to `end`, that
    /// not included. However much lies in other projects, it is not looked at.
    pub async fn repositories_of_projects(
        &mut self,
        projects: &[ProjectId],
        (from, end): (&str, &str),
        limit: usize,
    ) -> Result<Vec<(RepositoryName, ProjectId)>, MetadataError> {
        let mut found = Vec::new();
        for batch in batches(projects) {
            // Each project's part of the index is read by itself, no further than to the limit. Parameters are numbered in
            // the order in which they appear: bounds, the first project, the limit, the others.
            let one = |n: usize| {
                format!(
                    "SELECT * FROM (SELECT name, project_id FROM repositories WHERE has_manifests = 1 AND name >= $1 \
                     AND name < $2 AND project_id = ${} ORDER BY name LIMIT $4) AS of{n}",
                    if n == 0 { 3 } else { n + 4 }
                )
            };
            let sql = (0..batch.len()).map(one).collect::<Vec<_>>().join(" UNION ALL ");
            let mut values: Vec<Value<'_>> = vec![text_key(Some(from)).into(), end.into()];
            values.extend(batch.iter().map(|id| Value::from(*id)));
            values.insert(3, at_most(limit).into());
            for mut row in self.query(&sql, &values).await? {
                found.push((row.parsed::<RepositoryName>("repository name")?, ProjectId(row.int()?)));
            }
        }
        found.sort_unstable();
        found.dedup();
        found.truncate(limit);
        Ok(found)
    }
}
