//! What all actors of a run share.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ges_domain::invariants::{
    Acknowledged, CancelAnswered, Dial, Invariant, MonitorWrite, Read, Repeated, SessionTold, Violation,
};
use ges_domain::ports::ServiceRef;
use ges_domain::slots::SlotLength;
use ges_domain::{CallbackId, Instant};
use ges_testkit::builders::{START, other_tenant, service, tenant};
use ges_testkit::{CountingIds, ManualClock, MemoryStore};
use tokio::task::JoinSet;

use crate::bug::Bug;
use crate::chance::Chance;
use crate::floor::Floor;
use crate::ledger::Ledger;
use crate::outside::Outside;
use crate::ports::Node;
use crate::trace::Trace;
use crate::weather::Weather;

/// What callers, sessions and the store were seen to do.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) acknowledged: Vec<Acknowledged>,
    pub(crate) cancels: Vec<CancelAnswered>,
    pub(crate) repeated: Vec<Repeated>,
    pub(crate) sessions: Vec<SessionTold>,
    pub(crate) dials: Vec<Dial>,
    pub(crate) writes: Vec<MonitorWrite>,
    pub(crate) reads: Vec<Read>,
    /// What monitors noticed themselves.
    pub(crate) live: Vec<Violation>,
    /// How many things they looked at, by promise.
    pub(crate) looked: BTreeMap<Invariant, u64>,
    /// When the store first took a session for a callback.
    pub(crate) bound: BTreeMap<(CallbackId, String), Instant>,
    /// The newest epoch given out for each shard.
    pub(crate) epochs: BTreeMap<u8, u64>,
}

pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) bug: Option<Bug>,
    pub(crate) store: MemoryStore,
    pub(crate) ledger: Ledger,
    pub(crate) chance: Chance,
    pub(crate) setting: Setting,
    /// Worker nodes by number, as they live now.
    pub(crate) workers: Mutex<BTreeMap<u64, Arc<Node>>>,
    pub(crate) ids: Arc<CountingIds>,
    calm: AtomicBool,
    pub(crate) panics: AtomicU64,
    seen: Mutex<Seen>,
    trace: Mutex<Trace>,
    tasks: Mutex<JoinSet<()>>,
    began: tokio::time::Instant,
}

/// Places per quarter of an hour in the services of the stormy hour.
pub(crate) const PLACES: u32 = 2;

/// How a service can be booked.
#[derive(Debug, Clone)]
pub(crate) struct Offer {
    pub(crate) service: ServiceRef,
    pub(crate) slot: SlotLength,
    /// Per cell.
    pub(crate) places: u32,
}

/// What kind of run it is.
pub(crate) struct Setting {
    /// Every other store fault, and what else is drawn once.
    pub(crate) weather: Weather,
    /// How long a silent worker node keeps its shards.
    pub(crate) lease: Duration,
    pub(crate) outside: Arc<dyn Outside>,
    pub(crate) offers: Vec<Offer>,
    /// Worker nodes look after sessions.
    pub(crate) watches: bool,
}

impl Setting {
    /// A stormy hour, and the floor its sessions work on.
    pub(crate) fn stormy(chance: &Chance) -> (Self, Arc<Floor>) {
        let weather = Weather::drawn(chance);
        let lease = Duration::from_secs(*chance.one_of(&[4, 15, 15, 15, 30, 30, 30, 30]));
        let floor = Arc::new(Floor::new(usize::try_from(chance.between(1, 6)).unwrap_or(1)));
        let offer = |service| Offer { service, slot: SlotLength::default(), places: PLACES };
        let offers = World::services().into_iter().map(offer).collect();
        (Self { weather, lease, outside: floor.clone(), offers, watches: false }, floor)
    }
}

impl World {
    /// A world in which nothing has happened yet. `chance`: what has been drawn from the seed so far was for the setting.
    pub(crate) fn new(seed: u64, chance: Chance, bug: Option<Bug>, keep_trace: bool, setting: Setting) -> Arc<Self> {
        Arc::new(Self {
            seed,
            bug,
            store: MemoryStore::new(Arc::new(ManualClock::default()), setting.lease),
            ledger: Ledger::default(),
            chance,
            setting,
            workers: Mutex::default(),
            ids: Arc::default(),
            calm: AtomicBool::new(false),
            panics: AtomicU64::new(0),
            seen: Mutex::default(),
            trace: Mutex::new(Trace::new(keep_trace)),
            tasks: Mutex::default(),
            began: tokio::time::Instant::now(),
        })
    }

    /// Every service of every tenant; two of them share a name.
    pub(crate) fn services() -> Vec<ServiceRef> {
        let of = |tenant, name| ServiceRef { tenant, name: service(name) };
        vec![of(tenant(), "CB_Sales"), of(tenant(), "CB_Help"), of(other_tenant(), "CB_Sales")]
    }

    /// The store's time: virtual time since the beginning.
    pub(crate) fn now(&self) -> Instant {
        let now = START + self.began.elapsed();
        self.store.clock().set(now);
        now
    }

    /// What goes wrong now.
    pub(crate) fn weather(&self) -> Weather {
        if self.is_calm() { Weather::CALM } else { self.setting.weather }
    }

    /// Whether the stream takes nothing at all for a while.
    pub(crate) fn stream_is_out(&self) -> bool {
        let passed = self.began.elapsed().as_secs();
        self.weather().stream_out.is_some_and(|(from, until)| (from..until).contains(&passed))
    }

    pub(crate) fn is_calm(&self) -> bool {
        self.calm.load(Ordering::SeqCst)
    }

    /// Faults stop.
    pub(crate) fn calm_down(&self) {
        self.calm.store(true, Ordering::SeqCst);
        self.note("world", "everything works from now on");
    }

    pub(crate) fn has(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }

    pub(crate) fn note(&self, who: &str, what: impl AsRef<str>) {
        let now = self.now();
        self.trace().note(now, who, what.as_ref());
    }

    pub(crate) fn trace(&self) -> MutexGuard<'_, Trace> {
        self.trace.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs something beside everything else; the world comes to rest when all of it has ended.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks().spawn(task);
    }

    /// How many tasks are still running; counts those that panicked.
    pub(crate) fn running(&self) -> usize {
        let mut tasks = self.tasks();
        while let Some(ended) = tasks.try_join_next() {
            if ended.is_err() {
                self.panics.fetch_add(1, Ordering::SeqCst);
            }
        }
        tasks.len()
    }

    fn tasks(&self) -> MutexGuard<'_, JoinSet<()>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
