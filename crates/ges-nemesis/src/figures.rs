//! How long recovery takes: each figure is one measured line with the bound it has to keep.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use ges_domain::invariants::{Evidence, Invariant};
use tokio::task::block_in_place;
use tokio::time::sleep;

use crate::clients::{Clients, Pace};
use crate::deployment::{Deployment, DeploymentPlan};
use crate::gather::gather;
use crate::history::History;
use crate::now;

/// Load before the fault, so that everything is warm.
const WARM: Duration = Duration::from_secs(3);
/// Recovery that must be over by then (design 4.1, 8).
const WITHIN: Duration = Duration::from_secs(5);

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Figure {
    /// Redis is away for 30 s under load: creates go on, the backlog drains in order.
    RedisAway,
    /// PostgreSQL crashes under load: writes resume, nothing acknowledged is lost.
    PostgresCrashed,
    /// A worker is killed: another one takes over.
    WorkerKilled,
    /// A worker stands still past its lease and goes on: nothing happens twice.
    WorkerFrozen,
}

/// A figure with its bound.
#[derive(Debug, Clone)]
pub struct Measured {
    /// Whether the bound is kept and no promise was broken.
    pub met: bool,
    line: String,
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}  {}", if self.met { "ok  " } else { "MISS" }, self.line)
    }
}

impl Figure {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::RedisAway, Self::PostgresCrashed, Self::WorkerKilled, Self::WorkerFrozen];

    /// Measures it on a deployment of its own: two API pods, two workers.
    ///
    /// # Errors
    /// The deployment fails; nothing was measured.
    pub async fn measure(self) -> Result<Measured> {
        let stage = Stage::set().await?;
        match self {
            Self::RedisAway => redis_away(stage, Duration::from_secs(30)).await,
            Self::PostgresCrashed => postgres_crashed(stage).await,
            Self::WorkerKilled => worker_killed(stage).await,
            Self::WorkerFrozen => worker_frozen(stage).await,
        }
    }
}

/// A deployment under load.
struct Stage {
    deployment: Deployment,
    history: Arc<History>,
    clients: Clients,
}

impl Stage {
    async fn set() -> Result<Self> {
        let plan = DeploymentPlan::new(Clients::services()).with_pods(2, 2);
        let deployment = Deployment::start(&plan).await?;
        let history = Arc::new(History::new(Deployment::tenant()));
        let pace = Pace { clients: 8, rest: Duration::from_millis(100), seed: 1, plain: true };
        let clients = Clients::start(&deployment.caller, &history, pace);
        sleep(WARM).await;
        Ok(Self { deployment, history, clients })
    }

    /// Ends the load, waits until everything ended, and gathers the evidence.
    async fn end(self) -> Result<(Deployment, Arc<History>, Evidence)> {
        self.clients.stop().await?;
        let ids: Vec<_> = self.history.acknowledged().iter().map(|create| format!("'{}'", create.id)).collect();
        let open = format!("state <> 6 and id in ({})", ids.join(","));
        self.deployment.until_none(&open, Duration::from_secs(260)).await?;
        let evidence = gather(&self.deployment, &self.history, &[], true).await?;
        Ok((self.deployment, self.history, evidence))
    }
}

fn broken(evidence: &Evidence, invariants: &[Invariant]) -> usize {
    invariants.iter().map(|invariant| invariant.check(evidence).len()).sum()
}

/// From the acknowledgement of each create after `since` to its first stream entry, the longest.
fn longest_delay(deployment: &Deployment, history: &History, since: ges_domain::Instant) -> Duration {
    let mut written = HashMap::new();
    for entry in deployment.ledger.written() {
        written.entry(entry.entry.id).or_insert(entry.entry.at);
    }
    let created = history.acknowledged();
    let created = created.iter().filter(|create| create.answered_at >= since);
    created.filter_map(|create| Some(written.get(&create.id)?.since(create.answered_at))).max().unwrap_or_default()
}

async fn redis_away(mut stage: Stage, away: Duration) -> Result<Measured> {
    stage.deployment.lose_redis().await?;
    let lost = now();
    let (before, failed_before) = (stage.history.answers("create", (200, 0)), failures(&stage.history));
    sleep(away).await;
    let accepted = stage.history.answers("create", (200, 0)) - before;
    let failed = failures(&stage.history) - failed_before;
    stage.deployment.return_redis()?;
    let returned = now();
    let created = stage.history.acknowledged();
    let meanwhile = created.iter().filter(|create| lost <= create.answered_at && create.answered_at < returned);
    let backlog: HashSet<_> = meanwhile.map(|create| create.id).collect();
    let drained = drained(&stage.deployment, &backlog, returned).await?;
    let (_, _, evidence) = stage.end().await?;
    let out_of_order = broken(&evidence, &[Invariant::Order]);
    let anomalies = broken(&evidence, &Invariant::ALL);
    let rate = 100.0 * accepted as f64 / (accepted + failed).max(1) as f64;
    let line = format!(
        "Redis away for {} s: {accepted} of {} creates accepted ({rate:.2} %); backlog of {} written {:.1} s after its return, {out_of_order} out of order; {anomalies} anomalies",
        away.as_secs(),
        accepted + failed,
        backlog.len(),
        drained.as_secs_f64(),
    );
    Ok(Measured { met: failed == 0 && anomalies == 0, line })
}

