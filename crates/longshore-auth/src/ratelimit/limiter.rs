//! Who came how often lately. Kept in memory, for each process its own.

use std::{
    borrow::Borrow,
    collections::HashMap,
    fmt,
    hash::{BuildHasher as _, Hash, RandomState},
    net::{IpAddr, Ipv6Addr},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use arc_swap::ArcSwap;
use longshore_types::{ProjectName, RepositoryName, Timestamp};

use super::{LimitKind, Limited, PullLimit, PullWindow, Pulls, RateLimit, RetryAfter, TokenBucket};
use crate::{Caller, CallerKind, generations::Generations};

/// Most addresses remembered, and as many users, robots and projects each: some ten megabytes of either when all are
/// there. Who came longest ago is forgotten, and begins anew.
const SOURCES_MAX: usize = 65_536;
/// Parts of the memory with a lock each, so that requests seldom meet.
const PARTS: usize = 16;
/// How often the log is told of one source.
const NEWS_EVERY: Duration = Duration::from_secs(60);

/// Something for each kind of source.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct BySource<T> {
    /// For an address, without a login.
    pub address: T,
    /// For a user.
    pub user: T,
    /// For a robot.
    pub robot: T,
    /// For a project, whoever calls.
    pub project: T,
}

/// What an operator may set. From `rate_limits`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RateLimitSettings {
    /// Requests a second; no limit if not given. From `rate_limits.requests`.
    pub requests: BySource<Option<u32>>,
    /// How much comes in this time may come at once. From `rate_limits.requests.burst`.
    pub burst: Duration,
    /// Pulls in a window; no limit if not given. From `rate_limits.pulls`.
    pub pulls: BySource<Option<u32>>,
    /// From `rate_limits.pulls.window`.
    pub window: Duration,
}

impl Default for RateLimitSettings {
    fn default() -> Self {
        Self {
            requests: BySource::default(),
            burst: Duration::from_secs(10),
            pulls: BySource::default(),
            window: Duration::from_secs(6 * 3600),
        }
    }
}

/// What a project says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnLimit {
    /// No limit, whatever holds for others.
    Unlimited,
    /// So many, one at least.
    AtMost(u32),
}

/// The limits of one project.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProjectLimit {
    /// Requests a second.
    pub requests: Option<OwnLimit>,
    /// Pulls in a window.
    pub pulls: Option<OwnLimit>,
}

/// The projects that have limits of their own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProjectLimits(HashMap<Box<str>, ProjectLimit>);

impl FromIterator<(ProjectName, ProjectLimit)> for ProjectLimits {
    fn from_iter<I: IntoIterator<Item = (ProjectName, ProjectLimit)>>(limits: I) -> Self {
        Self(limits.into_iter().map(|(name, limit)| (name.as_str().into(), limit)).collect())
    }
}

/// Who calls, as far as it is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source<'a> {
    /// Somebody without a login. All who come by a unix socket are one.
    Address(Option<IpAddr>),
    /// A user.
    User(&'a str),
    /// A robot.
    Robot(&'a str),
}

impl<'a> Source<'a> {
    /// `None` for system administrators: they are not counted.
    pub fn of(name: Option<&'a str>, kind: CallerKind, address: Option<IpAddr>) -> Option<Self> {
        match (name, kind) {
            (None, _) => Some(Self::Address(address)),
            (Some(name), CallerKind::Person) => Some(Self::User(name)),
            (Some(name), CallerKind::Robot) => Some(Self::Robot(name)),
            (Some(_), CallerKind::Administrator) => None,
        }
    }

    /// The same for a caller.
    pub fn of_caller(caller: &'a Caller, address: Option<IpAddr>) -> Option<Self> {
        Self::of(caller.name.as_deref(), caller.kind, address)
    }
}

/// Whose bucket and window.
#[derive(Clone, Copy)]
enum Whose<'a> {
    Address(u128),
    User(&'a str),
    Robot(&'a str),
    Project(&'a str),
}

impl<'a> From<Source<'a>> for Whose<'a> {
    fn from(source: Source<'a>) -> Self {
        match source {
            Source::Address(address) => Self::Address(address.map_or(0, network)),
            Source::User(name) => Self::User(name),
            Source::Robot(name) => Self::Robot(name),
        }
    }
}

/// What one customer of a network has: an address of IPv4, or 64 bits of IPv6.
fn network(address: IpAddr) -> u128 {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits() & !u128::from(u64::MAX),
    }
}

impl Whose<'_> {
    fn kind(self) -> LimitKind {
        match self {
            Self::Address(_) => LimitKind::Address,
            Self::User(_) => LimitKind::User,
            Self::Robot(_) => LimitKind::Robot,
            Self::Project(_) => LimitKind::Project,
        }
    }
}

