//! Rate limits at the edge: who is counted as what, and who hears of those that came too often.
//!
//! Who brings no credentials is counted by their address before anything is done for them; everybody else once it is
//! known who they are, and by their address if that cannot be known. What they asked for is done afterwards.

use std::{net::IpAddr, sync::Arc, time::SystemTime};

use http::{HeaderMap, HeaderName, HeaderValue, header};
use longshore_auth::{Caller, CallerKind, Limited, Principal, Pulls, RateLimiter, Source};
use longshore_types::{RepositoryName, Timestamp};

use crate::{
    Metrics,
    admission::{Admitted, Asked},
    endpoint::Endpoint,
    error::ApiError,
    proxies::Origin,
};

const LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const SOURCE: HeaderName = HeaderName::from_static("docker-ratelimit-source");

/// Where requests are counted.
pub(crate) struct Gate {
    limiter: Option<Arc<RateLimiter>>,
    metrics: Arc<Metrics>,
}

/// Where a request comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Visit {
    pub(crate) address: Option<IpAddr>,
    pub(crate) now: Timestamp,
    /// Whether nothing came with it that could say who it is.
    pub(crate) is_strange: bool,
}

impl Gate {
    pub(crate) fn new(limiter: Option<Arc<RateLimiter>>, metrics: Arc<Metrics>) -> Self {
        Self { limiter, metrics }
    }

    /// Counts who brought no credentials. To be asked before anything else is done.
    pub(crate) fn before(&self, visit: Visit) -> Result<(), Limited> {
        if !visit.is_strange {
            return Ok(());
        }
        self.count(|limiter| limiter.request(Source::Address(visit.address), visit.now))
    }

    /// Counts who brought credentials, once it is known whose these are; `None` if they were not good.
    pub(crate) fn after(&self, visit: Visit, principal: Option<&Principal>) -> Result<(), Limited> {
        let kind = principal.map_or_else(CallerKind::default, CallerKind::of);
        self.after_as(visit, principal.and_then(Principal::name), kind)
    }

    /// The same, where that much is known of who they are.
    pub(crate) fn after_as(&self, visit: Visit, name: Option<&str>, kind: CallerKind) -> Result<(), Limited> {
        if visit.is_strange && name.is_none() {
            return Ok(());
        }
        let Some(source) = Source::of(name, kind, visit.address) else { return Ok(()) };
        self.count(|limiter| limiter.request(source, visit.now))
    }

    /// Counts a pull of a manifest if it `is_pull`; else only says what is left.
    pub(crate) fn pull(
        &self,
        (caller, address): (&Caller, Option<IpAddr>),
        repository: &RepositoryName,
        is_pull: bool,
        now: Timestamp,
    ) -> Result<Option<Pulls>, Limited> {
        let Some(source) = Source::of_caller(caller, address) else { return Ok(None) };
        self.count(|limiter| match is_pull {
            true => limiter.pull(source, repository, now),
            false => Ok(limiter.pulls_left(source, repository, now)),
        })
    }

    /// Before the distribution API finds out who asks. The first question of clients is how to log in: who may log in must
    /// not be kept from it by others at their address, and its answer costs nothing.
    pub(crate) fn before_admission(&self, asked: &Asked<'_>) -> Result<(), Limited> {
        if *asked.endpoint == Endpoint::Base { Ok(()) } else { self.before(Visit::of(asked)) }
    }

    /// When the distribution API knows who asks.
    pub(crate) fn after_admission(
        &self,
        asked: &Asked<'_>,
        admitted: Result<Admitted, ApiError>,
    ) -> Result<Admitted, ApiError> {
        let visit = Visit::of(asked);
        let Admitted { caller, .. } = match &admitted {
            Ok(admitted) => admitted,
            Err(_) => {
                self.after(visit, None)?;
                return admitted;
            }
        };
        self.after_as(visit, caller.name.as_deref(), caller.kind)?;
        // Only of those who may do something there: others could keep everybody out.
        if let Some(repository) = asked.endpoint.repository()
            && caller.reaches(repository)
            && Source::of_caller(caller, visit.address).is_some()
        {
            self.count(|limiter| limiter.request_to(repository, visit.now))?;
        }
        admitted
    }

    fn count<T: Default>(
        &self,
        count: impl FnOnce(&RateLimiter) -> Result<T, Limited>,
    ) -> Result<T, Limited> {
        let Some(limiter) = &self.limiter else { return Ok(T::default()) };
        let counted = count(limiter);
        if let Err(limited) = &counted {
            self.tell(limited);
        }
        counted
    }

    /// Every refusal is counted; the log has one line a minute for each source.
    fn tell(&self, limited: &Limited) {
        let (kind, limit) =
            (limited.kind.as_str(), if limited.pulls.is_some() { "pulls" } else { "requests" });
        self.metrics.rate_limited(kind, limit);
        if limited.is_news {
            let (source, retry_after_seconds) = (limited.source.as_str(), limited.retry_after.seconds());
            tracing::warn!(kind, limit, source, retry_after_seconds, "{limited}");
        }
    }
}

impl Visit {
    fn of(asked: &Asked<'_>) -> Self {
        let is_strange =
            !asked.head.headers.contains_key(header::AUTHORIZATION) && asked.origin.certificate.is_none();
        Self { address: asked.origin.client, now: asked.now, is_strange }
    }

    /// Where a session may say who somebody is.
    pub(crate) fn of_head(headers: &HeaderMap, origin: &Origin, now: Timestamp) -> Self {
        let said = [header::AUTHORIZATION, header::COOKIE].iter().any(|name| headers.contains_key(name));
        Self { address: origin.client, now, is_strange: !said && origin.certificate.is_none() }
    }

    /// Where somebody is about to say who they are.
    pub(crate) fn of_form(origin: &Origin) -> Self {
        Self { address: origin.client, now: Timestamp::from(SystemTime::now()), is_strange: true }
    }
}

/// What Docker Hub says of pulls, in its headers.
pub(crate) fn headers(pulls: &Pulls) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
    let values = [
        (LIMIT, HeaderValue::try_from(pulls.limit.to_string())),
        (REMAINING, HeaderValue::try_from(pulls.remaining.to_string())),
        // Names may have other letters than ASCII's; none has control characters.
        (SOURCE, HeaderValue::from_bytes(pulls.source.as_bytes())),
    ];
    values.into_iter().filter_map(|(name, value)| Some((name, value.ok()?)))
}
