//! Referrers: distribution specification v1.1.1, "Listing Referrers".

use std::collections::BTreeMap;

use longshore_auth::Action;
use longshore_metadata::{MetadataError, Page, ReadTx, ReferrerRecord, RepositoryId};
use longshore_types::{Descriptor, Digest, Manifest, MediaType, Reference, RepositoryName, Tag};

use super::{ListError, ReferrersPage};
use crate::{Call, Registry, access::require};

impl Registry {
    /// Manifests whose subject is `subject`, by digest, after `after`; also those that a client without the referrers
    /// API left under the fallback tag (specification v1.1.1, "Referrers Tag Schema") and that are still there. An
    /// unknown subject or repository has an empty list.
    pub async fn referrers(
        &self,
        call: &Call,
        repository: &RepositoryName,
        subject: &Digest,
        artifact_type: Option<&str>,
        after: Option<&Digest>,
        limit: usize,
    ) -> Result<ReferrersPage, ListError> {
        require(call, Action::Pull, repository)?;
        let mut tx = self.inner.metadata.read().await?;
        let Some(record) = tx.repository(repository).await?.filter(|_| limit > 0) else {
            return Ok(Page { entries: Vec::new(), more: false });
        };
        let page = tx.referrers_page(record.id, subject, artifact_type, after, limit).await?;
        let fallback = fallback(&mut tx, repository, record.id, subject).await?;
        Ok(merge(page, fallback, artifact_type, after, limit))
    }
}

/// What the index under the fallback tag lists, without what the repository does not have (any more): clients that
/// know the referrers API no longer tend that index when they delete. Also without manifests that name the subject
/// themselves: those are listed by what they say of their type, whatever is said of them here.
async fn fallback(
    tx: &mut ReadTx,
    repository: &RepositoryName,
    id: RepositoryId,
    subject: &Digest,
) -> Result<Vec<Descriptor>, MetadataError> {
    let tag = Reference::Tag(fallback_tag(subject));
    let Some(stored) = tx.manifest(repository, &tag).await? else { return Ok(Vec::new()) };
    // Anybody may push anything under that tag: what is no index lists nothing.
    if stored.record.media_type != MediaType::OCI_INDEX {
        return Ok(Vec::new());
    }
    let Ok(index) = Manifest::parse(Some(&MediaType::OCI_INDEX), &stored.payload) else {
        return Ok(Vec::new());
    };
    let mut listed = Vec::new();
    for descriptor in index.manifests() {
        let record = tx.manifest_record(id, &descriptor.digest).await?;
        let live = record.filter(|record| record.deleted_at.is_none());
        if live.is_some_and(|record| record.subject != Some(*subject)) {
            listed.push(descriptor.clone());
        }
    }
    Ok(listed)
}

/// The algorithm, a hyphen, and at most 64 letters of the hash: "Referrers Tag Schema".
fn fallback_tag(subject: &Digest) -> Tag {
    let mut hex = subject.hex();
    hex.truncate(64);
    format!("{}-{hex}", subject.algorithm()).parse().expect("an algorithm's name and hex digits make a tag")
}

/// Joins a page from the index with what the fallback tag lists, each digest once.
fn merge(
    page: Page<ReferrerRecord>,
    fallback: Vec<Descriptor>,
    artifact_type: Option<&str>,
    after: Option<&Digest>,
    limit: usize,
) -> ReferrersPage {
    // A page that is not the last is full, so what belongs behind it is cut off below.
    let mut by_digest: BTreeMap<Digest, ReferrerRecord> = fallback
        .into_iter()
        .filter(|descriptor| after.is_none_or(|after| descriptor.digest > *after))
        .filter(|descriptor| artifact_type.is_none_or(|t| descriptor.artifact_type.as_deref() == Some(t)))
        .map(|descriptor| (descriptor.digest, record_of(descriptor)))
        .collect();
    by_digest.extend(page.entries.into_iter().map(|record| (record.digest, record)));
    let more = page.more || by_digest.len() > limit;
    Page { entries: by_digest.into_values().take(limit).collect(), more }
}

fn record_of(descriptor: Descriptor) -> ReferrerRecord {
    ReferrerRecord {
        digest: descriptor.digest,
        media_type: descriptor.media_type,
        size_bytes: descriptor.size_bytes,
        artifact_type: descriptor.artifact_type,
        annotations: descriptor.annotations,
    }
}

#[cfg(test)]
mod tests {
    use longshore_types::DigestAlgorithm;

    use super::*;

    fn descriptor(n: u8, artifact_type: &str) -> Descriptor {
        // Digests in the order of `n`.
        let digest = format!("sha256:{n:02x}{}", "0".repeat(62)).parse().unwrap();
        Descriptor {
            media_type: MediaType::OCI_MANIFEST,
            digest,
            size_bytes: u64::from(n),
            artifact_type: Some(artifact_type.to_owned()),
            annotations: BTreeMap::new(),
        }
    }

    #[test]
    fn fallback_tags_are_cut() {
        let digest = Digest::sha256(b"x");
        assert_eq!(fallback_tag(&digest).as_str(), format!("sha256-{}", digest.hex()));
        let digest = Digest::of(DigestAlgorithm::Sha512, b"x");
        assert_eq!(fallback_tag(&digest).as_str(), format!("sha512-{}", &digest.hex()[..64]));
    }

    #[test]
    fn a_merged_page_is_sorted_filtered_and_cut() {
        let check =
            |known: &[u8], more, listed: &[u8], after: Option<u8>, limit, wanted: &[u8], wanted_more| {
                let known = known.iter().map(|&n| record_of(descriptor(n, "a/known"))).collect();
                let listed = listed.iter().map(|&n| descriptor(n, "a/listed")).collect();
                let after = after.map(|n| descriptor(n, "").digest);
                let page = merge(Page { entries: known, more }, listed, None, after.as_ref(), limit);
                let sizes: Vec<_> = page.entries.iter().map(|r| r.size_bytes as u8).collect();
                assert_eq!((&sizes[..], page.more), (wanted, wanted_more));
            };
        check(&[], false, &[], None, 10, &[], false);
        check(&[1, 3], false, &[2, 3, 4], None, 10, &[1, 2, 3, 4], false);
        check(&[1, 3], false, &[2, 3, 4], None, 3, &[1, 2, 3], true);
        check(&[1, 3], true, &[2, 9], None, 2, &[1, 2], true);
        check(&[3], false, &[1, 2, 4], Some(2), 10, &[3, 4], false);
        let page = Page { entries: vec![record_of(descriptor(1, "a/x"))], more: false };
        let merged = merge(page, vec![descriptor(1, "a/y"), descriptor(2, "a/y")], Some("a/x"), None, 10);
        assert_eq!(merged.entries, [record_of(descriptor(1, "a/x"))]);
    }
}
