//! Projects by what is asked of them.

use longshore_types::{ProjectName, Timestamp};

use super::{COLUMNS, ProjectId, ProjectRecord};
use crate::{
    MetadataError, ReadTx, TextFilter, UserId,
    conditions::Conditions,
    sql::{Value, at_most, batches},
};

/// Which projects. All that is given must hold.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProjectFilter<'a> {
    /// The whole name.
    pub name: Option<TextFilter<'a>>,
    /// Whether everybody may read it.
    pub public: Option<bool>,
    /// Who made it.
    pub owner: Option<UserId>,
    /// Its row.
    pub id: Option<ProjectId>,
    /// Made not before.
    pub from: Option<Timestamp>,
    /// Made not after.
    pub to: Option<Timestamp>,
}

/// In which order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProjectOrder {
    /// By name.
    #[default]
    Name,
    /// As they were made.
    Id,
    /// As they were last changed.
    Updated,
}

impl ProjectFilter<'_> {
    /// Whether a project is one of these.
    pub fn holds(&self, project: &ProjectRecord) -> bool {
        let name = project.name.as_str();
        let named = match self.name {
            None => true,
            Some(TextFilter::Is(text)) => name == text,
            Some(TextFilter::Begins(text)) => name.starts_with(text),
            Some(TextFilter::Contains(text)) => name.contains(text),
        };
        named
            && self.public.is_none_or(|public| project.public == public)
            && self.owner.is_none_or(|owner| project.owner == Some(owner))
            && self.id.is_none_or(|id| project.id == id)
            && self.from.is_none_or(|from| project.created_at >= from)
            && self.to.is_none_or(|to| project.created_at <= to)
    }
}

impl<'a> ProjectFilter<'a> {
    fn conditions(&self, tx: &ReadTx, order: Option<ProjectOrder>) -> Conditions<'a> {
        // A `+` keeps SQLite from choosing an index by these and sorting what it finds: the rows have that order, and one
        // owner has few.
        let (public, deleted) = match order {
            _ if self.owner.is_some() => ("+public", "+deleted_at IS NULL"),
            Some(ProjectOrder::Id) => ("+public", "+deleted_at IS NULL"),
            _ => ("public", "deleted_at IS NULL"),
        };
        let mut conditions = Conditions::new(tx.dialect());
        if let Some(owner) = self.owner {
            conditions.compare("owner_id", "=", owner);
        }
        if let Some(id) = self.id {
            conditions.compare("id", "=", id);
        }
        if let Some(wanted) = self.public {
            conditions.compare(public, "=", i64::from(wanted));
        }
        conditions.says(deleted);
        conditions.text("name", self.name);
        if let Some(from) = self.from {
            conditions.compare("created_at", ">=", from);
        }
        if let Some(to) = self.to {
            conditions.compare("created_at", "<=", to);
        }
        conditions
    }
}

impl ReadTx {
    /// Projects in an order, without the first `skip`: these are walked over all the same.
    pub async fn projects_page(
        &mut self,
        filter: &ProjectFilter<'_>,
        order: ProjectOrder,
        descending: bool,
        skip: usize,
        limit: usize,
    ) -> Result<Vec<ProjectRecord>, MetadataError> {
        let mut conditions = filter.conditions(self, Some(order));
        if order == ProjectOrder::Id {
            // A bound, so that the rows are walked in their own order.
            conditions.compare("id", ">", 0_i64);
        }
        let order = match (order, descending) {
            (ProjectOrder::Name, false) => "name",
            (ProjectOrder::Name, true) => "name DESC",
            (ProjectOrder::Id, false) => "id",
            (ProjectOrder::Id, true) => "id DESC",
            (ProjectOrder::Updated, false) => "updated_at, id",
            (ProjectOrder::Updated, true) => "updated_at DESC, id DESC",
        };
        let sql = conditions.sql();
        let (rows, skip) = (conditions.value(at_most(limit)), conditions.value(at_most(skip)));
        let sql =
            format!("SELECT {COLUMNS} FROM projects {sql} ORDER BY {order} LIMIT ${rows} OFFSET ${skip}");
        self.query(&sql, &conditions.values).await?.into_iter().map(ProjectRecord::read).collect()
    }

    /// How many there are.
    pub async fn projects_count(&mut self, filter: &ProjectFilter<'_>) -> Result<u64, MetadataError> {
        let conditions = filter.conditions(self, None);
        let sql = format!("SELECT COUNT(*) FROM projects {}", conditions.sql());
        self.count(&sql, &conditions.values).await
    }

    /// The projects of these names and all that lie in them, in no order, each once.
    pub async fn projects_below(
        &mut self,
        names: &[ProjectName],
    ) -> Result<Vec<ProjectRecord>, MetadataError> {
        let mut found: Vec<ProjectRecord> = Vec::new();
        for batch in batches(names) {
            // `+` as above: the names choose, not that a project is there.
            let one = |n: usize| {
                format!("name = ${} OR (name > ${} AND name < ${})", 3 * n + 1, 3 * n + 2, 3 * n + 3)
            };
            let any: Vec<_> = (0..batch.len()).map(one).collect();
            let sql = format!(
                "SELECT {COLUMNS} FROM projects WHERE ({}) AND +deleted_at IS NULL",
                any.join(" OR ")
            );
            let values: Vec<Value<'_>> = batch
                .iter()
                .flat_map(|name| [name.to_string(), format!("{name}/"), format!("{name}0")])
                .map(Value::from)
                .collect();
            for row in self.query(&sql, &values).await? {
                found.push(ProjectRecord::read(row)?);
            }
        }
        found.sort_unstable_by_key(|project| project.id);
        found.dedup_by_key(|project| project.id);
        Ok(found)
    }
}
