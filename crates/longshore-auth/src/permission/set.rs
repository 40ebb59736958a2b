//! Sets of permissions.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Level, Permission, TABLE, robots};

const WORDS: usize = 4;
const _: () = assert!(TABLE.len() <= WORDS * 64, "a PermissionSet has no room for them all");

/// A set of permissions. Written as a list of texts: `["repository:pull", "repository:push"]`.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct PermissionSet([u64; WORDS]);

impl PermissionSet {
    /// None.
    pub const EMPTY: Self = Self([0; WORDS]);

    /// Every permission there is.
    pub const ALL: Self = {
        let mut all = Self::EMPTY;
        let mut i = 0;
        while i < TABLE.len() {
            all = all.with(Permission(i as u8));
            i += 1;
        }
        all
    };

    /// These.
    pub const fn of(permissions: &[Permission]) -> Self {
        let mut set = Self::EMPTY;
        let mut i = 0;
        while i < permissions.len() {
            set = set.with(permissions[i]);
            i += 1;
        }
        set
    }

    /// This and one more.
    #[must_use]
    pub const fn with(mut self, permission: Permission) -> Self {
        self.0[permission.0 as usize / 64] |= 1 << (permission.0 % 64);
        self
    }

    /// This without one.
    #[must_use]
    pub const fn without(mut self, permission: Permission) -> Self {
        self.0[permission.0 as usize / 64] &= !(1 << (permission.0 % 64));
        self
    }

    /// What either has.
    #[must_use]
    pub const fn union(mut self, other: Self) -> Self {
        let mut i = 0;
        while i < WORDS {
            self.0[i] |= other.0[i];
            i += 1;
        }
        self
    }

    /// What both have.
    #[must_use]
    pub const fn intersection(mut self, other: Self) -> Self {
        let mut i = 0;
        while i < WORDS {
            self.0[i] &= other.0[i];
            i += 1;
        }
        self
    }

    /// What this has and `other` has not.
    #[must_use]
    pub const fn difference(mut self, other: Self) -> Self {
        let mut i = 0;
        while i < WORDS {
            self.0[i] &= !other.0[i];
            i += 1;
        }
        self
    }

    /// Whether it has this one.
    pub const fn contains(&self, permission: Permission) -> bool {
        self.0[permission.0 as usize / 64] & (1 << (permission.0 % 64)) != 0
    }

    /// Whether `other` has all that this has.
    pub fn is_subset(&self, other: &Self) -> bool {
        self.difference(*other).is_empty()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        *self == Self::EMPTY
    }

    /// How many it has.
    pub fn len(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Its permissions, in the order of the table.
    pub fn iter(&self) -> impl Iterator<Item = Permission> + use<> {
        let set = *self;
        (0..TABLE.len()).map(|i| Permission(i as u8)).filter(move |&permission| set.contains(permission))
    }

    /// What a resource and a verb stand for, either of which may be `*`; empty when they stand for nothing.
    pub fn matching(resource: &str, verb: &str) -> Self {
        let named = |word: &str, name: &str| word == "*" || word == name;
        Permission::all()
            .filter(|one| named(resource, one.resource().as_str()) && named(verb, one.verb().as_str()))
            .collect()
    }

    /// What a robot may be given at a level: what Harbor's `GET /permissions` lists, and what it refuses in a robot's
    /// `access` when it is not in there.
    pub const fn of_robots(level: Level) -> Self {
        match level {
            Level::System => robots::IN_SYSTEM,
            Level::Project => robots::IN_PROJECTS,
        }
    }

    /// This, and the right to pull where it has the right to push: as Harbor reads the permissions of robots.
    #[must_use]
    pub const fn with_pull_for_push(self) -> Self {
        if self.contains(Permission::REPOSITORY_PUSH) { self.with(Permission::REPOSITORY_PULL) } else { self }
    }
}

impl FromIterator<Permission> for PermissionSet {
    fn from_iter<T: IntoIterator<Item = Permission>>(permissions: T) -> Self {
        permissions.into_iter().fold(Self::EMPTY, Self::with)
    }
}

impl From<Permission> for PermissionSet {
    fn from(permission: Permission) -> Self {
        Self::EMPTY.with(permission)
    }
}

impl fmt::Debug for PermissionSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl Serialize for PermissionSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for PermissionSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Vec::<Permission>::deserialize(deserializer)?.into_iter().collect())
    }
}
