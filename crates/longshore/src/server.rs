//! The HTTP server's settings and its parts, from a configuration.

use std::{
    net::{Ipv6Addr, SocketAddr, TcpListener, ToSocketAddrs as _},
    path::PathBuf,
    sync::Arc,
};

use anyhow::{Context as _, anyhow, bail};
use longshore_auth::{Authenticator, BySource, Htpasswd, RateLimiter, TokenVerifier};
use longshore_http::{
    ApiSettings, AuthMode, ClientAuth, DebugSettings, HttpLimits, HttpSettings, ListenAddr, TlsSettings,
    TlsVersion, check_tls,
};
use longshore_types::error_chain;

use crate::{
    accounts,
    config::{AccountsConfig, AuthConfig, Config, SourceConfig, TlsConfig},
};

/// Everything that the server wants to know.
pub(crate) fn http_settings(config: &Config) -> anyhow::Result<HttpSettings> {
    let http = &config.http;
    let listen = match http.unix {
        true => ListenAddr::Unix(PathBuf::from(&http.addr)),
        false => ListenAddr::Tcp(resolve("http.addr", &http.addr)?),
    };
    let debug = match &http.debug {
        Some(debug) => Some(DebugSettings {
            listen: ListenAddr::Tcp(resolve("http.debug.addr", &debug.addr)?),
            metrics_path: debug.metrics_path.clone(),
        }),
        None => None,
    };
    let each_value = |(name, values): &(String, Vec<String>)| {
        values.iter().map(|value| (name.clone(), value.clone())).collect::<Vec<_>>()
    };
    Ok(HttpSettings {
        listen,
        prefix: http.prefix.clone(),
        host: http.host.clone(),
        relative_urls: http.relative_urls,
        drain_timeout: http.drain_timeout,
        headers: http.headers.iter().flat_map(each_value).collect(),
        tls: http.tls.as_ref().map(tls_settings).transpose()?,
        http2: http.http2,
        debug,
        metrics_on_main: http.metrics,
        trusted_proxies: http.trusted_proxies.clone(),
        limits: limits(config),
    })
}

fn limits(config: &Config) -> HttpLimits {
    let limits = &config.limits;
    HttpLimits {
        connections_max: limits.connections_max,
        handshake_timeout: limits.handshake_timeout,
        header_timeout: limits.header_timeout,
        idle_timeout: limits.idle_timeout,
        stall_timeout: limits.body_timeout,
        header_bytes_max: limits.header_bytes_max,
        streams_max: limits.streams_max,
        manifest_bytes_max: limits.manifest_bytes_max,
        tags_max: limits.tags_max,
        catalog_max: limits.catalog_entries_max,
    }
}

fn tls_settings(tls: &TlsConfig) -> anyhow::Result<TlsSettings> {
    let client_auth = match tls.client_auth {
        "none" => ClientAuth::None,
        "request-client-cert" => ClientAuth::Request,
        "require-any-client-cert" => ClientAuth::RequireAny,
        "verify-client-cert-if-given" => ClientAuth::VerifyIfGiven,
        "require-and-verify-client-cert" => ClientAuth::RequireAndVerify,
        other => bail!("http.tls.clientauth: {other}"),
    };
    Ok(TlsSettings {
        certificate: tls.certificate.clone(),
        key: tls.key.clone(),
        minimum_version: if tls.tls13_only { TlsVersion::Tls13 } else { TlsVersion::Tls12 },
        cipher_suites: tls.cipher_suites.clone(),
        client_cas: tls.client_cas.clone(),
        client_auth,
    })
}

/// Opens every file that the server will read at its start; what is wrong with them, as sentences for the operator. A
/// server starts without the file of `auth.htpasswd`, but nobody could log in.
pub(crate) fn check_files(config: &Config) -> Vec<String> {
    let tls = config.http.tls.as_ref().map(|tls| {
        tls_settings(tls)
            .and_then(|tls| check_tls(&tls).map_err(|error| anyhow!("http.tls: {}", error_chain(&error))))
    });
    let auth = match &config.auth {
        AuthConfig::Open | AuthConfig::Silly { .. } => Ok(()),
        AuthConfig::Htpasswd(settings) => {
            Htpasswd::new(settings.clone()).and_then(|htpasswd| htpasswd.check())
        }
        AuthConfig::Token(settings) => TokenVerifier::new(settings.clone()).map(drop),
    };
    let auth = auth.map_err(anyhow::Error::from);
    let accounts = config.accounts.as_ref().map(accounts::check);
    let all = tls.into_iter().chain([auth]).chain(accounts);
    all.filter_map(Result::err).map(|error| format!("{error:#}")).collect()
}

/// `:5000` means every address of this machine, IPv6 included where there is such a thing.
fn resolve(key: &str, addr: &str) -> anyhow::Result<SocketAddr> {
    if let Some(port) = addr.strip_prefix(':') {
        let port = port.parse().with_context(|| format!("{key}: {addr} has no port"))?;
        let has_ipv6 = TcpListener::bind((Ipv6Addr::UNSPECIFIED, 0)).is_ok();
        return Ok(if has_ipv6 { (Ipv6Addr::UNSPECIFIED, port).into() } else { ([0, 0, 0, 0], port).into() });
    }
    let mut found =
        addr.to_socket_addrs().with_context(|| format!("{key}: cannot find the address of {addr}"))?;
    found.next().with_context(|| format!("{key}: {addr} has no address"))
}

