//! A policy, and what it says of a request.

use std::fmt;

use cedar_policy::{Authorizer, Decision, PolicySet, Response, ValidationMode};
use longshore_auth::Question;
use miette::Diagnostic;

use crate::{
    PolicyProblem, PolicyProblems,
    bounds::{self, RULES_MAX},
    question,
    schema::OURS,
};

/// A policy.
#[derive(Clone)]
pub struct Policy {
    rules: PolicySet,
    text: String,
}

/// What a rule does where it applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It agrees.
    Permit,
    /// It refuses, whatever others say.
    Forbid,
}

impl Effect {
    /// `permit` or `forbid`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Permit => "permit",
            Self::Forbid => "forbid",
        }
    }
}

/// A rule of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its place among the rules, from 1 on.
    pub number: usize,
    /// What its `@id("…")` calls it.
    pub id: Option<String>,
    /// What it does.
    pub effect: Effect,
    /// The line that it begins in, from 1 on.
    pub line: usize,
    /// How it was written.
    pub text: String,
}

/// What a policy says of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Whether it agrees.
    pub agrees: bool,
    /// The rules that decided it: those that permit, or those that forbid. None where no rule applies.
    pub rules: Vec<Rule>,
    /// What went wrong. With an error it does not agree.
    pub errors: Vec<String>,
}

impl Answer {
    /// That of a policy that could not be asked.
    pub fn failed(error: String) -> Self {
        Self { agrees: false, rules: Vec::new(), errors: vec![error] }
    }
}

impl Policy {
    /// Reads a text that somebody wrote, and checks that all of it makes sense.
    ///
    /// # Errors
    /// What is wrong, and where.
    pub fn check(text: &str) -> Result<Self, PolicyProblems> {
        let policy = Self::read(text)?;
        let result = OURS.validator.validate(&policy.rules, ValidationMode::Strict);
        let errors: Vec<_> = result.validation_errors().map(|error| error as &dyn Diagnostic).collect();
        if !errors.is_empty() {
            return Err(PolicyProblems::of(text, errors));
        }
        // What Cedar warns of is a mistake for sure: rules that never apply, texts that look like others.
        let warnings: Vec<_> =
            result.validation_warnings().map(|warning| warning as &dyn Diagnostic).collect();
        if !warnings.is_empty() {
            return Err(PolicyProblems::of(text, warnings));
        }
        if !policy.rules.policies().any(|rule| rule.effect() == cedar_policy::Effect::Permit) {
            let message = "no rule permits anything: without one the policy never agrees";
            return Err(PolicyProblem::at(text, 0, message).into());
        }
        Ok(policy)
    }

    /// Reads a text that was checked when it was saved. What the schema does not know any more is found when it is asked,
    /// and then it does not agree.
    ///
    /// # Errors
    /// What is wrong, and where.
    pub fn read(text: &str) -> Result<Self, PolicyProblems> {
        bounds::check(text)?;
        let rules: PolicySet = text.parse().map_err(|errors: cedar_policy::ParseErrors| {
            PolicyProblems::of(text, errors.iter().map(|error| error as &dyn Diagnostic))
        })?;
        let (count, templates) = (rules.num_of_policies(), rules.num_of_templates());
        let refuse = |message: String| Err(PolicyProblem::at(text, 0, message).into());
        match (count, templates) {
            (_, 1..) => refuse("`?principal` and `?resource` cannot be filled in here".to_owned()),
            (0, 0) => refuse("there is no rule: expected `permit` or `forbid`".to_owned()),
            (RULES_MAX.., _) if count > RULES_MAX => {
                refuse(format!("there are {count} rules, {RULES_MAX} are the most"))
            }
            _ => Ok(Self { rules, text: text.to_owned() }),
        }
    }

    /// Whether it agrees.
    pub fn agrees(&self, question: &Question<'_>) -> bool {
        let Some(response) = self.ask(question) else { return false };
        response.decision() == Decision::Allow && response.diagnostics().errors().next().is_none()
    }

    /// Whether it agrees, and why.
    pub fn answer(&self, question: &Question<'_>) -> Answer {
        let Some(response) = self.ask(question) else {
            let error = "policies are asked about users and robots, and what there is in projects".to_owned();
            return Answer::failed(error);
        };
        let diagnostics = response.diagnostics();
        let errors: Vec<_> = diagnostics.errors().map(ToString::to_string).collect();
        let mut rules: Vec<_> = diagnostics.reason().filter_map(|id| self.rule(id)).collect();
        rules.sort_by_key(|rule| rule.number);
        Answer { agrees: response.decision() == Decision::Allow && errors.is_empty(), rules, errors }
    }

    fn ask(&self, question: &Question<'_>) -> Option<Response> {
        let (request, entities) = question::of(question)?;
        Some(Authorizer::new().is_authorized(&request, &self.rules, &entities))
    }

    fn rule(&self, id: &cedar_policy::PolicyId) -> Option<Rule> {
        let rule = self.rules.policy(id)?;
        let text = rule.to_string();
        let offset = self.text.find(&text).unwrap_or_default();
        // Cedar calls the rules of a text policy0, policy1 and so on.
        let number = id.to_string().strip_prefix("policy").and_then(|n| n.parse::<usize>().ok())?;
        Some(Rule {
            number: number + 1,
            id: rule.annotation("id").filter(|id| !id.is_empty()).map(str::to_owned),
            effect: match rule.effect() {
                cedar_policy::Effect::Permit => Effect::Permit,
                cedar_policy::Effect::Forbid => Effect::Forbid,
            },
            line: PolicyProblem::at(&self.text, offset, "").line,
            text,
        })
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Policy").field(&self.text).finish()
    }
}
