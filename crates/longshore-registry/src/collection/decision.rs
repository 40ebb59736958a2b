//! May it go? Pure functions over what was read, so that every case stands in a table below.

use std::time::Duration;

use longshore_metadata::ReviewEvent;
use longshore_types::Timestamp;

/// What a manifest's review goes by.
#[derive(Clone, Copy, Debug)]
pub(super) struct ManifestFacts {
    /// What put it on the queue last.
    pub(super) event: ReviewEvent,
    pub(super) pushed_at: Timestamp,
    pub(super) deleted_at: Option<Timestamp>,
    /// A tag points to it.
    pub(super) tagged: bool,
    /// A manifest of the repository names it, perhaps one that is deleted and can be restored.
    pub(super) referenced: bool,
    /// Its subject is there, perhaps deleted and restorable.
    pub(super) has_subject: bool,
}

/// What the settings say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Policy {
    pub(super) untagged: Option<Duration>,
    pub(super) undelete_window: Duration,
}

/// What a review comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It stays; nothing to look at until something else happens to it.
    Keep,
    /// To be looked at again then.
    Later(Timestamp),
    /// It may go, and why.
    Take(&'static str),
}

/// May this manifest go?
pub(super) fn review_manifest(facts: ManifestFacts, policy: Policy, now: Timestamp) -> Verdict {
    if let Some(deleted_at) = facts.deleted_at {
        // Whoever still names it names something that nobody could pull since; the user asked for it to go.
        let until = deleted_at.after(policy.undelete_window);
        return if now < until {
            Verdict::Later(until)
        } else {
            Verdict::Take("deleted, and the undelete window is over")
        };
    }
    if facts.tagged || facts.referenced || facts.has_subject {
        return Verdict::Keep;
    }
    // Pushed (again) since its parent was deleted, it stands for itself: a new index may be on its way.
    let pushed_since = now < facts.pushed_at.after(policy.undelete_window);
    if facts.event == ReviewEvent::ParentPurged && !pushed_since {
        return Verdict::Take("the index that named it, or its subject, is gone");
    }
    match policy.untagged {
        None => Verdict::Keep,
        Some(age) => {
            let until = facts.pushed_at.after(age);
            if now < until {
                Verdict::Later(until)
            } else {
                Verdict::Take("without tag, index or subject for too long")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);
    const KEEP: Policy = Policy { untagged: None, undelete_window: DAY };
    const EXPIRE: Policy = Policy { untagged: Some(DAY), undelete_window: DAY };

    fn at(days: u32) -> Timestamp {
        Timestamp::from_unix_millis(0).after(DAY * days)
    }

    fn facts(event: ReviewEvent) -> ManifestFacts {
        ManifestFacts {
            event,
            pushed_at: at(0),
            deleted_at: None,
            tagged: false,
            referenced: false,
            has_subject: false,
        }
    }

    fn check(facts: ManifestFacts, policy: Policy, now: Timestamp, wanted: &str) {
        let verdict = match review_manifest(facts, policy, now) {
            Verdict::Keep => "keep".to_owned(),
            Verdict::Later(moment) => {
                assert!(moment > now, "later must not be now: {facts:?}");
                format!("day {}", moment.unix_millis() / 86_400_000)
            }
            Verdict::Take(why) => why.split(' ').next().unwrap().to_owned(),
        };
        assert_eq!(verdict, wanted, "{facts:?} {policy:?} {now:?}");
    }

    #[test]
    fn what_is_used_stays() {
        use ReviewEvent::{ManifestDeleted, ManifestPushed, ManifestUntagged, ParentPurged};
        for event in [ManifestDeleted, ManifestPushed, ManifestUntagged, ParentPurged] {
            let facts = facts(event);
            check(ManifestFacts { tagged: true, ..facts }, EXPIRE, at(9), "keep");
            check(ManifestFacts { referenced: true, ..facts }, EXPIRE, at(9), "keep");
            check(ManifestFacts { has_subject: true, ..facts }, EXPIRE, at(9), "keep");
        }
    }

    #[test]
    fn what_has_no_tag_goes_by_the_policy() {
        for event in
            [ReviewEvent::ManifestPushed, ReviewEvent::ManifestUntagged, ReviewEvent::ManifestDeleted]
        {
            check(facts(event), KEEP, at(9), "keep");
            check(facts(event), EXPIRE, at(0), "day 1");
            check(facts(event), EXPIRE, at(1), "without");
        }
    }

    #[test]
    fn what_was_deleted_goes_when_it_cannot_be_restored() {
        for event in [ReviewEvent::ManifestDeleted, ReviewEvent::ParentPurged, ReviewEvent::ManifestPushed] {
            let facts = ManifestFacts { deleted_at: Some(at(3)), ..facts(event) };
            for facts in [facts, ManifestFacts { referenced: true, has_subject: true, ..facts }] {
                check(facts, KEEP, at(3), "day 4");
                check(facts, KEEP, at(4), "deleted,");
            }
        }
    }

    #[test]
    fn what_belonged_to_something_goes_with_it() {
        let orphan = facts(ReviewEvent::ParentPurged);
        check(orphan, KEEP, at(1), "the");
        check(orphan, EXPIRE, at(1), "the");
        let pushed_again = ManifestFacts { pushed_at: at(5), ..orphan };
        check(pushed_again, KEEP, at(5), "keep");
        check(pushed_again, EXPIRE, at(5), "day 6");
        check(pushed_again, KEEP, at(6), "the");
    }
}
