//! Reads the stream and starts sessions (integrations 1.2.7): expired and unreadable entries are done with at once, repeats of
//! (callback, attempt) collapse, and an entry is acknowledged when its session is bound or refused.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::entry::Start;
use super::source::{EntrySource, StreamEntry};
use super::storage::Told;
use super::{Ors, Session};
use crate::lock::Lock;

/// Attempts remembered for de-duplication.
const REMEMBERED: usize = 200_000;
/// Rest after the stream did not answer.
const REST: Duration = Duration::from_millis(500);

type Pair = (String, u32);

/// Which attempts were seen.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// The entry that is being bound, or none when the attempt is done with.
    attempts: HashMap<Pair, Option<String>>,
    order: VecDeque<Pair>,
}

/// What to do with an entry.
#[derive(Debug, PartialEq, Eq)]
enum Sight {
    First,
    Repeat,
    /// The very entry that is being bound: it was delivered again.
    UnderWay,
}

impl Seen {
    fn look(&mut self, pair: &Pair, entry: &str) -> Sight {
        match self.attempts.get(pair) {
            Some(Some(under_way)) if under_way == entry => Sight::UnderWay,
            Some(_) => Sight::Repeat,
            None => {
                self.attempts.insert(pair.clone(), Some(entry.into()));
                self.order.push_back(pair.clone());
                if self.order.len() > REMEMBERED
                    && let Some(oldest) = self.order.pop_front()
                {
                    self.attempts.remove(&oldest);
                }
                Sight::First
            }
        }
    }

    fn done(&mut self, pair: &Pair) {
        if let Some(under_way) = self.attempts.get_mut(pair) {
            *under_way = None;
        }
    }

    fn forget(&mut self, pair: &Pair) {
        self.attempts.remove(pair);
        self.order.retain(|kept| kept != pair);
    }
}

/// Consumes the stream until stopped.
pub(crate) async fn consume(source: Arc<dyn EntrySource>, ors: Arc<Ors>) {
    let seen = Arc::new(Lock::new(Seen::default()));
    while !ors.stop.is_cancelled() {
        match ors.stop.run_until_cancelled(source.next()).await {
            None => return,
            Some(Ok(entries)) => {
                for entry in entries {
                    take(&source, &ors, &seen, entry).await;
                }
            }
            Some(Err(error)) => {
                tracing::warn!(error = %error, "the orchestration stream cannot be read; trying again");
                let _ = ors.stop.run_until_cancelled(tokio::time::sleep(REST)).await;
            }
        }
    }
}

async fn take(source: &Arc<dyn EntrySource>, ors: &Arc<Ors>, seen: &Arc<Lock<Seen>>, entry: StreamEntry) {
    let start = match Start::read(&entry) {
        Ok(start) => start,
        Err(unusable) => {
            tracing::warn!(error = %unusable, "an entry of the orchestration stream starts nothing");
            return acknowledge(source, &entry.id).await;
        }
    };
    if start.expires_at.is_some_and(|at| at <= ors.clock.now()) {
        tracing::debug!(callback.id = %start.service_id, "an expired entry is discarded");
        return acknowledge(source, &entry.id).await;
    }
    let pair = (start.service_id.clone(), start.attempt);
    let sight = seen.lock().look(&pair, &entry.id);
    match sight {
        Sight::UnderWay => return,
        Sight::Repeat => return acknowledge(source, &entry.id).await,
        Sight::First => {}
    }
    // Binds on their way are bounded; the stream keeps what does not fit.
    let scenario = ors.playbook.lock().of(&start.service_name);
    let (session, deeds) = Session::new(start, scenario, ors.clock.now());
    ors.keep(session.clone());
    let (source, ors, seen) = (source.clone(), ors.clone(), seen.clone());
    ors.clone().tasks.spawn(async move {
        let bound = async {
            let Ok(_turn) = ors.binds.acquire().await else { return Told::Unanswered };
            session.bind(&ors).await
        };
        let Some(told) = ors.stop.run_until_cancelled(bound).await else { return };
        match told {
            Told::Unanswered => {
                // Not acknowledged: the entry is delivered again.
                seen.lock().forget(&pair);
                session.end(&ors);
            }
            Told::Refused => {
                seen.lock().done(&pair);
                session.end(&ors);
                acknowledge(&source, &entry.id).await;
            }
            Told::Accepted => {
                seen.lock().done(&pair);
                acknowledge(&source, &entry.id).await;
                session.live(&ors, deeds).await;
            }
        }
    });
}

async fn acknowledge(source: &Arc<dyn EntrySource>, id: &str) {
    if let Err(error) = source.acknowledge(id).await {
        tracing::warn!(error = %error, "an entry could not be acknowledged; it will come again and collapse");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeats_collapse_and_a_failed_bind_may_come_again() {
        let mut seen = Seen::default();
        let pair = ("a".to_owned(), 1);
        assert_eq!(seen.look(&pair, "1-0"), Sight::First);
        assert_eq!(seen.look(&pair, "1-0"), Sight::UnderWay, "delivered again while binding");
        assert_eq!(seen.look(&pair, "2-0"), Sight::Repeat, "written twice");
        assert_eq!(seen.look(&("a".into(), 2), "3-0"), Sight::First, "another attempt");
        seen.forget(&pair);
        assert_eq!(seen.look(&pair, "1-0"), Sight::First);
        seen.done(&pair);
        assert_eq!(seen.look(&pair, "1-0"), Sight::Repeat);
    }
}
