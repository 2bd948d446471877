//! In which order nodes are asked about a session that did not say where it is (integrations 1.6, R-RA-3, R-RA-4).

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::join_all;
use ges_discovery::{Directory, Node, Peer, only_region};
use ges_domain::region::{Region, Standing, connection_order};
use ges_http_client::{Call, CallError, HttpClient, below};
use url::Url;

/// The nodes of orchestration: those a directory finds, else the configured address.
pub(super) struct Nodes {
    fixed: Url,
    found: Option<(Arc<Directory>, Option<Region>)>,
    /// Those that did not answer the last probe.
    down: Mutex<HashSet<Url>>,
    turn: AtomicUsize,
}

impl Nodes {
    pub(super) fn fixed(url: Url) -> Self {
        Self { fixed: url, found: None, down: Mutex::default(), turn: AtomicUsize::new(0) }
    }

    pub(super) fn found_by(self, directory: Arc<Directory>, own: Option<Region>) -> Self {
        Self { found: Some((directory, own)), ..self }
    }

    /// The configured address, whose host is always allowed.
    pub(super) fn configured(&self) -> &Url {
        &self.fixed
    }

    /// Every node, the one to ask now first: regions in their order, `preferred` ones and the own one before others; nodes that did
    /// not answer the last probe after all that did; those that are alike in turn.
    pub(super) fn in_order(&self, preferred: &[Region]) -> Vec<Url> {
        let all = self.all();
        if all.is_empty() {
            return vec![self.fixed.clone()];
        }
        let down = self.down.lock().unwrap_or_else(PoisonError::into_inner);
        let standings = standings(&all, &down);
        let regions = connection_order(preferred, self.own(), &standings);
        // A region that is passed over still has nodes that may run a session.
        let place = |node: &Node| regions.iter().position(|region| **region == node.region).unwrap_or(regions.len());
        let mut ranked: Vec<((bool, usize), Url)> =
            all.iter().map(|node| ((down.contains(&node.url), place(node)), node.url.clone())).collect();
        ranked.sort_by_key(|(rank, _)| *rank);
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        for alike in ranked.chunk_by_mut(|(one, _), (other, _)| one == other) {
            alike.rotate_left(turn % alike.len());
        }
        ranked.into_iter().map(|(_, url)| url).collect()
    }

    /// The region of a new session: the first in the order of regions whose nodes do not all fail (R-RA-3, R-RA-4). A region that is
    /// preferred, or our own, counts as usable while no node of it is known here: others may run it. None when there is none.
    pub(super) fn region_for(&self, preferred: &[Region]) -> Option<Region> {
        let all = self.all();
        let mut standings = standings(&all, &self.down.lock().unwrap_or_else(PoisonError::into_inner));
        standings.remove(&only_region());
        for region in preferred.iter().chain(self.own()) {
            standings.entry(region.clone()).or_insert(Standing::Usable);
        }
        connection_order(preferred, self.own(), &standings).first().map(|region| (*region).clone())
    }

    fn own(&self) -> Option<&Region> {
        self.found.as_ref().and_then(|(_, own)| own.as_ref())
    }

    /// Asks every node whether it lives; any status below 500 is a sign of life (integrations 8.3). Whether one does.
    pub(super) async fn probe(&self, client: &HttpClient) -> bool {
        let mut urls: Vec<Url> = self.all().iter().map(|node| node.url.clone()).collect();
        if urls.is_empty() {
            urls.push(self.fixed.clone());
        }
        let looks = join_all(urls.into_iter().map(async |url| {
            let asked = client.send(&Call::get("help", "/ors/help", below(&url, &["ors", "help"])).probe()).await;
            let alive = matches!(asked, Ok(_) | Err(CallError::Status { status: ..500, .. }));
            (url, alive)
        }));
        let looks = looks.await;
        let silent = looks.iter().filter(|(_, alive)| !alive).map(|(url, _)| url.clone()).collect();
        *self.down.lock().unwrap_or_else(PoisonError::into_inner) = silent;
        looks.iter().any(|(_, alive)| *alive)
    }

    fn all(&self) -> Arc<[Node]> {
        match &self.found {
            Some((directory, _)) => directory.nodes(Peer::Orchestration),
            None => Arc::new([]),
        }
    }
}

