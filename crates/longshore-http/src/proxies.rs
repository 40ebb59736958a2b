//! Who asks, and for which host: behind proxies that is in `Forwarded` (RFC 7239) or `X-Forwarded-*`, which anybody can
//! write, so that they count only when a trusted proxy sent them.

use std::{
    net::{IpAddr, SocketAddr},
    str::FromStr,
    sync::Arc,
};

use http::{HeaderMap, HeaderName, header, request::Parts, uri::Authority};
use longshore_accounts::ClientChain;
use longshore_auth::{Circumstances, ClientCertificate};
use longshore_types::Timestamp;

use crate::service::Peer;

/// An address range: `10.0.0.0/8`, `::1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct AddressRange {
    first: u128,
    bits: u32,
}

/// Whose forwarding headers count; nobody's by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies {
    ranges: Vec<AddressRange>,
    unix: bool,
}

/// An entry that names no proxy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}: expected an address, a range as 10.0.0.0/8, or the word unix")]
pub struct TrustedProxiesError(String);

impl TrustedProxies {
    /// Reads a list of addresses, ranges (`10.0.0.0/8`), and the word `unix` for whoever connects to a unix socket.
    ///
    /// # Errors
    /// The first entry that is none of these.
    pub fn parse<'a>(entries: impl IntoIterator<Item = &'a str>) -> Result<Self, TrustedProxiesError> {
        let mut proxies = Self::default();
        for entry in entries {
            match entry {
                "unix" => proxies.unix = true,
                _ => {
                    proxies.ranges.push(entry.parse().map_err(|()| TrustedProxiesError(entry.to_owned()))?);
                }
            }
        }
        Ok(proxies)
    }

    fn trusts(&self, peer: Option<IpAddr>) -> bool {
        match peer {
            None => self.unix,
            Some(address) => self.ranges.iter().any(|range| range.contains(address)),
        }
    }
}

/// IPv4 as IPv6 sees it, so that `::ffff:10.0.0.1` is what it is.
fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

impl AddressRange {
    fn contains(self, address: IpAddr) -> bool {
        let shift = 128 - self.bits;
        (bits(address) ^ self.first).checked_shr(shift).unwrap_or_default() == 0
    }
}

impl FromStr for AddressRange {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length.parse::<u32>().map_err(|_| ())?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| ())?;
        let (width, offset) = if address.is_ipv4() { (32, 96) } else { (128, 0) };
        let length = length.unwrap_or(width);
        if length > width {
            return Err(());
        }
        Ok(Self { first: bits(address), bits: offset + length })
    }
}

/// Who asks, and for which host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    /// The client's address, as far as it is known; none on a unix socket.
    pub(crate) client: Option<IpAddr>,
    /// `https` or `http`, as the client sees it.
    pub(crate) scheme: &'static str,
    /// Host and port as the client asked for them, where a proxy had to say so ([`Origin::host`]).
    pub(crate) forwarded_host: Option<String>,
    /// Whether scheme and host come from a trusted proxy's headers.
    pub(crate) forwarded: bool,
    /// Whether the peer is a trusted proxy.
    pub(crate) trusted: bool,
    /// The certificate that the client showed. That of a trusted proxy says nothing of its clients.
    pub(crate) certificate: Option<Arc<ClientChain>>,
}

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// What a proxy said of one hop.
#[derive(Default)]
struct Hop {
    client: Option<IpAddr>,
    scheme: Option<&'static str>,
    host: Option<String>,
}

impl Origin {
    /// Reads it from the connection and, if the peer is trusted, the headers.
    pub(crate) fn of(proxies: &TrustedProxies, peer: Peer, headers: &HeaderMap) -> Self {
        let Peer { address: peer, tls, certificate } = peer;
        let trusted = proxies.trusts(peer.map(|peer| peer.ip()));
        let mut origin = Self {
            // A listener on every address sees IPv4 clients as ::ffff:192.0.2.1.
            client: peer.map(|peer| peer.ip().to_canonical()),
            scheme: if tls { "https" } else { "http" },
            forwarded_host: None,
            forwarded: false,
            trusted,
            certificate: certificate.filter(|_| !trusted),
        };
        if trusted {
            let hop =
                x_forwarded(proxies, headers).or_else(|| forwarded(proxies, headers)).unwrap_or_default();
            origin.forwarded = hop.scheme.is_some();
            origin.client = hop.client.or(origin.client);
            origin.scheme = hop.scheme.unwrap_or(origin.scheme);
            origin.forwarded_host = hop.host;
        }
        origin
    }

