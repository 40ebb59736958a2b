//! Loads registries, side by side, and says how they fared. `docs/performance.md` tells how to read what it prints.

mod cli;
mod content;
mod load;
mod process;
mod report;
mod runner;
mod server;
mod tls;
mod workload;
mod workloads;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let options = cli::Options::parse();
    match runner::run(&options) {
        Ok(outcome) => outcome,
        Err(error) => {
            cli::complain(&error);
            ExitCode::FAILURE
        }
    }
}
