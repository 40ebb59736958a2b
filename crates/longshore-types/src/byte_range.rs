//! The `Range` header: RFC 9110 section 14, unit `bytes`.

use std::{fmt, str::FromStr};

/// One wish of a `Range` header, before the length of the content is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RangeSpec {
    /// `first-last`, both inclusive; `first-` without the last.
    From {
        /// Offset of the first byte.
        first: u64,
        /// Offset of the last byte, if given.
        last: Option<u64>,
    },
    /// `-length`: the last bytes.
    Suffix {
        /// How many.
        length: u64,
    },
}

/// A whole `Range` header: at least one wish, at most [`RangesSpec::COUNT_MAX`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RangesSpec(Vec<RangeSpec>);

/// Bytes of some content: never empty, never beyond its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteRange {
    first: u64,
    last: u64,
}

/// Why a `Range` header is not answered with the bytes it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ByteRangeError {
    /// Another unit, or not the grammar. RFC 9110 section 14.2: ignore the header.
    #[error("not a byte range")]
    Malformed,
    /// More ranges than [`RangesSpec::COUNT_MAX`]; clients that get 400 for it ask for fewer.
    #[error("more than {} ranges in one request", RangesSpec::COUNT_MAX)]
    TooMany,
    /// No range overlaps the content: 416.
    #[error("no range overlaps the content")]
    Unsatisfiable,
}

impl RangesSpec {
    /// Most ranges in one header; what podman asks for at once.
    pub const COUNT_MAX: usize = 1024;

    /// The wishes, in the order of the header.
    pub fn specs(&self) -> &[RangeSpec] {
        &self.0
    }

    /// The bytes meant, of content with `size_bytes` bytes, in the order asked, never merged; what lies beyond the
    /// end is left out (RFC 9110 section 14.1.2).
    ///
    /// # Errors
    /// [`ByteRangeError::Unsatisfiable`] when nothing is left.
    pub fn resolve(&self, size_bytes: u64) -> Result<Vec<ByteRange>, ByteRangeError> {
        let ranges: Vec<_> = self.0.iter().filter_map(|spec| spec.resolve(size_bytes)).collect();
        if ranges.is_empty() { Err(ByteRangeError::Unsatisfiable) } else { Ok(ranges) }
    }
}

impl RangeSpec {
    fn resolve(self, size_bytes: u64) -> Option<ByteRange> {
        let end = size_bytes.checked_sub(1)?;
        let (first, last) = match self {
            Self::From { first, last } => (first, last.map_or(end, |last| last.min(end))),
            Self::Suffix { length } => (size_bytes - length.min(size_bytes), end),
        };
        (first <= last).then_some(ByteRange { first, last })
    }
}

impl FromStr for RangesSpec {
    type Err = ByteRangeError;

    fn from_str(header: &str) -> Result<Self, ByteRangeError> {
        let (unit, set) = header.split_once('=').ok_or(ByteRangeError::Malformed)?;
        if !unit.trim().eq_ignore_ascii_case("bytes") {
            return Err(ByteRangeError::Malformed);
        }
        let mut specs = Vec::new();
        // RFC 9110 section 5.6.1.2: empty list elements are to be ignored.
        for element in set.split(',').map(str::trim).filter(|element| !element.is_empty()) {
            if specs.len() == Self::COUNT_MAX {
                return Err(ByteRangeError::TooMany);
            }
            specs.push(element.parse()?);
        }
        if specs.is_empty() { Err(ByteRangeError::Malformed) } else { Ok(Self(specs)) }
    }
}

impl FromStr for RangeSpec {
    type Err = ByteRangeError;

    fn from_str(text: &str) -> Result<Self, ByteRangeError> {
        let (first, last) = text.split_once('-').ok_or(ByteRangeError::Malformed)?;
        match (first, last) {
            ("", length) => Ok(Self::Suffix { length: number(length)? }),
            (first, "") => Ok(Self::From { first: number(first)?, last: None }),
            (first, last) => {
                let (first, last) = (number(first)?, number(last)?);
                if last < first {
                    return Err(ByteRangeError::Malformed);
                }
                Ok(Self::From { first, last: Some(last) })
            }
        }
    }
}

