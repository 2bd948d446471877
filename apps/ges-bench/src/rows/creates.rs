//! Bookings per second and processor time of each, all limits enforced.

use anyhow::Result;

use crate::load::{Burst, Order};
use crate::machine::Spent;
use crate::report::{Bound, Figure, median};
use crate::stage::{Cast, Stage, cell_start};
use crate::yardstick::{Inserts, Rows};

/// Services for the mixed bursts; each round of one slot has a service of its own, as a cell holds 10,000.
const SPREAD: usize = 0;
/// Cells that scheduled bookings are spread over.
const CELLS: i64 = 160;

pub(crate) async fn measure(quick: bool) -> Result<Vec<Figure>> {
    let (rounds, bookings) = if quick { (3, 3_000) } else { (5, 9_000) };
    let stage = Stage::set(Cast { workers: 0, services: rounds + 1, counted: true, ..Cast::default() }).await?;
    let burst = Burst::to(&stage.apis);
    burst.book(spread(1_000)).await?.whole()?;
    let mut inserts = Inserts::prepare(&stage.cluster, Rows::LikeBookings).await?;
    let mut narrow_inserts = Inserts::prepare(&stage.cluster, Rows::Narrow).await?;
    let mut gathered: [Vec<f64>; 9] = Default::default();
    for round in 0..rounds {
        stage.store.checkpoint().await?;
        let before = inserts.rate(bookings).await?;
        let begun = Spent::so_far(&stage.cluster)?;
        let mixed = burst.book(spread(bookings)).await?.whole()?;
        let spent = Spent::so_far(&stage.cluster)?.since(begun);
        let between = inserts.rate(bookings).await?;
        let cell = cell_start(3);
        let one_slot = vec![Order::at(round + 1, cell + 60_000); bookings];
        let one_slot = burst.book(one_slot).await?.whole()?;
        let after = inserts.rate(bookings).await?;
        let narrow = narrow_inserts.rate(bookings).await?;
        let each = |time: std::time::Duration| time.as_secs_f64() * 1e6 / bookings as f64;
        let figures = [
            mixed.rate() / ((before + between) / 2.0),
            one_slot.rate() / ((between + after) / 2.0),
            mixed.rate(),
            one_slot.rate(),
            (before + between + after) / 3.0,
            narrow,
            each(spent.total()),
            each(spent.apis),
            each(spent.postgres),
        ];
        gathered.iter_mut().zip(figures).for_each(|(list, figure)| list.push(figure));
    }
    let slowest = stage.store.slowest().await?;
    let [mixed_ratio, slot_ratio, mixed, slot, insert, narrow, total, api, postgres] =
        gathered.map(|mut figures| median(&mut figures));
    let note = format!("{rounds} rounds of {bookings}, 32 connections, median of rounds");
    let ratio = (Bound::AtLeast(1.0), Bound::AtLeast(2.0));
    Ok(vec![
        Figure::told("creates/s ÷ single INSERT/s, immediate and scheduled mixed", mixed_ratio, "×")
            .bounds(ratio.0, ratio.1)
            .note(note.clone()),
        Figure::told("creates/s ÷ single INSERT/s, all in one slot", slot_ratio, "×")
            .bounds(ratio.0, ratio.1)
            .note(note),
        Figure::told("creates/s, mixed", mixed, "/s"),
        Figure::told("creates/s, one slot", slot, "/s"),
        Figure::told("single-row INSERT/s of the same row, same server, 32 connections", insert, "/s"),
        Figure::told("single-row INSERT/s of a narrow row with two indexes", narrow, "/s"),
        Figure::told("CPU per create, service + PostgreSQL + Redis", total, "µs")
            .bounds(Bound::AtMost(300.0), Bound::AtMost(110.0)),
        Figure::told("CPU per create, service alone", api, "µs"),
        Figure::told("CPU per create, PostgreSQL alone", postgres, "µs").note(slowest),
    ])
}

/// Immediate and scheduled by turns, the scheduled ones over many cells.
fn spread(count: usize) -> Vec<Order> {
    let order = |number: usize| {
        if number.is_multiple_of(2) {
            return Order::now(SPREAD);
        }
        let cell = i64::try_from(number / 2).unwrap_or_default() % CELLS;
        Order::at(SPREAD, cell_start(cell) + 1_000)
    };
    (0..count).map(order).collect()
}
