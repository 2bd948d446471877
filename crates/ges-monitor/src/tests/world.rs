//! A store, a stream, routers and sessions under virtual time; every port call is counted and may be the last one.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use ges_domain::booking::{Booked, NewBooking};
use ges_domain::bulk::{BulkId, Item, Job, NewJob, Outcome};
use ges_domain::callback::{Actor, Callback, Change, Reason, SessionBinding, SessionUpdate, TimelineEvent};
use ges_domain::capacity::{CapacityRule, Usage};
use ges_domain::hours::{Hours, OfficeHours};
use ges_domain::invariants::Look;
use ges_domain::phone::NumberRule;
use ges_domain::ports::*;
use ges_domain::region::RegionRule;
use ges_domain::service::Service;
use ges_domain::use_cases::{BookCallback, BulkAct, CancelCallback, CurrentWait, RecreateCallback};
use ges_domain::{CallInId, CallbackId, Instant, ServiceName, SessionId, TenantId, throttle};
use ges_testkit::builders::{START, pause_act, service, service_row, tenant};
use ges_testkit::{CountingIds, FakePlan, FakeSessions, FakeWaits, ManualClock, MemoryStore, StreamLedger};
use tokio_util::sync::CancellationToken;

use crate::{BulkPorts, Monitor, MonitorGauges, MonitorHandle, MonitorPorts, MonitorSettings, PushPorts};

/// What a gauge heard.
#[derive(Default)]
pub(super) struct Heard {
    pub(super) submit_failed: AtomicU64,
    pub(super) lagging: AtomicU64,
    pub(super) panics: AtomicU64,
    pub(super) entries: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) booked: AtomicU64,
    pub(super) looks: Mutex<Vec<Look>>,
    pub(super) sizes: Mutex<MonitorSizes>,
}

impl MonitorGauges for Heard {
    fn sizes(&self, sizes: MonitorSizes) {
        *self.sizes.lock().unwrap() = sizes;
    }
    fn submitted(&self, entries: usize, _: Duration) {
        self.entries.fetch_add(entries as u64, Ordering::SeqCst);
    }
    fn submit_failed(&self) {
        self.submit_failed.fetch_add(1, Ordering::SeqCst);
    }
    fn lagging(&self, items: u64) {
        self.lagging.fetch_add(items, Ordering::SeqCst);
    }
    fn looked(&self, look: &Look) {
        self.looks.lock().unwrap().push(look.clone());
    }
    fn refused(&self, writes: u64) {
        self.refused.fetch_add(writes, Ordering::SeqCst);
    }
    fn booked(&self, _: TenantId) {
        self.booked.fetch_add(1, Ordering::SeqCst);
    }
    fn panicked(&self) {
        self.panics.fetch_add(1, Ordering::SeqCst);
    }
}

/// Where a process dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Crash {
    Before,
    After,
}

/// What all nodes of a test share.
pub(super) struct World {
    pub(super) store: MemoryStore,
    pub(super) ledger: Arc<StreamLedger>,
    pub(super) routers: Arc<FakeWaits>,
    pub(super) sessions: Arc<FakeSessions>,
    ids: Arc<CountingIds>,
    began: tokio::time::Instant,
}

/// One node's way to its ports.
pub(super) struct Node {
    world: Arc<World>,
    calls: Mutex<BTreeMap<&'static str, u32>>,
    count: AtomicU64,
    crash: Mutex<Option<(u64, Crash)>>,
    pub(super) cut_off: AtomicBool,
    pub(super) panic_for: Mutex<Option<ServiceName>>,
    /// Whether due records come in the opposite of their order.
    pub(super) backwards: AtomicBool,
    /// How long the stream takes for a batch.
    pub(super) submit_takes: Mutex<Duration>,
    pub(super) heard: Arc<Heard>,
    /// With what it pushes.
    pub(super) push: Mutex<Option<PushPorts>>,
}

impl World {
    /// With the service `CB_Sales`.
    pub(super) async fn new() -> Arc<Self> {
        let world = Arc::new(Self {
            store: MemoryStore::new(Arc::new(ManualClock::default()), Duration::from_secs(5)),
            ledger: Arc::default(),
            routers: Arc::default(),
            sessions: Arc::default(),
            ids: Arc::new(CountingIds::from(1_000_000_000)),
            began: tokio::time::Instant::now(),
        });
        world.provision("CB_Sales").await;
        world
    }

    pub(super) async fn provision(&self, name: &str) {
        self.store.put_service(tenant(), &service_row(name)).await.unwrap();
    }

