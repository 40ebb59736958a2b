//! Users, and how they log in: the use cases, on SQLite and on PostgreSQL.

#![expect(clippy::unwrap_used, reason = "these are tests, also the functions they share")]

mod confirmation;
mod delays;
mod directory;
mod first_start;
mod groups;
mod passwords;
mod record;
mod sessions;
mod sources;
mod support;
mod tokens;
mod users;
