//! Hand-over to the orchestration engine (integrations 1): stream entries over Redis or in process, events to sessions.
//!
//! Absent by intent: an outbox. What was not written is written again by whoever asked, from the record store.

pub mod entry;
mod local;
mod redis;
mod rest_start;
mod sessions;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod stream_cluster_tests;
#[cfg(test)]
mod stream_tests;

pub use entry::{BadEntry, Origin, Payload, StreamEntry};
pub use ges_redis::Login;
pub use local::{Delivery, LocalStream};
pub use redis::{BadRedisSettings, RedisSettings, RedisStream, RedisTls};
pub use rest_start::RestStart;
pub use sessions::{AllowedHosts, BadOrsUrl, EventNames, LocalNews, OrsSessions};

/// Entries a stream keeps at least before the oldest are trimmed (integrations 1.2.2).
pub const MAX_LEN: usize = 100_000;

/// Name of the stream unless configured otherwise (integrations 1.1).
pub const DEFAULT_STREAM: &str = "NewCallbackStream";

/// What an attempt to write says when it failed; the operator finds the cause in it.
pub(crate) fn refusal(refused: usize, total: usize, cause: ges_domain::ports::Cause) -> ges_domain::ports::StreamError {
    ges_domain::ports::StreamError { refused, total, cause }
}