/// Who may come in, where there are no accounts.
pub(crate) fn authenticator(config: &Config) -> anyhow::Result<Authenticator> {
    Ok(match &config.auth {
        // It is not asked: accounts are.
        _ if config.accounts.is_some() => Authenticator::Open,
        AuthConfig::Open => Authenticator::Open,
        AuthConfig::Silly { realm, service } => {
            tracing::warn!("auth.silly lets in whoever sends any credentials: it is made for tests");
            Authenticator::Silly { realm: realm.clone(), service: service.clone() }
        }
        AuthConfig::Htpasswd(settings) => {
            let htpasswd = Htpasswd::new(settings.clone())?;
            if let Err(error) = htpasswd.check() {
                tracing::warn!("{error}");
            }
            Authenticator::Htpasswd(htpasswd)
        }
        AuthConfig::Token(settings) => Authenticator::Token(TokenVerifier::new(settings.clone())?.into()),
    })
}

/// Who counts who comes how often: with accounts projects may have limits of their own at any time.
pub(crate) fn rate_limits(config: &Config) -> Option<Arc<RateLimiter>> {
    let settings = config.rate_limits;
    let nothing = BySource::default();
    let is_limited = settings.requests != nothing || settings.pulls != nothing;
    (is_limited || config.accounts.is_some()).then(|| Arc::new(RateLimiter::new(settings)))
}

/// What the management API tells about the registry.
pub(crate) fn api_settings(config: &Config, accounts: &AccountsConfig) -> ApiSettings {
    ApiSettings {
        external_url: config.http.host.clone(),
        auth_mode: match accounts.sources.first() {
            None => AuthMode::Database,
            Some(SourceConfig::Ldap(_)) => AuthMode::Ldap,
            Some(SourceConfig::Oidc(_)) => AuthMode::Oidc,
        },
        storage_driver: "filesystem".to_owned(),
        notifies: !config.notifications.endpoints.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;
    use crate::config::Sources;

    #[test]
    fn files_are_opened_by_the_check() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            path.display().to_string()
        };
        let check = |sections: &str| {
            let file = write("config.yml", &format!("version: 0.1\nstorage: filesystem\n{sections}\n"));
            let sources = Sources { file: Some(Path::new(&file)), ..Sources::default() };
            check_files(&sources.load().unwrap().config)
        };
        let junk = write("junk", "no colon, no PEM, no JSON");
        let token = "auth: {token: {realm: http://r, service: s, issuer: i,";
        assert_eq!(check(""), [""; 0]);
        assert_eq!(
            check(&format!("auth: {{htpasswd: {{path: {}}}}}", write("users", "# none yet\n"))),
            [""; 0]
        );
        for (sections, key) in [
            (format!("auth: {{htpasswd: {{path: {junk}}}}}"), "auth.htpasswd.path"),
            ("auth: {htpasswd: {path: /nowhere/users}}".to_owned(), "auth.htpasswd.path"),
            (format!("{token} rootcertbundle: {junk}}}}}"), "auth.token.rootcertbundle"),
            (format!("{token} jwks: {junk}}}}}"), "auth.token.jwks"),
            (
                format!("accounts: {{enabled: true, trust: {{issuers: [{{issuer: https://i, jwks_file: {junk}}}]}}}}"),
                "accounts.trust",
            ),
            (
                "accounts: {enabled: true, sources: [{ldap: {urls: [gopher://x], base_dn: dc=x, ca_file: /nowhere/ca}}]}"
                    .to_owned(),
                "accounts.sources",
            ),
            (format!("http: {{tls: {{certificate: {junk}, key: {junk}}}}}"), "http.tls"),
            ("http: {tls: {certificate: /nowhere/c, key: /nowhere/k}}".to_owned(), "http.tls"),
        ] {
            let wrong = check(&sections);
            assert!(wrong.len() == 1 && wrong[0].starts_with(key), "{sections}: {wrong:?}");
            let named = ["junk", "/nowhere/", "gopher:"].iter().any(|part| wrong[0].contains(part));
            assert!(named, "{wrong:?}");
        }
    }

    #[test]
    fn addresses() {
        assert_eq!(resolve("k", "127.0.0.1:0").unwrap(), "127.0.0.1:0".parse().unwrap());
        assert_eq!(resolve("k", "[::1]:80").unwrap(), "[::1]:80".parse().unwrap());
        let everywhere = resolve("k", ":5000").unwrap();
        assert!(everywhere.ip().is_unspecified() && everywhere.port() == 5000);
        assert!(
            resolve("k", "no.such.host.invalid:1")
                .unwrap_err()
                .to_string()
                .contains("no.such.host.invalid:1")
        );
    }
}
