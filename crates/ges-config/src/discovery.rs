//! How the routers and the orchestration nodes are found (integrations 1.6).

use secrecy::SecretString;
use serde::Deserialize;
use url::Url;

use crate::problem::Problem;
use crate::reader::{Reader, is_region, web_url};

/// Where nodes are looked for.
#[derive(Debug, Clone)]
pub enum Discovery {
    /// They are named: primary first, for every tenant and in no region.
    Routers(Vec<Url>),
    /// They are named by region.
    Regions(Vec<RegionNodes>),
    /// By the name service.
    Dns {
        /// Address of a tenant's routers, with `{ccid}` for the tenant.
        urs: String,
    },
    /// By Consul.
    Consul(Consul),
}

/// Consul and the names in it.
#[derive(Debug, Clone)]
pub struct Consul {
    /// Its HTTP interface.
    pub url: Url,
    /// Its token.
    pub token: Option<SecretString>,
    /// Name of a tenant's routers, with `{ccid}` for the tenant.
    pub urs_name: String,
    /// Name of the orchestration nodes.
    pub ors_name: String,
    /// Datacenters to look in; empty: all.
    pub regions: Vec<String>,
}

/// The nodes of one region.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegionNodes {
    /// Its name.
    pub region: String,
    /// Its routers, primary first; `{ccid}` stands for the tenant.
    #[serde(default)]
    pub urs: Vec<String>,
    /// Its orchestration node.
    #[serde(default)]
    pub ors: Option<String>,
}

impl RegionNodes {
    /// Whether the region has a name and every node an address that shows no credentials.
    fn reads(&self) -> bool {
        is_region(&self.region) && self.urs.iter().chain(&self.ors).all(|node| is_node(node))
    }
}

/// An address in which `{ccid}` may stand for the tenant; without scheme it means `http`.
fn is_node(template: &str) -> bool {
    let address = template.replace("{ccid}", "0");
    web_url(&if address.contains("://") { address } else { format!("http://{address}") }).is_some()
}

impl Discovery {
    /// Nothing is looked for: every wait is unknown.
    pub const fn nothing() -> Self {
        Self::Routers(Vec::new())
    }

    pub(crate) fn read(reader: &mut Reader) -> Self {
        let kind = reader.word("discovery.kind");
        let urls = reader.urls("urs.urls");
        let regions = regions(reader);
        if !urls.is_empty() && !regions.is_empty() {
            reader.problems.push(Problem::Relation {
                first: "GES_DISCOVERY__NODES",
                second: "GES_URS__URLS",
                rule: "routers are named in one of them",
            });
        }
        let named = !(urls.is_empty() && regions.is_empty());
        if named && matches!(kind.as_str(), "dns" | "consul") {
            let second = if urls.is_empty() { "GES_DISCOVERY__NODES" } else { "GES_URS__URLS" };
            let rule = "routers are either named or looked for";
            reader.problems.push(Problem::Relation { first: "GES_DISCOVERY__KIND", second, rule });
        }
        match kind.as_str() {
            "consul" => consul(reader).map_or(Self::nothing(), Self::Consul),
            "auto" | "dns" if !named => dns(reader),
            _ if regions.is_empty() => Self::Routers(urls),
            _ => Self::Regions(regions),
        }
    }
}

fn regions(reader: &mut Reader) -> Vec<RegionNodes> {
    match reader.text("discovery.nodes").map(|text| serde_json::from_str::<Vec<RegionNodes>>(&text)) {
        None => Vec::new(),
        Some(Ok(regions)) if regions.iter().all(RegionNodes::reads) => regions,
        Some(Ok(_)) => {
            reader.bad(
                "discovery.nodes",
                "regions of 1 to 64 characters, and hosts or http or https URLs without credentials",
            );
            Vec::new()
        }
        Some(Err(_)) => {
            reader.bad("discovery.nodes", "JSON list of objects with region, urs and ors");
            Vec::new()
        }
    }
}

fn dns(reader: &mut Reader) -> Discovery {
    let urs = reader.text_or_empty("discovery.urs_template");
    if !is_node(&urs) {
        reader.bad("discovery.urs_template", "http or https URL without credentials, {ccid} for the tenant");
    }
    Discovery::Dns { urs }
}

fn consul(reader: &mut Reader) -> Option<Consul> {
    let Some(url) = reader.url("discovery.consul_url") else {
        if !reader.is_bad(&["discovery.consul_url"]) {
            let rule = "Consul needs its address";
            let (first, second) = ("GES_DISCOVERY__KIND", "GES_DISCOVERY__CONSUL_URL");
            reader.problems.push(Problem::Relation { first, second, rule });
        }
        return None;
    };
    let regions = reader.list("discovery.regions");
    if !regions.iter().all(|name| is_region(name)) {
        reader.bad("discovery.regions", "names of 1 to 64 characters with commas between them");
    }
    Some(Consul {
        url,
        token: reader.header_secret("discovery.consul_token"),
        urs_name: reader.text_or_empty("discovery.consul_urs_name"),
        ors_name: reader.text_or_empty("discovery.consul_ors_name"),
        regions,
    })
}
