//! The memory of nodes, and looking again.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use ges_domain::TenantId;
use ges_domain::region::Region;
use ges_http_client::{Observer, Silent};
use tokio::sync::Notify;
use tokio::time::timeout;
use uuid::Uuid;

use crate::consul::Consul;
use crate::node::{BadNode, Node, Peer, address, named, only_region};

/// Between two looks (integrations 1.6).
const EVERY: Duration = Duration::from_secs(30);
/// Longest wait for the name service.
const NAME_SERVICE: Duration = Duration::from_secs(3);

/// Whose look-ups these are.
const INTEGRATION: &str = "discovery";

/// Any tenant, to see whether a template makes an address.
const SOMEBODY: Peer = Peer::Routers(TenantId(Uuid::nil()));

/// How nodes are found.
enum Source {
    Named(Vec<Named>),
    Dns { routers: String, orchestration: String, region: Region },
    Consul { consul: Box<Consul>, routers: String, orchestration: String },
}

struct Named {
    region: Region,
    routers: Vec<String>,
    orchestration: Option<String>,
}

/// Knows the nodes of everyone who was asked about.
pub struct Directory {
    source: Source,
    known: Mutex<HashMap<Peer, Arc<[Node]>>>,
    /// Someone was asked about for the first time.
    newcomer: Notify,
    observer: Arc<dyn Observer>,
}

impl Directory {
    fn over(source: Source) -> Self {
        Self { source, known: Mutex::default(), newcomer: Notify::new(), observer: Arc::new(Silent) }
    }

    /// Lets `observer` hear of names that do not resolve (`DNS_FAILURE`).
    #[must_use]
    pub fn observed_by(self, observer: Arc<dyn Observer>) -> Self {
        Self { observer, ..self }
    }

