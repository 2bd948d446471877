//! Store operations while nothing happens, with one tenant and with a thousand, and while bookings only wait.

use std::time::Duration;

use anyhow::Result;
use ges_harness::Cluster;
use tokio::time::sleep;

use super::statements::ran;
use crate::load::{Burst, Order};
use crate::report::{Bound, Figure};
use crate::stage::{Cast, Stage, cell_start, provisioning};

/// Operations per second.
#[derive(Debug, Clone)]
struct Rates {
    api_sql: f64,
    worker_sql: f64,
    redis: f64,
    note: String,
}

pub(crate) async fn measure(quick: bool) -> Result<Vec<Figure>> {
    let (settle, window, waiting_window) = if quick { (5, 10, 20) } else { (15, 60, 300) };
    let (tenants, waiting) = if quick { (50, 13_440) } else { (1_000, 134_400) };
    let mut stage = Stage::set(Cast { counted: true, services: 1, ..Cast::default() }).await?;
    let mut figures = Vec::new();
    let mut calm = None;
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
        calm = Some(rates);
    }
    let calm = calm.unwrap_or(Rates { api_sql: 0.0, worker_sql: 0.0, redis: 0.0, note: String::new() });

    // As many as two weeks of quarters of an hour hold at a hundred each, over the two weeks, none due soon.
    let cells = 160;
    let order = |number: usize| {
        let number = i64::try_from(number).unwrap_or_default();
        Order::at(0, cell_start(1 + number % cells) + (number / cells) * 1_000)
    };
    let booked = Burst::to(&stage.apis).book((0..waiting).map(order).collect()).await?.whole()?;
    sleep(Duration::from_secs(settle)).await;
    let busy = rates(&mut stage, waiting_window).await?;
    let more = |now: f64, calm: f64| (now - calm).max(0.0) * waiting_window as f64;
    let sql = more(busy.api_sql + busy.worker_sql, calm.api_sql + calm.worker_sql);
    let redis = more(busy.redis, calm.redis);
    let per_minute = |operations: f64| operations / waiting as f64 / (waiting_window as f64 / 60.0);
    let note = format!(
        "{sql:.0} SQL and {redis:.0} Redis operations above idle in {waiting_window} s for {} waiting; booked at {:.0}/s; {}",
        booked.booked.len(),
        booked.rate(),
        busy.note
    );
    // A few operations are not operations per callback: one per thousand callbacks and minute counts as none.
    let none = Bound::AtMost(0.001);
    figures.push(
        Figure::told(format!("SQL per waiting callback and minute, {waiting} waiting"), per_minute(sql), "")
            .bounds(none, none)
            .note(note),
    );
    figures.push(
        Figure::told(format!("Redis per waiting callback and minute, {waiting} waiting"), per_minute(redis), "")
            .bounds(none, none),
    );
    Ok(figures)
}

async fn rates(stage: &mut Stage, seconds: u64) -> Result<Rates> {
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
