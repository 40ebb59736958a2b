//! Trust rules: which workloads stand for a robot, by somebody else's word. No secret is kept for them.

use std::collections::BTreeMap;

use longshore_auth::Permission;
use longshore_identity::workload::{ClaimPath, TrustRule};
use longshore_metadata::{
    NewTrustRule, ProjectId, ProjectRecord, ReadTx, RobotId, RobotLevel, RobotRecord, TrustRuleId,
    TrustRuleKind, TrustRuleRecord, WriteTx,
};

use crate::{Accounts, Act, ManageError, retry::retry_on_conflict, robots::grants_of};

/// Longest name, in characters.
const NAME_CHARACTERS_MAX: usize = 128;
/// Longest issuer and audience, in bytes.
const TEXT_BYTES_MAX: usize = 1024;
/// Most rules about a robot: each is looked at when a workload comes.
const RULES_MAX: usize = 50;
/// Robots of a project that are looked through for rules.
const ROBOTS_MAX: usize = 10_000;

/// What a rule is to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustRulePlan {
    /// What people call it.
    pub name: String,
    /// Where the identities come from.
    pub kind: TrustRuleKind,
    /// Who vouches for them: the address of an issuer, or `spiffe://` and a trust domain.
    pub issuer: String,
    /// Whom their tokens must be made for.
    pub audience: String,
    /// What must be said of them: patterns by the paths of claims.
    pub claims: BTreeMap<String, String>,
    /// Whom they stand for.
    pub robot: RobotId,
    /// Counts for nothing.
    pub disabled: bool,
}

/// A rule and what is shown with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustRuleDetails {
    /// Its row.
    pub record: TrustRuleRecord,
    /// Patterns by the paths of claims.
    pub claims: BTreeMap<String, String>,
    /// The robot's name as it logs in.
    pub robot_name: String,
}

/// A rule as it is used: whom it trusts, and whom they stand for.
#[derive(Clone, Debug)]
pub struct UsableTrustRule {
    /// What people call it.
    pub name: String,
    /// Whom it trusts.
    pub rule: TrustRule,
    /// Whom they stand for. Whether that robot may log in is still to be asked.
    pub robot: RobotId,
}

impl Accounts {
    /// Makes a rule.
    pub async fn create_trust_rule(
        &self,
        act: &Act,
        plan: &TrustRulePlan,
    ) -> Result<TrustRuleId, ManageError> {
        let claims = check(plan)?;
        self.check_issuer(&plan.issuer)?;
        retry_on_conflict(async || {
            let mut tx = self.inner.metadata.write().await?;
            let (robot, project) =
                self.trusted_robot(&mut tx, act, plan.robot, Permission::TRUST_RULE_CREATE).await?;
            if tx.trust_rules_of_robots(&[plan.robot]).await?.len() >= RULES_MAX {
                return Err(ManageError::Precondition(format!(
                    "a robot has at most {RULES_MAX} trust rules"
                )));
            }
            let made = tx.insert_trust_rule(&new(plan, &claims), act.circumstances.now).await?;
            let Some(id) = made else { return Err(taken(&plan.name)) };
            self.record_rule(&mut tx, act, "create_trust_rule", &plan.name, &robot, project.as_ref()).await?;
            tx.commit().await?;
            Ok(id)
        })
        .await
    }

    /// The rules for robots of a project, or, without one, all of them: part of them, and how many there are.
    pub async fn list_trust_rules(
        &self,
        act: &Act,
        project: Option<ProjectId>,
        skip: usize,
        limit: usize,
    ) -> Result<(Vec<TrustRuleDetails>, u64), ManageError> {
        let mut tx = self.inner.metadata.read().await?;
        self.check_numbered_place(&mut tx, act, project, Permission::TRUST_RULE_LIST).await?;
        let (records, total) = match project {
            None => (tx.trust_rules_page(skip, limit).await?, tx.trust_rules_count().await?),
            Some(id) => {
                let robots = tx.robots_page(RobotLevel::Project(id), None, 0, ROBOTS_MAX).await?;
                let robots: Vec<_> = robots.entries.into_iter().map(|robot| robot.id).collect();
                let found = tx.trust_rules_of_robots(&robots).await?;
                let total = found.len() as u64;
                (found.into_iter().skip(skip).take(limit).collect(), total)
            }
        };
        let mut details = Vec::new();
        for record in records {
            details.push(self.rule_details(&mut tx, record).await?);
        }
        Ok((details, total))
    }

