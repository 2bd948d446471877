//! News of sessions, shared between the worker that polls and the pods that answer (R-POL-1, integrations 1.7).
//!
//! `ges:{<tenant>}:seen:<callback>` is one line for each of: time of the last answer in milliseconds or nothing, `1` when the session is
//! reached, position, wait; the rest is the session's answer. `…:diagnostics:<callback>` is what its node said of it. Both are
//! gone after ten minutes, or whenever Redis likes.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use fred::clients::WithOptions;
use fred::interfaces::{ClientLike as _, KeysInterface as _};
use fred::types::Expiration;
use ges_domain::ports::{Place, Seen, SessionNews};
use ges_domain::{CallbackId, Instant, TenantId};
use tokio::task::JoinSet;

use crate::{BadServer, Link, Server};

/// How long news stay, in milliseconds.
const KEPT_MS: i64 = 600_000;
/// News asked for in one command; the keys of a tenant are in one place.
const AT_ONCE: usize = 256;
/// Longest time for a command; afterwards the news are forgotten, or unknown.
const ROUND_TRIP: Duration = Duration::from_millis(250);

/// News of sessions in the accelerating Redis. When it is away nothing is kept and nobody waits.
#[derive(Clone)]
pub struct RedisSessionNews(Arc<Link>);

impl RedisSessionNews {
    /// Starts to connect and returns at once. Must be called inside a runtime.
    ///
    /// # Errors
    /// [`BadServer`] when the settings can never work.
    pub fn start(server: &Server) -> Result<Self, BadServer> {
        Ok(Self(Arc::new(Link::open(server, "the Redis of session news")?)))
    }

    /// Whether the server answers now. For the health page (`REDIS_CONNECTION`).
    pub async fn probe(&self) -> bool {
        self.0.answers().await
    }

    /// Why there is no connection, as [`Link::fault`] tells it.
    pub fn fault(&self) -> Option<&'static str> {
        self.0.fault()
    }

    /// Says good-bye to the server, waiting a few seconds at most.
    pub async fn close(&self) {
        self.0.close().await;
    }

    /// `None` while there is no connection: nobody queues up for it.
    fn client(&self) -> Option<WithOptions<fred::clients::Client>> {
        let client = self.0.quick(ROUND_TRIP);
        client.is_connected().then_some(client)
    }

    async fn read(&self, key: String) -> Option<String> {
        let read = self.client()?.get::<Option<String>, _>(key).await;
        read.inspect_err(|error| tracing::debug!(%error, "the accelerating Redis did not tell news of a session"))
            .ok()?
    }
}

fn key(tenant: TenantId, what: &str, id: CallbackId) -> String {
    format!("ges:{{{tenant}}}:{what}:{id}")
}

#[async_trait]
impl SessionNews for RedisSessionNews {
    async fn keep(&self, news: &[(TenantId, CallbackId, Seen)]) {
        let Some(client) = self.client().filter(|_| !news.is_empty()) else { return };
        // Side by side, so that they share round trips; a pipeline would have to go to one node of a cluster.
        let mut written = JoinSet::new();
        for (tenant, id, seen) in news {
            let mut values = vec![(key(*tenant, "seen", *id), encode(seen))];
            values.extend(seen.diagnostics.clone().map(|text| (key(*tenant, "diagnostics", *id), text)));
            for (key, value) in values {
                let client = client.clone();
                written.spawn(async move {
                    client.set::<(), _, _>(key, value, Some(Expiration::PX(KEPT_MS)), None, false).await
                });
            }
        }
        while let Some(outcome) = written.join_next().await {
            if let Ok(Err(error)) = outcome {
                tracing::debug!(%error, "the accelerating Redis did not take news of a session");
            }
        }
    }

    async fn of(&self, tenant: TenantId, id: CallbackId) -> Option<Seen> {
        decode(&self.read(key(tenant, "seen", id)).await?)
    }

    async fn of_all(&self, tenant: TenantId, ids: &[CallbackId]) -> Vec<Option<Seen>> {
        let mut news = Vec::with_capacity(ids.len());
        for ids in ids.chunks(AT_ONCE) {
            let keys: Vec<String> = ids.iter().map(|id| key(tenant, "seen", *id)).collect();
            let Some(client) = self.client() else { break };
            match client.mget::<Vec<Option<String>>, _>(keys).await {
                Ok(read) => news.extend(read.into_iter().map(|text| decode(&text?))),
                Err(error) => {
                    // The next command would wait as long; nobody does.
                    tracing::debug!(%error, "the accelerating Redis did not tell news of sessions");
                    break;
                }
            }
        }
        news.resize(ids.len(), None);
        news
    }

    async fn diagnostics(&self, tenant: TenantId, id: CallbackId) -> Option<String> {
        self.read(key(tenant, "diagnostics", id)).await
    }
}

fn encode(seen: &Seen) -> String {
    let number = |number: Option<u32>| number.map(|number| number.to_string()).unwrap_or_default();
    let Place { position, ewt, answer } = &seen.place;
    let at = seen.at.map(|at| at.millis().to_string()).unwrap_or_default();
    let reachable = u8::from(seen.reachable);
    format!("{at}\n{reachable}\n{}\n{}\n{answer}", number(*position), number(*ewt))
}

/// What does not read, because another version wrote it, is no news.
fn decode(text: &str) -> Option<Seen> {
    let mut lines = text.splitn(5, '\n');
    let mut line = || lines.next();
    let at = match line()? {
        "" => None,
        millis => Some(Instant::from_millis(millis.parse().ok()?)),
    };
    let reachable = line()? == "1";
    let number = |text: &str| if text.is_empty() { Some(None) } else { text.parse().ok().map(Some) };
    let (position, ewt) = (number(line()?)?, number(line()?)?);
    Some(Seen { at, place: Place { position, ewt, answer: line()?.to_owned() }, reachable, diagnostics: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn news_read_back_and_what_is_none_does_not() {
        for (position, ewt, answer) in
            [(Some(3), Some(128), "{\n\"_position\": 3}"), (None, None, ""), (Some(0), None, "[]")]
        {
            let place = Place { position, ewt, answer: answer.into() };
            for at in [Some(Instant::from_millis(-7)), None] {
                let place = place.clone();
                let seen = Seen { at, place, reachable: answer.is_empty(), diagnostics: None };
                assert_eq!(decode(&encode(&seen)), Some(seen));
            }
        }
        for text in ["", "1", "x\n1\n\n\n", "1\n1\nmany\n\n"] {
            assert_eq!(decode(text), None, "{text:?}");
        }
    }
}
