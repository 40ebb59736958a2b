//! Repositories as people look at them: those with a manifest that is not deleted, by what is asked of them.

use longshore_types::{RepositoryName, Timestamp};

use super::{CHANGED, RepositoryId, RepositoryRecord};
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

/// In which order. All walk along an index but [`RepositoryOrder::Pulls`], which looks at every repository in the scope.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RepositoryOrder {
    /// As they were made.
    #[default]
    Created,
    /// By name, in byte order.
    Name,
    /// By the last change of manifests, tags or the description.
    Updated,
    /// By how often they were pulled.
    Pulls,
    /// By the last pull; those that nobody pulled are left out.
    Pulled,
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
    /// When manifests, tags or the description last changed; give or take a millisecond for each of several at once.
    pub updated_at: Timestamp,
    /// How many artifacts people see in it, if that is wanted.
    pub artifacts: Option<u64>,
    /// How often its manifests were pulled.
    pub pulls: u64,
    /// When that was last.
    pub pulled_at: Option<Timestamp>,
}

impl<'a> RepositoryScope<'a> {
    /// That a repository called `r` lies in it.
    pub(crate) fn add_to(self, conditions: &mut Conditions<'a>) {
        match self {
            Self::All => {}
            Self::Project(project) => conditions.compare("r.project_id", "=", project),
            Self::Within { public, projects, repositories } => {
                let dialect = conditions.dialect();
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
    }
}

impl<'a> RepositoryFilter<'a> {
    fn conditions(&self, tx: &ReadTx, order: RepositoryOrder) -> Conditions<'a> {
        let mut conditions = Conditions::new(tx.dialect());
        // Written out, so that the indexes of these rows alone can be used; but for the one order that the rows have
        // themselves, which SQLite would prefer an index to.
        let by_row = matches!((self.scope, order), (RepositoryScope::All, RepositoryOrder::Created));
        conditions.says(if by_row { "+r.has_manifests = 1" } else { "r.has_manifests = 1" });
        // A bound in any case: the order's index is walked from there.
        match (self.scope, order) {
            (RepositoryScope::All, _) if by_row => conditions.compare("r.id", ">", 0_i64),
            (RepositoryScope::Project(_), _) => {}
            (_, RepositoryOrder::Updated) => conditions.compare("r.changed_at", ">", -1_i64),
            (RepositoryScope::All, _) => conditions.compare("r.name", ">", ""),
            (RepositoryScope::Within { .. }, _) => {}
        }
        if order == RepositoryOrder::Pulled {
            conditions.says("p.repository_id = r.id");
            conditions.compare("p.last_pulled_at", ">", -1_i64);
        }
        self.scope.add_to(&mut conditions);
        conditions.text("r.name", self.name);
        conditions
    }
}

impl RepositoryOrder {
    fn sql(self, descending: bool) -> String {
        let by = match self {
            Self::Created => return if descending { "r.id DESC" } else { "r.id" }.to_owned(),
            Self::Name => return if descending { "r.name DESC" } else { "r.name" }.to_owned(),
            Self::Updated => "r.changed_at",
            Self::Pulled => "p.last_pulled_at",
            Self::Pulls => {
                "COALESCE((SELECT p.pulls FROM repository_pulls p WHERE p.repository_id = r.id), 0)"
            }
        };
        let id = if self == Self::Pulled { "p.repository_id" } else { "r.id" };
        if descending { format!("{by} DESC, {id} DESC") } else { format!("{by}, {id}") }
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
        let (sql, by) = (conditions.sql(), order.sql(descending));
        let from = match order {
            RepositoryOrder::Pulled => "repository_pulls p CROSS JOIN repositories r",
            _ => "repositories r",
        };
        let (rows, skip) = (conditions.value(at_most(limit)), conditions.value(at_most(skip)));
        let sql = format!(
            "SELECT r.id, r.project_id, r.name, r.created_at FROM {from} {sql} \
             ORDER BY {by} LIMIT ${rows} OFFSET ${skip}"
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

    /// How many were pulled: those in [`RepositoryOrder::Pulled`].
    pub async fn pulled_repositories_count(
        &mut self,
        filter: &RepositoryFilter<'_>,
    ) -> Result<u64, MetadataError> {
        let conditions = filter.conditions(self, RepositoryOrder::Pulled);
        let from = "repository_pulls p CROSS JOIN repositories r";
        let sql = format!("SELECT COUNT(*) FROM {from} {}", conditions.sql());
        self.count(&sql, &conditions.values).await
    }

    /// What is known of a repository.
    pub async fn repository_summary(
        &mut self,
        record: RepositoryRecord,
        parts: RepositoryParts,
    ) -> Result<RepositorySummary, MetadataError> {
        let sql = "SELECT r.description, r.changed_at, \
                   COALESCE((SELECT p.pulls FROM repository_pulls p WHERE p.repository_id = r.id), 0), \
                   (SELECT p.last_pulled_at FROM repository_pulls p WHERE p.repository_id = r.id) \
                   FROM repositories r WHERE r.id = $1";
        let row = self.query_opt(sql, params![record.id]).await?;
        let mut row = row.ok_or_else(|| MetadataError::vanished("the repository vanished"))?;
        let (description, updated_at) = (row.text()?, row.timestamp()?);
        let (pulls, pulled_at) = (row.unsigned()?, row.optional_timestamp()?);
        let artifacts = match parts.artifacts {
            true => Some(self.artifacts_count(record.id, &crate::ArtifactFilter::default()).await?),
            false => None,
        };
        Ok(RepositorySummary { record, description, updated_at, artifacts, pulls, pulled_at })
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
        let sql =
            format!("UPDATE repositories SET {CHANGED}, description = $2, described_at = $1 WHERE id = $3");
        self.execute(&sql, params![now, description, id]).await.map(drop)
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
