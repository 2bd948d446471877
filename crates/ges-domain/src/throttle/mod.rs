//! Limits against floods and abuse (chapter 11): what they are, where they come from, and whether a booking passes.
//!
//! Every fact counted here is a count of accepted rows, so the record store can always answer (design decision 1).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Refusal;
use crate::callback::Kind;

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

/// Limits as set on one level; absent inherits (R-THR-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Settings {
    /// Callbacks per window 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub throttle_limit1: Option<i64>,
    /// Seconds of window 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub throttle_ttl1: Option<i64>,
    /// Callbacks per window 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub throttle_limit2: Option<i64>,
    /// Seconds of window 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub throttle_ttl2: Option<i64>,
    /// Callbacks per number in 24 h.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_number_limit: Option<i64>,
    /// The in-queue check.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_queue_check: Option<InQueueCheck>,
    /// Most active callbacks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_queued: Option<i64>,
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

/// Resolves the limits of a service: service, then tenant, then product default (R-THR-1).
///
/// A negative number counts as absent and falls to the *product default*, whatever the tenant says. 0 blocks (R-THR-2).
pub fn resolve(service: &Settings, tenant: &Settings) -> Limits {
    let number = |of: fn(&Settings) -> Option<i64>, default: u32| {
        let set = of(service).or_else(|| of(tenant));
        set.and_then(|value| u32::try_from(value.min(i64::from(u32::MAX))).ok()).unwrap_or(default)
    };
    let seconds = |of, default| Duration::from_secs(u64::from(number(of, default).max(1)));
    Limits {
        windows: [
            Window { limit: number(|s| s.throttle_limit1, 500), length: seconds(|s| s.throttle_ttl1, 300) },
            Window { limit: number(|s| s.throttle_limit2, 1000), length: seconds(|s| s.throttle_ttl2, 3600) },
        ],
        per_number_day: number(|s| s.per_number_limit, 6),
        in_queue: service.in_queue_check.or(tenant.in_queue_check).unwrap_or(InQueueCheck::On),
        max_queued: number(|s| s.max_queued, 1000),
    }
}

/// What has been accepted before, as far as one booking's limits ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Open callbacks of the same number in the same service.
    pub number_open: u32,
    /// Accepted IMMEDIATE callbacks of the number in the last 24 h.
    pub number_day: u32,
    /// Accepted IMMEDIATE callbacks within each window, `(now - length, now]`.
    pub windows: [u32; 2],
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
/// Rules: R-THR-2 to R-THR-6, R-THR-8 to R-THR-12, R-CRE-8. Property: P-11.
///
/// # Errors
/// `EnqueueLimitReached`, `TtlLimitReached` or `QueueFull`.
pub fn check(limits: &Limits, counts: &Counts, kind: Kind, reach: Reach) -> Result<(), Refusal> {
    if reach == Reach::Public {
        if limits.in_queue.refused_from().is_some_and(|from| counts.number_open >= from) {
            return Err(Refusal::EnqueueLimitReached);
        }
        if kind == Kind::Immediate {
            if counts.number_day >= limits.per_number_day {
                return Err(Refusal::EnqueueLimitReached);
            }
            let full = limits.windows.iter().zip(counts.windows).find(|(window, counted)| *counted >= window.limit);
            if let Some((window, _)) = full {
                return Err(Refusal::TtlLimitReached { window: window.length });
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