    /// The store's time: virtual time since the beginning.
    pub(super) fn now(&self) -> Instant {
        let now = START + self.began.elapsed();
        self.store.clock().set(now);
        now
    }

    /// Pauses or resumes `CB_Sales`.
    pub(super) async fn pause(&self, paused: bool) {
        let act = pause_act(Some("CB_Sales"), paused, self.now());
        assert!(self.store.set_paused(tenant(), &act).await.unwrap());
    }

    pub(super) async fn book(&self, booking: NewBooking) -> Callback {
        self.now();
        match self.store.book(booking).await.unwrap() {
            Booked::Accepted(callback) => *callback,
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn node(self: &Arc<Self>) -> Arc<Node> {
        Arc::new(Node {
            world: Arc::clone(self),
            calls: Mutex::default(),
            count: AtomicU64::new(0),
            crash: Mutex::new(None),
            cut_off: AtomicBool::new(false),
            panic_for: Mutex::new(None),
            backwards: AtomicBool::new(false),
            submit_takes: Mutex::default(),
            heard: Arc::default(),
            push: Mutex::default(),
        })
    }

    /// What was written, as seconds since the beginning and attempt numbers.
    pub(super) fn written(&self) -> Vec<(CallbackId, u32, Duration)> {
        self.ledger.entries().iter().map(|entry| (entry.callback.id, entry.attempt, entry.at.since(START))).collect()
    }

    pub(super) fn record(&self, id: CallbackId) -> Callback {
        self.all().into_iter().find(|(record, _)| record.id == id).unwrap().0
    }

    pub(super) fn reason(&self, id: CallbackId) -> Option<Reason> {
        self.record(id).reason
    }

    pub(super) fn all(&self) -> Vec<(Callback, Vec<TimelineEvent>)> {
        self.store.everything()
    }

    /// How often each attempt of a record was recorded.
    pub(super) fn recorded(timeline: &[TimelineEvent]) -> BTreeMap<u32, u32> {
        let mut recorded = BTreeMap::new();
        for change in timeline.iter().flat_map(|event| &event.changes) {
            if let Change::Submitted { attempt } = change {
                *recorded.entry(*attempt).or_default() += 1;
            }
        }
        recorded
    }
}

/// Production settings without what a test does not ask for.
pub(super) fn settings(node: &str) -> MonitorSettings {
    MonitorSettings { sizes_period: Duration::from_secs(1_000_000), ..MonitorSettings::of(node) }
}

/// Hints that never come.
pub(super) struct Deaf;

#[async_trait]
impl WakeUps for Deaf {
    async fn next(&mut self) -> Wake {
        std::future::pending().await
    }
}

impl Node {
    pub(super) fn start(self: &Arc<Self>, settings: MonitorSettings) -> (MonitorHandle, CancellationToken) {
        self.start_hearing(settings, self.world.store.wake_ups())
    }

    /// Bulk jobs that reach the record through this node.
    fn bulk(self: &Arc<Self>) -> BulkPorts {
        let store = Arc::new(self.world.store.clone());
        let book = BookCallback {
            catalogue: store.clone(),
            bookings: self.clone(),
            wait: Arc::new(CurrentWait::new(self.world.routers.clone())),
            plan: Arc::new(FakePlan),
            human: Arc::new(NoHumanCheck),
            clock: self.clone(),
            ids: self.world.ids.clone(),
        };
        let cancel = CancelCallback { record: self.clone(), sessions: self.clone(), clock: self.clone() };
        let recreate = RecreateCallback { record: self.clone(), book: Arc::new(book), clock: self.clone() };
        BulkPorts { jobs: self.clone(), act: Arc::new(BulkAct { cancel, recreate }) }
    }

    pub(super) fn start_hearing(
        self: &Arc<Self>,
        settings: MonitorSettings,
        wake_ups: Box<dyn WakeUps>,
    ) -> (MonitorHandle, CancellationToken) {
        let stop = CancellationToken::new();
        let ports = MonitorPorts {
            shards: self.clone(),
            handover: self.clone(),
            kept: Arc::new(self.world.store.clone()),
            catalogue: self.clone(),
            stream: self.clone(),
            sessions: self.clone(),
            wait: Arc::new(CurrentWait::new(self.world.routers.clone())),
            plan: Arc::new(FakePlan),
            call_ins: Arc::new(self.world.store.clone()),
            clock: self.clone(),
            wake_ups,
            gauges: self.heard.clone(),
            pauses: self.clone(),
            bulk: Some(self.bulk()),
            push: self.push.lock().unwrap().clone(),
            proxies: None,
        };
        (Monitor::start(ports, settings, stop.clone()), stop)
    }

    /// The `nth` call from now never comes back.
    pub(super) fn crash_at(&self, nth: u64, crash: Crash) {
        *self.crash.lock().unwrap() = Some((self.count.load(Ordering::SeqCst) + nth, crash));
    }

    pub(super) fn has_crashed(&self) -> bool {
        let last = self.crash.lock().unwrap().map_or(u64::MAX, |(nth, _)| nth);
        self.count.load(Ordering::SeqCst) >= last
    }

    /// Calls so far, by name.
    pub(super) fn calls(&self) -> BTreeMap<&'static str, u32> {
        self.calls.lock().unwrap().clone()
    }

    /// Counts a call and makes it, unless the process dies with it.
    pub(super) async fn call<T>(&self, name: &'static str, act: impl Future<Output = T>) -> T {
        self.world.now();
        *self.calls.lock().unwrap().entry(name).or_default() += 1;
        let count = self.count.fetch_add(1, Ordering::SeqCst) + 1;
        let crash = *self.crash.lock().unwrap();
        let died = crash.filter(|(nth, _)| count >= *nth);
        if died.is_none_or(|(nth, crash)| count == nth && crash == Crash::After) {
            let answer = act.await;
            if died.is_none() {
                return answer;
            }
        }
        std::future::pending().await
    }

    fn unavailable() -> StoreError {
        StoreError::Unavailable("the test cut this node off".into())
    }
}

impl Clock for Node {
    fn now(&self) -> Instant {
        self.world.now()
    }
}

#[async_trait]
impl Shards for Node {
    async fn hold(&self, node: &str) -> Result<Vec<ShardLease>, StoreError> {
        if self.cut_off.load(Ordering::SeqCst) {
            return Err(Self::unavailable());
        }
        self.call("hold", self.world.store.hold(node)).await
    }
    async fn release(&self, node: &str) -> Result<(), StoreError> {
        self.call("release", self.world.store.release(node)).await
    }
}

#[async_trait]
impl SubmissionStream for Node {
    async fn submit(&self, batch: &[Dispatch]) -> Result<(), StreamError> {
        let panics = self.panic_for.lock().unwrap().clone();
        if panics.is_some_and(|name| batch.iter().any(|one| one.callback.service == name)) {
            panic!("the test makes this batch panic");
        }
        let takes = *self.submit_takes.lock().unwrap();
        tokio::time::sleep(takes).await;
        self.call("submit", self.world.ledger.submit(batch)).await
    }
}

#[async_trait]
impl Handover for Node {
    async fn agenda(&self, shards: &[ShardLease]) -> Result<Vec<AgendaLine>, StoreError> {
        self.call("agenda", self.world.store.agenda(shards)).await
    }
    async fn due(
        &self,
        lease: ShardLease,
        service: &ServiceRef,
        until: Instant,
        limit: u32,
    ) -> Result<Vec<Callback>, StoreError> {
        let mut due = self.call("due", self.world.store.due(lease, service, until, limit)).await?;
        if self.backwards.load(Ordering::SeqCst) {
            due.reverse();
        }
        Ok(due)
    }
    async fn record_handed(
        &self,
        lease: ShardLease,
        handed: &[Handed],
        at: Instant,
    ) -> Result<Vec<HandoverOutcome>, StoreError> {
        self.call("record_handed", self.world.store.record_handed(lease, handed, at)).await
    }
    async fn count_failed_cycle(
        &self,
        lease: ShardLease,
        records: &[(TenantId, CallbackId)],
    ) -> Result<(), StoreError> {
        self.call("count_failed_cycle", self.world.store.count_failed_cycle(lease, records)).await
    }
    async fn timers(&self, lease: ShardLease, now: Instant, limit: u32) -> Result<Vec<Callback>, StoreError> {
        self.call("timers", self.world.store.timers(lease, now, limit)).await
    }
    async fn settle(
        &self,
        lease: ShardLease,
        record: &Callback,
        changes: Vec<Change>,
        at: Instant,
    ) -> Result<bool, StoreError> {
        self.call("settle", self.world.store.settle(lease, record, changes, at)).await
    }
    async fn sizes(&self, shards: &[ShardLease]) -> Result<MonitorSizes, StoreError> {
        self.call("sizes", self.world.store.sizes(shards)).await
    }
    async fn expiring(&self, desired_before: Instant, limit: u32) -> Result<Vec<Callback>, StoreError> {
        self.call("expiring", self.world.store.expiring(desired_before, limit)).await
    }

