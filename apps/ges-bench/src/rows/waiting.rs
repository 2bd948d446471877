//! Two weeks of bookings that wait: what waiting costs, and how soon a worker that has just taken over knows what is due.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tokio::time::sleep;

use super::idle::{Rates, rates};
use crate::load::{Burst, Order};
use crate::observer::Observer;
use crate::report::{Bound, Figure};
use crate::stage::{Cast, LEAD_MS, Stage, cell_start, now_ms, now_whole_ms};

/// A hundred for every quarter of an hour of two weeks.
const WAITING: usize = 134_400;
/// Services they are spread over.
const SERVICES: usize = 16;
/// Over how much time, within the horizon of bookings.
const SPREAD_MS: i64 = 13 * 24 * 3_600_000;
/// Between the last heartbeat of a worker and the loss of its shards at most, and some more.
const LEASE: Duration = Duration::from_millis(4_500);

pub(crate) async fn measure(quick: bool) -> Result<Vec<Figure>> {
    let (settle, calm_window, window) = if quick { (5, 20, 20) } else { (15, 120, 300) };
    let mut stage = Stage::set(Cast { workers: 2, services: SERVICES, counted: true, ..Cast::default() }).await?;
    sleep(Duration::from_secs(settle)).await;
    let calm = rates(&mut stage, calm_window).await?;
    let booked = fill(&stage).await?;
    sleep(Duration::from_secs(settle)).await;
    let busy = rates(&mut stage, window).await?;
    let mut figures = costs(&calm, &busy, window, &booked);
    figures.push(takeover(&mut stage).await?);
    figures.push(restart(&mut stage).await?);
    Ok(figures)
}

/// Makes them wait: one of each service is booked and copied. A twin booked afterwards for the time of a copy shows that
/// copies are what booking writes, places included.
async fn fill(stage: &Stage) -> Result<String> {
    let begun = now_ms();
    let first = cell_start(1);
    let each = i64::try_from(WAITING / SERVICES)?;
    for service in 0..SERVICES {
        let model = book_one(stage, Order::at(service, first)).await?;
        stage.store.multiply(&model, each - 1, first, first + SPREAD_MS).await?;
        let (copy, desired) = stage.store.another(&model, each / 2).await?;
        ensure!(copy != model, "there are no copies");
        let twin = book_one(stage, Order::at(service, desired)).await?;
        let differences = stage.store.differences(&copy, &twin).await?;
        ensure!(differences.is_empty(), "a booking is not like its copy: {differences:?}");
    }
    let (waiting, miscounted) = (stage.store.waiting().await?, stage.store.miscounted().await?);
    ensure!(usize::try_from(waiting)? == WAITING + SERVICES, "{waiting} wait");
    ensure!(miscounted == 0, "{miscounted} counts of places are wrong");
    stage.store.checkpoint().await?;
    let took = (now_ms() - begun) / 1000.0;
    Ok(format!("copied from {SERVICES} booked ones in {took:.1} s; {SERVICES} booked after them do not differ"))
}

async fn book_one(stage: &Stage, order: Order) -> Result<String> {
    let mut booked = Burst::to(&stage.apis).book(vec![order]).await?.whole()?.booked;
    Ok(booked.pop().context("nothing was booked")?.id)
}

fn costs(calm: &Rates, busy: &Rates, window: u64, booked: &str) -> Vec<Figure> {
    let more = |now: f64, calm: f64| (now - calm).max(0.0) * window as f64;
    let sql = more(busy.api_sql + busy.worker_sql, calm.api_sql + calm.worker_sql);
    let redis = more(busy.redis, calm.redis);
    let per_minute = |operations: f64| operations / WAITING as f64 / (window as f64 / 60.0);
    let note = format!(
        "{sql:.0} SQL and {redis:.0} Redis operations above idle in {window} s; {booked}; {}; idle: {}",
        busy.note, calm.note
    );
    // What happens now and then anyway (rescans, looks at the clock, retention) falls into one window or the other: so little
    // is not one operation per callback, nor is it much in all.
    let (none, little) = (Bound::AtMost(0.001), (Bound::AtMost(1.0), Bound::AtMost(0.5)));
    let figure = |what: &str, operations| {
        let what = format!("{what} per waiting callback and minute, {WAITING} waiting");
        Figure::told(what, per_minute(operations), "").bounds(none, none)
    };
    let all = Figure::told(format!("SQL above idle, {WAITING} waiting"), sql / window as f64, "/s");
    vec![figure("SQL", sql).note(note), all.bounds(little.0, little.1), figure("Redis", redis)]
}

/// One of two workers is killed just before one callback of each service falls due.
async fn takeover(stage: &mut Stage) -> Result<Figure> {
    let (due, due_ms) = fall_due_in(stage, 4_000).await?;
    let observer = Observer::begin(stage.cluster.redis().port()).await?;
    sleep(until(due_ms - 500)).await;
    let killed_ms = now_ms();
    stage.cluster.kill("worker-0")?;
    sleep(Duration::from_secs(8)).await;
    let worst = worst(observer, &due, killed_ms).await?;
    Ok(figure("kill −9 of one of two workers to the last due callback of every service", worst))
}

/// Nobody is there when they fall due; then a worker starts.
async fn restart(stage: &mut Stage) -> Result<Figure> {
    stage.cluster.kill("worker-1")?;
    sleep(LEASE).await;
    let (due, due_ms) = fall_due_in(stage, 2_000).await?;
    let observer = Observer::begin(stage.cluster.redis().port()).await?;
    sleep(until(due_ms)).await;
    let started_ms = now_ms();
    stage.cluster.launch("worker-0")?;
    sleep(Duration::from_secs(8)).await;
    let worst = worst(observer, &due, started_ms).await?;
    Ok(figure("start of the only worker to the last due callback of every service", worst))
}

fn figure(what: &str, worst_s: f64) -> Figure {
    let limit = Bound::AtMost(5.0);
    let note = "among all that wait; the agenda is read in between";
    Figure::told(format!("{what}, {WAITING} waiting"), worst_s, "s").bounds(limit, limit).note(note)
}

/// Books one callback per service that falls due together in so many milliseconds; their ids and the instant.
async fn fall_due_in(stage: &Stage, ms: i64) -> Result<(Vec<String>, i64)> {
    let due_ms = now_whole_ms() + ms;
    // Above the shortest lead a booking is scheduled; it is due the lead before its time.
    let orders = (0..SERVICES).map(|service| Order::at(service, due_ms + LEAD_MS)).collect();
    let booked = Burst::to(&stage.apis).book(orders).await?.whole()?.booked;
    ensure!(now_whole_ms() < due_ms - 500, "booking took too long");
    Ok((booked.into_iter().map(|one| one.id).collect(), due_ms))
}

fn until(at_ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(at_ms - now_whole_ms()).unwrap_or(0))
}

/// Seconds from an instant until the last of the callbacks was on the stream.
async fn worst(observer: Observer, due: &[String], from_ms: f64) -> Result<f64> {
    let seen: HashMap<_, _> = observer.end().await?.into_iter().map(|seen| (seen.callback, seen.at_ms)).collect();
    let mut worst = 0.0_f64;
    for id in due {
        let at_ms = seen.get(id).with_context(|| format!("{id} was not handed over"))?;
        worst = worst.max((at_ms - from_ms) / 1000.0);
    }
    Ok(worst)
}
