//! `accounts.sources` and `accounts.trust`: who else says who somebody is.

use std::{fs, path::PathBuf, str::FromStr};

use longshore_identity::{
    Secret, SettingsError, WildcardPattern,
    certificate::{CertificateOwner, CertificatePart, CertificateRule},
    ldap::{LdapGroupSettings, LdapMembership, LdapScope, LdapSettings},
    oidc::{ClientAuthentication, OidcSettings},
    workload::{TrustDomainSettings, TrustIssuerSettings, TrustSettings},
};

use super::section::Section;

/// Somebody else who vouches for users.
#[derive(Clone, Debug)]
pub(crate) enum SourceConfig {
    /// A directory.
    Ldap(Box<LdapSettings>),
    /// An OpenID provider.
    Oidc(Box<OidcSettings>),
}

impl SourceConfig {
    /// What its users are marked with.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Ldap(settings) => &settings.name,
            Self::Oidc(settings) => &settings.name,
        }
    }
}

/// Names that mean something else where users are marked.
const NAMES_TAKEN: [&str; 2] = ["local", "htpasswd"];

pub(super) fn sources(accounts: &Section<'_>) -> Vec<SourceConfig> {
    let mut sources: Vec<SourceConfig> = Vec::new();
    for entry in accounts.sections("sources") {
        let source = match (entry.is_given("ldap"), entry.is_given("oidc")) {
            (true, false) => SourceConfig::Ldap(Box::new(ldap(&entry.section("ldap")))),
            (false, true) => SourceConfig::Oidc(Box::new(oidc(&entry.section("oidc")))),
            (true, true) | (false, false) => {
                entry.refuse("ldap", "a source has one of ldap and oidc");
                continue;
            }
        };
        let name = source.name();
        if NAMES_TAKEN.contains(&name) || sources.iter().any(|other| other.name() == name) {
            entry.refuse("name", format!("another source is called {name:?}"));
        }
        sources.push(source);
    }
    sources
}

fn ldap(section: &Section<'_>) -> LdapSettings {
    let seconds = |name| section.positive(name);
    LdapSettings {
        name: section.needed("name"),
        urls: section.texts("urls"),
        start_tls: section.boolean("start_tls"),
        ca_file: section.path("ca_file"),
        insecure: section.boolean("insecure"),
        bind_dn: section.text("bind_dn").unwrap_or_default(),
        bind_password: secret(section, "bind_password").unwrap_or_default(),
        base_dn: section.needed("base_dn"),
        scope: word(section, "scope").unwrap_or(LdapScope::Subtree),
        uid_attribute: section.needed("uid_attribute"),
        user_filter: section.text("user_filter").unwrap_or_default(),
        email_attribute: section.needed("email_attribute"),
        real_name_attribute: section.needed("real_name_attribute"),
        groups: section.is_given("groups").then(|| ldap_groups(&section.section("groups"))),
        connect_timeout: seconds("connect_timeout"),
        timeout: seconds("timeout"),
        connections_max: usize::try_from(section.integer("connections_max")).unwrap_or(usize::MAX),
    }
}

fn ldap_groups(section: &Section<'_>) -> LdapGroupSettings {
    let membership = section.needed("membership");
    LdapGroupSettings {
        base_dn: section.text("base_dn"),
        scope: word(section, "scope").unwrap_or(LdapScope::Subtree),
        filter: section.text("filter").unwrap_or_default(),
        name_attribute: section.needed("name_attribute"),
        membership: parsed(section, "membership", &membership)
            .unwrap_or(LdapMembership::OfUser { attribute: membership }),
        nested: section.boolean("nested"),
        admin_dn: section.text("admin_dn"),
    }
}

