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

/// One look at the server's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Measurement {
    /// Server time at `origin` as this look has it.
    base_ms: i64,
    /// By how much it may be off.
    uncertainty_ms: i64,
}

impl Measurement {
    /// `asked` and `answered`: local milliseconds since `origin`; `told`: the server's answer.
    fn new(asked: i64, answered: i64, told: i64) -> Self {
        Self { base_ms: told - (asked + answered) / 2, uncertainty_ms: (answered - asked + 1) / 2 }
    }

    /// The base to go on with: the known one unless this look surely disagrees, so that time does not tremble.
    fn correct(self, known_ms: i64) -> i64 {
        if (self.base_ms - known_ms).abs() <= self.uncertainty_ms { known_ms } else { self.base_ms }
    }
}

fn since(origin: Local) -> i64 {
    i64::try_from(origin.elapsed().as_millis()).unwrap_or(i64::MAX)
}

impl PgClock {
    pub(crate) async fn measured(pool: &PgPool) -> Result<Self, StoreError> {
        let origin = Local::now();
        let base_ms = AtomicI64::new(measure(pool, origin).await?.base_ms);
        Ok(Self(Arc::new(Readings { origin, base_ms })))
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
    let now = sqlx::query_scalar("select (extract(epoch from clock_timestamp()) * 1000)::bigint");
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
    fn the_middle_of_the_round_trip_is_when_the_server_answered() {
        let seen = Measurement::new(1000, 1010, 1_700_000_001_005);
        assert_eq!(seen, Measurement { base_ms: 1_700_000_000_000, uncertainty_ms: 5 });
    }

    #[test]
    fn an_agreeing_look_changes_nothing_and_a_disagreeing_one_everything() {
        let seen = Measurement { base_ms: 500, uncertainty_ms: 5 };
        assert_eq!(seen.correct(504), 504);
        assert_eq!(seen.correct(600_500), 500, "a server whose clock was set is followed");
    }
}
