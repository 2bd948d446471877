//! Writing to the stream: one pipeline per portion, three quick tries per cycle (R-SUB-7, integrations 1.2.6).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use fred::clients::Pipeline;
use fred::error::{Error, ErrorKind};
use fred::interfaces::{ClientLike, StreamsInterface};
use fred::types::config::Options;
use ges_domain::ports::{Dispatch, StreamError, SubmissionStream};
use ges_http_client::Backoff;
use ges_redis::Link;
use tokio::time::Instant;

use super::settings::COMMAND;
use super::{BadRedisSettings, RedisSettings};
use crate::entry::{Fields, Origin, Writer, corr_id};
use crate::{MAX_LEN, OrsSessions};

/// Three tries a cycle: two after the first.
const QUICK: Backoff = Backoff { retries: 2, base: Duration::from_millis(100), cap: Duration::from_secs(2) };
/// How long one try waits for a connection that is being made.
const CONNECTION: Duration = Duration::from_millis(150);
/// Most bytes of values in one pipeline, so that a portion's answer can be expected within [`COMMAND`].
const PORTION_BYTES: usize = 4 << 20;

/// The orchestration stream in Redis.
pub struct RedisStream {
    link: Arc<Link>,
    stream: String,
    field_names: BTreeMap<String, String>,
    origin: Origin,
    nodes: Option<Arc<OrsSessions>>,
}

impl RedisStream {
    /// Starts to connect and returns at once; a server that is away is tried again for ever. Must be called inside a
    /// runtime.
    ///
    /// # Errors
    /// [`BadRedisSettings`] when the settings can never work.
    pub fn start(settings: &RedisSettings, origin: Origin) -> Result<Self, BadRedisSettings> {
        let link = Arc::new(Link::open(&settings.server(), "the orchestration stream")?);
        let (stream, field_names) = (settings.stream.clone(), settings.field_names.clone());
        Ok(Self { link, stream, field_names, origin, nodes: None })
    }

    /// The same that sends nothing to a region whose nodes are all down (integrations 1.6).
    #[must_use]
    pub fn watching(self, nodes: Arc<OrsSessions>) -> Self {
        Self { nodes: Some(nodes), ..self }
    }

    /// Its connection, for whoever asks whether the server is there (`ORS_REDIS_STATUS`).
    pub fn link(&self) -> Arc<Link> {
        Arc::clone(&self.link)
    }

    /// Whether the server answers now, within two seconds. For the health page (`ORS_REDIS_STATUS`).
    pub async fn probe(&self) -> bool {
        self.link.connected(CONNECTION).await.is_ok() && self.link.answers().await
    }

    /// Whether there is a connection, without asking the server.
    pub fn is_connected(&self) -> bool {
        self.link.client().is_connected()
    }

    /// Says good-bye to the server, waiting at most two seconds.
    pub async fn close(&self) {
        self.link.close().await;
    }

    /// The fields under the names that this deployment's consumers know (integrations 11.2).
    fn named<'a>(&'a self, fields: &'a Fields) -> Vec<(&'a str, &'a str)> {
        let name = |usual: &'static str| self.field_names.get(usual).map_or(usual, String::as_str);
        fields.iter().map(|(usual, value)| (name(usual), value.as_str())).collect()
    }

    /// Writes one portion in one round trip. Tells how many entries from the start are written for certain.
    async fn write(&self, portion: &[Fields], left: Duration) -> Result<(), (usize, Error)> {
        self.link.connected(CONNECTION).await.map_err(|error| (0, error))?;
        // Commands that wait for a new connection would be written long after we have given them up. One attempt also means
        // that a redirection of a cluster is heeded and not followed: the next quick try goes to the right node. That try may
        // write an entry a second time, when its node was lost before it answered; it is the same attempt under the same key,
        // which consumers collapse (I2).
        let options = Options { fail_fast: true, max_attempts: Some(1), timeout: Some(left), ..Options::default() };
        let pipeline = Pipeline::from(self.link.client().with_options(&options));
        for fields in portion {
            let cap = ("MAXLEN", "~", i64::try_from(MAX_LEN).unwrap_or(i64::MAX));
            let queued: Result<(), Error> =
                pipeline.xadd(self.stream.as_str(), false, cap, "*", self.named(fields)).await;
            queued.map_err(|error| (0, error))?;
        }
        let answers = match tokio::time::timeout(left, pipeline.try_all::<String>()).await {
            Ok(answers) => answers,
            Err(_) => return Err((0, Error::new(ErrorKind::Timeout, "no answer in time"))),
        };
        let written = answers.iter().take_while(|answer| answer.is_ok()).count();
        match answers.into_iter().find_map(Result::err) {
            Some(error) => Err((written, error)),
            None if written < portion.len() => Err((written, Error::new(ErrorKind::Protocol, "answers are missing"))),
            None => Ok(()),
        }
    }
}

#[async_trait]
impl SubmissionStream for RedisStream {
    async fn submit(&self, batch: &[Dispatch]) -> Result<(), StreamError> {
        let mut writer = Writer::over(&self.origin, self.nodes.as_deref());
        let entries: Vec<Fields> =
            batch.iter().map(|one| writer.entry(one, &corr_id(one.callback.id, one.attempt))).collect();
        let mut waiting = entries.as_slice();
        let mut retry = 0;
        let mut progress = Instant::now();
        while !waiting.is_empty() {
            let left = COMMAND.saturating_sub(progress.elapsed());
            let portion = &waiting[..portion_of(waiting)];
            let (written, failure) = match self.write(portion, left).await {
                Ok(()) => (portion.len(), None),
                Err((written, error)) => (written, Some(error)),
            };
            waiting = &waiting[written..];
            if written > 0 {
                progress = Instant::now();
            }
            let Some(error) = failure else { continue };
            let left = COMMAND.saturating_sub(progress.elapsed());
            // A try that could not even wait for a connection is not begun.
            let Some(rest) = QUICK.rest(retry, rand::random(), None, Some(left), CONNECTION) else {
                return Err(crate::refusal(waiting.len(), batch.len(), error.into()));
            };
            tracing::debug!(retry, %error, "the orchestration stream did not take a portion");
            retry += 1;
            tokio::time::sleep(rest).await;
        }
        Ok(())
    }
}

/// How many of `waiting`, at least one, go into one pipeline.
fn portion_of(waiting: &[Fields]) -> usize {
    let mut bytes = 0;
    let fits = waiting.iter().take_while(|fields| {
        bytes += fields.iter().map(|(_, value)| value.len()).sum::<usize>();
        bytes <= PORTION_BYTES
    });
    fits.count().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn portions_are_bounded_by_bytes_and_never_empty() {
        let entry = |bytes: usize| vec![("data", "x".repeat(bytes))];
        assert_eq!(portion_of(&[entry(10), entry(10)]), 2);
        assert_eq!(portion_of(&[entry(PORTION_BYTES), entry(1)]), 1);
        assert_eq!(portion_of(&[entry(PORTION_BYTES + 1), entry(1)]), 1, "an entry that is too large goes alone");
    }
}
