//! Listings: repositories, tags, referrers; all paged by key.

use longshore_auth::Action;
use longshore_metadata::{MetadataError, Page, ReferrerRecord};
use longshore_types::{Digest, RepositoryName, Tag};

use crate::{Call, Registry};

/// Why there is no list.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The caller may not.
    #[error("{action:?} on {repository} is not allowed")]
    Denied {
        /// What they wanted.
        action: Action,
        /// Where.
        repository: RepositoryName,
    },
    /// The caller may not read the catalog.
    #[error("reading the catalog is not allowed")]
    CatalogDenied,
    /// No such repository.
    #[error("no repository {0}")]
    NameUnknown(RepositoryName),
    /// The index failed.
    #[error("could not read the index")]
    Metadata(#[from] MetadataError),
}

/// A page of referrers.
pub type ReferrersPage = Page<ReferrerRecord>;

impl Registry {
    /// Repositories that the caller may pull from, by name, after `after`.
    pub async fn catalog(
        &self,
        _call: &Call,
        _after: Option<&str>,
        _limit: usize,
    ) -> Result<Page<RepositoryName>, ListError> {
        todo!()
    }

    /// Tags of a repository in byte order, after `after`.
    pub async fn tags(
        &self,
        _call: &Call,
        _repository: &RepositoryName,
        _after: Option<&str>,
        _limit: usize,
    ) -> Result<Page<Tag>, ListError> {
        todo!()
    }

    /// Manifests whose subject is `subject`, by digest, after `after`; also those that a client without the referrers
    /// API left under the fallback tag `<alg>-<hex>` (specification v1.1.1, "Referrers Tag Schema"). An unknown
    /// subject or repository has an empty list.
    pub async fn referrers(
        &self,
        _call: &Call,
        _repository: &RepositoryName,
        _subject: &Digest,
        _artifact_type: Option<&str>,
        _after: Option<&Digest>,
        _limit: usize,
    ) -> Result<ReferrersPage, ListError> {
        todo!()
    }
}
