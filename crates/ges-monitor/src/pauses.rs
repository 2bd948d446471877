//! The duty that lets records follow the pauses of their services (R-PAU-2, T13, T14).
//!
//! First the session is told, then the record is moved. Whoever dies in between leaves a record that does not fit its service,
//! and the next monitor tells the session again; sessions take the same news twice. So the record itself says what is left to do.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use futures_util::{StreamExt, stream};
use ges_domain::callback::{Callback, Change, State};
use ges_domain::ports::{Pauses, ServiceRef, SessionEvent, ShardLease, StoreError, Told};
use ges_telemetry::correlated;
use tokio::sync::Notify;
use tokio::time::Instant as Monotonic;

use crate::core::Core;
use crate::{Duty, Turn};

/// Records read at once.
const PAGE: u32 = 256;
/// Sessions told at once.
const TOLD_AT_ONCE: usize = 16;

/// Services whose records may have to move, left by the duty that hears all hints and reads the agenda.
#[derive(Debug, Default)]
pub(crate) struct PauseBell {
    services: Mutex<BTreeSet<ServiceRef>>,
    notify: Notify,
}

impl PauseBell {
    /// There may be records to move in this service.
    pub(crate) fn ring(&self, service: ServiceRef) {
        self.services.lock().unwrap_or_else(PoisonError::into_inner).insert(service);
        self.notify.notify_one();
    }

    fn answer(&self) -> BTreeSet<ServiceRef> {
        std::mem::take(&mut *self.services.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What one look at a service came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Looked {
    /// A record has changed since it was read: look again soon.
    changed: bool,
    /// Something may be to do later: a session did not answer, or others may follow.
    later: bool,
}

/// Moves records between their states and PAUSED, and tells their sessions.
pub(crate) struct FollowPauses {
    core: Arc<Core>,
    pauses: Arc<dyn Pauses>,
    /// When to look at which service.
    due: BTreeMap<ServiceRef, Monotonic>,
}

impl FollowPauses {
    pub(crate) fn new(core: Arc<Core>, pauses: Arc<dyn Pauses>) -> Self {
        Self { core, pauses, due: BTreeMap::new() }
    }

    async fn look(&self, lease: ShardLease, service: &ServiceRef) -> Result<Looked, StoreError> {
        let mut looked = Looked::default();
        let mut after = None;
        loop {
            let page = self.pauses.misplaced(lease, service, after, PAGE).await?;
            looked.later |= page.watch;
            let Some(last) = page.records.last() else { return Ok(looked) };
            after = Some(last.id);
            let moves = stream::iter(page.records).map(|record| self.follow(lease, record));
            let moves: Vec<_> = moves.buffer_unordered(TOLD_AT_ONCE).collect().await;
            for one in moves {
                let one = one?;
                looked.changed |= one.changed;
                looked.later |= one.later;
            }
        }
    }

    /// Tells the session of a record and moves the record.
    async fn follow(&self, lease: ShardLease, record: Callback) -> Result<Looked, StoreError> {
        if !self.core.rights.allow(lease) {
            return Ok(Looked { changed: true, later: false });
        }
        let now = self.core.clock.now();
        let (event, to) = match record.state {
            State::Paused => (SessionEvent::Resume, State::Queued),
            _ => (SessionEvent::Pause, State::Paused),
        };
        let told = match &record.session {
            Some(session) => {
                let telling = self.core.sessions.tell(session, record.id, &event, now);
                correlated(record.correlation().to_string(), telling).await
            }
            // Nobody has it, so it only waits again.
            None => Told::Accepted,
        };
        tracing::debug!(callback.id = %record.id, state = to.as_str(), ?told, "a session was told of a pause");
        match told {
            // Whether a session that is gone is lost for good, another duty finds out.
            Told::Accepted | Told::Gone => {}
            // An agent is connected: the session will say so itself.
            Told::Refused | Told::Unreachable => return Ok(Looked { changed: false, later: true }),
        }
        let at = self.core.clock.now();
        let moved = self.core.handover.settle(lease, &record, vec![Change::Moved { to }], at).await?;
        if !moved {
            self.core.gauges.refused(1);
        }
        Ok(Looked { changed: !moved, later: false })
    }
}

#[async_trait]
impl Duty for FollowPauses {
    async fn turn(&mut self) -> Turn {
        let began = Monotonic::now();
        let settings = Arc::clone(&self.core.settings);
        self.due.extend(self.core.pause_bell.answer().into_iter().map(|service| (service, began)));
        let due: Vec<_> = self.due.iter().filter(|(_, at)| **at <= began).map(|(service, _)| service.clone()).collect();
        for service in due {
            self.due.remove(&service);
            // Whoever has the shard finds it in the agenda.
            let Some(lease) = self.core.rights.lease_of(service.shard()) else { continue };
            let rest = match self.look(lease, &service).await {
                Ok(Looked { changed: true, .. }) => Some(settings.store_rest),
                Ok(Looked { later: true, .. }) => Some(settings.jittered(settings.paused_period)),
                Ok(Looked { .. }) => None,
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "the record store failed under a pause");
                    Some(settings.store_rest)
                }
            };
            self.due.extend(rest.map(|rest| (service, Monotonic::now() + rest)));
        }
        let next = self.due.values().min().map(|at| at.saturating_duration_since(Monotonic::now()));
        // With nothing to do, a hint ends the rest; nothing is asked of the store.
        Turn::RestFor(next.unwrap_or(settings.rescan))
    }

    async fn woken(&mut self) {
        self.core.pause_bell.notify.notified().await;
    }
}
