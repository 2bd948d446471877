//! A rate limit under many clients and several pods: exactly as many as it takes, whatever becomes of Redis (P-11).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use ges_harness::{Cluster, ClusterPlan, Simulator};
use serde_json::json;
use tokio::task::{JoinSet, block_in_place};

use crate::caller::Caller;

/// What a service takes.
pub const LIMIT: usize = 500;
/// Concurrent clients.
pub const CLIENTS: usize = 50;
const PODS: usize = 3;
/// What each client sends: twice as much as all of them get.
const TRIES: usize = 2 * LIMIT / CLIENTS;
/// Answers after which Redis is killed, and after which it comes back.
const KILLED: usize = LIMIT / 2;
const BACK: usize = LIMIT * 3 / 2;

/// What one run came to.
#[derive(Debug, Clone)]
pub struct LimitRun {
    /// Whether Redis was killed in it.
    pub redis_killed: bool,
    /// Answers by status and code; (0, 0) is none.
    pub answers: BTreeMap<(u16, i64), usize>,
    /// Callbacks in the database.
    pub stored: usize,
    /// How long it took.
    pub took: Duration,
}

impl LimitRun {
    /// Exactly the limit was accepted, and everybody else heard why not.
    pub fn is_exact(&self) -> bool {
        let count = |verdict| self.answers.get(&verdict).copied().unwrap_or(0);
        self.stored == LIMIT && count((200, 0)) == LIMIT && count((429, 32)) == CLIENTS * TRIES - LIMIT
    }
}

/// Runs on one deployment, each with a service of its own; Redis is killed and comes back in every second one.
///
/// # Errors
/// Something did not start.
pub async fn limit_runs(runs: usize) -> Result<Vec<LimitRun>> {
    let name = |run| format!("LIMIT_{run}");
    let service = |run| {
        json!({
            "serviceName": name(run), "callbackApplication": "CallbackApp", "routingPoint": "5001",
            "throttleLimit1": LIMIT, "throttleTtl1": 3_600, "maxQueued": 100_000,
        })
    };
    let services: Vec<_> = (0..runs).map(service).collect();
    let plan = ClusterPlan {
        apis: PODS,
        workers: 0,
        simulator: Simulator::Peers,
        accelerated: true,
        provisioning: vec![json!({ "tenant": Cluster::TENANT, "services": services }).to_string()],
        ..ClusterPlan::default()
    };
    let mut cluster = block_in_place(|| Cluster::start(&plan))?;
    let port = |pod| cluster.node(&format!("api-{pod}"))?.external_port().context("an API pod has one");
    let caller = Caller::new((0..PODS).map(port).collect::<Result<_>>()?)?;
    let mut outcomes = Vec::new();
    for run in 0..runs {
        outcomes.push(one(&mut cluster, &caller, &name(run), run % 2 == 1).await?);
    }
    Ok(outcomes)
}

async fn one(cluster: &mut Cluster, caller: &Caller, service: &str, redis_killed: bool) -> Result<LimitRun> {
    let begun = Instant::now();
    let answered = Arc::new(AtomicUsize::new(0));
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let (caller, service, answered) = (caller.clone(), service.to_owned(), Arc::clone(&answered));
        clients.spawn(async move {
            let mut verdicts = Vec::with_capacity(TRIES);
            for n in 0..TRIES {
                let number = format!("1650466{:04}", client * TRIES + n);
                let answer = caller.create(client + n, &service, &number, None).await;
                verdicts.push(answer.map_or((0, 0), |answer| answer.verdict()));
                answered.fetch_add(1, Ordering::Relaxed);
            }
            verdicts
        });
    }
    if redis_killed {
        reach(&answered, KILLED).await?;
        block_in_place(|| cluster.kill_redis());
        reach(&answered, BACK).await?;
        block_in_place(|| cluster.restart_redis())?;
    }
    let mut answers = BTreeMap::new();
    for verdict in clients.join_all().await.into_iter().flatten() {
        *answers.entry(verdict).or_default() += 1;
    }
    let count =
        format!("select count(*) from callbacks c join services s on s.key = c.service where s.name = '{service}'");
    let stored = block_in_place(|| cluster.postgres().sql(Cluster::DATABASE, &count))?;
    let stored = stored.trim().parse().context("a count is a number")?;
    Ok(LimitRun { redis_killed, answers, stored, took: begun.elapsed() })
}

async fn reach(answered: &AtomicUsize, count: usize) -> Result<()> {
    let begun = Instant::now();
    while answered.load(Ordering::Relaxed) < count {
        if begun.elapsed() > Duration::from_secs(60) {
            bail!("{count} answers did not come");
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Ok(())
}
