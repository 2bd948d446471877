//! Bytes that 10,000 bookings take, timeline and indexes included.

use anyhow::Result;

use crate::load::{Burst, Order};
use crate::report::{Bound, Figure};
use crate::stage::{Cast, Stage, cell_start};

const USER_DATA: usize = 10_000;
const MEGABYTE: f64 = 1e6;

pub(crate) async fn measure(quick: bool) -> Result<Vec<Figure>> {
    let bookings = if quick { 5_000 } else { 10_000 };
    let mut stage = Stage::set(Cast { workers: 0, ..Cast::default() }).await?;
    let bounds = [
        ("no user data", 0, Bound::AtMost(6.0), Bound::AtMost(4.0)),
        ("10 kB of random letters and digits each", USER_DATA, Bound::AtMost(95.0), Bound::AtMost(85.0)),
    ];
    let mut figures = Vec::new();
    let mut before = stage.store.table_bytes().await?;
    for (what, user_data, must, aim) in bounds {
        let order = |number: usize| {
            let cell = i64::try_from(number).unwrap_or_default() % 160;
            Order { user_data, ..Order::at(0, cell_start(cell) + 1_000) }
        };
        Burst::to(&stage.apis).book((0..bookings).map(order).collect()).await?.whole()?;
        let after = stage.store.table_bytes().await?;
        let grown = |name: &String| after[name] - before.get(name).copied().unwrap_or(0.0);
        let scale = 10_000.0 / bookings as f64 / MEGABYTE;
        let total: f64 = after.keys().map(grown).sum::<f64>() * scale;
        let parts: Vec<_> = after
            .keys()
            .filter(|name| grown(name) > 0.0)
            .map(|name| format!("{name} {:.2} MB", grown(name) * scale))
            .collect();
        let figure = Figure::told(format!("storage per 10,000 bookings, {what}"), total, "MB");
        figures.push(figure.bounds(must, aim).note(parts.join(", ")));
        before = after;
    }
    let keys = stage.redis.call(&["DBSIZE"]).await?;
    let keys = if let crate::redis::Reply::Number(keys) = keys { keys as f64 } else { f64::NAN };
    let none = Bound::AtMost(0.0);
    figures.push(Figure::told("Redis keys left by bookings that wait", keys, "").bounds(none, none));
    Ok(figures)
}
