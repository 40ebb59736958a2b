//! `accounts.audit`.

use std::{path::PathBuf, time::Duration};

use super::{section::Section, values::Secret};

/// The record of what was done.
#[derive(Clone, Debug)]
pub(crate) struct AuditConfig {
    /// `None`: where accounts are on.
    pub(crate) enabled: Option<bool>,
    pub(crate) pulls: bool,
    /// `None`: for ever.
    pub(crate) retention: Option<Duration>,
    pub(crate) forward: Vec<ForwardConfig>,
}

/// Somebody who gets copies.
#[derive(Clone, Debug)]
pub(crate) struct ForwardConfig {
    pub(crate) to: ForwardTo,
    pub(crate) timeout: Duration,
}

/// In which way.
#[derive(Clone, Debug)]
pub(crate) enum ForwardTo {
    Syslog(SyslogConfig),
    Http(HttpForwardConfig),
}

/// A receiver of syslog messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SyslogConfig {
    /// A name or an address; IPv6 without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) tls: bool,
    /// Who may have signed its certificate; `None`: whom the system trusts.
    pub(crate) authorities: Option<PathBuf>,
}

/// A receiver of JSON lines.
#[derive(Clone, Debug)]
pub(crate) struct HttpForwardConfig {
    /// It may hold a password.
    pub(crate) url: Secret,
    pub(crate) headers: Vec<(String, Vec<Secret>)>,
}

impl AuditConfig {
    pub(super) fn read(audit: &Section<'_>) -> Self {
        let retention = audit.duration("retention");
        if retention.is_some_and(|retention| retention.is_zero()) {
            audit.refuse("retention", "must be longer than 0; leave it out to keep the record for ever");
        }
        Self {
            enabled: audit.is_given("enabled").then(|| audit.boolean("enabled")),
            pulls: audit.boolean("pulls"),
            retention,
            forward: audit.sections("forward").iter().filter_map(ForwardConfig::read).collect(),
        }
    }
}

impl ForwardConfig {
    fn read(section: &Section<'_>) -> Option<Self> {
        let timeout = section.positive("timeout");
        let authorities = section.path("ca");
        let headers = section.headers("headers").into_iter();
        let headers = headers.map(|(name, values)| (name, values.into_iter().map(Secret::new).collect()));
        let to = match (section.text("syslog"), section.secret("http")) {
            (Some(url), None) => {
                let Some(syslog) = syslog(&url, authorities) else {
                    section.refuse("syslog", "must be tcp://host:port or tls://host:port");
                    return None;
                };
                ForwardTo::Syslog(syslog)
            }
            (None, Some(url)) => {
                if !["http://", "https://"].iter().any(|scheme| url.reveal().starts_with(scheme)) {
                    section.refuse("http", "must begin with http:// or https://");
                }
                ForwardTo::Http(HttpForwardConfig { url, headers: headers.collect() })
            }
            _ => {
                section.refuse("syslog", "either syslog or http must be set");
                return None;
            }
        };
        Some(Self { to, timeout })
    }
}

/// The ports are those that IANA gave syslog: 601 over TCP (RFC 3195), 6514 over TLS.
fn syslog(url: &str, authorities: Option<PathBuf>) -> Option<SyslogConfig> {
    let (scheme, authority) = url.split_once("://")?;
    let (tls, default) = match scheme {
        "tcp" => (false, 601),
        "tls" => (true, 6514),
        _ => return None,
    };
    let authority = authority.strip_suffix('/').unwrap_or(authority);
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']')?;
            (host, if port.is_empty() { None } else { Some(port.strip_prefix(':')?) })
        }
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    let port = port.map_or(Some(default), |port| port.parse().ok())?;
    if host.is_empty() || host.contains(['/', '@', '?', ' ']) || port == 0 {
        return None;
    }
    Some(SyslogConfig { host: host.to_owned(), port, tls, authorities })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn receivers_of_syslog() {
        let check = |url: &str, wanted: Option<(&str, u16, bool)>| {
            let read = syslog(url, None);
            assert_eq!(read.as_ref().map(|read| (read.host.as_str(), read.port, read.tls)), wanted, "{url}");
        };
        check("tcp://siem.example:514", Some(("siem.example", 514, false)));
        check("tcp://siem.example", Some(("siem.example", 601, false)));
        check("tls://siem.example/", Some(("siem.example", 6514, true)));
        check("tls://[2001:db8::1]:6515", Some(("2001:db8::1", 6515, true)));
        check("tls://[2001:db8::1]", Some(("2001:db8::1", 6514, true)));
        for wrong in [
            "",
            "siem",
            "udp://siem:514",
            "tcp://",
            "tcp://:1",
            "tcp://a:b",
            "tcp://a:0",
            "tcp://a/b:1",
            "tcp://[::1",
        ] {
            check(wrong, None);
        }
    }
}
