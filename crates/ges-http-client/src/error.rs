//! What can go wrong with a call, told apart by what the caller can do about it.

use std::error::Error;
use std::time::Duration;

/// What the caller can do about a failed call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// Ask again later; the peer or the way to it is in trouble.
    Retry,
    /// The peer has decided; asking again changes nothing.
    GiveUp,
    /// We sent or expected the wrong thing.
    FixTheCode,
}

/// How far a broken call came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The name did not resolve.
    Dns,
    /// No connection was made.
    Connect,
    /// The connection broke before the first byte of an answer.
    Unanswered,
    /// The connection broke inside the answer.
    Body,
}

/// A call without a usable answer. Shows no address, header or body (I11).
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The connection failed or broke.
    #[error("the connection failed")]
    Transport {
        /// How far the call came.
        stage: Stage,
        /// What the transport said, without the address.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// No complete answer within the attempt's time.
    #[error("no complete answer within {0:?}")]
    Timeout(Duration),
    /// The peer answered with a status that is no success.
    #[error("the peer answered with status {status}")]
    Status {
        /// The HTTP status.
        status: u16,
        /// The rest the peer asked for.
        retry_after: Option<Duration>,
    },
    /// The breaker of this peer is open; nothing was sent.
    #[error("the peer has failed repeatedly and is not asked for {retry_in:?}")]
    BreakerOpen {
        /// When to ask again; zero while a trial call is under way.
        retry_in: Duration,
    },
    /// Too many calls to this peer are under way; nothing was sent.
    #[error("too many calls to the peer are under way")]
    Overloaded,
    /// The answer is longer than the cap.
    #[error("the answer is longer than {cap_bytes} bytes")]
    BodyTooLarge {
        /// The cap in bytes.
        cap_bytes: usize,
    },
    /// The answer is not the expected JSON; its text is not kept, for it may hold secrets.
    #[error("the answer is not the expected JSON at line {line}, column {column}")]
    NotJson {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// The request could not be put together.
    #[error("the request cannot be built")]
    Unsendable(#[source] Box<dyn Error + Send + Sync>),
}

impl CallError {
    /// What the caller can do.
    pub const fn remedy(&self) -> Remedy {
        match self {
            Self::Transport { .. } | Self::Timeout(_) | Self::BreakerOpen { .. } | Self::Overloaded => Remedy::Retry,
            Self::Status { status: 429 | 500..=599, .. } => Remedy::Retry,
            Self::Status { .. } | Self::BodyTooLarge { .. } | Self::NotJson { .. } => Remedy::GiveUp,
            Self::Unsendable(_) => Remedy::FixTheCode,
        }
    }

    /// The HTTP status, when the peer answered with one that is no success.
    pub const fn status(&self) -> Option<u16> {
        match self {
            Self::Status { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// Whether the peer is at fault: a broken transport, silence or a 5xx. Breakers and outage counters count these.
    pub const fn is_outage(&self) -> bool {
        matches!(self, Self::Transport { .. } | Self::Timeout(_) | Self::Status { status: 500..=599, .. })
    }

    pub(crate) const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    pub(crate) fn from_transport(error: reqwest::Error, in_body: bool, attempt: Duration) -> Self {
        // The address may hold an API key or a number; the message must not.
        let error = error.without_url();
        if error.is_builder() {
            return Self::Unsendable(error.into());
        }
        let stage = match (error.is_dns(), error.is_connect(), in_body) {
            (true, ..) => Stage::Dns,
            (_, true, _) => Stage::Connect,
            (_, _, true) => Stage::Body,
            _ if error.is_timeout() => return Self::Timeout(attempt),
            _ => Stage::Unanswered,
        };
        Self::Transport { stage, source: error.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remedies_follow_who_is_at_fault() {
        let status = |status| CallError::Status { status, retry_after: None };
        assert_eq!(status(503).remedy(), Remedy::Retry);
        assert_eq!(status(429).remedy(), Remedy::Retry);
        assert_eq!(status(404).remedy(), Remedy::GiveUp);
        assert_eq!(CallError::Overloaded.remedy(), Remedy::Retry);
        assert!(status(500).is_outage() && !status(429).is_outage());
    }
}
