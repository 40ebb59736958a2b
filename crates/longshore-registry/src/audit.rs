//! Rows of the audit record about what repositories hold: of changes in the transaction of the change, of pulls beside
//! them (`pull_rows`). Logins, refusals and what is managed are recorded by those who decide them.

use std::sync::atomic::Ordering;

use longshore_metadata::{MetadataError, NewAuditEvent, WriteTx};
use longshore_types::{Digest, RepositoryName, Tag, Timestamp};
use serde_json::{Value, json};

use crate::{Call, Registry, pull_rows::Pull};

/// Who does what nobody logged in for.
const ANONYMOUS: &str = "anonymous";

/// What was done, in Harbor's words where it has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    /// A manifest was pushed.
    CreateArtifact,
    /// A manifest was pulled.
    PullArtifact,
    /// A manifest was deleted with its tags.
    DeleteArtifact,
    /// A deleted manifest came back.
    RestoreArtifact,
    /// Collection took a manifest for good.
    PurgeArtifact,
    /// A further tag was pushed with a manifest.
    CreateTag,
    /// A tag was deleted alone.
    DeleteTag,
    /// A deleted tag came back.
    RestoreTag,
    /// A blob was taken out of a repository.
    DeleteBlob,
    /// All that a repository held was deleted.
    DeleteRepository,
}

impl Operation {
    /// The operation, and what kind of thing it is done to.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::CreateArtifact => ("create_artifact", "artifact"),
            Self::PullArtifact => ("pull_artifact", "artifact"),
            Self::DeleteArtifact => ("delete_artifact", "artifact"),
            Self::RestoreArtifact => ("restore_artifact", "artifact"),
            Self::PurgeArtifact => ("purge_artifact", "artifact"),
            Self::CreateTag => ("create_tag", "tag"),
            Self::DeleteTag => ("delete_tag", "tag"),
            Self::RestoreTag => ("restore_tag", "tag"),
            Self::DeleteBlob => ("delete_blob", "blob"),
            Self::DeleteRepository => ("delete_repository", "repository"),
        }
    }
}

/// A row, on its way.
#[derive(Clone, Debug)]
pub(crate) struct AuditRow {
    at: Timestamp,
    operation: Operation,
    repository: RepositoryName,
    resource: String,
    actor: String,
    address: String,
    request_id: String,
    detail: Option<Value>,
}

impl AuditRow {
    /// What `call` does to content of a repository: named by its tag where there is one.
    pub(crate) fn new(
        call: &Call,
        operation: Operation,
        repository: &RepositoryName,
        tag: Option<&Tag>,
        digest: Option<&Digest>,
    ) -> Self {
        let request = &call.request;
        Self {
            at: call.now,
            operation,
            repository: repository.clone(),
            resource: resource(repository, tag, digest),
            actor: call.caller.name.as_deref().unwrap_or(ANONYMOUS).to_owned(),
            address: request.addr.clone(),
            request_id: request.id.clone(),
            detail: digest.filter(|_| tag.is_some()).map(|digest| json!({ "digest": digest.to_string() })),
        }
    }

    /// What the registry does by itself, and why.
    pub(crate) fn by_system(
        now: Timestamp,
        operation: Operation,
        repository: &RepositoryName,
        digest: &Digest,
        why: &str,
    ) -> Self {
        Self {
            at: now,
            operation,
            repository: repository.clone(),
            resource: resource(repository, None, Some(digest)),
            actor: "system".to_owned(),
            address: String::new(),
            request_id: String::new(),
            detail: Some(json!({ "why": why })),
        }
    }

    /// Whether it says that this caller did something to this repository from where they are.
    pub(crate) fn is_by(&self, call: &Call, repository: &RepositoryName) -> bool {
        self.repository == *repository
            && self.actor == call.caller.name.as_deref().unwrap_or(ANONYMOUS)
            && self.address == call.request.addr
    }

