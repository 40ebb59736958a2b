//! Extended headers: POSIX.1-2017, "pax Extended Header", and GNU tar's keys for sparse files.

/// What extended headers say of a member instead of its own header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Extended {
    pub(super) path: Option<Vec<u8>>,
    pub(super) link: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
    pub(super) uid: Option<u64>,
    pub(super) gid: Option<u64>,
    pub(super) modified: Option<i64>,
    /// The member is a sparse file.
    pub(super) sparse: bool,
    /// Of which this is the real size.
    pub(super) real_size: Option<u64>,
    sparse_path: Option<Vec<u8>>,
}

impl Extended {
    /// Adds the records `LENGTH KEY=VALUE\n`. Keys that are not known are others' business.
    pub(super) fn add(&mut self, mut records: &[u8]) -> Result<(), &'static str> {
        const WRONG: &str = "an extended header is damaged";
        while !records.is_empty() {
            let blank = records.iter().position(|byte| *byte == b' ').ok_or(WRONG)?;
            let length: usize = decimal(&records[..blank]).ok_or(WRONG)?;
            // A length counts itself, its blank and the end of line.
            let record = records.get(blank + 1..length).ok_or(WRONG)?;
            let record = record.strip_suffix(b"\n").ok_or(WRONG)?;
            let equals = record.iter().position(|byte| *byte == b'=').ok_or(WRONG)?;
            self.set(&record[..equals], &record[equals + 1..]).ok_or(WRONG)?;
            records = &records[length..];
        }
        Ok(())
    }

    fn set(&mut self, key: &[u8], value: &[u8]) -> Option<()> {
        // An empty value takes back what was said.
        let empty = value.is_empty();
        let text = || (!value.contains(&0)).then(|| (!empty).then(|| value.to_vec()));
        match key {
            b"path" => self.path = text()?,
            b"linkpath" => self.link = text()?,
            b"size" => self.size = if empty { None } else { Some(decimal(value)?) },
            b"uid" => self.uid = decimal(value),
            b"gid" => self.gid = decimal(value),
            b"mtime" => self.modified = seconds(value),
            b"GNU.sparse.name" => self.sparse_path = text()?,
            b"GNU.sparse.realsize" | b"GNU.sparse.size" => self.real_size = Some(decimal(value)?),
            _ if key.starts_with(b"GNU.sparse.") => {}
            _ => return Some(()),
        }
        self.sparse |= key.starts_with(b"GNU.sparse.");
        Some(())
    }

    /// Whose name the member has: that of a sparse file is told apart.
    pub(super) fn take_path(&mut self) -> Option<Vec<u8>> {
        self.sparse_path.take().or_else(|| self.path.take())
    }
}

fn decimal<N: std::str::FromStr>(text: &[u8]) -> Option<N> {
    // No sign: `parse` would take one.
    let digits = text.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(text).ok().filter(|_| digits)?.parse().ok()
}

/// Seconds with a fraction, which is left out.
fn seconds(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let whole_seconds: i64 = whole.parse().ok()?;
    // Downwards, also before 1970.
    let below = whole.starts_with('-') && fraction.bytes().any(|digit| digit != b'0');
    whole_seconds.checked_sub(i64::from(below))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_read() {
        let mut extended = Extended::default();
        extended.add(b"11 path=ab\n22 mtime=1350244992.0\n12 size=123\n20 SCHILY.xattr.a=\n\n").unwrap();
        assert_eq!(extended.path.as_deref(), Some(&b"ab"[..]));
        assert_eq!((extended.size, extended.modified), (Some(123), Some(1_350_244_992)));
        assert!(!extended.sparse);
        extended.add(b"25 GNU.sparse.name=longer\n").unwrap_err();
        extended.add(b"26 GNU.sparse.name=longer\n").unwrap();
        assert_eq!((extended.sparse, extended.take_path().as_deref()), (true, Some(&b"longer"[..])));
    }

    #[test]
    fn damaged_records_are_refused() {
        for bad in [
            &b"5"[..],
            b"5 a=b",
            b"99 a=b\n",
            b"2 a=b\n",
            b"0 a=b\n",
            b"6 a=b\nx",
            b"-6 a=b\n",
            b"18446744073709551615 a=b\n",
            b"6 abc\n",
            b"10 size=x\n",
            b"11 path=a\0\n",
        ] {
            assert!(Extended::default().add(bad).is_err(), "{:?}", String::from_utf8_lossy(bad));
        }
    }

    #[test]
    fn seconds_go_downwards() {
        for (text, wanted) in [
            ("12", Some(12)),
            ("12.9", Some(12)),
            ("-1.5", Some(-2)),
            ("-1.0", Some(-1)),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(seconds(text.as_bytes()), wanted, "{text}");
        }
    }
}
