//! Policies in the form in which they are asked. Whoever reads a membership reads the revision of its policy with it, so
//! that what is kept here is of that revision or is made anew: a change counts at once, whichever replica made it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use longshore_auth::{Condition, Question};
use longshore_metadata::{AccessPolicyRecord, MetadataError, PolicyVersion, ReadTx};
use longshore_policy::Policy;

/// Most policies kept. Those that were removed are forgotten when there are so many.
const KEPT_MAX: usize = 1000;

/// The policies of the index that were needed so far.
#[derive(Debug, Default)]
pub(crate) struct CompiledPolicies {
    known: Mutex<HashMap<i64, (i64, Arc<PolicyCondition>)>>,
}

/// A policy as the condition of a grant.
#[derive(Debug)]
pub(super) struct PolicyCondition {
    name: String,
    /// None for one that is gone, or that this version does not understand: it never agrees.
    policy: Option<Policy>,
}

impl PolicyCondition {
    pub(super) fn new(name: String, policy: Option<Policy>) -> Self {
        Self { name, policy }
    }

    fn of(record: AccessPolicyRecord) -> Self {
        let policy = Policy::read(&record.text).inspect_err(|problems| {
            tracing::error!(policy = record.name, %problems, "a policy that is not understood never agrees");
        });
        Self { name: record.name, policy: policy.ok() }
    }
}

impl Condition for PolicyCondition {
    fn name(&self) -> &str {
        &self.name
    }

    fn holds(&self, question: &Question<'_>) -> bool {
        self.policy.as_ref().is_some_and(|policy| policy.agrees(question))
    }
}

impl CompiledPolicies {
    /// The policy in that revision, as a condition.
    pub(crate) async fn condition(
        &self,
        tx: &mut ReadTx,
        version: PolicyVersion,
    ) -> Result<Arc<dyn Condition>, MetadataError> {
        if let Some((revision, condition)) = self.lock().get(&version.id)
            && *revision == version.revision
        {
            return Ok(Arc::clone(condition) as Arc<dyn Condition>);
        }
        let Some(record) = tx.access_policy(version.id).await? else {
            return Ok(Arc::new(PolicyCondition::new(format!("policy {}", version.id), None)));
        };
        let found = record.version;
        let condition = Arc::new(PolicyCondition::of(record));
        let mut known = self.lock();
        if known.len() >= KEPT_MAX {
            known.clear();
        }
        known.insert(found.id, (found.revision, Arc::clone(&condition)));
        Ok(condition)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<i64, (i64, Arc<PolicyCondition>)>> {
        // Nothing that panics happens under the lock; were it so, the map would still be whole.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
