//! Consumers: book, look up, cancel, and try again when something breaks.

use std::sync::Arc;
use std::time::Duration;

use ges_domain::booking::BookRequest;
use ges_domain::callback::Particulars;
use ges_domain::idempotency::Operation;
use ges_domain::invariants::{Acknowledged, CancelAnswered, Read, Repeated};
use ges_domain::phone::PhoneNumber;
use ges_domain::ports::{KeptAnswers, ServiceRef};
use ges_domain::{CallbackId, Instant, Refusal, TenantId};
use ges_testkit::builders::{START, consumer_cancels, keyed};

use crate::desk::{Desk, ask};
use crate::trace::short;
use crate::weather::ACTIVE;
use crate::world::World;

/// One consumer's day.
pub(crate) async fn client(world: Arc<World>, desks: Arc<[Arc<Desk>]>, nth: u64) {
    let consumer = Consumer::new(Arc::clone(&world), desks, nth);
    let chance = &world.chance;
    // Some come at once, because somebody told them all.
    let rush = chance.happens(0.3);
    let arrival = if rush { chance.millis(600_000, 605_000) } else { chance.seconds(0, ACTIVE.as_secs() * 9 / 10) };
    tokio::time::sleep(arrival).await;
    let service = chance.one_of(&World::services()).clone();
    let Some(booked) = consumer.book(&service, nth).await else { return };
    if chance.happens(0.3) {
        tokio::time::sleep(chance.seconds(0, 300)).await;
        consumer.look_up(booked).await;
    }
    if chance.happens(0.35) {
        let soon = chance.happens(0.5);
        tokio::time::sleep(if soon { chance.millis(0, 8_000) } else { chance.seconds(8, 3_600) }).await;
        consumer.cancel(service.tenant, booked).await;
    }
}

/// Somebody who asks for callbacks, at any of the API nodes.
pub(crate) struct Consumer {
    pub(crate) world: Arc<World>,
    desks: Arc<[Arc<Desk>]>,
    name: String,
}

impl Consumer {
    pub(crate) fn new(world: Arc<World>, desks: Arc<[Arc<Desk>]>, nth: u64) -> Self {
        Self { world, desks, name: format!("client{nth}") }
    }

    pub(crate) fn desk(&self) -> Arc<Desk> {
        Arc::clone(self.world.chance.one_of(&self.desks))
    }

    fn note(&self, what: impl AsRef<str>) {
        self.world.note(&self.name, what);
    }

    /// As soon as possible, in a moment, in one of the cells that everybody wants, or at any time.
    fn wish(&self) -> Option<Instant> {
        let (chance, now) = (&self.world.chance, self.world.now());
        match chance.between(0, 100) {
            0..35 => None,
            35..42 => Some(now + chance.seconds(0, 120)),
            42..85 => {
                let cell = chance.between(1, 5);
                Some(START + Duration::from_secs(cell * 900 + *chance.one_of(&[0, 300, 600])))
            }
            _ => Some(now + chance.seconds(130, 3_600)),
        }
    }

    async fn book(&self, service: &ServiceRef, nth: u64) -> Option<CallbackId> {
        let chance = &self.world.chance;
        let desired = self.wish();
        let priority = chance.happens(0.3).then(|| i32::try_from(chance.between(0, 10)).unwrap_or(0) - 5);
        let phone = PhoneNumber::new(&format!("+1650466{:04}", 1_000 + nth)).ok()?;
        let request = BookRequest {
            service: service.name.clone(),
            phone,
            desired,
            priority,
            captcha_token: None,
            particulars: Particulars::default(),
        };
        let key = format!("order-{nth}");
        for _ in 0..4 {
            match self.create(service.tenant, &request, &key, 1).await {
                Some(Ok(id)) => {
                    let answered_at = self.world.now();
                    self.note(format!("is told that {} is booked", short(id)));
                    let create =
                        Acknowledged { tenant: service.tenant, id, service: service.name.clone(), answered_at };
                    self.world.seen().acknowledged.push(create);
                    self.ask_again(service.tenant, &request, &key).await;
                    return Some(id);
                }
                Some(Err(Refusal::StoreUnavailable)) | None => {
                    self.note("got no answer to a booking");
                    tokio::time::sleep(chance.seconds(1, 20)).await;
                }
                Some(Err(_)) => return None,
            }
        }
        None
    }

    /// Books under a key, the way the API does it (I6).
    pub(crate) async fn create(
        &self,
        tenant: TenantId,
        request: &BookRequest,
        key: &str,
        body: u8,
    ) -> Option<Result<CallbackId, Refusal>> {
        let (desk, request, keyed) = (self.desk(), request.clone(), keyed(Operation::Create, key, body));
        let work = async move {
            let kept = desk.node.recall(tenant, keyed.operation, &keyed.key).await?;
            match keyed.answered(kept.as_ref())? {
                Some(id) => Ok(CallbackId(id)),
                None => Ok(desk.book.run_once(tenant, request, keyed).await?.id()),
            }
        };
        let answer = ask(&self.world, work).await;
        let told = match &answer {
            Some(Ok(id)) => Some((200, id.0.as_u64_pair().1)),
            Some(Err(Refusal::KeyReused)) => Some((422, 0)),
            _ => None,
        };
        let number = key.bytes().fold(0, |hash: u64, byte| hash.wrapping_mul(31).wrapping_add(byte.into()));
        let repeated = told.map(|answer| Repeated { tenant, key: number, body: body.into(), answer });
        self.world.seen().repeated.extend(repeated);
        answer
    }

    /// Some send everything twice, and some mix up their keys.
    pub(crate) async fn ask_again(&self, tenant: TenantId, request: &BookRequest, key: &str) {
        let chance = &self.world.chance;
        if chance.happens(0.2) {
            tokio::time::sleep(chance.millis(0, 5_000)).await;
            self.create(tenant, request, key, 1).await;
        }
        if chance.happens(0.1) {
            self.create(tenant, request, key, 2).await;
        }
    }

    /// Somebody else asks for it as well, and must not find it.
    pub(crate) async fn look_up(&self, id: CallbackId) {
        for service in World::services() {
            let (desk, tenant) = (self.desk(), service.tenant);
            let answer = ask(&self.world, async move { desk.retrieve.run(tenant, id).await }).await;
            if let Some(Ok(found)) = answer {
                self.world.seen().reads.push(Read { by: tenant, id: found.id });
            }
        }
    }

    /// Cancels until there is an answer; none after many tries.
    pub(crate) async fn cancel(&self, tenant: TenantId, id: CallbackId) -> Option<Result<(), Refusal>> {
        for _ in 0..8 {
            let desk = self.desk();
            let answer = ask(&self.world, async move { desk.cancel.run(tenant, id, consumer_cancels()).await }).await;
            let answered_at = self.world.now();
            match answer {
                Some(Err(Refusal::StoreUnavailable)) | None => {
                    self.note(format!("got no answer to the cancel of {}", short(id)));
                    tokio::time::sleep(self.world.chance.seconds(1, 20)).await;
                }
                Some(answer) => {
                    let success = answer.is_ok();
                    self.note(format!("is told about the cancel of {}: {success}", short(id)));
                    self.world.seen().cancels.push(CancelAnswered { id, success, answered_at });
                    return Some(answer.map(drop));
                }
            }
        }
        None
    }
}
