//! Repositories as people look at them: those with a manifest that is not deleted, by what is asked of them.

use longshore_types::{RepositoryName, Timestamp};

use super::{RepositoryId, RepositoryRecord};
use crate::{
    MetadataError, ProjectId, ReadTx, TextFilter, WriteTx,
    conditions::Conditions,
    migrations::Dialect,
    sql::{Row, at_most, params},
};

/// Where repositories are looked for.
#[derive(Clone, Copy, Debug)]
pub enum RepositoryScope<'a> {
    /// Everywhere.
    All,
    /// In one project, without those inside of it.
    Project(ProjectId),
    /// In these projects, and these repositories besides.
    Within {
        /// Whether the public projects are among them.
        public: bool,
        /// The projects.
        projects: &'a [ProjectId],
        /// The repositories.
        repositories: &'a [RepositoryId],
    },
}

/// Which repositories.
#[derive(Clone, Copy, Debug)]
pub struct RepositoryFilter<'a> {
    /// Where.
    pub scope: RepositoryScope<'a>,
    /// The whole name.
    pub name: Option<TextFilter<'a>>,
}

/// In which order. The first two walk along an index; the others look at every repository there is in the scope.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RepositoryOrder {
    /// As they were made.
    #[default]
    Created,
    /// By name, in byte order.
    Name,
    /// By the last push, or the last change of the description.
    Updated,
    /// By how often they were pulled.
    Pulls,
}

/// What is wanted of a repository beside what it always shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RepositoryParts {
    /// How many artifacts it has: looks at every manifest in it.
    pub artifacts: bool,
}

/// A repository, and what is known of what it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositorySummary {
    /// The repository.
    pub record: RepositoryRecord,
    /// What people say about it.
    pub description: String,
    /// The last push to it, or the last change of its description.
    pub updated_at: Timestamp,
    /// How many artifacts people see in it, if that is wanted.
    pub artifacts: Option<u64>,
    /// How often its manifests were pulled.
    pub pulls: u64,
}

/// What `repository` was last changed, as SQL; of a table called `r`.
const UPDATED_AT: &str = "COALESCE((SELECT MAX(m.pushed_at) FROM manifests m WHERE m.repository_id = r.id \
                          AND m.deleted_at IS NULL), r.created_at)";

impl<'a> RepositoryFilter<'a> {
    fn conditions(&self, tx: &ReadTx, order: RepositoryOrder) -> Conditions<'a> {
        let dialect = tx.dialect();
        let mut conditions = Conditions::new(dialect);
        // Written out, so that the indexes of these rows alone can be used; but for the one order that the rows have
        // themselves, which SQLite would prefer an index to.
        let by_row = matches!((self.scope, order), (RepositoryScope::All, RepositoryOrder::Created));
        conditions.says(if by_row { "+r.has_manifests = 1" } else { "r.has_manifests = 1" });
        match self.scope {
            // A bound in any case: the order's index is walked from there.
            RepositoryScope::All if by_row => conditions.compare("r.id", ">", 0_i64),
            RepositoryScope::All => conditions.compare("r.name", ">", ""),
            RepositoryScope::Project(project) => conditions.compare("r.project_id", "=", project),
            RepositoryScope::Within { public, projects, repositories } => {
                let projects = numbers(projects.iter().map(|id| id.0));
                let repositories = numbers(repositories.iter().map(|id| id.0));
                let (projects, repositories) = (conditions.value(projects), conditions.value(repositories));
                let (projects, repositories) = (any_of(dialect, projects), any_of(dialect, repositories));
                let public = match public {
                    true => "r.project_id IN (SELECT id FROM projects WHERE public = 1) OR ",
                    false => "",
                };
                let any = format!("{public}r.project_id IN ({projects}) OR r.id IN ({repositories})");
                conditions.says(format!("({any})"));
            }
        }
        conditions.text("r.name", self.name);
        conditions
    }
}

impl RepositoryOrder {
    fn sql(self, descending: bool) -> String {
        let by = match self {
            Self::Created => return if descending { "r.id DESC" } else { "r.id" }.to_owned(),
            Self::Name => return if descending { "r.name DESC" } else { "r.name" }.to_owned(),
            Self::Updated => UPDATED_AT,
            Self::Pulls => {
                "COALESCE((SELECT p.pulls FROM repository_pulls p WHERE p.repository_id = r.id), 0)"
            }
        };
        if descending { format!("{by} DESC, r.id DESC") } else { format!("{by}, r.id") }
    }
}

