//! Click-To-Call-In: asking for a number, and finding whose call it is (chapter 15).

use std::sync::Arc;

use crate::call_in::{AccessNumber, CallInRequest, Draft, Draws, Group, GroupName, IncomingCall, code_of};
use crate::callback::{Source, UserData};
use crate::idempotency::Keyed;
use crate::phone::{NumberingPlan, PhoneKey, PhoneNumber, Screening, key_of, plausibility};
use crate::ports::{CallIns, Catalogue, Chance, Clock, Ids, KeptAnswers, Record, Reserved, StoreError};
use crate::service::Service;
use crate::use_cases::CarryOutWishes;
use crate::{CallInId, CallbackId, Refusal, TenantId, throttle};

/// What somebody who is about to call asks for.
#[derive(Debug, Clone)]
pub struct CallInWish {
    /// The group.
    pub group: GroupName,
    /// The number the call will come from.
    pub from: Option<PhoneNumber>,
    /// Attached data.
    pub user_data: UserData,
    /// A callback to tie to the request.
    pub callback: Option<CallbackId>,
}

/// What asking for a number came to.
#[derive(Debug, Clone, PartialEq)]
pub enum CalledFor {
    /// It was given now.
    Now(Box<CallInRequest>),
    /// It was given before, under the same key.
    Before(Box<CallInRequest>),
}

impl CalledFor {
    /// The request the answer shows.
    pub fn request(&self) -> &CallInRequest {
        match self {
            Self::Now(request) | Self::Before(request) => request,
        }
    }
}

/// Hands out a number to call.
pub struct RequestCallIn {
    /// Groups and requests.
    pub call_ins: Arc<dyn CallIns>,
    /// What was answered under keys.
    pub kept: Arc<dyn KeptAnswers>,
    /// Callbacks that requests may be tied to.
    pub record: Arc<dyn Record>,
    /// Services that groups belong to.
    pub catalogue: Arc<dyn Catalogue>,
    /// What numbers mean.
    pub plan: Arc<dyn NumberingPlan>,
    /// Store time.
    pub clock: Arc<dyn Clock>,
    /// New ids.
    pub ids: Arc<dyn Ids>,
    /// Codes nobody can guess.
    pub chance: Arc<dyn Chance>,
}

impl RequestCallIn {
    /// Puts it over one store.
    pub fn over<S: CallIns + Catalogue + KeptAnswers + Record + 'static>(
        store: &Arc<S>,
        plan: Arc<dyn NumberingPlan>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
        chance: Arc<dyn Chance>,
    ) -> Self {
        Self {
            call_ins: store.clone(),
            kept: store.clone(),
            record: store.clone(),
            catalogue: store.clone(),
            plan,
            clock,
            ids,
            chance,
        }
    }

    /// Makes a request that waits for its call (R-CTI-1 to R-CTI-8); under a key once, however often it is sent (I6).
    ///
    /// # Errors
    /// `UnknownGroup`, `NotFound` for the callback, `ImpossibleNumber`, `PremiumNumber`, `NumberBlocked`, `NoCallInNumber`,
    /// `KeyReused`, `StoreUnavailable`.
    pub async fn run(
        &self,
        tenant: TenantId,
        wish: CallInWish,
        source: Source,
        keyed: Option<Keyed>,
    ) -> Result<CalledFor, Refusal> {
        if let Some(keyed) = &keyed {
            let kept = self.kept.recall(tenant, keyed.operation, &keyed.key).await?;
            if let Some(before) = keyed.answered(kept.as_ref())? {
                return self.before(tenant, CallInId(before)).await;
            }
        }
        let now = self.clock.now();
        let unknown = || Refusal::UnknownGroup(wish.group.to_string());
        let group = self.call_ins.group(tenant, &wish.group).await?.ok_or_else(unknown)?;
        if let Some(id) = wish.callback {
            let found = self.record.find(tenant, id, now).await?;
            found.ok_or_else(|| Refusal::NotFound(id.to_string()))?;
        }
        let from = match wish.from.clone() {
            None => None,
            Some(number) => {
                let key = self.screen(tenant, &group, &number, source).await?;
                Some((number, key))
            }
        };
        let draft = Draft {
            id: self.ids.call_in_id(),
            tenant,
            group: wish.group.clone(),
            from,
            user_data: wish.user_data.clone(),
            callback: wish.callback,
            draws: Draws { number: self.chance.draw(), code: self.chance.draw() },
            created_at: now,
            keyed,
        };
        match self.call_ins.reserve(draft).await? {
            Reserved::Taken(request) => Ok(CalledFor::Now(request)),
            Reserved::Repeated(id) => self.before(tenant, id).await,
            Reserved::KeyReused => Err(Refusal::KeyReused),
            Reserved::NothingFree => Err(Refusal::NoCallInNumber),
            Reserved::UnknownGroup => Err(unknown()),
        }
    }

    /// The request of an earlier answer. It is kept far longer than the answer's key.
    async fn before(&self, tenant: TenantId, id: CallInId) -> Result<CalledFor, Refusal> {
        let request = self.call_ins.request(tenant, id).await?;
        Ok(CalledFor::Before(Box::new(request.ok_or(Refusal::StoreUnavailable)?)))
    }

    /// The checks of chapter 13 with the settings of the group's service.
    async fn screen(
        &self,
        tenant: TenantId,
        group: &Group,
        number: &PhoneNumber,
        source: Source,
    ) -> Result<PhoneKey, Refusal> {
        let (service, screening) = ruling(&*self.catalogue, tenant, group).await?;
        let key = plausibility(&*self.plan, number, &screening, source == Source::Api)?;
        match service {
            Some(service) if service.blocks(&*self.plan, &key) => Err(Refusal::NumberBlocked),
            _ => Ok(key),
        }
    }
}

