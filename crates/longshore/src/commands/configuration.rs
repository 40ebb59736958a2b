//! `longshore config`.

use std::process::ExitCode;

use super::{USAGE, complain, load, print};
use crate::{
    cli::{ConfigCommand, Place},
    config,
};

pub(super) fn run(command: ConfigCommand) -> ExitCode {
    match command {
        ConfigCommand::Check { file } => check(&Place { config: Some(file), data: None }, false),
        ConfigCommand::Show { place } => check(&place, true),
        ConfigCommand::Schema => print(&format!("{:#}\n", config::json_schema())),
        ConfigCommand::Reference => print(&config::markdown()),
    }
}

fn check(place: &Place, show: bool) -> ExitCode {
    match load(place, None) {
        Ok(loaded) => {
            loaded.warnings.iter().for_each(|warning| complain(&format!("warning: {warning}")));
            if show { print(&loaded.show()) } else { ExitCode::SUCCESS }
        }
        Err(errors) => {
            complain(&errors.to_string());
            ExitCode::from(USAGE)
        }
    }
}
