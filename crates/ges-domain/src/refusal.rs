//! Every business "no" (chapter 12, design decision 13). Inbound adapters map each to their wire in one exhaustive match.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use crate::Instant;
use crate::callback::{Overgrown, Particulars, State};

/// Free slots near a refused time: advertised start to remaining places (R-PRP-1).
pub type Proposals = BTreeMap<Instant, u32>;

/// Why a request was not carried out. Messages name the field or the limit, never a number, a token or user data (I11).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No key, or nobody's key.
    #[error("API key is missing or unknown")]
    Unauthorized,
    /// The caller may not do this.
    #[error("not allowed")]
    Forbidden,
    /// A field or parameter is missing or not well-formed.
    #[error("{field} {problem}")]
    InvalidRequest {
        /// The field as callers spell it.
        field: Cow<'static, str>,
        /// What is wrong, reading on from the field's name.
        problem: Cow<'static, str>,
    },
    /// The tenant has no such service.
    #[error("Service '{0}' is not provisioned")]
    UnknownService(String),
    /// The tenant has no such call-in group.
    #[error("Call-in group '{0}' is not provisioned")]
    UnknownGroup(String),
    /// The service is paused (R-PAU-2).
    #[error("The service is paused and takes no immediate callbacks")]
    ServicePaused,
    /// The CAPTCHA token is missing or not accepted (R-CPT-2, R-CPT-3).
    #[error("captchaToken is missing or was not accepted")]
    CaptchaFailed,
    /// The CAPTCHA cannot be verified now (R-CPT-4, R-CPT-5).
    #[error("The CAPTCHA cannot be verified at the moment")]
    CaptchaUnavailable,
    /// The service offers no immediate callbacks.
    #[error("Immediate callbacks are disabled for this service")]
    ImmediateDisabled,
    /// The service offers no scheduled callbacks.
    #[error("Scheduled callbacks are disabled for this service")]
    ScheduledDisabled,
    /// The consumer has to call in, but nobody can be told (R-TYP-7).
    #[error("pushTargets is required: callers of this service call in")]
    PushTargetRequired,
    /// A push target's channel is not FCM, or its target is empty.
    #[error("pushTargets has an entry whose channel is not FCM or whose target is empty")]
    InvalidPushTarget,
    /// The number cannot exist, or is an emergency or short number (R-NUM-5, R-NUM-8).
    #[error("phoneNumber is not a possible phone number")]
    ImpossibleNumber,
    /// The number is premium rate (R-NUM-6).
    #[error("phoneNumber is a premium rate number")]
    PremiumNumber,
    /// A country or number rule blocks it.
    #[error("phoneNumber is blocked by a number rule")]
    NumberBlocked,
    /// This number waits already, or asked too often (R-THR-8, R-THR-10).
    #[error("Too many callbacks for this phone number")]
    EnqueueLimitReached,
    /// Too many callbacks in a rate window (R-THR-4).
    #[error("Too many callbacks for this service within {} seconds", .window.as_secs())]
    TtlLimitReached {
        /// Length of the window that is full.
        window: Duration,
        /// How many it takes.
        limit: u32,
        /// When it will have room for one more, if nobody else takes it.
        retry_in: Duration,
    },
    /// Too many callbacks wait (R-THR-12).
    #[error("Too many callbacks are queued for this service")]
    QueueFull,
    /// The desired time lies before the running cell (R-TYP-4).
    #[error("desiredTime is in the past")]
    DesiredTimeInPast,
    /// The desired time is more than 14 days ahead (R-TYP-5).
    #[error("desiredTime is more than 14 days ahead")]
    DesiredTimeTooFar,
    /// The office is closed then, or will be when the wait is over (R-CRE-4, R-CRE-5, R-BK-1).
    #[error("The office is closed at {at}")]
    OfficeClosed {
        /// The time in question.
        at: Instant,
        /// Where there is room.
        proposals: Proposals,
    },
    /// The cell is full, or the wait ends after it (R-BK-1, R-BK-3).
    #[error("No capacity at {at}")]
    SlotUnavailable {
        /// The time in question.
        at: Instant,
        /// Where there is room.
        proposals: Proposals,
    },
    /// User data exceeds its limit (R-REC-5).
    #[error("userData is larger than 400 KiB")]
    UserDataTooLarge,
    /// No such callback for this tenant (R-CAN-3).
    #[error("Callback {0} not found")]
    NotFound(String),
    /// It is COMPLETED.
    #[error("The callback is already completed")]
    AlreadyCompleted,
    /// An agent handles it (R-CAN-3).
    #[error("The callback is being handled and cannot be cancelled any more")]
    NotCancellable,
    /// Its state allows no edit.
    #[error("A callback in state {} cannot be edited", .0.as_str())]
    NotEditable(State),
    /// Its state allows no new time (R-EDT-4).
    #[error("A callback in state {} cannot be rescheduled", .0.as_str())]
    NotReschedulable(State),
    /// A pair of states the life cycle does not know (R-TR-1).
    #[error("A callback cannot go from {} to {}", .from.as_str(), .to.as_str())]
    IllegalTransition {
        /// Where it stands.
        from: State,
        /// Where somebody wanted it.
        to: State,
    },
    /// The idempotency key was used with another body (I6).
    #[error("Idempotency-Key was used with another request body")]
    KeyReused,
    /// Another session has the callback, or it is over (R-SUB-8).
    #[error("The callback is not this session's")]
    NotYourSession,
    /// The record store did not answer; nothing is known to have happened.
    #[error("The record store is not available at the moment")]
    StoreUnavailable,
    /// A stored record does not read back; trying again does not help.
    #[error("Internal error")]
    RecordUnreadable,
    /// Every number or code of a call-in group is taken (R-CTI-8).
    #[error("No number of the call-in group is free at the moment")]
    NoCallInNumber,
    /// The tenant has registered no credentials for statistics (R-STA-1).
    #[error("No statistics credentials are registered for this contact center")]
    NoStatisticsCredentials,
    /// The suite refuses the registered credentials.
    #[error("The statistics credentials of this contact center are not accepted")]
    StatisticsCredentialsRefused,
    /// A peer refused what was passed on to it; its own words.
    #[error("{0}")]
    UpstreamRefused(String),
    /// A peer the answer depends on did not answer.
    #[error("A service this one depends on is not available at the moment")]
    UpstreamUnavailable,
}

impl Refusal {
    /// A request error on one field. `problem` reads on from the field's name: "is required".
    pub fn invalid(field: impl Into<Cow<'static, str>>, problem: impl Into<Cow<'static, str>>) -> Self {
        Self::InvalidRequest { field: field.into(), problem: problem.into() }
    }

    /// The same refusal with other proposals, where it carries any.
    pub fn with_proposals(self, proposals: Proposals) -> Self {
        match self {
            Self::OfficeClosed { at, .. } => Self::OfficeClosed { at, proposals },
            Self::SlotUnavailable { at, .. } => Self::SlotUnavailable { at, proposals },
            other => other,
        }
    }
}

impl From<Overgrown> for Refusal {
    fn from(overgrown: Overgrown) -> Self {
        match overgrown {
            Overgrown::UserData => Self::UserDataTooLarge,
            Overgrown::Facts => Self::invalid(
                "storage",
                format!("holds at most {} KiB of keys that begin with _", Particulars::FACT_BYTES / 1024),
            ),
        }
    }
}
