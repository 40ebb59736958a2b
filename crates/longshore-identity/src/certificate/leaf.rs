//! What a certificate says of its owner.

use longshore_types::{Digest, Timestamp};
use rustls_pki_types::CertificateDer;
use x509_parser::{extensions::GeneralName, x509::X509Name};

use crate::ldap::escape_dn;

/// What a client's own certificate says. Whether anybody vouches for it is another matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// The distinguished name of its subject, as RFC 4514 writes it.
    pub subject: String,
    /// The common names in it.
    pub common_names: Vec<String>,
    /// Subject alternative names that are addresses of mail.
    pub emails: Vec<String>,
    /// Subject alternative names that are names of hosts.
    pub dns_names: Vec<String>,
    /// Subject alternative names that are URIs.
    pub uris: Vec<String>,
    /// When it expires.
    pub not_after: Timestamp,
    /// The SHA-256 of its DER form.
    pub fingerprint: Digest,
}

impl Leaf {
    /// None for what is no certificate, or one with extensions that cannot be read.
    pub fn parse(der: &CertificateDer<'_>) -> Option<Self> {
        let (rest, certificate) = x509_parser::parse_x509_certificate(der).ok()?;
        if !rest.is_empty() {
            return None;
        }
        let (mut emails, mut dns_names, mut uris) = (Vec::new(), Vec::new(), Vec::new());
        if let Some(names) = certificate.subject_alternative_name().ok()? {
            for name in &names.value.general_names {
                match name {
                    GeneralName::RFC822Name(text) => emails.push((*text).to_owned()),
                    GeneralName::DNSName(text) => dns_names.push((*text).to_owned()),
                    GeneralName::URI(text) => uris.push((*text).to_owned()),
                    _ => {}
                }
            }
        }
        let subject = certificate.subject();
        let common_names = subject.iter_common_name().map(|name| name.as_str().map(str::to_owned));
        let seconds = certificate.validity().not_after.timestamp();
        Some(Self {
            subject: rfc4514(subject),
            common_names: common_names.collect::<Result<_, _>>().ok()?,
            emails,
            dns_names,
            uris,
            not_after: Timestamp::from_unix_millis(seconds.saturating_mul(1000)),
            fingerprint: Digest::sha256(der),
        })
    }
}

/// Most significant last, with what has a meaning escaped: nobody's common name ends it.
fn rfc4514(name: &X509Name<'_>) -> String {
    let relative = |relative: &x509_parser::x509::RelativeDistinguishedName<'_>| {
        let attributes = relative.iter().map(|attribute| {
            let kind = short(&attribute.attr_type().to_id_string());
            match attribute.as_str() {
                Ok(text) => format!("{kind}={}", escape_dn(text)),
                Err(_) => {
                    let hex: String = attribute.as_slice().iter().map(|byte| format!("{byte:02x}")).collect();
                    format!("{kind}=#{hex}")
                }
            }
        });
        attributes.collect::<Vec<_>>().join("+")
    };
    let mut parts: Vec<_> = name.iter().map(relative).collect();
    parts.reverse();
    parts.join(",")
}

/// RFC 4514 section 3.
fn short(oid: &str) -> String {
    let known = match oid {
        "2.5.4.3" => "CN",
        "2.5.4.7" => "L",
        "2.5.4.8" => "ST",
        "2.5.4.10" => "O",
        "2.5.4.11" => "OU",
        "2.5.4.6" => "C",
        "2.5.4.9" => "STREET",
        "0.9.2342.19200300.100.1.25" => "DC",
        "0.9.2342.19200300.100.1.1" => "UID",
        _ => oid,
    };
    known.to_owned()
}

#[cfg(test)]
impl Default for Leaf {
    fn default() -> Self {
        Self {
            subject: String::new(),
            common_names: Vec::new(),
            emails: Vec::new(),
            dns_names: Vec::new(),
            uris: Vec::new(),
            not_after: Timestamp::from_unix_millis(0),
            fingerprint: Digest::sha256(b""),
        }
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair, SanType, date_time_ymd};

    use super::*;

    #[test]
    fn what_a_certificate_says() {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::OrganizationName, "Example, Ltd.");
        params.distinguished_name.push(DnType::CommonName, "ann,OU=admins");
        params.subject_alt_names = vec![
            SanType::URI("spiffe://example.org/ci".try_into().unwrap()),
            SanType::Rfc822Name("ann@example.org".try_into().unwrap()),
            SanType::DnsName("a.example.org".try_into().unwrap()),
        ];
        params.not_after = date_time_ymd(2040, 1, 1);
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        let leaf = Leaf::parse(certificate.der()).unwrap();
        assert_eq!(leaf.subject, "CN=ann\\2cOU\\3dadmins,O=Example\\2c Ltd.");
        assert_eq!(leaf.common_names, ["ann,OU=admins"]);
        assert_eq!(
            (leaf.emails, leaf.dns_names),
            (vec!["ann@example.org".to_owned()], vec!["a.example.org".to_owned()])
        );
        assert_eq!(leaf.uris, ["spiffe://example.org/ci"]);
        assert_eq!(leaf.not_after.unix_millis(), 2_208_988_800_000);
        assert!(Leaf::parse(&CertificateDer::from(vec![0x30, 0])).is_none());
        assert!(Leaf::parse(&CertificateDer::from([certificate.der().as_ref(), b"x"].concat())).is_none());
    }
}
