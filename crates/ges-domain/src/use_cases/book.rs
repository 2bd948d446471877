//! Creating a callback (chapter 4). The numbers in the code are the steps of its table.

use std::sync::Arc;

use crate::booking::{BookRequest, Booked, Classified, Considered, NewBooking, Wish, consider};
use crate::callback::{Callback, Kind, Source, State, Submission};
use crate::idempotency::Keyed;
use crate::phone::{NumberRefusal, NumberingPlan};
use crate::ports::{Bookings, Catalogue, Clock, HumanCheck, HumanVerdict, Ids};
use crate::service::Service;
use crate::throttle::{KnownWindows, Reach};
use crate::use_cases::refused::Refused;
use crate::use_cases::{AtOffer, CurrentWait};
use crate::{CallbackId, Instant, Refusal, TenantId};

/// What a booking under a key came to.
#[derive(Debug, Clone, PartialEq)]
pub enum Created {
    /// It is booked now.
    Now(Box<Callback>),
    /// It was booked before.
    Before(CallbackId),
}

impl Created {
    /// The callback the answer names.
    pub fn id(&self) -> CallbackId {
        match self {
            Self::Now(callback) => callback.id,
            Self::Before(id) => *id,
        }
    }
}

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
    /// Whether visitors are people.
    pub human: Arc<dyn HumanCheck>,
    /// Store time.
    pub clock: Arc<dyn Clock>,
    /// New ids.
    pub ids: Arc<dyn Ids>,
}

impl BookCallback {
    /// Books for a resolved tenant (step 1) from a parsed request (step 2).
    ///
    /// # Errors
    /// Any refusal of steps 3 to 16; those about time carry proposals (R-PRP-1).
    pub async fn run(&self, tenant: TenantId, request: BookRequest) -> Result<Callback, Refusal> {
        match self.book(tenant, request, None).await? {
            Created::Now(callback) => Ok(*callback),
            // Only a request under a key is answered so; a store that does it otherwise is not to be trusted.
            Created::Before(_) => Err(Refusal::StoreUnavailable),
        }
    }

    /// Books a request that came under a key: once, however often and wherever at the same time it is sent (I6). Ask
    /// [`KeptAnswers::recall`](crate::ports::KeptAnswers::recall) first: a repetition may come when the desired time is over.
    ///
    /// # Errors
    /// As [`BookCallback::run`], and `KeyReused`.
    pub async fn run_once(&self, tenant: TenantId, request: BookRequest, keyed: Keyed) -> Result<Created, Refusal> {
        self.book(tenant, request, Some(keyed)).await
    }

    async fn book(&self, tenant: TenantId, mut request: BookRequest, keyed: Option<Keyed>) -> Result<Created, Refusal> {
        let now = self.clock.now();
        // 3
        let found = self.catalogue.service(tenant, &request.service).await?;
        let service = found.filter(|service| !service.removed);
        let service = service.ok_or_else(|| Refusal::UnknownService(request.service.to_string()))?;
        self.check_captcha(tenant, &service, &mut request).await?; // 4
        let offer = self.wait.at_offer(tenant, &service, &request.particulars, now).await;
        let ewt = offer.wait;
        let wish = Wish {
            desired: request.desired,
            always_check_capacity: request.particulars.always_check_capacity,
            phone: &request.phone,
            has_push_target: !request.particulars.push_targets.is_empty(),
            source: request.particulars.source,
        };
        // 5 to 8 refuse at once; 13 and 14 are kept back
        let considered = consider(&service, &wish, &*self.plan, now, ewt)?;
        if request.particulars.own_session.is_some() && considered.wanted.kind == Kind::Scheduled {
            return Err(Refusal::invalid("_ors_session_id", "goes with an immediate callback only"));
        }
        let refused_cell = considered.refused_cell;
        let booking = NewBooking { keyed, ..self.draw_up(tenant, &service, request, considered, offer, now) };
        let always_check = booking.callback.particulars.always_check_capacity;
        let desired = booking.callback.desired_at;
        // 9 to 12, 15, 16
        match self.bookings.book(booking).await? {
            Booked::Accepted(callback) => Ok(Created::Now(callback)),
            Booked::Repeated(id) => Ok(Created::Before(id)),
            Booked::Refused(refusal @ (Refusal::OfficeClosed { .. } | Refusal::SlotUnavailable { .. })) => {
                let forecast = always_check.then_some(ewt);
                let full = matches!(refusal, Refusal::SlotUnavailable { .. });
                let refused = refused_cell.or_else(|| full.then(|| service.schedule().cell_at(desired)));
                let asked = Refused { tenant, service: &service, wanted: desired, refused, forecast };
                Err(refusal.with_proposals(asked.propose(&*self.bookings, now).await?))
            }
            Booked::Refused(refusal) => Err(refusal),
        }
    }

    /// Step 4: a token that a verifier accepts, where the service requires one of the public (R-CPT-2, R-CPT-6).
    async fn check_captcha(
        &self,
        tenant: TenantId,
        service: &Service,
        request: &mut BookRequest,
    ) -> Result<(), Refusal> {
        if request.particulars.source != Source::Api || !service.settings.captcha_required {
            return Ok(());
        }
        let token = request.captcha_token.as_ref().filter(|token| !token.text.is_empty());
        let token = token.ok_or(Refusal::CaptchaFailed)?;
        let site_key = service.settings.captcha_site_key.as_deref();
        match self.human.check(tenant, site_key, token).await {
            HumanVerdict::Human => Ok(()),
            HumanVerdict::NotHuman | HumanVerdict::Ambiguous => Err(Refusal::CaptchaFailed),
            HumanVerdict::Unavailable => Err(Refusal::CaptchaUnavailable),
            HumanVerdict::Unverified => {
                request.particulars.captcha_unverified = true;
                Ok(())
            }
        }
    }

    /// The record as it will be written (T1, T2).
    fn draw_up(
        &self,
        tenant: TenantId,
        service: &Service,
        request: BookRequest,
        considered: Considered,
        offer: AtOffer,
        now: Instant,
    ) -> NewBooking {
        let Classified { kind, desired, .. } = considered.wanted;
        let mut particulars = request.particulars;
        (particulars.ewt_at_creation, particulars.position_at_creation) = (offer.ewt, offer.position);
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
            keyed: None,
            known: KnownWindows::default(),
        }
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
