//! What somebody was not let do, in the audit record. Nothing changes by a refusal, so that its row is written a moment later
//! beside the requests; `tally` bounds how many there are.
//!
//! A row belongs to a project where whoever was refused may know of that: its own people should see who may pull and tries to
//! push. Of what strangers tried, and where they cannot know whether there is anything, only administrators and auditors of
//! the system read: else anybody could fill the record that others read.

use std::{
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
};

use longshore_auth::{Circumstances, Permission, Target};
use longshore_metadata::{MetadataError, NewAuditEvent, ProjectRecord, WriteTx};
use longshore_types::{ProjectName, RepositoryName, Timestamp};
use serde_json::json;

use crate::{
    Accounts, ProjectKey,
    login::network,
    retry::retry_on_conflict,
    tally::{Counted, Tally, TallyLimits},
};

/// Rows in a minute about those who logged in: of each, and of all.
const KNOWN_LIMITS: TallyLimits = TallyLimits { of_origin: 60, of_all: 2000 };
/// Rows in a minute about anonymous callers: of each network, and of all.
const STRANGERS_LIMITS: TallyLimits = TallyLimits { of_origin: 20, of_all: 500 };
/// Most rows that wait to be written; beyond that they are counted.
const WAITING_MAX: usize = 5000;
/// Rows written in one transaction.
const BATCH: usize = 100;
/// Longest text of a row, in characters: somebody may have asked for anything.
const TEXT_CHARACTERS_MAX: usize = 512;

/// What an operation is called of which only the number is known.
const MANY: (&str, &str) = ("refuse_request", "request");

/// Something that somebody was not let do.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Refused {
    /// Who, by the name that they proved to be theirs; none for an anonymous caller.
    pub actor: Option<String>,
    /// What, in the words of the record.
    pub operation: &'static str,
    /// To what kind of thing.
    pub resource_type: &'static str,
    /// To which.
    pub resource: String,
    /// Where.
    pub place: RefusedIn,
    /// Why.
    pub reason: String,
}

/// Where somebody was not let do something.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RefusedIn {
    /// In no project.
    System,
    /// In a project, which may not be there.
    Project(ProjectName),
    /// In a repository, which may not be there.
    Repository(RepositoryName),
}

/// A refusal on its way.
#[derive(Clone, Debug)]
struct Row {
    refused: Refused,
    at: Timestamp,
    address: Option<IpAddr>,
    request_id: String,
    /// How many, where it is not one.
    count: Option<u64>,
}

/// Whose refusals are bounded together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Origin {
    Known(String),
    Network(Option<IpAddr>),
}

type Kind = (Refused, Option<IpAddr>);

/// Refusals that have no row yet.
#[derive(Debug)]
pub(crate) struct Refusals {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    known: Tally<Origin, Kind>,
    strangers: Tally<Origin, Kind>,
    waiting: Vec<Row>,
    /// Rows that found no room to wait.
    dropped: u64,
}

impl Default for Refusals {
    fn default() -> Self {
        let state = State {
            known: Tally::new(KNOWN_LIMITS),
            strangers: Tally::new(STRANGERS_LIMITS),
            waiting: Vec::new(),
            dropped: 0,
        };
        Self { state: Mutex::new(state) }
    }
}

impl Refusals {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that panics happens under the lock; were it so, the state would still be whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn note(&mut self, refused: Refused, circumstances: &Circumstances, request_id: &str) {
        let (at, address) = (circumstances.now, circumstances.address);
        let kind = (refused, address);
        let due = match &kind.0.actor {
            Some(name) => self.known.note(&Origin::Known(name.clone()), &kind, at),
            None => self.strangers.note(&Origin::Network(address.map(network)), &kind, at),
        };
        if due {
            let (refused, _) = kind;
            self.wait(Row { refused, at, address, request_id: request_id.to_owned(), count: None });
        }
    }

    fn wait(&mut self, row: Row) {
        if self.waiting.len() < WAITING_MAX {
            self.waiting.push(row);
        } else {
            self.dropped = self.dropped.saturating_add(row.count.unwrap_or(1));
        }
    }

    /// All that is to be written now, counts of the current minute too where there is no moment.
    fn due(&mut self, now: Timestamp, until: Option<Timestamp>) -> Vec<Row> {
        let mut rows = std::mem::take(&mut self.waiting);
        for tally in [&mut self.known, &mut self.strangers] {
            rows.extend(tally.due(until).into_iter().map(|(counted, count)| count_row(counted, count, now)));
        }
        let dropped = std::mem::take(&mut self.dropped);
        if dropped > 0 {
            rows.push(count_row(Counted::Others, dropped, now));
        }
        rows
    }
}

