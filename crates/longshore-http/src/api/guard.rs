//! Who calls, and which project is meant: what the management API asks before a handler begins.

use std::error::Error;

use futures_util::{FutureExt as _, TryFutureExt as _, future::BoxFuture};
use longshore_accounts::Accounts;
pub use longshore_accounts::{Credentials, Csrf, FoundProject, LoginError, ProjectKey};
use longshore_auth::{Access, Circumstances};
use longshore_types::RepositoryName;

/// Answers these questions; [`Accounts`] does.
pub trait Guard: Send + Sync {
    /// Who sends these credentials, and what they may do. Nobody in particular for [`Credentials::None`] and for a session
    /// that has ended.
    fn authenticate<'a>(
        &'a self,
        credentials: &'a Credentials,
        circumstances: &'a Circumstances,
        request_id: &'a str,
    ) -> BoxFuture<'a, Result<Access, LoginError>>;

    /// The project of that name or number, whoever asks; none if there is none.
    fn project<'a>(
        &'a self,
        key: &'a ProjectKey,
    ) -> BoxFuture<'a, Result<Option<FoundProject>, Box<dyn Error + Send + Sync>>>;

    /// Whether a repository of that name has something in it, whoever asks.
    fn is_listed<'a>(
        &'a self,
        repository: &'a RepositoryName,
    ) -> BoxFuture<'a, Result<bool, Box<dyn Error + Send + Sync>>>;
}

impl Guard for Accounts {
    fn authenticate<'a>(
        &'a self,
        credentials: &'a Credentials,
        circumstances: &'a Circumstances,
        request_id: &'a str,
    ) -> BoxFuture<'a, Result<Access, LoginError>> {
        self.login(credentials, circumstances, request_id).boxed()
    }

    fn project<'a>(
        &'a self,
        key: &'a ProjectKey,
    ) -> BoxFuture<'a, Result<Option<FoundProject>, Box<dyn Error + Send + Sync>>> {
        self.find_project(key).map_err(Into::into).boxed()
    }

    fn is_listed<'a>(
        &'a self,
        repository: &'a RepositoryName,
    ) -> BoxFuture<'a, Result<bool, Box<dyn Error + Send + Sync>>> {
        self.is_listed(repository).map_err(Into::into).boxed()
    }
}
