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
mod prune;
mod remote;
mod rollback;
mod terminal;

use std::process::ExitCode;

use failure::Failure;
use longshore_client::{Client, ClientSettings, Credentials, RegistryRules};

use super::{complain, runtime};
use crate::cli::{ClientCommand, Connection, RemoteCommand};

/// Runs a command to its end.
pub(super) fn run(command: ClientCommand) -> ExitCode {
    to_its_end(dispatch(command))
}

/// Runs a command of `longshore admin` that asks a registry.
pub(super) fn administer(command: RemoteCommand) -> ExitCode {
    to_its_end(remote::run(command))
}

fn to_its_end(work: impl Future<Output = Result<String, Failure>>) -> ExitCode {
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(error) => {
            complain(&format!("{error:#}"));
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(work) {
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
        ClientCommand::Rollback(arguments) => rollback::rollback(&arguments).await,
        ClientCommand::Prune(arguments) => prune::prune(&arguments).await,
        ClientCommand::Ping { host, connection } => ping::ping(&host, &connection).await,
    }
}

/// A client as the arguments and the environment say.
fn client(connection: &Connection, given: Option<Credentials>) -> Result<Client, Failure> {
    let rules = connection.mirror.iter().cloned().fold(environment::rules()?, RegistryRules::with_mirror);
    let settings = ClientSettings {
        insecure: connection.insecure,
        rules,
        ca_files: connection.ca_file.clone(),
        credentials: environment::credentials(connection.authfile.as_deref()),
        given,
    };
    Ok(Client::new(settings)?)
}
