//! `Range`, `If-Range` and `multipart/byteranges`: RFC 9110 sections 13.1.5, 14 and 15.3.7.

use std::{fmt::Write as _, sync::Arc};

use bytes::Bytes;
use http::{HeaderMap, header};
use longshore_registry::Blob;
use longshore_types::{ByteRange, ByteRangeError, RangesSpec, UploadId};

use crate::{body::Piece, conditional};

/// Which bytes a request is answered with.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// All: 200.
    Whole,
    /// One range: 206.
    Single(ByteRange),
    /// Exactly these ranges in this order, never merged (podman matches them by position): 206, multipart.
    Multiple(Vec<ByteRange>),
    /// None: 416.
    Unsatisfiable,
    /// More than one header may ask for: 400, after which podman asks for fewer.
    TooMany,
}

/// Decides by the headers of a GET. `etag` and `size_bytes` are of the content.
pub(crate) fn decide(headers: &HeaderMap, etag: &str, size_bytes: u64) -> Answer {
    let Some(range) = headers.get(header::RANGE) else { return Answer::Whole };
    if let Some(condition) = headers.get(header::IF_RANGE)
        && !conditional::if_range_holds(condition, etag)
    {
        return Answer::Whole;
    }
    let Ok(range) = range.to_str() else { return Answer::Whole };
    match range.parse::<RangesSpec>().and_then(|ranges| ranges.resolve(size_bytes)) {
        Ok(ranges) => match ranges[..] {
            [single] => Answer::Single(single),
            _ => Answer::Multiple(ranges),
        },
        Err(ByteRangeError::TooMany) => Answer::TooMany,
        Err(ByteRangeError::Unsatisfiable) => Answer::Unsatisfiable,
        // Section 14.2 leaves the choice for what is invalid. Ours: another unit is none of our business; `500-0` is
        // 416 (as the conformance suite wants it), better than 200 with gigabytes nobody asked for.
        Err(ByteRangeError::Malformed) if is_bytes_unit(range) => Answer::Unsatisfiable,
        Err(ByteRangeError::Malformed) => Answer::Whole,
    }
}

fn is_bytes_unit(range: &str) -> bool {
    range.split_once('=').is_some_and(|(unit, _)| unit.trim().eq_ignore_ascii_case("bytes"))
}

/// A `multipart/byteranges` body.
pub(crate) struct Multipart {
    /// The value of `Content-Type`.
    pub(crate) content_type: String,
    /// The body.
    pub(crate) pieces: Vec<Piece>,
}

/// Makes the body of an answer with several ranges; `part_type` is the content's own type.
pub(crate) fn multipart(blob: &Arc<dyn Blob>, ranges: &[ByteRange], part_type: &str) -> Multipart {
    // Content must not be able to contain it: as random as an upload's id.
    let boundary = UploadId::random().to_string();
    let size_bytes = blob.size_bytes();
    let mut pieces = Vec::with_capacity(2 * ranges.len() + 1);
    for &range in ranges {
        let mut head = String::with_capacity(160);
        let _ = write!(
            head,
            "\r\n--{boundary}\r\nContent-Type: {part_type}\r\nContent-Range: bytes {range}/{size_bytes}\r\n\r\n"
        );
        pieces.push(Piece::Bytes(Bytes::from(head)));
        pieces.push(Piece::Content(Arc::clone(blob), range));
    }
    pieces.push(Piece::Bytes(Bytes::from(format!("\r\n--{boundary}--\r\n"))));
    Multipart { content_type: format!("multipart/byteranges; boundary={boundary}"), pieces }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ETAG: &str = "\"sha256:ab\"";

    fn answer(range: &str, if_range: Option<&str>) -> Answer {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, range.parse().unwrap());
        if let Some(if_range) = if_range {
            headers.insert(header::IF_RANGE, if_range.parse().unwrap());
        }
        decide(&headers, ETAG, 100)
    }

    fn range(first: u64, last: u64) -> ByteRange {
        format!("bytes={first}-{last}").parse::<RangesSpec>().unwrap().resolve(100).unwrap()[0]
    }

    #[test]
    fn ranges() {
        let check = |header: &str, wanted| assert_eq!(answer(header, None), wanted, "{header}");
        assert_eq!(decide(&HeaderMap::new(), ETAG, 100), Answer::Whole);
        check("bytes=0-9", Answer::Single(range(0, 9)));
        check("bytes=-1,200-", Answer::Single(range(99, 99)));
        check("bytes=5-9,0-6,5-9", Answer::Multiple(vec![range(5, 9), range(0, 6), range(5, 9)]));
        check("bytes=100-", Answer::Unsatisfiable);
        check("bytes=500-0", Answer::Unsatisfiable);
        check("bytes=", Answer::Unsatisfiable);
        check("rows=1-2", Answer::Whole);
        check("nonsense", Answer::Whole);
        check(&format!("bytes={}", vec!["0-0"; 1025].join(",")), Answer::TooMany);
    }

    #[test]
    fn if_range_must_name_this_content() {
        let check = |condition: &str, ranged: bool| {
            let wanted = if ranged { Answer::Single(range(0, 9)) } else { Answer::Whole };
            assert_eq!(answer("bytes=0-9", Some(condition)), wanted, "{condition}");
        };
        check(ETAG, true);
        check("W/\"sha256:ab\"", false);
        check("\"sha256:cd\"", false);
        check("Wed, 21 Oct 2015 07:28:00 GMT", false);
    }
}
