//! Counts against a model that adds up anew each time.

use std::collections::BTreeSet;

use longshore_metadata::{BlobId, Metadata, ProjectId, RepositoryId, WriteTx};
use proptest::prelude::*;

use super::{counting, project_of, used};
use crate::support::{at, digest, draft, postgres, repository, sqlite};

#[derive(Clone, Debug)]
enum Change {
    Link(usize, u8),
    Unlink(usize, u8),
    Put(usize, u8),
    Purge(usize, u8),
    Recount(usize),
    Move(usize, usize),
}

fn change() -> impl Strategy<Value = Change> {
    let (repository, content) = (0..3usize, 1..6u8);
    prop_oneof![
        6 => (repository.clone(), content.clone()).prop_map(|(r, c)| Change::Link(r, c)),
        4 => (repository.clone(), content.clone()).prop_map(|(r, c)| Change::Unlink(r, c)),
        4 => (repository.clone(), content.clone()).prop_map(|(r, c)| Change::Put(r, c)),
        3 => (repository.clone(), content).prop_map(|(r, c)| Change::Purge(r, c)),
        1 => repository.clone().prop_map(Change::Recount),
        1 => (repository, 0..2usize).prop_map(|(r, p)| Change::Move(r, p)),
    ]
}

/// Which content (its number is its length), by repository and as what.
#[derive(Clone, Default)]
struct Model {
    projects: [usize; 3],
    held: BTreeSet<(usize, bool, u8)>,
}

impl Model {
    fn used(&self, project: usize) -> u64 {
        let held = self.held.iter().filter(|(repository, ..)| self.projects[*repository] == project);
        held.map(|(_, _, content)| *content).collect::<BTreeSet<_>>().into_iter().map(u64::from).sum()
    }
}

struct Case {
    repositories: [RepositoryId; 3],
    projects: [ProjectId; 2],
}

fn content(number: u8) -> String {
    "x".repeat(number.into())
}

async fn blob(tx: &mut WriteTx, number: u8) -> BlobId {
    tx.ensure_blob(&digest(&content(number)), number.into(), at(1)).await.unwrap().id
}

impl Case {
    async fn new(metadata: &Metadata, number: u32) -> Self {
        let mut tx = metadata.write().await.unwrap();
        let mut ids = Vec::new();
        for text in ["a/one", "a/two", "b/app"] {
            ids.push(repository(&mut tx, &format!("{number}{text}")).await);
        }
        let projects = [project_of(&mut tx, ids[0]).await, project_of(&mut tx, ids[2]).await];
        tx.commit().await.unwrap();
        Self { repositories: [ids[0], ids[1], ids[2]], projects }
    }

    async fn apply(&self, tx: &mut WriteTx, model: &mut Model, change: &Change) {
        match *change {
            Change::Link(r, number) => {
                let blob = blob(tx, number).await;
                tx.link_blob(self.repositories[r], blob, at(1)).await.unwrap();
                model.held.insert((r, false, number));
            }
            Change::Unlink(r, number) => {
                let blob = blob(tx, number).await;
                let had = tx.unlink_blob(self.repositories[r], blob).await.unwrap();
                assert_eq!(had, model.held.remove(&(r, false, number)));
            }
            Change::Put(r, number) => {
                draft(&content(number)).put(tx, self.repositories[r], at(1)).await;
                model.held.insert((r, true, number));
            }
            Change::Purge(r, number) => {
                let record =
                    tx.manifest_record(self.repositories[r], &digest(&content(number))).await.unwrap();
                assert_eq!(record.is_some(), model.held.remove(&(r, true, number)));
                if let Some(record) = record {
                    tx.purge_manifest(record.id).await.unwrap();
                }
            }
            Change::Recount(r) => {
                assert!(tx.uncount_repository(self.repositories[r]).await.unwrap());
                tx.count_repository(self.repositories[r]).await.unwrap();
            }
            Change::Move(r, project) => {
                tx.move_repository(self.repositories[r], self.projects[project]).await.unwrap();
                model.projects[r] = project;
            }
        }
    }
}

async fn run(metadata: &Metadata, number: u32, steps: &[(Vec<Change>, bool)]) {
    let case = Case::new(metadata, number).await;
    let mut model = Model { projects: [0, 0, 1], ..Model::default() };
    for (changes, commit) in steps {
        let mut tx = metadata.write().await.unwrap();
        for repository in case.repositories {
            tx.lock_repository(repository).await.unwrap();
        }
        let mut changed = model.clone();
        for change in changes {
            case.apply(&mut tx, &mut changed, change).await;
        }
        if *commit {
            tx.commit().await.unwrap();
            model = changed;
        } else {
            drop(tx);
        }
        for (project, id) in case.projects.into_iter().enumerate() {
            assert_eq!(used(metadata, id).await, model.used(project), "after {changes:?}, commit {commit}");
        }
    }
}

fn against_the_model(cases: u32, open: impl AsyncFnOnce() -> Metadata) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let metadata = runtime.block_on(open());
    runtime.block_on(counting(&metadata));
    let counter = std::cell::Cell::new(0);
    let step = (prop::collection::vec(change(), 1..10), prop::bool::weighted(0.8));
    proptest!(ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() },
    |(steps in prop::collection::vec(step, 1..6))| {
        counter.set(counter.get() + 1);
        runtime.block_on(run(&metadata, counter.get(), &steps));
    });
}

#[test]
fn sqlite_counts_as_the_model_does() {
    against_the_model(150, sqlite);
}

#[test]
fn postgres_counts_as_the_model_does() {
    against_the_model(40, postgres);
}
