//! The domain's port over the routers' Web API.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;
use ges_discovery::{Node, Peer};
use ges_domain::TenantId;
use ges_domain::wait::{Estimate, EwtMode, Question, WaitError, WaitEstimates};
use ges_http_client::{
    BuildError, Call, CallError, HttpClient, HttpClientFactory, Monotonic, Policy, below, is_segment, with_correlation,
};
use serde_json::Value;
use tokio::time::Instant;
use url::Url;

use crate::memory::Memory;
use crate::names::Names;
use crate::nodes::Nodes;
use crate::{RequestForm, RoutersByTenant, TenantHealth, mapping};

/// Time for a look-up over all routers of a tenant.
const LOOK_UP_TIME: Duration = Duration::from_millis(3500);

/// No estimate from any router.
#[derive(Debug, thiserror::Error)]
pub enum UrsError {
    /// The tenant has no routers.
    #[error("no router is configured for the tenant")]
    NoRouters,
    /// The last router asked did not answer; the ones before it did not either.
    #[error("no router of the tenant answered")]
    Call(#[source] CallError),
    /// The last router asked answered something that is no estimate.
    #[error("the router answered in a form we do not know")]
    Unreadable,
    /// The time for all routers together was used up.
    #[error("the routers took longer than {LOOK_UP_TIME:?}")]
    TooSlow,
    /// The look-up ended without a result.
    #[error("the look-up broke off")]
    BrokenOff,
}

/// The routers of all tenants, asked in order with a memory in front.
pub struct UrsWaits {
    desk: Arc<Desk>,
    memory: Memory<(TenantId, Box<str>, EwtMode, bool)>,
}

/// What a look-up needs when its caller has gone away.
struct Desk {
    http: HttpClient,
    form: RequestForm,
    routers: RoutersByTenant,
    names: Arc<Names>,
    clock: Monotonic,
    watched: Mutex<HashMap<TenantId, Watched>>,
    /// What the last answer about each queue said of a new call's place.
    positions: Mutex<HashMap<(TenantId, Box<str>), u32>>,
}

/// The routers of a tenant, and when somebody asked about it last.
struct Watched {
    nodes: Arc<Nodes>,
    asked_at: Duration,
}

/// Routers of a tenant that nobody asks about for so long are not looked after any more.
const WATCHED_FOR: Duration = Duration::from_secs(3_600);

/// Positions remembered; beyond it memory is cleared rather than grown.
const MOST_POSITIONS: usize = 10_000;

impl UrsWaits {
    /// Asks `routers` in the given form. An answer serves for `fresh`, at most a minute, and for a minute when no router answers (R-EWT-8).
    ///
    /// # Errors
    /// [`BuildError`] when no HTTP client can be made.
    pub fn new(
        factory: &HttpClientFactory,
        routers: RoutersByTenant,
        form: RequestForm,
        fresh: Duration,
    ) -> Result<Self, BuildError> {
        let http = factory.client(Policy::URS)?;
        let desk = Arc::new(Desk {
            http,
            form,
            names: Names::new(routers.names.clone(), factory.monotonic()),
            routers,
            clock: factory.monotonic(),
            watched: Mutex::default(),
            positions: Mutex::default(),
        });
        // Tenants with routers of their own are looked after always, the others once they are asked about.
        for tenant in desk.routers.own.keys() {
            desk.nodes_of(*tenant);
        }
        Ok(Self { desk, memory: Memory::new(factory.monotonic(), fresh, factory.observer()) })
    }

    /// Looks after the routers of these tenants for an hour, as of those that are asked about.
    pub fn watch(&self, tenants: &[TenantId]) {
        for tenant in tenants {
            self.desk.nodes_of(*tenant);
        }
    }

    /// Asks every router of every tenant that is looked after whether it lives, all at once, and tells what is known then.
    ///
    /// Any status below 500 is a sign of life. Call it every 15 to 20 s (integrations 8.3).
    pub async fn probe(&self) -> Vec<TenantHealth> {
        let watched = self.desk.watched();
        let probes = watched.iter().flat_map(|(_, nodes)| (0..nodes.count()).map(move |node| (nodes, node)));
        join_all(probes.map(|(nodes, node)| self.desk.probe(nodes, node))).await;
        self.health()
    }

