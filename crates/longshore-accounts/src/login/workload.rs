//! Programs by somebody else's word: trust rules say for which robot they stand.
//!
//! Several rules may trust the same workload: anybody who has a robot can make rules for it. So what counts is what the
//! workload came for: the robot that it names, else one that has to do with the project it asks about. Never does it become
//! a robot of somebody else because that one's rule is older or wider.

use longshore_auth::{Access, Circumstances, Scope};
use longshore_identity::workload::{Workload, WorkloadError};
use longshore_metadata::{MetadataError, RobotRecord};
use longshore_types::{RepositoryName, Timestamp};

use super::{
    Attempt,
    record::{Way, refused},
    token::check_robot,
};
use crate::{Accounts, LoginError, UsableTrustRule};

/// Most scopes considered for the choice of a robot; clients ask for one or two.
const SCOPES_MAX: usize = 16;
/// Most robots of which it is decided what they may do.
const DECIDED_MAX: usize = 32;

/// What a workload comes for, as far as it decides for which robot it stands.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wish<'a> {
    /// The robot that it names, as robots log in.
    pub(crate) robot: Option<&'a str>,
    /// What it is going to do.
    pub(crate) scopes: &'a [Scope],
}

/// A robot that the workload may stand for.
struct Candidate {
    rule: String,
    robot: RobotRecord,
    access: Access,
}

impl Accounts {
    /// The robot that a workload stands for, and until when. A workload that was not accepted is refused as any other
    /// login is: counted and recorded.
    pub(crate) async fn login_workload_for(
        &self,
        workload: Result<Workload, WorkloadError>,
        wish: Wish<'_>,
        circumstances: &Circumstances,
        request_id: &str,
    ) -> Result<(Access, Option<Timestamp>), LoginError> {
        let attempt = Attempt { circumstances, request_id };
        let (name, outcome) = match workload {
            Ok(workload) => (workload.subject().to_owned(), self.robot_of(&attempt, &workload, wish).await),
            Err(error) => (String::new(), Err(refused(error.to_string()))),
        };
        self.record_refusal(&attempt, &name, outcome).await
    }

    async fn robot_of(
        &self,
        attempt: &Attempt<'_>,
        workload: &Workload,
        wish: Wish<'_>,
    ) -> Result<(Access, Option<Timestamp>), LoginError> {
        let rules = self.trust_rules_of(workload.issuer()).await;
        let rules = rules.map_err(|error| LoginError::Unavailable(error.into()))?;
        let matched = workload.matched(rules, |usable| &usable.rule);
        if matched.is_empty() {
            return Err(refused("no trust rule matches"));
        }
        let candidates = self.trusted_robots(matched, wish.robot, attempt.circumstances.now).await?;
        let chosen = self.choose(candidates, wish.scopes, attempt.circumstances).await?;
        let Candidate { rule, robot, access } = chosen;
        self.record_login(attempt, &self.robot_name(&robot), None, &Way::TrustRule(robot.id, rule)).await;
        let until = [workload.expires(), robot.expires_at].into_iter().flatten().min();
        Ok((access, until))
    }

    /// The robots of these rules that may log in, in the order of the rules, each once.
    async fn trusted_robots(
        &self,
        rules: Vec<UsableTrustRule>,
        named: Option<&str>,
        now: Timestamp,
    ) -> Result<Vec<Candidate>, LoginError> {
        let mut tx = self.inner.metadata.read().await?;
        let mut found: Vec<Candidate> = Vec::new();
        let mut why = "the robot of the trust rule is gone".to_owned();
        for UsableTrustRule { name: rule, robot, .. } in rules {
            if found.iter().any(|candidate| candidate.robot.id == robot) {
                continue;
            }
            let Some(robot) = tx.robot_by_id(robot).await? else { continue };
            if named.is_some_and(|named| named != self.robot_name(&robot)) {
                "no trust rule matches for the robot that was named".clone_into(&mut why);
            } else if let Err(LoginError::Refused(reason)) = check_robot(&robot, now) {
                why = reason.to_string();
            } else {
                let access = self.access_of_robot(&robot);
                found.push(Candidate { rule, robot, access });
            }
        }
        if found.is_empty() { Err(refused(why)) } else { Ok(found) }
    }

    /// Of several robots the one that is meant: which has to do with a project that is asked about, and of those the one
    /// that may do most of it. Where they are equal, the rule that asks for more comes first, then the older one.
    async fn choose(
        &self,
        mut candidates: Vec<Candidate>,
        scopes: &[Scope],
        circumstances: &Circumstances,
    ) -> Result<Candidate, LoginError> {
        let scopes = &scopes[..scopes.len().min(SCOPES_MAX)];
        let asked: Vec<_> = scopes.iter().filter_map(repository).collect();
        if asked.is_empty() || candidates.len() == 1 {
            return Ok(candidates.swap_remove(0));
        }
        let related =
            |candidate: &Candidate| asked.iter().any(|repository| reaches(&candidate.access, repository));
        let wanted = if candidates.iter().any(related) {
            candidates.retain(related);
            1
        } else {
            // Nobody's own: what everybody may do is all that any of them gets.
            scopes.iter().map(actions).sum()
        };
        candidates.truncate(DECIDED_MAX);
        let mut best = None;
        for (nth, candidate) in candidates.iter().enumerate() {
            let may = self.count_allowed(&candidate.access, scopes, circumstances).await?;
            if may >= wanted && best.is_none_or(|(most, _)| may > most) {
                best = Some((may, nth));
            }
        }
        match best {
            Some((_, nth)) => Ok(candidates.swap_remove(nth)),
            None => {
                Err(refused("several robots are meant by trust rules, and none may do what is asked for"))
            }
        }
    }

    async fn count_allowed(
        &self,
        access: &Access,
        scopes: &[Scope],
        circumstances: &Circumstances,
    ) -> Result<usize, MetadataError> {
        let granted = self.decide_scopes(access, scopes, circumstances).await?;
        Ok(granted.iter().map(actions).sum())
    }
}

fn repository(scope: &Scope) -> Option<&RepositoryName> {
    match scope {
        Scope::Repository { repository, .. } => Some(repository),
        Scope::Catalog => None,
    }
}

fn actions(scope: &Scope) -> usize {
    match scope {
        Scope::Repository { actions, .. } => actions.len(),
        Scope::Catalog => 0,
    }
}

/// Whether anything was given to the robot where the repository may lie.
fn reaches(access: &Access, repository: &RepositoryName) -> bool {
    repository.possible_projects().any(|project| access.reaches(&project))
}
