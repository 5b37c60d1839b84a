//! Who the client is, where proxies stand in front.

use crate::config::Networks;
use std::net::{IpAddr, SocketAddr};
use warp::http::{HeaderMap, HeaderName};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The address of the client of a connection from `peer`: the first one that is not a trusted
/// proxy's, from the peer on backwards through `X-Forwarded-For`, in which each proxy added whom it
/// was asked by. What cannot be read ends the way there, as does what the client wrote itself.
pub(super) fn client(peer: IpAddr, headers: &HeaderMap, trusted: &Networks) -> IpAddr {
    let mut client = peer.to_canonical();
    let lines = headers.get_all(FORWARDED_FOR).iter().rev();
    // `None` for a line that is no text.
    let mut entries = lines.flat_map(|line| line.to_str().unwrap_or("-").rsplit(','));
    while trusted.contains(client) {
        match entries.next().and_then(address) {
            Some(before) => client = before,
            None => break,
        }
    }
    client
}

/// Whether a request names a client that its peer is not trusted to name.
pub(super) fn is_unheard(peer: IpAddr, headers: &HeaderMap, trusted: &Networks) -> bool {
    headers.contains_key(FORWARDED_FOR) && !trusted.contains(peer)
}

/// The address in an entry; some proxies put brackets around it, or a port behind.
fn address(entry: &str) -> Option<IpAddr> {
    let entry = entry.trim();
    let bare = entry
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .and_then(|address| address.parse().ok().map(IpAddr::V6));
    let address = bare
        .or_else(|| entry.parse().ok())
        .or_else(|| entry.parse().ok().map(|address: SocketAddr| address.ip()));
    address.map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use warp::http::HeaderValue;

    fn seen(peer: &str, lines: &[&[u8]]) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED_FOR, HeaderValue::from_bytes(line).unwrap());
        }
        let trusted = "10.0.0.0/8,2001:db8:f::/48".parse().unwrap();
        client(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn the_client_is_who_the_last_trusted_proxy_says() {
        let own = "203.0.113.9";
        let cases: &[(&str, &[&[u8]], &str)] = &[
            // Nobody but a proxy is believed.
            (own, &[], own),
            (own, &[b"198.51.100.1"], own),
            ("::ffff:203.0.113.9", &[b"198.51.100.1"], own),
            // A proxy, and several; also where IPv4 comes over an IPv6 socket.
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &[b"203.0.113.9"], own),
            ("::ffff:10.0.0.1", &[b" 203.0.113.9 "], own),
            ("10.0.0.1", &[b"203.0.113.9, 10.0.0.3,10.0.0.2"], own),
            ("2001:db8:f::1", &[b"203.0.113.9,2001:db8:f::2"], own),
            ("10.0.0.1", &[b"::ffff:203.0.113.9"], own),
            // What the client made up stands before what the first proxy added.
            ("10.0.0.1", &[b"198.51.100.1, 203.0.113.9"], own),
            ("10.0.0.1", &[b"10.0.0.7, 203.0.113.9, 10.0.0.2"], own),
            // Lines are one list.
            ("10.0.0.1", &[b"198.51.100.1", b"203.0.113.9"], own),
            ("10.0.0.1", &[b"203.0.113.9", b"10.0.0.3", b"10.0.0.2"], own),
            // All are proxies: the one farthest away asked for itself.
            ("10.0.0.1", &[b"10.0.0.3, 10.0.0.2"], "10.0.0.3"),
            // Ports and brackets.
            ("10.0.0.1", &[b"203.0.113.9:4711"], own),
            ("10.0.0.1", &[b"2001:db8::9"], "2001:db8::9"),
            ("10.0.0.1", &[b"[2001:db8::9]"], "2001:db8::9"),
            ("10.0.0.1", &[b"[2001:db8::9]:443"], "2001:db8::9"),
            // What cannot be read ends the way at whom it was read from.
            ("10.0.0.1", &[b""], "10.0.0.1"),
            ("10.0.0.1", &[b"unknown"], "10.0.0.1"),
            ("10.0.0.1", &[b"203.0.113.9, unknown, 10.0.0.2"], "10.0.0.2"),
            ("10.0.0.1", &[b"203.0.113.9,, 10.0.0.2"], "10.0.0.2"),
            (
                "10.0.0.1",
                &[b"203.0.113.9", b"\xff", b"10.0.0.2"],
                "10.0.0.2",
            ),
            ("10.0.0.1", &[b"203.0.113.9:port"], "10.0.0.1"),
            ("10.0.0.1", &[b"[203.0.113.9]"], "10.0.0.1"),
            ("10.0.0.1", &[b"fe80::1%eth0"], "10.0.0.1"),
        ];
        for (peer, lines, expected) in cases {
            assert_eq!(seen(peer, lines), *expected, "{peer} {lines:?}");
        }
    }

    #[test]
    fn a_proxy_that_is_not_trusted_is_noticed() {
        let trusted = "10.0.0.0/8".parse().unwrap();
        let mut headers = HeaderMap::new();
        let unheard =
            |headers: &_, peer: &str| is_unheard(peer.parse().unwrap(), headers, &trusted);
        assert!(!unheard(&headers, "192.0.2.1"));
        headers.insert(FORWARDED_FOR, HeaderValue::from_static("203.0.113.9"));
        assert!(unheard(&headers, "192.0.2.1") && !unheard(&headers, "10.0.0.1"));
    }
}
