//! `longshore ping`: what keeps people from a registry, in the order in which it can go wrong.

use std::time::{Duration, Instant, SystemTime};

use longshore_client::{ClientError, RegistryHost};
use longshore_types::error_chain;
use tokio::{
    net::{TcpStream, lookup_host},
    time::timeout,
};

use super::{Failure, client};
use crate::{cli::Connection, commands::print};

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);

/// A clock that is off by more than this makes tokens and certificates fail.
const CLOCK_OFF_MAX: Duration = Duration::from_secs(60);

/// Prints each step as it is done; the first that fails is what is wrong.
pub(super) async fn ping(host: &RegistryHost, connection: &Connection) -> Result<String, Failure> {
    let (name, port) = parts(host.api_authority());
    // Without a port it is HTTPS, and plain HTTP only if that is not there.
    let addresses: Vec<_> = lookup_host((name, port.unwrap_or(443)))
        .await
        .map_err(|error| Failure::Other(format!("name: {name} has no address: {error}")))?
        .collect();
    let Some(first) = addresses.first() else {
        return Err(Failure::Other(format!("name: {name} has no address")));
    };
    let shown: Vec<_> = addresses.iter().map(|address| address.ip().to_string()).collect();
    step("name", &format!("{name} is {}", shown.join(", ")));
    if port.is_some() {
        connect(first).await?;
    }
    let client = client(connection, None)?;
    let registry = client.registry(host);
    let root = registry.root().await.map_err(explained)?;
    step("API", root.as_str());
    let begun = Instant::now();
    let date = match registry.ping().await {
        Ok(date) => date,
        Err(error) => {
            let user = registry.credentials().await?;
            step("login", if user.is_some() { "refused" } else { "wanted, and none is kept" });
            return Err(error.into());
        }
    };
    let shown = match registry.credentials().await? {
        Some(credentials) => format!("let in; if it asks, it gets {credentials:?}"),
        None => "let in, without a login".to_owned(),
    };
    step("login", &format!("{shown} ({} ms)", begun.elapsed().as_millis()));
    if let Some(off) = date.and_then(off) {
        if off > CLOCK_OFF_MAX {
            let text = format!("clock: this machine's differs from the registry's by {} s", off.as_secs());
            return Err(Failure::Other(text));
        }
        step("clock", "agrees with the registry's");
    }
    Ok(String::new())
}

async fn connect(address: &std::net::SocketAddr) -> Result<(), Failure> {
    let begun = Instant::now();
    match timeout(CONNECT, TcpStream::connect(address)).await {
        Ok(Ok(_)) => {
            step("connection", &format!("{address} answers ({} ms)", begun.elapsed().as_millis()));
            Ok(())
        }
        Ok(Err(error)) => Err(Failure::Other(format!("connection: {address}: {error}"))),
        Err(_) => {
            Err(Failure::Other(format!("connection: {address} does not answer: is a firewall between?")))
        }
    }
}

fn explained(error: ClientError) -> Failure {
    Failure::Other(format!("API: {}", error_chain(&error)))
}

/// Whichever clock is ahead.
fn off(date: SystemTime) -> Option<Duration> {
    let now = SystemTime::now();
    now.duration_since(date).or_else(|_| date.duration_since(now)).ok()
}

fn parts(authority: &str) -> (&str, Option<u16>) {
    let (name, port) = match authority.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, port.parse().ok()),
        _ => (authority, None),
    };
    (name.trim_start_matches('[').trim_end_matches(']'), port)
}

fn step(name: &str, text: &str) {
    print(&format!("{name:<11} {text}\n"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_have_parts() {
        assert_eq!(parts("localhost:5000"), ("localhost", Some(5000)));
        assert_eq!(parts("[::1]:5000"), ("::1", Some(5000)));
        assert_eq!(parts("[::1]"), ("::1", None));
        assert_eq!(parts("example.org"), ("example.org", None));
    }
}
