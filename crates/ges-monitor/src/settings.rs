//! Periods and limits of monitors.

use std::time::Duration;

/// Every period and limit of a node's monitors. Tests shorten them; production keeps the defaults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MonitorSettings {
    /// Name of this node among the holders of shards; another process must have another name.
    pub node: String,
    /// How long a lease lasts without a heartbeat: the store's figure. The node stops acting after it by its own clock.
    pub lease: Duration,
    /// Between two heartbeats; well below a third of the lease.
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
}

impl MonitorSettings {
    /// The production settings of a node.
    pub fn of(node: impl Into<String>) -> Self {
        Self {
            node: node.into(),
            lease: Duration::from_secs(4),
            heartbeat: Duration::from_millis(1_300),
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
        }
    }
}

/// `period`, at most a tenth shorter, so that nodes and duties do not fall into step.
pub(crate) fn jittered(period: Duration) -> Duration {
    period.mul_f64(1.0 - rand::random::<f64>() / 10.0)
}
