//! A deployment provisioned for measuring: limits are all enforced, and so high that none is reached.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use ges_harness::{Cluster, ClusterPlan, Programs, Simulator};
use serde_json::json;

use crate::redis::Redis;
use crate::store::Store;

/// Length of a bookable cell.
pub(crate) const CELL_MINUTES: i64 = 120;
/// Places of one: the largest there is.
pub(crate) const CELL_PLACES: usize = 10_000;

/// How long before its desired time a scheduled callback is due, while no wait is known.
pub(crate) const LEAD_MS: i64 = 120_000;

/// The deployment with a view into its servers.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) redis: Redis,
    pub(crate) store: Store,
    pub(crate) cluster: Cluster,
    /// External ports of the API pods.
    pub(crate) apis: Vec<u16>,
}

/// What differs between rows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cast {
    pub(crate) apis: usize,
    pub(crate) workers: usize,
    pub(crate) simulator: Simulator,
    /// How many services [`service`] names.
    pub(crate) services: usize,
    /// Whether statements are counted, which costs a little.
    pub(crate) counted: bool,
}

impl Default for Cast {
    fn default() -> Self {
        Self { apis: 1, workers: 1, simulator: Simulator::Peers, services: 1, counted: false }
    }
}

/// The name of a service.
pub(crate) fn service(number: usize) -> String {
    format!("CB_Bench_{number}")
}

impl Stage {
    /// Starts everything; commits are durable, as in production.
    pub(crate) async fn set(cast: Cast) -> Result<Self> {
        let programs = Programs::from_environment()?;
        let module = module(&programs.postgres).filter(|_| cast.counted);
        if cast.counted {
            module
                .as_ref()
                .context("pg_stat_statements is not there; install the contributed modules of PostgreSQL")?;
        }
        let plan = ClusterPlan {
            apis: cast.apis,
            workers: cast.workers,
            durable_postgres: true,
            postgres_settings: module.map(|name| format!("shared_preload_libraries={name}")).into_iter().collect(),
            simulator: cast.simulator,
            provisioning: vec![provisioning(Cluster::TENANT, cast.services)],
            ..ClusterPlan::default()
        };
        let cluster = Cluster::start_on(&programs, &plan)?;
        let store = Store::open(&cluster).await?;
        if cast.counted {
            store.count_statements().await?;
        }
        let redis = Redis::open(cluster.redis().port()).await?;
        let apis = cluster.nodes().iter().filter_map(ges_harness::Node::external_port).collect();
        Ok(Self { redis, store, cluster, apis })
    }

    /// Waits until the stream has taken `count` entries in all, or until nothing has come for `patience`.
    pub(crate) async fn stream_has(&mut self, count: usize, patience: Duration) -> Result<usize> {
        let (mut seen, mut news) = (self.redis.added().await?, tokio::time::Instant::now());
        while seen < count && news.elapsed() < patience {
            tokio::time::sleep(Duration::from_millis(50)).await;
            let now = self.redis.added().await?;
            if now > seen {
                (seen, news) = (now, tokio::time::Instant::now());
            }
        }
        Ok(seen)
    }
}

/// The counting module, when the server was packaged with it.
fn module(bin: &Path) -> Option<&'static str> {
    // The folder may hold links to a server elsewhere.
    let server = bin.join("postgres").canonicalize().ok()?;
    let library = server.parent()?.parent()?.join("lib/pg_stat_statements.so");
    library.is_file().then_some("pg_stat_statements")
}

/// A tenant's services with limits that are counted and never reached.
pub(crate) fn provisioning(tenant: &str, services: usize) -> String {
    let row = |number| {
        json!({
            "serviceName": service(number), "callbackApplication": "CallbackApp", "routingPoint": "5001", "dialPrefix": "+",
            "slotMinutes": CELL_MINUTES, "maxPerSlot": CELL_PLACES, "maxQueued": 100_000,
            "throttleLimit1": 1_000_000_000, "throttleLimit2": 1_000_000_000,
        })
    };
    json!({ "tenant": tenant, "services": (0..services).map(row).collect::<Vec<_>>() }).to_string()
}

/// Milliseconds since 1970, with their fraction.
pub(crate) fn now_ms() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64() * 1000.0
}

/// Milliseconds since 1970, whole.
#[expect(clippy::cast_possible_truncation, reason = "whole milliseconds are wanted")]
pub(crate) fn now_whole_ms() -> i64 {
    now_ms() as i64
}

/// The start of the cell that begins after this many whole cells from now.
pub(crate) fn cell_start(cells_ahead: i64) -> i64 {
    let cell = CELL_MINUTES * 60_000;
    (now_whole_ms() / cell + 1 + cells_ahead) * cell
}
