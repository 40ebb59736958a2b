//! Values in filters (RFC 4515) and distinguished names (RFC 4514).

use std::fmt::Write as _;

/// Longest name considered, in bytes.
const DN_BYTES_MAX: usize = 8 * 1024;

/// A value as it stands in a filter. Everything but letters, digits and a few harmless signs is written as `\xx`, which
/// RFC 4515 allows for any byte: nothing depends on knowing every special one.
pub fn escape_filter(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.@ ,=".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            hex(&mut escaped, byte);
        }
    }
    escaped
}

/// A value as it stands in a distinguished name, by the same rule: RFC 4514 section 2.4 allows `\xx` for any byte.
pub fn escape_dn(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    let last = value.len().saturating_sub(1);
    for (place, byte) in value.bytes().enumerate() {
        let inner_space = byte == b' ' && place != 0 && place != last;
        if byte.is_ascii_alphanumeric() || b"-_.@".contains(&byte) || inner_space {
            escaped.push(char::from(byte));
        } else {
            hex(&mut escaped, byte);
        }
    }
    escaped
}

fn hex(text: &mut String, byte: u8) {
    // Writing to a string cannot fail.
    let _ = write!(text, "\\{byte:02x}");
}

/// Why a text is no distinguished name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a distinguished name, such as cn=developers,ou=groups,dc=example,dc=org")]
pub struct DnError;

/// A distinguished name, in one form for all the ways to write it: lower case, no spaces around signs, one kind of
/// escapes. Directories compare most names without regard to case; one that does not would have to hold two groups
/// whose names differ in nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Dn {
    text: String,
    /// Where each relative name begins in the text.
    starts: Vec<usize>,
}

impl Dn {
    /// Reads RFC 4514's text.
    ///
    /// # Errors
    /// When it is none, empty, or longer than 8 KiB, as written or in the one form.
    pub fn parse(text: &str) -> Result<Self, DnError> {
        if text.trim().is_empty() || text.len() > DN_BYTES_MAX {
            return Err(DnError);
        }
        let mut dn = Self { text: String::with_capacity(text.len()), starts: Vec::new() };
        for relative in split(text, b",;") {
            let mut pairs = split(relative, b"+").into_iter().map(pair).collect::<Result<Vec<_>, _>>()?;
            // The pairs of one relative name have no order.
            pairs.sort();
            if !dn.starts.is_empty() {
                dn.text.push(',');
            }
            dn.starts.push(dn.text.len());
            dn.text.push_str(&pairs.join("+"));
        }
        // Escapes may have made it longer, and the one form must be readable as well.
        if dn.text.len() > DN_BYTES_MAX { Err(DnError) } else { Ok(dn) }
    }

    /// The one form.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether this name is `base` or lies below it.
    pub fn is_within(&self, base: &Dn) -> bool {
        self.starts.iter().any(|start| self.text[*start..] == base.text)
    }
}

/// Parts at separators that are neither escaped nor quoted.
fn split<'a>(text: &'a str, separators: &[u8]) -> Vec<&'a str> {
    let mut parts = Vec::new();
    let (mut from, mut escaped, mut quoted) = (0, false, false);
    for (place, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => quoted = !quoted,
            _ if !quoted && separators.contains(&byte) => {
                parts.push(&text[from..place]);
                from = place + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[from..]);
    parts
}

/// `Type = Value` in the one form.
fn pair(text: &str) -> Result<String, DnError> {
    let (kind, value) = text.split_once('=').ok_or(DnError)?;
    let kind = kind.trim();
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
    if kind.is_empty() || !kind.bytes().all(valid) {
        return Err(DnError);
    }
    let value = String::from_utf8(unescape(value)?).map_err(|_| DnError)?;
    // Matching ignores case, spaces at the ends and how many there are in between (RFC 4518 section 2.6.1).
    let folded = value.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ");
    Ok(format!("{}={}", kind.to_ascii_lowercase(), escape_dn(&folded)))
}

