//! What was acknowledged survives: crashes, damage, collection, clients that hang up, and other registries' volumes.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod collection;
mod crashes;
mod damage;
mod interrupted_uploads;
mod lost_index;
mod postgres;
mod takeover;
