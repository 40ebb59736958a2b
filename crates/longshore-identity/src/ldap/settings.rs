//! What the configuration says of a directory, and what is checked of it before anybody logs in.

use std::{fmt, path::PathBuf, str::FromStr, time::Duration};

use ldap3::{Scope, parse_filter};
use reqwest::Url;

use super::Dn;
use crate::{Secret, SettingsError};

/// A directory: `accounts.sources[].ldap`. The keys have the names of the fields.
#[derive(Clone, Debug)]
pub struct LdapSettings {
    /// What users that it vouches for are marked with. From `name`; `ldap` unless set.
    pub name: String,
    /// `ldap://host[:port]` or `ldaps://host[:port]`, asked in this order until one answers. From `urls`.
    pub urls: Vec<String>,
    /// Whether connections by `ldap://` are encrypted before anything is said. From `start_tls`.
    pub start_tls: bool,
    /// A PEM file of the authorities to trust instead of the system's. From `ca_file`.
    pub ca_file: Option<PathBuf>,
    /// Whether any certificate will do: for a first try only, for passwords go to whoever answers. From `insecure`.
    pub insecure: bool,
    /// Who searches. From `bind_dn`; empty for a directory that lets anybody search.
    pub bind_dn: String,
    /// Their password. From `bind_password` or `bind_password_file`.
    pub bind_password: Secret,
    /// Where users are. From `base_dn`.
    pub base_dn: String,
    /// How deep below. From `scope`: `base`, `one`, `sub`.
    pub scope: LdapScope,
    /// The attribute with the name that users type. From `uid_attribute`: `uid`, or `sAMAccountName`, or `mail`.
    pub uid_attribute: String,
    /// What else an entry must match to be a user. From `user_filter`, such as `(objectClass=person)`; may be empty.
    pub user_filter: String,
    /// From `email_attribute`.
    pub email_attribute: String,
    /// From `real_name_attribute`.
    pub real_name_attribute: String,
    /// From `groups`; without it users have no groups.
    pub groups: Option<LdapGroupSettings>,
    /// How long a server may take to accept a connection, encrypt it and let `bind_dn` in, before the next one is asked.
    /// From `connect_timeout`.
    pub connect_timeout: Duration,
    /// How long a whole login or search may take once it is connected. From `timeout`.
    pub timeout: Duration,
    /// Connections at a time, at most: each login has one of its own. From `connections_max`.
    pub connections_max: usize,
}

impl Default for LdapSettings {
    fn default() -> Self {
        Self {
            name: "ldap".to_owned(),
            urls: Vec::new(),
            start_tls: false,
            ca_file: None,
            insecure: false,
            bind_dn: String::new(),
            bind_password: Secret::default(),
            base_dn: String::new(),
            scope: LdapScope::Subtree,
            uid_attribute: "uid".to_owned(),
            user_filter: String::new(),
            email_attribute: "mail".to_owned(),
            real_name_attribute: "cn".to_owned(),
            groups: None,
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(10),
            connections_max: 16,
        }
    }
}

/// Groups of a directory: `accounts.sources[].ldap.groups`.
#[derive(Clone, Debug)]
pub struct LdapGroupSettings {
    /// Where groups are. From `base_dn`; where users are unless set.
    pub base_dn: Option<String>,
    /// How deep below. From `scope`.
    pub scope: LdapScope,
    /// What an entry must match to be a group. From `filter`, such as `(objectClass=groupOfNames)`; may be empty.
    pub filter: String,
    /// From `name_attribute`.
    pub name_attribute: String,
    /// From `membership`: `memberOf`, `member`, `uniqueMember`, `memberUid`, or another attribute of groups that holds
    /// names of members.
    pub membership: LdapMembership,
    /// Whether members of a group's groups are its members. From `nested`.
    pub nested: bool,
    /// The group whose members are administrators. From `admin_dn`.
    pub admin_dn: Option<String>,
}

impl Default for LdapGroupSettings {
    fn default() -> Self {
        Self {
            base_dn: None,
            scope: LdapScope::Subtree,
            filter: String::new(),
            name_attribute: "cn".to_owned(),
            membership: LdapMembership::OfGroup { attribute: "member".to_owned(), by: MemberName::Dn },
            nested: false,
            admin_dn: None,
        }
    }
}

/// How far below its base a search looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LdapScope {
    /// The base itself.
    Base,
    /// Right below.
    OneLevel,
    /// All of it.
    Subtree,
}

impl FromStr for LdapScope {
    type Err = SettingsError;

