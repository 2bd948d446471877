//! Time and ids that a test decides.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use ges_domain::bulk::BulkId;
use ges_domain::ports::{Clock, Ids};
use ges_domain::{CallInId, CallbackId, Instant};
use uuid::Uuid;

/// A clock that stands until somebody moves it.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that shows `now`.
    pub fn at(now: Instant) -> Self {
        Self(AtomicI64::new(now.millis()))
    }

    /// Moves on by `length`, to the millisecond.
    pub fn advance(&self, length: Duration) {
        self.set(self.now() + length);
    }

    /// Shows `now`, also when that is a jump backwards.
    pub fn set(&self, now: Instant) {
        self.0.store(now.millis(), Ordering::SeqCst);
    }
}

impl Default for ManualClock {
    /// Shows [`crate::builders::START`].
    fn default() -> Self {
        Self::at(crate::builders::START)
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Instant {
        Instant::from_millis(self.0.load(Ordering::SeqCst))
    }
}

/// Ids of version 7 form that count up from 1, so that a run can be repeated.
#[derive(Debug, Default)]
pub struct CountingIds(AtomicU64);

impl CountingIds {
    /// Starts at 1.
    pub const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// The next one has the number after this.
    pub const fn from(number: u64) -> Self {
        Self(AtomicU64::new(number))
    }

    /// The id with this number.
    pub fn nth(number: u64) -> CallbackId {
        let time = 0x019e_8000_0000_u128 << 80;
        let version_and_variant = (0x7_u128 << 76) | (0x2_u128 << 62);
        CallbackId(Uuid::from_u128(time | version_and_variant | u128::from(number)))
    }
}

impl Ids for CountingIds {
    fn callback_id(&self) -> CallbackId {
        Self::nth(self.0.fetch_add(1, Ordering::SeqCst) + 1)
    }

    fn call_in_id(&self) -> CallInId {
        CallInId(self.callback_id().0)
    }

    fn bulk_id(&self) -> BulkId {
        BulkId(self.callback_id().0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counted_ids_are_version_seven_and_ascend() {
        let ids = CountingIds::new();
        let (first, second) = (ids.callback_id(), ids.callback_id());
        assert!(first < second);
        assert_eq!(first.0.get_version_num(), 7);
        assert_eq!(first.0.get_variant(), uuid::Variant::RFC4122);
        assert_eq!(first, CountingIds::nth(1));
    }
}
