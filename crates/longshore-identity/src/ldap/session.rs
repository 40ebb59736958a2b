//! One connection to a directory, for one login or search.

use std::collections::HashMap;

use ldap3::{
    Ldap, LdapConnAsync, LdapConnSettings, LdapError, ResultEntry, Scope, SearchOptions,
    asn1::{PL, StructureTag},
};
use reqwest::Url;

use crate::Secret;

/// Result codes of RFC 4511 appendix A.
pub(super) mod code {
    pub(in crate::ldap) const SUCCESS: u32 = 0;
    pub(in crate::ldap) const SIZE_LIMIT: u32 = 4;
    pub(in crate::ldap) const REFERRAL: u32 = 10;
    pub(in crate::ldap) const CONSTRAINT: u32 = 19;
    pub(in crate::ldap) const NO_SUCH_OBJECT: u32 = 32;
    pub(in crate::ldap) const INAPPROPRIATE_AUTHENTICATION: u32 = 48;
    pub(in crate::ldap) const INVALID_CREDENTIALS: u32 = 49;
    pub(in crate::ldap) const INSUFFICIENT_RIGHTS: u32 = 50;
    pub(in crate::ldap) const BUSY: u32 = 51;
    pub(in crate::ldap) const UNAVAILABLE: u32 = 52;
    pub(in crate::ldap) const UNWILLING: u32 = 53;
}

/// What keeps a directory from answering.
#[derive(Debug, thiserror::Error)]
pub(super) enum LdapFailure {
    #[error("the directory cannot be reached at {url}")]
    Connect {
        url: String,
        #[source]
        source: LdapError,
    },
    #[error("the directory at {0} does not answer in time")]
    Silent(String),
    #[error("the connection to the directory broke")]
    Connection(#[source] LdapError),
    #[error("the directory refuses to {what} (result {code}: {text})")]
    Result { what: &'static str, code: u32, text: String },
    #[error(
        "the directory refers to another one, which is not followed: name that one in urls, or another base_dn"
    )]
    Referral,
    #[error("the directory's answer cannot be read")]
    Malformed,
    #[error("the directory took too long")]
    TooSlow,
    #[error("too many logins at the directory at once")]
    TooMany,
    #[error("the conversation with the directory ended unexpectedly")]
    Ended(#[source] tokio::task::JoinError),
}

impl LdapFailure {
    /// Whether another server may do better.
    pub(super) fn is_of_server(&self) -> bool {
        match self {
            Self::Connect { .. } | Self::Silent(_) | Self::Connection(_) => true,
            Self::Result { code, .. } => matches!(*code, code::BUSY | code::UNAVAILABLE),
            _ => false,
        }
    }
}

/// An entry that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// As the directory wrote it.
    pub(super) dn: String,
    /// By the attribute's name in lower case. Values that are no text are left out, but for [`BINARY`], which is in hex.
    attributes: HashMap<String, Vec<String>>,
}

impl Entry {
    pub(super) fn values(&self, attribute: &str) -> &[String] {
        self.attributes.get(&attribute.to_ascii_lowercase()).map_or(&[], Vec::as_slice)
    }

    pub(super) fn first(&self, attribute: &str) -> Option<&str> {
        self.values(attribute).iter().map(String::as_str).find(|value| !value.is_empty())
    }

    /// RFC 4511 section 4.5.2: SEQUENCE { name, SEQUENCE OF SEQUENCE { type, SET OF value } }. The library's own reading
    /// panics on anything else.
    fn read(entry: ResultEntry) -> Option<Self> {
        let mut parts = entry.0.expect_constructed()?.into_iter();
        let dn = text(parts.next()?)?;
        let mut attributes = HashMap::new();
        for attribute in parts.next()?.expect_constructed()? {
            let mut parts = attribute.expect_constructed()?.into_iter();
            let name = text(parts.next()?)?.to_ascii_lowercase();
            let values = parts.next()?.expect_constructed()?.into_iter();
            let value = |tag| if name == BINARY { hex(tag) } else { text(tag) };
            let values = values.filter_map(value).collect();
            attributes.insert(name, values);
        }
        Some(Self { dn, attributes })
    }
}

/// The attribute of Active Directory that is no text. Some of its values would read as one by chance.
const BINARY: &str = "objectguid";

fn hex(tag: StructureTag) -> Option<String> {
    match tag.payload {
        PL::P(bytes) => Some(bytes.iter().map(|byte| format!("{byte:02x}")).collect()),
        PL::C(_) => None,
    }
}

fn text(tag: StructureTag) -> Option<String> {
    match tag.payload {
        PL::P(bytes) => String::from_utf8(bytes).ok(),
        PL::C(_) => None,
    }
}

/// What a search found.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) entries: Vec<Entry>,
    /// Whether there is more than was asked for.
    pub(super) truncated: bool,
}

/// Where and how to look.
#[derive(Clone, Copy, Debug)]
pub(super) struct Search<'a> {
    pub(super) base: &'a str,
    pub(super) scope: Scope,
    pub(super) filter: &'a str,
    pub(super) attributes: &'a [&'a str],
    /// Most entries wanted.
    pub(super) limit: usize,
}

/// A connection. Closes when it is dropped.
pub(super) struct Session {
    ldap: Ldap,
}

impl Session {
    pub(super) async fn open(url: &Url, settings: LdapConnSettings) -> Result<Self, LdapFailure> {
        let (connection, ldap) = LdapConnAsync::from_url_with_settings(settings, url)
            .await
            .map_err(|source| LdapFailure::Connect { url: url.to_string(), source })?;
        // Ends when the handle goes.
        tokio::spawn(async move {
            if let Err(error) = connection.drive().await {
                tracing::debug!(%error, "a connection to a directory broke");
            }
        });
        Ok(Self { ldap })
    }

    /// Says who speaks. Returns the directory's code and message.
    pub(super) async fn bind(&mut self, dn: &str, password: &Secret) -> Result<(u32, String), LdapFailure> {
        let result = self.ldap.simple_bind(dn, password.reveal()).await.map_err(LdapFailure::Connection)?;
        Ok((result.rc, result.text))
    }

    /// Searches. A base that is not there has nothing below it.
    pub(super) async fn search(&mut self, search: Search<'_>) -> Result<Found, LdapFailure> {
        let limit = i32::try_from(search.limit).unwrap_or(i32::MAX);
        let options = SearchOptions::new().sizelimit(limit);
        // References to other servers come apart from entries, and are dropped.
        let result = self
            .ldap
            .with_search_options(options)
            .search(search.base, search.scope, search.filter, search.attributes)
            .await
            .map_err(LdapFailure::Connection)?;
        let (entries, result) = (result.0, result.1);
        let truncated = match result.rc {
            code::SUCCESS => false,
            code::SIZE_LIMIT => true,
            code::NO_SUCH_OBJECT => return Ok(Found::default()),
            code::REFERRAL => return Err(LdapFailure::Referral),
            code => return Err(LdapFailure::Result { what: "search", code, text: result.text }),
        };
        let entries = entries
            .into_iter()
            .filter(|entry| !entry.is_ref() && !entry.is_intermediate())
            .map(|entry| Entry::read(entry).ok_or(LdapFailure::Malformed))
            .take(search.limit)
            .collect::<Result<_, _>>()?;
        Ok(Found { entries, truncated })
    }
}
