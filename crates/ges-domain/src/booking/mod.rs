//! Taking a booking (chapter 4): the request, its type, and the exact check-and-count every store runs inside one transaction.

mod accelerated;
mod classify;
mod consider;
mod ledger;

/// The place in a cell a SCHEDULED booking asks for.
pub use crate::slots::Booking as SlotClaim;
pub use accelerated::Accelerated;
pub use classify::{Classified, PAST_TOLERANCE, classify};
pub use consider::{Considered, Wish, check_terms, consider};
pub use ledger::{Asked, Ledger, NumberRoom};

use std::net::IpAddr;

use crate::callback::acts::Write;
use crate::callback::{Actor, Callback, Kind, Particulars, Source};
use crate::idempotency::Keyed;
use crate::phone::PhoneNumber;
use crate::throttle::{self, KnownWindows, Reach};
use crate::{CallbackId, Instant, Refusal, ServiceName};

/// A request to be called back, parsed at the edge.
#[derive(Debug, Clone)]
pub struct BookRequest {
    /// The service asked for.
    pub service: ServiceName,
    /// The number to call.
    pub phone: PhoneNumber,
    /// The wanted time; none means as soon as possible.
    pub desired: Option<Instant>,
    /// Queue priority, -1000 to 1000.
    pub priority: Option<i32>,
    /// The visitor's CAPTCHA token. Never stored, never logged (R-CPT-6).
    pub captcha_token: Option<CaptchaToken>,
    /// Everything else; `source` says who asks.
    pub particulars: Particulars,
}

/// A CAPTCHA response token and where it came from, which verifiers weigh; its `Debug` is empty.
#[derive(Clone)]
pub struct CaptchaToken {
    /// The token.
    pub text: String,
    /// The visitor's address, when it is known for certain.
    pub address: Option<IpAddr>,
    /// The visitor's browser.
    pub user_agent: Option<String>,
}

impl CaptchaToken {
    /// A token of which nothing else is known.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), address: None, user_agent: None }
    }
}

impl std::fmt::Debug for CaptchaToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CaptchaToken")
    }
}

/// A booking whose pure checks are done; the store adds the counted ones and writes it.
#[derive(Debug, Clone)]
pub struct NewBooking {
    /// The record to write: version 0, not yet booked.
    pub callback: Callback,
    /// The place it asks for; none for IMMEDIATE (R-CAP-1).
    pub slot: Option<SlotClaim>,
    /// Limits in force.
    pub limits: throttle::Limits,
    /// Whom they hold for.
    pub reach: Reach,
    /// A refusal of steps 13 or 14, which yields to one of the counted steps 9 to 12 (chapter 4's order).
    pub refused_later: Option<Refusal>,
    /// The key it came under, if any (I6).
    pub keyed: Option<Keyed>,
    /// What is known for certain about its rate windows, so that nobody has to count them.
    pub known: KnownWindows,
}

impl NewBooking {
    /// The record and its first event as they are written once the booking is admitted (T1, T2).
    pub fn entry(&self) -> Write {
        let particulars = &self.callback.particulars;
        let actor = match particulars.source {
            Source::Api => Actor::Api,
            Source::Ivr => Actor::Ivr,
            Source::Ui | Source::Recreate => Actor::Ui(particulars.created_by.clone().unwrap_or_default()),
        };
        self.callback.apply(actor, self.callback.created_at, particulars.first_changes())
    }
}

/// What `book` comes to.
#[derive(Debug, Clone, PartialEq)]
pub enum Booked {
    /// It is durable; the record as written.
    Accepted(Box<Callback>),
    /// Its key was answered before with this callback; nothing was written now (I6).
    Repeated(CallbackId),
    /// Nothing was written. Proposals are still empty.
    Refused(Refusal),
}

/// Decides the counted steps of chapter 4 on what is booked so far: 9 to 12, then the given later refusal, then capacity.
///
/// Rules: R-CRE-1, R-THR-4 to R-THR-12, R-BK-1, R-CAP-4, R-CAP-5, R-CR-10.
///
/// # Errors
/// The first step that refuses.
pub fn admit(booking: &NewBooking, ledger: &Ledger) -> Result<(), Refusal> {
    let counts = ledger.counts(booking);
    throttle::check(&booking.limits, &counts, booking.callback.kind, booking.reach, booking.callback.created_at)?;
    if let Some(refusal) = &booking.refused_later {
        return Err(refusal.clone());
    }
    if let Some(claim) = &booking.slot
        && ledger.remaining(claim) == 0
    {
        let at = booking.callback.desired_at;
        return Err(Refusal::SlotUnavailable { at, proposals: Default::default() });
    }
    debug_assert!(
        booking.slot.is_some() == (booking.callback.kind == Kind::Scheduled),
        "a SCHEDULED booking claims a cell"
    );
    Ok(())
}

#[cfg(test)]
mod tests;
