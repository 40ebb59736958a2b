//! `longshore completions` and `man`: what shells and readers know of the command line, made from it.

use std::{path::Path, process::ExitCode};

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::{complain, print};
use crate::cli::Arguments;

const NAME: &str = "longshore";

pub(super) fn completions(shell: Shell) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), NAME, &mut script);
    print(&String::from_utf8_lossy(&script))
}

/// A page a command: `longshore-copy.1`.
pub(super) fn man(folder: &Path) -> ExitCode {
    match clap_mangen::generate_to(Arguments::command(), folder) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format!("{}: {error}", folder.display()));
            ExitCode::FAILURE
        }
    }
}
