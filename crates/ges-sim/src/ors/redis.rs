//! The stream in Redis, read as consumer group `ors-callback` (integrations 1.2.7).

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use fred::clients::Client;
use fred::interfaces::{ClientLike as _, StreamsInterface as _};
use fred::types::config::{
    ClusterDiscoveryPolicy, Config, ConnectionConfig, PerformanceConfig, ReconnectPolicy, ServerConfig,
    UnresponsiveConfig,
};
use fred::types::{Builder, Value};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::source::{EntrySource, SourceError, StreamEntry};

const GROUP: &str = "ors-callback";
const COUNT: u64 = 16;
/// How long a read waits for entries. The reader's command timeout is longer, or it would cut the wait.
const BLOCK: Duration = Duration::from_secs(5);
const READ_TIMEOUT: Duration = Duration::from_secs(9);
const COMMAND_TIMEOUT: Duration = Duration::from_secs(2);
/// Entries another consumer left unacknowledged for this long are taken over.
const ABANDONED: Duration = Duration::from_secs(60);
/// How often abandoned entries are looked for.
const CLAIM_EVERY: Duration = Duration::from_secs(20);

/// An entry as Redis gives it: its id and its fields.
type Row = (String, HashMap<String, String>);

/// The stream cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RedisSourceError {
    /// The URL is no Redis URL.
    #[error("not a Redis URL")]
    Url(#[source] fred::error::Error),
    /// The server did not answer.
    #[error("the Redis of the orchestration stream did not answer")]
    Unreachable(#[source] fred::error::Error),
}

/// A consumer of the stream.
pub struct RedisSource {
    stream: String,
    consumer: String,
    /// Blocks in reads and does nothing else; a shared connection would make others wait.
    reader: Client,
    commands: Client,
    claimed: Mutex<Option<Instant>>,
}

impl std::fmt::Debug for RedisSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisSource").field("stream", &self.stream).field("consumer", &self.consumer).finish()
    }
}

impl RedisSource {
    /// Connects and makes sure that the group exists, from the beginning of the stream.
    ///
    /// # Errors
    /// [`RedisSourceError`] when the URL is wrong or the server does not answer within some seconds.
    pub async fn connect(url: &str, stream: &str, consumer: &str) -> Result<Self, RedisSourceError> {
        let reader = client(url, READ_TIMEOUT)?;
        let commands = client(url, COMMAND_TIMEOUT)?;
        reader.init().await.map_err(RedisSourceError::Unreachable)?;
        commands.init().await.map_err(RedisSourceError::Unreachable)?;
        let source =
            Self { stream: stream.into(), consumer: consumer.into(), reader, commands, claimed: Mutex::new(None) };
        source.create_group().await.map_err(RedisSourceError::Unreachable)?;
        Ok(source)
    }

    async fn create_group(&self) -> Result<(), fred::error::Error> {
        let created: Result<Value, _> = self.commands.xgroup_create(self.stream.as_str(), GROUP, "0", true).await;
        match created {
            Err(error) if !error.details().contains("BUSYGROUP") => Err(error),
            _ => Ok(()),
        }
    }

    /// Takes over what was delivered and not acknowledged for a minute, to us or to others.
    async fn abandoned(&self) -> Result<Vec<StreamEntry>, fred::error::Error> {
        let mut claimed = self.claimed.lock().await;
        if claimed.is_some_and(|at| at.elapsed() < CLAIM_EVERY) {
            return Ok(Vec::new());
        }
        let idle_ms = u64::try_from(ABANDONED.as_millis()).unwrap_or(u64::MAX);
        let (cursor, taken): (String, Vec<Row>) = self
            .commands
            .xautoclaim_values(self.stream.as_str(), GROUP, self.consumer.as_str(), idle_ms, "0-0", Some(COUNT), false)
            .await?;
        // With more to take over the next call looks again at once.
        *claimed = (cursor == "0-0").then(Instant::now);
        Ok(taken.into_iter().map(entry).collect())
    }

    async fn fresh(&self) -> Result<Vec<StreamEntry>, fred::error::Error> {
        let block_ms = u64::try_from(BLOCK.as_millis()).unwrap_or(u64::MAX);
        let read: Value = self
            .reader
            .xreadgroup(GROUP, self.consumer.as_str(), Some(COUNT), Some(block_ms), false, self.stream.as_str(), ">")
            .await?;
        // A wait that ended without entries is null, which does not read as a map.
        if read.is_null() {
            return Ok(Vec::new());
        }
        let read: HashMap<String, Vec<Row>> = read.into_xread_response()?;
        Ok(read.into_values().flatten().map(entry).collect())
    }

    /// After a failed read: entries may sit delivered and unseen, so they are looked for at once; a flushed server has
    /// forgotten the group.
    async fn recover(&self) {
        *self.claimed.lock().await = None;
        if let Err(error) = self.create_group().await {
            tracing::debug!(error = %error, "the consumer group cannot be made yet");
        }
    }
}

fn entry((id, fields): Row) -> StreamEntry {
    StreamEntry { id, fields: fields.into_iter().collect() }
}

fn client(url: &str, timeout: Duration) -> Result<Client, RedisSourceError> {
    let mut config = Config::from_url(url).map_err(RedisSourceError::Url)?;
    if let ServerConfig::Clustered { policy, .. } = &mut config.server {
        // The node of the URL may be the one that is lost; the others know who replaced it.
        *policy = ClusterDiscoveryPolicy::UseCache;
    }
    let connection = ConnectionConfig {
        connection_timeout: Duration::from_secs(2),
        internal_command_timeout: Duration::from_secs(2),
        max_command_attempts: 1,
        unresponsive: UnresponsiveConfig {
            max_timeout: Some(timeout + Duration::from_secs(2)),
            interval: Duration::from_secs(1),
        },
        ..ConnectionConfig::default()
    };
    let performance = PerformanceConfig { default_command_timeout: timeout, ..PerformanceConfig::default() };
    let mut builder = Builder::from_config(config);
    builder.set_performance_config(performance).set_connection_config(connection);
    // For ever, from 50 ms to 2 s.
    builder.set_policy(ReconnectPolicy::new_exponential(0, 50, 2_000, 2));
    builder.build().map_err(RedisSourceError::Url)
}

#[async_trait]
impl EntrySource for RedisSource {
    async fn next(&self) -> Result<Vec<StreamEntry>, SourceError> {
        let taken = match self.abandoned().await {
            Ok(taken) if taken.is_empty() => self.fresh().await,
            other => other,
        };
        match taken {
            Ok(entries) => Ok(entries),
            Err(error) => {
                self.recover().await;
                Err(SourceError(error.into()))
            }
        }
    }

    async fn acknowledge(&self, id: &str) -> Result<(), SourceError> {
        let acknowledged: Result<Value, _> = self.commands.xack(self.stream.as_str(), GROUP, id).await;
        acknowledged.map(drop).map_err(|error| SourceError(error.into()))
    }
}
