//! Bookings over many keep-alive connections.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use ges_harness::Cluster;
use rand::distr::{Alphanumeric, SampleString as _};
use tokio::time::Instant;

use crate::http::Connection;
use crate::stage::{now_ms, service};

const CREATE: &str = "/engagement/v3/callbacks/create";
/// As many connections as the budget names.
pub(crate) const CONNECTIONS: usize = 32;

/// One booking to make.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Order {
    /// Number of the service.
    pub(crate) service: usize,
    /// Wanted instant in milliseconds; none is now.
    pub(crate) desired_ms: Option<i64>,
    /// Random letters and digits to attach.
    pub(crate) user_data: usize,
    /// Name of the service, when it is none of the numbered ones.
    pub(crate) named: Option<&'static str>,
}

impl Order {
    /// As soon as possible.
    pub(crate) fn now(service: usize) -> Self {
        Self { service, desired_ms: None, user_data: 0, named: None }
    }

    /// At an instant.
    pub(crate) fn at(service: usize, desired_ms: i64) -> Self {
        Self { service, desired_ms: Some(desired_ms), user_data: 0, named: None }
    }

    /// At a service of this name.
    pub(crate) fn of(self, name: &'static str) -> Self {
        Self { named: Some(name), ..self }
    }

    pub(crate) fn body(&self) -> Result<String> {
        // Every booking of a run has a number of its own, so that no limit per number is reached.
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let mut body = format!(
            r#"{{"serviceName":"{}","phoneNumber":"1415{}""#,
            self.named.map_or_else(|| service(self.service), str::to_owned),
            2_000_000 + number % 8_000_000
        );
        if let Some(ms) = self.desired_ms {
            body.push_str(&format!(r#","desiredTime":"{:.3}""#, jiff::Timestamp::from_millisecond(ms)?));
        }
        if self.user_data > 0 {
            let text = Alphanumeric.sample_string(&mut rand::rng(), self.user_data);
            body.push_str(&format!(r#","userData":{{"blob":"{text}"}}"#));
        }
        body.push('}');
        Ok(body)
    }
}

/// A booking that was answered 200.
#[derive(Debug, Clone)]
pub(crate) struct Booked {
    pub(crate) id: String,
    /// The instant it was booked for.
    pub(crate) desired_ms: Option<i64>,
    /// When the answer was there, in milliseconds since 1970.
    pub(crate) answered_ms: f64,
}

/// What came of a burst.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) booked: Vec<Booked>,
    /// Other answers by status and code.
    pub(crate) refused: BTreeMap<String, usize>,
    /// Requests whose connection broke: whether they were booked is unknown.
    pub(crate) unanswered: usize,
    pub(crate) took: Duration,
}

impl Outcome {
    /// Bookings per second.
    pub(crate) fn rate(&self) -> f64 {
        self.booked.len() as f64 / self.took.as_secs_f64()
    }

    /// Itself, when every booking was answered 200.
    pub(crate) fn whole(self) -> Result<Self> {
        if self.refused.is_empty() && self.unanswered == 0 {
            return Ok(self);
        }
        bail!("{} booked, {} unanswered, refused: {:?}", self.booked.len(), self.unanswered, self.refused)
    }

    fn take(&mut self, other: Self) {
        self.booked.extend(other.booked);
        self.unanswered += other.unanswered;
        for (answer, count) in other.refused {
            *self.refused.entry(answer).or_default() += count;
        }
    }
}

/// How a burst is sent.
#[derive(Debug, Clone)]
pub(crate) struct Burst {
    /// External ports; connections are spread over them.
    pub(crate) ports: Vec<u16>,
    /// Shortest time between two requests of one connection.
    pub(crate) pace: Duration,
    /// How many have been answered, for who watches.
    pub(crate) progress: Arc<AtomicUsize>,
}

impl Burst {
    pub(crate) fn to(ports: &[u16]) -> Self {
        Self { ports: ports.to_vec(), pace: Duration::ZERO, progress: Arc::default() }
    }

    /// Books all orders over all connections; connections are there before the clock runs.
    pub(crate) async fn book(&self, orders: Vec<Order>) -> Result<Outcome> {
        let (orders, next) = (Arc::new(orders), Arc::new(AtomicUsize::new(0)));
        let mut clients = Vec::new();
        for number in 0..CONNECTIONS.min(orders.len()) {
            let client = Client::open(self.clone(), number).await?;
            clients.push((client, orders.clone(), next.clone()));
        }
        let begun = Instant::now();
        let tasks: Vec<_> =
            clients.into_iter().map(|(client, orders, next)| tokio::spawn(client.work(orders, next))).collect();
        let mut outcome = Outcome::default();
        for task in tasks {
            outcome.take(task.await??);
        }
        outcome.took = begun.elapsed();
        Ok(outcome)
    }
}

/// One connection, which is opened again when it breaks, to the next pod in turn.
#[derive(Debug)]
pub(crate) struct Client {
    burst: Burst,
    /// Which port is next.
    turn: usize,
    connection: Connection,
}

impl Client {
    pub(crate) async fn open(burst: Burst, number: usize) -> Result<Self> {
        let port = burst.ports[number % burst.ports.len()];
        Ok(Self { connection: Connection::open(port).await?, burst, turn: number + 1 })
    }

    /// One booking; what it came to is added to `outcome`.
    pub(crate) async fn book(&mut self, order: &Order, outcome: &mut Outcome) -> Result<()> {
        let body = order.body()?;
        let key = format!("x-api-key: {}\r\n", Cluster::API_KEY);
        match self.connection.send("POST", CREATE, &key, body.as_bytes()).await {
            Ok(answer) if answer.status == 200 => {
                let (answered_ms, text) = (now_ms(), String::from_utf8_lossy(&answer.body));
                let id = text.split_once(r#""id":""#).and_then(|(_, rest)| rest.get(..36)).context("200 without id")?;
                outcome.booked.push(Booked { id: id.to_owned(), desired_ms: order.desired_ms, answered_ms });
            }
            Ok(answer) => {
                let text: String = String::from_utf8_lossy(&answer.body).chars().take(120).collect();
                *outcome.refused.entry(format!("{} {text}", answer.status)).or_default() += 1;
            }
            Err(_) => {
                outcome.unanswered += 1;
                self.reconnect().await?;
            }
        }
        Ok(())
    }

    async fn work(mut self, orders: Arc<Vec<Order>>, next: Arc<AtomicUsize>) -> Result<Outcome> {
        let mut outcome = Outcome::default();
        let mut tick = tokio::time::interval(self.burst.pace.max(Duration::from_millis(1)));
        while let Some(order) = orders.get(next.fetch_add(1, Ordering::Relaxed)) {
            if !self.burst.pace.is_zero() {
                tick.tick().await;
            }
            self.book(order, &mut outcome).await?;
            self.burst.progress.fetch_add(1, Ordering::Relaxed);
        }
        Ok(outcome)
    }

    async fn reconnect(&mut self) -> Result<()> {
        let until = Instant::now() + Duration::from_secs(30);
        loop {
            let port = self.burst.ports[self.turn % self.burst.ports.len()];
            self.turn += 1;
            match Connection::open(port).await {
                Ok(connection) => {
                    self.connection = connection;
                    return Ok(());
                }
                Err(error) if Instant::now() > until => return Err(error),
                Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_json_with_a_number_of_their_own() {
        let order = Order { user_data: 100, ..Order::at(3, 1_767_225_600_123) };
        let read = |order: Order| serde_json::from_str::<serde_json::Value>(&order.body().unwrap()).unwrap();
        let (one, other) = (read(order), read(Order::now(3)));
        assert_eq!(one["desiredTime"], "2026-01-01T00:00:00.123Z");
        assert_eq!(one["userData"]["blob"].as_str().unwrap().len(), 100);
        assert_eq!(one["serviceName"], "CB_Bench_3");
        assert_ne!(one["phoneNumber"], other["phoneNumber"]);
        assert_eq!(other["phoneNumber"].as_str().unwrap().len(), 11);
    }
}
