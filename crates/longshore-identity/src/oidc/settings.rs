//! What the configuration says of a provider.

use std::{path::PathBuf, str::FromStr, time::Duration};

use crate::{Secret, SettingsError, WildcardPattern};

/// A provider: `accounts.sources[].oidc`. The keys have the names of the fields.
#[derive(Clone, Debug)]
pub struct OidcSettings {
    /// What users that it vouches for are marked with, and pages show. From `name`; `oidc` unless set.
    pub name: String,
    /// Exactly as its tokens and its discovery name it. From `issuer`.
    pub issuer: String,
    /// What the provider calls us. From `client_id`.
    pub client_id: String,
    /// What proves that it is us; without it we are a public client, and PKCE alone protects. From `client_secret` or
    /// `client_secret_file`.
    pub client_secret: Option<Secret>,
    /// How it is proven. From `client_authentication`: `basic`, `post`.
    pub client_authentication: ClientAuthentication,
    /// What is asked for; `openid` always is. From `scopes`.
    pub scopes: Vec<String>,
    /// The claim with the name of the user here. From `username_claim`. As for all claims: `a.b` is `b` within `a`.
    pub username_claim: String,
    /// From `real_name_claim`.
    pub real_name_claim: String,
    /// From `email_claim`. One that the provider says is not verified is not taken.
    pub email_claim: String,
    /// The claim with the names of groups, a list or one name. From `groups_claim`; without it users have no groups.
    pub groups_claim: Option<String>,
    /// Patterns with `*`: groups that match none are left out. From `group_filter`; empty for all.
    pub group_filter: Vec<WildcardPattern>,
    /// The group whose members are administrators, whether or not the filter leaves it out. From `admin_group`.
    pub admin_group: Option<String>,
    /// Whether somebody who is not known here becomes a user by logging in; otherwise they choose their name first. From
    /// `auto_onboard`. For whoever calls [`super::OidcProvider::finish`].
    pub auto_onboard: bool,
    /// A PEM file of the authorities to trust instead of the system's. From `ca_file`.
    pub ca_file: Option<PathBuf>,
    /// Hosts besides the issuer's own at which its endpoints may be: `host` or `host:port`. From `endpoint_hosts`.
    pub endpoint_hosts: Vec<String>,
    /// How long the provider may take for an answer. From `timeout`.
    pub timeout: Duration,
    /// How long somebody may take to log in. From `login_time`.
    pub login_time: Duration,
    /// How often the provider may be asked for keys because a token has an unknown key id. From `keys_pause`.
    pub keys_pause: Duration,
}

impl Default for OidcSettings {
    fn default() -> Self {
        Self {
            name: "oidc".to_owned(),
            issuer: String::new(),
            client_id: String::new(),
            client_secret: None,
            client_authentication: ClientAuthentication::Basic,
            scopes: ["openid", "profile", "email"].map(str::to_owned).to_vec(),
            username_claim: "preferred_username".to_owned(),
            real_name_claim: "name".to_owned(),
            email_claim: "email".to_owned(),
            groups_claim: None,
            group_filter: Vec::new(),
            admin_group: None,
            auto_onboard: false,
            ca_file: None,
            endpoint_hosts: Vec::new(),
            timeout: Duration::from_secs(10),
            login_time: Duration::from_secs(600),
            keys_pause: Duration::from_secs(10),
        }
    }
}

/// How the client's secret is shown (OpenID Connect Core section 9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientAuthentication {
    /// `client_secret_basic`: in a header.
    Basic,
    /// `client_secret_post`: in the form.
    Post,
}

impl FromStr for ClientAuthentication {
    type Err = SettingsError;

    fn from_str(text: &str) -> Result<Self, SettingsError> {
        match text {
            "basic" | "client_secret_basic" => Ok(Self::Basic),
            "post" | "client_secret_post" => Ok(Self::Post),
            _ => {
                Err(SettingsError::new(format!("client_authentication: {text:?} is neither basic nor post")))
            }
        }
    }
}

impl OidcSettings {
    /// What must be there, besides the issuer.
    pub(super) fn check(&self) -> Result<(), SettingsError> {
        for (key, value) in [
            ("client_id", &self.client_id),
            ("username_claim", &self.username_claim),
            ("real_name_claim", &self.real_name_claim),
            ("email_claim", &self.email_claim),
        ] {
            if value.is_empty() {
                return Err(SettingsError::new(format!("{key}: must be set")));
            }
        }
        if self.client_secret.as_ref().is_some_and(Secret::is_empty) {
            return Err(SettingsError::new("client_secret: is empty; leave it out for a public client"));
        }
        if self.admin_group.is_some() && self.groups_claim.is_none() {
            return Err(SettingsError::new(
                "admin_group: needs groups_claim, which says what the groups are",
            ));
        }
        // RFC 6749 section 3.3.
        let valid = |scope: &String| {
            !scope.is_empty()
                && scope.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\'))
        };
        match self.scopes.iter().find(|scope| !valid(scope)) {
            Some(scope) => Err(SettingsError::new(format!("scopes: {scope:?} is no scope"))),
            None => Ok(()),
        }
    }

    /// As they are asked for.
    pub(super) fn scope(&self) -> String {
        let mut scopes = vec!["openid"];
        scopes.extend(self.scopes.iter().map(String::as_str).filter(|scope| *scope != "openid"));
        scopes.join(" ")
    }
}
