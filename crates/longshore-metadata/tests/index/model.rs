//! Random changes against a model in memory, and every listing, page by page, against the model sorted.

use std::collections::BTreeMap;

use longshore_metadata::{
    ManifestId, ManifestRecord, Metadata, MetadataError, RepositoryId, TagEventAction, WriteTx,
};
use longshore_types::{Digest, Reference};
use proptest::prelude::*;

use crate::support::{at, draft, name, postgres, sqlite, tag};

#[derive(Clone, Debug)]
enum Change {
    Put(u8),
    Hide(u8),
    Restore(u8),
    Purge(u8),
    Tag(String, u8),
    Untag(String),
}

fn change() -> impl Strategy<Value = Change> {
    let content = 0..6u8;
    // Few enough to meet again, and in every class of letters whose order differs between languages and bytes.
    let text = "[abA_1][-._b]?";
    prop_oneof![
        3 => content.clone().prop_map(Change::Put),
        1 => content.clone().prop_map(Change::Hide),
        1 => content.clone().prop_map(Change::Restore),
        1 => content.clone().prop_map(Change::Purge),
        6 => (text, content).prop_map(|(text, content)| Change::Tag(text, content)),
        2 => text.prop_map(Change::Untag),
    ]
}

/// What one repository should hold.
#[derive(Default)]
struct Model {
    /// By content: the row, and whether it is hidden.
    manifests: BTreeMap<u8, (ManifestRecord, bool)>,
    tags: BTreeMap<String, u8>,
    events: usize,
}

impl Model {
    fn digest(content: u8) -> Digest {
        Digest::sha256(&[content])
    }

    fn is_tagged(&self, content: u8) -> bool {
        self.tags.values().any(|to| *to == content)
    }

    /// Makes the change in the index and, if it is allowed, in the model.
    async fn apply(&mut self, tx: &mut WriteTx, repository: RepositoryId, change: &Change) {
        match change {
            Change::Put(content) => {
                let bytes = [*content];
                let draft = draft(std::str::from_utf8(&bytes).unwrap());
                let record = draft.put(tx, repository, at(1)).await;
                if let Some((known, _)) = self.manifests.get(content) {
                    assert_eq!(known.id, record.id);
                }
                self.manifests.insert(*content, (record, false));
            }
            Change::Hide(content) if !self.is_tagged(*content) => {
                if let Some((record, hidden)) = self.manifests.get_mut(content) {
                    tx.mark_manifest_deleted(record.id, at(2)).await.unwrap();
                    *hidden = true;
                }
            }
            Change::Restore(content) => {
                if let Some((record, hidden)) = self.manifests.get_mut(content) {
                    tx.restore_manifest(record.id).await.unwrap();
                    *hidden = false;
                }
            }
            Change::Purge(content) if !self.is_tagged(*content) => {
                if let Some((record, _)) = self.manifests.remove(content) {
                    tx.purge_manifest(record.id).await.unwrap();
                }
            }
            Change::Tag(text, content) => {
                if let Some((record, false)) = self.manifests.get(content) {
                    let action = TagEventAction::Push;
                    let before =
                        tx.set_tag(repository, &tag(text), record, action, None, at(3)).await.unwrap();
                    let known = self.tags.insert(text.clone(), *content);
                    assert_eq!(before.map(|before| before.digest), known.map(Self::digest));
                    self.events += 1;
                }
            }
            Change::Untag(text) => {
                let before = tx.delete_tag(repository, &tag(text), None, at(4)).await.unwrap();
                let known = self.tags.remove(text);
                assert_eq!(before.map(|before| before.digest), known.map(Self::digest));
                self.events += usize::from(known.is_some());
            }
            Change::Hide(_) | Change::Purge(_) => {}
        }
    }