    /// Host and port, as the client asked for them.
    pub(crate) fn host<'a>(&'a self, head: &'a Parts) -> &'a str {
        self.forwarded_host.as_deref().unwrap_or_else(|| own_host(head))
    }

    /// What is known of a request that comes from there.
    pub(crate) fn circumstances(&self, now: Timestamp) -> Circumstances {
        let certificate = self.trusted_certificate();
        Circumstances { address: self.client, certificate, ..Circumstances::at(now) }
    }

    /// The client's certificate, if it showed one and its chain is trusted.
    pub(crate) fn trusted_certificate(&self) -> Option<Arc<ClientCertificate>> {
        self.certificate.as_ref().and_then(|chain| chain.trusted().cloned())
    }

    /// The client's address as text; empty where it has none.
    pub(crate) fn client_text(client: Option<IpAddr>) -> String {
        client.map(|address| address.to_string()).unwrap_or_default()
    }
}

/// What the request itself names as host: HTTP/2 has it in the target, HTTP/1 in a header.
fn own_host(head: &Parts) -> &str {
    let header = || head.headers.get(header::HOST).and_then(|value| value.to_str().ok());
    head.uri.authority().map(Authority::as_str).or_else(header).unwrap_or_default()
}

/// The values of a list header, in order.
fn list<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Vec<&'a str> {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim).filter(|value| !value.is_empty()).collect()
}

/// Each proxy adds the hop it saw at the end; the client is the last one that is no trusted proxy itself.
fn first_untrusted(proxies: &TrustedProxies, clients: &[Option<IpAddr>]) -> usize {
    let trusted = |client: &Option<IpAddr>| client.is_some_and(|address| proxies.trusts(Some(address)));
    clients.iter().rposition(|client| !trusted(client)).unwrap_or_default()
}

fn forwarded(proxies: &TrustedProxies, headers: &HeaderMap) -> Option<Hop> {
    let hops: Vec<_> = list(headers, &header::FORWARDED).into_iter().map(forwarded_hop).collect();
    let clients: Vec<_> = hops.iter().map(|hop| hop.client).collect();
    hops.into_iter().nth(first_untrusted(proxies, &clients))
}

/// `for=192.0.2.60;proto=http;host="example.com"`.
fn forwarded_hop(element: &str) -> Hop {
    let mut hop = Hop::default();
    for pair in element.split(';') {
        let Some((key, value)) = pair.split_once('=') else { continue };
        let value = value.trim().trim_matches('"');
        match key.trim().to_ascii_lowercase().as_str() {
            "for" => hop.client = address(value),
            "proto" => hop.scheme = scheme(value),
            "host" => hop.host = host(value),
            _ => {}
        }
    }
    hop
}

/// Nearly all proxies write these. Such a proxy passes on a `Forwarded` that the client made up, so that one counts only
/// where none of these is.
fn x_forwarded(proxies: &TrustedProxies, headers: &HeaderMap) -> Option<Hop> {
    let names = [X_FORWARDED_FOR, X_FORWARDED_PROTO, X_FORWARDED_HOST];
    if !names.iter().any(|name| headers.contains_key(name)) {
        return None;
    }
    let clients: Vec<_> = list(headers, &X_FORWARDED_FOR).into_iter().map(address).collect();
    let client = clients.get(first_untrusted(proxies, &clients)).copied().flatten();
    // Proxies that are not the first in a chain pass these two on, or add theirs at the end.
    let first = |name| list(headers, name).into_iter().next();
    Some(Hop {
        client,
        scheme: first(&X_FORWARDED_PROTO).and_then(scheme),
        host: first(&X_FORWARDED_HOST).and_then(host),
    })
}

