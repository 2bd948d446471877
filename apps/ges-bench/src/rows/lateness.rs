//! How late callbacks leave: at 200 due a second, and booked for now on an idle machine.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Result, ensure};
use tokio::time::sleep;

use crate::load::{Burst, Client, Order, Outcome};
use crate::observer::Observer;
use crate::report::{Bound, Figure, percentile};
use crate::stage::{Cast, LEAD_MS, Stage, now_whole_ms};

const PER_SECOND: usize = 200;

pub(crate) async fn measure(quick: bool) -> Result<Vec<Figure>> {
    let (seconds, now) = if quick { (8, 300) } else { (40, 1_000) };
    let mut stage = Stage::set(Cast { services: 2, ..Cast::default() }).await?;
    let mut figures = at_their_time(&stage, seconds * PER_SECOND).await?;
    stage.redis.call(&["DEL", crate::redis::STREAM]).await?;
    figures.extend(for_now(&stage, now).await?);
    Ok(figures)
}

async fn at_their_time(stage: &Stage, count: usize) -> Result<Vec<Figure>> {
    let first = now_whole_ms() + i64::try_from(count)? + 5_000;
    let spacing = 1000 / i64::try_from(PER_SECOND)?;
    let due = |number: usize| first + i64::try_from(number).unwrap_or_default() * spacing;
    let observer = Observer::begin(stage.cluster.redis().port()).await?;
    let orders = (0..count).map(|number| Order::at(0, due(number) + LEAD_MS)).collect();
    let outcome = Burst::to(&stage.apis).book(orders).await?.whole()?;
    ensure!(now_whole_ms() < first, "booking took longer than planned; the machine is too busy");
    let desired: HashMap<_, _> = outcome.booked.into_iter().map(|booked| (booked.id, booked.desired_ms)).collect();
    let left = u64::try_from(due(count) + 1_500 - now_whole_ms()).unwrap_or(0);
    sleep(Duration::from_millis(left)).await;
    let seen = observer.end().await?;
    ensure!(seen.len() == count, "{} entries for {count} callbacks", seen.len());
    let late = seen.iter().filter_map(|seen| Some(seen.at_ms - ((*desired.get(&seen.callback)?)? - LEAD_MS) as f64));
    let mut late: Vec<f64> = late.collect();
    let earliest = late.iter().copied().fold(f64::INFINITY, f64::min);
    let note = format!("{count} at {PER_SECOND}/s, as a reader of the stream sees it");
    Ok(vec![
        Figure::told("lateness at 200 due/s, p50", percentile(&mut late, 0.5), "ms")
            .bounds(Bound::AtMost(4.0), Bound::AtMost(2.0))
            .note(note),
        Figure::told("lateness at 200 due/s, p99", percentile(&mut late, 0.99), "ms")
            .bounds(Bound::AtMost(50.0), Bound::AtMost(15.0)),
        Figure::told("lateness at 200 due/s, worst", percentile(&mut late, 1.0), "ms"),
        // Nodes estimate the store's clock, so a few milliseconds before the due instant are not before it for the store;
        // dialling is allowed a minute before that at the earliest.
        Figure::told("lateness at 200 due/s, earliest", earliest, "ms"),
    ])
}

async fn for_now(stage: &Stage, count: usize) -> Result<Vec<Figure>> {
    let observer = Observer::begin(stage.cluster.redis().port()).await?;
    let mut client = Client::open(Burst::to(&stage.apis), 0).await?;
    let mut outcome = Outcome::default();
    for _ in 0..count {
        client.book(&Order::now(1), &mut outcome).await?;
        sleep(Duration::from_millis(10)).await;
    }
    let outcome = outcome.whole()?;
    sleep(Duration::from_secs(2)).await;
    let seen: HashMap<_, _> = observer.end().await?.into_iter().map(|seen| (seen.callback, seen.at_ms)).collect();
    ensure!(seen.len() == count, "{} entries for {count} callbacks", seen.len());
    let late = outcome.booked.iter().filter_map(|booked| Some(seen.get(&booked.id)? - booked.answered_ms));
    let mut late: Vec<f64> = late.collect();
    let note =
        format!("{count} one after the other, as a reader of the stream sees it; below zero: seen before the answer");
    Ok(vec![
        Figure::told("from the 200 of a create-for-now to its stream entry, p50", percentile(&mut late, 0.5), "ms")
            .note(note),
        Figure::told("from the 200 of a create-for-now to its stream entry, p99", percentile(&mut late, 0.99), "ms"),
    ])
}
