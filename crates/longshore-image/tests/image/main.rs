//! Layers as archivers and attackers make them, and what they are together.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod compare;
mod hostile;
mod layers;
mod merged;
mod tars;
