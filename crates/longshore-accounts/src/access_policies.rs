//! Policies that grants may depend on: administrators write them, members of projects are given roles on their condition.

mod compiled;
mod simulation;

use longshore_metadata::{AccessPolicyRecord, NewAccessPolicy, ReadTx};
use longshore_policy::Policy;

pub(crate) use self::compiled::CompiledPolicies;
pub use self::simulation::{AskedPolicy, Doing, SimulatedGrant, Simulation, Supposed};
use crate::{Accounts, Act, ManageError, retry::retry_on_conflict, roles::is_name};

/// Most policies. Each that is used stays in memory, ready to be asked.
const POLICIES_MAX: u64 = 500;
/// Longest description, in bytes.
const DESCRIPTION_BYTES_MAX: usize = 1024;
/// How many members a refusal names that a policy is used by.
const USES_NAMED: usize = 5;

/// What a policy is to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyPlan {
    /// What people call it, and members' conditions name it by.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// What it says, in Cedar's language.
    pub text: String,
}

impl Accounts {
    /// Policies as they were made, part of them, and how many there are.
    pub async fn access_policies(
        &self,
        skip: usize,
        limit: usize,
    ) -> Result<(Vec<AccessPolicyRecord>, u64), ManageError> {
        let mut tx = self.inner.metadata.read().await?;
        let total = tx.access_policies_count().await?;
        Ok((tx.access_policies_page(skip, limit).await?, total))
    }

    /// The policy of that number.
    pub async fn access_policy(&self, id: i64) -> Result<AccessPolicyRecord, ManageError> {
        let mut tx = self.inner.metadata.read().await?;
        known(&mut tx, id).await
    }

    /// Makes a policy. Returns its number.
    pub async fn create_access_policy(&self, act: &Act, plan: &PolicyPlan) -> Result<i64, ManageError> {
        let new = checked(plan)?;
        retry_on_conflict(async || {
            let mut tx = self.inner.metadata.write().await?;
            if tx.access_policies_count().await? >= POLICIES_MAX {
                let message = format!("there are {POLICIES_MAX} policies, which is the most");
                return Err(ManageError::Precondition(message));
            }
            let Some(id) = tx.insert_access_policy(&new, act.circumstances.now).await? else {
                return Err(taken(&plan.name));
            };
            let resource = ("access_policy", plan.name.as_str());
            act.record(&mut tx, "create_access_policy", resource, None, &detail(plan)).await?;
            tx.commit().await?;
            Ok(id)
        })
        .await
    }

    /// Has a policy say something else. That counts for the next request, also of those who have a token.
    pub async fn update_access_policy(
        &self,
        act: &Act,
        id: i64,
        plan: &PolicyPlan,
    ) -> Result<(), ManageError> {
        let new = checked(plan)?;
        retry_on_conflict(async || {
            let mut tx = self.inner.metadata.write().await?;
            known(&mut tx, id).await?;
            if tx.access_policy_named(&plan.name).await?.is_some_and(|other| other.version.id != id) {
                return Err(taken(&plan.name));
            }
            tx.update_access_policy(id, &new, act.circumstances.now).await?;
            let resource = ("access_policy", plan.name.as_str());
            act.record(&mut tx, "update_access_policy", resource, None, &detail(plan)).await?;
            Ok(tx.commit().await?)
        })
        .await
    }

    /// Removes a policy that nothing depends on.
    pub async fn delete_access_policy(&self, act: &Act, id: i64) -> Result<(), ManageError> {
        retry_on_conflict(async || {
            let mut tx = self.inner.metadata.write().await?;
            // Whoever gives it to a member at this moment waits, and then finds it gone.
            tx.lock_access_policy(id).await?;
            let policy = known(&mut tx, id).await?;
            let uses = tx.access_policy_uses(id, USES_NAMED + 1).await?;
            if !uses.is_empty() {
                let mut named: Vec<_> =
                    uses.iter().map(|used| format!("{} in {}", used.member, used.project)).collect();
                if named.len() > USES_NAMED {
                    named.truncate(USES_NAMED);
                    named.push("others".to_owned());
                }
                let message = format!("policy {} is the condition of {}", policy.name, named.join(", "));
                return Err(ManageError::Precondition(message));
            }
            tx.delete_access_policy(id).await?;
            act.record(&mut tx, "delete_access_policy", ("access_policy", &policy.name), None, "").await?;
            Ok(tx.commit().await?)
        })
        .await
    }
}

fn checked(plan: &PolicyPlan) -> Result<NewAccessPolicy<'_>, ManageError> {
    if !is_name(&plan.name) {
        return Err(ManageError::Invalid("name must have 1 to 64 characters".to_owned()));
    }
    if plan.description.len() > DESCRIPTION_BYTES_MAX {
        let message = format!("description has more than {DESCRIPTION_BYTES_MAX} bytes");
        return Err(ManageError::Invalid(message));
    }
    read(&plan.text)?;
    Ok(NewAccessPolicy { name: &plan.name, description: &plan.description, text: &plan.text })
}

/// A policy that somebody wrote.
fn read(text: &str) -> Result<Policy, ManageError> {
    Policy::check(text).map_err(|problems| ManageError::Invalid(format!("text: {problems}")))
}

async fn known(tx: &mut ReadTx, id: i64) -> Result<AccessPolicyRecord, ManageError> {
    tx.access_policy(id).await?.ok_or_else(|| ManageError::unknown("access policy", id))
}

fn taken(name: &str) -> ManageError {
    ManageError::Conflict(format!("there is a policy {name} already"))
}

fn detail(plan: &PolicyPlan) -> String {
    serde_json::json!({ "text": plan.text }).to_string()
}
