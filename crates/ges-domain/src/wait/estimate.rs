//! One look at one queue (R-EWT-2, R-EWT-4, R-EWT-5) and the port that takes it.

use std::str::FromStr;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::TenantId;
use crate::region::Region;

/// How the router is asked to estimate (R-EWT-2); `mode2` unless said otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EwtMode {
    /// Leaving intervals of the last 32 interactions; does not notice agents who log out.
    Mode1,
    /// Handling times of the agents who serve the queue.
    #[default]
    Mode2,
    /// The statistics server's own figure.
    Mode3,
}

/// The text names no mode (R-EWT-7).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("mode must be mode1, mode2 or mode3")]
pub struct UnknownMode;

impl EwtMode {
    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mode1 => "mode1",
            Self::Mode2 => "mode2",
            Self::Mode3 => "mode3",
        }
    }
}

impl FromStr for EwtMode {
    type Err = UnknownMode;
    fn from_str(text: &str) -> Result<Self, UnknownMode> {
        match text {
            "mode1" => Ok(Self::Mode1),
            "mode2" => Ok(Self::Mode2),
            "mode3" => Ok(Self::Mode3),
            _ => Err(UnknownMode),
        }
    }
}

/// The router's answer for one queue. A time exists exactly when the code is 0 (R-EWT-4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Estimate {
    /// Whole seconds a new call would wait; code 0.
    Known(u32),
    /// Nothing to estimate from yet; code -1.
    NoCalls,
    /// The router does not know the queue; code -1 (R-EWT-5).
    UnknownQueue,
    /// Nobody serves the queue; code -2.
    NoAgents,
}

impl Estimate {
    /// The time in seconds, when there is one.
    pub const fn ewt(self) -> Option<u32> {
        match self {
            Self::Known(seconds) => Some(seconds),
            Self::NoCalls | Self::UnknownQueue | Self::NoAgents => None,
        }
    }

    /// The result code of the wire: 0, -1 or -2.
    pub const fn code(self) -> i8 {
        match self {
            Self::Known(_) => 0,
            Self::NoCalls | Self::UnknownQueue => -1,
            Self::NoAgents => -2,
        }
    }
}

/// The router gave no estimate.
#[derive(Debug, thiserror::Error)]
pub enum WaitError {
    /// No router of the tenant answered in time, and no answer of the last 60 s is left (R-EWT-8). Asking again is safe.
    #[error("no router answered for the wait time")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// What a router is asked about one queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question<'a> {
    /// The virtual queue.
    pub queue: &'a str,
    /// How the wait is estimated.
    pub mode: EwtMode,
    /// Whether calls on hold count as well.
    pub on_hold: bool,
    /// Regions whose routers are asked first (R-RA-5); empty without a rule.
    pub regions: &'a [Region],
}

impl<'a> Question<'a> {
    /// The plain question: calls on hold do not count, no region is preferred.
    pub const fn about(queue: &'a str, mode: EwtMode) -> Self {
        Self { queue, mode, on_hold: false, regions: &[] }
    }
}

/// The routers of all tenants, asked per virtual queue (R-EWT-1).
#[async_trait]
pub trait WaitEstimates: Send + Sync {
    /// The wait of a queue; at most 10 s old, or 60 s while no router answers (R-EWT-8).
    ///
    /// # Errors
    /// [`WaitError::Unavailable`]: nothing is known about the queue.
    async fn estimate(&self, tenant: TenantId, asked: &Question<'_>) -> Result<Estimate, WaitError>;

    /// The waits of several queues in the order asked, each with an outcome of its own.
    async fn estimates(&self, tenant: TenantId, asked: &[Question<'_>]) -> Vec<Result<Estimate, WaitError>> {
        let mut outcomes = Vec::with_capacity(asked.len());
        for question in asked {
            outcomes.push(self.estimate(tenant, question).await);
        }
        outcomes
    }

    /// The place a new call would have in a queue, from 1, as the answer behind the last estimate said; none when nobody said.
    fn position(&self, _tenant: TenantId, _queue: &str) -> Option<u32> {
        None
    }

    /// Whether there are routers in more than one region, so that a region rule makes a difference.
    fn regional(&self) -> bool {
        false
    }
}

/// What a client is told about one queue (R-EWT-4, R-EWT-5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueWait {
    /// Seconds, or -1 when unknown.
    pub estimated_wait_time: i64,
    /// 0, -1 or -2.
    pub result_code: i8,
    /// The place a new call would have, from 1; 1 when nobody knows.
    pub position: u32,
    /// Why it is unknown.
    pub message: &'static str,
}

impl From<&Result<Estimate, WaitError>> for QueueWait {
    fn from(outcome: &Result<Estimate, WaitError>) -> Self {
        let (result_code, message) = match outcome {
            Ok(estimate @ Estimate::Known(_)) => (estimate.code(), "Successful"),
            Ok(estimate @ Estimate::NoCalls) => (estimate.code(), "No interactions in the queue yet"),
            Ok(estimate @ Estimate::UnknownQueue) => (estimate.code(), "Virtual queue not found"),
            Ok(estimate @ Estimate::NoAgents) => (estimate.code(), "No agents logged in"),
            Err(WaitError::Unavailable(_)) => (-1, "EWT source unavailable"),
        };
        let seconds = outcome.as_ref().ok().and_then(|estimate| estimate.ewt());
        Self { estimated_wait_time: seconds.map_or(-1, i64::from), result_code, position: 1, message }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R-EWT-4, R-EWT-5.
    #[test]
    fn a_time_is_shown_exactly_when_the_code_is_zero() {
        let down = WaitError::Unavailable("refused".into());
        for (outcome, time, code) in [
            (Ok(Estimate::Known(0)), 0, 0),
            (Ok(Estimate::Known(127)), 127, 0),
            (Ok(Estimate::NoCalls), -1, -1),
            (Ok(Estimate::UnknownQueue), -1, -1),
            (Ok(Estimate::NoAgents), -1, -2),
            (Err(down), -1, -1),
        ] {
            let shown = QueueWait::from(&outcome);
            assert_eq!((shown.estimated_wait_time, shown.result_code), (time, code), "R-EWT-4 {outcome:?}");
            assert_eq!(shown.message == "Successful", code == 0);
        }
    }

    #[test]
    fn modes_read_back_and_others_are_refused() {
        for mode in [EwtMode::Mode1, EwtMode::Mode2, EwtMode::Mode3] {
            assert_eq!(mode.as_str().parse(), Ok(mode));
        }
        assert_eq!(EwtMode::default(), EwtMode::Mode2, "R-EWT-2");
        assert_eq!("Mode2".parse::<EwtMode>(), Err(UnknownMode), "R-EWT-7");
    }
}
