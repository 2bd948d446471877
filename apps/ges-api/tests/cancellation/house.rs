//! The use cases and listeners over a real store, and what has to hold after each act that was dropped.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use ges_domain::bulk::BulkId;
use ges_domain::callback::{Kind, Reason, SessionBinding, State};
use ges_domain::capacity::Usage;
use ges_domain::invariants::{Acknowledged, CancelAnswered, CellLimit, Evidence, Story, audit_record, check};
use ges_domain::ports::{
    Bookings, BulkJobs, CallIns, Catalogue, Clock, Handover, Ids, KeptAnswers, Lookup, NoNews, NobodyFollows, Pauses,
    Publishing, Record, ServiceRow, SessionEvent, Sessions, Shards,
};
use ges_domain::service::Settings;
use ges_domain::tenancy::{ApiKeys, TenancyError};
use ges_domain::use_cases::CurrentWait;
use ges_domain::{CallInId, CallbackId, Instant, TenantId, ports, throttle};
use ges_rest::{
    Api, Component, Endpoints, Gate, Health, Host, InsideParts, Limits, Observed, Parts, external_router,
    internal_router,
};
use ges_telemetry::{Dependency, Identity, Metrics};
use ges_testkit::builders::{call_in_group, quarter, service, service_row, tenant};
use ges_testkit::{
    CountingChance, CountingIds, FakeAreas, FakeDesk, FakeHumans, FakeKeys, FakeOrigins, FakePlan, FakeRequests,
    FakeStatistics, FakeWaits,
};
use tokio_util::task::TaskTracker;

use crate::acts::Act;

pub(crate) const SERVICE: &str = "CB_Sales";
pub(crate) const GROUP: &str = "help";
pub(crate) const KEY: &str = "78fd8f03-d9d0-4140-8aae-09f3f15d1392";
/// How long anything of a request may go on after its caller went away.
const SETTLES_WITHIN: Duration = Duration::from_secs(3);
/// Connections have to be seen at rest for so long: what was sent may not have arrived yet.
pub(crate) const QUIET: Duration = Duration::from_millis(4);
/// Places per cell until the last judgement.
const PLACES: u32 = 10_000;

/// Everything a record store is to requests.
pub(crate) trait Store:
    Bookings + BulkJobs + CallIns + Catalogue + KeptAnswers + Lookup + Pauses + Publishing + Record + Handover + Shards
{
}
impl<
    S: Bookings + BulkJobs + CallIns + Catalogue + KeptAnswers + Lookup + Pauses + Publishing + Record + Handover + Shards,
> Store for S
{
}

/// Asks the store whether it works.
pub(crate) type Probe = Box<dyn Fn() -> Pin<Box<dyn Future<Output = bool> + Send>> + Send + Sync>;

/// What the server behind a store says about the store's connections.
#[async_trait]
pub(crate) trait Backstage: Send + Sync {
    /// Connections that are still at something after `patience`; returns as soon as none is for a while.
    async fn stuck(&self, patience: Duration) -> Vec<String>;
}

/// What callers were told.
#[derive(Default)]
pub(crate) struct Told {
    pub(crate) acknowledged: Vec<Acknowledged>,
    pub(crate) cancels: Vec<CancelAnswered>,
}

pub(crate) struct House {
    pub(crate) api: Arc<Api>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) external: Router,
    pub(crate) internal: Router,
    tasks: TaskTracker,
    ids: Arc<CountedIds>,
    numbers: AtomicU64,
    told: Mutex<Told>,
    backstage: Box<dyn Backstage>,
    probe: Probe,
    from: Instant,
}

