//! Periods and limits of monitors.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

/// Every period and limit of a node's monitors. Tests shorten them; production keeps the defaults.
#[derive(Debug, Clone)]
pub struct MonitorSettings {
    /// Name of this node among the holders of shards; another process must have another name.
    pub node: String,
    /// How long a lease lasts without a heartbeat: the store's figure. The node stops acting after it by its own clock.
    pub lease: Duration,
    /// Between two heartbeats; at most half the lease.
    pub heartbeat: Duration,
    /// Between two looks at everything (MONITOR_PERIOD), which find what lost hints did not tell.
    pub rescan: Duration,
    /// Between two looks at the wait of a queue for which something comes due within the look-ahead.
    pub ewt_period: Duration,
    /// Between two looks at a paused service for which something is due.
    pub paused_period: Duration,
    /// Most records of one round.
    pub round: u32,
    /// Most services that are worked on at once.
    pub lanes: usize,
    /// Rest after the record store failed.
    pub store_rest: Duration,
    /// Between two purges.
    pub purge_period: Duration,
    /// Most records deleted at once.
    pub purge_batch: u32,
    /// Rest between two batches of a purge.
    pub purge_rest: Duration,
    /// Between two counts of what waits.
    pub sizes_period: Duration,
    /// How long a stop waits for the work in hand.
    pub drain: Duration,
    /// What shortens the rests.
    pub jitter: Jitter,
}

impl MonitorSettings {
    /// The production settings of a node.
    pub fn of(node: impl Into<String>) -> Self {
        Self {
            node: node.into(),
            // A dead node's shards are missed for a lease and noticed within a heartbeat: together less than five seconds.
            lease: Duration::from_millis(3_200),
            heartbeat: Duration::from_millis(1_600),
            rescan: Duration::from_secs(60),
            ewt_period: Duration::from_secs(12),
            paused_period: Duration::from_secs(10),
            round: 500,
            lanes: 8,
            store_rest: Duration::from_secs(1),
            purge_period: Duration::from_secs(3600),
            purge_batch: 500,
            purge_rest: Duration::from_millis(500),
            sizes_period: Duration::from_secs(15),
            drain: Duration::from_secs(10),
            jitter: Jitter::default(),
        }
    }
}

impl MonitorSettings {
    /// `period`, at most a tenth shorter, so that nodes and duties do not fall into step.
    pub(crate) fn jittered(&self, period: Duration) -> Duration {
        period.mul_f64(1.0 - self.jitter.draw() / 10.0)
    }
}

/// Where the jitter of rests comes from: chance, or a sequence that a simulation can repeat. Clones share the sequence.
#[derive(Debug, Clone, Default)]
pub struct Jitter(Option<Arc<AtomicU64>>);

impl Jitter {
    /// The same sequence for the same seed.
    pub fn seeded(seed: u64) -> Self {
        Self(Some(Arc::new(AtomicU64::new(seed))))
    }

    /// A number from 0 to below 1.
    fn draw(&self) -> f64 {
        let Some(sequence) = &self.0 else { return rand::random() };
        let seed = sequence.fetch_add(1, Ordering::Relaxed);
        SmallRng::seed_from_u64(seed).random()
    }
}