    /// The row of so many pulls, of which it was the first.
    pub(crate) fn of_pulls(mut self, pulls: u64) -> Self {
        if pulls > 1 {
            self.detail.get_or_insert_with(|| json!({}))["pulls"] = json!(pulls);
        }
        self
    }

    /// How many pulls are not in the record, because the index was too slow for them. In the place of one of them.
    pub(crate) fn instead_of(self, dropped: u64) -> Self {
        Self { detail: Some(json!({ "pulls_not_recorded": dropped })), ..self }
    }

    pub(crate) async fn write(&self, tx: &mut WriteTx) -> Result<(), MetadataError> {
        let (operation, resource_type) = self.operation.words();
        let detail = self.detail.as_ref().map(Value::to_string).unwrap_or_default();
        let event = NewAuditEvent {
            at: self.at,
            operation,
            resource_type,
            resource: &self.resource,
            project: None,
            actor: &self.actor,
            address: &self.address,
            request_id: &self.request_id,
            succeeded: true,
            detail: &detail,
        };
        tx.record_audit_in(&self.repository, &event).await
    }
}

/// `team/app:v1`, or `team/app@sha256:…`.
fn resource(repository: &RepositoryName, tag: Option<&Tag>, digest: Option<&Digest>) -> String {
    match (tag, digest) {
        (Some(tag), _) => format!("{repository}:{tag}"),
        (None, Some(digest)) => format!("{repository}@{digest}"),
        (None, None) => repository.to_string(),
    }
}

impl Registry {
    /// Records a change in its own transaction, if the settings want a record.
    pub(crate) async fn record(
        &self,
        tx: &mut WriteTx,
        row: impl FnOnce() -> AuditRow,
    ) -> Result<(), MetadataError> {
        if self.inner.settings.audit { row().write(tx).await } else { Ok(()) }
    }

    /// Has pulls recorded from now on, or not, where anything is.
    pub fn set_audit_pulls(&self, audit_pulls: bool) {
        let audit_pulls = audit_pulls && self.inner.settings.audit;
        self.inner.switches.audit_pulls.store(audit_pulls, Ordering::Relaxed);
    }

    /// Records a pull, if the settings want it: soon, and without keeping the pull waiting.
    pub(crate) fn record_pull(&self, pull: &Pull<'_>) {
        if self.inner.switches.audit_pulls.load(Ordering::Relaxed) {
            self.inner.pull_rows.add(|rows| rows.add(pull));
        }
    }
}

#[cfg(test)]
mod tests {
    use longshore_auth::Caller;

    use super::*;
    use crate::RequestInfo;

    #[test]
    fn rows_name_what_they_are_about() {
        let repository: RepositoryName = "team/app".parse().unwrap();
        let (tag, digest): (Tag, _) = ("v1".parse().unwrap(), Digest::sha256(b""));
        assert_eq!(resource(&repository, Some(&tag), Some(&digest)), "team/app:v1");
        assert_eq!(resource(&repository, None, Some(&digest)), format!("team/app@{digest}"));
        assert_eq!(resource(&repository, None, None), "team/app");
    }

    #[test]
    fn rows_name_who_did_it_and_from_where() {
        let row = |name: Option<&str>, addr: &str| {
            let call = Call {
                caller: Caller { name: name.map(Into::into), ..Caller::anonymous() },
                now: Timestamp::from_unix_millis(7),
                request: RequestInfo { id: "1".to_owned(), addr: addr.to_owned(), ..RequestInfo::default() },
            };
            AuditRow::new(&call, Operation::DeleteTag, &"app".parse().unwrap(), None, None)
        };
        let ann = row(Some("ann"), "2001:db8::1");
        assert_eq!((ann.actor.as_str(), ann.address.as_str()), ("ann", "2001:db8::1"));
        // Over a unix socket there is no address.
        let nobody = row(None, "");
        assert_eq!((nobody.actor.as_str(), nobody.address.as_str()), ("anonymous", ""));
    }
}
