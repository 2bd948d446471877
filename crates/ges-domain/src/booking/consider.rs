//! The pure part of chapter 4: steps 5 to 8, 13, 14, and what of 15 no count decides. Creating, rescheduling and editing run
//! the same checks (R-EDT-1).

use std::time::Duration;

use super::{Classified, SlotClaim, classify};
use crate::callback::{Direction, Kind, Source};
use crate::phone::{NumberingPlan, PhoneKey, PhoneNumber, plausibility};
use crate::service::Service;
use crate::slots::{BookingRefusal, Cell};
use crate::{Instant, Proposals, Refusal};

/// What somebody asks for, as far as the pure checks look at it.
#[derive(Debug, Clone, Copy)]
pub struct Wish<'a> {
    /// The wanted time; none means as soon as possible.
    pub desired: Option<Instant>,
    /// Whether the wait counts against the cell (R-BK-3).
    pub always_check_capacity: bool,
    /// The number to call.
    pub phone: &'a PhoneNumber,
    /// Whether anybody can be pushed (R-TYP-7).
    pub has_push_target: bool,
    /// Who asks.
    pub source: Source,
}

/// What the pure checks found out.
#[derive(Debug, Clone)]
pub struct Considered {
    /// Type and time.
    pub wanted: Classified,
    /// The number's key.
    pub phone_key: PhoneKey,
    /// The place it asks for, for SCHEDULED.
    pub slot: Option<SlotClaim>,
    /// A refusal of steps 13 to 15, kept back because the counted steps 9 to 12 go before it.
    pub refused_later: Option<Refusal>,
    /// The cell that the wait overtakes, which proposals leave out.
    pub refused_cell: Option<Cell>,
}

/// Steps 5 to 8: what does not depend on the time. Gives the key of the wish's number.
///
/// # Errors
/// The first refusal in the order of chapter 4.
pub fn check_terms(
    service: &Service,
    kind: Kind,
    wish: &Wish<'_>,
    plan: &dyn NumberingPlan,
) -> Result<PhoneKey, Refusal> {
    let settings = &service.settings;
    // 5
    match kind {
        Kind::Immediate if !settings.immediate_callback_enabled => return Err(Refusal::ImmediateDisabled),
        Kind::Immediate if service.paused => return Err(Refusal::ServicePaused),
        Kind::Scheduled if !settings.scheduled_callback_enabled => return Err(Refusal::ScheduledDisabled),
        _ => {}
    }
    // 6; channel and form of each target were read in step 2
    if settings.call_direction == Direction::UserOriginated && !wish.has_push_target {
        return Err(Refusal::PushTargetRequired);
    }
    // 7
    let phone_key = plausibility(plan, wish.phone, &service.screening(), wish.source == Source::Api)?;
    // 8
    if service.blocks(plan, &phone_key) {
        return Err(Refusal::NumberBlocked);
    }
    Ok(phone_key)
}

/// Runs the pure checks of chapter 4 in their order.
///
/// `ewt`: the wait by R-EWT-9. Rules: R-TYP-1 to R-TYP-7, R-PAU-2, R-NUM-5 to R-NUM-8, R-NV-5, R-NV-12, R-CRE-4, R-CRE-5, R-BK-1 to R-BK-4.
///
/// # Errors
/// A refusal of steps 5 to 8. Later ones are in [`Considered::refused_later`].
pub fn consider(
    service: &Service,
    wish: &Wish<'_>,
    plan: &dyn NumberingPlan,
    now: Instant,
    ewt: Duration,
) -> Result<Considered, Refusal> {
    let schedule = service.schedule();
    let mut wanted = classify(wish.desired, wish.always_check_capacity, now, ewt, &schedule.cell_at(now));
    let phone_key = check_terms(service, wanted.kind, wish, plan)?;
    // 13
    let refusal = wanted.refusal.take();
    let desired = wanted.desired;
    let mut considered = Considered { wanted, phone_key, slot: None, refused_later: refusal, refused_cell: None };
    if considered.refused_later.is_some() {
        return Ok(considered);
    }
    // 14, and the part of 15 that no count decides
    let closed = Refusal::OfficeClosed { at: desired, proposals: Proposals::new() };
    match considered.wanted.kind {
        Kind::Immediate => {
            if !schedule.immediate_open(now, ewt) || !schedule.hours.is_open(desired) {
                considered.refused_later = Some(closed);
            }
        }
        Kind::Scheduled => match schedule.check_booking(desired, now, wish.always_check_capacity.then_some(ewt)) {
            Ok(claim) => considered.slot = Some(claim),
            Err(BookingRefusal::OfficeClosed) => considered.refused_later = Some(closed),
            Err(BookingRefusal::SlotUnavailable { cell }) => {
                let overtaken = Refusal::SlotUnavailable { at: desired, proposals: Proposals::new() };
                considered.refused_later = Some(overtaken);
                considered.refused_cell = Some(cell);
            }
        },
    }
    Ok(considered)
}
