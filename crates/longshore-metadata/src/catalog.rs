//! Repositories by name with the projects that they belong to: what the catalog is made of.

use longshore_types::{ProjectName, RepositoryName};

use crate::{
    MetadataError, ReadTx,
    sql::{Row, at_most, params, text_key},
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

    /// Whether any project inside of that one can be read by everybody.
    pub async fn holds_public_project(&mut self, name: &ProjectName) -> Result<bool, MetadataError> {
        // '0' follows '/' in byte order: everything that begins with the name and a slash.
        let (first, end) = (format!("{name}/"), format!("{name}0"));
        let sql = "SELECT 1 FROM projects WHERE public = 1 AND deleted_at IS NULL AND name > $1 \
                   AND name < $2 LIMIT 1";
        self.exists(sql, params![first, end]).await
    }
}
