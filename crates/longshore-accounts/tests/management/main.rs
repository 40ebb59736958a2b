//! Projects and who may do what in them: the use cases, on SQLite and on PostgreSQL.

#![expect(clippy::unwrap_used, reason = "these are tests, also the functions they share")]

mod access_policies;
mod access_tokens;
mod audit;
mod background_work;
mod catalog;
mod configuration;
mod content;
mod members;
mod projects;
mod quotas;
mod refusals;
mod robots;
mod roles;
mod support;
mod trust_rules;