    /// What calls and probes have shown so far.
    pub fn health(&self) -> Vec<TenantHealth> {
        let watched = self.desk.watched();
        watched.into_iter().map(|(tenant, nodes)| TenantHealth { tenant, nodes: nodes.health() }).collect()
    }

    /// Whether some tenant has routers and all of them are down (`ALL_URS_DOWN`, R-EWT-10).
    pub fn all_down_for_some_tenant(&self) -> bool {
        self.health().iter().any(TenantHealth::all_down)
    }
}

#[async_trait]
impl WaitEstimates for UrsWaits {
    async fn estimate(&self, tenant: TenantId, asked: &Question<'_>) -> Result<Estimate, WaitError> {
        if !is_segment(asked.queue) {
            return Ok(Estimate::UnknownQueue);
        }
        let (desk, id) = (Arc::clone(&self.desk), self.desk.http.correlation());
        let (queue, mode, on_hold, regions) =
            (asked.queue.to_owned(), asked.mode, asked.on_hold, asked.regions.to_vec());
        let look_up = || async move {
            let question = Question { queue: &queue, mode, on_hold, regions: &regions };
            let looking = with_correlation(id.as_deref(), desk.look_up(tenant, &question));
            tokio::time::timeout(LOOK_UP_TIME, looking).await.unwrap_or(Err(UrsError::TooSlow))
        };
        let outcome = self.memory.recall((tenant, asked.queue.into(), mode, on_hold), look_up).await;
        outcome.map_err(|failure| WaitError::Unavailable(Box::new(failure)))
    }

    async fn estimates(&self, tenant: TenantId, asked: &[Question<'_>]) -> Vec<Result<Estimate, WaitError>> {
        join_all(asked.iter().map(|question| self.estimate(tenant, question))).await
    }

    fn position(&self, tenant: TenantId, queue: &str) -> Option<u32> {
        let positions = self.desk.positions.lock().unwrap_or_else(PoisonError::into_inner);
        positions.get(&(tenant, queue.into())).copied()
    }

    fn regional(&self) -> bool {
        self.desk.routers.own.values().chain(&self.desk.routers.otherwise).any(|routers| routers.directory.regional())
    }
}

impl Watched {
    /// The routers that were found now; those that were there before keep what is known of them.
    fn follow(&mut self, found: Arc<[Node]>) -> Arc<Nodes> {
        if !self.nodes.are(&found) {
            self.nodes = Arc::new(self.nodes.replaced_by(found));
        }
        Arc::clone(&self.nodes)
    }
}

impl Desk {
    /// The routers of a tenant that is asked about, as they are known now.
    fn nodes_of(&self, tenant: TenantId) -> Option<Arc<Nodes>> {
        let found = self.routers.of(tenant)?.directory.nodes(Peer::Routers(tenant));
        let asked_at = (self.clock)();
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        let known = watched.entry(tenant).or_insert_with(|| {
            let nodes = Nodes::new(Arc::clone(&found), self.routers.affinity.clone(), Arc::clone(&self.clock));
            Watched { nodes: Arc::new(nodes), asked_at }
        });
        known.asked_at = asked_at;
        Some(known.follow(found))
    }

    /// The tenants that were asked about lately, with their routers.
    fn watched(&self) -> Vec<(TenantId, Arc<Nodes>)> {
        let now = (self.clock)();
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        watched.retain(|tenant, known| {
            self.routers.own.contains_key(tenant) || now.saturating_sub(known.asked_at) < WATCHED_FOR
        });
        let found = |tenant: TenantId| Some(self.routers.of(tenant)?.directory.nodes(Peer::Routers(tenant)));
        let known = watched.iter_mut().filter_map(|(tenant, known)| Some((*tenant, known.follow(found(*tenant)?))));
        let mut known: Vec<_> = known.collect();
        known.sort_by_key(|(tenant, _)| *tenant);
        known
    }