    /// A rule. Who may not read it gets the answer for one that is not there.
    pub async fn trust_rule(&self, act: &Act, id: TrustRuleId) -> Result<TrustRuleDetails, ManageError> {
        let mut tx = self.inner.metadata.read().await?;
        let (record, ..) = self.reachable_rule(&mut tx, act, id, Permission::TRUST_RULE_READ).await?;
        self.rule_details(&mut tx, record).await
    }

    /// Has a rule say something else.
    pub async fn update_trust_rule(
        &self,
        act: &Act,
        id: TrustRuleId,
        plan: &TrustRulePlan,
    ) -> Result<(), ManageError> {
        let claims = check(plan)?;
        // One whose issuer is no longer configured can still be switched off.
        if !plan.disabled {
            self.check_issuer(&plan.issuer)?;
        }
        retry_on_conflict(async || {
            let mut tx = self.inner.metadata.write().await?;
            self.reachable_rule(&mut tx, act, id, Permission::TRUST_RULE_UPDATE).await?;
            let (robot, project) =
                self.trusted_robot(&mut tx, act, plan.robot, Permission::TRUST_RULE_UPDATE).await?;
            if tx.trust_rule_named(plan.robot, &plan.name).await?.is_some_and(|other| other.id != id) {
                return Err(taken(&plan.name));
            }
            tx.update_trust_rule(id, &new(plan, &claims), act.circumstances.now).await?;
            self.record_rule(&mut tx, act, "update_trust_rule", &plan.name, &robot, project.as_ref()).await?;
            Ok(tx.commit().await?)
        })
        .await
    }

    /// Removes a rule.
    pub async fn delete_trust_rule(&self, act: &Act, id: TrustRuleId) -> Result<(), ManageError> {
        retry_on_conflict(async || {
            let mut tx = self.inner.metadata.write().await?;
            let (rule, robot, project) =
                self.reachable_rule(&mut tx, act, id, Permission::TRUST_RULE_DELETE).await?;
            tx.delete_trust_rule(id).await?;
            self.record_rule(&mut tx, act, "delete_trust_rule", &rule.name, &robot, project.as_ref()).await?;
            Ok(tx.commit().await?)
        })
        .await
    }

    /// The rules about an issuer that count, as they were made. One that is not understood any more trusts nobody.
    pub async fn trust_rules_of(&self, issuer: &str) -> Result<Vec<UsableTrustRule>, ManageError> {
        let records = self.inner.metadata.read().await?.trust_rules_of(issuer).await?;
        let usable = |record: TrustRuleRecord| match parse(&record) {
            Ok(rule) => Some(UsableTrustRule { name: record.name, rule, robot: record.robot }),
            Err(error) => {
                tracing::error!(rule = record.name, %error, "a trust rule that is not understood trusts nobody");
                None
            }
        };
        Ok(records.into_iter().filter_map(usable).collect())
    }

    /// Refuses a rule about an issuer whose word counts for nothing here: it would trust nobody, and whoever made it would
    /// not find out why.
    fn check_issuer(&self, issuer: &str) -> Result<(), ManageError> {
        let trusted = &self.inner.settings.trusted_issuers;
        if trusted.iter().any(|known| known == issuer) {
            return Ok(());
        }
        let message = match trusted.is_empty() {
            true => "issuer: none is configured (accounts.trust)".to_owned(),
            false => format!("issuer: {issuer} is not configured (accounts.trust)"),
        };
        Err(ManageError::Invalid(message))
    }

    /// A robot for which the caller may make rules: they need the permission where the robot is, and all that it may do.
    async fn trusted_robot(
        &self,
        tx: &mut ReadTx,
        act: &Act,
        id: RobotId,
        permission: Permission,
    ) -> Result<(RobotRecord, Option<ProjectRecord>), ManageError> {
        let (robot, project) = self.reachable_robot(tx, act, id, permission).await?;
        self.check_may_give_all(act, &grants_of(&robot))?;
        Ok((robot, project))
    }

