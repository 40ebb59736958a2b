//! Trust rules: whose tokens stand for a robot.

use longshore_types::Timestamp;

use crate::{
    MetadataError, ReadTx, RobotId, WriteTx,
    sql::{Row, Value, at_most, batches, params, placeholders},
};

/// A rule's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TrustRuleId(pub(crate) i64);

/// Where the identities come from that a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TrustRuleKind {
    /// Tokens of an OpenID issuer.
    Oidc = 1,
    /// A SPIFFE trust domain.
    Spiffe = 2,
}

/// A rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustRuleRecord {
    /// Its row.
    pub id: TrustRuleId,
    /// What people call it.
    pub name: String,
    /// Where the identities come from.
    pub kind: TrustRuleKind,
    /// Who vouches for them.
    pub issuer: String,
    /// Whom their tokens must be made for.
    pub audience: String,
    /// What must be said of them, as JSON.
    pub claims: String,
    /// Whom they stand for.
    pub robot: RobotId,
    /// Counts for nothing.
    pub disabled: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// What a rule says: the fields are those of [`TrustRuleRecord`].
#[derive(Clone, Debug)]
pub struct NewTrustRule<'a> {
    /// What people call it.
    pub name: &'a str,
    /// Where the identities come from.
    pub kind: TrustRuleKind,
    /// Who vouches for them.
    pub issuer: &'a str,
    /// Whom their tokens must be made for.
    pub audience: &'a str,
    /// As JSON.
    pub claims: &'a str,
    /// Whom they stand for.
    pub robot: RobotId,
    /// Counts for nothing.
    pub disabled: bool,
}

const COLUMNS: &str = "id, name, kind, issuer, audience, claims, robot_id, disabled, created_at, updated_at";

impl TrustRuleRecord {
    fn read(mut row: Row) -> Result<Self, MetadataError> {
        Ok(Self {
            id: TrustRuleId(row.int()?),
            name: row.text()?,
            kind: match row.int()? {
                1 => TrustRuleKind::Oidc,
                2 => TrustRuleKind::Spiffe,
                other => return Err(MetadataError::Corrupt(format!("{other} is no kind of trust rule"))),
            },
            issuer: row.text()?,
            audience: row.text()?,
            claims: row.text()?,
            robot: RobotId(row.int()?),
            disabled: row.int()? != 0,
            created_at: row.timestamp()?,
            updated_at: row.timestamp()?,
        })
    }
}

impl ReadTx {
    /// The rule of that row.
    pub async fn trust_rule(&mut self, id: TrustRuleId) -> Result<Option<TrustRuleRecord>, MetadataError> {
        let sql = format!("SELECT {COLUMNS} FROM trust_rules WHERE id = $1");
        self.query_opt(&sql, params![id]).await?.map(TrustRuleRecord::read).transpose()
    }

    /// The rule of that name about a robot.
    pub async fn trust_rule_named(
        &mut self,
        robot: RobotId,
        name: &str,
    ) -> Result<Option<TrustRuleRecord>, MetadataError> {
        let sql = format!("SELECT {COLUMNS} FROM trust_rules WHERE robot_id = $1 AND name = $2");
        self.query_opt(&sql, params![robot, name]).await?.map(TrustRuleRecord::read).transpose()
    }

    /// The rules about an issuer that count, as they were made.
    pub async fn trust_rules_of(&mut self, issuer: &str) -> Result<Vec<TrustRuleRecord>, MetadataError> {
        let sql = format!("SELECT {COLUMNS} FROM trust_rules WHERE issuer = $1 AND disabled = 0 ORDER BY id");
        self.query(&sql, params![issuer]).await?.into_iter().map(TrustRuleRecord::read).collect()
    }

    /// The rules about these robots, as they were made.
    pub async fn trust_rules_of_robots(
        &mut self,
        robots: &[RobotId],
    ) -> Result<Vec<TrustRuleRecord>, MetadataError> {
        let mut found: Vec<TrustRuleRecord> = Vec::new();
        for batch in batches(robots) {
            let sql = format!(
                "SELECT {COLUMNS} FROM trust_rules WHERE robot_id IN ({})",
                placeholders(1, batch.len())
            );
            let values: Vec<Value<'_>> = batch.into_iter().map(Value::from).collect();
            for row in self.query(&sql, &values).await? {
                found.push(TrustRuleRecord::read(row)?);
            }
        }
        found.sort_unstable_by_key(|rule| rule.id);
        Ok(found)
    }

    /// Rules as they were made, without the first `skip`.
    pub async fn trust_rules_page(
        &mut self,
        skip: usize,
        limit: usize,
    ) -> Result<Vec<TrustRuleRecord>, MetadataError> {
        let sql = format!("SELECT {COLUMNS} FROM trust_rules WHERE id > 0 ORDER BY id LIMIT $1 OFFSET $2");
        let rows = self.query(&sql, params![at_most(limit), at_most(skip)]).await?;
        rows.into_iter().map(TrustRuleRecord::read).collect()
    }

    /// How many there are.
    pub async fn trust_rules_count(&mut self) -> Result<u64, MetadataError> {
        self.count("SELECT COUNT(*) FROM trust_rules", params![]).await
    }
}

impl WriteTx {
    /// Makes a rule; `None` when the robot has one of that name.
    pub async fn insert_trust_rule(
        &mut self,
        rule: &NewTrustRule<'_>,
        now: Timestamp,
    ) -> Result<Option<TrustRuleId>, MetadataError> {
        let sql = "INSERT INTO trust_rules (name, kind, issuer, audience, claims, robot_id, disabled, \
                   created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8) \
                   ON CONFLICT (robot_id, name) DO NOTHING RETURNING id";
        let values = params![
            rule.name,
            rule.kind as i64,
            rule.issuer,
            rule.audience,
            rule.claims,
            rule.robot,
            i64::from(rule.disabled),
            now
        ];
        self.query_opt(sql, values).await?.map(|mut row| row.int().map(TrustRuleId)).transpose()
    }

    /// Has a rule say something else. Whether the robot has another of that name must be asked before.
    pub async fn update_trust_rule(
        &mut self,
        id: TrustRuleId,
        rule: &NewTrustRule<'_>,
        now: Timestamp,
    ) -> Result<(), MetadataError> {
        let sql = "UPDATE trust_rules SET name = $1, kind = $2, issuer = $3, audience = $4, claims = $5, \
                   robot_id = $6, disabled = $7, updated_at = $8 WHERE id = $9";
        let values = params![
            rule.name,
            rule.kind as i64,
            rule.issuer,
            rule.audience,
            rule.claims,
            rule.robot,
            i64::from(rule.disabled),
            now,
            id
        ];
        self.execute(sql, values).await.map(drop)
    }

    /// Removes a rule.
    pub async fn delete_trust_rule(&mut self, id: TrustRuleId) -> Result<(), MetadataError> {
        self.execute("DELETE FROM trust_rules WHERE id = $1", params![id]).await.map(drop)
    }
}
