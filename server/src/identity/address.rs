//! From where a request came.

use std::net::IpAddr;

use axum::http::HeaderMap;

use crate::config::{Listen, Tls};

/// The proxy whose word is believed.
pub(super) fn proxy(listen: &Listen) -> Option<IpAddr> {
    match listen.tls {
        Tls::Proxy(address) => Some(address),
        Tls::Loopback | Tls::Own { .. } => None,
    }
}

/// The peer itself; if that is the trusted proxy, the last address in `X-Forwarded-For` that is not its own: what stands before it was
/// written by the visitor.
pub(super) fn of(peer: IpAddr, headers: &HeaderMap, proxy: Option<IpAddr>) -> IpAddr {
    let peer = peer.to_canonical();
    if proxy != Some(peer) {
        return peer;
    }
    let forwarded = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    let addresses: Vec<_> = forwarded.map(|part| part.trim().parse::<IpAddr>().ok()).collect();
    addresses
        .into_iter()
        .rev()
        .map_while(|address| address)
        .map(|address| address.to_canonical())
        .find(|address| Some(*address) != proxy)
        .unwrap_or(peer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(peer: &str, forwarded: &str) -> String {
        let mut headers = HeaderMap::new();
        if let Ok(forwarded) = forwarded.parse() {
            headers.insert("x-forwarded-for", forwarded);
        }
        let proxy = "10.0.0.7".parse().ok();
        peer.parse().map(|peer| of(peer, &headers, proxy).to_string()).unwrap_or_default()
    }

    #[test]
    fn only_the_trusted_proxy_is_believed_and_only_what_it_wrote_itself() {
        assert_eq!(from("203.0.113.9", "198.51.100.1"), "203.0.113.9", "anybody can write that header");
        assert_eq!(from("10.0.0.7", "198.51.100.1, 203.0.113.9"), "203.0.113.9");
        assert_eq!(from("10.0.0.7", "198.51.100.1, 203.0.113.9, 10.0.0.7"), "203.0.113.9");
        assert_eq!(from("10.0.0.7", "198.51.100.1, nonsense"), "10.0.0.7");
        assert_eq!(from("10.0.0.7", ""), "10.0.0.7");
    }
}
