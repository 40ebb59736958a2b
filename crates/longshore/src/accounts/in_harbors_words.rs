//! The configuration file in Harbor's words, for those who look at `/configurations`.

use longshore_accounts::FileConfiguration;
use longshore_auth::{ProjectCreation, RateLimitSettings};
use longshore_identity::{
    ldap::{LdapScope, LdapSettings},
    oidc::OidcSettings,
};
use serde_json::Value;

use super::sources;
use crate::{
    config::{AccountsConfig, Config, ForwardTo, SourceConfig},
    open::records,
};

/// What the file and the environment say, so that nobody changes it while the registry runs.
pub(crate) fn file_configuration(config: &Config, accounts: &AccountsConfig) -> FileConfiguration {
    let mut file = FileConfiguration::default();
    let settings = &accounts.settings;
    let minutes = |seconds: u64| seconds.div_ceil(60).into();
    for key in &accounts.given {
        let value = match *key {
            "project_creation_restriction" => match settings.project_creation {
                ProjectCreation::Everyone => "everyone".into(),
                ProjectCreation::AdminOnly => "adminonly".into(),
            },
            "robot_name_prefix" => settings.robot_prefix.as_str().into(),
            "token_expiration" => minutes(settings.token_lifetime.as_secs()),
            "session_timeout" => minutes(settings.session_idle.as_secs()),
            "pull_audit_log_disable" => Value::from(!settings.audit_pulls),
            "read_only" => config.storage.readonly.into(),
            _ => continue,
        };
        file.values.insert(key, value);
    }
    if !records(config) {
        // Nothing is recorded at all.
        file.values.insert("pull_audit_log_disable", true.into());
    }
    let syslog = config.audit.forward.iter().find_map(|forward| match &forward.to {
        ForwardTo::Syslog(syslog) => Some(format!("{}:{}", syslog.host, syslog.port)),
        ForwardTo::Http(_) => None,
    });
    if let Some(endpoint) = syslog {
        file.values.insert("audit_log_forward_endpoint", endpoint.into());
    }
    tell_sources(&mut file, &accounts.sources);
    file.sources = sources::configured(config, accounts);
    file.rate_limits = rate_limits(&config.rate_limits);
    file
}

/// Those that are set.
fn rate_limits(settings: &RateLimitSettings) -> Vec<(&'static str, u64)> {
    let (requests, pulls) = (&settings.requests, &settings.pulls);
    let counts = [
        ("requests.anonymous", requests.address),
        ("requests.user", requests.user),
        ("requests.robot", requests.robot),
        ("requests.project", requests.project),
        ("pulls.anonymous", pulls.address),
        ("pulls.user", pulls.user),
        ("pulls.robot", pulls.robot),
        ("pulls.project", pulls.project),
    ];
    let mut limits: Vec<_> =
        counts.into_iter().filter_map(|(key, count)| Some((key, u64::from(count?)))).collect();
    if limits.iter().any(|(key, _)| key.starts_with("pulls.")) {
        limits.push(("pulls.window", settings.window.as_secs()));
    }
    if limits.iter().any(|(key, _)| key.starts_with("requests.")) {
        limits.push(("requests.burst", settings.burst.as_secs()));
    }
    limits
}

/// Harbor has one directory or one provider: the first of each is shown, and the first of all is the mode.
fn tell_sources(file: &mut FileConfiguration, sources: &[SourceConfig]) {
    let (mut ldap, mut oidc) = (false, false);
    for source in sources {
        let mode = match source {
            SourceConfig::Ldap(settings) if !ldap => {
                ldap = true;
                tell_directory(file, settings);
                "ldap_auth"
            }
            SourceConfig::Oidc(settings) if !oidc => {
                oidc = true;
                tell_provider(file, settings);
                "oidc_auth"
            }
            SourceConfig::Ldap(_) | SourceConfig::Oidc(_) => continue,
        };
        file.values.entry("auth_mode").or_insert_with(|| mode.into());
    }
}

fn tell_directory(file: &mut FileConfiguration, settings: &LdapSettings) {
    let scope = |scope: LdapScope| match scope {
        LdapScope::Base => 0,
        LdapScope::OneLevel => 1,
        LdapScope::Subtree => 2,
    };
    let mut tell = |key, value: Value| drop(file.values.insert(key, value));
    tell("ldap_url", settings.urls.first().map_or("", String::as_str).into());
    tell("ldap_verify_cert", (!settings.insecure).into());
    tell("ldap_search_dn", settings.bind_dn.as_str().into());
    tell("ldap_base_dn", settings.base_dn.as_str().into());
    tell("ldap_scope", scope(settings.scope).into());
    tell("ldap_uid", settings.uid_attribute.as_str().into());
    tell("ldap_filter", settings.user_filter.as_str().into());
    tell("ldap_timeout", settings.connect_timeout.as_secs().into());
    if let Some(groups) = &settings.groups {
        tell("ldap_group_base_dn", groups.base_dn.as_ref().unwrap_or(&settings.base_dn).as_str().into());
        tell("ldap_group_search_scope", scope(groups.scope).into());
        tell("ldap_group_search_filter", groups.filter.as_str().into());
        tell("ldap_group_attribute_name", groups.name_attribute.as_str().into());
        tell("ldap_group_membership_attribute", groups.membership.to_string().into());
        tell("ldap_group_admin_dn", groups.admin_dn.as_deref().unwrap_or_default().into());
    }
    file.secrets.insert("ldap_search_password", settings.bind_password.clone());
}

fn tell_provider(file: &mut FileConfiguration, settings: &OidcSettings) {
    let filter: Vec<_> = settings.group_filter.iter().map(ToString::to_string).collect();
    let mut tell = |key, value: Value| drop(file.values.insert(key, value));
    tell("oidc_name", settings.name.as_str().into());
    tell("oidc_endpoint", settings.issuer.as_str().into());
    tell("oidc_client_id", settings.client_id.as_str().into());
    tell("oidc_scope", settings.scopes.join(",").into());
    tell("oidc_user_claim", settings.username_claim.as_str().into());
    tell("oidc_groups_claim", settings.groups_claim.as_deref().unwrap_or_default().into());
    tell("oidc_group_filter", filter.join(",").into());
    tell("oidc_admin_group", settings.admin_group.as_deref().unwrap_or_default().into());
    tell("oidc_auto_onboard", settings.auto_onboard.into());
    tell("oidc_verify_cert", true.into());
    file.secrets.insert("oidc_client_secret", settings.client_secret.clone().unwrap_or_default());
}
