//! Is this caller let through to the handler? Asked of every request, by what its row of the table says.

use http::HeaderMap;
use longshore_auth::{Access, Circumstances, Permission, Principal, Question, Target, decide_with};
use longshore_types::RepositoryName;

use super::{
    Api, credentials,
    guard::{FoundProject, LoginError},
    problem::ApiProblem,
    request::{PathValues, is_name},
    route::{Needs, Route},
};

/// What the path means, as far as the route asks for rights there.
#[derive(Debug, Default)]
pub(crate) struct Place {
    pub(crate) project: Option<FoundProject>,
    pub(crate) repository: Option<RepositoryName>,
}

/// Whether somebody was let through, and who it was in either case.
pub(crate) struct Admission {
    /// The caller's name, for the log.
    pub(crate) caller: Option<String>,
    pub(crate) outcome: Result<(Access, Place), ApiProblem>,
}

/// A question in the words of the route's table.
struct Asked<'a> {
    access: &'a Access,
    circumstances: &'a Circumstances,
}

impl Api {
    /// Finds out who calls, and whether they may.
    pub(crate) async fn admit(
        &self,
        route: &Route,
        headers: &HeaderMap,
        path: &PathValues,
        circumstances: &Circumstances,
    ) -> Admission {
        let access = match route.needs {
            Needs::Nobody => Access::anonymous(),
            _ => match self.authenticate(route, headers, circumstances).await {
                Ok(access) => access,
                Err(problem) => return Admission { caller: None, outcome: Err(problem) },
            },
        };
        let caller = access.principal.name().map(str::to_owned);
        let asked = Asked { access: &access, circumstances };
        let outcome = match self.place(route, headers, path, &asked).await {
            Ok(place) => Ok((access, place)),
            Err(problem) => Err(problem),
        };
        Admission { caller, outcome }
    }

    async fn authenticate(
        &self,
        route: &Route,
        headers: &HeaderMap,
        circumstances: &Circumstances,
    ) -> Result<Access, ApiProblem> {
        let credentials = credentials::read(headers, route.verb.is_safe()).ok_or_else(|| {
            credentials::unauthorized(headers).because("Authorization cannot be understood")
        })?;
        self.guard.authenticate(&credentials, circumstances).await.map_err(|error| match error {
            LoginError::Refused(_) => credentials::unauthorized(headers).because(error),
            LoginError::Csrf => ApiProblem::forbidden("CSRF token invalid or missing"),
            LoginError::TooMany { retry_after } => {
                ApiProblem::too_many_requests("too many logins, try again later", retry_after)
            }
            LoginError::Unavailable(_) => ApiProblem::unavailable(error),
        })
    }

    async fn place(
        &self,
        route: &Route,
        headers: &HeaderMap,
        path: &PathValues,
        asked: &Asked<'_>,
    ) -> Result<Place, ApiProblem> {
        let known = asked.access.principal.is_known();
        let allowed = match route.needs {
            Needs::Nobody | Needs::Anybody => true,
            Needs::SignedIn | Needs::Handler(_) => known,
            Needs::System(permission) => self.allows(asked, Target::SYSTEM, permission),
            Needs::Own(permission) => {
                is_own(&asked.access.principal, path) || self.allows(asked, Target::SYSTEM, permission)
            }
            Needs::Project(permission) => return self.project_place(permission, headers, path, asked).await,
        };
        match (allowed, known) {
            (true, _) => Ok(Place::default()),
            (false, true) => Err(ApiProblem::forbidden("forbidden")),
            (false, false) => Err(credentials::unauthorized(headers)),
        }
    }

    /// Who may not know of a project gets the answer for one that is not there: without a login 401 for both, with one 404.
    async fn project_place(
        &self,
        permission: Permission,
        headers: &HeaderMap,
        path: &PathValues,
        asked: &Asked<'_>,
    ) -> Result<Place, ApiProblem> {
        let named = path.project(is_name(headers));
        let project = match &named {
            Some(key) => self.guard.project(key).await.map_err(ApiProblem::unavailable)?,
            None => None,
        };
        let refused = |problem: ApiProblem| {
            if asked.access.principal.is_known() { problem } else { credentials::unauthorized(headers) }
        };
        let unknown = || refused(ApiProblem::project_not_found(path.project_text()));
        let Some(project) = project else { return Err(unknown()) };
        let itself = Target::project(&project.name, project.public);
        let repository = path.repository(&project.name);
        let allowed = match &repository {
            Some(Ok(repository)) => {
                let target = Target::repository(&project.name, project.public, repository);
                self.allows(asked, target, permission)
            }
            Some(Err(_)) | None => self.allows(asked, itself, permission),
        };
        if !allowed {
            let may_know = self.allows(asked, itself, Permission::PROJECT_READ);
            return Err(if may_know { refused(ApiProblem::forbidden("forbidden")) } else { unknown() });
        }
        match repository.transpose() {
            Ok(repository) => Ok(Place { project: Some(project), repository }),
            Err(name) => Err(ApiProblem::not_found(format!("repository {name} not found"))),
        }
    }

    fn allows(&self, asked: &Asked<'_>, target: Target<'_>, permission: Permission) -> bool {
        let Asked { access, circumstances } = *asked;
        decide_with(&Question { access, target, permission, circumstances }, self.guard.conditions()).allowed
    }
}

/// Whether the path's `{user_id}` is the caller.
fn is_own(principal: &Principal, path: &PathValues) -> bool {
    match principal {
        Principal::User { id, .. } => path.id("user_id").is_ok_and(|named| named == *id),
        Principal::Anonymous | Principal::Robot { .. } => false,
    }
}
