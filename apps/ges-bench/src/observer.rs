//! Reads the stream as it grows and notes when each entry was seen.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Result;
use tokio::task::JoinHandle;

use crate::redis::Redis;
use crate::stage::now_ms;

/// An entry that was seen.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) callback: String,
    /// When, in milliseconds since 1970. Later than the entry by one wake-up of the reader.
    pub(crate) at_ms: f64,
}

/// A reader at work.
#[derive(Debug)]
pub(crate) struct Observer {
    stop: Arc<AtomicBool>,
    reader: JoinHandle<Result<Vec<Seen>>>,
}

impl Observer {
    /// Begins to read at the present end of the stream.
    pub(crate) async fn begin(port: u16) -> Result<Self> {
        let mut redis = Redis::open(port).await?;
        let last = redis.entries().await?.pop().map_or_else(|| "0-0".to_owned(), |entry| entry.id);
        let stop = Arc::new(AtomicBool::new(false));
        let reader = tokio::spawn(read(redis, last, stop.clone()));
        Ok(Self { stop, reader })
    }

    /// Everything seen, after one last look.
    pub(crate) async fn end(self) -> Result<Vec<Seen>> {
        self.stop.store(true, Ordering::Relaxed);
        self.reader.await?
    }
}

async fn read(mut redis: Redis, mut last: String, stop: Arc<AtomicBool>) -> Result<Vec<Seen>> {
    let mut seen = Vec::new();
    loop {
        let entries = redis.after(&last, 200).await?;
        let at_ms = now_ms();
        match entries.last() {
            Some(entry) => last.clone_from(&entry.id),
            None if stop.load(Ordering::Relaxed) => return Ok(seen),
            None => {}
        }
        seen.extend(entries.iter().map(|entry| Seen { callback: entry.field("serviceId").to_owned(), at_ms }));
    }
}
