//! The distribution specification, v1.1.1 and its main branch of July 2026, as cases: data sets times APIs. The tests
//! of a module bear the names of the specification's sections. The original suite runs beside them, see
//! docs/conformance.md.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod checking_existence;
mod data_sets;
mod deleting;
mod errors;
mod listing_referrers;
mod listing_tags;
mod pulling_blobs;
mod pulling_manifests;
mod pushing_blobs;
mod pushing_manifests;
mod ranges;
