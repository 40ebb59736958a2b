//! How much each project may hold, and how much it does.
//!
//! Every content counts once for a project, however many of its repositories link it, from its first link (or, for a
//! manifest, its push) to its last; what was deleted counts until collection takes it.
//!
//! What a project holds is what its own repositories hold and what the projects inside of it do: its limit bounds all of
//! that, so that nobody gets room by making projects in one that is full. What two of them hold both counts for each. A project inside of
//! another has no limit of its own unless it is given one, which then bounds it beside those around it.
//!
//! Counting follows links and manifests inside the statements that make and remove them, so that no caller can forget
//! it (`contents`), and the bytes are charged to shards, so that pushes at the same time do not wait for one row
//! (`usage`). An index in which counting was never begun pays nothing: the statement that makes a link answers at once
//! whether its repository is counted.

mod contents;
mod usage;

use longshore_types::{ProjectName, Timestamp};

use crate::{
    MetadataError, Page, ProjectId, ReadTx, WriteTx,
    sql::{Row, at_most, one_more, page, params},
};

/// The limit of projects of the top level without one of their own, in bytes; `-1` or missing is none.
const DEFAULT_LIMIT: &str = "quota.default_bytes";

/// How much a project may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuotaLimit {
    /// What holds for projects without a limit of their own: the default at the top level, and inside of another project
    /// nothing but the limits of those around.
    Default,
    /// As much as there is room; inside of another project, room there.
    Unlimited,
    /// So many bytes.
    Bytes(u64),
}

/// A project would hold more than it may.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
// Harbor's sentence, with the project before it.
#[error(
    "project {project}: adding {} of storage resource, which when updated to current usage of {} will exceed the \
     configured upper limit of {}.",
    size(*needed_bytes), size(*used_bytes), size(*limit_bytes)
)]
pub struct QuotaExceeded {
    /// The project.
    pub project: ProjectName,
    /// How much it may hold.
    pub limit_bytes: u64,
    /// How much it holds.
    pub used_bytes: u64,
    /// How much was to be added.
    pub needed_bytes: u64,
}

/// A project's limit and use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotaRecord {
    /// The project.
    pub project: ProjectId,
    /// Its name.
    pub name: ProjectName,
    /// How much it may hold; `None` is no limit but those of the projects that it lies in.
    pub limit_bytes: Option<u64>,
    /// Whether that is what holds for projects without a limit of their own.
    pub is_default: bool,
    /// How much it and the projects inside of it hold.
    pub used_bytes: u64,
    /// Who made the project; `None` when that is not known any more.
    pub owner_name: Option<String>,
    /// When the project was made.
    pub created_at: Timestamp,
    /// When its limit was last set, or else when the project was made.
    pub updated_at: Timestamp,
}

/// The columns of a record but for the default limit; parameters follow.
macro_rules! record {
    ($rest:literal) => {
        concat!(
            "SELECT p.id, p.name, p.parent_id, q.hard_bytes, (SELECT CAST(COALESCE(SUM(u.used_bytes), 0) AS bigint) \
             FROM project_usage u WHERE u.project_id = p.id), (SELECT o.name FROM users o WHERE o.id = p.owner_id), \
             p.created_at, COALESCE(q.updated_at, p.created_at) \
             FROM projects p LEFT JOIN project_quotas q ON q.project_id = p.id ",
            $rest
        )
    };
}

impl QuotaRecord {
    fn read(mut row: Row, default: Option<u64>) -> Result<Self, MetadataError> {
        let project = ProjectId(row.int()?);
        let name = row.parsed("project name")?;
        let nested = row.optional_int()?.is_some();
        let default = default.filter(|_| !nested);
        let own = row.optional_int()?;
        Ok(Self {
            project,
            name,
            limit_bytes: own.map_or(default, |own| u64::try_from(own).ok()),
            is_default: own.is_none(),
            used_bytes: row.unsigned()?,
            owner_name: row.optional_text()?,
            created_at: row.timestamp()?,
            updated_at: row.timestamp()?,
        })
    }
}

impl ReadTx {
    /// Limit and use of a project.
    pub async fn quota_of(&mut self, project: ProjectId) -> Result<Option<QuotaRecord>, MetadataError> {
        let default = self.default_quota().await?;
        let row = self.query_opt(record!("WHERE p.id = $1"), params![project]).await?;
        row.map(|row| QuotaRecord::read(row, default)).transpose()
    }

    /// Whether so many bytes more fit into a project and those that it lies in, as far as can be seen now. Nothing is
    /// charged: what charges them decides.
    ///
    /// # Errors
    /// [`MetadataError::QuotaExceeded`] when they do not fit.
    pub async fn check_room(&mut self, project: ProjectId, bytes: u64) -> Result<(), MetadataError> {
        let sql = record!(
            "WHERE p.id IN (WITH RECURSIVE around (id) AS (\
             SELECT CAST($1 AS bigint) UNION ALL \
             SELECT a.parent_id FROM around CROSS JOIN projects a \
             WHERE a.id = around.id AND a.parent_id IS NOT NULL) SELECT id FROM around)"
        );
        let default = self.default_quota().await?;
        for row in self.query(sql, params![project]).await? {
            let quota = QuotaRecord::read(row, default)?;
            if let Some(limit_bytes) = quota.limit_bytes
                && quota.used_bytes.saturating_add(bytes) > limit_bytes
            {
                return Err(MetadataError::QuotaExceeded(QuotaExceeded {
                    project: quota.name,
                    limit_bytes,
                    used_bytes: quota.used_bytes,
                    needed_bytes: bytes,
                }));
            }
        }
        Ok(())
    }

