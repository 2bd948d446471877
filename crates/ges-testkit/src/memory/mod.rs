//! The reference model of the record store: every port, one lock, everything counted from the records themselves, by an index that
//! says the same as counting them afresh.
//!
//! The real stores are measured against it by the contract suite; simulations and use case tests run on it.

mod access;
mod bookings;
mod bulk;
mod call_ins;
mod catalogue;
mod credentials;
mod former;
mod handover;
mod held;
mod index;
mod kept;
mod lookup;
mod notices;
mod pauses;
mod publishing;
mod record;
mod shards;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use ges_domain::bulk::BulkId;
use ges_domain::callback::acts::Write;
use ges_domain::callback::{Callback, FormerSession, Kind, TimelineEvent, former_session};
use ges_domain::capacity::{CapacityRule, Usage};
use ges_domain::hours::Hours;
use ges_domain::idempotency::{Kept, Key, Operation};
use ges_domain::phone::NumberRule;
use ges_domain::ports::{Clock, PauseAct, PauseScope, ServiceRef, ServiceRow, StoreError, Wake, WakeUps};
use ges_domain::publishing::Standing;
use ges_domain::push::announced;
use ges_domain::region::RegionRule;
use ges_domain::{CallbackId, Instant, ServiceName, TenantId, throttle};
use tokio::sync::broadcast;

use crate::{ManualClock, assert_consistent};

/// Hints a subscriber may lag behind before it is told to look at everything.
const HINTS: usize = 1024;

/// A record store in memory. Clones share everything.
#[derive(Clone)]
pub struct MemoryStore(Arc<Inner>);

struct Inner {
    state: Mutex<State>,
    hints: broadcast::Sender<Wake>,
    clock: Arc<ManualClock>,
    lease: Duration,
}

#[derive(Default)]
struct State {
    records: BTreeMap<CallbackId, Stored>,
    index: index::Index,
    services: HashMap<ServiceRef, Provisioned>,
    hours: HashMap<(TenantId, String), Hours>,
    rules: HashMap<(TenantId, String), CapacityRule>,
    throttles: HashMap<TenantId, throttle::Settings>,
    number_rules: HashMap<(TenantId, String), NumberRule>,
    region_rules: HashMap<(TenantId, String), RegionRule>,
    published: HashMap<TenantId, Standing>,
    calls: call_ins::Calls,
    shards: shards::Holders,
    notices: Vec<notices::Notice>,
    credentials: BTreeMap<(TenantId, &'static str, String), Vec<u8>>,
    /// What was answered under keys, and when.
    kept: HashMap<(TenantId, Operation, Key), (Instant, Kept)>,
    console: access::Console,
    /// Pauses that stand, since when and by whom.
    pauses: BTreeMap<(TenantId, PauseScope), (Instant, String)>,
    pause_log: Vec<(TenantId, PauseAct)>,
    bulk: HashMap<BulkId, bulk::Kept>,
    /// Sessions that lost their callback before they had ended.
    former: Vec<FormerSession>,
    failures: u32,
    /// Somebody damaged a record on purpose.
    damaged: bool,
}

struct Stored {
    row: Callback,
    timeline: Vec<TimelineEvent>,
    /// The type it was accepted with: what rate windows and the daily limit count (R-THR-5, R-THR-9).
    accepted_as: Kind,
    /// Whether CALLBACK_UPCOMING is not claimed yet.
    unclaimed: bool,
}

struct Provisioned {
    row: ServiceRow,
    /// The hours it keeps.
    hours: Option<String>,
    removed: bool,
    /// When a publish removed it.
    removed_at: Option<Instant>,
}

impl Default for MemoryStore {
    /// Leases of five seconds on a clock of its own.
    fn default() -> Self {
        Self::new(Arc::new(ManualClock::default()), Duration::from_secs(5))
    }
}

impl MemoryStore {
    /// An empty store whose own clock is `clock`; a node that is silent for `lease` loses its shards.
    pub fn new(clock: Arc<ManualClock>, lease: Duration) -> Self {
        let hints = broadcast::Sender::new(HINTS);
        Self(Arc::new(Inner { state: Mutex::default(), hints, clock, lease }))
    }

    /// The store's own clock.
    pub fn clock(&self) -> &Arc<ManualClock> {
        &self.0.clock
    }

    /// How long a node may be silent.
    pub fn lease(&self) -> Duration {
        self.0.lease
    }

    /// Hints from now on.
    pub fn wake_ups(&self) -> Box<dyn WakeUps> {
        Box::new(Hints(self.0.hints.subscribe()))
    }

    /// The next `times` calls of any port answer [`StoreError::Unavailable`] and do nothing.
    pub fn fail_times(&self, times: u32) {
        self.0.state.lock().unwrap().failures = times;
    }

    /// Makes stored hours unreadable, as damage from outside would (R-BH-8).
    pub fn spoil_hours(&self, tenant: TenantId, name: &str) {
        self.0.state.lock().unwrap().hours.insert((tenant, name.to_owned()), Hours::Unreadable);
    }

