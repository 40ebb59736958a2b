//! Tokens that were found good, so that a signature is checked once and not at each request.

use std::hash::{BuildHasher as _, RandomState};

use longshore_types::{Digest, Timestamp};

use crate::{Caller, generations::Generations};

/// Most tokens remembered of those who said who they are, and as many of nobody in particular. Everybody gets the latter
/// for the asking, so that they must not push the former out.
const REMEMBERED_MAX: usize = 4096;
/// Longer tokens are told apart by their hash.
const KEPT_WHOLE_BYTES_MAX: usize = 2048;
/// So much of a token's end, which is its signature, is enough to find it by.
const END_BYTES: usize = 64;

/// Verified tokens.
#[derive(Debug)]
pub(super) struct VerifiedTokens {
    hasher: RandomState,
    known: Generations<u64, Verified>,
    anonymous: Generations<u64, Verified>,
}

#[derive(Debug)]
struct Verified {
    token: Exactly,
    caller: Caller,
    until: Timestamp,
}

/// What tells one token from every other: nobody may be taken for somebody else because two are alike.
#[derive(Debug, PartialEq, Eq)]
enum Exactly {
    /// All of it.
    Whole(Box<str>),
    /// What its bytes hash to.
    Hash(Digest),
}

impl Exactly {
    fn of(token: &str) -> Self {
        match token.len() <= KEPT_WHOLE_BYTES_MAX {
            true => Self::Whole(token.into()),
            false => Self::Hash(Digest::sha256(token.as_bytes())),
        }
    }

    fn is(&self, token: &str) -> bool {
        match self {
            Self::Whole(known) => **known == *token,
            Self::Hash(hash) => *hash == Digest::sha256(token.as_bytes()),
        }
    }
}

impl Default for VerifiedTokens {
    fn default() -> Self {
        Self {
            hasher: RandomState::new(),
            known: Generations::new(REMEMBERED_MAX),
            anonymous: Generations::new(REMEMBERED_MAX),
        }
    }
}

impl VerifiedTokens {
    /// Who bears a token, if it was verified and still holds.
    pub(super) fn find(&mut self, token: &str, now: Timestamp) -> Option<Caller> {
        let place = self.place(token);
        let good = |verified: &&mut Verified| verified.token.is(token) && now < verified.until;
        let found = self.known.get_mut(&place).filter(good);
        let found = found.or_else(|| self.anonymous.get_mut(&place).filter(good));
        found.map(|verified| verified.caller.clone())
    }

    /// Remembers a token until it expires.
    pub(super) fn insert(&mut self, token: &str, caller: Caller, until: Timestamp) {
        let place = self.place(token);
        let of_kind = if caller.name.is_some() { &mut self.known } else { &mut self.anonymous };
        of_kind.insert(place, Verified { token: Exactly::of(token), caller, until });
    }

    /// Forgets all of them.
    pub(super) fn clear(&mut self) {
        self.known.clear();
        self.anonymous.clear();
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.known.len() + self.anonymous.len()
    }

    /// A keyed hash of the token's end. Two at one place only push each other out.
    fn place(&self, token: &str) -> u64 {
        let bytes = token.as_bytes();
        self.hasher.hash_one(&bytes[bytes.len().saturating_sub(END_BYTES)..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(name: Option<&str>) -> Caller {
        Caller { name: name.map(Into::into), ..Caller::anonymous() }
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_unix_millis(millis)
    }

    #[test]
    fn tokens_are_told_apart_by_every_byte() {
        let mut verified = VerifiedTokens::default();
        let end = "e".repeat(END_BYTES);
        for length in [0, 100, 3000] {
            let (token, other) =
                (format!("a{}{end}", "x".repeat(length)), format!("b{}{end}", "x".repeat(length)));
            verified.insert(&token, caller(Some("ann")), at(10));
            assert_eq!(verified.find(&token, at(9)), Some(caller(Some("ann"))));
            assert_eq!(verified.find(&token, at(10)), None, "it has expired");
            assert_eq!(verified.find(&other, at(9)), None, "another one with the same end");
            assert_eq!(verified.find(&token[1..], at(9)), None);
            assert_eq!(verified.find(&end, at(9)), None);
        }
        verified.clear();
        assert_eq!(verified.find(&format!("a{end}"), at(9)), None);
    }

    #[test]
    fn tokens_of_nobody_push_out_no_others() {
        let mut verified = VerifiedTokens::default();
        verified.insert("anns", caller(Some("ann")), at(10));
        for nth in 0..REMEMBERED_MAX * 3 {
            verified.insert(&format!("nobodys {nth}"), caller(None), at(10));
        }
        assert_eq!(verified.find("anns", at(0)), Some(caller(Some("ann"))));
        assert!(verified.anonymous.len() <= REMEMBERED_MAX);
        let last = format!("nobodys {}", REMEMBERED_MAX * 3 - 1);
        assert_eq!(verified.find(&last, at(0)), Some(caller(None)));
        assert_eq!(verified.find("nobodys 0", at(0)), None);
    }
}
