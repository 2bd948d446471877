//! Limits against floods and abuse (chapter 11): what they are, where they come from, and whether a booking passes.
//!
//! Every fact counted here is a count of accepted rows, so the record store can always answer (design decision 1).

mod known;
mod settings;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use known::KnownWindows;
pub use settings::{Settings, resolve, screening};

use crate::callback::Kind;
use crate::{Instant, Refusal};

/// At most `limit` accepted IMMEDIATE callbacks in any interval of `length` (R-THR-3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// How many; 0 blocks everything (R-THR-2).
    pub limit: u32,
    /// Over how long, at least one second.
    pub length: Duration,
}

/// Refuses a number that already waits (R-THR-10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InQueueCheck {
    /// Never refuses.
    #[serde(rename = "false")]
    Off,
    /// Refuses the third open callback of a number.
    #[serde(rename = "true")]
    On,
    /// Refuses the second.
    Strict,
}

impl InQueueCheck {
    /// How many open callbacks of one number are refused from on; `None` for never.
    pub const fn refused_from(self) -> Option<u32> {
        match self {
            Self::Off => None,
            Self::On => Some(2),
            Self::Strict => Some(1),
        }
    }
}

/// The limits that hold for one service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Rate windows, in the order they are tested.
    pub windows: [Window; 2],
    /// Accepted IMMEDIATE callbacks per number in 24 h (R-THR-8).
    pub per_number_day: u32,
    /// The in-queue check.
    pub in_queue: InQueueCheck,
    /// IMMEDIATE is refused from this watermark on (R-THR-12).
    pub max_queued: u32,
}

/// How long accepted callbacks count against their number (R-THR-8).
pub const NUMBER_DAY: Duration = Duration::from_secs(24 * 3600);

/// One window as counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counted {
    /// Accepted IMMEDIATE callbacks in it; counting may stop at its limit.
    pub accepted: u32,
    /// The oldest of the newest `limit` of them: when it leaves the window, a full window has room again.
    pub oldest: Option<Instant>,
}

/// What has been accepted before, as far as one booking's limits ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Open callbacks of the same number in the same service.
    pub number_open: u32,
    /// Accepted IMMEDIATE callbacks of the number in the last 24 h.
    pub number_day: u32,
    /// Accepted IMMEDIATE callbacks within each window, `(now - length, now]`.
    pub windows: [Counted; 2],
    /// Active callbacks of the service (the watermark, R-QS-5).
    pub active: u32,
}

/// Whom the limits hold for (R-CRE-8): staff pass the abuse limits, not the queue size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Web clients and IVR: every limit.
    Public,
    /// Signed-in staff: queue size only.
    Staff,
}

/// Decides steps 9 to 12 of chapter 4, in that order; the first limit that is reached names the refusal.
///
/// `now`: when the booking is made, which a full window's time to wait is measured from.
/// Rules: R-THR-2 to R-THR-6, R-THR-8 to R-THR-12, R-CRE-8. Property: P-11.
///
/// # Errors
/// `EnqueueLimitReached`, `TtlLimitReached` or `QueueFull`.
pub fn check(limits: &Limits, counts: &Counts, kind: Kind, reach: Reach, now: Instant) -> Result<(), Refusal> {
    if reach == Reach::Public {
        if limits.in_queue.refused_from().is_some_and(|from| counts.number_open >= from) {
            return Err(Refusal::EnqueueLimitReached);
        }
        if kind == Kind::Immediate {
            if counts.number_day >= limits.per_number_day {
                return Err(Refusal::EnqueueLimitReached);
            }
            let mut windows = limits.windows.iter().zip(counts.windows);
            if let Some((window, counted)) = windows.find(|(window, counted)| counted.accepted >= window.limit) {
                // A limit of 0 never has room; its length is as good a time as any.
                let retry_in = counted.oldest.map_or(window.length, |oldest| (oldest + window.length).since(now));
                return Err(Refusal::TtlLimitReached { window: window.length, limit: window.limit, retry_in });
            }
        }
    }
    if kind == Kind::Immediate && counts.active >= limits.max_queued {
        return Err(Refusal::QueueFull);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