/// The service of a group, and how its numbers are screened: as the service says, else the tenant, else the product (R-THR-1).
async fn ruling(
    catalogue: &dyn Catalogue,
    tenant: TenantId,
    group: &Group,
) -> Result<(Option<Arc<Service>>, Screening), StoreError> {
    let service = match &group.service {
        Some(name) => catalogue.service(tenant, name).await?,
        None => None,
    };
    let screening = match &service {
        Some(service) => service.screening(),
        None => throttle::screening(&throttle::Settings::default(), &catalogue.tenant_throttle(tenant).await?),
    };
    Ok((service, screening))
}

/// A call as the switch reports it.
#[derive(Debug, Clone)]
pub struct ReportedCall {
    /// The number that was dialed.
    pub number: AccessNumber,
    /// What was typed, if anything was.
    pub code: Option<String>,
    /// Where it comes from, when that is shown.
    pub caller: Option<PhoneNumber>,
}

/// Finds the request of an incoming call.
pub struct MatchCallIn {
    /// Groups and requests.
    pub call_ins: Arc<dyn CallIns>,
    /// Services that groups belong to.
    pub catalogue: Arc<dyn Catalogue>,
    /// Tells sessions that wait for their consumer.
    pub wishes: CarryOutWishes,
    /// What numbers mean.
    pub plan: Arc<dyn NumberingPlan>,
    /// Store time.
    pub clock: Arc<dyn Clock>,
}

impl MatchCallIn {
    /// The request of a call, which is MATCHED from then on; none when it belongs to nobody (R-CTI-11 to R-CTI-13). It is noted
    /// in a tied callback in the same act; the session of one hears of it by [`Self::announce`].
    ///
    /// # Errors
    /// `StoreUnavailable`: the call may ask again.
    pub async fn run(&self, tenant: TenantId, call: ReportedCall) -> Result<Option<CallInRequest>, Refusal> {
        let now = self.clock.now();
        let code = match call.code.as_deref().map(code_of).transpose() {
            Ok(code) => code,
            Err(_) => return Ok(None), // R-CTI-12
        };
        let caller_keys = match &call.caller {
            Some(caller) if code.is_none() => self.keys_of(tenant, &call.number, caller).await?,
            _ => Vec::new(),
        };
        let call = IncomingCall { number: call.number, code, caller: call.caller, caller_keys };
        Ok(self.call_ins.match_call(tenant, &call, now).await?)
    }

    /// Tells the session of the callback a matched request is tied to that the consumer is on the line (R-CTI-14). For after the
    /// switch has its answer: a session may take its time. What does not succeed now, [`CarryOutWishes`] repeats.
    ///
    /// # Errors
    /// [`StoreError`]: the session may or may not have heard.
    pub async fn announce(&self, request: &CallInRequest) -> Result<(), StoreError> {
        let Some(id) = request.callback else { return Ok(()) };
        let found = self.wishes.record.find(request.tenant, id, self.clock.now()).await?;
        if let Some(callback) = found.filter(|callback| callback.call_in_to_tell().is_some()) {
            self.wishes.run(&callback).await?;
        }
        Ok(())
    }

    /// The keys a caller's number has in the countries of the groups that use this access number.
    async fn keys_of(
        &self,
        tenant: TenantId,
        number: &AccessNumber,
        caller: &PhoneNumber,
    ) -> Result<Vec<PhoneKey>, Refusal> {
        let mut keys = Vec::new();
        for group in self.call_ins.groups(tenant).await?.iter().filter(|group| group.numbers.contains(number)) {
            let (_, screening) = ruling(&*self.catalogue, tenant, group).await?;
            let key = key_of(&*self.plan, caller, &screening.default_country);
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        Ok(keys)
    }
}
