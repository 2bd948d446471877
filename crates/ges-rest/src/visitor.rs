//! Where a request comes from, as far as that is known for certain (integrations 7.4).

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use ipnet::IpNet;

use crate::listener::Site;

/// Longest browser name that is passed on, in bytes.
const BROWSER: usize = 512;

/// The other end of the connection a request came over.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// Whoever made a request.
pub(crate) struct Visitor {
    /// Its address; none when a proxy we trust does not tell, or tells what is no address.
    pub(crate) address: Option<IpAddr>,
    /// Its browser, as it says.
    pub(crate) browser: Option<String>,
}

impl FromRequestParts<Arc<Site>> for Visitor {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, site: &Arc<Site>) -> Result<Self, Infallible> {
        let peer = parts.extensions.get::<Peer>();
        let browser = parts.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
        Ok(Self {
            address: peer.and_then(|Peer(peer)| first_untrusted(*peer, &parts.headers, &site.limits.trusted_proxies)),
            browser: browser.filter(|text| text.len() <= BROWSER).map(ToOwned::to_owned),
        })
    }
}

/// The last hop that is none of our proxies: each proxy appends whom it heard, so only what stands right of it is certain.
fn first_untrusted(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> Option<IpAddr> {
    let ours = |address: &IpAddr| trusted.iter().any(|network| network.contains(&address.to_canonical()));
    if !ours(&peer) {
        return Some(peer.to_canonical());
    }
    let told: Vec<&str> = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok()).collect();
    for hop in told.iter().flat_map(|line| line.split(',')).rev() {
        // What a proxy of ours did not write as an address tells nothing, and neither does anything before it.
        let address = hop.trim().parse::<IpAddr>().ok()?.to_canonical();
        if !ours(&address) {
            return Some(address);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_our_proxies_say_is_believed() {
        let trusted: Vec<IpNet> = ["10.0.0.0/8", "fc00::/7"].map(|text| text.parse().unwrap()).into();
        let found = |peer: &str, told: &[&str]| {
            let mut headers = HeaderMap::new();
            for line in told {
                headers.append("x-forwarded-for", line.parse().unwrap());
            }
            first_untrusted(peer.parse().unwrap(), &headers, &trusted).map(|address| address.to_string())
        };
        let visitor = Some("203.0.113.9".to_owned());
        assert_eq!(found("203.0.113.9", &["198.51.100.1"]), visitor, "a visitor cannot name another address");
        assert_eq!(found("10.0.0.1", &["198.51.100.1, 203.0.113.9"]), visitor, "the rightmost is the proxy's own word");
        assert_eq!(found("10.0.0.1", &["203.0.113.9, 10.0.0.7, fd00::1"]), visitor, "several proxies");
        assert_eq!(found("10.0.0.1", &["198.51.100.1", "203.0.113.9"]), visitor, "two header lines are one list");
        assert_eq!(found("::ffff:10.0.0.1", &["::ffff:203.0.113.9"]), visitor, "IPv4 in IPv6 is IPv4");
        assert_eq!(found("10.0.0.1", &[]), None, "the proxy says nothing");
        assert_eq!(found("10.0.0.1", &["203.0.113.9, unknown"]), None);
        assert_eq!(found("10.0.0.1", &["10.0.0.7"]), None, "only proxies");
    }
}
