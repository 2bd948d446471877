//! Everything that was ever written to the stream, read by a witness of its own, so that a lost Redis erases no evidence.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use ges_domain::invariants::Entry;
use ges_domain::{CallbackId, ServiceName};
use serde_json::Value;
use tokio::task::JoinHandle;

use crate::wire::{RedisConnection, Reply};

const STREAM: &str = "NewCallbackStream";
const RECONNECT: Duration = Duration::from_millis(20);

/// An entry as it was seen.
#[derive(Debug, Clone)]
pub struct Written {
    /// What it says, with the stream's own time.
    pub entry: Entry,
    /// Its service.
    pub service: ServiceName,
    /// When this witness had it.
    pub seen: Instant,
    /// The stream's id: milliseconds and number.
    id: (i64, u64),
}

#[derive(Default)]
struct Seen {
    entries: Vec<Written>,
    known: HashSet<((i64, u64), CallbackId, u32)>,
    last: (i64, u64),
    unreadable: u64,
}

impl Seen {
    fn take(&mut self, list: &Reply) {
        for entry in list.list() {
            match written(entry) {
                Ok(written) => {
                    self.last = self.last.max(written.id);
                    if self.known.insert((written.id, written.entry.id, written.entry.attempt)) {
                        self.entries.push(written);
                    }
                }
                Err(_) => self.unreadable += 1,
            }
        }
    }
}

/// The stream, recorded from now on.
pub struct Ledger {
    ports: Vec<u16>,
    seen: Arc<Mutex<Seen>>,
    reading: JoinHandle<()>,
}

impl std::fmt::Debug for Ledger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ledger").field("ports", &self.ports).finish_non_exhaustive()
    }
}

fn locked(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Ledger {
    /// Records the stream of the Redis on this port, over all its restarts; of a cluster, with the ports of all its nodes,
    /// wherever the stream is. Must be called inside a runtime.
    pub fn start(ports: Vec<u16>) -> Self {
        let seen = Arc::<Mutex<Seen>>::default();
        let reading = tokio::spawn(read(ports.clone(), seen.clone()));
        Self { ports, seen, reading }
    }

    /// Everything written so far, in the order of the stream.
    pub fn written(&self) -> Vec<Written> {
        let mut entries = locked(&self.seen).entries.clone();
        entries.sort_by_key(|written| written.id);
        entries
    }

    /// Entries that could not be read; there must be none.
    pub fn unreadable(&self) -> u64 {
        locked(&self.seen).unreadable
    }

    /// Empties Redis; what was written up to that very moment is recorded.
    ///
    /// # Errors
    /// Redis does not answer.
    pub async fn flush(&self) -> Result<()> {
        let mut redis = self.owner().await?;
        let from = self.next();
        redis.ask(&["MULTI"]).await?;
        redis.ask(&["XRANGE", STREAM, &from, "+"]).await?;
        redis.ask(&["FLUSHALL"]).await?;
        let done = redis.ask(&["EXEC"]).await?;
        locked(&self.seen).take(done.list().first().context("the transaction has no answer")?);
        Ok(())
    }

    /// Stops all writing to Redis and records what was written up to that moment. Whoever calls it kills the server next.
    ///
    /// # Errors
    /// Redis does not answer.
    pub async fn last_words(&self) -> Result<()> {
        let mut redis = self.owner().await?;
        redis.ask(&["CLIENT", "PAUSE", "60000", "WRITE"]).await?;
        let from = self.next();
        let rest = redis.ask(&["XRANGE", STREAM, &from, "+"]).await?;
        locked(&self.seen).take(&rest);
        Ok(())
    }

    /// The server that has the stream: others of a cluster refuse to look.
    async fn owner(&self) -> Result<RedisConnection> {
        for port in &self.ports {
            if let Ok(mut redis) = RedisConnection::open(*port).await
                && redis.ask(&["EXISTS", STREAM]).await.is_ok()
            {
                return Ok(redis);
            }
        }
        anyhow::bail!("no Redis has the stream")
    }

    fn next(&self) -> String {
        let last = locked(&self.seen).last;
        format!("{}-{}", last.0, last.1)
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        self.reading.abort();
    }
}

async fn read(ports: Vec<u16>, seen: Arc<Mutex<Seen>>) {
    for port in ports.iter().cycle() {
        if let Ok(mut redis) = RedisConnection::open(*port).await {
            while follow(&mut redis, &seen).await.is_ok() {}
        }
        tokio::time::sleep(RECONNECT).await;
    }
}

async fn follow(redis: &mut RedisConnection, seen: &Mutex<Seen>) -> Result<()> {
    let (ms, number) = locked(seen).last;
    let last = format!("{ms}-{number}");
    let answer = redis.ask(&["XREAD", "COUNT", "500", "BLOCK", "200", "STREAMS", STREAM, &last]).await?;
    if let [stream] = answer.list()
        && let [_, entries] = stream.list()
    {
        locked(seen).take(entries);
    }
    Ok(())
}

fn written(entry: &Reply) -> Result<Written> {
    let [id, fields] = entry.list() else { anyhow::bail!("an entry is an id and fields") };
    let (ms, number) = id.text().and_then(|id| id.split_once('-')).context("no id")?;
    let id = (ms.parse::<i64>()?, number.parse()?);
    let field = |name: &str| {
        let pair = fields.list().chunks(2).find(|pair| pair[0].text() == Some(name));
        pair.and_then(|pair| pair.get(1)?.text()).with_context(|| format!("no {name}"))
    };
    let payload: Value = serde_json::from_str(field("data")?)?;
    Ok(Written {
        entry: Entry {
            tenant: field("ccid")?.parse()?,
            id: field("serviceId")?.parse()?,
            attempt: field("attempt")?.parse()?,
            at: ges_domain::Instant::from_millis(id.0),
            decided_at: field("submittedAt")?.parse()?,
            earliest_dial: payload["_earliest_dial_time"].as_str().context("no earliest dial time")?.parse()?,
        },
        service: ServiceName::new(field("serviceName")?)?,
        seen: Instant::now(),
        id,
    })
}
