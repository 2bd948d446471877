//! The agent floor: how many agents there are, and what each session is up to.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ges_domain::ports::Told;
use tokio::sync::Semaphore;

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
    pub(crate) fn cancel(&self, session: &str) -> Told {
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

    /// A session is told to stop.
    pub(crate) fn terminate(&self, session: &str) {
        if let Some(errand) = self.sessions().get_mut(session) {
            errand.terminated = true;
        }
    }

    fn sessions(&self) -> MutexGuard<'_, BTreeMap<String, Errand>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