impl fmt::Display for Whose<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Address(0) => f.write_str("unix"),
            Self::Address(bits) => match IpAddr::V6(Ipv6Addr::from_bits(bits)).to_canonical() {
                IpAddr::V4(address) => address.fmt(f),
                IpAddr::V6(network) => write!(f, "{network}/64"),
            },
            Self::User(name) | Self::Robot(name) | Self::Project(name) => f.write_str(name),
        }
    }
}

/// What is known of one source.
#[derive(Debug, Default)]
struct Count {
    bucket: Option<TokenBucket>,
    window: Option<PullWindow>,
    told_at: Option<Timestamp>,
}

impl Count {
    fn is_news(&mut self, now: Timestamp) -> bool {
        let told = self.told_at.is_some_and(|told| now < told.after(NEWS_EVERY));
        if !told {
            self.told_at = Some(now);
        }
        !told
    }
}

/// A key that can be made from what is asked for.
trait Key<Q: ?Sized>: Borrow<Q> {
    fn of(asked: &Q) -> Self;
}

impl Key<u128> for u128 {
    fn of(asked: &u128) -> Self {
        *asked
    }
}

impl Key<str> for Box<str> {
    fn of(asked: &str) -> Self {
        asked.into()
    }
}

/// The sources of one kind.
struct Counts<K> {
    hasher: RandomState,
    parts: [Mutex<Generations<K, Count>>; PARTS],
}

impl<K: Eq + Hash> Counts<K> {
    fn new() -> Self {
        let part = |_| Mutex::new(Generations::new(SOURCES_MAX / PARTS));
        Self { hasher: RandomState::new(), parts: std::array::from_fn(part) }
    }

    fn with<Q, R>(&self, key: &Q, act: impl FnOnce(&mut Count) -> R) -> R
    where
        K: Key<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let nth = self.hasher.hash_one(key) % PARTS as u64;
        let part = &self.parts[usize::try_from(nth).unwrap_or_default()];
        // Nothing that panics happens under the lock; were it so, the map would still be whole.
        let mut part = part.lock().unwrap_or_else(PoisonError::into_inner);
        if part.get_mut(key).is_none() {
            part.insert(K::of(key), Count::default());
        }
        act(part.get_mut(key).expect("it was put there"))
    }
}

/// Counts requests and pulls of everybody, in bounded memory.
pub struct RateLimiter {
    settings: RateLimitSettings,
    own: ArcSwap<ProjectLimits>,
    addresses: Counts<u128>,
    users: Counts<Box<str>>,
    robots: Counts<Box<str>>,
    projects: Counts<Box<str>>,
}