impl House {
    pub(crate) async fn over<S: Store + 'static>(
        store: Arc<S>,
        clock: Arc<dyn Clock>,
        backstage: Box<dyn Backstage>,
        probe: Probe,
    ) -> Self {
        let keys = FakeKeys::default();
        keys.give(KEY, tenant());
        let host = Host { version: "1.0.0".into(), host: "pod-1".into(), role: "api", region: None };
        let health = Health::new(host, [Component::of(Dependency::GwsAuth, false)]);
        health.configured();
        health.migrated();
        let metrics =
            Metrics::new(&Identity { version: "1.0.0".into(), host: "pod-1".into(), zone_data: String::new() }, false);
        let ids = Arc::new(CountedIds::default());
        let waits = Arc::new(FakeWaits::default());
        let parts = Parts {
            wait: Arc::new(CurrentWait::new(waits.clone())),
            waits,
            statistics: Arc::new(FakeStatistics::default()),
            plan: Arc::new(FakePlan),
            sessions: Arc::new(SlowSessions),
            requests: Arc::new(FakeRequests::default()),
            news: Arc::new(NoNews),
            human: Arc::new(FakeHumans::default()),
            credentials: Arc::new(FakeDesk::default()),
            keys: Arc::new(SlowKeys(keys)),
            origins: Arc::new(FakeOrigins::default()),
            clock: clock.clone(),
            ids: ids.clone(),
            chance: Arc::new(CountingChance::from(1)),
            observed: Observed::new(health, metrics),
            published: Arc::new(NobodyFollows),
            endpoints: Endpoints::default(),
            inside: InsideParts {
                areas: Arc::new(FakeAreas::default()),
                publisher: None,
                guide: Arc::new(FakePlan),
                gate: Gate::open(),
                single_tenant: true,
            },
        };
        let api = Arc::new(Api::over(&store, parts));
        let tasks = TaskTracker::new();
        let house = Self {
            external: external_router(api.clone(), Limits::external(), tasks.clone()),
            internal: internal_router(api.clone(), Limits::internal(), tasks.clone()),
            api,
            store,
            from: clock.now(),
            clock,
            tasks,
            ids,
            numbers: AtomicU64::new(0),
            told: Mutex::default(),
            backstage,
            probe,
        };
        house.provision(|_| {}).await;
        house.store.put_group(tenant(), &call_in_group(GROUP, &["+15550001"], Some(6))).await.unwrap();
        house.booked(Some(house.cell())).await;
        house
    }

    /// Publishes the service, with limits that refuse nothing but for `change`.
    pub(crate) async fn provision(&self, change: impl FnOnce(&mut Settings)) {
        let mut row: ServiceRow = service_row(SERVICE);
        row.settings.max_per_slot = PLACES;
        row.settings.throttle = throttle::Settings {
            throttle_limit1: Some(1_000_000),
            throttle_ttl1: Some(3_600),
            throttle_limit2: Some(1_000_000),
            throttle_ttl2: Some(3_600),
            per_number_limit: Some(1_000_000),
            max_queued: Some(100_000),
            ..throttle::Settings::default()
        };
        change(&mut row.settings);
        self.store.put_service(tenant(), &row).await.unwrap();
    }

    pub(crate) fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap()
    }

    /// The cell that bookings of the run ask for.
    pub(crate) fn cell(&self) -> Instant {
        quarter(self.from + Duration::from_secs(4 * 3_600)).from
    }

    /// Where moved bookings go.
    pub(crate) fn other_cell(&self) -> Instant {
        self.cell() + Duration::from_secs(3_600)
    }

    /// A number that nobody had before.
    pub(crate) fn number(&self) -> String {
        format!("+1650{:07}", self.numbers.fetch_add(1, Ordering::Relaxed))
    }

    /// The first record: nobody touches it.
    pub(crate) fn control(&self) -> CallbackId {
        CountingIds::nth(1)
    }

    /// How many ids were given out.
    pub(crate) fn issued(&self) -> u64 {
        self.ids.0.load(Ordering::SeqCst)
    }

    /// The records among the ids given out since.
    pub(crate) async fn booked_since(&self, issued: u64) -> Vec<CallbackId> {
        let mut booked = Vec::new();
        for nth in issued + 1..=self.issued() {
            booked.extend(self.story(CountingIds::nth(nth)).await.map(|story| story.record.id));
        }
        booked
    }

    pub(crate) fn last_issued(&self) -> CallbackId {
        CountingIds::nth(self.issued())
    }

    pub(crate) async fn probe(&self) -> bool {
        (self.probe)().await
    }

    /// Books, undisturbed.
    pub(crate) async fn booked(&self, desired: Option<Instant>) -> CallbackId {
        assert!(self.book(desired).await);
        self.last_issued()
    }

    /// After an act was left: whatever goes on in its name ends, no connection stays in a transaction, the next request is
    /// served, and the record it was about tells one story.
    pub(crate) async fn is_sound(&self, what: &str) {
        let ended = tokio::time::timeout(SETTLES_WITHIN, async {
            while !self.tasks.is_empty() {
                tokio::time::sleep(Duration::from_micros(200)).await;
            }
        });
        ended.await.unwrap_or_else(|_| panic!("{what}: its work does not end"));
        let stuck = self.backstage.stuck(SETTLES_WITHIN).await;
        assert!(stuck.is_empty(), "{what}: {stuck:?}");
        let next = tokio::time::timeout(SETTLES_WITHIN, self.api.retrieve.run(tenant(), self.control())).await;
        assert!(matches!(next, Ok(Ok(_))), "{what}: the next request is not served: {next:?}");
        if let Some(story) = self.story(self.last_issued()).await {
            assert_eq!(audit_record(&story.record, &story.timeline), None, "{what}");
        }
    }

    /// Whoever asks again gets an answer, and what was asked for stands.
    pub(crate) async fn can_be_repeated(&self, act: Act, id: CallbackId, what: &str) {
        let again = tokio::time::timeout(SETTLES_WITHIN, self.perform(act, id)).await;
        let succeeded = again.unwrap_or_else(|_| panic!("{what}: nobody answers the second time"));
        let story = self.story(id).await.expect("it was booked undisturbed");
        assert_eq!(audit_record(&story.record, &story.timeline), None, "{what}, repeated");
        match act {
            // The first one may have done it.
            Act::Cancel | Act::CancelHeld => {
                let reason = story.record.reason.as_ref();
                assert_eq!((story.record.state, reason), (State::Completed, Some(&Reason::CANCELLED)), "{what}");
            }
            Act::Move => assert_eq!(story.record.desired_at, self.other_cell(), "{what}"),
            _ => assert!(succeeded, "{what}: refused the second time"),
        }
    }

    async fn story(&self, id: CallbackId) -> Option<Story> {
        let record = self.store.find(tenant(), id, self.clock.now()).await.unwrap()?;
        let timeline = self.store.timeline(tenant(), id).await.unwrap();
        Some(Story { record, timeline })
    }

    /// Every promise over everything that happened, and every count against the rows it counts.
    pub(crate) async fn judge(&self) {
        let mut stories = Vec::new();
        for nth in 1..=self.issued() {
            stories.extend(self.story(CountingIds::nth(nth)).await);
        }
        let (mut places, mut immediate) = (Usage::default(), 0_i64);
        for Story { record, .. } in &stories {
            if record.holds_slot() {
                places.add(record.desired_at, 1);
            }
            // Whatever became of it.
            immediate += i64::from(record.kind == Kind::Immediate);
        }
        let until = self.other_cell() + Duration::from_secs(7_200);
        let usage = self.store.usage(tenant(), &service(SERVICE), self.from, until).await.unwrap();
        assert_eq!(usage, places, "P-4: places and records were written together");
        let told = std::mem::take(&mut *self.told());
        let cells = [self.cell(), self.other_cell()].map(|at| CellLimit {
            tenant: tenant(),
            service: service(SERVICE),
            cell: quarter(at),
            limit: PLACES,
        });
        let evidence = Evidence {
            acknowledged: told.acknowledged,
            cancels: told.cancels,
            stories,
            cells: cells.into(),
            taken_at: Some(self.clock.now()),
            ..Evidence::default()
        };
        assert_eq!(check(&evidence), Vec::new());
        println!("{} records, {} acknowledged", evidence.stories.len(), evidence.acknowledged.len());

        // What limits count is what is there: as many more as they leave are taken, and not one beyond.
        self.provision(|settings| settings.throttle.throttle_limit1 = Some(immediate + 3)).await;
        assert_eq!(self.taken(None).await, 3, "R-THR-4: {immediate} were counted");
        let cell = quarter(self.cell());
        let held = usage.used(cell.from, cell.until);
        self.provision(|settings| settings.max_per_slot = held + 2).await;
        assert_eq!(self.taken(Some(self.cell())).await, 2, "I3: {held} places are taken");
    }

    /// How many of five bookings are taken.
    async fn taken(&self, desired: Option<Instant>) -> u32 {
        let mut taken = 0;
        for _ in 0..5 {
            taken += u32::from(self.book(desired).await);
        }
        taken
    }
}

