//! The server's time, read without asking: a monotonic local clock and a measured offset (I10).

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use ges_domain::Instant;
use ges_domain::ports::{Clock, StoreError};
use sqlx::PgPool;
use tokio::time::Instant as Local;
use tokio_util::sync::CancellationToken;

use crate::error::unavailable;

const REFRESH: Duration = Duration::from_secs(30);
const FIRST_LOOKS: u32 = 4;
const RETRY: Duration = Duration::from_secs(1);

/// The server's time. Jumps of this node's clock do not move it: it counts on from the last measurement.
#[derive(Debug, Clone)]
pub struct PgClock(Arc<Readings>);

#[derive(Debug)]
struct Readings {
    origin: Local,
    /// Server time at `origin`, in milliseconds.
    base_ms: AtomicI64,
}

/// One look at the server's clock: what its time at `origin` can have been, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Measurement {
    earliest_ms: i64,
    latest_ms: i64,
}

impl Measurement {
    /// `asked` and `answered`: local milliseconds since `origin`; `told`: the server's answer. The server looked at its
    /// clock somewhere between the two, and every one of the three is rounded down.
    fn new(asked: i64, answered: i64, told: i64) -> Self {
        Self { earliest_ms: told - answered - 1, latest_ms: told - asked + 1 }
    }

    fn width_ms(self) -> i64 {
        self.latest_ms - self.earliest_ms
    }

    /// The base to go on with: never ahead of the server, for nothing may be dialled early (I4), and as near to it as
    /// the looks so far allow. A known base that this look rules out belongs to a clock that was set since.
    fn correct(self, known_ms: i64) -> i64 {
        if known_ms > self.latest_ms { self.earliest_ms } else { known_ms.max(self.earliest_ms) }
    }
}

fn since(origin: Local) -> i64 {
    i64::try_from(origin.elapsed().as_millis()).unwrap_or(i64::MAX)
}

impl PgClock {
    pub(crate) async fn measured(pool: &PgPool) -> Result<Self, StoreError> {
        let origin = Local::now();
        // The first look on a connection also prepares the statement and is slow: the narrowest of a few counts.
        let mut best = measure(pool, origin).await?;
        for _ in 1..FIRST_LOOKS {
            let look = measure(pool, origin).await?;
            if look.width_ms() < best.width_ms() {
                best = look;
            }
        }
        Ok(Self(Arc::new(Readings { origin, base_ms: AtomicI64::new(best.earliest_ms) })))
    }
}

impl Clock for PgClock {
    fn now(&self) -> Instant {
        Instant::from_millis(self.0.base_ms.load(Ordering::Relaxed) + since(self.0.origin))
    }
}

async fn measure(pool: &PgPool, origin: Local) -> Result<Measurement, StoreError> {
    // Waiting for a connection is not part of the round trip.
    let mut connection = pool.acquire().await.map_err(unavailable)?;
    let asked = since(origin);
    let now = sqlx::query_scalar("select floor(extract(epoch from clock_timestamp()) * 1000)::bigint");
    let told: i64 = now.fetch_one(&mut *connection).await.map_err(unavailable)?;
    Ok(Measurement::new(asked, since(origin), told))
}

/// Measures again and again until stopped.
pub(crate) async fn keep(clock: PgClock, pool: PgPool, stop: CancellationToken) {
    let mut rest = REFRESH;
    while stop.run_until_cancelled(tokio::time::sleep(rest)).await.is_some() {
        match measure(&pool, clock.0.origin).await {
            Ok(measured) => {
                let known = clock.0.base_ms.load(Ordering::Relaxed);
                clock.0.base_ms.store(measured.correct(known), Ordering::Relaxed);
                rest = REFRESH;
            }
            Err(_) => rest = RETRY,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_is_never_ahead_of_the_server() {
        // The server's time at `origin` was 500; it looked somewhere in a slow round trip.
        for looked in 1000..=1400 {
            let seen = Measurement::new(1000, 1400, 500 + looked);
            assert!((seen.earliest_ms..=seen.latest_ms).contains(&500), "{seen:?} looked at {looked}");
            assert!(seen.earliest_ms < 500 && seen.correct(seen.earliest_ms) < 500, "{seen:?}");
        }
    }

    #[test]
    fn a_tighter_look_brings_the_base_nearer_and_a_wider_one_leaves_it() {
        let slow = Measurement::new(0, 900, 500);
        assert_eq!(slow, Measurement { earliest_ms: -401, latest_ms: 501 });
        let quick = Measurement::new(30_000, 30_001, 30_500);
        assert_eq!(quick.correct(slow.earliest_ms), 498);
        assert_eq!(slow.correct(498), 498);
    }

    #[test]
    fn a_server_whose_clock_was_set_is_followed() {
        let quick = Measurement::new(30_000, 30_001, 30_500);
        assert_eq!(quick.correct(600_500), 498, "set back");
        assert_eq!(quick.correct(-600_500), 498, "set forward");
    }
}
