//! Calls of the API inside the process: the pages ask as the person who looks at them. What the table asks of a caller holds
//! here too.

use bytes::Bytes;
use http::{HeaderMap, Response};
use http_body_util::BodyExt as _;
use longshore_accounts::SessionId;
use longshore_auth::{Access, Circumstances};

use super::{
    Api, no_such_path, pattern,
    request::{ApiBody, ApiRequest, PathValues, QueryValues, RawTarget},
    route::{ROOT, Reply, Verb},
    router::{self, NoRoute},
};
use crate::{
    api::problem::ApiProblem,
    body::{ResponseBody, SendError},
    refusals::RefusedRequest,
};

/// Somebody whose credentials were looked at.
pub(crate) struct Known {
    /// Who, and what they may do.
    pub(crate) access: Access,
    /// The session by which they are logged in, if it is one.
    pub(crate) session: Option<SessionId>,
    /// When, and from where.
    pub(crate) circumstances: Circumstances,
}

/// A call for somebody who is known.
pub(crate) struct InnerCall<'a> {
    pub(crate) verb: Verb,
    /// Path and query below [`ROOT`].
    pub(crate) target: &'a str,
    pub(crate) body: Bytes,
    /// The request that it is made for; what is refused is recorded as its refusal, if it is meant.
    pub(crate) within: RefusedRequest<'a>,
    pub(crate) is_meant: bool,
}

impl Api {
    /// Answers it.
    pub(crate) async fn call_within(&self, known: &Known, call: InnerCall<'_>) -> Response<ResponseBody> {
        let (path, query) = match call.target.split_once('?') {
            Some((path, query)) => (format!("{ROOT}{path}"), Some(query.to_owned())),
            None => (format!("{ROOT}{}", call.target), None),
        };
        let (verb, within, is_meant) = (call.verb, call.within, call.is_meant);
        let raw = RawTarget { path, query };
        match self.call_known(known, verb, raw.clone(), call.body, &within).await {
            Ok(response) => response.into_response(),
            Err(problem) => {
                if let (Some(place), true, true) = (problem.refused_in(), within.actor.is_some(), is_meant) {
                    within.note_call(verb.as_str(), &raw.path, place, problem.reason());
                }
                if let Some(cause) = problem.cause() {
                    tracing::debug!(
                        path = raw.path,
                        request_id = within.request_id.to_string(),
                        cause,
                        "a page's call failed"
                    );
                }
                problem.into_response()
            }
        }
    }

    async fn call_known(
        &self,
        known: &Known,
        verb: Verb,
        raw: RawTarget,
        body: Bytes,
        within: &RefusedRequest<'_>,
    ) -> Reply {
        let segments = raw.path.strip_prefix(ROOT).and_then(pattern::segments).ok_or_else(no_such_path)?;
        let route = match router::find(self.table, Some(verb), &segments) {
            Ok((_, route)) => route,
            Err(NoRoute::Unknown) => return Err(no_such_path()),
            Err(NoRoute::Method { allowed, .. }) => return Err(ApiProblem::method_not_allowed(&allowed)),
        };
        let path = PathValues(pattern::values(route.pattern(), &segments)?);
        let circumstances = Circumstances { tag: path.tag(), ..known.circumstances.clone() };
        let place = self.admit_known(route, &path, (&known.access, &circumstances)).await?;
        let project = place.project.as_ref().map(|project| project.record.name.clone());
        let query = QueryValues::parse(route, raw.query.as_deref())?;
        let request = ApiRequest {
            route,
            headers: HeaderMap::new(),
            path,
            query,
            access: known.access.clone(),
            session: known.session.clone(),
            circumstances,
            request_id: within.request_id.to_string(),
            project: place.project,
            repository: place.repository,
            body: if body.is_empty() { ApiBody::Empty } else { ApiBody::Ready(body) },
            raw: raw.clone(),
        };
        (route.handler)(self, request).await.map_err(|problem| problem.within(project.as_ref()))
    }
}

/// The whole body of an answer.
pub(crate) async fn whole(body: ResponseBody) -> Result<Bytes, SendError> {
    Ok(body.collect().await?.to_bytes())
}
