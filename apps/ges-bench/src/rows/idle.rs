//! Store operations while nothing happens, with one tenant and with a thousand.

use std::time::Duration;

use anyhow::Result;
use ges_harness::Cluster;
use tokio::time::sleep;

use super::statements::ran;
use crate::report::{Bound, Figure};
use crate::stage::{Cast, Stage, provisioning};

/// Operations per second.
#[derive(Debug, Clone)]
pub(super) struct Rates {
    pub(super) api_sql: f64,
    pub(super) worker_sql: f64,
    pub(super) redis: f64,
    pub(super) note: String,
}

pub(crate) async fn measure(quick: bool) -> Result<Vec<Figure>> {
    let (settle, window) = if quick { (5, 10) } else { (15, 60) };
    let tenants = if quick { 50 } else { 1_000 };
    let mut stage = Stage::set(Cast { counted: true, services: 1, ..Cast::default() }).await?;
    let mut figures = Vec::new();
    for count in [1, tenants] {
        for number in 1..count {
            let tenant = format!("c0ffee00-0000-4000-8000-{:012}", 1_000 + number);
            stage.cluster.provision(&provisioning(&tenant, 1))?;
        }
        sleep(Duration::from_secs(settle)).await;
        let rates = rates(&mut stage, window).await?;
        let bounds = (Bound::AtMost(1.0), Bound::AtMost(0.2));
        let name = |what: &str| format!("idle {what}/s, {count} tenant{}", if count == 1 { "" } else { "s" });
        figures.push(
            Figure::told(name("SQL of a worker"), rates.worker_sql, "/s")
                .bounds(bounds.0, bounds.1)
                .note(rates.note.clone()),
        );
        figures.push(Figure::told(name("SQL of an API pod"), rates.api_sql, "/s").bounds(bounds.0, bounds.1));
        // Both nodes together, as Redis does not tell its clients apart.
        figures.push(Figure::told(name("Redis commands per node"), rates.redis / 2.0, "/s").bounds(bounds.0, bounds.1));
    }
    Ok(figures)
}

/// Counts for so many seconds.
pub(super) async fn rates(stage: &mut Stage, seconds: u64) -> Result<Rates> {
    let (statements, calls) = (stage.store.statements().await?, stage.redis.calls().await?);
    sleep(Duration::from_secs(seconds)).await;
    let statements = stage.store.statements().await?.since(&statements);
    let calls = ran(&calls, &stage.redis.calls().await?);
    let per_second = |count: f64| count / seconds as f64;
    Ok(Rates {
        api_sql: per_second(statements.of(Cluster::DATABASE)),
        worker_sql: per_second(statements.of(Cluster::WORKER_ROLE)),
        redis: per_second(calls.values().sum()),
        note: format!("in {seconds} s: {}; Redis {calls:?}", statements.list(1.0)),
    })
}