    /// Limits and uses of projects in the order of their rows, after `after`, without the first `skip` of those.
    pub async fn quotas_page(
        &mut self,
        after: Option<ProjectId>,
        skip: usize,
        limit: usize,
    ) -> Result<Page<QuotaRecord>, MetadataError> {
        let default = self.default_quota().await?;
        let after = after.map_or(i64::MIN, |id| id.0);
        let sql = record!("WHERE p.id > $1 AND +p.deleted_at IS NULL ORDER BY p.id LIMIT $2 OFFSET $3");
        let rows = self.query(sql, params![after, one_more(limit), at_most(skip)]).await?;
        page(rows, limit, |row| QuotaRecord::read(row, default))
    }

    /// The projects that hold most, without the first `skip` of them. Adds up what every project holds: for those who
    /// look after the registry, not for every request.
    pub async fn largest_projects(
        &mut self,
        skip: usize,
        limit: usize,
    ) -> Result<Vec<QuotaRecord>, MetadataError> {
        let default = self.default_quota().await?;
        let sql = record!("WHERE +p.deleted_at IS NULL ORDER BY 5 DESC, p.id LIMIT $1 OFFSET $2");
        let rows = self.query(sql, params![at_most(limit), at_most(skip)]).await?;
        rows.into_iter().map(|row| QuotaRecord::read(row, default)).collect()
    }

    /// The limit of projects of the top level without one of their own; `None` is no limit.
    pub async fn default_quota(&mut self) -> Result<Option<u64>, MetadataError> {
        let Some(text) = self.setting(DEFAULT_LIMIT).await? else { return Ok(None) };
        let bytes: i64 =
            text.parse().map_err(|_| MetadataError::Corrupt(format!("{DEFAULT_LIMIT} is {text:?}")))?;
        Ok(u64::try_from(bytes).ok())
    }
}

impl WriteTx {
    /// Sets the limit of a project. What it holds beyond that stays; it only gets no more.
    pub async fn set_quota(
        &mut self,
        project: ProjectId,
        limit: QuotaLimit,
        now: Timestamp,
    ) -> Result<(), MetadataError> {
        let bytes = match limit {
            QuotaLimit::Default => None,
            QuotaLimit::Unlimited => Some(-1),
            QuotaLimit::Bytes(bytes) => Some(storable(bytes)),
        };
        match bytes {
            None => {
                self.execute("DELETE FROM project_quotas WHERE project_id = $1", params![project]).await?;
            }
            Some(bytes) => {
                let sql = "INSERT INTO project_quotas (project_id, hard_bytes, created_at, updated_at) \
                           VALUES ($1, $2, $3, $3) ON CONFLICT (project_id) \
                           DO UPDATE SET hard_bytes = excluded.hard_bytes, updated_at = excluded.updated_at";
                self.execute(sql, params![project, bytes, now]).await?;
            }
        }
        // Whoever charges next finds no room allotted, and shares it out anew under the limit that holds then.
        let sql = "UPDATE project_usage SET allotted_bytes = used_bytes WHERE project_id = $1";
        self.execute(sql, params![project]).await.map(drop)
    }

    /// Sets the limit of projects of the top level without one of their own; `None` is no limit.
    pub async fn set_default_quota(&mut self, limit: Option<u64>) -> Result<(), MetadataError> {
        let text = limit.map_or(-1, storable).to_string();
        self.set_setting(DEFAULT_LIMIT, &text).await?;
        // As above, for all those projects: a walk over a few small rows of each.
        let sql = "UPDATE project_usage SET allotted_bytes = used_bytes WHERE NOT EXISTS \
                   (SELECT 1 FROM project_quotas q WHERE q.project_id = project_usage.project_id)";
        self.execute(sql, params![]).await.map(drop)
    }
}

/// `10.5 MiB`, as Harbor writes it.
fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let power = bytes.checked_ilog2().unwrap_or_default() / 10;
    let Some(unit) = (power as usize).checked_sub(1).map(|place| UNITS[place.min(UNITS.len() - 1)]) else {
        return format!("{bytes} B");
    };
    // Tenths, rounded down: room is never promised that is not there.
    let tenths = (u128::from(bytes) * 10) >> (10 * power);
    format!("{}.{} {unit}", tenths / 10, tenths % 10)
}

/// A limit as a column holds it.
fn storable(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_written_as_people_read_them() {
        let check = |bytes: u64, text: &str| assert_eq!(size(bytes), text);
        check(0, "0 B");
        check(1023, "1023 B");
        check(1024, "1.0 KiB");
        check(1536, "1.5 KiB");
        check((10 << 20) - 1, "9.9 MiB");
        check(10 << 20, "10.0 MiB");
        check(u64::MAX, "15.9 EiB");
    }

    #[test]
    fn a_refusal_names_limit_use_and_need() {
        let exceeded = QuotaExceeded {
            project: "team".parse().unwrap(),
            limit_bytes: 10 << 20,
            used_bytes: 8 << 20,
            needed_bytes: 3 << 20,
        };
        let text = "project team: adding 3.0 MiB of storage resource, which when updated to current usage of 8.0 MiB \
                    will exceed the configured upper limit of 10.0 MiB.";
        assert_eq!(exceeded.to_string(), text);
    }
}
