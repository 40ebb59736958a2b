//! The head of an HTTP/1.1 reply, as far as a load generator needs it.

use anyhow::{Result, bail};

use super::request::Reply;

/// Header lines at most.
const HEADERS_MAX: usize = 64;

/// A reply's head, and how its body is framed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// How many bytes the head itself took.
    pub(super) size: usize,
    /// Status and headers of interest.
    pub(super) reply: Reply,
    /// How long the body is.
    pub(super) framing: Framing,
    /// The server will close the connection after this reply.
    pub(super) closes: bool,
}

/// How the end of a body is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// `Content-Length`, or no body.
    Length(u64),
    /// `Transfer-Encoding: chunked`.
    Chunked,
    /// The connection's end.
    Close,
}

/// Reads a head from the beginning of `bytes`; `None` if it is not all there. `to_head` says that the request was
/// `HEAD`, whose replies have no body whatever they say.
///
/// # Errors
/// When it is no HTTP/1.1.
pub(super) fn parse(bytes: &[u8], to_head: bool) -> Result<Option<Head>> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(size) = response.parse(bytes)? else { return Ok(None) };
    let status = response.code.unwrap_or(0);
    let mut reply = Reply { status, ..Reply::default() };
    let (mut length, mut chunked, mut closes) = (None, false, response.version == Some(0));
    for header in response.headers.iter() {
        // By length first: most headers are decided by it.
        match header.name.len() {
            14 if header.name.eq_ignore_ascii_case("content-length") => length = Some(number(header.value)?),
            17 if header.name.eq_ignore_ascii_case("transfer-encoding") => chunked = true,
            10 if header.name.eq_ignore_ascii_case("connection") => {
                closes |= header.value.eq_ignore_ascii_case(b"close");
            }
            8 if header.name.eq_ignore_ascii_case("location") => reply.location = Some(text(header.value)),
            16 if header.name.eq_ignore_ascii_case("www-authenticate") => {
                reply.challenge = Some(text(header.value));
            }
            4 if header.name.eq_ignore_ascii_case("link") => reply.link = Some(text(header.value)),
            _ => {}
        }
    }
    let framing = match (status, chunked, length) {
        (100..=199 | 204 | 304, ..) => Framing::Length(0),
        _ if to_head => Framing::Length(0),
        (_, true, _) => Framing::Chunked,
        (_, _, Some(length)) => Framing::Length(length),
        _ => Framing::Close,
    };
    closes |= framing == Framing::Close;
    Ok(Some(Head { size, reply, framing, closes }))
}

fn text(value: &[u8]) -> String {
    String::from_utf8_lossy(value).into_owned()
}

fn number(digits: &[u8]) -> Result<u64> {
    match str::from_utf8(digits).ok().and_then(|text| text.trim().parse().ok()) {
        Some(number) => Ok(number),
        None => bail!("the server sent a Content-Length that is no number"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, to_head: bool) -> Head {
        parse(text.as_bytes(), to_head).unwrap().unwrap()
    }

    #[test]
    fn framing_follows_status_and_headers() {
        for (text, to_head, framing, closes) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n", false, Framing::Length(12), false),
            ("HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n", true, Framing::Length(0), false),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", false, Framing::Chunked, false),
            ("HTTP/1.1 304 Not Modified\r\nContent-Length: 12\r\n\r\n", false, Framing::Length(0), false),
            ("HTTP/1.1 204 No Content\r\n\r\n", false, Framing::Length(0), false),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
                false,
                Framing::Length(0),
                true,
            ),
            ("HTTP/1.1 200 OK\r\n\r\n", false, Framing::Close, true),
        ] {
            let head = check(text, to_head);
            assert_eq!((head.framing, head.closes, head.size), (framing, closes, text.len()), "{text}");
        }
    }

    #[test]
    fn headers_of_interest_are_kept() {
        let head = check(
            "HTTP/1.1 202 Accepted\r\nLocation: /v2/x?_state=a\r\nLink: </v2/_catalog?last=b>\r\n\r\n",
            true,
        );
        assert_eq!(head.reply.status, 202);
        assert_eq!(head.reply.location.as_deref(), Some("/v2/x?_state=a"));
        assert_eq!(head.reply.link.as_deref(), Some("</v2/_catalog?last=b>"));
    }

    #[test]
    fn a_part_is_not_enough_and_nonsense_is_refused() {
        let whole = "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n";
        for end in 0..whole.len() {
            assert_eq!(parse(&whole.as_bytes()[..end], false).unwrap(), None, "{end}");
        }
        assert!(parse(b"SSH-2.0-x\r\n\r\n", false).is_err());
        assert!(parse(b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", false).is_err());
    }
}
