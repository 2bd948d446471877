//! Two routers, of which one at a time answers, and how nodes ask them: in order, the one that answered last first, with answers
//! kept for ten seconds, and for sixty while none answers (R-EWT-8, integrations 3.5).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use ges_domain::ports::ServiceRef;
use ges_domain::wait::{Estimate, Question, WaitError, WaitEstimates};
use ges_domain::{ServiceName, TenantId};
use ges_sim::floor::Estimate as Figure;
use tokio::time::Instant as Monotonic;

use super::floor::AgentFloor;
use super::plan::queue_of;
use super::tally::Tally;

const FRESH: Duration = Duration::from_secs(10);
const STALE: Duration = Duration::from_secs(60);

pub(crate) struct Routers {
    floor: Arc<AgentFloor>,
    tally: Arc<Tally>,
    state: Mutex<State>,
}

struct State {
    /// The one that answers; none: nobody does.
    primary: Option<usize>,
    /// The one that is asked first.
    first: usize,
    /// Since when none answers.
    silent: Option<Monotonic>,
    kept: BTreeMap<String, (Monotonic, Estimate)>,
}

impl Routers {
    pub(crate) fn new(floor: Arc<AgentFloor>, tally: Arc<Tally>) -> Arc<Self> {
        let state = State { primary: Some(0), first: 0, silent: None, kept: BTreeMap::new() };
        Arc::new(Self { floor, tally, state: Mutex::new(state) })
    }

    /// The one that answers is gone.
    pub(crate) fn fail(&self) {
        let mut state = self.state();
        (state.primary, state.silent) = (None, Some(Monotonic::now()));
    }

    /// The other one is in charge.
    pub(crate) fn take_over(&self, router: usize) {
        let mut state = self.state();
        state.primary = Some(router);
        if let Some(since) = state.silent.take() {
            self.tally.notes().no_router_ms += u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
        }
    }

    fn ask(&self, queue: &str, on_hold: bool) -> Option<Estimate> {
        let mut state = self.state();
        for router in [state.first, 1 - state.first] {
            if state.primary != Some(router) {
                self.tally.count("router calls that failed");
                continue;
            }
            if state.first != router {
                state.first = router;
                self.tally.count("router failovers");
            }
            self.tally.count("router calls that were answered");
            return Some(match self.floor.queue(queue, on_hold).map(|view| view.wait) {
                Some(Figure::Seconds(seconds)) => Estimate::Known(u32::try_from(seconds).unwrap_or(u32::MAX)),
                Some(Figure::Unknown) => Estimate::NoCalls,
                Some(Figure::NoAgents) => Estimate::NoAgents,
                None => Estimate::UnknownQueue,
            });
        }
        None
    }

    fn kept(&self, queue: &str, within: Duration) -> Option<Estimate> {
        let state = self.state();
        state.kept.get(queue).filter(|(at, _)| at.elapsed() < within).map(|(_, estimate)| *estimate)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl WaitEstimates for Routers {
    async fn estimate(&self, tenant: TenantId, asked: &Question<'_>) -> Result<Estimate, WaitError> {
        let unknown = || WaitError::Unavailable("no router answers".into());
        let name = ServiceName::new(asked.queue).map_err(|_| unknown())?;
        let queue = queue_of(&ServiceRef { tenant, name });
        if let Some(estimate) = self.kept(&queue, FRESH) {
            return Ok(estimate);
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
        match self.ask(&queue, asked.on_hold) {
            Some(estimate) => {
                self.state().kept.insert(queue, (Monotonic::now(), estimate));
                Ok(estimate)
            }
            None => self.kept(&queue, STALE).ok_or_else(unknown),
        }
    }
}
