//! The orchestration server (integrations 1): reads the stream, runs sessions, serves their REST interface.

mod consumer;
mod entry;
mod redis;
mod rest;
mod scenario;
mod session;
mod source;
mod storage;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub(crate) use consumer::consume;
pub use redis::{RedisSource, RedisSourceError};
pub(crate) use rest::{form, router};
pub(crate) use scenario::{Playbook, Scenario};
pub(crate) use session::{Deed, Session};
pub use source::{EntrySource, SourceError, StreamEntry};
pub(crate) use storage::Storage;

use crate::clock::SimClock;
use crate::desk::Desk;
use crate::lock::Lock;

/// Sessions remembered after their end.
const ENDED: usize = 5_000;
/// Binds on their way at the same time.
const BINDS: usize = 64;

/// The orchestration server.
pub(crate) struct Ors {
    pub(crate) clock: SimClock,
    pub(crate) desk: Arc<Desk>,
    pub(crate) storage: Storage,
    pub(crate) playbook: Lock<Playbook>,
    /// Base URL sessions are reached at.
    pub(crate) url: String,
    /// Where sessions call when their start does not say.
    pub(crate) ges_url: Option<String>,
    pub(crate) binds: Semaphore,
    pub(crate) tasks: TaskTracker,
    pub(crate) stop: CancellationToken,
    sessions: Lock<Registry>,
}

#[derive(Default)]
struct Registry {
    by_id: HashMap<String, Arc<Session>>,
    order: VecDeque<String>,
}

impl Ors {
    pub(crate) fn new(
        desk: Arc<Desk>,
        storage: Storage,
        url: String,
        ges_url: Option<String>,
        clock: SimClock,
        tasks: TaskTracker,
        stop: CancellationToken,
    ) -> Self {
        Self {
            clock,
            desk,
            storage,
            playbook: Lock::default(),
            url,
            ges_url,
            binds: Semaphore::new(BINDS),
            tasks,
            stop,
            sessions: Lock::default(),
        }
    }

    /// Keeps a session; old ones that are over make room.
    pub(crate) fn keep(&self, session: Arc<Session>) {
        let mut registry = self.sessions.lock();
        registry.order.push_back(session.id.clone());
        registry.by_id.insert(session.id.clone(), session);
        let excess = registry.order.len().saturating_sub(ENDED);
        for _ in 0..excess.min(16) {
            let Some(oldest) = registry.order.pop_front() else { break };
            if registry.by_id.get(&oldest).is_some_and(|session| session.is_over()) {
                registry.by_id.remove(&oldest);
            } else {
                registry.order.push_back(oldest);
            }
        }
    }

    pub(crate) fn session(&self, id: &str) -> Option<Arc<Session>> {
        // Cookies name the node behind a dot.
        let id = id.split_once(".node").map_or(id, |(id, _)| id);
        self.sessions.lock().by_id.get(id).cloned()
    }

    /// All sessions, oldest first.
    pub(crate) fn sessions(&self) -> Vec<Arc<Session>> {
        let registry = self.sessions.lock();
        registry.order.iter().filter_map(|id| registry.by_id.get(id).cloned()).collect()
    }

    /// Loses every session and forgets the scenarios.
    pub(crate) fn reset(&self) {
        let gone = std::mem::take(&mut *self.sessions.lock());
        for session in gone.by_id.values() {
            session.lose(&self.desk);
        }
        *self.playbook.lock() = Playbook::default();
    }
}
