//! Work beside the requests: collection by interval, or at least giving up uploads.

use std::{
    hash::{BuildHasher as _, Hasher as _, RandomState},
    time::{Duration, SystemTime},
};

use longshore_accounts::{Accounts, Collection, ManageError};
use longshore_registry::{Collected, Registry};
use longshore_types::{Timestamp, error_chain};
use tokio::{sync::watch, time::sleep};

use crate::config::Config;

/// The moment, for everything below that must not read a clock.
pub(crate) fn now() -> Timestamp {
    SystemTime::now().into()
}

/// A moment as RFC 3339 has it, to the millisecond.
pub(crate) fn timestamp(at: Timestamp) -> String {
    let moment = jiff::Timestamp::from_millisecond(at.unix_millis()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    format!("{moment:.3}")
}

/// How much is collected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// Whatever is due.
    All,
    /// Uploads that stand still: what distribution does in the background.
    Uploads,
}

impl Extent {
    /// What a configuration asks for, if anything.
    pub(crate) fn of(config: &Config) -> Option<Self> {
        if config.storage.readonly {
            None
        } else if config.collection.enabled {
            Some(Self::All)
        } else {
            config.storage.uploads_expire_after.map(|_| Self::Uploads)
        }
    }
}

/// Collects until the server ends. A run under way is finished first.
pub(crate) async fn collect(
    registry: Registry,
    extent: Extent,
    interval: Duration,
    mut stopping: watch::Receiver<bool>,
) {
    loop {
        tokio::select! {
            // A sleep may be dropped.
            () = sleep(jittered(interval)) => {}
            _ = stopping.wait_for(|stopping| *stopping) => return,
        }
        // An administrator may have said so meanwhile.
        if registry.is_read_only() {
            continue;
        }
        let found = |found: &Collected| {
            let repository = found.repository.as_ref().map(tracing::field::display);
            tracing::debug!(
                which = found.which,
                repository,
                freed_bytes = found.freed_bytes,
                why = found.why,
                "collected {}",
                found.what
            );
        };
        let collected = match extent {
            Extent::All => registry.collect(now(), false, &found).await,
            Extent::Uploads => registry.expire_uploads(now(), &found).await,
        };
        match collected {
            Ok(report) if report.reviewed + report.uploads > 0 => tracing::info!(
                reviewed = report.reviewed,
                manifests = report.manifests,
                links = report.links,
                blobs = report.blobs,
                uploads = report.uploads,
                freed_bytes = report.freed_bytes,
                "collected"
            ),
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(error = %error_chain(&error), "collection failed and will be tried again")
            }
        }
    }
}

/// How often it is looked whether somebody asked for collection; a look is one read of an index.
const ASKED_LOOK_EVERY: Duration = Duration::from_secs(1);

/// Collects whenever an administrator asks for it, until the server ends.
pub(crate) async fn collect_on_request(
    accounts: Accounts,
    registry: Registry,
    mut stopping: watch::Receiver<bool>,
) {
    loop {
        tokio::select! {
            // A sleep may be dropped.
            () = sleep(ASKED_LOOK_EVERY) => {}
            _ = stopping.wait_for(|stopping| *stopping) => return,
        }
        if registry.is_read_only() {
            continue;
        }
        if let Err(error) = collect_if_asked(&accounts, &registry).await {
            tracing::warn!(error = %error_chain(&error), "collection that was asked for failed and will be tried again");
        }
    }
}

async fn collect_if_asked(accounts: &Accounts, registry: &Registry) -> Result<(), ManageError> {
    let Some(run) = accounts.take_collection(now()).await? else { return Ok(()) };
    tracing::info!(by = run.by, "collecting, as was asked for");
    let outcome = match registry.collect(now(), false, &|_| ()).await {
        Ok(report) => Ok(Collection {
            reviewed: report.reviewed,
            manifests: report.manifests,
            links: report.links,
            blobs: report.blobs,
            uploads: report.uploads,
            freed_bytes: report.freed_bytes,
        }),
        Err(error) => {
            tracing::warn!(error = %error_chain(&error), "collection failed");
            Err("the queues could not be read; the log says why".to_owned())
        }
    };
    accounts.finish_collection(run, outcome, now()).await
}

/// A tenth more or less, so that replicas do not keep step.
pub(crate) fn jittered(interval: Duration) -> Duration {
    // The standard library's hasher begins with a random number of its own.
    let random = RandomState::new().build_hasher().finish() % 1000;
    interval.mul_f64(0.9 + f64::from(u32::try_from(random).unwrap_or_default()) / 5000.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Sources;

    #[test]
    fn uploads_are_given_up_also_where_nothing_else_is_collected() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.yml");
        let check = |maintenance: &str, enabled: bool, wanted: Option<Extent>| {
            let storage = format!("storage: {{filesystem: , maintenance: {{{maintenance}}}}}");
            std::fs::write(&file, format!("{storage}\ncollection: {{enabled: {enabled}}}\n")).unwrap();
            let loaded = Sources { file: Some(&file), ..Sources::default() }.load().unwrap();
            assert_eq!(Extent::of(&loaded.config), wanted, "{maintenance} {enabled}");
        };
        check("", true, Some(Extent::All));
        check("", false, Some(Extent::Uploads));
        check("uploadpurging: {enabled: false}", true, Some(Extent::All));
        check("uploadpurging: {enabled: false}", false, None);
        check("readonly: {enabled: true}", true, None);
        check("readonly: {enabled: true}", false, None);
    }

    #[test]
    fn jitter_stays_within_a_tenth() {
        for _ in 0..1000 {
            let jittered = jittered(Duration::from_secs(100));
            assert!((Duration::from_secs(90)..=Duration::from_secs(110)).contains(&jittered), "{jittered:?}");
        }
    }
}
