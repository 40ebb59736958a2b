//! What the configuration says of certificates that name users and robots.

use std::{path::PathBuf, str::FromStr};

use super::Leaf;
use crate::SettingsError;

/// Longest name, in bytes.
const NAME_BYTES_MAX: usize = 255;

/// An authority, and whom its certificates stand for: `accounts.certificates[]`.
#[derive(Clone, Debug)]
pub struct CertificateRule {
    /// Its certificate in a PEM file, or those of several. Read again when it changes. From `ca_file`.
    pub ca_file: PathBuf,
    /// Where the name is. From `name_from`.
    pub part: CertificatePart,
    /// What the name stands in, with `*` in its place: `*@example.org`. Others name nobody. From `pattern`.
    pub pattern: Option<String>,
    /// Whose name it is. From `kind` and `source`.
    pub owner: CertificateOwner,
}

/// Whose name a certificate has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificateOwner {
    /// A user's, whom that source vouches for; `local` for those with a password here.
    User {
        /// The mark of users.
        source: String,
    },
    /// A robot's.
    Robot,
}

/// The part of a certificate that is a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificatePart {
    /// `common_name`: of its subject.
    CommonName,
    /// `email`: a subject alternative name.
    Email,
    /// `dns`: a subject alternative name.
    Dns,
    /// `uri`: a subject alternative name.
    Uri,
}

impl CertificatePart {
    /// For people.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::CommonName => "common name",
            Self::Email => "e-mail address",
            Self::Dns => "name of a host",
            Self::Uri => "URI",
        }
    }
}

impl FromStr for CertificatePart {
    type Err = SettingsError;

    fn from_str(text: &str) -> Result<Self, SettingsError> {
        match text {
            "common_name" => Ok(Self::CommonName),
            "email" => Ok(Self::Email),
            "dns" => Ok(Self::Dns),
            "uri" => Ok(Self::Uri),
            _ => Err(SettingsError::new(format!(
                "name_from: {text:?} is none of common_name, email, dns and uri"
            ))),
        }
    }
}

impl CertificateRule {
    pub(super) fn check(&self) -> Result<(), SettingsError> {
        match &self.pattern {
            Some(pattern) if pattern.matches('*').count() != 1 => {
                Err(SettingsError::new(format!("pattern: {pattern:?} must have one * where the name is")))
            }
            _ => Ok(()),
        }
    }

    /// The name that a certificate has, if there is exactly one.
    pub(super) fn name(&self, leaf: &Leaf) -> Option<String> {
        let texts = match self.part {
            CertificatePart::CommonName => &leaf.common_names,
            CertificatePart::Email => &leaf.emails,
            CertificatePart::Dns => &leaf.dns_names,
            CertificatePart::Uri => &leaf.uris,
        };
        let mut names = texts.iter().filter_map(|text| self.name_in(text));
        let name = names.next().filter(|_| names.next().is_none())?;
        let usable = !name.is_empty() && name.len() <= NAME_BYTES_MAX && !name.chars().any(char::is_control);
        usable.then(|| name.to_owned())
    }

    fn name_in<'a>(&self, text: &'a str) -> Option<&'a str> {
        match self.pattern.as_deref().and_then(|pattern| pattern.split_once('*')) {
            Some((before, after)) => text.strip_prefix(before)?.strip_suffix(after),
            None => Some(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(part: &str, pattern: Option<&str>) -> CertificateRule {
        CertificateRule {
            ca_file: PathBuf::new(),
            part: part.parse().unwrap(),
            pattern: pattern.map(str::to_owned),
            owner: CertificateOwner::Robot,
        }
    }

    #[test]
    fn names() {
        let texts = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
        let leaf = Leaf {
            common_names: texts(&["ann"]),
            emails: texts(&["ann@example.org", "ann@example.com"]),
            dns_names: texts(&["a.ci.example.org", "b.ci.example.org"]),
            uris: texts(&["x:\u{7}"]),
            ..Leaf::default()
        };
        let check = |part: &str, pattern: Option<&str>, wanted: Option<&str>| {
            assert_eq!(rule(part, pattern).name(&leaf).as_deref(), wanted, "{part} {pattern:?}");
        };
        check("common_name", None, Some("ann"));
        check("common_name", Some("ann*"), None);
        check("common_name", Some("x*"), None);
        check("email", None, None);
        check("email", Some("*@example.org"), Some("ann"));
        check("email", Some("*@example.net"), None);
        check("dns", Some("*.ci.example.org"), None);
        check("dns", Some("*a.ci.example.org"), None);
        check("uri", None, None);
        assert!(rule("dns", Some("*.x")).check().is_ok() && rule("dns", None).check().is_ok());
        for bad in ["", "x", "*.*"] {
            assert!(rule("dns", Some(bad)).check().is_err(), "{bad}");
        }
    }
}
