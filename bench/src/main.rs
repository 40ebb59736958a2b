//! Loads registries, side by side, and says how they fared. `docs/performance.md` tells how to read what it prints.

fn main() {}
