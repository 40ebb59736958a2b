//! What makes, changes and removes projects.

use longshore_types::{ProjectName, RepositoryName, Timestamp};

use super::{PUBLIC_SETTING, ProjectId};
use crate::{
    MetadataError, RepositoryId, UserId, WriteTx,
    sql::{Value, params, placeholders},
};

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
        let mut parent = match outer.is_empty() {
            true => None,
            false => self.projects_named(&outer).await?.first().map(|parent| parent.id),
        };
        if let Some(found) = parent {
            // Repositories and projects that are made in it at this moment name its row: this waits for them.
            self.lock_project(found).await?;
            // It may have been deleted before.
            parent = self.project_by_id(found).await?.map(|parent| parent.id);
        }
        // What a deleted project left is brought to life again.
        let sql = "INSERT INTO projects (name, parent_id, owner_id, public, created_at, updated_at) \
                   VALUES ($1, NULL, $2, COALESCE((SELECT public FROM projects WHERE id = $3), 0), $4, $4) \
                   ON CONFLICT (name) DO UPDATE SET owner_id = excluded.owner_id, \
                   public = excluded.public, created_at = excluded.created_at, updated_at = excluded.updated_at, \
                   deleted_at = NULL WHERE projects.deleted_at IS NOT NULL RETURNING id";
        let row = self.query_opt(sql, params![name.as_str(), owner, parent, now]).await?;
        let Some(id) = row.map(|mut row| row.int()).transpose()?.map(ProjectId) else { return Ok(None) };
        if parent.is_some() {
            self.set_parent(id, parent).await?;
        }
        // '0' follows '/' in byte order: everything that begins with the name and a slash.
        let (first, end) = (format!("{name}/"), format!("{name}0"));
        // Those of the project around it, and those that deleted projects left.
        let sql = "SELECT r.id FROM repositories r JOIN projects p ON p.id = r.project_id \
                   WHERE r.name > $1 AND r.name < $2 AND (r.project_id = $3 OR p.deleted_at IS NOT NULL) \
                   ORDER BY r.name";
        for mut row in self.query(sql, params![first.as_str(), end.as_str(), parent]).await? {
            self.move_repository(RepositoryId(row.int()?), id).await?;
        }
        let sql = "SELECT id FROM projects WHERE name > $1 AND name < $2 AND \
                   (parent_id = $3 OR parent_id IS NULL) AND deleted_at IS NULL ORDER BY name";
        for mut row in self.query_locking(sql, "FOR UPDATE", params![first, end, parent]).await? {
            self.set_parent(ProjectId(row.int()?), Some(id)).await?;
        }
        Ok(Some(id))
    }

    /// Waits until no other transaction changes the project or makes anything that names it, and keeps others out until
    /// commit.
    pub async fn lock_project(&mut self, id: ProjectId) -> Result<(), MetadataError> {
        let sql = "SELECT id FROM projects WHERE id = $1";
        self.query_locking(sql, "FOR UPDATE", params![id]).await.map(drop)
    }

    /// Whether the project that a repository of that name belongs to is there; keeps others from removing it until commit,
    /// but not from changing what is in it. To be called before the repository is locked.
    pub async fn hold_project_of(&mut self, repository: &RepositoryName) -> Result<bool, MetadataError> {
        let names: Vec<_> = repository.possible_projects().collect();
        let list = placeholders(1, names.len());
        let sql = format!("SELECT id FROM projects WHERE name IN ({list}) AND deleted_at IS NULL");
        let values: Vec<Value<'_>> = names.iter().map(|name| name.as_str().into()).collect();
        Ok(!self.query_locking(&sql, "FOR KEY SHARE", &values).await?.is_empty())
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
        self.execute(sql, params![id, key, value]).await?;
        if key == PUBLIC_SETTING { self.spread_public(id).await } else { Ok(()) }
    }

    /// Forgets a setting of a project. Returns whether it had one.
    pub async fn delete_project_setting(&mut self, id: ProjectId, key: &str) -> Result<bool, MetadataError> {
        let sql = "DELETE FROM project_metadata WHERE project_id = $1 AND key = $2";
        let found = self.execute(sql, params![id, key]).await? > 0;
        if key == PUBLIC_SETTING {
            self.spread_public(id).await?;
        }
        Ok(found)
    }

    /// Notes that a project was changed.
    pub async fn project_changed(&mut self, id: ProjectId, now: Timestamp) -> Result<(), MetadataError> {
        self.execute("UPDATE projects SET updated_at = $1 WHERE id = $2", params![now, id]).await.map(drop)
    }

    /// Has the project, and all that inherit it from there, know whether everybody may read them.
    async fn spread_public(&mut self, id: ProjectId) -> Result<(), MetadataError> {
        // Whoever makes a project inside of it takes over its value: they wait for each other.
        self.lock_project(id).await?;
        let public = match self.project_setting(id, PUBLIC_SETTING).await? {
            Some(value) => value == "true",
            None => match self.project_by_id(id).await?.and_then(|project| project.parent) {
                Some(parent) => self.project_by_id(parent).await?.is_some_and(|parent| parent.public),
                None => false,
            },
        };
        let sql = "UPDATE projects SET public = $1 WHERE id IN (WITH RECURSIVE heirs (id) AS (\
                   SELECT CAST($2 AS bigint) UNION ALL \
                   SELECT p.id FROM heirs h CROSS JOIN projects p WHERE p.parent_id = h.id AND NOT EXISTS \
                   (SELECT 1 FROM project_metadata m WHERE m.project_id = p.id AND m.key = 'public')) \
                   SELECT id FROM heirs)";
        self.execute(sql, params![i64::from(public), id]).await.map(drop)
    }

    /// Removes a project without manifests and projects in it, and all that belongs to it: settings, members, robots with
    /// their trust rules, labels, its quota. Repositories that are still named, because what they held can be restored or
    /// waits for collection, go to the project around it; without one they keep the row, which then shows nowhere.
    ///
    /// The caller holds [`WriteTx::lock_project`], and has looked what is in it.
    pub async fn delete_project(&mut self, id: ProjectId, now: Timestamp) -> Result<(), MetadataError> {
        for sql in [
            "DELETE FROM project_metadata WHERE project_id = $1",
            "DELETE FROM project_members WHERE project_id = $1",
            "DELETE FROM trust_rules WHERE robot_id IN (SELECT id FROM robots WHERE project_id = $1)",
            "DELETE FROM robots WHERE project_id = $1",
            "DELETE FROM manifest_labels WHERE label_id IN (SELECT id FROM labels WHERE project_id = $1)",
            "DELETE FROM labels WHERE project_id = $1",
            "DELETE FROM project_quotas WHERE project_id = $1",
        ] {
            self.execute(sql, params![id]).await?;
        }
        if let Some(parent) = self.project_by_id(id).await?.and_then(|project| project.parent) {
            let sql = "SELECT id FROM repositories WHERE project_id = $1 ORDER BY name";
            for mut row in self.query(sql, params![id]).await? {
                self.move_repository(RepositoryId(row.int()?), parent).await?;
            }
        }
        let sql = "SELECT 1 FROM repositories WHERE project_id = $1 LIMIT 1";
        if self.exists(sql, params![id]).await? {
            let sql = "UPDATE projects SET deleted_at = $1, owner_id = NULL, parent_id = NULL, public = 0 \
                       WHERE id = $2";
            return self.execute(sql, params![now, id]).await.map(drop);
        }
        for sql in [
            "DELETE FROM project_contents WHERE project_id = $1",
            "DELETE FROM project_usage WHERE project_id = $1",
            "DELETE FROM projects WHERE id = $1",
        ] {
            self.execute(sql, params![id]).await?;
        }
        Ok(())
    }
}
