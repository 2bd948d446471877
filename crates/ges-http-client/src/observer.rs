//! What the application may count, without this crate knowing how.

use std::time::Duration;

use crate::{BreakerState, CallError};

/// How a call ended, as a metric label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Status below 400.
    Ok,
    /// Status 4xx.
    ClientError,
    /// Status 5xx.
    ServerError,
    /// No complete answer in time.
    Timeout,
    /// The connection failed or broke, or nothing could be sent.
    Transport,
    /// Refused by the breaker.
    BreakerOpen,
    /// Refused by the bulkhead.
    Overloaded,
    /// The answer is too long.
    BodyTooLarge,
}

impl Outcome {
    /// Every outcome, for registering counters at zero.
    pub const ALL: [Self; 8] = [
        Self::Ok,
        Self::ClientError,
        Self::ServerError,
        Self::Timeout,
        Self::Transport,
        Self::BreakerOpen,
        Self::Overloaded,
        Self::BodyTooLarge,
    ];

    /// The label's text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::ClientError => "client_error",
            Self::ServerError => "server_error",
            Self::Timeout => "timeout",
            Self::Transport => "transport",
            Self::BreakerOpen => "breaker_open",
            Self::Overloaded => "overloaded",
            Self::BodyTooLarge => "body_too_large",
        }
    }

    pub(crate) const fn of(result: &Result<u16, &CallError>) -> Self {
        match result {
            Ok(..400) => Self::Ok,
            Ok(_) | Err(CallError::Status { status: ..500, .. }) => Self::ClientError,
            Err(CallError::Status { .. }) => Self::ServerError,
            Err(CallError::Timeout(_)) => Self::Timeout,
            Err(CallError::BreakerOpen { .. }) => Self::BreakerOpen,
            Err(CallError::Overloaded) => Self::Overloaded,
            Err(CallError::BodyTooLarge { .. }) => Self::BodyTooLarge,
            Err(CallError::Transport { .. } | CallError::NotJson { .. } | CallError::Unsendable(_)) => Self::Transport,
        }
    }
}

/// One call, all its attempts taken together.
#[derive(Debug, Clone, Copy)]
pub struct Finished {
    /// Name of the integration.
    pub integration: &'static str,
    /// Name of the operation.
    pub operation: &'static str,
    /// How it ended.
    pub outcome: Outcome,
    /// From the first attempt to the end of the last, rests included.
    pub took: Duration,
}

/// What a memory of answers came to, as a metric label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Recall {
    /// The answer is fresh.
    Hit,
    /// Nobody knows: the peer is asked.
    Miss,
    /// The peer did not answer in time, and an older answer has to do.
    Stale,
}

impl Recall {
    /// The label's text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Miss => "miss",
            Self::Stale => "stale",
        }
    }
}

/// Hears about calls. Implementations count and return; they must not block.
pub trait Observer: Send + Sync {
    /// A call ended (`ges_outbound_requests_total`, `ges_outbound_request_duration_seconds`).
    fn finished(&self, call: &Finished);

    /// A name did not resolve, once per attempt (`DNS_FAILURE`).
    fn dns_failed(&self, integration: &'static str);

    /// A memory of answers was asked (`ges_cache_requests_total`).
    fn recalled(&self, cache: &'static str, recall: Recall) {
        let _ = (cache, recall);
    }

    /// The breaker of `endpoint` (`host:port`) changed, or is there from now on (`ges_circuit_state`).
    fn breaker_changed(&self, integration: &'static str, endpoint: &str, state: BreakerState);

    /// Nobody has called `endpoint` for an hour, and its breaker is kept no longer.
    fn breaker_forgotten(&self, integration: &'static str, endpoint: &str) {
        let _ = (integration, endpoint);
    }
}

/// Counts nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {
    fn finished(&self, _: &Finished) {}
    fn dns_failed(&self, _: &'static str) {}
    fn breaker_changed(&self, _: &'static str, _: &str, _: BreakerState) {}
}
