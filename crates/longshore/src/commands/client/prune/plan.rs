//! What goes, and why: pure functions over what there is.

use std::{
    collections::{BTreeMap, HashSet},
    time::Duration,
};

use jiff::Timestamp;
use longshore_client::Repository;
use longshore_types::{Digest, Tag};

use super::survey::{Image, Survey, Untagged};

/// What may go. All of it must hold.
#[derive(Clone, Debug, Default)]
pub(super) struct Rules {
    pub(super) older_than: Option<Duration>,
    /// The newest of the tags that are looked at stay.
    pub(super) keep: Option<usize>,
    /// Tags that are looked at; all, if none is given.
    pub(super) matching: Vec<String>,
    /// Of these, the ones that are not.
    pub(super) except: Vec<String>,
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// The image goes, with all its tags.
    Delete,
    /// The tags go; something else needs the image.
    Untag,
}

/// An image, or some of its tags, that goes.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) act: Act,
    pub(super) tags: Vec<Tag>,
    pub(super) digest: Digest,
    pub(super) created: Option<Timestamp>,
    pub(super) why: String,
    /// It was tried, and did not go.
    pub(super) failed: bool,
}

impl Act {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Delete => "delete",
            Self::Untag => "untag",
        }
    }
}

impl Step {
    /// For messages.
    pub(super) fn names(&self, repository: &Repository) -> String {
        match self.tags.first() {
            Some(tag) => format!("{}:{tag}", repository.name()),
            None => format!("{}@{}", repository.name(), self.digest),
        }
    }
}

impl Rules {
    pub(super) fn are_none(&self) -> bool {
        self.older_than.is_none() && self.keep.is_none() && self.matching.is_empty()
    }

    fn looks_at(&self, tag: &str) -> bool {
        (self.matching.is_empty() || self.matching.iter().any(|pattern| fits(pattern, tag)))
            && !self.except.iter().any(|pattern| fits(pattern, tag))
    }

    /// Why what was made then may go; none if it may not.
    fn why(&self, created: Option<Timestamp>, now: Timestamp) -> Option<String> {
        match self.older_than {
            None if self.keep.is_some() => Some("is not one of the newest".to_owned()),
            None => Some("matches".to_owned()),
            Some(age) => {
                let is = now.duration_since(created?);
                let age = jiff::SignedDuration::try_from(age).ok()?;
                (is > age).then(|| format!("is {} days old", is.as_hours() / 24))
            }
        }
    }
}

/// Steps for tags, the oldest image first.
pub(super) fn plan(survey: &Survey, rules: &Rules, now: Timestamp) -> Vec<Step> {
    let created = |digest: &Digest| survey.images.get(digest).and_then(|image| image.created);
    let mut candidates: Vec<&(Tag, Digest)> = survey
        .tags
        .iter()
        .filter(|(tag, _)| subject_of(tag.as_str()).is_none() && rules.looks_at(tag.as_str()))
        .collect();
    // Newest first; what says nothing of its age counts as new, and is not taken for old.
    candidates.sort_by(|(a, first), (b, second)| {
        let age = |digest| created(digest).map_or(Timestamp::MAX, |created| created);
        age(second).cmp(&age(first)).then_with(|| b.as_str().cmp(a.as_str()))
    });
    let mut going: BTreeMap<Digest, (Vec<Tag>, String)> = BTreeMap::new();
    for (tag, digest) in candidates.into_iter().skip(rules.keep.unwrap_or(0)) {
        if let Some(why) = rules.why(created(digest), now) {
            going.entry(*digest).or_insert_with(|| (Vec::new(), why)).0.push(tag.clone());
        }
    }
    let needed = needed(survey, &going);
    let gone: HashSet<Digest> = going
        .iter()
        .filter(|(digest, (tags, _))| act(survey, &needed, digest, tags) == Act::Delete)
        .map(|(digest, _)| *digest)
        .collect();
    let mut steps: Vec<Step> = going
        .into_iter()
        .map(|(digest, (mut tags, why))| {
            tags.sort();
            let act = act(survey, &needed, &digest, &tags);
            Step { act, tags, digest, created: created(&digest), why, failed: false }
        })
        .collect();
    steps.sort_by_key(|step| (step.created, step.digest));
    steps.extend(companions(survey, &gone, &needed));
    steps
}