/// An address, perhaps with a port, perhaps in brackets.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()))
}

fn scheme(text: &str) -> Option<&'static str> {
    ["https", "http"].into_iter().find(|scheme| text.eq_ignore_ascii_case(scheme))
}

fn host(text: &str) -> Option<String> {
    let authority: Authority = text.parse().ok()?;
    (!authority.as_str().contains('@')).then(|| authority.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The origin of a request that names `inner:5000` itself, and the host.
    fn origin(peer: Option<&str>, headers: &[(&'static str, &str)]) -> (Origin, String) {
        let proxies = TrustedProxies::parse(["10.0.0.0/8", "fd00::/8", "unix"]).unwrap();
        let (mut head, ()) =
            http::Request::builder().header("host", "inner:5000").body(()).unwrap().into_parts();
        for (name, value) in headers {
            head.headers.append(*name, value.parse().unwrap());
        }
        let origin = Origin::of(
            &proxies,
            Peer { address: peer.map(|peer| peer.parse().unwrap()), tls: false, certificate: None },
            &head.headers,
        );
        let host = origin.host(&head).to_owned();
        (origin, host)
    }

    #[test]
    fn headers_count_from_trusted_proxies_only() {
        let check = |peer: Option<&str>, headers: &[(&'static str, &str)], client: &str, base: &str| {
            let (origin, host) = origin(peer, headers);
            let seen = format!("{}://{host}", origin.scheme);
            let found = Origin::client_text(origin.client);
            assert_eq!((found.as_str(), seen.as_str()), (client, base), "{peer:?} {headers:?}");
        };
        let x = [
            ("x-forwarded-for", "192.0.2.1"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "r.example"),
        ];
        check(Some("203.0.113.9:1"), &x, "203.0.113.9", "http://inner:5000");
        check(Some("10.1.2.3:1"), &x, "192.0.2.1", "https://r.example");
        check(Some("[::ffff:10.1.2.3]:1"), &x, "192.0.2.1", "https://r.example");
        check(None, &x, "192.0.2.1", "https://r.example");
        check(Some("10.1.2.3:1"), &[], "10.1.2.3", "http://inner:5000");
        check(Some("[::ffff:203.0.113.9]:1"), &[], "203.0.113.9", "http://inner:5000");
        // What the client itself wrote stands before what the proxies saw.
        let chain = [("x-forwarded-for", "1.1.1.1, 192.0.2.1"), ("x-forwarded-for", "10.0.0.7")];
        check(Some("10.1.2.3:1"), &chain, "192.0.2.1", "http://inner:5000");
        let standard = [(
            "forwarded",
            "for=1.1.1.1;proto=http, for=\"[2001:db8::1]:99\";Proto=HTTPS;host=\"r.example:8443\"",
        )];
        check(Some("[fd00::1]:1"), &standard, "2001:db8::1", "https://r.example:8443");
        let forged = [x[0], x[1], ("forwarded", "for=1.1.1.1;proto=http;host=evil.example")];
        check(Some("10.1.2.3:1"), &forged, "192.0.2.1", "https://inner:5000");
        let nonsense =
            [("x-forwarded-proto", "gopher"), ("x-forwarded-host", "a/../b"), ("x-forwarded-for", "x")];
        check(Some("10.1.2.3:1"), &nonsense, "10.1.2.3", "http://inner:5000");
    }

    #[test]
    fn ranges() {
        for bad in ["", "10.0.0.0/33", "::1/129", "10.0.0.0/", "host", "1.2.3"] {
            assert!(TrustedProxies::parse([bad]).is_err(), "{bad}");
        }
        let all = TrustedProxies::parse(["0.0.0.0/0"]).unwrap();
        assert!(all.trusts(Some(IpAddr::from([1, 2, 3, 4]))) && !all.trusts(None));
        assert!(!all.trusts("2001:db8::1".parse().ok()));
        assert!(TrustedProxies::parse(["::/0"]).unwrap().trusts("2001:db8::1".parse().ok()));
    }
}