    /// Nodes that are named: each region with its routers, primary first, and its orchestration node. `{ccid}` stands for the
    /// tenant.
    ///
    /// # Errors
    /// [`BadNode`] names the first text that is no address.
    pub fn named<'a>(
        regions: impl IntoIterator<Item = (Region, &'a [String], Option<&'a str>)>,
    ) -> Result<Self, BadNode> {
        let own = |(region, routers, orchestration): (Region, &[String], Option<&str>)| Named {
            region,
            routers: routers.to_vec(),
            orchestration: orchestration.map(ToOwned::to_owned),
        };
        let regions: Vec<Named> = regions.into_iter().map(own).collect();
        for node in regions.iter().flat_map(|named| named.routers.iter().chain(&named.orchestration)) {
            address(node, SOMEBODY)?;
        }
        Ok(Self::over(Source::Named(regions)))
    }

    /// Routers of every tenant without regions, primary first.
    ///
    /// # Errors
    /// [`BadNode`] names the first text that is no address.
    pub fn routers(routers: &[String]) -> Result<Self, BadNode> {
        Self::named([(only_region(), routers, None)])
    }

    /// Every address that the name in a template resolves to is one node, all of the deployment's own region.
    ///
    /// # Errors
    /// [`BadNode`] for a template that is no address.
    pub fn dns(routers: &str, orchestration: &str, region: Option<Region>) -> Result<Self, BadNode> {
        address(routers, SOMEBODY)?;
        address(orchestration, Peer::Orchestration)?;
        let (routers, orchestration) = (routers.to_owned(), orchestration.to_owned());
        Ok(Self::over(Source::Dns { routers, orchestration, region: region.unwrap_or_else(only_region) }))
    }

    /// What Consul says passes its checks, under these names; datacenters are regions.
    pub fn consul(consul: Consul, routers: &str, orchestration: &str) -> Self {
        let (routers, orchestration) = (routers.to_owned(), orchestration.to_owned());
        Self::over(Source::Consul { consul: Box::new(consul), routers, orchestration })
    }

    /// The nodes as found last, in their order. The same `Arc` until something else is found.
    ///
    /// Whoever is asked about for the first time is looked up as soon as possible; until then a name stands for the nodes it
    /// resolves to, and in Consul there is nobody.
    pub fn nodes(&self, peer: Peer) -> Arc<[Node]> {
        let mut known = self.known();
        if let Some(nodes) = known.get(&peer) {
            return Arc::clone(nodes);
        }
        let nodes: Arc<[Node]> = self.at_first(peer).into();
        known.insert(peer, Arc::clone(&nodes));
        drop(known);
        self.newcomer.notify_one();
        nodes
    }

    /// The same, and whoever is asked about for the first time is looked up before the answer: for callers with time to wait.
    pub async fn found(&self, peer: Peer) -> Arc<[Node]> {
        let known = self.nodes(peer);
        if !known.is_empty() {
            return known;
        }
        self.look_up(peer).await;
        self.nodes(peer)
    }

    /// Whether nodes may stand in more than one region.
    pub fn regional(&self) -> bool {
        match &self.source {
            Source::Named(regions) => regions.iter().any(|named| named.region != regions[0].region),
            Source::Dns { .. } => false,
            Source::Consul { .. } => true,
        }
    }

    /// Looks everyone up that was asked about so far. What cannot be looked up stays as it was.
    pub async fn look(&self) {
        let peers: Vec<Peer> = self.known().keys().copied().collect();
        join_all(peers.into_iter().map(|peer| self.look_up(peer))).await;
    }

    /// Looks again every half minute, and whenever someone is asked about for the first time. Never ends.
    pub async fn keep(&self) {
        if matches!(self.source, Source::Named(_)) {
            return std::future::pending().await;
        }
        loop {
            self.look().await;
            let _ = timeout(EVERY, self.newcomer.notified()).await;
        }
    }

    async fn look_up(&self, peer: Peer) {
        let found = match &self.source {
            Source::Named(_) => return,
            Source::Dns { region, .. } => self.resolve(peer, region).await,
            Source::Consul { consul, routers, orchestration } => {
                let service = named(
                    match peer {
                        Peer::Routers(_) => routers,
                        Peer::Orchestration => orchestration,
                    },
                    peer,
                );
                let before = self.known().get(&peer).cloned().unwrap_or_default();
                let found = consul.nodes(&service, &before).await;
                found.inspect_err(|error| tracing::warn!(%error, "Consul was not asked for nodes")).ok()
            }
        };
        // An empty answer is an answer to nothing: nodes that were there keep being tried.
        let Some(found) = found.filter(|found| !found.is_empty()) else { return };
        let mut known = self.known();
        if known.get(&peer).is_none_or(|nodes| **nodes != *found) {
            known.insert(peer, found.into());
        }
    }

    /// One node for each address of the name, sorted so that every look and every pod sees the same order.
    async fn resolve(&self, peer: Peer, region: &Region) -> Option<Vec<Node>> {
        let template = self.at_first(peer).pop()?.url;
        // A certificate names a host, not an address.
        if template.scheme() == "https" {
            return None;
        }
        let (host, port) = (template.host_str()?.to_owned(), template.port_or_known_default()?);
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let looked = timeout(NAME_SERVICE, tokio::net::lookup_host((host, port))).await;
        let mut addresses: Vec<SocketAddr> = match looked {
            Ok(Ok(addresses)) => addresses.collect(),
            Ok(Err(error)) => {
                tracing::debug!(%error, "a name of nodes does not resolve");
                self.observer.dns_failed(INTEGRATION);
                return None;
            }
            Err(_) => {
                tracing::debug!("the name service did not answer");
                self.observer.dns_failed(INTEGRATION);
                return None;
            }
        };
        addresses.sort();
        addresses.dedup();
        let node = |address: SocketAddr| {
            let mut url = template.clone();
            url.set_ip_host(address.ip()).ok()?;
            Some(Node { region: region.clone(), url })
        };
        Some(addresses.into_iter().filter_map(node).collect())
    }

    /// What is known without asking anyone.
    fn at_first(&self, peer: Peer) -> Vec<Node> {
        let node =
            |region: &Region, template: &str| Some(Node { region: region.clone(), url: address(template, peer).ok()? });
        match (&self.source, peer) {
            (Source::Named(regions), Peer::Routers(_)) => regions
                .iter()
                .flat_map(|named| named.routers.iter().filter_map(|router| node(&named.region, router)))
                .collect(),
            (Source::Named(regions), Peer::Orchestration) => {
                regions.iter().filter_map(|named| node(&named.region, named.orchestration.as_deref()?)).collect()
            }
            (Source::Dns { routers, region, .. }, Peer::Routers(_)) => node(region, routers).into_iter().collect(),
            (Source::Dns { orchestration, region, .. }, Peer::Orchestration) => {
                node(region, orchestration).into_iter().collect()
            }
            (Source::Consul { .. }, _) => Vec::new(),
        }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<Peer, Arc<[Node]>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
