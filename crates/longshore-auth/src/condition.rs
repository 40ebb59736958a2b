//! What a grant may depend on.

use std::fmt;

use crate::Question;

/// What must hold as well for a grant to count. It travels with the grant, so that whoever decides asks it, and nobody can
/// forget to.
pub trait Condition: fmt::Debug + Send + Sync {
    /// What people call it. No two that are different have the same name.
    fn name(&self) -> &str;

    /// Whether it holds for what is asked. It must say no where it cannot tell.
    fn holds(&self, question: &Question<'_>) -> bool;
}

impl PartialEq for dyn Condition {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for dyn Condition {}

/// How decisions take conditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Conditions {
    /// They are asked.
    Asked,
    /// As if each held.
    Met,
    /// As if none held.
    Unmet,
}

impl Conditions {
    pub(crate) fn hold(self, condition: &dyn Condition, question: &Question<'_>) -> bool {
        match self {
            Self::Asked => condition.holds(question),
            Self::Met => true,
            Self::Unmet => false,
        }
    }
}
