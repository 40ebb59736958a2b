//! One repository at a registry. What can be done with it is a file a subject: manifests, tags, blobs, referrers.

use longshore_types::{Reference, RepositoryName};

use crate::Registry;

/// A repository. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Repository {
    pub(crate) registry: Registry,
    pub(crate) name: RepositoryName,
}

impl Repository {
    pub(crate) fn new(registry: Registry, name: RepositoryName) -> Self {
        Self { registry, name }
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
