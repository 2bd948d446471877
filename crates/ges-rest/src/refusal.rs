//! Refusals on the external wire: the one table (design decision 13, engagement-api 3.4).

use std::time::Duration;

use ges_domain::{Proposals, Refusal};

use crate::answer::{CODE_NUMBER_LIMIT, CODE_TTL_LIMIT};

/// Status, code and extras of a refusal. Its message is the refusal's own text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wire {
    pub(crate) status: u16,
    pub(crate) code: u16,
    /// `data.slots`; present with every 429.
    pub(crate) slots: Option<Proposals>,
    /// Seconds of `Retry-After`.
    pub(crate) retry_after: Option<u64>,
    /// The rate window that is full.
    pub(crate) quota: Option<Quota>,
}

/// A rate window, as the RateLimit fields tell it (draft-ietf-httpapi-ratelimit-headers).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Quota {
    /// How many it takes.
    pub(crate) limit: u32,
    /// Its length in seconds.
    pub(crate) window_s: u64,
}

impl Wire {
    pub(crate) const fn new(status: u16, code: u16) -> Self {
        Self { status, code, slots: None, retry_after: None, quota: None }
    }

    fn full(code: u16, slots: Proposals) -> Self {
        Self { slots: Some(slots), ..Self::new(429, code) }
    }

    fn later(self, seconds: u64) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }
}

/// Seconds after which a caller may try again when something we depend on is down.
pub(crate) const DOWN: u64 = 2;
/// Seconds after which a verifier of visitors may answer again (integrations 7.5).
const UNVERIFIABLE: u64 = 5;
/// Seconds after which a full queue may have moved on.
pub(crate) const QUEUE: u64 = 60;

/// Seconds to wait, never too few and at least one: a caller that comes back then finds room.
pub(crate) fn whole_seconds(length: Duration) -> u64 {
    length.as_secs().saturating_add(u64::from(length.subsec_nanos() > 0)).max(1)
}

/// Seconds after which a number of a call-in group may be free again.
const CALL_IN: u64 = 30;

/// The wire form of a refusal. Refusals only internal callers can meet read as "the state does not allow it" here.
pub(crate) fn wire(refusal: &Refusal) -> Wire {
    match refusal {
        Refusal::InvalidRequest { .. }
        | Refusal::DesiredTimeInPast
        | Refusal::DesiredTimeTooFar
        | Refusal::UserDataTooLarge
        | Refusal::PushTargetRequired
        | Refusal::InvalidPushTarget => Wire::new(400, 1),
        Refusal::UnknownService(_) | Refusal::UnknownGroup(_) => Wire::new(400, 2),
        Refusal::ImmediateDisabled | Refusal::ScheduledDisabled | Refusal::ServicePaused => Wire::new(400, 3),
        Refusal::CaptchaFailed => Wire::new(400, 4),
        Refusal::ImpossibleNumber | Refusal::PremiumNumber | Refusal::NumberBlocked => Wire::new(400, 5),
        Refusal::AlreadyCompleted
        | Refusal::NotCancellable
        | Refusal::NotEditable(_)
        | Refusal::NotReschedulable(_)
        | Refusal::IllegalTransition { .. }
        | Refusal::NotYourSession => Wire::new(400, 6),
        Refusal::Unauthorized => Wire::new(401, 10),
        Refusal::NoStatisticsCredentials | Refusal::StatisticsCredentialsRefused => Wire::new(401, 11),
        Refusal::Forbidden => Wire::new(403, 12),
        Refusal::NotFound(_) => Wire::new(404, 20),
        Refusal::KeyReused => Wire::new(422, 25),
        Refusal::SlotUnavailable { proposals, .. } => Wire::full(30, proposals.clone()),
        Refusal::OfficeClosed { proposals, .. } => Wire::full(31, proposals.clone()),
        Refusal::TtlLimitReached { window, limit, retry_in } => {
            let quota = Quota { limit: *limit, window_s: window.as_secs() };
            let later = Wire::full(CODE_TTL_LIMIT, Proposals::new()).later(whole_seconds(*retry_in));
            Wire { quota: Some(quota), ..later }
        }
        Refusal::QueueFull => Wire::full(CODE_TTL_LIMIT, Proposals::new()).later(QUEUE),
        Refusal::EnqueueLimitReached => Wire::full(CODE_NUMBER_LIMIT, Proposals::new()),
        Refusal::RecordUnreadable => Wire::new(500, 50),
        Refusal::StoreUnavailable | Refusal::UpstreamUnavailable => Wire::new(500, 51).later(DOWN),
        Refusal::CaptchaUnavailable => Wire::new(500, 51).later(UNVERIFIABLE),
        Refusal::NoCallInNumber => Wire::new(500, 51).later(CALL_IN),
        // What was asked is wrong upstream, and asking again changes nothing.
        Refusal::UpstreamRefused(_) => Wire::new(500, 51),
    }
}

/// One refusal of every code.
#[cfg(test)]
pub(crate) fn samples() -> Vec<Refusal> {
    let at = ges_domain::Instant::from_millis(0);
    vec![
        Refusal::invalid("a", "b"),
        Refusal::UnknownService("a".into()),
        Refusal::ImmediateDisabled,
        Refusal::CaptchaFailed,
        Refusal::ImpossibleNumber,
        Refusal::AlreadyCompleted,
        Refusal::Unauthorized,
        Refusal::NoStatisticsCredentials,
        Refusal::Forbidden,
        Refusal::NotFound("a".into()),
        Refusal::SlotUnavailable { at, proposals: Proposals::new() },
        Refusal::OfficeClosed { at, proposals: Proposals::new() },
        Refusal::KeyReused,
        Refusal::TtlLimitReached {
            window: std::time::Duration::from_secs(1),
            limit: 1,
            retry_in: std::time::Duration::from_secs(1),
        },
        Refusal::EnqueueLimitReached,
        Refusal::RecordUnreadable,
        Refusal::StoreUnavailable,
    ]
}
