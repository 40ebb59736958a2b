//! Images in all repositories, by the beginning of a tag or of what an annotation or a label says of them.

use longshore_metadata::{FoundImage, MarkKey, ReadTx, RepositoryScope, folded};
use longshore_types::{Digest, RepositoryName};

use super::BrowseError;
use crate::{Call, Registry};

/// Shortest text that is looked for, in characters.
pub const SEARCH_CHARACTERS_MIN: usize = 2;
/// Shortest beginning of a commit that is looked for, in hexadecimal digits; as git shows them.
const REVISION_DIGITS_MIN: usize = 7;
/// Most tags shown of an image.
const TAGS_MAX: usize = 5;

/// Where a search goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImagesAfter {
    /// In the tags: after this one in the repository of that row.
    Tag(String, i64),
    /// In what annotations and labels say.
    Mark(String, i64),
}

/// An image that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageHit {
    /// Its repository.
    pub repository: RepositoryName,
    /// The manifest.
    pub digest: Digest,
    /// What it was found by; its tag if there is none.
    pub key: Option<MarkKey>,
    /// The tag, or what is said of it.
    pub value: String,
    /// Its tags, or those of indexes that name it; a few of them.
    pub tags: Vec<String>,
}

/// Part of what was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageHits {
    /// First those by tag, then the others.
    pub images: Vec<ImageHit>,
    /// Where the next part begins.
    pub next: Option<ImagesAfter>,
}

impl Registry {
    /// Images in repositories that it was decided the caller may list. A commit is looked for from its seventh digit on.
    pub async fn search_images(
        &self,
        call: &Call,
        scope: RepositoryScope<'_>,
        text: &str,
        after: Option<&ImagesAfter>,
        limit: usize,
    ) -> Result<ImageHits, BrowseError> {
        if !call.caller.may_read_catalog() {
            return Err(BrowseError::CatalogDenied);
        }
        let text = text.trim();
        if text.chars().count() < SEARCH_CHARACTERS_MIN || text.contains('\0') {
            return Ok(ImageHits::default());
        }
        let mut tx = self.inner.metadata.read().await?;
        let mut found = Vec::new();
        let mut next = None;
        let mark = match after {
            Some(ImagesAfter::Mark(value, position)) => Some((value.as_str(), *position)),
            Some(ImagesAfter::Tag(..)) | None => {
                let from = match after {
                    Some(ImagesAfter::Tag(value, position)) => Some((value.as_str(), *position)),
                    _ => None,
                };
                let page = tx.images_tagged(scope, text, from, limit).await?;
                found = page.entries;
                if page.more {
                    next = found.last().map(|last| ImagesAfter::Tag(last.value.clone(), last.position));
                }
                None
            }
        };
        if next.is_none() && !folded(text).is_empty() {
            let page = tx
                .images_marked(scope, &folded(text), may_be_revision(text), mark, limit - found.len())
                .await?;
            // Where nothing of it fitted, it begins on the next page.
            let last = page.entries.last().map(|last| (last.value.clone(), last.position));
            let (value, position) = last.unwrap_or_else(|| (folded(text), -1));
            next = page.more.then_some(ImagesAfter::Mark(value, position));
            found.extend(page.entries);
        }
        let mut images = Vec::with_capacity(found.len());
        for image in found {
            images.push(hit(&mut tx, image).await?);
        }
        Ok(ImageHits { images, next })
    }
}

async fn hit(tx: &mut ReadTx, image: FoundImage) -> Result<ImageHit, BrowseError> {
    let tags = match image.key {
        None => vec![image.value.clone()],
        Some(_) => {
            let own = tx.tags_of(image.manifest).await?;
            let own: Vec<_> = own.iter().take(TAGS_MAX).map(ToString::to_string).collect();
            match own.is_empty() {
                true => tx.tags_of_indexes_naming(image.repository, &image.digest, TAGS_MAX).await?,
                false => own,
            }
        }
    };
    Ok(ImageHit { repository: image.name, digest: image.digest, key: image.key, value: image.value, tags })
}

/// Whether a text may begin the name of a commit.
fn may_be_revision(text: &str) -> bool {
    text.len() >= REVISION_DIGITS_MIN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_texts_are_no_commits() {
        for (text, wanted) in [("0123ab", false), ("0123abc", true), ("v1", false)] {
            assert_eq!(may_be_revision(text), wanted, "{text}");
        }
    }
}
