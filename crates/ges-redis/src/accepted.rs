//! When callbacks were accepted, the newest few of each service (ADR 6).
//!
//! One sorted set per service: members are ids of callbacks whose booking is durable, scores their creation times. Whatever
//! is lost on the way, the set never holds more than the record store, so the `limit`-th newest score in it is never later
//! than the true one, and "since then at least `limit` were accepted" is true.

mod known;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fred::error::Error;
use fred::types::Value;
use ges_domain::callback::Callback;
use ges_domain::ports::{AcceptedTimes, ServiceRef};
use ges_domain::throttle::Window;
use ges_domain::{CallbackId, Instant};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinHandle, JoinSet};

use crate::script::Script;
use crate::{BadServer, Link, Server};
use known::Known;

/// News that wait to be written; what comes on top is forgotten.
const QUEUE: usize = 8_192;
/// News that share a round trip.
const BATCH: usize = 512;
/// Longest time for a round trip; afterwards the news are forgotten.
const ROUND_TRIP: Duration = Duration::from_millis(500);

/// Adds, trims, and tells the `limit`-th newest score for each limit. Arguments: how many to keep, milliseconds to live, number
/// of limits, the limits, then score and member of each addition. Repeatable: a member is there once, however often it was
/// added.
const SCRIPT: Script = Script {
    repeatable: true,
    within: ROUND_TRIP,
    connection: Duration::ZERO,
    text: "
    local limits = tonumber(ARGV[3])
    for i = 4 + limits, #ARGV, 2 do
        redis.call('ZADD', KEYS[1], ARGV[i], ARGV[i + 1])
    end
    if #ARGV > 3 + limits then
        redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -tonumber(ARGV[1]) - 1)
        redis.call('PEXPIRE', KEYS[1], ARGV[2])
    end
    local since = {}
    for i = 4, 3 + limits do
        local place = tonumber(ARGV[i]) - 1
        since[#since + 1] = redis.call('ZREVRANGE', KEYS[1], place, place, 'WITHSCORES')[2] or ''
    end
    return since",
};

/// Fast counters in Redis. Dropping it ends its work.
pub struct RedisAcceptedTimes {
    shared: Arc<Shared>,
    news: mpsc::Sender<News>,
    writer: JoinHandle<()>,
}

struct Shared {
    link: Link,
    store: String,
    known: Mutex<Known>,
}

impl Shared {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A cluster finds its node by the tenant in braces.
    fn key(&self, service: &ServiceRef) -> String {
        format!("ges:{{{}}}:accepted:{}:{}", service.tenant, self.store, service.name)
    }
}

/// Something to tell Redis, or to ask.
enum News {
    Accepted {
        service: ServiceRef,
        windows: Vec<Window>,
        id: CallbackId,
        at: Instant,
    },
    Look {
        service: ServiceRef,
        windows: Vec<Window>,
    },
    /// Everything before is done.
    Settled(oneshot::Sender<()>),
}

/// What one service's round trip is about.
#[derive(Default)]
struct Errand {
    windows: Vec<Window>,
    added: Vec<(CallbackId, Instant)>,
}

impl RedisAcceptedTimes {
    /// Starts to connect and returns at once. `store` names the record store, so that two never share counters. Must be called
    /// inside a runtime.
    ///
    /// # Errors
    /// [`BadServer`] when the settings can never work.
    pub fn start(server: &Server, store: impl Into<String>) -> Result<Self, BadServer> {
        let link = Link::open(server, "the accelerating Redis")?;
        let shared = Arc::new(Shared { link, store: store.into(), known: Mutex::default() });
        let (news, queue) = mpsc::channel(QUEUE);
        let writer = tokio::spawn(run(Arc::clone(&shared), queue));
        Ok(Self { shared, news, writer })
    }

    /// Whether the server answers now. For the health page (`REDIS_CONNECTION`).
    pub async fn probe(&self) -> bool {
        self.shared.link.answers().await
    }

    /// Waits until everything heard so far is written or forgotten.
    pub async fn settled(&self) {
        let (done, settled) = oneshot::channel();
        if self.news.send(News::Settled(done)).await.is_ok() {
            let _ = settled.await;
        }
    }

