//! Programs by somebody else's word: a trust rule says for which robot they stand.

use longshore_auth::{Access, Circumstances};
use longshore_identity::workload::{Workload, WorkloadError};

use super::{
    Attempt,
    record::{Way, refused},
    token::check_robot,
};
use crate::{Accounts, LoginError};

impl Accounts {
    /// The robot that a workload stands for, by the first trust rule that matches. A workload that was not accepted is
    /// refused as any other login is: counted and recorded.
    pub(crate) async fn login_workload(
        &self,
        workload: Result<Workload, WorkloadError>,
        circumstances: &Circumstances,
        request_id: &str,
    ) -> Result<Access, LoginError> {
        let attempt = Attempt { circumstances, request_id };
        let (name, outcome) = match workload {
            Ok(workload) => (workload.subject().to_owned(), self.robot_of(&attempt, &workload).await),
            Err(error) => (String::new(), Err(refused(error.to_string()))),
        };
        self.record_refusal(&attempt, &name, outcome).await
    }

    async fn robot_of(&self, attempt: &Attempt<'_>, workload: &Workload) -> Result<Access, LoginError> {
        let rules = self.trust_rules_of(workload.issuer()).await;
        let rules = rules.map_err(|error| LoginError::Unavailable(error.into()))?;
        let Some(rule) = workload.matched(&rules, |usable| &usable.rule) else {
            return Err(refused("no trust rule matches"));
        };
        let Some(robot) = self.inner.metadata.read().await?.robot_by_id(rule.robot).await? else {
            return Err(refused("the robot is gone"));
        };
        check_robot(&robot, attempt.circumstances.now)?;
        let name = self.robot_name(&robot);
        self.record_login(attempt, &name, None, &Way::TrustRule(robot.id, rule.name.clone())).await;
        Ok(self.access_of_robot(&robot))
    }
}
