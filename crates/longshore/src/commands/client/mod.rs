//! The commands that ask a registry, any registry: a file a command.

mod copy;
mod diff;
mod environment;
mod failure;
mod files;
mod history;
mod image;
mod layers;
mod lists;
mod local;
mod login;
mod output;
mod ping;
mod progress;
mod terminal;

use std::process::ExitCode;

use failure::Failure;
use longshore_client::{Client, ClientSettings, Credentials};

use super::{complain, runtime};
use crate::cli::{ClientCommand, Connection};

/// Runs a command to its end.
pub(super) fn run(command: ClientCommand) -> ExitCode {
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(error) => {
            complain(&format!("{error:#}"));
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(dispatch(command)) {
        Ok(text) => super::print(&text),
        Err(failure) => failure.tell(),
    }
}

/// What is to be printed.
async fn dispatch(command: ClientCommand) -> Result<String, Failure> {
    match command {
        ClientCommand::Login { host, user, password_stdin, connection } => {
            login::login(&host, user, password_stdin, &connection).await
        }
        ClientCommand::Logout { host, connection } => login::logout(&host, &connection).await,
        ClientCommand::Catalog { host, output, connection } => {
            lists::catalog(&client(&connection, None)?.registry(&host), output.output).await
        }
        ClientCommand::Tags { repository, output, connection } => {
            let registry = client(&connection, None)?.registry(&repository.host);
            lists::tags(&registry.repository(&repository.repository), output.output).await
        }
        ClientCommand::Referrers { image, output, connection } => {
            lists::referrers(&client(&connection, None)?, &image, output.output).await
        }
        ClientCommand::Inspect { one, output } => image::inspect(&one, output.output).await,
        ClientCommand::Manifest(one) => image::manifest(&one).await,
        ClientCommand::History { one, output } => history::history(&one, output.output).await,
        ClientCommand::Files(arguments) => files::files(&arguments).await,
        ClientCommand::Diff(arguments) => diff::diff(&arguments).await,
        ClientCommand::Copy(arguments) => copy::copied(&arguments).await,
        ClientCommand::Pull(arguments) => local::pulled(&arguments).await,
        ClientCommand::Push(arguments) => local::pushed(&arguments).await,
        ClientCommand::Tag { image, tag, connection } => {
            image::tag(&client(&connection, None)?, &image, &tag).await
        }
        ClientCommand::Untag { image, connection } => image::untag(&client(&connection, None)?, &image).await,
        ClientCommand::Delete { image, connection } => {
            image::delete(&client(&connection, None)?, &image).await
        }
        ClientCommand::Ping { host, connection } => ping::ping(&host, &connection).await,
    }
}

/// A client as the arguments and the environment say.
fn client(connection: &Connection, given: Option<Credentials>) -> Result<Client, Failure> {
    let settings = ClientSettings {
        insecure: connection.insecure,
        ca_files: connection.ca_file.clone(),
        credentials: environment::credentials(connection.authfile.as_deref()),
        given,
    };
    Ok(Client::new(settings)?)
}
