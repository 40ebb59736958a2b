//! Refusals on their way to the audit record: what was refused, in the words of the record. Who sends no credentials at all and
//! is asked for them is not refused yet: clients begin so.

use std::net::IpAddr;

use longshore_accounts::{Accounts, Refused, RefusedIn};
use longshore_auth::{Action, AuthError, Caller, Circumstances, Scope};
use longshore_types::{Digest, Reference, RepositoryName, Timestamp, error_chain};

use crate::{
    endpoint::{Endpoint, UploadStart},
    request_id::RequestId,
};

/// A request that is refused.
#[derive(Clone, Copy)]
pub(crate) struct RefusedRequest<'a> {
    pub(crate) accounts: &'a Accounts,
    /// Who asks, if that is known.
    pub(crate) actor: Option<&'a str>,
    pub(crate) address: Option<IpAddr>,
    pub(crate) now: Timestamp,
    pub(crate) request_id: &'a RequestId,
}

/// Operation, kind of thing, and which one.
type What = (&'static str, &'static str, String);

impl RefusedRequest<'_> {
    fn note(&self, (operation, resource_type, resource): What, place: RefusedIn, reason: String) {
        let actor = self.actor.map(str::to_owned);
        let refused = Refused { actor, operation, resource_type, resource, place, reason };
        let circumstances = Circumstances { address: self.address, ..Circumstances::at(self.now) };
        self.accounts.note_refusal(refused, &circumstances, &self.request_id.to_string());
    }

    /// A request of the distribution API.
    pub(crate) fn note_endpoint(&self, endpoint: &Endpoint, reason: &str) {
        let place =
            endpoint.repository().map_or(RefusedIn::System, |name| RefusedIn::Repository(name.clone()));
        self.note(of_endpoint(endpoint), place, reason.to_owned());
    }

    /// A mount from a repository that the caller may not pull from: the push goes on, and must send the bytes.
    pub(crate) fn note_mount(&self, endpoint: &Endpoint, caller: &Caller) {
        let Endpoint::StartUpload { repository, start: UploadStart::Mount { digest, from: Some(from) } } =
            endpoint
        else {
            return;
        };
        if caller.may(Action::Push, repository) && !caller.may(Action::Pull, from) {
            let what = ("mount_blob", "blob", by_digest(from, digest));
            self.note(what, RefusedIn::Repository(from.clone()), format!("not allowed: for {repository}"));
        }
    }

    /// A token that nobody here made, or that is no longer good.
    pub(crate) fn note_token(&self, error: &AuthError) {
        let reason = format!("token of the registry: {}", error_chain(error));
        self.note(("login_user", "user", String::new()), RefusedIn::System, reason);
    }

    /// What was asked of the token service, and is not in the token at all.
    pub(crate) fn note_scopes(&self, asked: &[Scope], granted: &[Scope]) {
        for scope in asked {
            let Scope::Repository { repository, .. } = scope else { continue };
            let has = |scope: &Scope| matches!(scope, Scope::Repository { repository: has, .. } if has == repository);
            if !granted.iter().any(has) {
                let place = RefusedIn::Repository(repository.clone());
                self.note(
                    ("create_token", "token", scope.to_string()),
                    place,
                    "nothing is allowed".to_owned(),
                );
            }
        }
    }

    /// A request of the management API.
    pub(crate) fn note_call(&self, method: &str, path: &str, place: RefusedIn, reason: String) {
        self.note(("call_api", "api", format!("{method} {path}")), place, reason);
    }
}

fn of_endpoint(endpoint: &Endpoint) -> What {
    use Endpoint as E;
    match endpoint {
        E::Base => ("login_user", "user", String::new()),
        E::Catalog { .. } => ("list_repository", "repository", String::new()),
        E::Tags { repository, .. } => ("list_tag", "tag", repository.to_string()),
        E::Referrers { repository, subject, .. } => {
            ("list_artifact", "artifact", by_digest(repository, subject))
        }
        E::PullManifest { repository, reference } => {
            ("pull_artifact", "artifact", by_reference(repository, reference))
        }
        E::PushManifest { repository, reference, .. } => {
            ("create_artifact", "artifact", by_reference(repository, reference))
        }
        E::DeleteManifest { repository, reference: reference @ Reference::Tag(_) } => {
            ("delete_tag", "tag", by_reference(repository, reference))
        }
        E::DeleteManifest { repository, reference } => {
            ("delete_artifact", "artifact", by_reference(repository, reference))
        }
        E::PullBlob { repository, digest } => ("pull_blob", "blob", by_digest(repository, digest)),
        E::DeleteBlob { repository, digest } => ("delete_blob", "blob", by_digest(repository, digest)),
        E::FinishUpload { repository, digest, .. }
        | E::StartUpload {
            repository,
            start: UploadStart::Whole(digest) | UploadStart::Mount { digest, .. },
        } => ("create_blob", "blob", by_digest(repository, digest)),
        E::StartUpload { repository, start: UploadStart::Session(_) }
        | E::UploadStatus { repository, .. }
        | E::AppendUpload { repository, .. }
        | E::CancelUpload { repository, .. } => ("create_blob", "blob", repository.to_string()),
    }
}

fn by_digest(repository: &RepositoryName, digest: &Digest) -> String {
    format!("{repository}@{digest}")
}

fn by_reference(repository: &RepositoryName, reference: &Reference) -> String {
    match reference {
        Reference::Tag(tag) => format!("{repository}:{tag}"),
        Reference::Digest(digest) => by_digest(repository, digest),
    }
}
