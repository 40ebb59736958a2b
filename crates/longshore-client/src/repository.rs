//! One repository at a registry. What can be done with it is a file a subject: manifests, tags, blobs, referrers.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use longshore_types::{Reference, RepositoryName};

use crate::{ClientError, Registry, rules::Place};

/// A repository. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Repository {
    pub(crate) registry: Registry,
    pub(crate) name: RepositoryName,
    /// Asked first for content.
    mirrors: Arc<[Mirror]>,
}

/// A place that may have what the repository has.
#[derive(Debug)]
pub(crate) struct Mirror {
    place: Place,
    pub(crate) repository: Repository,
    /// It could not be reached, and is not asked again.
    is_down: AtomicBool,
}

impl Repository {
    pub(crate) fn new(registry: Registry, name: RepositoryName) -> Self {
        Self { registry, name, mirrors: Arc::new([]) }
    }

    /// The same, asked after others.
    pub(crate) fn behind(self, mirrors: Vec<(Place, Repository)>) -> Self {
        let mirror = |(place, repository)| Mirror { place, repository, is_down: AtomicBool::new(false) };
        Self { mirrors: mirrors.into_iter().map(mirror).collect(), ..self }
    }

    /// Where to ask before the repository itself: a mirror may lack anything, and what keeps it from answering is no reason
    /// not to go on.
    pub(crate) fn mirrors_for(&self, reference: &Reference) -> Vec<&Mirror> {
        let is_asked = |mirror: &&Mirror| {
            mirror.place.is_asked_for(reference) && !mirror.is_down.load(Ordering::Relaxed)
        };
        self.mirrors.iter().filter(is_asked).collect()
    }

    /// Its registry.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Its name.
    pub fn name(&self) -> &RepositoryName {
        &self.name
    }

    /// A path below `/v2/`. Names, tags and digests need no encoding.
    pub(crate) fn path(&self, rest: &str) -> String {
        format!("{}/{rest}", self.name)
    }

    pub(crate) fn manifest_path(&self, reference: &Reference) -> String {
        self.path(&format!("manifests/{reference}"))
    }
}

impl Mirror {
    /// What it gave, if it gave anything.
    pub(crate) fn gave<T>(&self, outcome: Result<T, ClientError>) -> Option<T> {
        match outcome {
            Ok(found) => Some(found),
            Err(error) => {
                let is_down = !matches!(error, ClientError::Refused(_));
                self.is_down.fetch_or(is_down, Ordering::Relaxed);
                tracing::debug!(mirror = %self.place.at, %error, "the mirror does not give it");
                None
            }
        }
    }
}
