//! Settable stand-ins for what sessions answer, and for where their news are kept.

use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;

use async_trait::async_trait;
use ges_domain::callback::SessionBinding;
use ges_domain::ports::{Asked, Description, Passed, Place, Seen, SessionNews, SessionRequests};
use ges_domain::{CallbackId, SessionId, TenantId};

/// What sessions are asked; every session answers what was set last, and places are empty without.
#[derive(Debug)]
pub struct FakeRequests {
    place: Mutex<Asked<Place>>,
    description: Mutex<Asked<Description>>,
    relayed: Mutex<VecDeque<Asked<(u16, Passed)>>>,
    asked: Mutex<Vec<(SessionId, String, Passed)>>,
    polls: Mutex<Vec<(SessionId, &'static str)>>,
}

impl Default for FakeRequests {
    fn default() -> Self {
        Self {
            place: Mutex::new(Asked::Answered(Place::default())),
            description: Mutex::new(Asked::Answered(Description::default())),
            relayed: Mutex::default(),
            asked: Mutex::default(),
            polls: Mutex::default(),
        }
    }
}

impl FakeRequests {
    /// Answers every question for a place like this from now on.
    pub fn place(&self, answer: Asked<Place>) {
        *self.place.lock().unwrap() = answer;
    }

    /// Answers every question for a description like this from now on.
    pub fn description(&self, answer: Asked<Description>) {
        *self.description.lock().unwrap() = answer;
    }

    /// Adds an answer to the next request that has none yet; without one a session is unreachable.
    pub fn relayed(&self, answer: Asked<(u16, Passed)>) {
        self.relayed.lock().unwrap().push_back(answer);
    }

    /// The requests that were passed on so far.
    pub fn asked(&self) -> Vec<(SessionId, String, Passed)> {
        self.asked.lock().unwrap().clone()
    }

    /// The sessions that were asked for a `place` or a `description` since this was called last, in order.
    pub fn polls(&self) -> Vec<(SessionId, &'static str)> {
        std::mem::take(&mut *self.polls.lock().unwrap())
    }
}

#[async_trait]
impl SessionRequests for FakeRequests {
    async fn place(&self, session: &SessionBinding) -> Asked<Place> {
        self.polls.lock().unwrap().push((session.id.clone(), "place"));
        self.place.lock().unwrap().clone()
    }

    async fn describe(&self, session: &SessionBinding) -> Asked<Description> {
        self.polls.lock().unwrap().push((session.id.clone(), "description"));
        self.description.lock().unwrap().clone()
    }

    async fn relay(&self, session: &SessionBinding, action: &str, request: &Passed) -> Asked<(u16, Passed)> {
        self.asked.lock().unwrap().push((session.id.clone(), action.to_owned(), request.clone()));
        self.relayed.lock().unwrap().pop_front().unwrap_or(Asked::Unreachable)
    }
}

/// News in memory, for ever.
#[derive(Debug, Default)]
pub struct MemoryNews(Mutex<HashMap<(TenantId, CallbackId), Seen>>);

#[async_trait]
impl SessionNews for MemoryNews {
    async fn keep(&self, news: &[(TenantId, CallbackId, Seen)]) {
        let mut kept = self.0.lock().unwrap();
        for (tenant, id, seen) in news {
            let before = kept.get(&(*tenant, *id)).and_then(|seen| seen.diagnostics.clone());
            let diagnostics = seen.diagnostics.clone().or(before);
            kept.insert((*tenant, *id), Seen { diagnostics, ..seen.clone() });
        }
    }

    async fn of(&self, tenant: TenantId, id: CallbackId) -> Option<Seen> {
        let kept = self.0.lock().unwrap();
        kept.get(&(tenant, id)).map(|seen| Seen { diagnostics: None, ..seen.clone() })
    }

    async fn diagnostics(&self, tenant: TenantId, id: CallbackId) -> Option<String> {
        self.0.lock().unwrap().get(&(tenant, id)).and_then(|seen| seen.diagnostics.clone())
    }
}