    async fn reachable_rule(
        &self,
        tx: &mut ReadTx,
        act: &Act,
        id: TrustRuleId,
        permission: Permission,
    ) -> Result<(TrustRuleRecord, RobotRecord, Option<ProjectRecord>), ManageError> {
        let unknown = || ManageError::unknown("trust rule", id.number());
        let rule = tx.trust_rule(id).await?.ok_or_else(unknown)?;
        let robot = tx.robot_by_id(rule.robot).await?.ok_or_else(unknown)?;
        let project = match robot.project {
            Some(project) => Some(tx.project_by_id(project).await?.ok_or_else(unknown)?),
            None => None,
        };
        if self.check_place(act, project.as_ref(), permission).is_ok() {
            return Ok((rule, robot, project));
        }
        match self.check_place(act, project.as_ref(), Permission::TRUST_RULE_READ) {
            Ok(()) => Err(ManageError::lacks(permission)),
            Err(_) => Err(unknown()),
        }
    }

    async fn rule_details(
        &self,
        tx: &mut ReadTx,
        record: TrustRuleRecord,
    ) -> Result<TrustRuleDetails, ManageError> {
        let robot = tx.robot_by_id(record.robot).await?;
        let robot_name = robot.map(|robot| self.robot_name(&robot)).unwrap_or_default();
        let claims = serde_json::from_str(&record.claims).unwrap_or_default();
        Ok(TrustRuleDetails { record, claims, robot_name })
    }

    async fn record_rule(
        &self,
        tx: &mut WriteTx,
        act: &Act,
        operation: &str,
        name: &str,
        robot: &RobotRecord,
        project: Option<&ProjectRecord>,
    ) -> Result<(), ManageError> {
        let detail = serde_json::json!({ "robot": self.robot_name(robot) }).to_string();
        Ok(act.record(tx, operation, ("trust_rule", name), project, &detail).await?)
    }
}

/// What is kept of a plan that makes sense: its claims as JSON.
fn check(plan: &TrustRulePlan) -> Result<String, ManageError> {
    let invalid = |message: String| Err(ManageError::Invalid(message));
    let fits = !plan.name.trim().is_empty()
        && plan.name.chars().count() <= NAME_CHARACTERS_MAX
        && !plan.name.chars().any(char::is_control);
    if !fits {
        return invalid(format!("name must have 1 to {NAME_CHARACTERS_MAX} characters"));
    }
    for (field, text) in [("issuer", &plan.issuer), ("audience", &plan.audience)] {
        if text.len() > TEXT_BYTES_MAX || text.chars().any(char::is_control) {
            return invalid(format!(
                "{field} must have at most {TEXT_BYTES_MAX} bytes, without control characters"
            ));
        }
    }
    let is_domain = plan.issuer.starts_with("spiffe://");
    match plan.kind {
        TrustRuleKind::Spiffe if !is_domain => {
            return invalid("issuer must be spiffe:// and a trust domain".to_owned());
        }
        TrustRuleKind::Oidc if is_domain => {
            return invalid("kind must be spiffe for a trust domain".to_owned());
        }
        TrustRuleKind::Spiffe | TrustRuleKind::Oidc => {}
    }
    let narrow = rule(&plan.issuer, &plan.audience, &plan.claims)
        .and_then(|rule| rule.check_names_somebody().map_err(|error| error.to_string()));
    if let Err(error) = narrow {
        return invalid(format!("claims: {error}"));
    }
    Ok(serde_json::to_string(&plan.claims).expect("texts by texts are JSON"))
}

fn rule(issuer: &str, audience: &str, claims: &BTreeMap<String, String>) -> Result<TrustRule, String> {
    let mut parsed = BTreeMap::new();
    for (path, pattern) in claims {
        let path: ClaimPath = path.parse().map_err(|error| format!("claims: {error}"))?;
        let pattern = pattern.parse().map_err(|error| format!("claims.{path}: {error}"))?;
        parsed.insert(path, pattern);
    }
    TrustRule::new(issuer, audience, parsed).map_err(|error| error.to_string())
}

fn parse(record: &TrustRuleRecord) -> Result<TrustRule, String> {
    let claims = serde_json::from_str(&record.claims).map_err(|error| error.to_string())?;
    rule(&record.issuer, &record.audience, &claims)
}

fn new<'a>(plan: &'a TrustRulePlan, claims: &'a str) -> NewTrustRule<'a> {
    NewTrustRule {
        name: &plan.name,
        kind: plan.kind,
        issuer: &plan.issuer,
        audience: &plan.audience,
        claims,
        robot: plan.robot,
        disabled: plan.disabled,
    }
}

fn taken(name: &str) -> ManageError {
    ManageError::Conflict(format!("the robot has a trust rule {name} already"))
}