    async fn purge(&self, desired_before: Instant, limit: u32) -> Result<u64, StoreError> {
        self.call("purge", self.world.store.purge(desired_before, limit)).await
    }
}

#[async_trait]
impl Catalogue for Node {
    async fn service(&self, tenant: TenantId, name: &ServiceName) -> Result<Option<Arc<Service>>, StoreError> {
        self.call("service", self.world.store.service(tenant, name)).await
    }
    async fn hours(&self, tenant: TenantId, name: &str) -> Result<Option<Hours>, StoreError> {
        self.world.store.hours(tenant, name).await
    }
    async fn put_service(&self, tenant: TenantId, row: &ServiceRow) -> Result<(), StoreError> {
        self.world.store.put_service(tenant, row).await
    }
    async fn remove_service(&self, tenant: TenantId, name: &ServiceName) -> Result<(), StoreError> {
        self.world.store.remove_service(tenant, name).await
    }
    async fn put_hours(&self, tenant: TenantId, hours: &OfficeHours) -> Result<(), StoreError> {
        self.world.store.put_hours(tenant, hours).await
    }
    async fn put_capacity_rule(&self, tenant: TenantId, rule: &CapacityRule) -> Result<(), StoreError> {
        self.world.store.put_capacity_rule(tenant, rule).await
    }
    async fn put_number_rule(&self, tenant: TenantId, rule: &NumberRule) -> Result<bool, StoreError> {
        self.world.store.put_number_rule(tenant, rule).await
    }
    async fn remove_number_rule(&self, tenant: TenantId, name: &str) -> Result<RuleRemoved, StoreError> {
        self.world.store.remove_number_rule(tenant, name).await
    }
    async fn put_region_rule(&self, tenant: TenantId, rule: &RegionRule) -> Result<(), StoreError> {
        self.world.store.put_region_rule(tenant, rule).await
    }
    async fn tenant_throttle(&self, tenant: TenantId) -> Result<throttle::Settings, StoreError> {
        self.call("tenant_throttle", self.world.store.tenant_throttle(tenant)).await
    }
    async fn put_tenant_throttle(&self, tenant: TenantId, settings: &throttle::Settings) -> Result<(), StoreError> {
        self.world.store.put_tenant_throttle(tenant, settings).await
    }
}

#[async_trait]
impl Pauses for Node {
    async fn set_paused(&self, tenant: TenantId, act: &PauseAct) -> Result<bool, StoreError> {
        self.call("set_paused", self.world.store.set_paused(tenant, act)).await
    }
    async fn paused(&self, tenant: TenantId) -> Result<Vec<PauseEntry>, StoreError> {
        self.call("paused", self.world.store.paused(tenant)).await
    }
    async fn pause_history(&self, tenant: TenantId, limit: u32) -> Result<Vec<PauseAct>, StoreError> {
        self.call("pause_history", self.world.store.pause_history(tenant, limit)).await
    }
    async fn misplaced(
        &self,
        lease: ShardLease,
        service: &ServiceRef,
        after: Option<CallbackId>,
        limit: u32,
    ) -> Result<Misplaced, StoreError> {
        self.call("misplaced", self.world.store.misplaced(lease, service, after, limit)).await
    }
}

#[async_trait]
impl Sessions for Node {
    async fn tell(&self, session: &SessionBinding, callback: CallbackId, event: &SessionEvent, at: Instant) -> Told {
        self.call("tell", self.world.sessions.tell(session, callback, event, at)).await
    }
    async fn terminate(&self, session: &SessionBinding) -> Told {
        self.call("terminate", self.world.sessions.terminate(session)).await
    }
}

#[async_trait]
impl BulkJobs for Node {
    async fn open_bulk(&self, job: &NewJob) -> Result<Opened, StoreError> {
        self.call("open_bulk", self.world.store.open_bulk(job)).await
    }
    async fn bulk_job(&self, tenant: TenantId, id: BulkId) -> Result<Option<Job>, StoreError> {
        self.call("bulk_job", self.world.store.bulk_job(tenant, id)).await
    }
    async fn bulk_items(&self, tenant: TenantId, id: BulkId, after: u32, limit: u32) -> Result<Vec<Item>, StoreError> {
        self.call("bulk_items", self.world.store.bulk_items(tenant, id, after, limit)).await
    }
    async fn stop_bulk(&self, tenant: TenantId, id: BulkId, at: Instant) -> Result<Option<Job>, StoreError> {
        self.call("stop_bulk", self.world.store.stop_bulk(tenant, id, at)).await
    }
    async fn running_bulk(&self, lease: ShardLease, limit: u32) -> Result<Vec<Job>, StoreError> {
        self.call("running_bulk", self.world.store.running_bulk(lease, limit)).await
    }
    async fn pending_bulk(&self, id: BulkId, limit: u32) -> Result<Vec<Pending>, StoreError> {
        self.call("pending_bulk", self.world.store.pending_bulk(id, limit)).await
    }
    async fn record_bulk(
        &self,
        lease: ShardLease,
        id: BulkId,
        outcomes: &[(u32, Outcome)],
        at: Instant,
    ) -> Result<(), StoreError> {
        self.call("record_bulk", self.world.store.record_bulk(lease, id, outcomes, at)).await
    }
    async fn purge_bulk(&self, created_before: Instant, limit: u32) -> Result<u64, StoreError> {
        self.call("purge_bulk", self.world.store.purge_bulk(created_before, limit)).await
    }
}

#[async_trait]
impl Bookings for Node {
    async fn book(&self, booking: NewBooking) -> Result<Booked, StoreError> {
        self.call("book", self.world.store.book(booking)).await
    }
    async fn usage(
        &self,
        tenant: TenantId,
        service: &ServiceName,
        from: Instant,
        until: Instant,
    ) -> Result<Usage, StoreError> {
        self.call("usage", self.world.store.usage(tenant, service, from, until)).await
    }
    async fn watermark(&self, tenant: TenantId, service: &ServiceName, up_to: u32) -> Result<u32, StoreError> {
        self.call("watermark", self.world.store.watermark(tenant, service, up_to)).await
    }
}

#[async_trait]
impl Record for Node {
    async fn find(&self, tenant: TenantId, id: CallbackId, now: Instant) -> Result<Option<Callback>, StoreError> {
        self.call("find", self.world.store.find(tenant, id, now)).await
    }
    async fn tenant_of(&self, id: CallbackId) -> Result<Option<TenantId>, StoreError> {
        self.call("tenant_of", self.world.store.tenant_of(id)).await
    }
    async fn timeline(&self, tenant: TenantId, id: CallbackId) -> Result<Vec<TimelineEvent>, StoreError> {
        self.call("timeline", self.world.store.timeline(tenant, id)).await
    }
    async fn cancel(
        &self,
        tenant: TenantId,
        id: CallbackId,
        request: &CancelRequest,
        now: Instant,
    ) -> Result<Cancelled, StoreError> {
        self.call("cancel", self.world.store.cancel(tenant, id, request, now)).await
    }
    async fn settle_cancel(
        &self,
        tenant: TenantId,
        id: CallbackId,
        asked: &SessionId,
        answer: CancelAnswer,
        request: &CancelRequest,
        now: Instant,
    ) -> Result<Cancelled, StoreError> {
        let settle = self.world.store.settle_cancel(tenant, id, asked, answer, request, now);
        self.call("settle_cancel", settle).await
    }
    async fn move_booking(
        &self,
        tenant: TenantId,
        id: CallbackId,
        to: &Move,
        now: Instant,
    ) -> Result<Moved, StoreError> {
        self.call("move_booking", self.world.store.move_booking(tenant, id, to, now)).await
    }
    async fn settle_move(
        &self,
        tenant: TenantId,
        id: CallbackId,
        asked: &SessionId,
        answer: MoveAnswer,
        to: &Move,
        now: Instant,
    ) -> Result<Moved, StoreError> {
        self.call("settle_move", self.world.store.settle_move(tenant, id, asked, answer, to, now)).await
    }
    async fn edit(
        &self,
        tenant: TenantId,
        id: CallbackId,
        edit: &Edit,
        actor: &Actor,
        now: Instant,
    ) -> Result<Edited, StoreError> {
        self.call("edit", self.world.store.edit(tenant, id, edit, actor, now)).await
    }
    async fn call_in_told(
        &self,
        tenant: TenantId,
        id: CallbackId,
        call_in: CallInId,
        asked: &SessionId,
        now: Instant,
    ) -> Result<(), StoreError> {
        self.call("call_in_told", self.world.store.call_in_told(tenant, id, call_in, asked, now)).await
    }
    async fn apply_session_update(
        &self,
        tenant: TenantId,
        id: CallbackId,
        update: &SessionUpdate,
        now: Instant,
    ) -> Result<SessionAnswer, StoreError> {
        self.call("apply_session_update", self.world.store.apply_session_update(tenant, id, update, now)).await
    }
}

/// Virtual time passes.
pub(super) async fn pass(length: Duration) {
    tokio::time::sleep(length).await;
}

/// Virtual seconds pass.
pub(super) async fn seconds(count: u64) {
    pass(Duration::from_secs(count)).await;
}

pub(super) fn sales() -> ServiceName {
    service("CB_Sales")
}
