//! The routers of one tenant: the order of asking, and who is down (integrations 3.5, R-RA-3 to R-RA-6).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ges_discovery::Node;
use ges_domain::TenantId;
use ges_domain::region::{Region, Standing, connection_order};
use ges_http_client::Monotonic;
use url::Url;

/// A router is down after this many failures in a row, and up again after one success.
const FAILURES_TO_BE_DOWN: u32 = 2;
/// A region whose routers are all down is passed over for so long after the last failure (R-RA-6).
const SKIPPED_FOR: Duration = Duration::from_secs(30);

/// One router as seen from here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeHealth {
    /// Scheme, host and port.
    pub origin: String,
    /// Where it stands.
    pub region: Region,
    /// Two or more probes or calls in a row failed.
    pub down: bool,
}

/// The routers of one tenant as seen from here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantHealth {
    /// Whose routers they are.
    pub tenant: TenantId,
    /// In the order of the configuration.
    pub nodes: Vec<NodeHealth>,
}

impl TenantHealth {
    /// Whether the tenant has routers and every one of them is down (R-EWT-10).
    pub fn all_down(&self) -> bool {
        !self.nodes.is_empty() && self.nodes.iter().all(|node| node.down)
    }
}

#[derive(Debug, Default)]
struct State {
    /// The router of each region that answered last.
    sticky: BTreeMap<Region, usize>,
    nodes: Vec<Troubles>,
}

/// What went wrong with a router since it last answered.
#[derive(Debug, Clone, Copy, Default)]
struct Troubles {
    failures: u32,
    last: Duration,
}

impl Troubles {
    fn is_down(self) -> bool {
        self.failures >= FAILURES_TO_BE_DOWN
    }
}

/// The routers of one tenant. Regions come in the order of chapter 14; in a region the one that answered last comes first.
pub(crate) struct Nodes {
    found: Arc<[Node]>,
    affinity: Option<Region>,
    clock: Monotonic,
    state: Mutex<State>,
}

impl Nodes {
    pub(crate) fn new(found: Arc<[Node]>, affinity: Option<Region>, clock: Monotonic) -> Self {
        let state = State { sticky: BTreeMap::new(), nodes: vec![Troubles::default(); found.len()] };
        Self { found, affinity, clock, state: Mutex::new(state) }
    }

    /// These routers instead; those that were there before keep what is known of them.
    pub(crate) fn replaced_by(&self, found: Arc<[Node]>) -> Self {
        let next = Self::new(found, self.affinity.clone(), Arc::clone(&self.clock));
        {
            let (old, mut new) = (self.state(), next.state());
            for (place, node) in next.found.iter().enumerate() {
                let Some(before) = self.found.iter().position(|known| known == node) else { continue };
                new.nodes[place] = old.nodes[before];
                if old.sticky.get(&node.region) == Some(&before) {
                    new.sticky.insert(node.region.clone(), place);
                }
            }
        }
        next
    }

    /// Whether these are the routers that were found.
    pub(crate) fn are(&self, found: &Arc<[Node]>) -> bool {
        Arc::ptr_eq(&self.found, found)
    }

    pub(crate) fn count(&self) -> usize {
        self.found.len()
    }

    pub(crate) fn address(&self, node: usize) -> &Url {
        &self.found[node].url
    }

    /// The order of asking: region after region as [`connection_order`] says, in each the one that answered last and then the
    /// others as configured; those that are down come after all that are not.
    pub(crate) fn order(&self, preferred: &[Region]) -> Vec<usize> {
        let now = (self.clock)();
        let state = self.state();
        let mut standings: BTreeMap<Region, Standing> = BTreeMap::new();
        for (Node { region, .. }, troubles) in self.found.iter().zip(&state.nodes) {
            let failed = troubles.is_down() && now < troubles.last + SKIPPED_FOR;
            let standing = standings.entry(region.clone()).or_insert(Standing::Failed);
            if !failed {
                *standing = Standing::Usable;
            }
        }
        let regions = connection_order(preferred, self.affinity.as_ref(), &standings);
        let rank = |node: usize| {
            let region = &self.found[node].region;
            let place = regions.iter().position(|one| *one == region)?;
            Some((state.nodes[node].is_down(), place, state.sticky.get(region) != Some(&node), node))
        };
        let mut order: Vec<_> = (0..self.found.len()).filter_map(rank).collect();
        order.sort_unstable();
        order.into_iter().map(|(.., node)| node).collect()
    }

    /// Notes an answer; `sticks` when it was an estimate and not just a sign of life.
    pub(crate) fn answered(&self, node: usize, sticks: bool) {
        let mut state = self.state();
        state.nodes[node] = Troubles::default();
        if sticks {
            state.sticky.insert(self.found[node].region.clone(), node);
        }
    }

    pub(crate) fn failed(&self, node: usize) {
        let last = (self.clock)();
        let troubles = &mut self.state().nodes[node];
        *troubles = Troubles { failures: troubles.failures.saturating_add(1), last };
    }

