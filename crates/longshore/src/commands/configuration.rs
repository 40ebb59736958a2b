//! `longshore config`.

use std::process::ExitCode;

use super::{USAGE, complain, load, print};
use crate::{
    cli::{ConfigCommand, Place},
    config::{self, Config, Loaded},
    server,
};

pub(super) fn run(command: ConfigCommand) -> ExitCode {
    match command {
        ConfigCommand::Check { file } => {
            read(&Place { config: Some(file), data: None }, |loaded| check_files(&loaded.config))
        }
        ConfigCommand::Show { place } => read(&place, |loaded| print(&loaded.show())),
        ConfigCommand::Schema => print(&format!("{:#}\n", config::json_schema())),
        ConfigCommand::Reference => print(&config::markdown()),
    }
}

fn read(place: &Place, go_on: impl FnOnce(&Loaded) -> ExitCode) -> ExitCode {
    match load(place, None) {
        Ok(loaded) => {
            loaded.warnings.iter().for_each(|warning| complain(&format!("warning: {warning}")));
            go_on(&loaded)
        }
        Err(errors) => {
            complain(&errors.to_string());
            ExitCode::from(USAGE)
        }
    }
}

fn check_files(config: &Config) -> ExitCode {
    let wrong = server::check_files(config);
    wrong.iter().for_each(|sentence| complain(sentence));
    if wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(USAGE) }
}
