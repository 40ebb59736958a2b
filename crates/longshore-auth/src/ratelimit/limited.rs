//! What somebody is told who came too often, and what is left to who did not.

use std::{fmt, time::Duration};

use super::{InWindow, RetryAfter};

/// By what somebody is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LimitKind {
    /// The address that they call from, without a login.
    Address,
    /// The user.
    User,
    /// The robot.
    Robot,
    /// The project that they call for.
    Project,
}

impl LimitKind {
    /// `address`, `user`, `robot` or `project`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::User => "user",
            Self::Robot => "robot",
            Self::Project => "project",
        }
    }
}

/// The pulls of a source: what Docker Hub says in headers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pulls {
    /// `ratelimit-limit`.
    pub limit: InWindow,
    /// `ratelimit-remaining`.
    pub remaining: InWindow,
    /// `docker-ratelimit-source`: the address, the name, or the project.
    pub source: String,
}

/// Somebody came too often. Its text is for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limited {
    /// By what.
    pub kind: LimitKind,
    /// By which: an address or a name.
    pub source: String,
    /// How long to wait.
    pub retry_after: RetryAfter,
    /// Their pulls, if these are too many; else requests are.
    pub pulls: Option<Pulls>,
    /// Whether nobody was told of this source in the last minute, so that the log should be.
    pub is_news: bool,
}

impl fmt::Display for Limited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (of, source) = (if self.kind == LimitKind::Project { "project " } else { "" }, &self.source);
        match &self.pulls {
            Some(Pulls { limit, .. }) => {
                let InWindow { pulls, window } = limit;
                write!(f, "the limit of {pulls} pulls in {} is reached for {of}{source}", InWords(*window))?;
            }
            None => write!(f, "too many requests for {of}{source}")?,
        }
        write!(f, ", try again in {}", InWords(Duration::from_secs(self.retry_after.seconds())))
    }
}

impl std::error::Error for Limited {}

/// A time span for people, rounded up.
struct InWords(Duration);

impl fmt::Display for InWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let (count, unit) = match seconds {
            0..120 => (seconds, "second"),
            120..7200 => (seconds.div_ceil(60), "minute"),
            _ => (seconds.div_ceil(3600), "hour"),
        };
        write!(f, "{count} {unit}{}", if count == 1 { "" } else { "s" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_read_who_is_limited_and_for_how_long() {
        let check = |kind, retry_after: u64, window: Option<u64>, wanted: &str| {
            let in_window = |pulls, window| InWindow { pulls, window: Duration::from_secs(window) };
            let pulls = window.map(|window| Pulls {
                limit: in_window(100, window),
                remaining: in_window(0, window),
                source: "x".to_owned(),
            });
            let retry_after = RetryAfter(Duration::from_secs(retry_after));
            let limited = Limited { kind, source: "x".to_owned(), retry_after, pulls, is_news: true };
            assert_eq!(limited.to_string(), wanted);
        };
        check(LimitKind::Address, 1, None, "too many requests for x, try again in 1 second");
        check(
            LimitKind::User,
            5000,
            Some(21_600),
            "the limit of 100 pulls in 6 hours is reached for x, try again in 84 minutes",
        );
        check(
            LimitKind::Project,
            7201,
            Some(90),
            "the limit of 100 pulls in 90 seconds is reached for project x, try again in 3 hours",
        );
    }
}
