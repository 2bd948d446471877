//! Many callbacks due in one instant: how fast they reach the stream.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use anyhow::{Result, ensure};
use tokio::time::sleep;

use crate::load::{Burst, Order};
use crate::redis::{Entry, Redis};
use crate::report::{Bound, Figure};
use crate::stage::{CELL_PLACES, Cast, LEAD_MS, Stage, now_whole_ms};
use crate::yardstick::pipelined_adds;

pub(crate) async fn measure(quick: bool) -> Result<Vec<Figure>> {
    let mut figures = one(20_000, Bound::AtLeast(0.3)).await?;
    if !quick {
        figures.extend(one(100_000, Bound::AtLeast(0.45)).await?);
    }
    Ok(figures)
}

async fn one(count: usize, must: Bound) -> Result<Vec<Figure>> {
    let services = count.div_ceil(CELL_PLACES);
    let mut stage = Stage::set(Cast { services, counted: true, ..Cast::default() }).await?;
    stage.cluster.terminate("worker-0")?;
    // Far enough ahead that all are booked before; what is booked later than its instant is due at once as well.
    let due = now_whole_ms() + i64::try_from(count)? / 3 + 5_000;
    let orders = (0..count).map(|number| Order::at(number % services, due + LEAD_MS)).collect();
    let booked = Burst::to(&stage.apis).book(orders).await?.whole()?;
    let left = u64::try_from(due + 100 - now_whole_ms()).unwrap_or(0);
    sleep(Duration::from_millis(left)).await;
    stage.store.checkpoint().await?;
    stage.store.forget_times().await?;
    let begun = now_whole_ms();
    stage.cluster.launch("worker-0")?;
    // Nothing is read meanwhile that grows with the stream: polling asks for one number.
    let seen = stage.stream_has(count, Duration::from_secs(20)).await?;
    ensure!(seen >= count, "only {seen} of {count} have left");
    let slowest = stage.store.slowest().await?;
    let entries = stage.redis.entries().await?;
    let callbacks: BTreeSet<_> = entries.iter().map(|entry| entry.field("serviceId")).collect();
    ensure!(callbacks.len() == entries.len(), "{} entries for {} callbacks", entries.len(), callbacks.len());
    let overtaken = overtaken(&stage.store.order().await?, &entries);
    let (Some(first), Some(last)) = (entries.first(), entries.last()) else { return Ok(Vec::new()) };
    let took = (last.added_ms()? - first.added_ms()?).max(1) as f64 / 1000.0;
    let rate = entries.len() as f64 / took;
    let mut plain = Redis::open(stage.cluster.redis().port()).await?;
    let like = &entries[..entries.len().min(1000)];
    let yardstick = pipelined_adds(&mut plain, like, count).await?;
    let bytes: usize = like.iter().flat_map(|entry| &entry.fields).map(|(name, value)| name.len() + value.len()).sum();
    let note = format!(
        "{} entries of {} bytes in {took:.2} s, the first {} ms after the worker's start; booked at {:.0}/s; {slowest}",
        entries.len(),
        bytes / like.len(),
        first.added_ms()? - begun,
        booked.rate()
    );
    let none = Bound::AtMost(0.0);
    Ok(vec![
        Figure::told(format!("drain of {count} due at once ÷ pipelined XADD"), rate / yardstick, "×")
            .bounds(must, Bound::AtLeast(0.6))
            .note(note),
        Figure::told(format!("drain of {count}"), rate, "/s"),
        Figure::told(format!("overtaken in the drain of {count}"), overtaken as f64, "").bounds(none, none).note(
            "entries that a later callback of their service went before: desired time, priority, creation, id (R-SUB-3)",
        ),
        Figure::told("pipelined XADD of one connection, same entries", yardstick, "/s"),
    ])
}

/// Entries that stand behind one of their service that sorts after them; `order` names callbacks and services as they sort.
fn overtaken(order: &[(String, i32)], entries: &[Entry]) -> usize {
    let ranks: HashMap<_, _> =
        order.iter().zip(0_usize..).map(|((id, service), rank)| (id.as_str(), (*service, rank))).collect();
    let mut furthest: HashMap<i32, usize> = HashMap::new();
    let mut overtaken = 0;
    for (service, rank) in entries.iter().filter_map(|entry| ranks.get(entry.field("serviceId"))) {
        let furthest = furthest.entry(*service).or_insert(*rank);
        overtaken += usize::from(rank < furthest);
        *furthest = (*furthest).max(*rank);
    }
    overtaken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_behind_a_later_one_of_its_service_is_counted() {
        let order = [("a", 1), ("b", 1), ("c", 1), ("d", 2)].map(|(id, service)| (id.to_owned(), service));
        let entries = |ids: &str| -> Vec<Entry> {
            let entry = |id: char| Entry { id: "1-0".into(), fields: vec![("serviceId".into(), id.into())] };
            ids.chars().map(entry).collect()
        };
        assert_eq!(overtaken(&order, &entries("dabc")), 0, "services do not wait for each other");
        assert_eq!(overtaken(&order, &entries("acbd")), 1);
        assert_eq!(overtaken(&order, &entries("cabd")), 2);
    }
}
