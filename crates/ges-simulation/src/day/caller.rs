//! Consumers: they book for now or for later, take what is proposed to them, look up, change their mind, and some call themselves.

use std::sync::Arc;
use std::time::Duration;

use ges_domain::booking::BookRequest;
use ges_domain::call_in::GroupName;
use ges_domain::callback::{Actor, Particulars, Source};
use ges_domain::invariants::Acknowledged;
use ges_domain::phone::PhoneNumber;
use ges_domain::ports::ServiceRef;
use ges_domain::use_cases::{CallInWish, ReportedCall};
use ges_domain::{CallbackId, Instant, Refusal};
use ges_testkit::builders::START;

use super::plan::{CLOSES, OPENS};
use super::town::Town;
use crate::clients::Consumer;
use crate::desk::{Desk, ask};
use crate::world::World;

/// The call-in group of every tenant.
pub(crate) const GROUP: &str = "CallUs";

/// Times a consumer asks for before giving up.
const TRIES: u32 = 4;

/// One consumer's day.
pub(crate) async fn consumer(world: Arc<World>, town: Arc<Town>, desks: Arc<[Arc<Desk>]>, nth: u64, arrival: Duration) {
    tokio::time::sleep(arrival).await;
    let caller = Caller { of: Consumer::new(Arc::clone(&world), desks, nth), town };
    let chance = &world.chance;
    let service = caller.town.plan.wanted(chance).service.clone();
    let Some(booked) = caller.book(&service, nth).await else { return };
    if chance.happens(0.05) {
        caller.call_in(&service, booked, nth).await;
    }
    if chance.happens(0.2) {
        tokio::time::sleep(chance.seconds(0, 600)).await;
        caller.of.look_up(booked).await;
    }
    if chance.happens(0.07) {
        tokio::time::sleep(chance.seconds(5, 3_600)).await;
        caller.reschedule(&service, booked).await;
    }
    if chance.happens(0.12) {
        let soon = chance.happens(0.5);
        tokio::time::sleep(if soon { chance.seconds(0, 600) } else { chance.seconds(600, 14_400) }).await;
        caller.cancel(&service, booked).await;
    }
}

/// The number of a consumer. A few share one.
pub(crate) fn number(nth: u64) -> String {
    let shared = if nth.is_multiple_of(50) { nth / 2 } else { nth };
    format!("+1{}", 6_504_000_000 + shared)
}

struct Caller {
    of: Consumer,
    town: Arc<Town>,
}

impl Caller {
    fn world(&self) -> &World {
        &self.of.world
    }

    /// As soon as possible, or at some later time of the day.
    fn wish(&self) -> Option<Instant> {
        let (world, now) = (self.world(), self.world().now());
        let open = START + OPENS <= now && now < START + CLOSES;
        if open && world.chance.happens(0.55) {
            return None;
        }
        let from = now.max(START + OPENS) + Duration::from_secs(360);
        let left = (START + CLOSES).since(from).as_secs();
        Some(from + world.chance.seconds(0, left.max(60)))
    }

    async fn book(&self, service: &ServiceRef, nth: u64) -> Option<CallbackId> {
        let (world, tally) = (self.world(), &self.town.tally);
        let mut desired = self.wish();
        let mut request = BookRequest {
            service: service.name.clone(),
            phone: PhoneNumber::new(&number(nth)).ok()?,
            desired,
            priority: None,
            captcha_token: None,
            particulars: Particulars::default(),
        };
        let mut wishes = 1;
        for _ in 0..TRIES {
            // What got no answer is sent again under its key.
            wishes += u32::from(request.desired != desired);
            request.desired = desired;
            let key = format!("order-{nth}-{wishes}");
            let refusal = match self.of.create(service.tenant, &request, &key, 1).await {
                Some(Ok(id)) => {
                    let answered_at = world.now();
                    let create =
                        Acknowledged { tenant: service.tenant, id, service: service.name.clone(), answered_at };
                    world.seen().acknowledged.push(create);
                    self.of.ask_again(service.tenant, &request, &key).await;
                    return Some(id);
                }
                Some(Err(refusal)) => refusal,
                None => Refusal::StoreUnavailable,
            };
            tally.count(refused(&refusal));
            let closes = START + CLOSES;
            desired = match refusal {
                Refusal::OfficeClosed { proposals, .. } | Refusal::SlotUnavailable { proposals, .. } => {
                    let some: Vec<Instant> = proposals.into_keys().filter(|at| *at < closes).collect();
                    if some.is_empty() {
                        return None;
                    }
                    Some(*world.chance.one_of(&some))
                }
                Refusal::ServicePaused | Refusal::QueueFull => Some(world.now() + world.chance.seconds(1_800, 5_400)),
                Refusal::StoreUnavailable | Refusal::UnknownService(_) => {
                    tokio::time::sleep(world.chance.seconds(1, 120)).await;
                    desired
                }
                _ => return None,
            };
        }
        None
    }

