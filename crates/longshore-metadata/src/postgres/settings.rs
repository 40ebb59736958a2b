//! Reads the address of a PostgreSQL database.

use std::{path::PathBuf, time::Duration};

use tokio_postgres::{
    Config,
    config::{Host, SslMode},
};

use super::tls::Tls;
use crate::{MetadataError, MetadataSettings};

/// What the server itself gives up after: a statement, waiting for a lock, and a transaction in which nothing happens.
/// A transaction waits for the blob store while it holds a lock, so the last one is long.
const SERVER_LIMITS: &str =
    "-c statement_timeout=30s -c lock_timeout=20s -c idle_in_transaction_session_timeout=5min";

/// The connection's settings, and how to encrypt it.
pub(crate) fn read(settings: &MetadataSettings) -> Result<(Config, Option<Tls>), MetadataError> {
    let (url, own) = split_own_parameters(&settings.url);
    // The parser's message may quote any part of the address, also one with the password.
    let mut config: Config = url.parse().map_err(|_| {
        MetadataError::Settings(
            "not a PostgreSQL address: expected postgres://user:password@host:port/database?sslmode=require, \
             with %-escapes for special characters"
                .to_owned(),
        )
    })?;
    let required = own.tls_required()?.unwrap_or_else(|| !is_local(&config));
    config.ssl_mode(if required { SslMode::Require } else { SslMode::Disable });
    let tls = required.then(|| Tls::new(own.root_certificates.as_deref())).transpose()?;
    let commit = if settings.durable { "" } else { " -c synchronous_commit=off" };
    let given = config.get_options().unwrap_or_default();
    let options = format!("{SERVER_LIMITS}{commit} {given}");
    config.options(options.trim_end());
    if config.get_application_name().is_none() {
        config.application_name("longshore");
    }
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(Duration::from_secs(5));
    }
    // A server that is gone without a word is noticed within a minute.
    config.keepalives_idle(Duration::from_secs(30));
    config.keepalives_interval(Duration::from_secs(10));
    config.keepalives_retries(3);
    config.tcp_user_timeout(Duration::from_secs(60));
    Ok((config, tls))
}

/// The parameters that tokio-postgres does not read, or reads otherwise.
#[derive(Debug, Default, PartialEq)]
struct OwnParameters {
    ssl_mode: Option<String>,
    root_certificates: Option<PathBuf>,
}

impl OwnParameters {
    /// What `sslmode` says, if it is there. Whatever asks for encryption gets a checked certificate with it, and
    /// nothing falls back to plain text.
    fn tls_required(&self) -> Result<Option<bool>, MetadataError> {
        match self.ssl_mode.as_deref() {
            None => Ok(None),
            Some("disable") => Ok(Some(false)),
            Some("require" | "verify-ca" | "verify-full") => Ok(Some(true)),
            Some(_) => Err(MetadataError::Settings(
                "sslmode is disable or require; allow and prefer would fall back to plain text unseen"
                    .to_owned(),
            )),
        }
    }
}

/// Takes our own parameters out of the address.
fn split_own_parameters(url: &str) -> (String, OwnParameters) {
    let mut own = OwnParameters::default();
    // The parser takes everything before the first `@` for name and password, also a question mark.
    let host = url.find('@').unwrap_or(0);
    let Some((front, query)) = url[host..].split_once('?') else { return (url.to_owned(), own) };
    let front = &url[..host + front.len()];
    let rest: Vec<&str> = query
        .split('&')
        .filter(|parameter| {
            match parameter.split_once('=') {
                Some(("sslmode", value)) => own.ssl_mode = Some(value.to_owned()),
                Some(("sslrootcert", value)) => own.root_certificates = Some(unescape(value).into()),
                _ => return true,
            }
            false
        })
        .collect();
    let url = if rest.is_empty() { front.to_owned() } else { format!("{front}?{}", rest.join("&")) };
    (url, own)
}

/// Paths are mostly written as they are; `%2F` for `/` is common too.
fn unescape(value: &str) -> String {
    value.replace("%2F", "/").replace("%2f", "/").replace("%20", " ")
}

/// Whether all hosts are unix sockets or this machine itself.
fn is_local(config: &Config) -> bool {
    let named = config.get_hosts().iter().all(|host| match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        }
    });
    named && config.get_hostaddrs().iter().all(std::net::IpAddr::is_loopback)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(url: &str) -> MetadataSettings {
        MetadataSettings { url: url.to_owned(), connections_max: 4, durable: true }
    }

    #[test]
    fn encryption_is_on_except_to_this_machine() {
        let check = |url: &str, mode: SslMode| {
            let (config, tls) = read(&settings(url)).unwrap();
            assert_eq!(config.get_ssl_mode(), mode, "{url}");
            assert_eq!(tls.is_some(), mode == SslMode::Require, "{url}");
        };
        check("postgres://u:p@localhost/db", SslMode::Disable);
        check("postgres://u:p@127.0.0.1:5433/db", SslMode::Disable);
        check("postgres:///db?host=/run/postgresql&user=u", SslMode::Disable);
        check("postgres://u:p@db.example/db", SslMode::Require);
        check("postgres://u:p@db.example/db?sslmode=disable", SslMode::Disable);
        check("postgres://u:p?sslmode=disable@db.example/db", SslMode::Require);
        check("postgres://u:p@localhost/db?sslmode=verify-full", SslMode::Require);
        check("postgres://u:p@localhost,db.example/db", SslMode::Require);
    }

    #[test]
    fn a_wrong_address_is_told_without_the_password() {
        for url in [
            "postgres://u:sec?ret@host/db?sslmode=maybe",
            "postgres://u:secret@host:port/db",
            "postgres://u:secret@host/db?sslmode=prefer",
            "postgres://u:secret@host/db?unknown=1",
            "postgres://u:secret@host/db?sslrootcert=/does/not/exist",
        ] {
            let error = read(&settings(url)).err().expect(url);
            assert!(matches!(error, MetadataError::Settings(_)), "{error}");
            assert!(!error.to_string().contains("sec") && !error.to_string().contains("ret@"), "{error}");
        }
    }

    #[test]
    fn given_options_come_after_ours() {
        let (config, _) =
            read(&settings("postgres://u@localhost/db?options=-c%20lock_timeout%3D1s")).unwrap();
        let options = config.get_options().unwrap();
        assert!(options.starts_with(SERVER_LIMITS) && options.ends_with("lock_timeout=1s"), "{options}");
        let config = read(&MetadataSettings { durable: false, ..settings("postgres://u@localhost/db") });
        assert!(config.unwrap().0.get_options().unwrap().ends_with("synchronous_commit=off"));
    }
}
