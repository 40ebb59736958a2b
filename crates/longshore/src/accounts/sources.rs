//! Who may say who somebody is, as administrators are shown it: without what is secret.

use longshore_accounts::ConfiguredSource;
use longshore_identity::{
    certificate::{CertificateOwner, CertificateRule},
    ldap::LdapSettings,
    oidc::OidcSettings,
};

use crate::config::{AccountsConfig, AuthConfig, Config, SourceConfig};

/// All of them, in the order in which they are asked.
pub(super) fn configured(config: &Config, accounts: &AccountsConfig) -> Vec<ConfiguredSource> {
    let mut sources = vec![ConfiguredSource { name: "local".to_owned(), kind: "local", facts: Vec::new() }];
    if let AuthConfig::Htpasswd(settings) = &config.auth {
        let facts = vec![("path", settings.path.display().to_string())];
        sources.push(ConfiguredSource { name: "htpasswd".to_owned(), kind: "htpasswd", facts });
    }
    sources.extend(accounts.sources.iter().map(|source| match source {
        SourceConfig::Ldap(settings) => directory(settings),
        SourceConfig::Oidc(settings) => provider(settings),
    }));
    for rule in &accounts.certificates {
        sources.push(authority(rule));
    }
    for issuer in &accounts.trust.issuers {
        sources.push(ConfiguredSource { name: issuer.issuer.clone(), kind: "issuer", facts: Vec::new() });
    }
    for domain in &accounts.trust.domains {
        let name = format!("spiffe://{}", domain.name);
        sources.push(ConfiguredSource { name, kind: "domain", facts: Vec::new() });
    }
    sources
}

/// An authority is called as its file.
fn authority(rule: &CertificateRule) -> ConfiguredSource {
    let name = rule.ca_file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let owner = match &rule.owner {
        CertificateOwner::User { source } => format!("user of {source}"),
        CertificateOwner::Robot => "robot".to_owned(),
    };
    let facts = said(vec![("kind", owner), ("pattern", rule.pattern.clone().unwrap_or_default())]);
    ConfiguredSource { name, kind: "certificate", facts }
}

fn directory(settings: &LdapSettings) -> ConfiguredSource {
    let mut facts = vec![
        ("urls", settings.urls.join(" ")),
        ("start_tls", settings.start_tls.to_string()),
        ("bind_dn", settings.bind_dn.clone()),
        ("base_dn", settings.base_dn.clone()),
        ("uid_attribute", settings.uid_attribute.clone()),
        ("user_filter", settings.user_filter.clone()),
    ];
    if settings.insecure {
        facts.push(("insecure", "true".to_owned()));
    }
    if let Some(groups) = &settings.groups {
        facts.push(("groups.filter", groups.filter.clone()));
    }
    ConfiguredSource { name: settings.name.clone(), kind: "ldap", facts: said(facts) }
}

fn provider(settings: &OidcSettings) -> ConfiguredSource {
    let facts = vec![
        ("issuer", settings.issuer.clone()),
        ("client_id", settings.client_id.clone()),
        ("scopes", settings.scopes.join(" ")),
        ("username_claim", settings.username_claim.clone()),
        ("groups_claim", settings.groups_claim.clone().unwrap_or_default()),
        ("admin_group", settings.admin_group.clone().unwrap_or_default()),
        ("auto_onboard", settings.auto_onboard.to_string()),
    ];
    ConfiguredSource { name: settings.name.clone(), kind: "oidc", facts: said(facts) }
}

/// Without what the file leaves out.
fn said(facts: Vec<(&'static str, String)>) -> Vec<(&'static str, String)> {
    facts.into_iter().filter(|(_, value)| !value.is_empty()).collect()
}
