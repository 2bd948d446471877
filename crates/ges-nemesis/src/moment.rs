//! The time of this machine, which is also the store's: everything runs on one host.

use std::time::{SystemTime, UNIX_EPOCH};

use ges_domain::Instant;

/// This moment, in the store's terms.
pub fn now() -> Instant {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Instant::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
