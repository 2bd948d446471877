//! Concurrent clients that book, ask and cancel until they are told to stop, and remember every answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Result;
use ges_domain::{CallbackId, ServiceName};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use tokio::task::JoinSet;

use crate::caller::Caller;
use crate::history::History;
use crate::{ServiceRow, now};

/// Booked as soon as possible, several services so that every worker has some.
const NOW: [&str; 8] = ["CB_Now0", "CB_Now1", "CB_Now2", "CB_Now3", "CB_Now4", "CB_Now5", "CB_Now6", "CB_Now7"];
/// Booked so that it is due seconds later.
const SOON: &str = "CB_Soon";
/// Booked hours ahead, in cells of few places.
const TIGHT: &str = "CB_Tight";
const TIGHT_PLACES: u32 = 3;
/// Numbers that clients use; none of them may stand in a log (I11).
const NUMBERS: u64 = 40;

/// How clients behave.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// How many.
    pub clients: usize,
    /// Longest rest between two requests of one client.
    pub rest: Duration,
    /// Seed of everything random about them.
    pub seed: u64,
    /// Only callbacks as soon as possible, no cancels.
    pub plain: bool,
}

/// Running clients.
#[derive(Debug)]
pub struct Clients {
    stop: Arc<AtomicBool>,
    running: JoinSet<()>,
}

impl Clients {
    /// The services they book.
    pub fn services() -> Vec<ServiceRow> {
        let mut services: Vec<_> = NOW.iter().map(|name| ServiceRow::new(*name, 10_000)).collect();
        services.push(ServiceRow::new(SOON, 10_000));
        services.push(ServiceRow::new(TIGHT, TIGHT_PLACES));
        services
    }

    /// The service whose cells are narrow, and their places.
    pub fn tight() -> (&'static str, u32) {
        (TIGHT, TIGHT_PLACES)
    }

    /// The `n`th number.
    pub fn number(n: u64) -> String {
        format!("1222333{:04}", 1_000 + n % NUMBERS)
    }

    /// Every number clients use.
    pub fn numbers() -> Vec<String> {
        (0..NUMBERS).map(Self::number).collect()
    }

    /// Lets them run.
    pub fn start(caller: &Caller, history: &Arc<History>, pace: Pace) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let mut running = JoinSet::new();
        for number in 0..pace.clients {
            let client = Client {
                caller: caller.clone(),
                history: history.clone(),
                rng: StdRng::seed_from_u64(pace.seed.wrapping_mul(1_000).wrapping_add(number as u64)),
                own: Vec::new(),
                pace,
            };
            let stop = stop.clone();
            running.spawn(client.run(stop));
        }
        Self { stop, running }
    }

    /// Lets every client finish its request and ends them.
    ///
    /// # Errors
    /// A client panicked.
    pub async fn stop(mut self) -> Result<()> {
        self.stop.store(true, Ordering::Relaxed);
        while let Some(ended) = self.running.join_next().await {
            ended?;
        }
        Ok(())
    }
}

struct Client {
    caller: Caller,
    history: Arc<History>,
    rng: StdRng,
    own: Vec<CallbackId>,
    pace: Pace,
}

impl Client {
    async fn run(mut self, stop: Arc<AtomicBool>) {
        while !stop.load(Ordering::Relaxed) {
            let pod = self.rng.random_range(0..self.caller.pods());
            match if self.pace.plain { 0 } else { self.rng.random_range(0..100) } {
                0..45 => {
                    let service = NOW[self.rng.random_range(0..NOW.len())];
                    self.create(pod, service, None).await;
                }
                45..55 => {
                    // Due 120 s before: from at once to eight seconds later.
                    let ahead = Duration::from_millis(self.rng.random_range(120_000..128_000));
                    self.create(pod, SOON, Some(ahead)).await;
                }
                55..70 => {
                    // The same few cells for everybody.
                    let ahead = Duration::from_secs(self.rng.random_range(7_200..10_800));
                    self.create(pod, TIGHT, Some(ahead)).await;
                }
                70..85 => self.cancel(pod).await,
                _ => self.retrieve(pod).await,
            }
            let longest = u64::try_from(self.pace.rest.as_millis()).unwrap_or(u64::MAX).max(2);
            tokio::time::sleep(Duration::from_millis(self.rng.random_range(1..longest))).await;
        }
    }

    async fn create(&mut self, pod: usize, service: &str, ahead: Option<Duration>) {
        let desired = ahead.map(|ahead| now() + ahead);
        let number = Clients::number(self.rng.random());
        let answer = self.caller.create(pod, service, &number, desired).await;
        let service = ServiceName::new(service).expect("invariant: services of this file have good names");
        self.own.extend(self.history.created(&service, answer.as_ref()));
    }

    async fn cancel(&mut self, pod: usize) {
        // Mostly young ones: those may be on their way out at this moment.
        let young = self.own.len().saturating_sub(5);
        if self.own.is_empty() {
            return;
        }
        let from = if self.rng.random_bool(0.7) { young } else { 0 };
        let id = self.own[self.rng.random_range(from..self.own.len())];
        let answer = self.caller.cancel(pod, id).await;
        self.history.cancelled(id, answer.as_ref());
    }

    async fn retrieve(&mut self, pod: usize) {
        if self.own.is_empty() {
            return;
        }
        let id = self.own[self.rng.random_range(0..self.own.len())];
        let answer = self.caller.retrieve(pod, id).await;
        self.history.retrieved(id, answer.as_ref());
    }
}
