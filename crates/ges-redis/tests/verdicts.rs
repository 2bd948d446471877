//! The same bookings with and without Redis: every verdict is the same, while Redis lives, dies, forgets and returns.

#![expect(clippy::unwrap_used, reason = "helpers of tests, where clippy.toml allows it")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use ges_domain::booking::{Accelerated, Booked, NewBooking};
use ges_domain::capacity::Usage;
use ges_domain::ports::{AcceptedTimes, Bookings, Catalogue, ServiceRef, StoreError};
use ges_domain::throttle::{InQueueCheck, Window};
use ges_domain::{Instant, Refusal, ServiceName, TenantId};
use ges_harness::{Programs, Redis};
use ges_redis::{RedisAcceptedTimes, Server};
use ges_testkit::MemoryStore;
use ges_testkit::builders::{Draft, START, immediate, scheduled, service, service_row, tenant};

/// Counts the bookings that come with a window known to be full.
struct Watched(MemoryStore, AtomicUsize);

#[async_trait]
impl Bookings for Watched {
    async fn book(&self, booking: NewBooking) -> Result<Booked, StoreError> {
        self.1.fetch_add(usize::from(booking.known.is_refused()), Ordering::Relaxed);
        self.0.book(booking).await
    }

    async fn usage(
        &self,
        tenant: TenantId,
        service: &ServiceName,
        from: Instant,
        until: Instant,
    ) -> Result<Usage, StoreError> {
        self.0.usage(tenant, service, from, until).await
    }

    async fn watermark(&self, tenant: TenantId, service: &ServiceName, up_to: u32) -> Result<u32, StoreError> {
        self.0.watermark(tenant, service, up_to).await
    }
}

/// A store with Redis beside it, the same store without, and a die that always falls alike.
struct Scene {
    plain: MemoryStore,
    watched: Arc<Watched>,
    times: Arc<RedisAcceptedTimes>,
    fast: Accelerated,
    redis: Redis,
    programs: Programs,
    folder: tempfile::TempDir,
    die: u64,
    now: Instant,
}

impl Scene {
    async fn new(seed: u64) -> Self {
        let programs = Programs::from_environment().unwrap();
        let folder = ges_harness::run_folder().unwrap();
        let redis = Redis::start(&programs.redis, &folder.path().join("redis")).unwrap();
        let times = Arc::new(RedisAcceptedTimes::start(&Server::plain("127.0.0.1", redis.port()), "scene").unwrap());
        assert!(times.probe().await);
        let (plain, under) = (MemoryStore::default(), MemoryStore::default());
        for store in [&plain, &under] {
            for name in ["CB_Sales", "CB_Support"] {
                store.put_service(tenant(), &service_row(name)).await.unwrap();
            }
        }
        let watched = Arc::new(Watched(under, AtomicUsize::new(0)));
        let fast = Accelerated::new(watched.clone(), times.clone());
        Self { plain, watched, times, fast, redis, programs, folder, die: seed, now: START }
    }

    /// A number below `sides` (SplitMix64).
    fn throw(&mut self, sides: u64) -> u64 {
        self.die = self.die.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.die;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % sides
    }

    /// Any booking: few numbers, few services, windows that fill and limits that change.
    fn draft(&mut self) -> Draft {
        self.now = self.now + Duration::from_millis(self.throw(1_500));
        let draft = match self.throw(8) {
            0 => scheduled(self.now, self.now + Duration::from_secs(7_200)),
            _ => immediate(self.now),
        };
        let name = if self.throw(4) == 0 { "CB_Support" } else { "CB_Sales" };
        let window = |limit, seconds| Window { limit, length: Duration::from_secs(seconds) };
        let limit = u32::try_from(3 + self.throw(3)).unwrap();
        let windows = [window(limit, 10), window(3 * limit, 60)];
        let check = [InQueueCheck::Off, InQueueCheck::Off, InQueueCheck::On, InQueueCheck::Strict]
            [usize::try_from(self.throw(4)).unwrap()];
        let day = if self.throw(5) == 0 { 2 } else { 1_000 };
        let draft = draft.on(name).number(&format!("+1650466{:04}", self.throw(60))).limits(|limits| {
            limits.windows = windows;
            limits.in_queue = check;
            limits.per_number_day = day;
            limits.max_queued = 400;
        });
        if self.throw(10) == 0 { draft.by_staff() } else { draft }
    }

    /// Books the same on both; what is told about the wait may be shorter where something was forgotten, never longer.
    async fn compare(&mut self, exactly: bool) {
        let booking = self.draft().build();
        let (plain, fast) = tokio::join!(self.plain.book(booking.clone()), self.fast.book(booking));
        match (plain.unwrap(), fast.unwrap()) {
            (
                Booked::Refused(Refusal::TtlLimitReached { window, limit, retry_in }),
                Booked::Refused(Refusal::TtlLimitReached { window: same_window, limit: same_limit, retry_in: other }),
            ) => {
                assert_eq!(
                    (window, limit),
                    (same_window, same_limit),
                    "R-THR-4: the first full window names the refusal"
                );
                assert!(other <= retry_in && (!exactly || other == retry_in), "{other:?} {retry_in:?}");
            }
            (plain, fast) => assert_eq!(plain, fast),
        }
        if self.throw(3) == 0 {
            self.times.settled().await;
        }
    }

