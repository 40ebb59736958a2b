//! `longshore login` and `logout`.

use std::io;

use longshore_client::{Credentials, RegistryHost};

use super::{Failure, client, environment, terminal};
use crate::cli::Connection;

pub(super) async fn login(
    host: &RegistryHost,
    user: Option<String>,
    password_stdin: bool,
    connection: &Connection,
) -> Result<String, Failure> {
    let credentials = read(user, password_stdin)?;
    let registry = client(connection, Some(credentials.clone()))?.registry(host);
    registry.ping().await?;
    let place = environment::credentials(connection.authfile.as_deref()).store(host, &credentials).await?;
    Ok(format!("logged in to {host}; kept in {place}\n"))
}

pub(super) async fn logout(host: &RegistryHost, connection: &Connection) -> Result<String, Failure> {
    let removed = environment::credentials(connection.authfile.as_deref()).remove(host).await?;
    if removed.is_empty() {
        return Ok(format!("not logged in to {host}\n"));
    }
    Ok(format!("logged out of {host}; removed from {}\n", removed.join(", ")))
}

fn read(user: Option<String>, password_stdin: bool) -> Result<Credentials, Failure> {
    let no_terminal =
        || Failure::Usage("there is no terminal to ask on: give --user and --password-stdin".to_owned());
    let broken = |error: io::Error| Failure::Other(format!("cannot read name and secret: {error}"));
    if password_stdin && user.is_none() {
        return Err(Failure::Usage("--password-stdin needs --user".to_owned()));
    }
    let user = match user {
        Some(user) => user,
        None => terminal::ask("Name").map_err(broken)?.ok_or_else(no_terminal)?,
    };
    let secret = if password_stdin {
        terminal::piped().map_err(broken)?
    } else {
        terminal::ask_secret("Password").map_err(broken)?.ok_or_else(no_terminal)?
    };
    if user.is_empty() || secret.is_empty() || user.contains(':') {
        return Err(Failure::Usage(
            "name and secret must not be empty, and a name holds no colon".to_owned(),
        ));
    }
    Ok(Credentials::Password { user, secret })
}