/// How the regions of these nodes stand.
fn standings(nodes: &[Node], down: &HashSet<Url>) -> BTreeMap<Region, Standing> {
    let mut standings = BTreeMap::new();
    for node in nodes {
        let standing = standings.entry(node.region.clone()).or_insert(Standing::Failed);
        if !down.contains(&node.url) {
            *standing = Standing::Usable;
        }
    }
    standings
}

#[cfg(test)]
mod tests {
    use ges_http_client::{HttpClientFactory, Policy};
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::*;

    fn region(name: &str) -> Region {
        Region::new(name).unwrap()
    }

    #[tokio::test]
    async fn nodes_of_the_own_region_come_first_and_silent_ones_last() {
        let (east, west) = (MockServer::start().await, MockServer::start().await);
        let help = Mock::given(wiremock::matchers::path("/ors/help"));
        help.respond_with(ResponseTemplate::new(404)).mount(&west).await;
        Mock::given(wiremock::matchers::any()).respond_with(ResponseTemplate::new(500)).mount(&east).await;
        let none: &[String] = &[];
        let (at_east, at_west) = (east.uri(), west.uri());
        let named = [(region("east"), none, Some(at_east.as_str())), (region("west"), none, Some(at_west.as_str()))];
        let directory = Arc::new(Directory::named(named).unwrap());
        let nodes = Nodes::fixed("http://fixed:9098".parse().unwrap()).found_by(directory, Some(region("east")));
        let next = || nodes.in_order(&[])[0].to_string();
        let (first, second) = (format!("{at_east}/"), format!("{at_west}/"));
        let chosen = |preferred: &[&str]| {
            let preferred: Vec<_> = preferred.iter().map(|name| region(name)).collect();
            nodes.region_for(&preferred).unwrap().to_string()
        };
        assert_eq!(next(), first, "unknown is as good as healthy");
        assert_eq!((chosen(&[]), chosen(&["west"])), ("east".into(), "west".into()), "R-RA-3");
        let client = HttpClientFactory::default().client(Policy::ORS_QUERIES).unwrap();
        assert!(nodes.probe(&client).await, "404 proves life");
        assert_eq!((next(), next()), (second.clone(), second), "R-RA-4: the own region does not answer");
        assert_eq!(nodes.in_order(&[]).len(), 2, "a session may run where nobody answers");
        assert_eq!((chosen(&[]), chosen(&["east"])), ("west".into(), "west".into()), "integrations 1.6: east is down");
        assert_eq!(chosen(&["mars", "east"]), "mars", "nobody here knows how it stands");
        west.reset().await;
        Mock::given(wiremock::matchers::any()).respond_with(ResponseTemplate::new(500)).mount(&west).await;
        assert!(!nodes.probe(&client).await);
        assert_eq!((chosen(&["west"]), chosen(&[])), ("west".into(), "east".into()), "R-RA-4: all are tried");
    }

    #[tokio::test]
    async fn nodes_without_a_region_are_in_none() {
        let fixed = "http://fixed:9098";
        let directory = |own| Arc::new(Directory::dns("http://tenant-{ccid}:5580", fixed, own).unwrap());
        let nodes = |own: Option<Region>| Nodes::fixed(fixed.parse().unwrap()).found_by(directory(own.clone()), own);
        assert_eq!(nodes(None).in_order(&[]), ["http://fixed:9098/".parse().unwrap()]);
        assert_eq!(nodes(None).region_for(&[]), None, "nobody has given it a name");
        assert_eq!(nodes(None).region_for(&[region("west")]), Some(region("west")));
        assert_eq!(nodes(Some(region("east"))).region_for(&[]), Some(region("east")));
    }

    #[test]
    fn without_a_directory_there_is_one_address() {
        let nodes = Nodes::fixed("http://fixed:9098/".parse().unwrap());
        assert_eq!(nodes.in_order(&[]), ["http://fixed:9098/".parse().unwrap()]);
        assert_eq!(nodes.region_for(&[]), None);
        assert_eq!(nodes.region_for(&[region("west")]), Some(region("west")), "as the rule says");
    }
}
