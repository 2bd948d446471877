//! Sessions that lost their callback and have not said that they ended (R-EDT-4, R-CAN-2, R-EXP-1, integrations 1.4, 1.5).

use std::time::Duration;

use super::{Actor, Callback, Change, Kind, SessionBinding, TimelineEvent};
use crate::{CallbackId, Instant, TenantId};

/// So long a session may take to end by itself once it was told (integrations 1.4, 1.5).
pub const TO_END: Duration = Duration::from_secs(10);
/// Between two tries to stop a session whose node does not answer (R-CAN-2).
pub const TRY_AGAIN: Duration = Duration::from_secs(10);
/// A session that nobody reaches is tried at least so long; up to its callback's deadline when that is later.
const TRIED_FOR: Duration = Duration::from_secs(3_600);

/// A session that must not go on: its callback was taken away from it. It may live on and call the consumer, although the
/// callback is handed over again, or over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormerSession {
    /// The contact center.
    pub tenant: TenantId,
    /// The callback it had.
    pub callback: CallbackId,
    /// The session.
    pub session: SessionBinding,
    /// When it is stopped, unless it has ended by then.
    pub due_at: Instant,
    /// From then on it is left alone: what it was started for has run out.
    pub until: Instant,
}

/// The session from which a write took the callback although it has not ended yet, told or not (R-EDT-4, R-CAN-2).
///
/// None when the session itself spoke, had ended before, or is gone; and none while it still has to hear of a cancel, which
/// [`Callback::cancel_to_tell`] sees to. When a next attempt may be handed over at once, it is stopped at once, so that the
/// consumer does not get two calls (I2); otherwise it has [`TO_END`].
pub fn former_session(before: &Callback, event: &TimelineEvent) -> Option<FormerSession> {
    let session = before.session.as_ref().filter(|_| event.actor != Actor::Session)?;
    let has_ended =
        before.particulars.moving.is_some_and(|wish| wish.confirmed) || event.changes.contains(&Change::MoveConfirmed);
    let mut patience = None;
    for change in &event.changes {
        match change {
            Change::Rescheduled { kind: Kind::Scheduled, .. } if !has_ended => patience = Some(TO_END),
            Change::Rescheduled { .. } | Change::SessionUnbound if !has_ended => patience = Some(Duration::ZERO),
            Change::CancelConfirmed => patience = Some(TO_END),
            Change::Completed { reason } if before.cancel.as_ref().is_none_or(|wish| wish.reason != *reason) => {
                patience = Some(TO_END);
            }
            // It is gone, or an agent talks already.
            Change::CancelDropped | Change::CancelCameTooLate => return None,
            _ => {}
        }
    }
    let patience = patience?;
    Some(FormerSession {
        tenant: before.tenant,
        callback: before.id,
        session: session.clone(),
        due_at: event.at + patience,
        until: before.deadline.max(event.at + TRIED_FOR),
    })
}
