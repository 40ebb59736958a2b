//! Real clients against the real program: they push, pull, run, sign and delete, and each has its own store, sockets and
//! home in a temporary folder.
//!
//! The target is left out of a plain `cargo test`, because it needs root, a dozen packages and some minutes.
//! `scripts/test` installs what is missing, builds the clients that are Go modules and the container image, and then runs
//!
//! ```text
//! cargo test -p longshore --test clients
//! ```

mod client;
mod daemon;
mod fixtures;
mod wire;

mod buildah;
mod container;
mod containerd;
mod cosign;
mod crane;
mod docker;
mod harbor;
mod helm;
mod notation;
mod oras;
mod own;
mod podman;
mod proxies;
mod regctl;
mod skopeo;