    fn from_str(text: &str) -> Result<Self, SettingsError> {
        // Harbor's numbers, too.
        match text {
            "base" | "0" => Ok(Self::Base),
            "one" | "1" => Ok(Self::OneLevel),
            "sub" | "2" => Ok(Self::Subtree),
            _ => Err(SettingsError::new(format!("scope: {text:?} is none of base, one, sub"))),
        }
    }
}

impl From<LdapScope> for Scope {
    fn from(scope: LdapScope) -> Self {
        match scope {
            LdapScope::Base => Self::Base,
            LdapScope::OneLevel => Self::OneLevel,
            LdapScope::Subtree => Self::Subtree,
        }
    }
}

/// Where a directory keeps who is in which group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LdapMembership {
    /// With the user, who names their groups: `memberOf`.
    OfUser {
        /// The attribute.
        attribute: String,
    },
    /// With the group, which names its members.
    OfGroup {
        /// The attribute.
        attribute: String,
        /// How it names them.
        by: MemberName,
    },
}

/// How a group names its members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberName {
    /// `member`, `uniqueMember`: the distinguished name.
    Dn,
    /// `memberUid`: the name they log in with.
    Uid,
}

impl FromStr for LdapMembership {
    type Err = SettingsError;

    fn from_str(text: &str) -> Result<Self, SettingsError> {
        attribute("groups.membership", text)?;
        let attribute = text.to_owned();
        Ok(match text.to_ascii_lowercase().as_str() {
            "memberof" => Self::OfUser { attribute },
            "memberuid" => Self::OfGroup { attribute, by: MemberName::Uid },
            _ => Self::OfGroup { attribute, by: MemberName::Dn },
        })
    }
}

impl fmt::Display for LdapMembership {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OfUser { attribute } | Self::OfGroup { attribute, .. } => f.write_str(attribute),
        }
    }
}

/// What was understood of the settings.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) urls: Vec<Url>,
    /// In parentheses, or empty.
    pub(super) user_filter: String,
    pub(super) group_filter: String,
    pub(super) group_base: Option<Dn>,
    pub(super) admin: Option<Dn>,
}

impl LdapSettings {
    pub(super) fn check(&self) -> Result<Checked, SettingsError> {
        let urls = self.urls.iter().map(|url| self.url(url)).collect::<Result<Vec<_>, _>>()?;
        if urls.is_empty() {
            return Err(SettingsError::new("urls: at least one is needed, such as ldaps://ldap.example.org"));
        }
        if !self.bind_dn.is_empty() && self.bind_password.is_empty() {
            // RFC 4513 section 5.1.2: the server would take it as somebody who does not say who they are.
            return Err(SettingsError::new("bind_password: must be set when bind_dn is"));
        }
        dn("base_dn", &self.base_dn)?;
        for (key, name) in [
            ("uid_attribute", &self.uid_attribute),
            ("email_attribute", &self.email_attribute),
            ("real_name_attribute", &self.real_name_attribute),
        ] {
            attribute(key, name)?;
        }
        if self.connections_max == 0 {
            return Err(SettingsError::new("connections_max: must be 1 or more"));
        }
        let user_filter = filter("user_filter", &self.user_filter)?;
        let Some(groups) = &self.groups else {
            return Ok(Checked {
                urls,
                user_filter,
                group_filter: String::new(),
                group_base: None,
                admin: None,
            });
        };
        attribute("groups.name_attribute", &groups.name_attribute)?;
        attribute("groups.membership", &groups.membership.to_string())?;
        if groups.nested && matches!(groups.membership, LdapMembership::OfGroup { by: MemberName::Uid, .. }) {
            return Err(SettingsError::new(
                "groups.nested: groups that name users only (memberUid) have no groups in them",
            ));
        }
        Ok(Checked {
            urls,
            user_filter,
            group_filter: filter("groups.filter", &groups.filter)?,
            group_base: Some(dn("groups.base_dn", groups.base_dn.as_ref().unwrap_or(&self.base_dn))?),
            admin: groups.admin_dn.as_ref().map(|name| dn("groups.admin_dn", name)).transpose()?,
        })
    }

    fn url(&self, text: &str) -> Result<Url, SettingsError> {
        let refuse = |why: &str| SettingsError::new(format!("urls: {text:?} {why}"));
        let url = Url::parse(text).map_err(|error| refuse(&error.to_string()))?;
        let has_host = url.host_str().is_some_and(|host| !host.is_empty());
        let more = !url.path().trim_start_matches('/').is_empty()
            || url.query().is_some()
            || !url.username().is_empty();
        match url.scheme() {
            _ if !has_host => Err(refuse("names no host")),
            _ if more => Err(refuse("has more than host and port; the other keys say the rest")),
            "ldap" => Ok(url),
            "ldaps" if self.start_tls => {
                Err(refuse("is encrypted from the start: start_tls is for ldap:// only"))
            }
            "ldaps" => Ok(url),
            _ => Err(refuse("is neither ldap:// nor ldaps://")),
        }
    }
}

