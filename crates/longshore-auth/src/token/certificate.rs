//! The few fields of an X.509 certificate (RFC 5280 section 4.1) that tokens need: when it holds, and its public key.
//! Chains are verified by webpki; this reads what it does not give out.

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use jsonwebtoken::DecodingKey;
use longshore_types::{Digest, Timestamp};
use rustls_pki_types::CertificateDer;

const SEQUENCE: u8 = 0x30;
const OBJECT_IDENTIFIER: u8 = 0x06;
const BIT_STRING: u8 = 0x03;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const VERSION: u8 = 0xa0;

const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];

/// What was read of a certificate.
pub(super) struct Certificate {
    pub(super) not_before: Timestamp,
    pub(super) not_after: Timestamp,
    pub(super) key: DecodingKey,
    /// libtrust's name of the key: docker's token services write it as `kid`.
    pub(super) fingerprint: String,
}

impl Certificate {
    pub(super) fn parse(der: &CertificateDer<'_>) -> Result<Self, String> {
        Self::read(der)
            .ok_or_else(|| "a certificate that cannot be read, or with an unsupported kind of key".to_owned())
    }

    fn read(der: &[u8]) -> Option<Self> {
        let mut certificate = Der(Der(der).take(SEQUENCE)?);
        let mut body = Der(certificate.take(SEQUENCE)?);
        if body.0.first() == Some(&VERSION) {
            body.next()?;
        }
        let (_serial, _algorithm, _issuer) = (body.next()?, body.next()?, body.next()?);
        let mut validity = Der(body.take(SEQUENCE)?);
        let (not_before, not_after) = (time(validity.next()?)?, time(validity.next()?)?);
        let _subject = body.next()?;
        let public_key = body.0;
        let fields = Der(public_key).take(SEQUENCE)?;
        // The key information as a whole, its own tag and length included.
        let size = public_key.len() - (body.next().map(|_| body.0.len())?);
        Some(Self { not_before, not_after, key: key(fields)?, fingerprint: fingerprint(&public_key[..size]) })
    }
}

/// Reads `SubjectPublicKeyInfo`.
fn key(fields: &[u8]) -> Option<DecodingKey> {
    let mut fields = Der(fields);
    let algorithm = Der(fields.take(SEQUENCE)?).take(OBJECT_IDENTIFIER)?;
    // The first byte of a bit string counts unused bits: none, for keys.
    let (0, bits) = fields.take(BIT_STRING)?.split_first()? else { return None };
    match algorithm {
        RSA => Some(DecodingKey::from_rsa_der(bits)),
        EC => Some(DecodingKey::from_ec_der(bits)),
        ED25519 => Some(DecodingKey::from_ed_der(bits)),
        _ => None,
    }
}

/// libtrust's fingerprint: 240 bits of the SHA-256 of the key information, in base32, in groups of four.
fn fingerprint(public_key: &[u8]) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let digest = Digest::sha256(public_key);
    let mut text = String::with_capacity(59);
    for (number, group) in digest.hash()[..30].chunks_exact(5).enumerate() {
        let bits = group.iter().fold(0u64, |bits, &byte| bits << 8 | u64::from(byte));
        for place in 0..8 {
            if place % 4 == 0 && (number, place) != (0, 0) {
                text.push(':');
            }
            let index = bits >> (35 - 5 * place) & 31;
            text.push(char::from(ALPHABET[usize::try_from(index).unwrap_or_default()]));
        }
    }
    text
}

/// Reads standard base64 with or without padding, as `x5c` has it.
pub(super) fn from_base64(text: &str) -> Result<CertificateDer<'static>, String> {
    let text = text.trim_end_matches('=');
    STANDARD_NO_PAD.decode(text).map(CertificateDer::from).map_err(|error| error.to_string())
}

/// What is left of some DER.
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    /// The next value: its tag and content.
    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (&[tag, first], rest) = self.0.split_first_chunk::<2>()?;
        let (size, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            0x81..=0x84 => {
                let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                (bytes.iter().fold(0usize, |size, &byte| size << 8 | usize::from(byte)), rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(size)?;
        self.0 = rest;
        Some((tag, content))
    }

    /// The content of the next value, which must have this tag.
    fn take(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.next().filter(|(found, _)| *found == tag).map(|(_, content)| content)
    }
}

/// RFC 5280 section 4.1.2.5: both forms in UTC, with seconds.
fn time((tag, text): (u8, &[u8])) -> Option<Timestamp> {
    let digits = text.strip_suffix(b"Z")?;
    let number = |bytes: &[u8]| std::str::from_utf8(bytes).ok()?.parse::<i64>().ok();
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let (year, rest) = match (tag, digits.len()) {
        (UTC_TIME, 12) => {
            let year = number(&digits[..2])?;
            (if year < 50 { 2000 + year } else { 1900 + year }, &digits[2..])
        }
        (GENERALIZED_TIME, 14) => (number(&digits[..4])?, &digits[4..]),
        _ => return None,
    };
    let field = |place: usize| number(&rest[2 * place..2 * place + 2]);
    let days = days_since_epoch(year, field(0)?, field(1)?);
    let seconds = ((days * 24 + field(2)?) * 60 + field(3)?) * 60 + field(4)?;
    Some(Timestamp::from_unix_millis(seconds * 1000))
}

/// Days of the Gregorian calendar; years are counted from March, so that the leap day comes last.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    year * 365 + year.div_euclid(4) - year.div_euclid(100)
        + year.div_euclid(400)
        + (153 * month + 2) / 5
        + day
        - 719_469
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        let seconds = |tag, text: &str| time((tag, text.as_bytes())).map(|time| time.unix_millis() / 1000);
        assert_eq!(seconds(UTC_TIME, "700101000000Z"), Some(0));
        assert_eq!(seconds(UTC_TIME, "261121082351Z"), Some(1_795_249_431));
        assert_eq!(seconds(GENERALIZED_TIME, "20000229235959Z"), Some(951_868_799));
        for bad in ["", "Z", "7001010000Z", "70010100000aZ", "700101000000+0100"] {
            assert_eq!(seconds(UTC_TIME, bad), None, "{bad}");
        }
    }

    #[test]
    fn no_bytes_panic() {
        let mut key = rcgen::CertificateParams::default();
        key.not_after = rcgen::date_time_ymd(2030, 1, 1);
        let pair = rcgen::KeyPair::generate().unwrap();
        let der = key.self_signed(&pair).unwrap().der().to_vec();
        assert!(Certificate::read(&der).is_some());
        for end in 0..der.len() {
            assert!(Certificate::read(&der[..end]).is_none(), "cut at {end}");
        }
        for place in 0..der.len() {
            for value in [0, 0x7f, 0x80, 0x84, 0xff] {
                let mut damaged = der.clone();
                damaged[place] = value;
                Certificate::read(&damaged);
            }
        }
    }
}