/// Digits only; a number too large for `u64` lies beyond every content, so it saturates.
fn number(text: &str) -> Result<u64, ByteRangeError> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(ByteRangeError::Malformed);
    }
    Ok(text.parse().unwrap_or(u64::MAX))
}

impl ByteRange {
    /// Offset of the first byte.
    pub fn first(self) -> u64 {
        self.first
    }

    /// Offset of the last byte.
    pub fn last(self) -> u64 {
        self.last
    }

    /// How many bytes, at least one.
    pub fn size_bytes(self) -> u64 {
        self.last - self.first + 1
    }

    /// Its first `size_bytes`, at least one, and what is left then.
    #[must_use]
    pub fn split(self, size_bytes: u64) -> (Self, Option<Self>) {
        let middle = self.first.saturating_add(size_bytes.max(1));
        if middle > self.last {
            return (self, None);
        }
        (Self { last: middle - 1, ..self }, Some(Self { first: middle, ..self }))
    }

    /// The whole of some content; `None` when it is empty.
    pub fn whole(size_bytes: u64) -> Option<Self> {
        Some(Self { first: 0, last: size_bytes.checked_sub(1)? })
    }
}

impl fmt::Display for ByteRange {
    /// `first-last`, as in `Content-Range`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(header: &str, size_bytes: u64) -> Result<Vec<(u64, u64)>, ByteRangeError> {
        let ranges = header.parse::<RangesSpec>()?.resolve(size_bytes)?;
        Ok(ranges.into_iter().map(|r| (r.first(), r.last())).collect())
    }

    #[test]
    fn splitting() {
        let range = ByteRange { first: 10, last: 19 };
        let at = |size_bytes| {
            let (first, rest) = range.split(size_bytes);
            (first.to_string(), rest.map(|rest| rest.to_string()).unwrap_or_default())
        };
        assert_eq!(at(4), ("10-13".into(), "14-19".into()));
        assert_eq!(at(0), at(1));
        assert_eq!(at(9), ("10-18".into(), "19-19".into()));
        for whole in [10, 11, u64::MAX] {
            assert_eq!(at(whole), ("10-19".into(), String::new()));
        }
    }

    #[test]
    fn ranges() {
        let check = |header: &str, wanted| assert_eq!(resolved(header, 100), wanted, "{header}");
        check("bytes=0-9", Ok(vec![(0, 9)]));
        check("bytes=90-", Ok(vec![(90, 99)]));
        check("bytes=90-200", Ok(vec![(90, 99)]));
        check("bytes=-5", Ok(vec![(95, 99)]));
        check("bytes=-500", Ok(vec![(0, 99)]));
        check("Bytes = 5-5 , 0-0,,200-300", Ok(vec![(5, 5), (0, 0)]));
        check("bytes=0-10,5-15", Ok(vec![(0, 10), (5, 15)]));
        check("bytes=99-99999999999999999999999", Ok(vec![(99, 99)]));
        for unsatisfiable in ["bytes=100-", "bytes=-0", "bytes=100-200,300-"] {
            check(unsatisfiable, Err(ByteRangeError::Unsatisfiable));
        }
        for malformed in
            ["", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=5-1", "bytes=+1-2", "items=0-1"]
        {
            check(malformed, Err(ByteRangeError::Malformed));
        }
        assert_eq!(resolved("bytes=0-", 0), Err(ByteRangeError::Unsatisfiable));
        let many = |count| format!("bytes={}", vec!["0-0"; count].join(","));
        assert_eq!(resolved(&many(1024), 1).map(|ranges| ranges.len()), Ok(1024));
        assert_eq!(resolved(&many(1025), 1), Err(ByteRangeError::TooMany));
    }
}