fn oidc(section: &Section<'_>) -> OidcSettings {
    let scopes = section.texts("scopes");
    let filter = section.texts("group_filter");
    let pattern = |text: &String| parsed::<WildcardPattern, _>(section, "group_filter", text);
    let default = OidcSettings::default();
    OidcSettings {
        name: section.needed("name"),
        issuer: section.needed("issuer"),
        client_id: section.needed("client_id"),
        client_secret: secret(section, "client_secret"),
        client_authentication: word(section, "client_authentication").unwrap_or(ClientAuthentication::Basic),
        scopes: if scopes.is_empty() { default.scopes } else { scopes },
        username_claim: section.needed("username_claim"),
        real_name_claim: section.needed("real_name_claim"),
        email_claim: section.needed("email_claim"),
        groups_claim: section.text("groups_claim"),
        group_filter: filter.iter().filter_map(pattern).collect(),
        admin_group: section.text("admin_group"),
        auto_onboard: section.boolean("auto_onboard"),
        ca_file: section.path("ca_file"),
        endpoint_hosts: section.texts("endpoint_hosts"),
        timeout: section.positive("timeout"),
        login_time: section.positive("login_time"),
        keys_pause: section.positive("keys_pause"),
    }
}

pub(super) fn trust(trust: &Section<'_>) -> TrustSettings {
    let issuer = |section: &Section<'_>| TrustIssuerSettings {
        issuer: section.needed("issuer"),
        jwks_file: section.path("jwks_file"),
        jwks_url: section.text("jwks_url"),
        ca_file: section.path("ca_file"),
        endpoint_hosts: section.texts("endpoint_hosts"),
        timeout: section.positive("timeout"),
        keys_pause: section.positive("keys_pause"),
    };
    let domain = |section: &Section<'_>| TrustDomainSettings {
        name: section.needed("name"),
        bundle_file: section.path("bundle_file"),
        x509_bundle_file: section.path("x509_bundle_file"),
    };
    TrustSettings {
        issuers: trust.sections("issuers").iter().map(issuer).collect(),
        domains: trust.sections("domains").iter().map(domain).collect(),
    }
}

pub(super) fn certificates(root: &Section<'_>, sources: &[SourceConfig]) -> Vec<CertificateRule> {
    let tls = root.section("http").section("tls");
    let asked_for = match tls.word("clientauth") {
        Some(word) => word != "none",
        None => !tls.texts("clientcas").is_empty(),
    };
    let rule = |section: &Section<'_>| {
        if !asked_for {
            section.refuse("ca_file", "no client is asked for a certificate: set http.tls.clientauth");
        }
        CertificateRule {
            ca_file: section.path("ca_file").unwrap_or_else(|| {
                section.refuse("ca_file", "must be set");
                PathBuf::new()
            }),
            part: word(section, "name_from").unwrap_or(CertificatePart::CommonName),
            pattern: section.text("pattern"),
            owner: certificate_owner(section, sources),
        }
    };
    root.section("accounts").sections("certificates").iter().map(rule).collect()
}

fn certificate_owner(section: &Section<'_>, sources: &[SourceConfig]) -> CertificateOwner {
    let source = section.needed("source");
    let known = NAMES_TAKEN.contains(&source.as_str()) || sources.iter().any(|other| other.name() == source);
    if !known {
        section.refuse("source", format!("no source is called {source:?}"));
    }
    match section.word("kind") {
        Some("robot") => CertificateOwner::Robot,
        _ => CertificateOwner::User { source },
    }
}

/// A secret, given itself or in a file.
fn secret(section: &Section<'_>, name: &str) -> Option<Secret> {
    let given = section.secret(name).map(|secret| Secret::new(secret.reveal()));
    let file = format!("{name}_file");
    let Some(path) = section.path(&file) else { return given };
    if given.is_some() {
        section.refuse(&file, format!("is given beside {name}"));
        return given;
    }
    match fs::read_to_string(&path) {
        Ok(text) => Some(Secret::new(text.trim_end_matches(['\r', '\n']))),
        Err(error) => {
            section.refuse(&file, format!("{}: {error}", path.display()));
            None
        }
    }
}

fn word<T: FromStr<Err = SettingsError>>(section: &Section<'_>, name: &str) -> Option<T> {
    section.word(name).and_then(|text| parsed(section, name, text))
}

fn parsed<T, E>(section: &Section<'_>, name: &str, text: &str) -> Option<T>
where
    T: FromStr<Err = E>,
    E: std::fmt::Display,
{
    text.parse().map_err(|error: E| section.refuse(name, error.to_string())).ok()
}
