//! The pages in a real browser, Debian's Chromium: as people see them, by keyboard alone, and without script. Each page is held
//! against axe-core's rules: run `scripts/axe` first.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod every_page;
mod people;
mod shop;
mod visitor;
mod work;
