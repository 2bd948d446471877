//! The routers of one tenant: the order of asking, and who is down (integrations 3.5).

use std::sync::{Mutex, MutexGuard, PoisonError};

use ges_domain::TenantId;
use url::Url;

/// A router is down after this many failures in a row, and up again after one success.
const FAILURES_TO_BE_DOWN: u32 = 2;

/// One router as seen from here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeHealth {
    /// Its `host:port`.
    pub endpoint: String,
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
    sticky: usize,
    failures: Vec<u32>,
}

/// The routers of one tenant. One that answered is asked first until it fails.
#[derive(Debug)]
pub(crate) struct Nodes {
    addresses: Vec<Url>,
    state: Mutex<State>,
}

impl Nodes {
    pub(crate) fn new(addresses: Vec<Url>) -> Self {
        let state = State { sticky: 0, failures: vec![0; addresses.len()] };
        Self { addresses, state: Mutex::new(state) }
    }

    pub(crate) fn addresses(&self) -> &[Url] {
        &self.addresses
    }

    /// The order of asking: the one that answered last, then the others as configured, those that are down at the end.
    pub(crate) fn order(&self) -> Vec<usize> {
        let state = self.state();
        let mut order: Vec<usize> = (0..self.addresses.len()).collect();
        order.sort_by_key(|node| {
            let down = state.failures[*node] >= FAILURES_TO_BE_DOWN;
            (down, *node != state.sticky, *node)
        });
        order
    }

    /// Notes an answer; `sticks` when it was an estimate and not just a sign of life.
    pub(crate) fn answered(&self, node: usize, sticks: bool) {
        let mut state = self.state();
        state.failures[node] = 0;
        if sticks {
            state.sticky = node;
        }
    }

    pub(crate) fn failed(&self, node: usize) {
        let mut state = self.state();
        state.failures[node] = state.failures[node].saturating_add(1);
    }

    pub(crate) fn health(&self) -> Vec<NodeHealth> {
        let state = self.state();
        let failures = state.failures.iter();
        let name = |url: &Url| {
            format!("{}:{}", url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or_default())
        };
        let health =
            |(url, failures): (&Url, &u32)| NodeHealth { endpoint: name(url), down: *failures >= FAILURES_TO_BE_DOWN };
        self.addresses.iter().zip(failures).map(health).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn three() -> Nodes {
        Nodes::new(["http://a:1", "http://b:2", "http://c:3"].iter().map(|url| Url::parse(url).unwrap()).collect())
    }

    #[test]
    fn the_one_that_answered_is_asked_first_until_it_is_down() {
        let nodes = three();
        assert_eq!(nodes.order(), [0, 1, 2]);
        nodes.answered(1, true);
        assert_eq!(nodes.order(), [1, 0, 2]);
        nodes.answered(2, false);
        assert_eq!(nodes.order(), [1, 0, 2], "a sign of life does not stick");
        nodes.failed(1);
        nodes.answered(0, true);
        assert_eq!(nodes.order(), [0, 1, 2], "failed, and another answered");
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
        assert_eq!(nodes.order(), [1, 2, 0], "asked last");
        assert_eq!(nodes.health()[1].endpoint, "b:2");
        nodes.answered(0, false);
        assert_eq!(down(&nodes), [false; 3]);
    }

    #[test]
    fn a_tenant_without_routers_is_not_down() {
        let tenant = TenantId(uuid::Uuid::nil());
        assert!(!TenantHealth { tenant, nodes: Vec::new() }.all_down());
    }
}