fn dn(key: &str, text: &str) -> Result<Dn, SettingsError> {
    Dn::parse(text).map_err(|error| SettingsError::new(format!("{key}: {text:?} is {error}")))
}

/// A filter in parentheses, whether it was written with them or without; or nothing.
fn filter(key: &str, text: &str) -> Result<String, SettingsError> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(String::new());
    }
    let filter = if text.starts_with('(') { text.to_owned() } else { format!("({text})") };
    match parse_filter(&filter) {
        Ok(_) => Ok(filter),
        Err(()) => Err(SettingsError::new(format!("{key}: {text:?} is no filter as RFC 4515 has it"))),
    }
}

/// The description of an attribute (RFC 4512 section 2.5), possibly with a matching rule, as Active Directory has it for
/// groups in groups: `member:1.2.840.113556.1.4.1941:`.
fn attribute(key: &str, text: &str) -> Result<(), SettingsError> {
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || b"-;.:".contains(&byte);
    if !text.is_empty() && text.bytes().all(valid) {
        Ok(())
    } else {
        Err(SettingsError::new(format!("{key}: {text:?} is no name of an attribute")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> LdapSettings {
        LdapSettings {
            urls: vec!["ldap://ldap.example.org".to_owned()],
            base_dn: "dc=example,dc=org".to_owned(),
            groups: Some(LdapGroupSettings::default()),
            ..LdapSettings::default()
        }
    }

    #[track_caller]
    fn refused(change: impl FnOnce(&mut LdapSettings), key: &str) {
        let mut changed = settings();
        change(&mut changed);
        let error = changed.check().unwrap_err().to_string();
        assert!(error.starts_with(&format!("{key}:")), "{error}");
    }

    #[test]
    fn good_settings() {
        let checked = settings().check().unwrap();
        assert_eq!(checked.group_base.unwrap().as_str(), "dc=example,dc=org");
        let mut some = settings();
        some.user_filter = "objectClass=person".to_owned();
        some.urls = vec!["ldaps://a:1636".to_owned(), "ldap://[::1]/".to_owned()];
        assert_eq!(some.check().unwrap().user_filter, "(objectClass=person)");
    }

    #[test]
    fn settings_that_cannot_work() {
        refused(|it| it.urls.clear(), "urls");
        for url in ["http://a", "ldap:a", "ldap://", "ldap://a/dc=x", "ldap://u@a", "ldap://a?x", "a"] {
            refused(|it| it.urls = vec![url.to_owned()], "urls");
        }
        refused(
            |it| {
                it.urls = vec!["ldaps://a".to_owned()];
                it.start_tls = true;
            },
            "urls",
        );
        refused(|it| it.bind_dn = "cn=search,dc=example,dc=org".to_owned(), "bind_password");
        refused(|it| it.base_dn = "example.org".to_owned(), "base_dn");
        refused(|it| it.user_filter = "(uid=".to_owned(), "user_filter");
        refused(|it| it.uid_attribute = "uid)(x".to_owned(), "uid_attribute");
        refused(|it| it.connections_max = 0, "connections_max");
        let groups = |change: fn(&mut LdapGroupSettings)| {
            move |it: &mut LdapSettings| change(it.groups.as_mut().unwrap())
        };
        refused(groups(|it| it.filter = "x".to_owned()), "groups.filter");
        refused(groups(|it| it.admin_dn = Some("admins".to_owned())), "groups.admin_dn");
        refused(
            groups(|it| {
                it.membership = "memberUid".parse().unwrap();
                it.nested = true;
            }),
            "groups.nested",
        );
    }

    #[test]
    fn words_of_the_configuration() {
        assert_eq!("one".parse(), Ok(LdapScope::OneLevel));
        assert!("two".parse::<LdapScope>().is_err());
        assert_eq!("memberOf".parse(), Ok(LdapMembership::OfUser { attribute: "memberOf".to_owned() }));
        let by = |text: &str| match text.parse() {
            Ok(LdapMembership::OfGroup { by, .. }) => by,
            other => panic!("{other:?}"),
        };
        assert_eq!(by("memberUid"), MemberName::Uid);
        assert_eq!(by("uniqueMember"), MemberName::Dn);
        assert_eq!(by("member:1.2.840.113556.1.4.1941:"), MemberName::Dn);
        assert!("a b".parse::<LdapMembership>().is_err());
    }
}
