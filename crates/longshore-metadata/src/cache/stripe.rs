//! What readers and writers of some keys know of each other.

/// Of the keys that share it: how many are being changed, and what has happened.
#[derive(Debug, Default)]
pub(crate) struct Stripe {
    changing: u32,
    /// Raised by every begin and end of a change.
    version: u64,
    /// How many readers have settled.
    settled: u64,
    /// The fingerprint of the last answer that was settled in this version.
    last: Option<u64>,
}

/// How a reader found a stripe before it began to read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Note {
    /// `None` while something is being changed: what is read then may be old or new.
    version: Option<u64>,
    settled: u64,
}

impl Stripe {
    pub(crate) fn note(&self) -> Note {
        Note { version: (self.changing == 0).then_some(self.version), settled: self.settled }
    }

    /// Takes note of an answer. Returns the fingerprint of the one before, and whether this one may be kept.
    pub(crate) fn settle(&mut self, note: Note, fingerprint: u64) -> (Option<u64>, bool) {
        let last = self.last.replace(fingerprint);
        let unchanged = self.changing == 0 && note.version == Some(self.version);
        let agreed = self.settled == note.settled || last == Some(fingerprint);
        if !agreed {
            // Somebody who noted before this may hold either answer.
            self.version = self.version.wrapping_add(1);
        }
        self.settled = self.settled.wrapping_add(1);
        (last, unchanged && agreed)
    }

    pub(crate) fn begin_change(&mut self) {
        self.changing += 1;
        self.raise();
    }

    pub(crate) fn end_change(&mut self) {
        self.changing -= 1;
        self.raise();
    }

    /// Refuses the answers of all who noted before.
    pub(crate) fn raise(&mut self) {
        self.version = self.version.wrapping_add(1);
        self.last = None;
    }
}
