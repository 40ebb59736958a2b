//! The index through its public face, on SQLite and on PostgreSQL.

#![expect(clippy::unwrap_used, reason = "these are tests, also the functions they share")]

mod audit;
mod blobs;
mod cache;
mod conflicts;
mod content;
mod group_commit;
mod images;
mod management;
mod manifests;
mod migrations;
mod model;
mod postgres;
mod projects;
mod queues;
mod quotas;
mod repositories;
mod support;
mod tags;
mod transactions;
