//! Creating a callback (chapter 4). The numbers in the code are the steps of its table.

use std::sync::Arc;
use std::time::Duration;

use crate::booking::{BookRequest, Booked, Classified, NewBooking, SlotClaim, classify};
use crate::callback::{Callback, Direction, Kind, Source, State, Submission};
use crate::phone::{NumberRefusal, NumberingPlan, PhoneKey, Screening, plausibility};
use crate::ports::{Bookings, Catalogue, Clock, Ids};
use crate::proposals::{self, propose};
use crate::service::Service;
use crate::slots::{BookingRefusal, Cell};
use crate::throttle::Reach;
use crate::use_cases::CurrentWait;
use crate::{Instant, Proposals, Refusal, TenantId};

/// Takes a booking or says why not. The first failing step decides, and nothing is changed (chapter 4).
pub struct BookCallback {
    /// What is provisioned.
    pub catalogue: Arc<dyn Catalogue>,
    /// Where bookings are kept.
    pub bookings: Arc<dyn Bookings>,
    /// How long people wait.
    pub wait: Arc<CurrentWait>,
    /// What numbers mean.
    pub plan: Arc<dyn NumberingPlan>,
    /// Store time.
    pub clock: Arc<dyn Clock>,
    /// New ids.
    pub ids: Arc<dyn Ids>,
}

/// What the pure steps have found out about a request.
struct Considered {
    wanted: Classified,
    ewt: Duration,
    phone_key: PhoneKey,
    slot: Option<SlotClaim>,
    refused_later: Option<Refusal>,
    refused_cell: Option<Cell>,
}

impl BookCallback {
    /// Books for a resolved tenant (step 1) from a parsed request (step 2).
    ///
    /// # Errors
    /// Any refusal of steps 3 to 16; those about time carry proposals (R-PRP-1).
    pub async fn run(&self, tenant: TenantId, request: BookRequest) -> Result<Callback, Refusal> {
        let now = self.clock.now();
        // 3
        let found = self.catalogue.service(tenant, &request.service).await?;
        let service = found.filter(|service| !service.removed);
        let service = service.ok_or_else(|| Refusal::UnknownService(request.service.to_string()))?;
        self.check_captcha(&service, &request)?; // 4
        let ewt = self.wait.of(tenant, &service, now).await;
        let considered = self.consider(&service, &request, now, ewt)?;
        let refused_cell = considered.refused_cell;
        let booking = self.draw_up(tenant, &service, request, considered, now);
        let always_check = booking.callback.particulars.always_check_capacity;
        let desired = booking.callback.desired_at;
        // 9 to 12, 15, 16
        match self.bookings.book(booking).await? {
            Booked::Accepted(callback) => Ok(*callback),
            Booked::Refused(refusal @ (Refusal::OfficeClosed { .. } | Refusal::SlotUnavailable { .. })) => {
                let forecast = always_check.then_some(ewt);
                let full = matches!(refusal, Refusal::SlotUnavailable { .. });
                let refused = refused_cell.or_else(|| full.then(|| service.schedule().cell_at(desired)));
                let proposals = self.propose(tenant, &service, desired, now, refused, forecast).await?;
                Err(refusal.with_proposals(proposals))
            }
            Booked::Refused(refusal) => Err(refusal),
        }
    }

    /// Step 4. No verifier is provisioned yet, so a service that requires one cannot be booked from outside (R-CPT-2, R-CPT-5).
    fn check_captcha(&self, service: &Service, request: &BookRequest) -> Result<(), Refusal> {
        if request.particulars.source != Source::Api || !service.settings.captcha_required {
            return Ok(());
        }
        Err(match request.captcha_token {
            None => Refusal::CaptchaFailed,
            Some(_) => Refusal::CaptchaUnavailable,
        })
    }

