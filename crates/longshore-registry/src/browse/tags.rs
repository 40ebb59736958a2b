//! Tags of a repository, with what they point to.

use std::collections::HashMap;

use longshore_auth::Action;
use longshore_metadata::{ManifestId, TagOrder, TextFilter};
use longshore_types::RepositoryName;

use super::{
    ArtifactParts, BrowseError, Listed, TaggedArtifact, Window,
    artifacts::{CONFIGURATIONS_BYTES_MAX, draft},
    listed,
};
use crate::{Artifact, Call, Registry, access::require};

/// A row of tags is about what they point to now: their other tags and what is about them is asked of the artifact.
const PARTS: ArtifactParts = ArtifactParts { tags: false, labels: true, accessories: false };

impl Registry {
    /// Tags of a repository. Costs the same however many it has, but that those before the window are walked over.
    pub async fn browse_repository_tags(
        &self,
        call: &Call,
        name: &RepositoryName,
        tag: Option<TextFilter<'_>>,
        order: (TagOrder, bool),
        window: Window,
    ) -> Result<Listed<TaggedArtifact>, BrowseError> {
        require(call, Action::Pull, name)?;
        let mut tx = self.inner.metadata.read().await?;
        let repository = listed(&mut tx, name).await?;
        let total = tx.listed_tags_count(repository.id, tag).await?;
        let records = tx.listed_tags(repository.id, tag, order, window.skip, window.limit).await?;
        let (mut drafts, mut rows) = (HashMap::new(), Vec::new());
        for tag in records {
            let last = tx.tag_events(repository.id, Some(&tag.tag), None, 1).await?.entries.pop();
            if !drafts.contains_key(&tag.manifest)
                && let Some(record) = tx.manifest_record(repository.id, &tag.digest).await?
                && let Some(draft) = draft(&mut tx, &repository, record, PARTS).await?
            {
                drafts.insert(tag.manifest, draft);
            }
            rows.push((tag, last.and_then(|event| event.actor)));
        }
        drop(tx);
        let mut artifacts: HashMap<ManifestId, Artifact> = HashMap::new();
        let (mut left, mut entries) = (CONFIGURATIONS_BYTES_MAX, Vec::new());
        for (tag, actor) in rows {
            if let Some(draft) = drafts.remove(&tag.manifest) {
                artifacts.insert(tag.manifest, self.read_configuration(draft, &mut left).await?);
            }
            // A manifest that went away meanwhile took its tags along.
            if let Some(artifact) = artifacts.get(&tag.manifest).cloned() {
                entries.push(TaggedArtifact { tag, artifact, actor });
            }
        }
        Ok(Listed { entries, total })
    }
}