    fn known(&self) -> usize {
        self.watched.1.load(Ordering::Relaxed)
    }

    fn die(&mut self) {
        self.redis.kill();
    }

    async fn rise(&mut self) {
        self.redis.start_again(&self.programs.redis, &self.folder.path().join("redis")).unwrap();
        for _ in 0..200 {
            if self.times.probe().await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the client does not come back");
    }
}

/// R-THR-4, P-11, design decision 1.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn verdicts_are_the_same_while_redis_lives() {
    let mut scene = Scene::new(1).await;
    for _ in 0..1_500 {
        scene.compare(false).await;
    }
    assert!(scene.known() > 100, "the fast path was taken {} times", scene.known());
}

/// R-THR-14 as design decision 1 has it: never open, never refusing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn verdicts_are_the_same_while_redis_dies_and_returns_empty() {
    let mut scene = Scene::new(2).await;
    for _ in 0..6 {
        for _ in 0..150 {
            scene.compare(false).await;
        }
        scene.die();
        for _ in 0..100 {
            scene.compare(false).await;
        }
        scene.rise().await;
    }
    assert!(scene.known() > 50, "the fast path was taken {} times", scene.known());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_redis_from_the_start_nothing_is_known_and_nobody_waits() {
    let mut scene = Scene::new(3).await;
    scene.die();
    let begun = std::time::Instant::now();
    for _ in 0..300 {
        let booking = scene.draft().build();
        let (plain, fast) = tokio::join!(scene.plain.book(booking.clone()), scene.fast.book(booking));
        assert_eq!(plain.unwrap(), fast.unwrap());
    }
    assert_eq!(scene.known(), 0);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

/// A second pod learns from the first one's bookings, and what it learns is exact.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_pod_accepted_another_knows() {
    let scene = Scene::new(4).await;
    let server = Server::plain("127.0.0.1", scene.redis.port());
    let other = RedisAcceptedTimes::start(&server, "scene").unwrap();
    let stranger = RedisAcceptedTimes::start(&server, "another database").unwrap();
    assert!(other.probe().await && stranger.probe().await);
    let window = |limit, seconds| Window { limit, length: Duration::from_secs(seconds) };
    let windows = [window(3, 300), window(5, 3_600)];
    for n in 0..4 {
        let at = START + Duration::from_secs(n);
        let booking = immediate(at).limits(|limits| limits.windows = windows).build();
        // The fourth comes to a store with other limits; what counts is that it was accepted.
        scene.times.accepted(&booking.entry().0, &windows);
    }
    scene.times.settled().await;
    let sales = ServiceRef { tenant: tenant(), name: service("CB_Sales") };
    assert_eq!(scene.times.since(&sales, &windows), [Some(START + Duration::from_secs(1)), None]);
    assert_eq!(other.since(&sales, &windows), [None, None], "nobody has asked yet");
    other.was_full(&sales, &windows);
    other.settled().await;
    assert_eq!(other.since(&sales, &windows), [Some(START + Duration::from_secs(1)), None]);
    stranger.was_full(&sales, &windows);
    stranger.settled().await;
    assert_eq!(stranger.since(&sales, &windows), [None, None], "counters belong to one record store");
}

/// R-BLK-3, R-THR-4, R-THR-5: what a worker books again goes past the counters. It is counted all the same, and once: the
/// windows fill with it, and no verdict differs from one that was counted in the record store alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bookings_that_the_counters_never_hear_of_count_once() {
    let mut scene = Scene::new(6).await;
    let mut unheard = 0;
    for _ in 0..900 {
        if scene.throw(4) > 0 {
            scene.compare(false).await;
            continue;
        }
        let booking = scene.draft().by_staff().build();
        let (plain, past) = tokio::join!(scene.plain.book(booking.clone()), scene.watched.book(booking));
        let (plain, past) = (plain.unwrap(), past.unwrap());
        assert_eq!(plain, past);
        unheard += usize::from(matches!(past, Booked::Accepted(_)));
    }
    assert!(unheard > 100, "{unheard} bookings went past the counters");
    assert!(scene.known() > 0, "the counters were never asked");
}

/// A Redis that stands still costs nobody anything but memory, which is bounded.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_redis_is_not_waited_for() {
    let scene = Scene::new(5).await;
    let id = scene.redis.id().unwrap().to_string();
    let signal = |name: &str| std::process::Command::new("kill").args([name, &id]).status().unwrap();
    assert!(signal("-STOP").success());
    let begun = std::time::Instant::now();
    for n in 0..10_000 {
        let windows = [Window { limit: 5, length: Duration::from_secs(300) }; 2];
        let booking = immediate(START + Duration::from_millis(n)).build();
        scene.times.accepted(&booking.entry().0, &windows);
        scene.times.since(&ServiceRef { tenant: tenant(), name: service("CB_Sales") }, &windows);
    }
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    assert!(signal("-CONT").success());
}
