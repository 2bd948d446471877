//! One node's way to everything outside itself. Every call may be slow, fail before or after its effect, or be the last one
//! the node makes; a stopped node's calls wait until it goes on.

mod catalogue;
mod monitors;
mod records;
mod sessions;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ges_domain::Instant;
use ges_domain::ports::{Clock, StoreError};
use tokio::sync::Notify;
use tokio::time::Instant as Monotonic;

use crate::world::World;

/// Whether a call fails before or after its effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Before,
    After,
}

/// What a node is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// It answers requests; one of them may get lost on the way.
    Api,
    /// It runs monitors; it dies as a whole.
    Worker,
}

pub(crate) struct Node {
    pub(crate) world: Arc<World>,
    pub(crate) name: String,
    role: Role,
    /// By how many milliseconds it reads the store's clock too late or too early.
    skew_ms: i64,
    dead: AtomicBool,
    died: Notify,
    state: Mutex<Plight>,
}

/// What has befallen a node.
#[derive(Default)]
struct Plight {
    /// It dies at this many calls from now.
    crash: Option<(u64, Side)>,
    /// It stands still until then.
    stopped_until: Option<Monotonic>,
    /// Its own clock stood still for so long, which it notices at the given moment.
    behind: Option<(Duration, Monotonic)>,
    /// Its heartbeats get through again then.
    deaf_until: Option<Monotonic>,
    /// What the last heartbeat gave it.
    held: Vec<(u8, u64)>,
}

/// A node measures the store's clock anew after at most so long.
const CLOCK_REFRESH: Duration = Duration::from_secs(30);

impl Node {
    pub(crate) fn new(world: &Arc<World>, name: String, role: Role) -> Arc<Self> {
        let skew_ms = i64::try_from(world.chance.between(0, 41)).unwrap_or(0) - 20;
        Arc::new(Self {
            world: Arc::clone(world),
            name,
            role,
            skew_ms: if world.is_calm() { 0 } else { skew_ms },
            dead: AtomicBool::new(false),
            died: Notify::new(),
            state: Mutex::default(),
        })
    }

    /// Returns when the node has died.
    pub(crate) async fn died(&self) {
        self.died.notified().await;
    }

    /// From now on it does nothing.
    pub(crate) fn kill(&self) {
        self.dead.store(true, Ordering::SeqCst);
        self.died.notify_one();
    }

    /// Its `nth` call from now is its last.
    pub(crate) fn crash_at(&self, nth: u64, side: Side) {
        self.state().crash = Some((nth, side));
    }

    /// It stands still for so long; `suspended`: its own clock does as well, so that it reads a time that has passed until
    /// it measures the store's clock again.
    pub(crate) fn stop_for(&self, length: Duration, suspended: bool) {
        let until = Monotonic::now() + length;
        let mut state = self.state();
        state.stopped_until = Some(until);
        if suspended {
            state.behind = Some((length, until + CLOCK_REFRESH));
        }
    }

    /// Its heartbeats do not get through for so long; everything else does.
    pub(crate) fn cut_heart_for(&self, length: Duration) {
        self.state().deaf_until = Some(Monotonic::now() + length);
    }

    pub(crate) fn note(&self, what: impl AsRef<str>) {
        self.world.note(&self.name, what);
    }

    fn state(&self) -> MutexGuard<'_, Plight> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits while the node stands still, for ever when it is dead.
    async fn alive(&self) {
        loop {
            if self.dead.load(Ordering::SeqCst) {
                std::future::pending::<()>().await;
            }
            let until = self.state().stopped_until.filter(|until| *until > Monotonic::now());
            match until {
                Some(until) => tokio::time::sleep_until(until).await,
                None => return,
            }
        }
    }

    /// Whether this call is the one it dies of.
    fn dies(&self) -> Option<Side> {
        if self.role == Role::Api {
            let lost = self.world.chance.happens(self.world.weather().request_lost);
            return lost.then(|| if self.world.chance.happens(0.5) { Side::Before } else { Side::After });
        }
        let mut state = self.state();
        let (left, side) = state.crash?;
        if left > 1 {
            state.crash = Some((left - 1, side));
            return None;
        }
        Some(side)
    }

    async fn end(&self, what: &str, side: Side) {
        match self.role {
            Role::Api => self.note(format!("{what}: the request is lost {side:?} its effect")),
            Role::Worker => {
                self.note(format!("{what}: the node dies {side:?} the effect"));
                self.kill();
            }
        }
        std::future::pending::<()>().await;
    }

    /// How long a call is on its way in one direction.
    async fn travel(&self) {
        let (weather, chance) = (self.world.weather(), &self.world.chance);
        let length = if chance.happens(weather.stuck) {
            chance.seconds(20, 90)
        } else if chance.happens(weather.slow) {
            chance.millis(50, 3_000)
        } else {
            Duration::from_millis(chance.between(0, 3))
        };
        if !length.is_zero() {
            tokio::time::sleep(length).await;
        }
    }

    /// Makes a call of the record store.
    async fn call<T>(&self, what: &str, act: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        self.alive().await;
        let dies = self.dies();
        let (weather, chance) = (self.world.weather(), &self.world.chance);
        let fails = if chance.happens(weather.error_before) {
            Some(Side::Before)
        } else if chance.happens(weather.error_after) {
            Some(Side::After)
        } else {
            None
        };
        self.travel().await;
        if self.dead.load(Ordering::SeqCst) || dies == Some(Side::Before) {
            self.end(what, Side::Before).await;
        }
        let answer = match fails {
            Some(Side::Before) => Err(StoreError::Unavailable("the store does not answer".into())),
            _ => {
                self.world.now();
                act.await
            }
        };
        if dies == Some(Side::After) {
            self.end(what, Side::After).await;
        }
        self.travel().await;
        self.alive().await;
        match fails {
            None => answer,
            Some(side) => {
                self.note(format!("{what}: the store fails {side:?} the effect"));
                Err(StoreError::Unavailable("the answer is lost".into()))
            }
        }
    }
}

impl Clock for Node {
    /// The store's time as this node last measured it and has counted on since; what its wall clock shows plays no part.
    fn now(&self) -> Instant {
        let now = Instant::from_millis(self.world.now().millis() + self.skew_ms);
        let behind = self.state().behind.filter(|(_, noticed)| Monotonic::now() < *noticed);
        match behind {
            Some((length, _)) => now - length,
            None => now,
        }
    }
}