/// A row that says how many more there were.
fn count_row(counted: Counted<Origin, Kind>, count: u64, now: Timestamp) -> Row {
    let many = |actor, reason: &str| Refused {
        actor,
        operation: MANY.0,
        resource_type: MANY.1,
        resource: String::new(),
        place: RefusedIn::System,
        reason: reason.to_owned(),
    };
    let (refused, address) = match counted {
        Counted::Kind((refused, address)) => {
            (Refused { reason: "more refusals of the same".to_owned(), ..refused }, address)
        }
        Counted::Origin(Origin::Known(name)) => (many(Some(name), "more refusals"), None),
        Counted::Origin(Origin::Network(address)) => (many(None, "more refusals from this network"), address),
        Counted::Others => (many(None, "more refusals"), None),
    };
    Row { refused, at: now, address, request_id: String::new(), count: Some(count) }
}

impl Accounts {
    /// Has a refusal recorded, soon, and without anybody waiting for it.
    pub fn note_refusal(&self, refused: Refused, circumstances: &Circumstances, request_id: &str) {
        let mut refused = refused;
        for text in [&mut refused.resource, &mut refused.reason] {
            if let Some((end, _)) = text.char_indices().nth(TEXT_CHARACTERS_MAX) {
                text.truncate(end);
            }
        }
        self.inner.refusals.lock().note(refused, circumstances, request_id);
    }

    /// Writes what was refused; what cannot be written waits for the next time.
    pub(crate) async fn write_refusals(
        &self,
        now: Timestamp,
        until: Option<Timestamp>,
    ) -> Result<(), MetadataError> {
        let rows = self.inner.refusals.lock().due(now, until);
        for (nth, batch) in rows.chunks(BATCH).enumerate() {
            if let Err(error) = self.write_refused(batch).await {
                let mut state = self.inner.refusals.lock();
                rows[nth * BATCH..].iter().for_each(|row| state.wait(row.clone()));
                return Err(error);
            }
        }
        Ok(())
    }

    async fn write_refused(&self, rows: &[Row]) -> Result<(), MetadataError> {
        let mut placed = Vec::with_capacity(rows.len());
        for row in rows {
            placed.push((row, self.project_to_tell(row).await?));
        }
        retry_on_conflict(async || {
            // Nobody was promised anything: the rows may be lost with the power.
            let mut tx = self.inner.metadata.write_relaxed().await?;
            for (row, project) in &placed {
                row.write(&mut tx, project.as_ref()).await?;
            }
            tx.commit().await
        })
        .await
    }

    /// The project whose row it is, if whoever was refused may know of that.
    async fn project_to_tell(&self, row: &Row) -> Result<Option<ProjectRecord>, MetadataError> {
        let Some(name) = &row.refused.actor else { return Ok(None) };
        let found = match &row.refused.place {
            RefusedIn::System => None,
            RefusedIn::Project(project) => self.find_project(&ProjectKey::Name(project.clone())).await?,
            RefusedIn::Repository(repository) => self.project_of(repository).await?,
        };
        let Some(found) = found else { return Ok(None) };
        let access = self.access_of_bearer(Some(name), row.at).await?;
        let circumstances = Circumstances { address: row.address, ..Circumstances::at(row.at) };
        let target = match &row.refused.place {
            RefusedIn::Repository(repository) => {
                Target { project: Some(found.view()), repository: Some(repository) }
            }
            RefusedIn::System | RefusedIn::Project(_) => found.target(),
        };
        let knows = [(found.target(), Permission::PROJECT_READ), (target, Permission::REPOSITORY_PULL)]
            .iter()
            .any(|(target, permission)| self.may(&access, target, *permission, &circumstances));
        Ok(knows.then_some(found.record))
    }
}

impl Row {
    async fn write(&self, tx: &mut WriteTx, project: Option<&ProjectRecord>) -> Result<(), MetadataError> {
        let Refused { actor, operation, resource_type, resource, reason, .. } = &self.refused;
        let address = self.address.map(|address| address.to_string()).unwrap_or_default();
        let detail = match self.count {
            Some(count) => json!({ "reason": reason, "count": count }),
            None => json!({ "reason": reason }),
        };
        tx.record_audit(&NewAuditEvent {
            at: self.at,
            operation,
            resource_type,
            resource,
            project: project.map(|project| (project.id, &project.name)),
            actor: actor.as_deref().unwrap_or("anonymous"),
            address: &address,
            request_id: &self.request_id,
            succeeded: false,
            detail: &detail.to_string(),
        })
        .await
    }
}