/// Creates that were not accepted, whatever the client was told.
fn failures(history: &History) -> u64 {
    history.answers("create", (500, 51)) + history.answers("create", (500, 50)) + history.unanswered()
}

/// How long after `since` the last of these stood in the stream.
async fn drained(
    deployment: &Deployment,
    backlog: &HashSet<ges_domain::CallbackId>,
    since: ges_domain::Instant,
) -> Result<Duration> {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(120) {
        let mut missing = backlog.clone();
        let mut last = since;
        for written in deployment.ledger.written() {
            if missing.remove(&written.entry.id) {
                last = last.max(written.entry.at);
            }
        }
        if missing.is_empty() {
            return Ok(last.since(since));
        }
        sleep(Duration::from_millis(50)).await;
    }
    bail!("the backlog did not drain within two minutes")
}

async fn postgres_crashed(stage: Stage) -> Result<Measured> {
    let server = stage.deployment.cluster.postgres();
    block_in_place(|| server.halt(true))?;
    sleep(Duration::from_secs(2)).await;
    block_in_place(|| server.start_again())?;
    let (returned, since) = (Instant::now(), now());
    let mut resumed = Duration::ZERO;
    for pod in 0..stage.deployment.caller.pods() {
        loop {
            let answer = stage.deployment.caller.create(pod, "CB_Now0", &Clients::number(1), None).await;
            if answer.is_some_and(|answer| answer.status == 200) {
                break;
            }
            if returned.elapsed() > Duration::from_secs(60) {
                bail!("api-{pod} does not write again");
            }
            sleep(Duration::from_millis(20)).await;
        }
        resumed = resumed.max(returned.elapsed());
    }
    sleep(WITHIN).await;
    let (deployment, history, evidence) = stage.end().await?;
    let lost = broken(&evidence, &[Invariant::NoLoss]);
    let anomalies = broken(&evidence, &Invariant::ALL);
    let delay = longest_delay(&deployment, &history, since);
    let line = format!(
        "PostgreSQL crashed under load: both API pods write again {:.2} s after its return, workers are at most {:.2} s late; {} acknowledged, {lost} lost; {anomalies} anomalies",
        resumed.as_secs_f64(),
        delay.as_secs_f64(),
        evidence.acknowledged.len(),
    );
    Ok(Measured { met: resumed <= WITHIN && anomalies == 0, line })
}

async fn worker_killed(mut stage: Stage) -> Result<Measured> {
    let held = stage.deployment.sql("select node, count(*) from monitor_shards group by node order by node")?;
    stage.deployment.cluster.kill("worker-0")?;
    let killed = now();
    sleep(Duration::from_secs(10)).await;
    let (deployment, history, evidence) = stage.end().await?;
    let anomalies = broken(&evidence, &Invariant::ALL);
    let takeover = longest_delay(&deployment, &history, killed);
    let shards = held.lines().count();
    let line = format!(
        "worker killed ({shards} workers held shards): the longest hand-over after it took {:.2} s; {} acknowledged; {anomalies} anomalies",
        takeover.as_secs_f64(),
        evidence.acknowledged.len(),
    );
    Ok(Measured { met: takeover <= WITHIN && anomalies == 0, line })
}

async fn worker_frozen(stage: Stage) -> Result<Measured> {
    stage.deployment.cluster.freeze("worker-0")?;
    let frozen = now();
    sleep(Duration::from_secs(7)).await;
    stage.deployment.cluster.thaw("worker-0")?;
    sleep(WITHIN).await;
    let (deployment, history, evidence) = stage.end().await?;
    let anomalies = broken(&evidence, &Invariant::ALL);
    let takeover = longest_delay(&deployment, &history, frozen);
    let mut writes: HashMap<_, u32> = HashMap::new();
    for entry in &evidence.entries {
        *writes.entry((entry.id, entry.attempt)).or_default() += 1;
    }
    let repeats = writes.values().filter(|count| **count > 1).count();
    let mut callers: HashMap<_, HashSet<_>> = HashMap::new();
    for dial in &evidence.dials {
        callers.entry(dial.id).or_default().insert(dial.session.clone());
    }
    let twice = callers.values().filter(|sessions| sessions.len() > 1).count();
    let line = format!(
        "worker frozen for 7 s, past its lease, and continued: {twice} callbacks called by two sessions, {repeats} attempts written again and collapsed; the longest hand-over took {:.2} s; {anomalies} anomalies",
        takeover.as_secs_f64(),
    );
    Ok(Measured { met: twice == 0 && anomalies == 0, line })
}
