//! The use cases against real stores and a real index.

#![expect(clippy::unwrap_used, reason = "a test that meets an error has failed")]

mod audit;
mod blobs;
mod browse;
mod bulk;
mod collection;
mod collection_together;
mod contents;
mod costs;
mod deletion;
mod faults;
mod history;
mod managed;
mod manifests;
mod model;
mod queries;
mod quota_storm;
mod quotas;
mod referrers;
mod storm;
mod support;
mod uploads;
