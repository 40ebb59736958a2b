//! The binary `longshore`: arguments, configuration, wiring and signals.

mod accounts;
mod audit;
mod background;
mod cli;
mod commands;
mod config;
mod lock;
mod logging;
mod notifications;
mod open;
mod progress;
mod server;
mod signals;

use std::process::ExitCode;

fn main() -> ExitCode {
    // Before anything can open a connection: rustls has no default of its own, so that there is one in this program.
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    if provider.install_default().is_err() {
        unreachable!("nothing ran before that could have installed another provider");
    }
    commands::run(cli::Arguments::read())
}