    async fn check(&self, metadata: &Metadata, repository: RepositoryId, text: &str, limit: usize) {
        let mut tx = metadata.read().await.unwrap();
        let (mut tags, mut after) = (Vec::new(), None::<String>);
        loop {
            let page = tx.tags_page(repository, after.as_deref(), limit).await.unwrap();
            assert!(page.entries.len() == limit || !page.more);
            let names = tx.tag_names_page(repository, after.as_deref(), limit).await.unwrap();
            assert!(names.entries.iter().eq(page.entries.iter().map(|found| &found.tag)));
            assert_eq!(names.more, page.more);
            tags.extend(page.entries.iter().map(|found| (found.tag.to_string(), found.digest)));
            if !page.more {
                break;
            }
            after = tags.last().map(|(text, _)| text.clone());
        }
        let wanted: Vec<_> = self.tags.iter().map(|(text, to)| (text.clone(), Self::digest(*to))).collect();
        assert_eq!(tags, wanted);

        let (mut manifests, mut after) = (Vec::new(), None);
        loop {
            let page = tx.manifests_page(repository, after.as_ref(), limit).await.unwrap();
            manifests.extend(page.entries.iter().map(|found| (found.record.digest, found.payload.clone())));
            after = manifests.last().map(|(digest, _)| *digest);
            if !page.more {
                break;
            }
        }
        let live = self.manifests.iter().filter(|(_, (_, hidden))| !hidden);
        let mut wanted: Vec<_> = live.map(|(content, _)| (Self::digest(*content), vec![*content])).collect();
        wanted.sort();
        assert_eq!(manifests, wanted);

        for content in 0..6 {
            let reference = Reference::Digest(Self::digest(content));
            let found = tx.manifest(&name(text), &reference).await.unwrap();
            let known = self.manifests.get(&content).filter(|(_, hidden)| !hidden);
            assert_eq!(found.map(|found| found.record.id), known.map(|(record, _)| record.id));
            let row: Option<ManifestId> = self.manifests.get(&content).map(|(record, _)| record.id);
            let found = tx.manifest_record(repository, &Self::digest(content)).await.unwrap();
            assert_eq!(found.map(|found| found.id), row);
        }
        let events = tx.tag_events(repository, None, None, 1000).await.unwrap();
        assert_eq!(events.entries.len(), self.events);
        let listed = tx.repositories_page(None, 10_000).await.unwrap().entries.contains(&name(text));
        assert_eq!(listed, !wanted.is_empty(), "listed exactly if something can be pulled");
    }
}

/// Each element of `steps` is a transaction; those that are not to be committed leave nothing.
async fn run(
    metadata: &Metadata,
    text: &str,
    steps: &[(Vec<Change>, bool)],
    limit: usize,
) -> Result<(), MetadataError> {
    let mut tx = metadata.write().await?;
    let repository = tx.ensure_repository(&name(text), at(1)).await?.id;
    tx.commit().await?;
    let mut model = Model::default();
    for (changes, commit) in steps {
        let mut tx = metadata.write().await?;
        tx.lock_repository(repository).await?;
        if *commit {
            for change in changes {
                model.apply(&mut tx, repository, change).await;
            }
            tx.commit().await?;
        } else {
            // Played on a model that is thrown away with the transaction.
            let mut scratch =
                Model { manifests: model.manifests.clone(), tags: model.tags.clone(), events: model.events };
            for change in changes {
                scratch.apply(&mut tx, repository, change).await;
            }
            drop(tx);
        }
        model.check(metadata, repository, text, limit).await;
    }
    Ok(())
}

fn against_the_model(cases: u32, open: impl AsyncFnOnce() -> Metadata) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let metadata = runtime.block_on(open());
    let counter = std::cell::Cell::new(0);
    let step = (prop::collection::vec(change(), 1..12), prop::bool::weighted(0.8));
    let input = (prop::collection::vec(step, 1..5), 1..5usize);
    proptest!(ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() },
    |((steps, limit) in input)| {
        counter.set(counter.get() + 1);
        let text = format!("case{}", counter.get());
        runtime.block_on(run(&metadata, &text, &steps, limit)).unwrap();
    });
}

#[test]
fn sqlite_does_what_the_model_does() {
    against_the_model(150, sqlite);
}

#[test]
fn postgres_does_what_the_model_does() {
    against_the_model(40, postgres);
}
