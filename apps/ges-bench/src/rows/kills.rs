//! kill −9 of workers and API pods in a burst: what is missing, what is there twice.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::Result;
use tokio::time::sleep;

use crate::load::{Burst, CONNECTIONS, Order};
use crate::report::{Bound, Figure};
use crate::stage::{Cast, Stage};

const SERVICES: usize = 8;
const KILLED: [&str; 4] = ["worker-0", "api-0", "worker-1", "api-1"];

pub(crate) async fn measure(quick: bool) -> Result<Vec<Figure>> {
    let bookings = if quick { 4_000 } else { 10_000 };
    let cast = Cast { apis: 2, workers: 2, services: SERVICES, ..Cast::default() };
    let mut stage = Stage::set(cast).await?;
    // Slow enough that every kill falls into the burst, start-up of the killed included.
    let burst = Burst {
        pace: Duration::from_secs(6) * u32::try_from(CONNECTIONS)? / u32::try_from(bookings)?,
        ..Burst::to(&stage.apis)
    };
    let progress = burst.progress.clone();
    let orders: Vec<_> = (0..bookings).map(|number| Order::now(number % SERVICES)).collect();
    let booking = tokio::spawn(async move { burst.book(orders).await });
    for (number, name) in KILLED.into_iter().enumerate() {
        let at = bookings * (number + 1) / (KILLED.len() + 1);
        while progress.load(Ordering::Relaxed) < at && !booking.is_finished() {
            sleep(Duration::from_millis(2)).await;
        }
        stage.cluster.kill(name)?;
        sleep(Duration::from_millis(200)).await;
        stage.cluster.restart(name)?;
    }
    let outcome = booking.await??;
    // A callback whose answer was lost may be there or not; all that were answered must be.
    let patience = Duration::from_secs(if quick { 8 } else { 15 });
    stage.stream_has(usize::MAX, patience).await?;
    let mut attempts: BTreeMap<String, BTreeMap<String, usize>> = BTreeMap::new();
    for entry in stage.redis.entries().await? {
        let callback = attempts.entry(entry.field("serviceId").to_owned()).or_default();
        *callback.entry(entry.field("attempt").to_owned()).or_default() += 1;
    }
    let answered: BTreeSet<_> = outcome.booked.iter().map(|booked| booked.id.as_str()).collect();
    let missing = answered.iter().filter(|id| !attempts.contains_key(**id)).count();
    let twice = attempts.values().filter(|attempts| attempts.len() > 1).count();
    let repeats: usize = attempts.values().flat_map(BTreeMap::values).map(|count| count - 1).sum();
    let none = Bound::AtMost(0.0);
    let note = format!(
        "{} answered 200, {} without answer, refused {:?}, {} in the stream",
        answered.len(),
        outcome.unanswered,
        outcome.refused,
        attempts.len()
    );
    Ok(vec![
        Figure::told("kill −9 four times: answered 200 and missing", missing as f64, "").bounds(none, none).note(note),
        Figure::told("kill −9 four times: callbacks with two attempts", twice as f64, "").bounds(none, none),
        Figure::told("kill −9 four times: same attempt sent again, which collapses", repeats as f64, ""),
    ])
}
