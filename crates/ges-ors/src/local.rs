//! The stream inside the process, for the standalone edition (design decision 7): the rules of a Redis stream with one
//! consumer group that reads from the beginning.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use ges_domain::ports::{Dispatch, StreamError, SubmissionStream};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::MAX_LEN;
use crate::entry::{Fields, Origin, Writer, corr_id};

/// An entry as a consumer gets it.
#[derive(Clone)]
pub struct Delivery {
    /// Its place in the stream, from 1, growing.
    pub id: u64,
    /// Its fields.
    pub fields: Arc<Fields>,
    /// How often it was delivered, this time included.
    pub times: u32,
}

impl std::fmt::Debug for Delivery {
    /// Not the fields, for they hold a number (I11).
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Delivery({}, {} times)", self.id, self.times)
    }
}

struct Pending {
    fields: Arc<Fields>,
    since: Instant,
    times: u32,
}

#[derive(Default)]
struct Log {
    entries: VecDeque<(u64, Arc<Fields>)>,
    pending: BTreeMap<u64, Pending>,
    written: u64,
    delivered: u64,
}

/// A stream that lives and dies with the process. What is lost with it is written again by the monitor, because no session
/// takes it (R-SUB-8).
pub struct LocalStream {
    origin: Origin,
    max_len: usize,
    log: Mutex<Log>,
    arrived: Notify,
}

impl LocalStream {
    /// An empty stream that keeps the last [`MAX_LEN`] entries.
    pub fn new(origin: Origin) -> Self {
        Self::with_max_len(origin, MAX_LEN)
    }

    /// An empty stream that keeps the last `max_len` entries, at least one.
    pub fn with_max_len(origin: Origin, max_len: usize) -> Self {
        Self { origin, max_len: max_len.max(1), log: Mutex::default(), arrived: Notify::new() }
    }

    /// Appends raw entries, in this order, and trims the oldest.
    pub fn append(&self, entries: impl IntoIterator<Item = Fields>) {
        let mut log = self.log();
        for fields in entries {
            log.written += 1;
            let id = log.written;
            log.entries.push_back((id, Arc::new(fields)));
            if log.entries.len() > self.max_len {
                log.entries.pop_front();
            }
        }
        drop(log);
        self.arrived.notify_waiters();
    }

    /// Up to `count` entries nobody has read yet, oldest first; waits up to `block` for the first. They stay pending
    /// until [`LocalStream::ack`]. Cancel-safe: entries are taken only when they are returned.
    pub async fn read_new(&self, count: usize, block: Duration) -> Vec<Delivery> {
        let deadline = Instant::now() + block;
        loop {
            let arrived = self.arrived.notified();
            tokio::pin!(arrived);
            // Registered before the look, so that an entry that arrives after the look is not missed.
            arrived.as_mut().enable();
            let taken = self.take_new(count);
            if !taken.is_empty() || tokio::time::timeout_at(deadline, arrived).await.is_err() {
                return taken;
            }
        }
    }

    /// Up to `count` entries that were delivered at least `idle` ago and never acknowledged; they count as delivered now.
    pub fn reclaim(&self, idle: Duration, count: usize) -> Vec<Delivery> {
        let now = Instant::now();
        let mut log = self.log();
        let stale = log.pending.iter_mut().filter(|(_, pending)| now.duration_since(pending.since) >= idle);
        stale
            .take(count)
            .map(|(id, pending)| {
                (pending.since, pending.times) = (now, pending.times + 1);
                Delivery { id: *id, fields: Arc::clone(&pending.fields), times: pending.times }
            })
            .collect()
    }

    /// Settles a delivered entry. Returns whether it was pending. Safe to repeat.
    pub fn ack(&self, id: u64) -> bool {
        self.log().pending.remove(&id).is_some()
    }

    /// Everything the stream still holds, read or not, oldest first.
    pub fn entries(&self) -> Vec<Arc<Fields>> {
        self.log().entries.iter().map(|(_, fields)| Arc::clone(fields)).collect()
    }

    /// How many delivered entries wait for [`LocalStream::ack`].
    pub fn pending(&self) -> usize {
        self.log().pending.len()
    }

    fn take_new(&self, count: usize) -> Vec<Delivery> {
        let now = Instant::now();
        let mut log = self.log();
        let first = log.entries.partition_point(|(id, _)| *id <= log.delivered);
        let taken: Vec<_> = log
            .entries
            .iter()
            .skip(first)
            .take(count)
            .map(|(id, fields)| Delivery { id: *id, fields: Arc::clone(fields), times: 1 })
            .collect();
        for delivery in &taken {
            log.delivered = delivery.id;
            let pending = Pending { fields: Arc::clone(&delivery.fields), since: now, times: 1 };
            log.pending.insert(delivery.id, pending);
        }
        taken
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl SubmissionStream for LocalStream {
    async fn submit(&self, batch: &[Dispatch]) -> Result<(), StreamError> {
        let mut writer = Writer::new(&self.origin);
        self.append(batch.iter().map(|one| writer.entry(one, &corr_id(one.callback.id, one.attempt))));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(max_len: usize) -> LocalStream {
        LocalStream::with_max_len(Origin::default(), max_len)
    }

    fn numbered(range: std::ops::Range<u32>) -> Vec<Fields> {
        range.map(|n| vec![("n", n.to_string())]).collect()
    }

    fn numbers(deliveries: &[Delivery]) -> Vec<&str> {
        deliveries.iter().map(|delivery| delivery.fields[0].1.as_str()).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_waiting_reader_gets_what_arrives_and_an_idle_one_goes_home_empty() {
        let stream = Arc::new(stream(10));
        assert!(stream.read_new(5, Duration::from_secs(5)).await.is_empty());
        let reader = tokio::spawn({
            let stream = Arc::clone(&stream);
            async move { stream.read_new(5, Duration::from_secs(5)).await }
        });
        tokio::task::yield_now().await;
        stream.append(numbered(0..2));
        assert_eq!(numbers(&reader.await.unwrap()), ["0", "1"]);
    }

    #[tokio::test(start_paused = true)]
    async fn unacknowledged_entries_come_again_and_acknowledged_ones_do_not() {
        let stream = stream(10);
        stream.append(numbered(0..3));
        let got = stream.read_new(10, Duration::ZERO).await;
        assert!(stream.ack(got[1].id) && !stream.ack(got[1].id));
        assert!(stream.reclaim(Duration::from_secs(60), 10).is_empty(), "too early");
        tokio::time::advance(Duration::from_secs(60)).await;
        let again = stream.reclaim(Duration::from_secs(60), 10);
        assert_eq!((numbers(&again), again[0].times), (vec!["0", "2"], 2));
        assert!(stream.reclaim(Duration::from_secs(60), 10).is_empty(), "its time starts anew");
        assert!(stream.read_new(10, Duration::ZERO).await.is_empty(), "new entries only");
    }

    #[tokio::test(start_paused = true)]
    async fn the_oldest_entries_are_trimmed() {
        let stream = stream(3);
        stream.append(numbered(0..5));
        assert_eq!(numbers(&stream.read_new(10, Duration::ZERO).await), ["2", "3", "4"]);
        assert_eq!(stream.entries().len(), 3);
    }
}