impl ReadTx {
    /// Repositories in an order, without the first `skip`: these are walked over all the same.
    pub async fn listed_repositories(
        &mut self,
        filter: &RepositoryFilter<'_>,
        (order, descending): (RepositoryOrder, bool),
        skip: usize,
        limit: usize,
    ) -> Result<Vec<RepositoryRecord>, MetadataError> {
        let mut conditions = filter.conditions(self, order);
        let (sql, order) = (conditions.sql(), order.sql(descending));
        let (rows, skip) = (conditions.value(at_most(limit)), conditions.value(at_most(skip)));
        let sql = format!(
            "SELECT r.id, r.project_id, r.name, r.created_at FROM repositories r {sql} \
             ORDER BY {order} LIMIT ${rows} OFFSET ${skip}"
        );
        self.query(&sql, &conditions.values).await?.into_iter().map(RepositoryRecord::read).collect()
    }

    /// How many there are.
    pub async fn listed_repositories_count(
        &mut self,
        filter: &RepositoryFilter<'_>,
    ) -> Result<u64, MetadataError> {
        let conditions = filter.conditions(self, RepositoryOrder::Name);
        let sql = format!("SELECT COUNT(*) FROM repositories r {}", conditions.sql());
        self.count(&sql, &conditions.values).await
    }

    /// What is known of a repository.
    pub async fn repository_summary(
        &mut self,
        record: RepositoryRecord,
        parts: RepositoryParts,
    ) -> Result<RepositorySummary, MetadataError> {
        let sql = format!(
            "SELECT r.description, {UPDATED_AT}, r.described_at, \
             COALESCE((SELECT p.pulls FROM repository_pulls p WHERE p.repository_id = r.id), 0) \
             FROM repositories r WHERE r.id = $1"
        );
        let row = self.query_opt(&sql, params![record.id]).await?;
        let mut row = row.ok_or_else(|| MetadataError::vanished("the repository vanished"))?;
        let (description, pushed_at) = (row.text()?, row.timestamp()?);
        let described_at = row.optional_timestamp()?.unwrap_or(pushed_at);
        let pulls = row.unsigned()?;
        let artifacts = match parts.artifacts {
            true => Some(self.artifacts_count(record.id, &crate::ArtifactFilter::default()).await?),
            false => None,
        };
        Ok(RepositorySummary {
            record,
            description,
            updated_at: pushed_at.max(described_at),
            artifacts,
            pulls,
        })
    }

    /// The repository of that name, if it has a manifest that is not deleted.
    pub async fn listed_repository(
        &mut self,
        name: &RepositoryName,
    ) -> Result<Option<RepositoryRecord>, MetadataError> {
        let sql =
            "SELECT id, project_id, name, created_at FROM repositories WHERE name = $1 AND has_manifests = 1";
        self.query_opt(sql, params![name]).await?.map(RepositoryRecord::read).transpose()
    }

    /// Repositories of some projects by row, after `after`, with the project of each: for those that are looked at one by
    /// one.
    pub async fn listed_repositories_of(
        &mut self,
        projects: &[ProjectId],
        after: Option<RepositoryId>,
        limit: usize,
    ) -> Result<Vec<(RepositoryId, ProjectId, RepositoryName)>, MetadataError> {
        let any = any_of(self.dialect(), 1);
        let sql = format!(
            "SELECT id, project_id, name FROM repositories WHERE has_manifests = 1 AND project_id IN ({any}) \
             AND id > $2 ORDER BY id LIMIT $3"
        );
        let projects = numbers(projects.iter().map(|id| id.0));
        let after = after.map_or(i64::MIN, |id| id.0);
        let rows = self.query(&sql, params![projects, after, at_most(limit)]).await?;
        let read = |mut row: Row| {
            Ok((RepositoryId(row.int()?), ProjectId(row.int()?), row.parsed("repository name")?))
        };
        rows.into_iter().map(read).collect()
    }
}

impl WriteTx {
    /// Changes what people say about a repository.
    pub async fn describe_repository(
        &mut self,
        id: RepositoryId,
        description: &str,
        now: Timestamp,
    ) -> Result<(), MetadataError> {
        let sql = "UPDATE repositories SET description = $1, described_at = $2 WHERE id = $3";
        self.execute(sql, params![description, now, id]).await.map(drop)
    }
}

/// Numbers as one parameter, so that the statement is the same however many there are.
fn numbers(ids: impl Iterator<Item = i64>) -> String {
    let ids: Vec<String> = ids.map(|id| id.to_string()).collect();
    format!("[{}]", ids.join(","))
}

/// The numbers of such a parameter, for `IN`.
fn any_of(dialect: Dialect, parameter: usize) -> String {
    match dialect {
        Dialect::Sqlite => format!("SELECT value FROM json_each(${parameter})"),
        Dialect::Postgres => format!(
            "SELECT CAST(value AS bigint) FROM jsonb_array_elements_text(CAST(CAST(${parameter} AS text) AS jsonb))"
        ),
    }
}
