//! Robots: names with a secret, for programs.

use longshore_types::Timestamp;

use crate::{
    MetadataError, ProjectId, ReadTx, WriteTx,
    sql::{Row, params},
};

/// A robot's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RobotId(pub(crate) i64);

/// A robot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RobotRecord {
    /// Its row.
    pub id: RobotId,
    /// `team+ci` in a project, `ci` for the system; without the prefix that callers see.
    pub name: String,
    /// Its project; `None` for the system.
    pub project: Option<ProjectId>,
    /// What it is for.
    pub description: String,
    /// The hash of its secret.
    pub secret_hash: Vec<u8>,
    /// What it may do where, as JSON.
    pub permissions: String,
    /// May not log in.
    pub disabled: bool,
    /// For how many days it was made; -1 for ever.
    pub duration_days: i64,
    /// From then on it may not log in.
    pub expires_at: Option<Timestamp>,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// When it was last used.
    pub last_used_at: Option<Timestamp>,
}

pub(crate) const COLUMNS: &str = "id, name, project_id, description, secret_hash, permissions, disabled, \
                                  duration_days, expires_at, created_by, created_at, updated_at, last_used_at";

impl RobotRecord {
    pub(crate) fn read(mut row: Row) -> Result<Self, MetadataError> {
        Ok(Self {
            id: RobotId(row.int()?),
            name: row.text()?,
            project: row.optional_int()?.map(ProjectId),
            description: row.text()?,
            secret_hash: row.bytes()?,
            permissions: row.text()?,
            disabled: row.int()? != 0,
            duration_days: row.int()?,
            expires_at: row.optional_int()?.map(Timestamp::from_unix_millis),
            created_by: row.text()?,
            created_at: row.timestamp()?,
            updated_at: row.timestamp()?,
            last_used_at: row.optional_int()?.map(Timestamp::from_unix_millis),
        })
    }
}

impl ReadTx {
    /// The robot of that name, without the prefix.
    pub async fn robot(&mut self, name: &str) -> Result<Option<RobotRecord>, MetadataError> {
        let sql = format!("SELECT {COLUMNS} FROM robots WHERE name = $1");
        self.query_opt(&sql, params![name]).await?.map(RobotRecord::read).transpose()
    }

    /// The robot of that row.
    pub async fn robot_by_id(&mut self, id: RobotId) -> Result<Option<RobotRecord>, MetadataError> {
        let sql = format!("SELECT {COLUMNS} FROM robots WHERE id = $1");
        self.query_opt(&sql, params![id]).await?.map(RobotRecord::read).transpose()
    }
}

impl WriteTx {
    /// Notes when a robot was last used. Told in batches: the moment only grows.
    pub async fn robot_used(&mut self, id: RobotId, at: Timestamp) -> Result<(), MetadataError> {
        let sql = "UPDATE robots SET last_used_at = $2 WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < $2)";
        self.execute(sql, params![id, at]).await.map(drop)
    }
}
