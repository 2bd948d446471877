//! What is known of all components together.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use ges_domain::Instant;
use serde::Serialize;
use tokio::time::Instant as Moment;

use super::NodeState;
use super::component::{Component, ComponentBody, State, Watched};

/// How old the last answer of a critical component may be for readiness.
const REACHABLE: Duration = Duration::from_secs(10);
/// How old the last heartbeat of the scheduler may be for liveness.
const HEARTBEAT: Duration = Duration::from_secs(30);

/// Where this process runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// Version of the build.
    pub version: String,
    /// Pod or host name.
    pub host: String,
    /// `api`, `worker` or `standalone`.
    pub role: &'static str,
    /// Region, where there are several.
    pub region: Option<String>,
}

/// The state of the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Overall {
    /// Everything that is probed works, as far as known.
    Up,
    /// Something not critical is DOWN.
    Degraded,
    /// Something critical is DOWN.
    Down,
}

/// Health of one process; clones share it.
#[derive(Clone)]
pub struct Health(Arc<Shared>);

struct Shared {
    host: Host,
    started: Moment,
    state: Mutex<Known>,
    /// Which component has nodes to show, and who knows them.
    nodes: OnceLock<(&'static str, ShownNodes)>,
}

/// Tells the nodes of a component as they are now.
type ShownNodes = Box<dyn Fn() -> Vec<NodeState> + Send + Sync>;

struct Known {
    components: Vec<Watched>,
    checked_at: Option<Instant>,
    heartbeat: Moment,
    configured: bool,
    migrated: bool,
    draining: bool,
}

impl Health {
    /// Nothing is known yet: not configured, not migrated, every component UNKNOWN.
    pub fn new(host: Host, components: impl IntoIterator<Item = Component>) -> Self {
        let known = Known {
            components: components.into_iter().map(Watched::new).collect(),
            checked_at: None,
            heartbeat: Moment::now(),
            configured: false,
            migrated: false,
            draining: false,
        };
        Self(Arc::new(Shared { host, started: Moment::now(), state: Mutex::new(known), nodes: OnceLock::new() }))
    }

    /// The detail document tells these nodes with the component; the first call counts.
    pub fn show_nodes(&self, component: &'static str, nodes: impl Fn() -> Vec<NodeState> + Send + Sync + 'static) {
        let _ = self.0.nodes.set((component, Box::new(nodes)));
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The configuration is loaded.
    pub fn configured(&self) {
        self.known().configured = true;
    }

    /// The store has the schema version this build expects.
    pub fn migrated(&self) {
        self.known().migrated = true;
    }

    /// From now on no new work is wanted: readiness is gone at once and does not come back.
    pub fn drain(&self) {
        self.known().draining = true;
    }

    /// The scheduler of this process runs.
    pub fn beat(&self) {
        self.known().heartbeat = Moment::now();
    }

    /// Outcome of a real call to a component nobody probes; it counts for five minutes.
    ///
    /// The error is a category without address or credential. Unknown names are ignored.
    pub fn told(&self, name: &str, outcome: Result<(), &'static str>, at: Instant) {
        self.take(name, outcome.map_err(Cow::from), None, at);
    }

    /// Takes in one outcome and returns the state it leads to.
    pub(super) fn take(
        &self,
        name: &str,
        outcome: Result<(), Cow<'static, str>>,
        latency: Option<Duration>,
        at: Instant,
    ) -> State {
        let mut known = self.known();
        known.checked_at = Some(at);
        let Some(watched) = known.components.iter_mut().find(|watched| watched.component.name == name) else {
            return State::Unknown;
        };
        watched.take(outcome, latency, at);
        watched.state()
    }

    /// The state of one component.
    pub fn state_of(&self, name: &str) -> Option<State> {
        self.known().components.iter().find(|watched| watched.component.name == name).map(Watched::state)
    }

    /// Whether the scheduler has run lately. Depends on nothing outside.
    pub fn live(&self) -> bool {
        self.known().heartbeat.elapsed() < HEARTBEAT
    }

    /// Why this process cannot do useful work; empty when it can.
    pub fn not_ready(&self) -> Vec<&'static str> {
        let known = self.known();
        let flags =
            [(known.configured, "configuration"), (known.migrated, "migrations"), (!known.draining, "draining")];
        let flags = flags.into_iter().filter(|(fine, _)| !fine).map(|(_, reason)| reason);
        let lost = known.components.iter().filter(|watched| watched.component.critical);
        let lost = lost.filter(|watched| !watched.answered_within(REACHABLE)).map(|watched| watched.component.name);
        flags.chain(lost).collect()
    }

    /// The state of the whole.
    pub fn overall(&self) -> Overall {
        overall(&self.known())
    }

    pub(super) fn summary(&self) -> SummaryBody<'_> {
        SummaryBody { overall: self.overall(), version: &self.0.host.version }
    }

    pub(super) fn detail(&self) -> DetailBody<'_> {
        let nodes = self.0.nodes.get().map(|(component, nodes)| (*component, nodes()));
        let known = self.known();
        let mut components: Vec<_> = known.components.iter().map(Watched::body).collect();
        if let Some((name, nodes)) = nodes
            && let Some(component) = components.iter_mut().find(|component| component.name == name)
        {
            component.nodes = Some(nodes);
        }
        let Host { version, host, role, region } = &self.0.host;
        DetailBody {
            overall: overall(&known),
            version,
            host,
            role,
            region: region.as_deref(),
            uptime_seconds: self.0.started.elapsed().as_secs(),
            checked_at: known.checked_at.map(|at| at.to_string()),
            check_interval_seconds: [super::prober::REST.0.as_secs(), super::prober::REST.1.as_secs()],
            components,
        }
    }
}

fn overall(known: &Known) -> Overall {
    let down = |critical| {
        let alike = known.components.iter().filter(move |watched| watched.component.critical == critical);
        alike.filter(|watched| critical || watched.component.probed).any(|watched| watched.state() == State::Down)
    };
    match (down(true), down(false)) {
        (true, _) => Overall::Down,
        (false, true) => Overall::Degraded,
        (false, false) => Overall::Up,
    }
}

#[derive(Debug, Serialize)]
pub(super) struct SummaryBody<'a> {
    pub(super) overall: Overall,
    version: &'a str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DetailBody<'a> {
    pub(super) overall: Overall,
    version: &'a str,
    host: &'a str,
    role: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<&'a str>,
    uptime_seconds: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    checked_at: Option<String>,
    check_interval_seconds: [u64; 2],
    components: Vec<ComponentBody>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scheduler_that_stands_still_is_not_alive() {
        let host = Host { version: String::new(), host: String::new(), role: "worker", region: None };
        let health = Health::new(host, []);
        assert!(health.live());
        health.known().heartbeat = Moment::now().checked_sub(Duration::from_secs(31)).unwrap();
        assert!(!health.live());
        health.beat();
        assert!(health.live());
    }
}
