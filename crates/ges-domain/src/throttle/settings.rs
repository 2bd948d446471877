//! What is set on one level, and what holds in the end (11.1).

mod cell;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{InQueueCheck, Limits, Window};
use crate::callback::RETENTION;
use crate::phone::{Country, Screening};
use crate::service::BadSetting;

/// Longest rate window: what was accepted before is not known any more (R-THR-13, R-REC-2).
const MAX_LENGTH: Duration = RETENTION;

/// Limits as set on one level; absent inherits (R-THR-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Settings {
    /// Callbacks per window 1.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "cell::number")]
    pub throttle_limit1: Option<i64>,
    /// Seconds of window 1.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "cell::number")]
    pub throttle_ttl1: Option<i64>,
    /// Callbacks per window 2.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "cell::number")]
    pub throttle_limit2: Option<i64>,
    /// Seconds of window 2.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "cell::number")]
    pub throttle_ttl2: Option<i64>,
    /// Callbacks per number in 24 h.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "cell::number")]
    pub per_number_limit: Option<i64>,
    /// The in-queue check.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "cell::check")]
    pub in_queue_check: Option<InQueueCheck>,
    /// Most active callbacks.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "cell::number")]
    pub max_queued: Option<i64>,
    /// Whether impossible numbers are refused (R-NUM-5).
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "cell::flag")]
    pub block_impossible: Option<bool>,
    /// Whether premium numbers are refused (R-NUM-6).
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "cell::flag")]
    pub block_premium: Option<bool>,
    /// Country of national numbers.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "cell::country")]
    pub default_country: Option<Country>,
}

impl Settings {
    /// Checks ranges (R-CFG-1). Negative numbers pass: they mean the product default (R-THR-1).
    ///
    /// # Errors
    /// The first cell that is out of range.
    pub fn check(&self) -> Result<(), BadSetting> {
        if self.max_queued.is_some_and(|most| most > 100_000) {
            return Err(BadSetting { key: "maxQueued", valid: "0 to 100000" });
        }
        let lengths = [("throttleTtl1", self.throttle_ttl1), ("throttleTtl2", self.throttle_ttl2)];
        let longest = i64::try_from(MAX_LENGTH.as_secs()).unwrap_or(i64::MAX);
        match lengths.into_iter().find(|(_, seconds)| seconds.is_some_and(|seconds| seconds == 0 || seconds > longest))
        {
            Some((key, _)) => Err(BadSetting { key, valid: "1 to 1209600 seconds" }),
            None => Ok(()),
        }
    }
}

/// Resolves the limits of a service: service, then tenant, then product default (R-THR-1).
///
/// A negative number counts as absent and falls to the *product default*, whatever the tenant says. 0 blocks (R-THR-2).
pub fn resolve(service: &Settings, tenant: &Settings) -> Limits {
    let number = |of: fn(&Settings) -> Option<i64>, default: u32| {
        let set = of(service).or_else(|| of(tenant));
        set.and_then(|value| u32::try_from(value.min(i64::from(u32::MAX))).ok()).unwrap_or(default)
    };
    let seconds = |of, default| Duration::from_secs(u64::from(number(of, default)).clamp(1, MAX_LENGTH.as_secs()));
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

/// Resolves how numbers are screened: service, then tenant, then product default (R-THR-1, R-NUM-5, R-NUM-6).
pub fn screening(service: &Settings, tenant: &Settings) -> Screening {
    let default = Screening::default();
    let either = |of: fn(&Settings) -> Option<bool>| of(service).or_else(|| of(tenant));
    Screening {
        default_country: service.default_country.or(tenant.default_country).unwrap_or(default.default_country),
        block_impossible: either(|s| s.block_impossible).unwrap_or(default.block_impossible),
        block_premium: either(|s| s.block_premium).unwrap_or(default.block_premium),
    }
}