    /// Every record with its timeline, by id.
    pub fn everything(&self) -> Vec<(Callback, Vec<TimelineEvent>)> {
        let state = self.0.state.lock().unwrap();
        state.records.values().map(|stored| (stored.row.clone(), stored.timeline.clone())).collect()
    }

    /// Damages a record as a faulty store would. From then on the checker that a test is about has to find it: this store
    /// asserts no consistency any more.
    pub fn damage(&self, id: CallbackId, change: impl FnOnce(&mut Callback, &mut Vec<TimelineEvent>)) {
        let mut state = self.0.state.lock().unwrap();
        state.damaged = true;
        state.rewrite(id, |stored| change(&mut stored.row, &mut stored.timeline));
    }

    fn open(&self) -> Result<MutexGuard<'_, State>, StoreError> {
        let mut state = self.0.state.lock().unwrap();
        if state.failures > 0 {
            state.failures -= 1;
            return Err(StoreError::Unavailable("the test took the store down".into()));
        }
        Ok(state)
    }

    fn now(&self) -> Instant {
        self.0.clock.now()
    }

    /// Hints at a record that waits for its hand-over.
    fn hint(&self, row: &Callback) {
        if row.waits_for_handover() {
            let service = ServiceRef { tenant: row.tenant, name: row.service.clone() };
            // Nobody listening is no failure.
            let _ = self.0.hints.send(Wake::Service { service, desired: row.desired_at });
        }
        self.hint_at_push(row);
    }

    /// Hints at a record somebody may be pushed for.
    fn hint_at_push(&self, row: &Callback) {
        if !row.particulars.push_targets.is_empty() {
            let service = ServiceRef { tenant: row.tenant, name: row.service.clone() };
            let _ = self.0.hints.send(Wake::Notices { service });
        }
    }
}

impl State {
    /// A live record of this tenant (I9, R-REC-2).
    fn live(&self, tenant: TenantId, id: CallbackId, now: Instant) -> Option<&Callback> {
        let row = &self.records.get(&id)?.row;
        (row.tenant == tenant && now < row.expires_at()).then_some(row)
    }

    /// The records with these ids.
    fn rows<'a>(&'a self, ids: impl IntoIterator<Item = &'a CallbackId>) -> impl Iterator<Item = &'a Callback> {
        ids.into_iter().filter_map(|id| Some(&self.records.get(id)?.row))
    }

    /// The open records of one service, by id.
    fn open_of(&self, tenant: TenantId, service: &ServiceName) -> impl Iterator<Item = &Callback> {
        self.rows(self.index.shelf(tenant, service).into_iter().flat_map(|shelf| &shelf.open))
    }

    /// Places booked in `from..until` (R-CAP-3, P-4).
    fn usage(&self, tenant: TenantId, service: &ServiceName, from: Instant, until: Instant) -> Usage {
        self.index.shelf(tenant, service).map(|shelf| shelf.usage(from, until)).unwrap_or_default()
    }

    /// Takes a new record in.
    fn insert(&mut self, stored: Stored) {
        self.index.add(&stored);
        self.records.insert(stored.row.id, stored);
    }

    /// Changes a record, and the index with it.
    fn rewrite(&mut self, id: CallbackId, change: impl FnOnce(&mut Stored)) {
        if let Some(stored) = self.records.get_mut(&id) {
            self.index.take(stored);
            change(stored);
            self.index.add(stored);
        }
    }

    /// Deletes a record.
    fn remove(&mut self, id: CallbackId) {
        if let Some(stored) = self.records.remove(&id) {
            self.index.take(&stored);
        }
    }

    /// Writes a changed record and its event.
    fn write(&mut self, (row, event): Write) -> Callback {
        let before = &self.records.get(&row.id).expect("invariant: a write follows a read under the same lock").row;
        let told = announced(before, &row, &event);
        let moved = row.reschedules > before.reschedules || row.version == 1;
        let former = former_session(before, &event);
        self.rewrite(row.id, |stored| {
            stored.unclaimed = (stored.unclaimed || moved) && row.may_be_upcoming();
            stored.timeline.push(event);
            stored.row = row.clone();
        });
        if let Some(stored) = self.records.get(&row.id).filter(|_| !self.damaged) {
            assert_consistent(&stored.row, &stored.timeline);
        }
        if let Some(event) = told {
            self.announce(&row, event, row.updated_at);
        }
        if let Some(former) = former.filter(|former| !self.former.iter().any(|other| former::same(former, other))) {
            self.former.push(former);
        }
        row
    }
}

impl Drop for State {
    /// What the index says must be what the records say.
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert!(self.index == index::Index::of(self.records.values()), "the index differs from the records");
        }
    }
}

struct Hints(broadcast::Receiver<Wake>);

#[async_trait]
impl WakeUps for Hints {
    async fn next(&mut self) -> Wake {
        match self.0.recv().await {
            Ok(wake) => wake,
            Err(broadcast::error::RecvError::Lagged(_)) => Wake::Everything,
            // The store is gone: nothing will ever wait again.
            Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
        }
    }
}