/// The bytes of a value: `\xx`, `\` before a sign, old quotes.
fn unescape(value: &str) -> Result<Vec<u8>, DnError> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'"' => {}
            b'\\' => {
                let first = rest.next().ok_or(DnError)?;
                match digit(first) {
                    Some(high) => {
                        let low = rest.next().and_then(digit).ok_or(DnError)?;
                        bytes.push(high << 4 | low);
                    }
                    None => bytes.push(first),
                }
            }
            _ => bytes.push(byte),
        }
    }
    Ok(bytes)
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use ldap3::{asn1::ASNTag as _, parse_filter};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn filters() {
        assert_eq!(escape_filter("ann.o-b_c@example.org"), "ann.o-b_c@example.org");
        assert_eq!(escape_filter("*)(uid=*))(|(uid=*"), r"\2a\29\28uid=\2a\29\29\28\7c\28uid=\2a");
        assert_eq!(escape_filter("a\\b\0c"), r"a\5cb\00c");
        assert_eq!(escape_filter("Ä"), r"\c3\84");
    }

    #[test]
    fn names() {
        assert_eq!(escape_dn(" Smith, John + \"Co\" "), r"\20Smith\2c John \2b \22Co\22\20");
        assert_eq!(escape_dn("#5"), r"\235");
        assert_eq!(escape_dn(" "), r"\20");
    }

    #[track_caller]
    fn same(one: &str, other: &str) {
        assert_eq!(Dn::parse(one).unwrap(), Dn::parse(other).unwrap());
    }

    #[test]
    fn one_form_for_one_name() {
        same("cn=Dev,ou=Groups,dc=example,dc=org", "CN = dev , OU=groups;dc=EXAMPLE,dc=org");
        same(r"cn=Smith\, John,dc=x", r"cn=smith\2C  john,dc=x");
        same("cn=\"Smith, John\",dc=x", r"cn=smith\2c john,dc=x");
        same("cn=a+sn=b,dc=x", "SN=b + CN=a,dc=x");
        same("cn=Änne,dc=x", r"cn=\c3\a4nne,dc=x");
        assert_ne!(Dn::parse("cn=a,cn=b").unwrap(), Dn::parse(r"cn=a\,cn\=b").unwrap());
        assert_ne!(Dn::parse("cn=a,cn=b").unwrap(), Dn::parse("cn=b,cn=a").unwrap());
    }

    #[test]
    fn what_is_no_name() {
        for bad in
            ["", "  ", "cn", "=x", "cn=a,", "cn=a,,dc=b", "c n=a", r"cn=a\", r"cn=\f", r"cn=\ff", "cn=a,b"]
        {
            assert_eq!(Dn::parse(bad), Err(DnError), "{bad:?}");
        }
        assert_eq!(Dn::parse(&format!("cn={}", "a".repeat(DN_BYTES_MAX))), Err(DnError));
        assert_eq!(Dn::parse(&format!("cn={}", "é".repeat(DN_BYTES_MAX / 4))), Err(DnError));
    }

    #[test]
    fn below_a_base() {
        let within = |dn: &str, base: &str| Dn::parse(dn).unwrap().is_within(&Dn::parse(base).unwrap());
        assert!(within("cn=a,ou=Groups,dc=x", "ou=groups, dc=X"));
        assert!(within("ou=groups,dc=x", "ou=groups,dc=x"));
        assert!(!within("cn=a,xou=groups,dc=x", "ou=groups,dc=x"));
        assert!(!within(r"cn=a\,ou=groups\,dc=x,dc=y", "ou=groups,dc=x"));
        assert!(!within("dc=x", "ou=groups,dc=x"));
    }

    proptest! {
        /// Whatever somebody types as their name, the filter stays one comparison with exactly that.
        #[test]
        fn a_value_stays_a_value(value in any::<String>()) {
            let parsed = parse_filter(format!("(uid={})", escape_filter(&value))).unwrap().into_structure();
            // equalityMatch [3] SEQUENCE { attribute, value }; an empty value reads as one, too.
            prop_assert_eq!(parsed.id, 3);
            let parts: Vec<_> = parsed.expect_constructed().unwrap().into_iter().map(|part| part.expect_primitive().unwrap()).collect();
            prop_assert_eq!(parts, vec![b"uid".to_vec(), value.into_bytes()]);
        }

        #[test]
        fn a_name_keeps_its_value(value in "\\PC{1,20}", other in "\\PC{1,20}") {
            let fold = |text: &str| text.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ");
            let dn = |text: &str| Dn::parse(&format!("cn={},dc=x", escape_dn(text))).unwrap();
            prop_assert_eq!(dn(&value) == dn(&other), fold(&value) == fold(&other));
            let again = dn(&value);
            prop_assert_eq!(Dn::parse(again.as_str()).unwrap(), again.clone());
            prop_assert!(again.is_within(&Dn::parse("dc=x").unwrap()));
        }

        #[test]
        fn no_text_panics(text in any::<String>()) {
            if let Ok(dn) = Dn::parse(&text) {
                prop_assert_eq!(Dn::parse(dn.as_str()).unwrap(), dn);
            }
        }
    }
}