    pub(crate) fn health(&self) -> Vec<NodeHealth> {
        let state = self.state();
        let health = |(node, troubles): (&Node, &Troubles)| NodeHealth {
            origin: node.url.origin().ascii_serialization(),
            region: node.region.clone(),
            down: troubles.is_down(),
        };
        self.found.iter().zip(&state.nodes).map(health).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    /// Routers of these regions, under a clock that the test moves.
    fn nodes(regions: &[&str]) -> (Nodes, Arc<AtomicU64>) {
        let seconds = Arc::new(AtomicU64::new(0));
        let clock = Arc::clone(&seconds);
        let hosts = regions.iter().zip(["http://a:1", "http://b:2", "http://c:3", "http://d:4"]);
        let addresses = hosts.map(|(region, url)| node(region, url)).collect();
        let clock: Monotonic = Arc::new(move || Duration::from_secs(clock.load(Ordering::SeqCst)));
        (Nodes::new(addresses, Region::new("east").ok(), clock), seconds)
    }

    fn node(region: &str, url: &str) -> Node {
        Node { region: Region::new(region).unwrap(), url: Url::parse(url).unwrap() }
    }

    fn three() -> Nodes {
        nodes(&["east"; 3]).0
    }

    fn fail(nodes: &Nodes, ids: &[usize]) {
        for _ in 0..2 {
            ids.iter().for_each(|id| nodes.failed(*id));
        }
    }

    /// Regions east (own), west, eu with one router each.
    #[test]
    fn ex_q_routers_are_asked_in_the_order_of_their_regions() {
        let west = [Region::new("west").unwrap()];
        let (all, _) = nodes(&["east", "west", "eu"]);
        assert_eq!(all.order(&west), [1, 0, 2], "all good");
        assert_eq!(all.order(&[]), [0, 2, 1], "no rule");
        fail(&all, &[1]);
        assert_eq!(all.order(&west), [0, 2], "west bad");
        fail(&all, &[0, 2]);
        assert_eq!(all.order(&west), [1, 0, 2], "all bad: once each");
    }

    #[test]
    fn a_failed_region_is_passed_over_for_half_a_minute_and_work_returns_when_it_recovers() {
        let west = [Region::new("west").unwrap()];
        let (nodes, seconds) = nodes(&["west", "west", "east"]);
        fail(&nodes, &[0]);
        assert_eq!(nodes.order(&west), [1, 2, 0], "R-RA-4: its other router is good");
        nodes.answered(2, true);
        assert_eq!(nodes.order(&west), [1, 2, 0], "what sticks, sticks inside its region");
        fail(&nodes, &[1]);
        assert_eq!(nodes.order(&west), [2], "R-RA-6");
        seconds.store(29, Ordering::SeqCst);
        assert_eq!(nodes.order(&west), [2]);
        seconds.store(30, Ordering::SeqCst);
        assert_eq!(nodes.order(&west), [2, 0, 1], "tried again, after those that are good");
        nodes.answered(1, true);
        assert_eq!(nodes.order(&west), [1, 2, 0], "R-RA-6: new work returns");
    }

    #[test]
    fn the_one_that_answered_is_asked_first_until_it_is_down() {
        let nodes = three();
        assert_eq!(nodes.order(&[]), [0, 1, 2]);
        nodes.answered(1, true);
        assert_eq!(nodes.order(&[]), [1, 0, 2]);
        nodes.answered(2, false);
        assert_eq!(nodes.order(&[]), [1, 0, 2], "a sign of life does not stick");
        nodes.failed(1);
        nodes.answered(0, true);
        assert_eq!(nodes.order(&[]), [0, 1, 2], "failed, and another answered");
    }

    #[test]
    fn two_failures_in_a_row_are_down_and_one_success_is_up() {
        let nodes = three();
        let down = |nodes: &Nodes| nodes.health().iter().map(|node| node.down).collect::<Vec<_>>();
        nodes.failed(0);
        nodes.answered(0, false);
        nodes.failed(0);
        assert_eq!(down(&nodes), [false; 3]);
        nodes.failed(0);
        assert_eq!(down(&nodes), [true, false, false]);
        assert_eq!(nodes.order(&[]), [1, 2, 0], "asked last");
        assert_eq!(nodes.health()[1].origin, "http://b:2");
        nodes.answered(0, false);
        assert_eq!(down(&nodes), [false; 3]);
    }

    #[test]
    fn what_is_known_of_a_router_outlives_a_new_list() {
        let nodes = three();
        fail(&nodes, &[0]);
        nodes.answered(2, true);
        let found: Arc<[Node]> =
            [node("east", "http://d:4"), node("east", "http://c:3"), node("east", "http://a:1")].into();
        let next = nodes.replaced_by(Arc::clone(&found));
        assert!(next.are(&found) && !nodes.are(&found));
        assert_eq!(next.order(&[]), [1, 0, 2], "c answered last, d is new, a is down");
    }

    #[test]
    fn a_tenant_without_routers_is_not_down() {
        let tenant = TenantId(uuid::Uuid::nil());
        assert!(!TenantHealth { tenant, nodes: Vec::new() }.all_down());
    }
}