    /// Writes what is left and says good-bye, waiting a few seconds at most.
    pub async fn close(&self) {
        let _ = tokio::time::timeout(2 * ROUND_TRIP, self.settled()).await;
        self.shared.link.close().await;
    }
}

impl Drop for RedisAcceptedTimes {
    fn drop(&mut self) {
        self.writer.abort();
    }
}

impl AcceptedTimes for RedisAcceptedTimes {
    fn since(&self, service: &ServiceRef, windows: &[Window; 2]) -> [Option<Instant>; 2] {
        let known = self.shared.known();
        windows.map(|window| known.since(service, window))
    }

    fn accepted(&self, record: &Callback, windows: &[Window; 2]) {
        let windows = known::kept(windows);
        if windows.is_empty() {
            return;
        }
        let service = ServiceRef { tenant: record.tenant, name: record.service.clone() };
        // A full queue means that Redis is slow or gone: it will know less than the truth, which is allowed.
        let _ = self.news.try_send(News::Accepted { service, windows, id: record.id, at: record.created_at });
    }

    fn was_full(&self, service: &ServiceRef, windows: &[Window; 2]) {
        let windows = known::kept(windows);
        if !windows.is_empty() && self.shared.known().may_look(service) {
            let _ = self.news.try_send(News::Look { service: service.clone(), windows });
        }
    }
}

async fn run(shared: Arc<Shared>, mut queue: mpsc::Receiver<News>) {
    let mut batch = Vec::with_capacity(BATCH);
    while queue.recv_many(&mut batch, BATCH).await > 0 {
        let mut errands: HashMap<ServiceRef, Errand> = HashMap::new();
        let mut settled = Vec::new();
        for news in batch.drain(..) {
            let (service, windows, added) = match news {
                News::Accepted { service, windows, id, at } => (service, windows, Some((id, at))),
                News::Look { service, windows } => (service, windows, None),
                News::Settled(done) => {
                    settled.push(done);
                    continue;
                }
            };
            let errand = errands.entry(service).or_default();
            for window in windows {
                if !errand.windows.contains(&window) {
                    errand.windows.push(window);
                }
            }
            errand.added.extend(added);
        }
        if !errands.is_empty()
            && let Err(error) = carry_out(&shared, errands).await
        {
            tracing::debug!(%error, "the accelerating Redis did not take what was accepted");
        }
        for done in settled {
            let _ = done.send(());
        }
    }
}

/// Writes and reads in one round trip.
async fn carry_out(shared: &Arc<Shared>, errands: HashMap<ServiceRef, Errand>) -> Result<(), Error> {
    // Side by side, so that they share round trips; a pipeline would have to go to one node of a cluster.
    let mut asked = JoinSet::new();
    for (service, errand) in errands {
        let shared = Arc::clone(shared);
        asked.spawn(async move {
            let answer = shared.link.run::<Vec<String>>(SCRIPT, &shared.key(&service), &arguments(&errand)).await;
            (service, errand, answer)
        });
    }
    let mut outcome = Ok(());
    while let Some(answered) = asked.join_next().await {
        let Ok((service, errand, answer)) = answered else { continue };
        match answer {
            Ok(read) => {
                let limits = errand.windows.iter().map(|window| window.limit);
                shared.known().learn(service, limits.zip(read));
            }
            Err(error) => outcome = Err(error),
        }
    }
    outcome
}

fn arguments(errand: &Errand) -> Vec<Value> {
    let keep = errand.windows.iter().map(|window| window.limit).max().unwrap_or(0);
    let live = errand.windows.iter().map(|window| window.length).max().unwrap_or_default();
    let whole = |number: i64| Value::Integer(number);
    let mut arguments = vec![
        whole(keep.into()),
        whole(i64::try_from(live.as_millis()).unwrap_or(i64::MAX)),
        whole(i64::try_from(errand.windows.len()).unwrap_or(0)),
    ];
    arguments.extend(errand.windows.iter().map(|window| whole(window.limit.into())));
    for (id, at) in &errand.added {
        arguments.push(whole(at.millis()));
        arguments.push(Value::Bytes(id.0.as_bytes().to_vec().into()));
    }
    arguments
}
