//! The agent floor: how many agents there are, and what each session is up to.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ges_domain::ports::{Asked, Place, SessionEvent, Told};
use ges_domain::wait::WaitEstimates;
use tokio::sync::Semaphore;

use crate::outside::Outside;
use crate::waits::SwingingWaits;
use crate::world::World;

/// What a session is up to, and what it was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Errand {
    /// An agent and the consumer talk.
    pub(crate) talking: bool,
    /// It was asked to cancel and agreed.
    pub(crate) cancelled: bool,
    /// It was told to stop.
    pub(crate) terminated: bool,
    /// It is gone.
    pub(crate) over: bool,
}

pub(crate) struct Floor {
    pub(crate) agents: Arc<Semaphore>,
    sessions: Mutex<BTreeMap<String, Errand>>,
}

impl Floor {
    pub(crate) fn new(agents: usize) -> Self {
        Self { agents: Arc::new(Semaphore::new(agents)), sessions: Mutex::default() }
    }

    pub(crate) fn errand(&self, session: &str) -> Errand {
        self.sessions().get(session).copied().unwrap_or_default()
    }

    pub(crate) fn change(&self, session: &str, change: impl FnOnce(&mut Errand)) {
        change(self.sessions().entry(session.to_owned()).or_default());
    }

    /// A session is asked to give its callback up.
    fn cancel(&self, session: &str) -> Told {
        match self.sessions().get_mut(session) {
            None => Told::Gone,
            Some(errand) if errand.over => Told::Gone,
            Some(errand) if errand.talking => Told::Refused,
            Some(errand) => {
                errand.cancelled = true;
                Told::Accepted
            }
        }
    }

    fn sessions(&self) -> MutexGuard<'_, BTreeMap<String, Errand>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Outside for Floor {
    fn tell(&self, session: &str, event: &SessionEvent) -> Told {
        match event {
            SessionEvent::Cancel { .. } => self.cancel(session),
            _ => Told::Accepted,
        }
    }

    fn terminate(&self, session: &str) {
        if let Some(errand) = self.sessions().get_mut(session) {
            errand.terminated = true;
        }
    }

    fn place(&self, session: &str) -> Asked<Place> {
        match self.errand(session).over {
            true => Asked::Gone,
            false => Asked::Answered(Place::default()),
        }
    }

    fn waits(&self, world: &Arc<World>) -> Arc<dyn WaitEstimates> {
        Arc::new(SwingingWaits::new(Arc::clone(world)))
    }
}