    /// Asks one router after the other; the first estimate wins and its router is asked first from then on.
    ///
    /// A router that knows no such queue may be the backup, which knows none: the others are asked too, and it is believed when
    /// none of them has an estimate.
    async fn look_up(&self, tenant: TenantId, asked: &Question<'_>) -> Result<Estimate, UrsError> {
        let until = Instant::now() + LOOK_UP_TIME;
        let (Some(nodes), Some(routers)) = (self.nodes_of(tenant), self.routers.of(tenant)) else {
            return Err(UrsError::NoRouters);
        };
        let name = self.names.of(tenant).await.unwrap_or_else(|| Arc::clone(&routers.tenant_name));
        let mut failure = UrsError::NoRouters;
        let mut unknown = false;
        for node in nodes.order(asked.regions) {
            let url = self.address(nodes.address(node), &name, asked);
            let left = until.saturating_duration_since(Instant::now());
            failure = match self.ask(url, left).await {
                Ok((Estimate::UnknownQueue, _)) => {
                    unknown = true;
                    nodes.answered(node, false);
                    continue;
                }
                Ok((estimate, position)) => {
                    self.note_position(tenant, asked.queue, position);
                    nodes.answered(node, true);
                    return Ok(estimate);
                }
                Err(failure) => failure,
            };
            // A full bulkhead is our own doing.
            if !matches!(failure, UrsError::Call(CallError::Overloaded)) {
                nodes.failed(node);
            }
        }
        if !unknown {
            return Err(failure);
        }
        self.note_position(tenant, asked.queue, None);
        Ok(Estimate::UnknownQueue)
    }

    fn note_position(&self, tenant: TenantId, queue: &str, position: Option<u32>) {
        let mut positions = self.positions.lock().unwrap_or_else(PoisonError::into_inner);
        if positions.len() >= MOST_POSITIONS {
            positions.clear();
        }
        match position {
            Some(position) => drop(positions.insert((tenant, queue.into()), position)),
            None => drop(positions.remove(&(tenant, queue.into()))),
        }
    }

    async fn ask(&self, url: Url, left: Duration) -> Result<(Estimate, Option<u32>), UrsError> {
        let call = Call::get("lvq", "/urs/call/max/lvq/{queue}", url).within(left);
        let call = call.header("accept", "application/json").map_err(UrsError::Call)?;
        let reply = self.http.send(&call).await.map_err(UrsError::Call)?;
        if reply.status() == 404 {
            return Ok((Estimate::UnknownQueue, None));
        }
        let answer: Value = reply.success().and_then(|reply| reply.json()).map_err(UrsError::Call)?;
        let estimate = mapping::estimate(&answer).ok_or(UrsError::Unreadable)?;
        Ok((estimate, mapping::position(&answer)))
    }

    fn address(&self, node: &Url, tenant_name: &str, asked: &Question<'_>) -> Url {
        let queue = asked.queue;
        let mut url = match self.form {
            RequestForm::Path => below(node, &["urs", "call", "max", "lvq", queue]),
            RequestForm::Query => below(node, &["urs", "call", "max", "lvq"]),
        };
        let mut query = url.query_pairs_mut();
        if self.form == RequestForm::Query {
            query.append_pair("name", queue);
        }
        query.append_pair("tenant", tenant_name).append_pair("aqt", mapping::aqt(asked.mode));
        if asked.on_hold {
            query.append_pair("hold", "true");
        }
        drop(query);
        url
    }

    async fn probe(&self, nodes: &Nodes, node: usize) {
        let url = below(nodes.address(node), &["urs", "help", "call", "lvq"]);
        match self.http.send(&Call::get("probe", "/urs/help/call/lvq", url).probe()).await {
            Ok(_) | Err(CallError::Status { status: ..500, .. }) => nodes.answered(node, false),
            Err(_) => nodes.failed(node),
        }
    }
}
