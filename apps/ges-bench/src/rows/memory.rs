//! Memory at rest and at its peak, time until ready, time until a dead worker's callbacks are taken over.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::Result;
use tokio::time::{Instant, sleep};

use crate::load::{Burst, Client, Order, Outcome};
use crate::machine::memory_mib;
use crate::observer::Observer;
use crate::report::{Bound, Figure, median};
use crate::stage::{Cast, Stage, cell_start, now_ms};

const SERVICES: usize = 16;

pub(crate) async fn measure(quick: bool) -> Result<Vec<Figure>> {
    let (burst, starts, rest) = if quick { (5_000, 3, 3) } else { (20_000, 5, 15) };
    let cast = Cast { workers: 2, services: SERVICES, ..Cast::default() };
    let mut stage = Stage::set(cast).await?;
    let mut figures = readiness(&mut stage, starts)?;
    sleep(Duration::from_secs(rest)).await;
    let idle = memory(&stage)?;
    let mixed = |number: usize| {
        let service = number % SERVICES;
        if number.is_multiple_of(2) { Order::now(service) } else { Order::at(service, cell_start(2)) }
    };
    Burst::to(&stage.apis).book((0..burst).map(mixed).collect()).await?.whole()?;
    stage.stream_has(burst / 2, Duration::from_secs(10)).await?;
    let peak = memory(&stage)?;
    for (name, role) in [("api-0", "API pod"), ("worker-0", "worker")] {
        let told = |what: &str, value| Figure::told(format!("resident memory, {role}, {what}"), value, "MiB");
        figures.push(told("idle", idle[name].0).bounds(Bound::AtMost(32.0), Bound::AtMost(16.0)));
        let note = format!("after {burst} bookings over 32 connections, half of them dispatched");
        figures.push(told("peak", peak[name].1).bounds(Bound::AtMost(64.0), Bound::AtMost(32.0)).note(note));
    }
    figures.push(takeover(&mut stage).await?);
    Ok(figures)
}

fn readiness(stage: &mut Stage, starts: usize) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for (name, role) in [("api-0", "API pod"), ("worker-0", "worker")] {
        let mut seconds = Vec::new();
        for _ in 0..starts {
            stage.cluster.terminate(name)?;
            seconds.push(stage.cluster.restart(name)?.as_secs_f64());
        }
        let figure = Figure::told(format!("ready after start, {role}"), median(&mut seconds), "s");
        figures.push(figure.bounds(Bound::AtMost(0.5), Bound::AtMost(0.1)).note(format!("median of {starts} starts")));
    }
    Ok(figures)
}

fn memory(stage: &Stage) -> Result<HashMap<&'static str, (f64, f64)>> {
    ["api-0", "worker-0"].into_iter().map(|name| Ok((name, memory_mib(stage.cluster.id(name)?)?))).collect()
}

/// Books for now all the time, kills a worker, and looks how long the worst callback had to wait.
async fn takeover(stage: &mut Stage) -> Result<Figure> {
    let observer = Observer::begin(stage.cluster.redis().port()).await?;
    let mut client = Client::open(Burst::to(&stage.apis), 0).await?;
    let (mut outcome, begun, mut killed_ms) = (Outcome::default(), Instant::now(), None);
    for number in 0.. {
        if begun.elapsed() > Duration::from_secs(10) {
            break;
        }
        if killed_ms.is_none() && begun.elapsed() > Duration::from_secs(2) {
            killed_ms = Some(now_ms());
            stage.cluster.kill("worker-0")?;
        }
        client.book(&Order::now(number % SERVICES), &mut outcome).await?;
        sleep(Duration::from_millis(20)).await;
    }
    let outcome = outcome.whole()?;
    sleep(Duration::from_secs(4)).await;
    let seen: HashMap<_, _> = observer.end().await?.into_iter().map(|seen| (seen.callback, seen.at_ms)).collect();
    let (killed_ms, given_up) = (killed_ms.unwrap_or_default(), now_ms());
    // The last dispatch of a callback that had to wait for the takeover says when it was complete.
    let waited = outcome.booked.iter().filter_map(|booked| {
        let at = seen.get(&booked.id).copied().unwrap_or(given_up);
        (at - booked.answered_ms > 250.0).then_some((at - killed_ms) / 1000.0)
    });
    let worst = waited.fold(0.0, f64::max);
    let missing = outcome.booked.iter().filter(|booked| !seen.contains_key(&booked.id)).count();
    let limit = Bound::AtMost(5.0);
    let note = format!("kill −9 of one of two workers, 16 services, {missing} never left");
    Ok(Figure::told("takeover after kill −9 of a worker, to the last late callback", worst, "s")
        .bounds(limit, limit)
        .note(note))
}