/// Steps for what has no tag. The age is that of the push, and `keep` counts tags alone.
pub(super) fn untagged(found: &[Untagged], survey: &Survey, rules: &Rules, now: Timestamp) -> Vec<Step> {
    let children: HashSet<&Digest> = survey.images.values().flat_map(|image| &image.children).collect();
    let rules = Rules { older_than: rules.older_than, ..Rules::default() };
    let step = |untagged: &Untagged| {
        let why = match rules.older_than {
            None => "has no tag".to_owned(),
            Some(_) => format!("has no tag, {}", rules.why(Some(untagged.push_time), now)?),
        };
        let (digest, created) = (untagged.digest, Some(untagged.push_time));
        Some(Step { act: Act::Delete, tags: Vec::new(), digest, created, why, failed: false })
    };
    found.iter().filter(|untagged| !children.contains(&untagged.digest)).filter_map(step).collect()
}

/// What tags that stay point to, and what that is made of.
fn needed(survey: &Survey, going: &BTreeMap<Digest, (Vec<Tag>, String)>) -> HashSet<Digest> {
    let goes = |tag: &Tag, digest: &Digest| going.get(digest).is_some_and(|(tags, _)| tags.contains(tag));
    let mut needed = HashSet::new();
    for (tag, digest) in &survey.tags {
        if !goes(tag, digest) {
            needed.insert(*digest);
            needed.extend(survey.images.get(digest).map(|image| image.children.clone()).unwrap_or_default());
        }
    }
    // A part of an index that goes stays in use until that is gone.
    let parts = |digest: &Digest| survey.images.get(digest).map(|image| &image.children);
    needed.extend(going.keys().filter_map(parts).flatten().copied());
    needed
}

fn act(survey: &Survey, needed: &HashSet<Digest>, digest: &Digest, tags: &[Tag]) -> Act {
    let all = survey.tags.iter().filter(|(_, target)| target == digest).count();
    if needed.contains(digest) || all > tags.len() { Act::Untag } else { Act::Delete }
}

/// Signatures and the like that are tagged by what they are about go with it.
fn companions(survey: &Survey, gone: &HashSet<Digest>, needed: &HashSet<Digest>) -> Vec<Step> {
    let mut found: BTreeMap<Digest, Vec<Tag>> = BTreeMap::new();
    for (tag, digest) in &survey.tags {
        if subject_of(tag.as_str()).is_some_and(|subject| gone.contains(&subject)) {
            found.entry(*digest).or_default().push(tag.clone());
        }
    }
    let shared = |digest: &Digest, tags: &[Tag]| {
        let holders: Vec<_> = survey.tags.iter().filter(|(_, target)| target == digest).collect();
        holders.len() > tags.len() || (needed.contains(digest) && is_part(survey, digest))
    };
    found
        .into_iter()
        .map(|(digest, tags)| {
            let act = if shared(&digest, &tags) { Act::Untag } else { Act::Delete };
            let created = survey.images.get(&digest).and_then(|image| image.created);
            Step { act, tags, digest, created, why: "is about an image that goes".to_owned(), failed: false }
        })
        .collect()
}

fn is_part(survey: &Survey, digest: &Digest) -> bool {
    survey.images.values().any(|Image { children, .. }| children.contains(digest))
}

/// The digest that cosign's tags and those of the referrers tag schema stand for: `sha256-….sig`, `sha256-…`.
fn subject_of(tag: &str) -> Option<Digest> {
    let (algorithm, rest) = tag.split_once('-')?;
    let hex = rest.split('.').next()?;
    format!("{algorithm}:{hex}").parse().ok()
}

/// `*` stands for any characters, `?` for one.
fn fits(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    let mut star = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(byte) if *byte == b'?' || *byte == text[t] => (p, t) = (p + 1, t + 1),
            _ => {
                // The last `*` takes one more.
                let Some((at, taken)) = star else { return false };
                star = Some((at, taken + 1));
                (p, t) = (at + 1, taken + 1);
            }
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests;
