//! Two hundred mixed requests a second: how long bookings and looks at two weeks of slots take, beside a route that does nothing.
//!
//! Requests begin when they are due, whatever became of earlier ones, and are timed from then: a server that falls behind cannot
//! hide it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use ges_harness::Cluster;
use serde_json::json;
use tokio::sync::{Mutex, Semaphore};
use tokio::time::Instant;

use crate::http::{Answer, Connection};
use crate::load::{Burst, Order};
use crate::report::{Bound, Figure, percentile};
use crate::stage::{Cast, Stage, now_whole_ms};

/// Requests of the mix per second.
const PER_SECOND: u32 = 200;
/// Requests per second of the route that does nothing, on top.
const NOTHING_PER_SECOND: u32 = 20;
/// Connections to either listener; more wait, which counts.
const CONNECTIONS: usize = 64;
/// Seconds before the measured ones: connections, memories, plans.
const WARM: u32 = 2;
/// The service whose slots are looked at: two weeks of quarters of an hour.
const CELLS: &str = "CB_Cells";
const QUARTER_MS: i64 = 15 * 60_000;
const FORTNIGHT: i64 = 14 * 24 * 4;
/// Half of a cell is booked.
const CELL_PLACES: i64 = 2;

/// A kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Create,
    Retrieve,
    Availability,
    Cancel,
    OpenFor,
    Nothing,
}

impl Kind {
    /// The mix, in tenths.
    const MIX: [Self; 10] = [
        Self::Create,
        Self::Retrieve,
        Self::Availability,
        Self::Create,
        Self::Retrieve,
        Self::OpenFor,
        Self::Create,
        Self::Retrieve,
        Self::Availability,
        Self::Cancel,
    ];
}

/// One listener with its idle connections.
struct Door {
    port: u16,
    idle: Mutex<Vec<Connection>>,
    places: Semaphore,
}

impl Door {
    fn to(port: u16) -> Arc<Self> {
        Arc::new(Self { port, idle: Mutex::default(), places: Semaphore::new(CONNECTIONS) })
    }

    async fn send(&self, method: &str, path: &str, body: &str) -> Result<Answer> {
        let _place = self.places.acquire().await?;
        let idle = self.idle.lock().await.pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => Connection::open(self.port).await?,
        };
        let key = format!("x-api-key: {}\r\n", Cluster::API_KEY);
        let answer = connection.send(method, path, &key, body.as_bytes()).await?;
        self.idle.lock().await.push(connection);
        Ok(answer)
    }
}

/// What requests need: the doors and callbacks that may be asked about.
struct Mix {
    external: Arc<Door>,
    internal: Arc<Door>,
    kept: Vec<String>,
    /// Callbacks to cancel, each once.
    spare: Mutex<Vec<String>>,
}

impl Mix {
    async fn one(&self, kind: Kind, number: usize) -> Result<Answer> {
        const CALLBACKS: &str = "/engagement/v3/callbacks";
        let id = |id: &str| json!({ "id": id }).to_string();
        match kind {
            Kind::Create => {
                let body = Order::now(0).body()?;
                self.external.send("POST", &format!("{CALLBACKS}/create"), &body).await
            }
            Kind::Retrieve => {
                let known = &self.kept[number % self.kept.len()];
                self.external.send("POST", &format!("{CALLBACKS}/retrieve"), &id(known)).await
            }
            Kind::Cancel => {
                let spare = self.spare.lock().await.pop().context("no callback is left to cancel")?;
                self.external.send("POST", &format!("{CALLBACKS}/cancel"), &id(&spare)).await
            }
            Kind::Availability => {
                let path = format!("{CALLBACKS}/availability/{CELLS}?numberOfDays=14&timezone=Europe%2FParis");
                self.external.send("GET", &path, "").await
            }
            Kind::OpenFor => self.external.send("GET", &format!("{CALLBACKS}/open-for/{CELLS}"), "").await,
            Kind::Nothing => self.internal.send("GET", "/ges/v1/health/live", "").await,
        }
    }
}

