//! Robots: names with a secret, for programs.

use longshore_types::Timestamp;

use crate::{
    MetadataError, Page, ProjectId, ReadTx, TextFilter, WriteTx,
    conditions::Conditions,
    sql::{Row, at_most, one_more, page, params},
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

/// What a new robot is made of: the fields are those of [`RobotRecord`].
#[derive(Clone, Debug)]
pub struct NewRobot<'a> {
    /// Without the prefix.
    pub name: &'a str,
    /// `None` for the system.
    pub project: Option<ProjectId>,
    /// What it is for.
    pub description: &'a str,
    /// The hash of its secret.
    pub secret_hash: &'a [u8],
    /// As JSON.
    pub permissions: &'a str,
    /// May not log in.
    pub disabled: bool,
    /// -1 for ever.
    pub duration_days: i64,
    /// From then on it may not log in.
    pub expires_at: Option<Timestamp>,
    /// Who makes it.
    pub created_by: &'a str,
}

/// Whose robots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RobotLevel {
    /// The system's.
    System,
    /// A project's.
    Project(ProjectId),
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

impl ReadTx {
    /// The robot whose secret, one that was made here, has that hash.
    pub async fn robot_by_secret_hash(
        &mut self,
        secret_hash: &[u8],
    ) -> Result<Option<RobotRecord>, MetadataError> {
        let sql = format!("SELECT {COLUMNS} FROM robots WHERE secret_hash = $1");
        self.query_opt(&sql, params![secret_hash]).await?.map(RobotRecord::read).transpose()
    }
}

impl WriteTx {
    /// Notes when a robot was last used. Told in batches: the moment only grows.
    pub async fn robot_used(&mut self, id: RobotId, at: Timestamp) -> Result<(), MetadataError> {
        let sql = "UPDATE robots SET last_used_at = $1 WHERE id = $2 AND (last_used_at IS NULL OR last_used_at < $1)";
        self.execute(sql, params![at, id]).await.map(drop)
    }

    /// Makes a robot; `None` when the name is taken.
    pub async fn insert_robot(
        &mut self,
        robot: &NewRobot<'_>,
        now: Timestamp,
    ) -> Result<Option<RobotId>, MetadataError> {
        let sql = "INSERT INTO robots (name, project_id, description, secret_hash, permissions, disabled, \
                   duration_days, expires_at, created_by, created_at, updated_at) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10) \
                   ON CONFLICT (name) DO NOTHING RETURNING id";
        let values = params![
            robot.name,
            robot.project,
            robot.description,
            robot.secret_hash,
            robot.permissions,
            i64::from(robot.disabled),
            robot.duration_days,
            robot.expires_at,
            robot.created_by,
            now
        ];
        self.query_opt(sql, values).await?.map(|mut row| row.int().map(RobotId)).transpose()
    }

    /// Writes back what may change of a robot: description, permissions, whether it is disabled, until when it holds.
    pub async fn update_robot(&mut self, robot: &RobotRecord, now: Timestamp) -> Result<(), MetadataError> {
        let sql = "UPDATE robots SET description = $1, permissions = $2, disabled = $3, duration_days = $4, \
                   expires_at = $5, updated_at = $6 WHERE id = $7";
        let values = params![
            robot.description.as_str(),
            robot.permissions.as_str(),
            i64::from(robot.disabled),
            robot.duration_days,
            robot.expires_at,
            now,
            robot.id
        ];
        self.execute(sql, values).await.map(drop)
    }

    /// Gives a robot another secret.
    pub async fn set_robot_secret(
        &mut self,
        id: RobotId,
        secret_hash: &[u8],
        now: Timestamp,
    ) -> Result<(), MetadataError> {
        let sql = "UPDATE robots SET secret_hash = $1, updated_at = $2 WHERE id = $3";
        self.execute(sql, params![secret_hash, now, id]).await.map(drop)
    }

    /// Removes a robot and the rules that trust others to be it.
    pub async fn delete_robot(&mut self, id: RobotId) -> Result<(), MetadataError> {
        for sql in ["DELETE FROM trust_rules WHERE robot_id = $1", "DELETE FROM robots WHERE id = $1"] {
            self.execute(sql, params![id]).await?;
        }
        Ok(())
    }
}

/// Which robots of a level.
fn robots<'a>(tx: &ReadTx, level: RobotLevel, name: Option<TextFilter<'a>>) -> Conditions<'a> {
    let mut conditions = Conditions::new(tx.dialect());
    match level {
        RobotLevel::System => conditions.says("project_id IS NULL"),
        RobotLevel::Project(project) => conditions.compare("project_id", "=", project),
    }
    conditions.text("name", name);
    conditions
}

impl ReadTx {
    /// Robots of a level by name, without the first `skip`; those that are called so, without the prefix.
    pub async fn robots_page(
        &mut self,
        level: RobotLevel,
        name: Option<TextFilter<'_>>,
        skip: usize,
        limit: usize,
    ) -> Result<Page<RobotRecord>, MetadataError> {
        let mut conditions = robots(self, level, name);
        let sql = conditions.sql();
        let (rows, skip) = (conditions.value(one_more(limit)), conditions.value(at_most(skip)));
        let sql = format!("SELECT {COLUMNS} FROM robots {sql} ORDER BY name LIMIT ${rows} OFFSET ${skip}");
        page(self.query(&sql, &conditions.values).await?, limit, RobotRecord::read)
    }

    /// How many there are.
    pub async fn robots_count(
        &mut self,
        level: RobotLevel,
        name: Option<TextFilter<'_>>,
    ) -> Result<u64, MetadataError> {
        let conditions = robots(self, level, name);
        let sql = format!("SELECT COUNT(*) FROM robots {}", conditions.sql());
        self.count(&sql, &conditions.values).await
    }
}
