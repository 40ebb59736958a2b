//! Is this caller let through to the handler? Asked of every request, by what its row of the table says.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue};
use longshore_accounts::{ManageError, RefusedIn, SessionId, learns_what_is_missing, may_lie_deeper};
use longshore_auth::{
    Access, CallerKind, Circumstances, Permission, Principal, Reach, Target, decide, reach,
};
use longshore_types::RepositoryName;

use super::{
    Api, credentials,
    guard::{Credentials, FoundProject, ProjectKey},
    problem::ApiProblem,
    request::{PathValues, X_IS_RESOURCE_NAME as IS_RESOURCE_NAME, is_name},
    route::{Needs, Route},
};
use crate::proxies::Origin;

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
    /// What they are.
    pub(crate) kind: CallerKind,
    /// The session by which they are logged in, if it is one.
    pub(crate) session: Option<SessionId>,
    pub(crate) outcome: Result<(Access, Place), ApiProblem>,
}

/// A question in the words of the route's table.
struct Asked<'a> {
    access: &'a Access,
    circumstances: &'a Circumstances,
    /// As if conditions held: see [`Route::tag_in_body`].
    conditions_later: bool,
}

impl Api {
    /// Finds out who calls, and whether they may.
    pub(crate) async fn admit(
        &self,
        route: &Route,
        headers: &HeaderMap,
        path: &PathValues,
        origin: &Origin,
        circumstances: &Circumstances,
        request_id: &str,
    ) -> Admission {
        let credentials = match route.needs {
            Needs::Nobody => Some(Credentials::None),
            _ => credentials::read(headers, self.cookies(origin), route.verb.is_safe()).map(|read| {
                // What the request says itself comes before what its connection says.
                match (read, &origin.certificate) {
                    (Credentials::None, Some(chain)) => Credentials::Certificate(Arc::clone(chain)),
                    (read, _) => read,
                }
            }),
        };
        let access = match self.authenticate(credentials.as_ref(), headers, circumstances, request_id).await {
            Ok(access) => access,
            Err(problem) => {
                let kind = CallerKind::default();
                return Admission { caller: None, kind, session: None, outcome: Err(problem) };
            }
        };
        let caller = access.principal.name().map(str::to_owned);
        let kind = CallerKind::of(&access.principal);
        let session = match &credentials {
            Some(Credentials::Session { id, .. }) if access.principal.is_known() => SessionId::parse(id),
            _ => None,
        };
        let asked = Asked { access: &access, circumstances, conditions_later: route.tag_in_body };
        let outcome = match self.place(route, headers, path, &asked).await {
            Ok(place) => Ok((access, place)),
            Err(problem) => Err(problem),
        };
        Admission { caller, kind, session, outcome }
    }

    /// Whether somebody who is known may call a route.
    pub(crate) async fn admit_known(
        &self,
        route: &Route,
        path: &PathValues,
        known: (&Access, &Circumstances),
    ) -> Result<Place, ApiProblem> {
        // Pages name projects by their names alone, whatever these look like.
        let headers = HeaderMap::from_iter([(IS_RESOURCE_NAME, HeaderValue::from_static("true"))]);
        let asked = Asked { access: known.0, circumstances: known.1, conditions_later: route.tag_in_body };
        self.place(route, &headers, path, &asked).await
    }

    async fn authenticate(
        &self,
        credentials: Option<&Credentials>,
        headers: &HeaderMap,
        circumstances: &Circumstances,
        request_id: &str,
    ) -> Result<Access, ApiProblem> {
        let credentials = credentials.ok_or_else(|| {
            credentials::unauthorized(headers).because("Authorization cannot be understood")
        })?;
        let authenticated = self.guard.authenticate(credentials, circumstances, request_id).await;
        authenticated.map_err(|error| credentials::refusal(error, headers))
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
            (false, true) => Err(match route.needs {
                Needs::System(permission) | Needs::Own(permission) => ManageError::lacks(permission).into(),
                _ => ApiProblem::forbidden("you may not do this"),
            }),
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
        let Some(mut project) = project else { return Err(unknown()) };
        let repository = path.repository(&project.record.name);
        let mut passed_over = false;
        if let Some(Ok(repository)) = &repository {
            (project, passed_over) = self.inner_project(project, repository, permission, asked).await?;
        }
        let name = &project.record.name;
        let itself = project.target();
        let allowed = match &repository {
            Some(Ok(repository)) => {
                let target = Target::repository(name, project.public, repository);
                self.allows(asked, target, permission)
            }
            Some(Err(_)) => self.allows(asked, itself, permission),
            None => self.allows(asked, itself, permission) || self.lists_some(asked, &project, permission),
        };
        if !allowed {
            let may_know = self.allows(asked, itself, Permission::PROJECT_READ);
            let problem = if may_know { refused(ManageError::lacks(permission).into()) } else { unknown() };
            return Err(problem.refusing(RefusedIn::Project(name.clone())));
        }
        if let Some(Ok(repository)) = &repository
            && !self.shows(&project, passed_over, repository, permission, asked).await?
        {
            let problem = ApiProblem::repository_not_found(repository);
            let hidden = RefusedIn::Repository(repository.clone());
            return Err(if passed_over { problem.refusing(hidden) } else { problem });
        }
        match repository.transpose() {
            Ok(repository) => Ok(Place { project: Some(project), repository }),
            Err(name) => Err(ApiProblem::not_found(format!("repository {name} not found"))),
        }
    }