impl fmt::Debug for RateLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimiter").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl RateLimiter {
    /// Nobody came yet.
    pub fn new(settings: RateLimitSettings) -> Self {
        let (addresses, users, robots, projects) =
            (Counts::new(), Counts::new(), Counts::new(), Counts::new());
        Self { settings, own: ArcSwap::default(), addresses, users, robots, projects }
    }

    /// From now on these projects have limits of their own, and no others.
    pub fn set_project_limits(&self, limits: ProjectLimits) {
        if **self.own.load() != limits {
            self.own.store(limits.into());
        }
    }

    /// Counts a request.
    ///
    /// # Errors
    /// When there were too many.
    pub fn request(&self, source: Source<'_>, now: Timestamp) -> Result<(), Limited> {
        let limits = &self.settings.requests;
        let limit = match source {
            Source::Address(_) => limits.address,
            Source::User(_) => limits.user,
            Source::Robot(_) => limits.robot,
        };
        limit.map_or(Ok(()), |limit| self.take_request(source.into(), limit, now))
    }

    /// Counts a request for its repository's project. Only of those who may do something there: others would learn that
    /// it is there, and could keep everybody else out.
    ///
    /// # Errors
    /// When there were too many.
    pub fn request_to(&self, repository: &RepositoryName, now: Timestamp) -> Result<(), Limited> {
        let limit = self.project_limit(repository, self.settings.requests.project, |own| own.requests);
        limit.map_or(Ok(()), |(project, limit)| self.take_request(Whose::Project(project), limit, now))
    }

    /// Counts a pull, and says how many are left where there is a limit: the nearest of several.
    ///
    /// # Errors
    /// When there were too many. Nothing was counted.
    pub fn pull(
        &self,
        source: Source<'_>,
        repository: &RepositoryName,
        now: Timestamp,
    ) -> Result<Option<Pulls>, Limited> {
        let whose = Whose::from(source);
        let of_source = match self.pull_limit(source) {
            Some(limit) => Some(self.take_pull(whose, &limit, now)?),
            None => None,
        };
        let Some((project, limit)) = self.project_pull_limit(repository) else { return Ok(of_source) };
        match self.take_pull(Whose::Project(project), &limit, now) {
            Ok(of_project) => Ok(Some(fewer(of_source, of_project))),
            Err(limited) => {
                if of_source.is_some() {
                    self.count(whose, |count| count.window.as_mut().map(PullWindow::give_back));
                }
                Err(limited)
            }
        }
    }

    /// How many pulls are left, where there is a limit; counts nothing.
    pub fn pulls_left(
        &self,
        source: Source<'_>,
        repository: &RepositoryName,
        now: Timestamp,
    ) -> Option<Pulls> {
        let of_source = self.pull_limit(source).map(|limit| self.left(source.into(), &limit, now));
        let of_project = self
            .project_pull_limit(repository)
            .map(|(project, limit)| self.left(Whose::Project(project), &limit, now));
        match of_project {
            Some(of_project) => Some(fewer(of_source, of_project)),
            None => of_source,
        }
    }

    fn take_request(&self, whose: Whose<'_>, limit: u32, now: Timestamp) -> Result<(), Limited> {
        let limit = RateLimit::per_second(limit, self.settings.burst);
        let refused = self.count(whose, |count| {
            let bucket = count.bucket.get_or_insert_with(|| TokenBucket::full(&limit, now));
            let retry_after = bucket.take(&limit, now, 1).err()?;
            Some((retry_after, count.is_news(now)))
        });
        refused.map_or(Ok(()), |refused| Err(limited(whose, refused, None)))
    }

    fn take_pull(&self, whose: Whose<'_>, limit: &PullLimit, now: Timestamp) -> Result<Pulls, Limited> {
        let (taken, remaining) = self.count(whose, |count| {
            let window = count.window.get_or_insert_with(|| PullWindow::new(now));
            let taken = window.take(limit, now);
            let remaining = window.remaining(limit, now);
            (taken.map_err(|retry_after| (retry_after, count.is_news(now))), remaining)
        });
        let pulls = Pulls { limit: limit.header(), remaining, source: whose.to_string() };
        match taken {
            Ok(_) => Ok(pulls),
            Err(refused) => Err(limited(whose, refused, Some(pulls))),
        }
    }

    fn left(&self, whose: Whose<'_>, limit: &PullLimit, now: Timestamp) -> Pulls {
        let remaining = self
            .count(whose, |count| count.window.map_or(limit.header(), |window| window.remaining(limit, now)));
        Pulls { limit: limit.header(), remaining, source: whose.to_string() }
    }

    fn count<R>(&self, whose: Whose<'_>, act: impl FnOnce(&mut Count) -> R) -> R {
        match whose {
            Whose::Address(network) => self.addresses.with(&network, act),
            Whose::User(name) => self.users.with(name, act),
            Whose::Robot(name) => self.robots.with(name, act),
            Whose::Project(name) => self.projects.with(name, act),
        }
    }

    fn pull_limit(&self, source: Source<'_>) -> Option<PullLimit> {
        let limits = &self.settings.pulls;
        let pulls = match source {
            Source::Address(_) => limits.address,
            Source::User(_) => limits.user,
            Source::Robot(_) => limits.robot,
        };
        pulls.map(|pulls| PullLimit { pulls, window: self.settings.window })
    }

    fn project_pull_limit<'r>(&self, repository: &'r RepositoryName) -> Option<(&'r str, PullLimit)> {
        let (project, pulls) =
            self.project_limit(repository, self.settings.pulls.project, |own| own.pulls)?;
        Some((project, PullLimit { pulls, window: self.settings.window }))
    }

    /// The limit nearest to the repository, and the project that it is of, with all in it: the deepest that says
    /// something, else the one of the top level, for which the configuration speaks.
    fn project_limit<'r>(
        &self,
        repository: &'r RepositoryName,
        default: Option<u32>,
        said: impl Fn(&ProjectLimit) -> Option<OwnLimit>,
    ) -> Option<(&'r str, u32)> {
        let own = self.own.load();
        if own.0.is_empty() && default.is_none() {
            return None;
        }
        let (mut project, _) = repository.as_str().rsplit_once('/').unwrap_or((LIBRARY, ""));
        loop {
            match own.0.get(project).and_then(&said) {
                Some(OwnLimit::AtMost(limit)) => return Some((project, limit)),
                Some(OwnLimit::Unlimited) => return None,
                None => {}
            }
            match project.rsplit_once('/') {
                Some((outer, _)) => project = outer,
                None => return default.map(|limit| (project, limit)),
            }
        }
    }
}

/// The project of repositories without one.
const LIBRARY: &str = "library";

fn fewer(of_source: Option<Pulls>, of_project: Pulls) -> Pulls {
    match of_source {
        Some(of_source) if of_source.remaining.pulls <= of_project.remaining.pulls => of_source,
        _ => of_project,
    }
}

fn limited(whose: Whose<'_>, (retry_after, is_news): (RetryAfter, bool), pulls: Option<Pulls>) -> Limited {
    Limited { kind: whose.kind(), source: whose.to_string(), retry_after, pulls, is_news }
}

#[cfg(test)]
mod tests;