/// Ids that tell how many there are.
#[derive(Default)]
struct CountedIds(AtomicU64, AtomicU64);

impl Ids for CountedIds {
    fn callback_id(&self) -> CallbackId {
        CountingIds::nth(self.0.fetch_add(1, Ordering::SeqCst) + 1)
    }

    fn call_in_id(&self) -> CallInId {
        // Counted apart: how many callbacks there may be is compared with how many ids were given out.
        CallInId(CountingIds::nth((1 << 40) + self.1.fetch_add(1, Ordering::SeqCst)).0)
    }

    fn bulk_id(&self) -> BulkId {
        BulkId(self.call_in_id().0)
    }
}

/// Sessions that agree, but not at once.
struct SlowSessions;

#[async_trait]
impl Sessions for SlowSessions {
    async fn tell(&self, _: &SessionBinding, _: CallbackId, _: &SessionEvent, _: Instant) -> ports::Told {
        tokio::task::yield_now().await;
        ports::Told::Accepted
    }

    async fn terminate(&self, _: &SessionBinding) -> ports::Told {
        tokio::task::yield_now().await;
        ports::Told::Accepted
    }
}

/// A registry that knows the key, but not at once.
struct SlowKeys(FakeKeys);

#[async_trait]
impl ApiKeys for SlowKeys {
    async fn only(&self) -> Result<Option<TenantId>, TenancyError> {
        self.0.only().await
    }

    async fn tenant_of(&self, key: &str) -> Result<Option<TenantId>, TenancyError> {
        tokio::task::yield_now().await;
        self.0.tenant_of(key).await
    }

    async fn known(&self, tenant: TenantId) -> Result<bool, TenancyError> {
        tokio::task::yield_now().await;
        self.0.known(tenant).await
    }
}
