//! What would be decided, were somebody to ask: the same decision over the same rows, with circumstances that somebody
//! supposes.

use std::sync::Arc;

use longshore_auth::{
    Access, Action, Because, Circumstances, Condition, Decision, Grant, Permission, Question, Target, decide,
};
use longshore_metadata::ReadTx;
use longshore_policy::{Answer, Policy};
use longshore_types::{ProjectName, RepositoryName};

use super::{compiled::PolicyCondition, read};
use crate::{Accounts, FoundProject, ManageError, ProjectKey};

/// What a text is called that is not saved.
const UNSAVED: &str = "(this text)";

/// What somebody would do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doing {
    /// What asks for one permission.
    Permission(Permission),
    /// An action of the distribution API, which may ask for several.
    Action(Action),
}

/// What is supposed.
#[derive(Clone, Debug)]
pub struct Supposed {
    /// Who: the name of a user or a robot. None for nobody in particular.
    pub name: Option<String>,
    /// What they would do.
    pub doing: Doing,
    /// In which project; that of the repository if there is one.
    pub project: Option<ProjectName>,
    /// To which repository.
    pub repository: Option<RepositoryName>,
    /// How things would stand.
    pub circumstances: Circumstances,
    /// A policy that is not saved, as if it were the condition of everything that they were given.
    pub text: Option<String>,
}

/// A grant that decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimulatedGrant {
    /// Where it comes from, in words.
    pub origin: String,
    /// Where it holds, in words.
    pub scope: String,
    /// The repositories that it is limited to.
    pub repositories: Option<String>,
    /// The policy that it depends on.
    pub policy: Option<String>,
}

/// A policy that was asked, for a grant that would allow it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskedPolicy {
    /// Its name.
    pub policy: String,
    /// Where the grant comes from.
    pub grant: String,
    /// What it says.
    pub answer: Answer,
}

/// What would be decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Simulation {
    /// Whether it would be allowed.
    pub allowed: bool,
    /// Why, in words.
    pub because: String,
    /// The permission that decided: of several that are needed the first that is refused.
    pub permission: Permission,
    /// The grant that allows it, or that would but for its condition.
    pub grant: Option<SimulatedGrant>,
    /// The policies of all grants that would allow it.
    pub policies: Vec<AskedPolicy>,
}

impl Accounts {
    /// What would be decided.
    pub async fn simulate(&self, supposed: &Supposed) -> Result<Simulation, ManageError> {
        let text = supposed.text.as_deref().map(read).transpose()?;
        let access = self.supposed_access(supposed, text.as_ref()).await?;
        let project = self.supposed_project(supposed).await?;
        let target = Target {
            project: project.as_ref().map(FoundProject::view),
            repository: supposed.repository.as_ref(),
        };
        let permissions = match supposed.doing {
            Doing::Permission(permission) => permission.into(),
            Doing::Action(action) => action.permissions(),
        };
        let decide = |permission| decide(&access, &target, permission, &supposed.circumstances);
        let mut decisions = permissions.iter().map(|permission| (permission, decide(permission)));
        let last = permissions.iter().last().map(|permission| (permission, decide(permission)));
        let deciding = decisions.find(|(_, decision)| !decision.allowed).or(last);
        let (permission, decision) =
            deciding.ok_or_else(|| ManageError::Invalid("nothing is asked for".to_owned()))?;
        let circumstances = &supposed.circumstances;
        let question = Question { access: &access, target, permission, circumstances };
        let mut tx = self.inner.metadata.read().await?;
        Ok(Simulation {
            allowed: decision.allowed,
            because: decision.because.to_string(),
            permission,
            grant: deciding_grant(&decision).map(SimulatedGrant::of),
            policies: asked(&mut tx, &question, text.as_ref()).await?,
        })
    }

    async fn supposed_access(
        &self,
        supposed: &Supposed,
        text: Option<&Policy>,
    ) -> Result<Access, ManageError> {
        let mut access = self.access_of_bearer(supposed.name.as_deref(), supposed.circumstances.now).await?;
        if let Some(name) = &supposed.name
            && !access.principal.is_known()
        {
            return Err(ManageError::unknown("user or robot who may log in:", name));
        }
        if let Some(policy) = text {
            let condition: Arc<dyn Condition> =
                Arc::new(PolicyCondition::new(UNSAVED.to_owned(), Some(policy.clone())));
            for grant in &mut access.grants {
                grant.condition = Some(Arc::clone(&condition));
            }
        }
        Ok(access)
    }

    async fn supposed_project(&self, supposed: &Supposed) -> Result<Option<FoundProject>, ManageError> {
        match (&supposed.repository, &supposed.project) {
            (Some(repository), _) => {
                let found = self.project_of(repository).await?;
                found.map(Some).ok_or_else(|| ManageError::unknown("project of repository", repository))
            }
            (None, Some(name)) => {
                let found = self.find_project(&ProjectKey::Name(name.clone())).await?;
                found.map(Some).ok_or_else(|| ManageError::unknown("project", name))
            }
            (None, None) => Ok(None),
        }
    }
}

fn deciding_grant<'a>(decision: &Decision<'a>) -> Option<&'a Grant> {
    match &decision.because {
        Because::Granted(grant) | Because::Condition(grant) => Some(grant),
        Because::Public
        | Because::System(_)
        | Because::NotGranted
        | Because::RoleLacks(_)
        | Because::Ceiling
        | Because::Inconsistent => None,
    }
}

/// What the policies say of all grants that would allow it.
async fn asked(
    tx: &mut ReadTx,
    question: &Question<'_>,
    text: Option<&Policy>,
) -> Result<Vec<AskedPolicy>, ManageError> {
    let mut found = Vec::new();
    for grant in question.access.grants.iter().filter(|grant| grant.would_allow(question)) {
        let Some(condition) = &grant.condition else { continue };
        let saved = match text {
            Some(_) => None,
            None => tx.access_policy_named(condition.name()).await?,
        };
        let answer = match (text, saved.map(|record| Policy::read(&record.text))) {
            (Some(policy), _) => policy.answer(question),
            (None, Some(Ok(policy))) => policy.answer(question),
            (None, Some(Err(problems))) => Answer::failed(problems.to_string()),
            (None, None) => Answer::failed("there is no such policy".to_owned()),
        };
        let (policy, grant) = (condition.name().to_owned(), grant.origin.to_string());
        found.push(AskedPolicy { policy, grant, answer });
    }
    Ok(found)
}

impl SimulatedGrant {
    fn of(grant: &Grant) -> Self {
        Self {
            origin: grant.origin.to_string(),
            scope: grant.scope.to_string(),
            repositories: grant.repositories.as_ref().map(ToString::to_string),
            policy: grant.condition.as_ref().map(|condition| condition.name().to_owned()),
        }
    }
}