    /// Steps 5 to 8 refuse at once; 13 and 14 are kept back, because 9 to 12 go before them.
    fn consider(
        &self,
        service: &Service,
        request: &BookRequest,
        now: Instant,
        ewt: Duration,
    ) -> Result<Considered, Refusal> {
        let particulars = &request.particulars;
        let schedule = service.schedule();
        let wanted = classify(request.desired, particulars.always_check_capacity, now, ewt, &schedule.cell_at(now));
        // 5
        match wanted.kind {
            Kind::Immediate if !service.settings.immediate_callback_enabled => return Err(Refusal::ImmediateDisabled),
            Kind::Immediate if service.paused => return Err(Refusal::ServicePaused),
            Kind::Scheduled if !service.settings.scheduled_callback_enabled => return Err(Refusal::ScheduledDisabled),
            _ => {}
        }
        // 6; channel and form of each target were read in step 2
        if service.settings.call_direction == Direction::UserOriginated && particulars.push_targets.is_empty() {
            return Err(Refusal::PushTargetRequired);
        }
        // 7
        let screening = Screening {
            default_country: service.settings.default_country,
            block_impossible: service.settings.block_impossible,
            block_premium: service.settings.block_premium,
        };
        let external = particulars.source == Source::Api;
        let phone_key = plausibility(&*self.plan, &request.phone, &screening, external)?;
        // 13
        let mut considered = Considered { ewt, phone_key, slot: None, refused_later: None, refused_cell: None, wanted };
        if let Some(refusal) = considered.wanted.refusal.take() {
            considered.refused_later = Some(refusal);
            return Ok(considered);
        }
        // 14, and the part of 15 that no count decides
        let desired = considered.wanted.desired;
        let closed = Refusal::OfficeClosed { at: desired, proposals: Proposals::new() };
        match considered.wanted.kind {
            Kind::Immediate => {
                if !schedule.immediate_open(now, ewt) || !schedule.hours.is_open(desired) {
                    considered.refused_later = Some(closed);
                }
            }
            Kind::Scheduled => {
                let forecast = particulars.always_check_capacity.then_some(ewt);
                match schedule.check_booking(desired, now, forecast) {
                    Ok(claim) => considered.slot = Some(claim),
                    Err(BookingRefusal::OfficeClosed) => considered.refused_later = Some(closed),
                    Err(BookingRefusal::SlotUnavailable { cell }) => {
                        let full = Refusal::SlotUnavailable { at: desired, proposals: Proposals::new() };
                        considered.refused_later = Some(full);
                        considered.refused_cell = Some(cell);
                    }
                }
            }
        }
        Ok(considered)
    }

    /// The record as it will be written (T1, T2).
    fn draw_up(
        &self,
        tenant: TenantId,
        service: &Service,
        request: BookRequest,
        considered: Considered,
        now: Instant,
    ) -> NewBooking {
        let Classified { kind, desired, .. } = considered.wanted;
        let mut particulars = request.particulars;
        particulars.ewt_at_creation = u32::try_from(considered.ewt.as_secs()).ok().filter(|ewt| *ewt > 0);
        let reach = match particulars.source {
            Source::Api | Source::Ivr => Reach::Public,
            Source::Ui | Source::Recreate => Reach::Staff,
        };
        let callback = Callback {
            id: self.ids.callback_id(),
            tenant,
            service: service.name.clone(),
            kind,
            direction: service.settings.call_direction,
            state: if kind == Kind::Scheduled { State::Scheduled } else { State::Queued },
            reason: None,
            phone: request.phone,
            phone_key: considered.phone_key,
            desired_at: desired,
            created_at: now,
            updated_at: now,
            completed_at: None,
            deadline: desired + service.settings.ttl(),
            priority: request.priority.or(service.settings.default_priority),
            particulars,
            submission: Submission::default(),
            session: None,
            dial_attempts: 0,
            cancel: None,
            reschedules: 0,
            version: 0,
            session_seq: 0,
            position: None,
            ewt: None,
        };
        NewBooking {
            callback,
            slot: considered.slot,
            limits: service.limits(),
            reach,
            refused_later: considered.refused_later,
        }
    }

    /// Free cells near the wanted time; none where scheduled callbacks are not offered (R-PRP-1, R-CRE-4).
    async fn propose(
        &self,
        tenant: TenantId,
        service: &Service,
        wanted: Instant,
        now: Instant,
        refused: Option<Cell>,
        forecast: Option<Duration>,
    ) -> Result<Proposals, Refusal> {
        if !service.settings.scheduled_callback_enabled {
            return Ok(Proposals::new());
        }
        let range = proposals::span(now).usage();
        let usage = self.bookings.usage(tenant, &service.name, range.start, range.end).await?;
        Ok(propose(&service.schedule(), &usage, wanted, now, refused.as_ref(), forecast))
    }
}

impl From<NumberRefusal> for Refusal {
    fn from(refusal: NumberRefusal) -> Self {
        match refusal {
            NumberRefusal::Impossible => Self::ImpossibleNumber,
            NumberRefusal::Premium => Self::PremiumNumber,
        }
    }
}
