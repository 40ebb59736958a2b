//! Can this server do its work? Storage and index are really tried, but not for every probe.

use std::time::Duration;

use longshore_registry::{Health, Registry};
use tokio::{sync::Mutex, time::Instant};

/// How long an answer holds: probes must not become a load.
const FRESH: Duration = Duration::from_secs(1);
/// A part that takes longer does not work.
const CHECK_TIMEOUT: Duration = Duration::from_secs(5);

/// The last answer.
#[derive(Default)]
pub(crate) struct Readiness(Mutex<Option<(Instant, Health)>>);

impl Readiness {
    /// Whether the registry works; else what does not, for operators.
    pub(crate) async fn check(&self, registry: &Registry) -> Result<(), String> {
        self.health(registry).await.overall().map_err(str::to_owned)
    }

    /// The same of each part.
    pub(crate) async fn health(&self, registry: &Registry) -> Health {
        // Probes that come meanwhile wait here for the one answer.
        let mut last = self.0.lock().await;
        match &*last {
            Some((at, answer)) if at.elapsed() < FRESH => answer.clone(),
            _ => {
                let answer = registry.check(CHECK_TIMEOUT).await;
                *last = Some((Instant::now(), answer.clone()));
                answer
            }
        }
    }
}