    /// The project that a repository belongs to: `outer`, or the innermost one in it that the caller may know of, because
    /// clients that know nothing of nested projects take the first part of a name for the project. And whether the
    /// repository belongs to one further in, which is passed over as if it were not there.
    async fn inner_project(
        &self,
        outer: FoundProject,
        repository: &RepositoryName,
        permission: Permission,
        asked: &Asked<'_>,
    ) -> Result<(FoundProject, bool), ApiProblem> {
        let mut passed_over = false;
        for name in repository.possible_projects() {
            if name == outer.record.name || !outer.record.name.covers(&name) {
                break;
            }
            let found = self.guard.project(&ProjectKey::Name(name)).await.map_err(ApiProblem::unavailable)?;
            match found {
                Some(inner) if self.may_know(&inner, repository, permission, asked) => {
                    return Ok((inner, passed_over));
                }
                Some(_) => passed_over = true,
                None => {}
            }
        }
        Ok((outer, passed_over))
    }

    /// Whether the caller may know of the project, or of the repository in it.
    fn may_know(
        &self,
        project: &FoundProject,
        repository: &RepositoryName,
        permission: Permission,
        asked: &Asked<'_>,
    ) -> bool {
        let within = Target::repository(&project.record.name, project.public, repository);
        self.allows(asked, project.target(), Permission::PROJECT_READ)
            || [permission, Permission::REPOSITORY_PULL, Permission::REPOSITORY_LIST]
                .into_iter()
                .any(|permission| self.allows(asked, within, permission))
    }

    /// Whether the caller may learn what there is under the name of a repository. Where it may belong to a project that
    /// is hidden from them, a repository must show there: else one that is not there could be told from one that is hidden.
    async fn shows(
        &self,
        project: &FoundProject,
        passed_over: bool,
        repository: &RepositoryName,
        permission: Permission,
        asked: &Asked<'_>,
    ) -> Result<bool, ApiProblem> {
        if !may_lie_deeper(repository, &project.record.name) {
            return Ok(true);
        }
        let listed = self.guard.is_listed(repository).await.map_err(ApiProblem::unavailable)?;
        let target = Target::repository(&project.record.name, project.public, repository);
        Ok(!passed_over && (listed || learns_what_is_missing(asked.access, &target, permission)))
    }

    /// Whether the caller asks to list the repositories of a project that they may read, where they have some: the listing
    /// has no others.
    fn lists_some(&self, asked: &Asked<'_>, project: &FoundProject, permission: Permission) -> bool {
        permission == Permission::REPOSITORY_LIST
            && self.allows(asked, project.target(), Permission::PROJECT_READ)
            && asked
                .access
                .limited_within(&project.record.name, permission)
                .any(|grant| grant.repositories.is_some())
    }

    fn allows(&self, asked: &Asked<'_>, target: Target<'_>, permission: Permission) -> bool {
        if asked.conditions_later {
            return reach(asked.access, &target, permission) != Reach::Never;
        }
        if target.repository.is_none() && asked.circumstances.tag.is_some() {
            // The tag is nothing of the project's, which is there whichever it is.
            let circumstances = Circumstances { tag: None, ..asked.circumstances.clone() };
            return decide(asked.access, &target, permission, &circumstances).allowed;
        }
        decide(asked.access, &target, permission, asked.circumstances).allowed
    }
}

/// Whether the path's `{user_id}` is the caller.
fn is_own(principal: &Principal, path: &PathValues) -> bool {
    match principal {
        Principal::User { id, .. } => path.id("user_id").is_ok_and(|named| named == *id),
        Principal::Anonymous | Principal::Robot { .. } => false,
    }
}