    async fn reschedule(&self, service: &ServiceRef, id: CallbackId) {
        let world = self.world();
        let from = world.now() + Duration::from_secs(600);
        let left = (START + CLOSES).since(from).as_secs();
        if left < 600 {
            return;
        }
        let (desk, tenant) = (self.of.desk(), service.tenant);
        let desired = (!world.chance.happens(0.1)).then(|| from + world.chance.seconds(0, left));
        let answer = ask(world, async move { desk.reschedule.run(tenant, id, desired, Actor::Api).await }).await;
        self.town.tally.count(match answer {
            Some(Ok(_)) => "reschedules that succeeded",
            Some(Err(Refusal::NotReschedulable(_))) => "reschedules that came too late",
            Some(Err(Refusal::StoreUnavailable)) | None => "reschedules without an answer",
            Some(Err(_)) => "reschedules to a time that was not free",
        });
    }

    async fn cancel(&self, service: &ServiceRef, id: CallbackId) {
        let answer = self.of.cancel(service.tenant, id).await;
        self.town.tally.count(match answer {
            Some(Ok(())) => "cancels that won",
            Some(Err(Refusal::NotCancellable)) => "cancels that an agent was quicker than",
            Some(Err(Refusal::AlreadyCompleted)) => "cancels of what had ended",
            Some(Err(_)) => "cancels that were refused otherwise",
            None => "cancels without an answer",
        });
    }

    /// Asks for a number to call, tied to the callback; most do call.
    async fn call_in(&self, service: &ServiceRef, id: CallbackId, nth: u64) {
        let (world, tally, tenant) = (self.world(), &self.town.tally, service.tenant);
        let (Ok(group), Ok(from)) = (GroupName::new(GROUP), PhoneNumber::new(&number(nth))) else { return };
        let desk = self.of.desk();
        let wish = CallInWish { group, from: Some(from.clone()), user_data: Default::default(), callback: Some(id) };
        let given = ask(world, async move { desk.call_in.run(tenant, wish, Source::Api, None).await }).await;
        let Some(Ok(given)) = given else {
            tally.count("call-ins without a number");
            return;
        };
        tally.count("call-ins asked for");
        if !world.chance.happens(0.7) {
            return;
        }
        tokio::time::sleep(world.chance.seconds(5, 150)).await;
        let desk = self.of.desk();
        let number = given.request().reservation.number.clone();
        let call = ReportedCall { number, code: None, caller: Some(from) };
        let answering = Arc::clone(&desk);
        let matched = ask(world, async move { answering.match_call.run(tenant, call).await }).await;
        if let Some(Ok(Some(request))) = matched.clone() {
            let announced = async move { desk.match_call.announce(&request).await.map_err(Refusal::from) };
            drop(ask(world, announced).await);
        }
        let found = matches!(&matched, Some(Ok(Some(request))) if request.callback == Some(id));
        tally.count(if found { "call-ins that were matched" } else { "call-ins that came too late" });
    }
}

fn refused(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::OfficeClosed { .. } => "refused: office closed",
        Refusal::SlotUnavailable { .. } => "refused: slot full",
        Refusal::ServicePaused => "refused: paused",
        Refusal::QueueFull => "refused: queue full",
        Refusal::EnqueueLimitReached => "refused: number waits already",
        Refusal::UnknownService(_) => "refused: service not provisioned",
        Refusal::StoreUnavailable => "no answer to a booking",
        _ => "refused otherwise",
    }
}
