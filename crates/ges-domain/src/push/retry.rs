//! What becomes of a push that was tried (R-PSH-5, integrations 6.5).

use std::time::Duration;

use super::Event;
use crate::Instant;
use crate::callback::{Callback, State};

/// Attempts of one push to one target.
pub const MAX_ATTEMPTS: u32 = 3;
/// How long an attempt belongs to the monitor that began it. An attempt without an outcome after that died with its monitor,
/// and the next one follows.
pub const HOLD: Duration = Duration::from_secs(12);
/// How long sending may take, token included: shorter than [`HOLD`], so that two monitors never send at once.
pub const SEND_TIME: Duration = Duration::from_secs(10);
/// After this long a push is of no use any more.
pub const ABANDON_AFTER: Duration = Duration::from_secs(600);
/// Longest rest a provider may ask for.
const LONGEST_REST: Duration = Duration::from_secs(60);

/// How a provider answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// It has the message.
    Accepted,
    /// There is nobody behind the target any more.
    TargetGone,
    /// It will never take this message.
    Refused,
    /// Not now, or nobody knows; it may ask for a rest.
    Failed {
        /// The rest it asked for.
        rest: Option<Duration>,
    },
}

/// What follows from an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Counted as `success`, over.
    Success,
    /// Counted as `failure`, over.
    Failure {
        /// Whether the target leaves the record.
        drop_target: bool,
    },
    /// Tried again after this rest.
    Again(Duration),
}

/// Judges attempt number `attempt`, from 1 (R-PSH-5): 5 s after the first and 30 s after the second, or as long as the provider
/// asks for, at most a minute.
pub fn judge(attempt: u32, sent: Sent) -> Verdict {
    match sent {
        Sent::Accepted => Verdict::Success,
        Sent::TargetGone => Verdict::Failure { drop_target: true },
        Sent::Refused => Verdict::Failure { drop_target: false },
        Sent::Failed { .. } if attempt >= MAX_ATTEMPTS => Verdict::Failure { drop_target: false },
        Sent::Failed { rest } => {
            let ours = Duration::from_secs(if attempt <= 1 { 5 } else { 30 });
            Verdict::Again(ours.max(rest.unwrap_or_default().min(LONGEST_REST)))
        }
    }
}

/// Whether a push is of no use any more (integrations 6.5): ten minutes old, its record gone, or ended when the push says
/// that something is coming.
pub fn abandoned(event: Event, record: Option<&Callback>, claimed_at: Instant, now: Instant) -> bool {
    let over = record.is_none_or(|record| record.state == State::Completed && event.ends_with_the_callback());
    over || now.since(claimed_at) >= ABANDON_AFTER
}
