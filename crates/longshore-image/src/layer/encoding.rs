//! Lists of files as bytes, for those who keep them: each path is told by how it differs from the one before.
//!
//! `LSFL`, the version, the number of entries; for each entry: how many bytes it shares with the path before, the rest of
//! the path, kind, mode, owner, group, size, time, target, place and hash; a CRC-32 of all before it. Numbers are seven
//! bits a byte, the lowest first.

use super::{Entry, EntryKind, LayerFiles};

const MAGIC: &[u8; 4] = b"LSFL";
/// Changes with the form, and with what is found in a layer: lists of another version are made anew.
const VERSION: u8 = 1;

/// Bytes that are no list of files of this version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no list of files, or a damaged one")]
pub struct EncodingError;

impl LayerFiles {
    /// As bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64 + self.entries.len() * 48);
        out.extend_from_slice(MAGIC);
        out.push(VERSION);
        put(&mut out, self.entries.len() as u64);
        let mut before: &str = "";
        for entry in &self.entries {
            put_entry(&mut out, entry, before);
            before = &entry.path;
        }
        let sum = crc(&out);
        out.extend_from_slice(&sum.to_le_bytes());
        out
    }

    /// From bytes that [`LayerFiles::encode`] made.
    ///
    /// # Errors
    /// If they are anything else.
    pub fn decode(bytes: &[u8]) -> Result<Self, EncodingError> {
        let (body, sum) = bytes.split_last_chunk::<4>().ok_or(EncodingError)?;
        if u32::from_le_bytes(*sum) != crc(body) {
            return Err(EncodingError);
        }
        let rest = body.strip_prefix(MAGIC).and_then(|rest| rest.strip_prefix(&[VERSION]));
        let mut reader = Reader(rest.ok_or(EncodingError)?);
        let count = reader.size()?;
        // An entry has ten bytes or more.
        let mut entries: Vec<Entry> = Vec::with_capacity(count.min(reader.0.len() / 10));
        for _ in 0..count {
            let before = entries.last().map_or("", |entry| &*entry.path);
            let entry = reader.entry(before)?;
            entries.push(entry);
        }
        if !reader.0.is_empty() || !entries.is_sorted_by(|a, b| super::key(a) < super::key(b)) {
            return Err(EncodingError);
        }
        Ok(Self { entries })
    }
}

fn crc(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

fn put(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    put(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

fn put_entry(out: &mut Vec<u8>, entry: &Entry, before: &str) {
    let mut shared = entry.path.bytes().zip(before.bytes()).take_while(|(a, b)| a == b).count();
    while !entry.path.is_char_boundary(shared) || !before.is_char_boundary(shared) {
        shared -= 1;
    }
    put(out, shared as u64);
    put_text(out, &entry.path[shared..]);
    let kind = EntryKind::ALL.iter().position(|kind| *kind == entry.kind).unwrap_or_default();
    out.push(kind as u8);
    for number in [u64::from(entry.mode), entry.uid, entry.gid, entry.size_bytes, zigzag(entry.modified)] {
        put(out, number);
    }
    // One more than it is, so that 0 is none.
    put(out, entry.target.as_ref().map_or(0, |target| target.len() as u64 + 1));
    out.extend_from_slice(entry.target.as_deref().unwrap_or_default().as_bytes());
    put(out, entry.data_at.map_or(0, |at| at.saturating_add(1)));
    out.push(u8::from(entry.hash.is_some()));
    out.extend_from_slice(entry.hash.as_ref().map_or(&[], |hash| &hash[..]));
}

fn zigzag(number: i64) -> u64 {
    (number << 1 ^ number >> 63).cast_unsigned()
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn bytes(&mut self, count: usize) -> Result<&[u8], EncodingError> {
        let (bytes, rest) = self.0.split_at_checked(count).ok_or(EncodingError)?;
        self.0 = rest;
        Ok(bytes)
    }

    fn number(&mut self) -> Result<u64, EncodingError> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.bytes(1)?[0];
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(EncodingError)
    }

    fn size(&mut self) -> Result<usize, EncodingError> {
        usize::try_from(self.number()?).map_err(|_| EncodingError)
    }

    fn text(&mut self, bytes: usize) -> Result<&str, EncodingError> {
        std::str::from_utf8(self.bytes(bytes)?).map_err(|_| EncodingError)
    }

    fn entry(&mut self, before: &str) -> Result<Entry, EncodingError> {
        let shared = self.size()?;
        let mut path = before.get(..shared).ok_or(EncodingError)?.to_owned();
        let rest = self.size()?;
        path.push_str(self.text(rest)?);
        let kind = usize::from(self.bytes(1)?[0]);
        let kind = EntryKind::ALL.get(kind).copied().ok_or(EncodingError)?;
        let mode = u32::try_from(self.number()?).map_err(|_| EncodingError)?;
        let (uid, gid, size_bytes, modified) =
            (self.number()?, self.number()?, self.number()?, self.number()?);
        let target = match self.size()? {
            0 => None,
            length => Some(self.text(length - 1)?.into()),
        };
        let data_at = self.number()?.checked_sub(1);
        let hash = match self.bytes(1)? {
            [0] => None,
            _ => self.bytes(16)?.first_chunk().copied(),
        };
        let modified = (modified >> 1).cast_signed() ^ -(modified & 1).cast_signed();
        Ok(Entry { path: path.into(), kind, mode, uid, gid, size_bytes, modified, target, data_at, hash })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files() -> LayerFiles {
        let file = |path: &str, size| crate::testing::file(path, size);
        LayerFiles::new(vec![
            file("usr/bin/env", 7),
            Entry { modified: -5, hash: Some([7; 16]), data_at: Some(0), ..file("usr/bin/é", u64::MAX) },
            Entry { kind: EntryKind::Symlink, target: Some("".into()), ..file("usr/bin/è", 0) },
            Entry { kind: EntryKind::Opaque, uid: u64::MAX, modified: i64::MIN, ..file("", 0) },
        ])
    }

    #[test]
    fn lists_come_back() {
        assert_eq!(LayerFiles::decode(&files().encode()), Ok(files()));
        assert_eq!(LayerFiles::decode(&LayerFiles::default().encode()), Ok(LayerFiles::default()));
    }

    #[test]
    fn damage_is_seen() {
        let good = files().encode();
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 0x10;
            assert_eq!(LayerFiles::decode(&bad), Err(EncodingError), "{at}");
            assert_eq!(LayerFiles::decode(&good[..at]), Err(EncodingError), "{at}");
        }
    }
}
