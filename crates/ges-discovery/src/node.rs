//! What is looked for and what is found.

use ges_domain::TenantId;
use ges_domain::region::Region;
use url::Url;

/// Who is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Peer {
    /// Nodes of orchestration, which all tenants share.
    Orchestration,
    /// The routers of a tenant.
    Routers(TenantId),
}

/// One node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Where it stands (R-RA-1).
    pub region: Region,
    /// Its address.
    pub url: Url,
}

/// The text is no address of a node.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not an http address")]
pub struct BadNode(pub String);

/// The region of nodes that nobody has sorted into regions; a word between us, which no other system knows.
pub fn only_region() -> Region {
    Region::new("only").expect("invariant: a short constant is a region")
}

/// An address, `{ccid}` standing for the tenant; without scheme it means `http`.
pub(crate) fn address(template: &str, peer: Peer) -> Result<Url, BadNode> {
    let text = named(template, peer);
    let text = if text.contains("://") { text } else { format!("http://{text}") };
    let url = Url::parse(&text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    url.ok_or_else(|| BadNode(template.to_owned()))
}

/// A name, `{ccid}` standing for the tenant.
pub(crate) fn named(template: &str, peer: Peer) -> String {
    match peer {
        Peer::Routers(tenant) => template.replace("{ccid}", &tenant.to_string()),
        Peer::Orchestration => template.to_owned(),
    }
}
