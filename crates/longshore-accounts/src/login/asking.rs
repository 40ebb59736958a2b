//! Sources that are asked: not by everybody at once, and with a memory of whether they answered.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use longshore_identity::{PasswordSource, SourceError};
use tokio::{sync::Semaphore, time::Instant};

use crate::{Accounts, LoginError};

/// Most requests that wait for one source: local users and other sources have nothing to do with those.
const ASKING_MAX: usize = 128;
/// How often a source that did not answer is asked, while somebody wants to know, whether it answers again.
const TRY_EVERY: Duration = Duration::from_secs(5);

/// What is known of the sources, by their names.
#[derive(Debug, Default)]
pub(super) struct Asking {
    sources: Mutex<HashMap<String, Asked>>,
}

#[derive(Debug)]
struct Asked {
    places: Arc<Semaphore>,
    /// Since when it does not answer, and when it was last tried.
    silent: Option<Instant>,
}

impl Default for Asked {
    fn default() -> Self {
        Self { places: Arc::new(Semaphore::new(ASKING_MAX)), silent: None }
    }
}

impl Asking {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Asked>> {
        // Nothing that panics happens under the lock.
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When a source did not answer last, if it did not since.
    fn silent(&self, source: &str) -> Option<Instant> {
        self.lock().get(source)?.silent
    }

    fn heard(&self, source: &str, answers: bool) {
        let silent = (!answers).then(Instant::now);
        self.lock().entry(source.to_owned()).or_default().silent = silent;
    }
}

impl Accounts {
    /// What a source answers. Who was waiting since before it last failed to answer is not made to wait for it again: one
    /// after the other they would for a long time.
    pub(super) async fn ask<T>(
        &self,
        source: &dyn PasswordSource,
        since: Instant,
        question: impl Future<Output = Result<T, SourceError>>,
    ) -> Result<T, SourceError> {
        let (asking, name) = (&self.inner.logins.asking, source.name());
        if asking.silent(name).is_some_and(|silent| since < silent) {
            return Err(SourceError::Unavailable("it did not answer a moment ago".into()));
        }
        let places = Arc::clone(&asking.lock().entry(name.to_owned()).or_default().places);
        let Ok(_place) = places.try_acquire_owned() else {
            return Err(SourceError::Unavailable("too many wait for it".into()));
        };
        let answer = question.await;
        let answers = !matches!(answer, Err(SourceError::Unavailable(_)));
        if !answers {
            tracing::warn!(source = name, "a source of identity cannot be asked");
        }
        asking.heard(name, answers);
        answer
    }

    /// Whether a source was heard to answer nothing, a moment ago.
    pub(super) fn is_silent(&self, source: &str) -> bool {
        let silent = self.inner.logins.asking.silent(source);
        silent.is_some_and(|silent| silent.elapsed() < TRY_EVERY)
    }

    /// A wrong password, as it is answered while a source does not answer: that source's users get no better answer than
    /// "not now" then, and nor must others, or everybody could tell who is one of them.
    pub(super) async fn hide_who_is_local<T>(
        &self,
        name: &str,
        outcome: Result<T, LoginError>,
    ) -> Result<T, LoginError> {
        if !matches!(outcome, Err(LoginError::Refused(_))) {
            return outcome;
        }
        for source in &self.inner.sources {
            let Some(silent) = self.inner.logins.asking.silent(source.name()) else { continue };
            if silent.elapsed() >= TRY_EVERY {
                let _ = self.ask(&**source, Instant::now(), source.look_up(name)).await;
            }
            if self.inner.logins.asking.silent(source.name()).is_some() {
                let error = SourceError::Unavailable("nobody is refused while it does not answer".into());
                return Err(LoginError::Unavailable(error.into()));
            }
        }
        outcome
    }
}
