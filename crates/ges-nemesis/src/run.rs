//! One run: clients, faults, quiet, evidence, verdict.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use ges_domain::ServiceName;
use ges_domain::invariants::check;

use crate::clients::{Clients, Pace};
use crate::deployment::{Deployment, DeploymentPlan};
use crate::faults::schedule;
use crate::gather::{Limited, gather};
use crate::history::History;

/// How a run goes.
#[derive(Debug, Clone)]
pub struct RunSettings {
    /// Seed of faults and clients.
    pub seed: u64,
    /// How long things go wrong, about.
    pub length: Duration,
    /// Concurrent clients.
    pub clients: usize,
    /// How long everything acknowledged may take to end afterwards. Three unanswered attempts take four minutes (R-SUB-8).
    pub rest_within: Duration,
    /// Whether every fault is told on standard error.
    pub talkative: bool,
}

impl RunSettings {
    /// A run of this seed and length with the usual load.
    pub fn new(seed: u64, length: Duration) -> Self {
        Self { seed, length, clients: 6, rest_within: Duration::from_secs(260), talkative: false }
    }
}

/// What came of a run.
#[derive(Debug)]
pub struct Verdict {
    /// Its seed.
    pub seed: u64,
    /// Broken promises and odd answers; empty when all is well.
    pub anomalies: Vec<String>,
    /// What was done, counted.
    pub summary: String,
}

/// Runs once. With `keep`, the logs of a run with anomalies are copied there.
///
/// # Errors
/// The deployment could not be started or put right, or a witness does not answer: there is no verdict.
pub async fn run(settings: &RunSettings, keep: Option<&Path>) -> Result<Verdict> {
    let plan = DeploymentPlan::new(Clients::services()).with_pods(2, 2);
    let mut deployment = Deployment::start(&plan).await?;
    let history = Arc::new(History::new(Deployment::tenant()));
    let pace = Pace { clients: settings.clients, rest: Duration::from_millis(150), seed: settings.seed, plain: false };
    let clients = Clients::start(&deployment.caller, &history, pace);
    let faults = schedule(settings.seed, settings.length, plan.apis, plan.workers);
    let begun = Instant::now();
    for (rest, fault) in &faults {
        tokio::time::sleep(*rest).await;
        if settings.talkative {
            eprintln!("  {:6.1} s  {fault:?}", begun.elapsed().as_secs_f64());
        }
        fault.strike(&mut deployment).await.with_context(|| format!("{fault:?} could not be put right"))?;
        // A look that fails now is made up for by a later one.
        let _ = deployment.control.look().await;
    }
    // The last fault is followed by traffic too.
    tokio::time::sleep(Duration::from_secs(2)).await;
    clients.stop().await?;
    withdraw_far_bookings(&deployment, &history).await?;
    let rested = come_to_rest(&deployment, &history, settings.rest_within).await?;
    let (service, places) = Clients::tight();
    let evidence = gather(&deployment, &history, &[Limited { service, places }], true).await?;
    let mut anomalies: Vec<String> = check(&evidence).iter().map(ToString::to_string).collect();
    anomalies.extend(history.odd());
    if deployment.ledger.unreadable() > 0 {
        anomalies.push(format!("{} stream entries do not read back", deployment.ledger.unreadable()));
    }
    let summary = format!(
        "{} faults in {:.0} s, at rest after {:.0} s; {} callbacks, {} entries, {} sessions, {} calls; {}",
        faults.len(),
        begun.elapsed().as_secs_f64(),
        rested.as_secs_f64(),
        evidence.stories.len(),
        evidence.entries.len(),
        evidence.sessions.len(),
        evidence.dials.len(),
        history.summary()
    );
    if let Some(keep) = keep.filter(|_| !anomalies.is_empty()) {
        keep_evidence(&deployment, &keep.join(format!("seed-{}", settings.seed)), &anomalies)?;
    }
    Ok(Verdict { seed: settings.seed, anomalies, summary })
}

/// Bookings hours ahead would keep the run open: their clients take them back, which must succeed.
async fn withdraw_far_bookings(deployment: &Deployment, history: &History) -> Result<()> {
    let (tight, _) = Clients::tight();
    let tight = ServiceName::new(tight)?;
    let cancelled: std::collections::HashSet<_> =
        history.cancels().into_iter().filter(|cancel| cancel.success).map(|cancel| cancel.id).collect();
    for create in history.acknowledged() {
        if create.service == tight && !cancelled.contains(&create.id) {
            let answer = deployment.caller.cancel(0, create.id).await;
            history.cancelled(create.id, answer.as_ref());
        }
    }
    Ok(())
}

/// Waits until everything acknowledged has ended; how long that took. What is open at the limit is for the checker to find.
async fn come_to_rest(deployment: &Deployment, history: &History, limit: Duration) -> Result<Duration> {
    let acknowledged: std::collections::HashSet<_> =
        history.acknowledged().into_iter().map(|create| create.id.to_string()).collect();
    let begun = Instant::now();
    while begun.elapsed() < limit {
        let open = deployment.sql("select id from callbacks where state <> 6")?;
        if !open.lines().any(|id| acknowledged.contains(id.trim())) {
            break;
        }
        // Sessions forget what they did when many came after them.
        deployment.control.look().await?;
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    Ok(begun.elapsed())
}

fn keep_evidence(deployment: &Deployment, folder: &Path, anomalies: &[String]) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    std::fs::write(folder.join("anomalies.txt"), anomalies.join("\n"))?;
    for node in deployment.cluster.nodes() {
        std::fs::write(folder.join(format!("{}.log", node.name())), deployment.cluster.log(node.name())?)?;
    }
    let ledger: Vec<_> = deployment.ledger.written().iter().map(|written| format!("{:?}", written.entry)).collect();
    std::fs::write(folder.join("ledger.txt"), ledger.join("\n"))?;
    let sessions: Vec<_> = deployment.control.sessions().iter().map(|session| format!("{session:?}")).collect();
    std::fs::write(folder.join("sessions.txt"), sessions.join("\n"))?;
    let events = "select id, seq, event from callback_events order by id, seq";
    std::fs::write(folder.join("events.txt"), deployment.sql(events)?)?;
    let rows =
        "select c.id, s.name, c.state, c.desired_at, c.created_at, c.attempts, c.submitted_at, c.session_id, c.reason
        from callbacks c join services s on s.key = c.service order by c.created_at";
    std::fs::write(folder.join("rows.txt"), deployment.sql(rows)?)?;
    Ok(())
}
