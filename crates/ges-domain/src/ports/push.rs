//! Pushes that are due, kept once and for all, and who sends them (chapter 16).

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::{ServiceRef, ShardLease, StoreError};
use crate::callback::{Callback, PushTarget};
use crate::push::{Event, Message, Sent, Texts};
use crate::{CallbackId, Instant, TenantId};

/// One push to one target: identity of the row that makes it happen once (R-PSH-4, integrations 6.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeKey {
    /// The tenant.
    pub tenant: TenantId,
    /// The callback.
    pub callback: CallbackId,
    /// What is told.
    pub event: Event,
    /// [`Event::occasion`].
    pub occasion: u64,
    /// Who is told.
    pub target: PushTarget,
}

/// An attempt that was recorded before anything left the house.
#[derive(Debug, Clone, PartialEq)]
pub struct Begun {
    /// What is pushed to whom.
    pub key: NoticeKey,
    /// Number of this attempt, from 1; above [`crate::push::MAX_ATTEMPTS`] nothing is sent any more.
    pub attempt: u32,
    /// When the push was claimed.
    pub claimed_at: Instant,
    /// The record as it stands; none when it is gone.
    pub record: Option<Callback>,
}

/// What becomes of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoticeEnd {
    /// The provider has it.
    Success,
    /// It was given up.
    Failure,
    /// It is tried again from then on.
    Again(Instant),
}

/// An attempt and what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// The push.
    pub key: NoticeKey,
    /// The attempt.
    pub attempt: u32,
    /// Its end.
    pub end: NoticeEnd,
}

/// CALLBACK_UPCOMING of one record, to be claimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpcomingClaim {
    /// The tenant.
    pub tenant: TenantId,
    /// The callback.
    pub id: CallbackId,
    /// How often it had been rescheduled when it was read.
    pub reschedules: u32,
    /// Its targets.
    pub targets: Vec<PushTarget>,
}

/// Records of one service whose CALLBACK_UPCOMING is not claimed yet.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct UpcomingPage {
    /// Those with a desired time before the instant asked for, by desired time and id.
    pub records: Vec<Callback>,
    /// The earliest desired time from that instant on.
    pub next: Option<Instant>,
}

/// What there is to push in one service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeLine {
    /// The service.
    pub service: ServiceRef,
    /// Its threshold for CALLBACK_UPCOMING; zero is off.
    pub threshold: Duration,
    /// Earliest desired time among open records whose CALLBACK_UPCOMING is not claimed.
    pub next_upcoming: Option<Instant>,
    /// When the earliest claimed push wants an attempt.
    pub next_notice: Option<Instant>,
}

/// The record of pushes. A claimed push ends in exactly one outcome, whoever dies in between: an attempt is recorded before it
/// is sent, and one that was begun and has no outcome after [`crate::push::HOLD`] is followed by the next.
#[async_trait]
pub trait Notices: Send + Sync {
    /// What there is to push in the services of these shards; services with nothing may be left out.
    ///
    /// # Errors
    /// [`StoreError`] when the store is not available.
    async fn notice_agenda(&self, shards: &[ShardLease]) -> Result<Vec<NoticeLine>, StoreError>;

    /// Open records that no agent handles, whose CALLBACK_UPCOMING is not claimed, with a desired time before `until`, at most
    /// `limit`, those after `after` when it is given; none when the lease is stale.
    ///
    /// # Errors
    /// [`StoreError`] when the store is not available.
    async fn upcoming(
        &self,
        lease: ShardLease,
        service: &ServiceRef,
        until: Instant,
        after: Option<(Instant, CallbackId)>,
        limit: u32,
    ) -> Result<UpcomingPage, StoreError>;

    /// Claims CALLBACK_UPCOMING of these records: one push per target, wanted at once (R-PSH-4). A record whose push is claimed
    /// already, that was moved since it was read, or that is not open any more is left alone; with a stale lease all are.
    /// Returns how many records were claimed. Safe to repeat.
    ///
    /// # Errors
    /// [`StoreError`]: nothing is known to have happened; claiming again is safe.
    async fn claim_upcoming(&self, lease: ShardLease, claims: &[UpcomingClaim], at: Instant)
    -> Result<u64, StoreError>;

    /// Begins the next attempt of up to `limit` pushes of a service that want one at `at`, earliest first. Each belongs to the
    /// caller for [`crate::push::HOLD`]. None when the lease is stale.
    ///
    /// # Errors
    /// [`StoreError`]: attempts may have begun; they are followed by the next ones.
    async fn begin_notices(
        &self,
        lease: ShardLease,
        service: &ServiceRef,
        at: Instant,
        limit: u32,
    ) -> Result<Vec<Begun>, StoreError>;

    /// Writes what became of attempts. `false`, in the order asked, for one that is not the last of its push any more, or whose
    /// push has ended. Safe to repeat.
    ///
    /// # Errors
    /// [`StoreError`]: nothing is known to have happened; asking again is safe.
    async fn settle_notices(&self, settled: &[Settled]) -> Result<Vec<bool>, StoreError>;

    /// Takes a target that does not exist any more off a record (R-PSH-5). Safe to repeat.
    ///
    /// # Errors
    /// [`StoreError`]: nothing is known to have happened; asking again is safe.
    async fn drop_target(
        &self,
        tenant: TenantId,
        id: CallbackId,
        target: &PushTarget,
        at: Instant,
    ) -> Result<(), StoreError>;
}

/// Whoever brings messages to phones.
#[async_trait]
pub trait PushProvider: Send + Sync {
    /// How many messages may be under way at once, 1 or more (integrations 0.4); what is beyond it is refused by [`Self::send`].
    fn at_once(&self) -> usize {
        16
    }

    /// The tenant's texts; empty when it has none, or when they cannot be read now.
    async fn texts(&self, tenant: TenantId) -> Arc<Texts>;

    /// Sends a message to one target of the channel FCM, within [`crate::push::SEND_TIME`]. Never an error: every way it can
    /// fail has a business answer. A repeat with the same [`Message::tag`] replaces what the phone shows.
    async fn send(&self, tenant: TenantId, target: &PushTarget, message: &Message) -> Sent;
}
