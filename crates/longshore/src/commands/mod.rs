//! What the commands do: a file per command.

mod admin;
mod audit;
mod client;
mod configuration;
mod maintenance;
mod serve;
mod shell;

use std::{env, path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use tokio::runtime::Runtime;

use crate::{
    cli::{Arguments, Command, Place},
    config::{ConfigErrors, Loaded, Sources},
};

/// Wrong arguments or configuration; also clap's code.
const USAGE: u8 = 2;

/// Runs a command to its end.
pub(crate) fn run(arguments: Arguments) -> ExitCode {
    match arguments.command {
        Command::Serve { place, listen } => serve::run(&place, listen.as_deref()),
        Command::Gc { place, dry_run, sweep } => maintenance::gc(&place, dry_run, sweep),
        Command::Verify { place } => maintenance::verify(&place),
        Command::Links { place } => maintenance::links(&place),
        Command::Rebuild { place } => maintenance::rebuild(&place),
        Command::Admin { command } => admin::run(command),
        Command::Audit { command } => audit::run(command),
        Command::Config { command } => configuration::run(command),
        Command::Client(command) => client::run(*command),
        Command::Completions { shell } => shell::completions(shell),
        Command::Man { folder } => shell::man(&folder),
        Command::Version => print(&format!("longshore {}\n", env!("CARGO_PKG_VERSION"))),
    }
}

/// Something stored is not what it was.
const DAMAGED: u8 = 3;

/// Reads the configuration, the environment included.
fn load(place: &Place, listen: Option<&str>) -> Result<Loaded, ConfigErrors> {
    // The name under which registry:2 looks for its file.
    let named =
        || ["LONGSHORE_CONFIGURATION_PATH", "REGISTRY_CONFIGURATION_PATH"].into_iter().find_map(env::var_os);
    let file = place.config.clone().or_else(|| named().map(PathBuf::from));
    Sources { file: file.as_deref(), variables: variables(), data: place.data.as_deref(), listen }.load()
}

fn variables() -> Vec<(String, String)> {
    env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| !name.ends_with("_CONFIGURATION_PATH"))
        .collect()
}

fn runtime() -> anyhow::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start threads")
}

/// Writes to standard output; a reader that went away is no failure.
fn print(text: &str) -> ExitCode {
    use std::io::Write as _;
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Tells what kept a command from its work.
fn complain(message: &str) {
    use std::io::Write as _;
    // Where standard error is gone, nobody is left to tell.
    let _ = writeln!(std::io::stderr().lock(), "longshore: {message}");
}