pub(crate) async fn measure(quick: bool) -> Result<Vec<Figure>> {
    let seconds: u32 = if quick { 10 } else { 60 };
    let stage = Stage::set(Cast { workers: 0, ..Cast::default() }).await?;
    let cells = json!({
        "serviceName": CELLS, "callbackApplication": "CallbackApp", "routingPoint": "5001", "dialPrefix": "+",
        "slotMinutes": 15, "maxPerSlot": CELL_PLACES, "maxQueued": 100_000,
        "throttleLimit1": 1_000_000_000, "throttleLimit2": 1_000_000_000,
    });
    stage.cluster.provision(&json!({ "tenant": Cluster::TENANT, "services": [cells] }).to_string())?;
    let burst = Burst::to(&stage.apis);
    let kept = book_half(&burst).await?;
    let spare = burst.book(vec![Order::now(0); ((WARM + seconds) * PER_SECOND / 10) as usize]).await?.whole()?;
    let internal = stage.cluster.node("api-0")?.internal_port();
    let external = *stage.apis.first().context("no API pod")?;
    let spare = Mutex::new(spare.booked.into_iter().map(|booked| booked.id).collect());
    let mix = Arc::new(Mix { external: Door::to(external), internal: Door::to(internal), kept, spare });
    let slots = slots_listed(&mix).await?;
    drop(drive(&mix, WARM).await?);
    let mut times = drive(&mix, seconds).await?;
    let mut at = |kind: Kind, part: f64| percentile(times.entry(kind).or_default(), part);
    let (create, availability) = (at(Kind::Create, 0.99), at(Kind::Availability, 0.99));
    let (nothing, nothing_mid) = (at(Kind::Nothing, 0.99), at(Kind::Nothing, 0.5));
    let (create_mid, availability_mid) = (at(Kind::Create, 0.5), at(Kind::Availability, 0.5));
    let (retrieve, cancel) = (at(Kind::Retrieve, 0.99), at(Kind::Cancel, 0.99));
    let note = format!(
        "{PER_SECOND}/s for {seconds} s: 30 % create, 30 % retrieve, 20 % availability, 10 % cancel, 10 % open-for; timed from when they were due; {slots} slots listed"
    );
    Ok(vec![
        Figure::told("create at 200 mixed/s, p99", create, "ms")
            .bounds(Bound::AtMost(25.0), Bound::AtMost(10.0))
            .note(note),
        Figure::told("availability of 14 days at 200 mixed/s, p99", availability, "ms")
            .bounds(Bound::AtMost(10.0), Bound::AtMost(5.0)),
        Figure::told("create ÷ route that does nothing, p99", create / nothing, "×"),
        Figure::told("availability ÷ route that does nothing, p99", availability / nothing, "×"),
        Figure::told("create ÷ route that does nothing, p50", create_mid / nothing_mid, "×"),
        Figure::told("availability ÷ route that does nothing, p50", availability_mid / nothing_mid, "×"),
        Figure::told("route that does nothing, p99", nothing, "ms")
            .note("GET /ges/v1/health/live, 20/s in the same run"),
        Figure::told("create, p50", create_mid, "ms"),
        Figure::told("availability, p50", availability_mid, "ms"),
        Figure::told("retrieve, p99", retrieve, "ms"),
        Figure::told("cancel, p99", cancel, "ms"),
    ])
}

/// Books one of the two places of every cell of the next two weeks; answers the ids.
async fn book_half(burst: &Burst) -> Result<Vec<String>> {
    let first = (now_whole_ms() / QUARTER_MS + 1) * QUARTER_MS;
    let order = |cell: i64| Order::at(0, first + cell * QUARTER_MS + 1_000).of(CELLS);
    let booked = burst.book((0..FORTNIGHT - 1).map(order).collect()).await?.whole()?;
    Ok(booked.booked.into_iter().map(|booked| booked.id).collect())
}

/// How many slots a look shows; nearly all of them, or the row measures something else.
async fn slots_listed(mix: &Mix) -> Result<usize> {
    let answer = mix.one(Kind::Availability, 0).await?;
    let listed = answer.body.windows(9).filter(|bytes| bytes == b"\"utcTime\"").count();
    ensure!(answer.status == 200 && listed > 1_300, "{listed} slots in an answer of status {}", answer.status);
    Ok(listed)
}

/// Sends for so long; answers milliseconds by kind.
async fn drive(mix: &Arc<Mix>, seconds: u32) -> Result<BTreeMap<Kind, Vec<f64>>> {
    let begun = Instant::now() + Duration::from_millis(50);
    let mut running = Vec::new();
    for number in 0..seconds * PER_SECOND {
        let due = begun + Duration::from_secs(1) * number / PER_SECOND;
        tokio::time::sleep_until(due).await;
        let kind = Kind::MIX[number as usize % Kind::MIX.len()];
        running.push(tokio::spawn(timed(mix.clone(), kind, number as usize, due)));
        if number % (PER_SECOND / NOTHING_PER_SECOND) == 0 {
            running.push(tokio::spawn(timed(mix.clone(), Kind::Nothing, 0, due)));
        }
    }
    let mut times: BTreeMap<Kind, Vec<f64>> = BTreeMap::new();
    for one in running {
        let (kind, took) = one.await??;
        times.entry(kind).or_default().push(took.as_secs_f64() * 1000.0);
    }
    Ok(times)
}

async fn timed(mix: Arc<Mix>, kind: Kind, number: usize, due: Instant) -> Result<(Kind, Duration)> {
    let answer = mix.one(kind, number).await?;
    let took = due.elapsed();
    if answer.status != 200 {
        bail!("{kind:?} was answered with {}: {}", answer.status, String::from_utf8_lossy(&answer.body));
    }
    Ok((kind, took))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mix_is_what_its_note_says() {
        let count = |kind: Kind| Kind::MIX.iter().filter(|one| **one == kind).count();
        let kinds = [Kind::Create, Kind::Retrieve, Kind::Availability, Kind::Cancel, Kind::OpenFor, Kind::Nothing];
        assert_eq!(kinds.map(count), [3, 3, 2, 1, 1, 0]);
    }
}
