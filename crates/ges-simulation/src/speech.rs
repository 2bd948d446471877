//! What a session says to the service: its updates, on their way lost, doubled or late; and the calls it makes.

use std::sync::Arc;
use std::time::Duration;

use ges_domain::Refusal;
use ges_domain::callback::{Callback, SessionUpdate};
use ges_domain::invariants::{Dial, Entry, SessionTold};
use ges_testkit::builders::session;

use crate::desk::{Desk, ask};
use crate::world::World;

/// Whether an update arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heard {
    Yes,
    No,
    /// It was refused: the session has no right to go on.
    Stop,
}

/// The session of one stream entry, as the service hears it.
pub(crate) struct Speech {
    pub(crate) world: Arc<World>,
    pub(crate) desks: Arc<[Arc<Desk>]>,
    pub(crate) entry: Entry,
    /// The session's own name.
    pub(crate) name: String,
    /// Of the last update.
    pub(crate) seq: u64,
}

impl Speech {
    /// The consumer's phone rings.
    pub(crate) fn dial(&self) {
        let (id, at) = (self.entry.id, self.world.now());
        self.world.note(&self.name, "calls the consumer");
        self.world.seen().dials.push(Dial { id, session: session(&self.name), at });
    }

    /// Takes note of the answer to the first offer. An acceptance counts from when the store wrote it.
    pub(crate) fn told(&self, accepted: bool) {
        let id = self.entry.id;
        let now = self.world.now();
        let mut seen = self.world.seen();
        let bound = seen.bound.get(&(id, self.name.clone())).copied();
        let at = bound.filter(|_| accepted).unwrap_or(now);
        seen.sessions.push(SessionTold { id, session: session(&self.name), accepted, at });
    }

    /// Sends an update, until it is answered if it `must`. It may arrive twice, later, or never.
    pub(crate) async fn say(&mut self, update: SessionUpdate, must: bool) -> Heard {
        self.seq += 1;
        let update = SessionUpdate { seq: Some(self.seq), ..update };
        let (weather, world) = (self.world.weather(), Arc::clone(&self.world));
        let chance = &world.chance;
        if chance.happens(weather.update_doubled) {
            self.deliver_after(chance.seconds(0, 200), update.clone());
        }
        if !must && chance.happens(weather.update_late) {
            self.deliver_after(chance.seconds(1, 150), update);
            return Heard::No;
        }
        loop {
            let arrives = !chance.happens(world.weather().update_lost);
            let answer = if arrives { self.deliver(update.clone()).await } else { None };
            match answer {
                Some(Ok(_)) => return Heard::Yes,
                Some(Err(Refusal::NotYourSession | Refusal::NotFound(_))) => return Heard::Stop,
                Some(Err(Refusal::StoreUnavailable)) | None if must => {}
                Some(Err(Refusal::StoreUnavailable)) | None => return Heard::No,
                // A move that the life cycle does not know: the session goes on with what it does.
                Some(Err(_)) => return Heard::Yes,
            }
            tokio::time::sleep(chance.seconds(1, 15)).await;
        }
    }

    fn deliver_after(&self, delay: Duration, update: SessionUpdate) {
        let (world, desks) = (Arc::clone(&self.world), Arc::clone(&self.desks));
        let (entry, name) = (self.entry.clone(), self.name.clone());
        self.world.spawn(async move {
            tokio::time::sleep(delay).await;
            let copy = Self { world, desks, entry, name, seq: 0 };
            copy.deliver(update).await;
        });
    }

    async fn deliver(&self, update: SessionUpdate) -> Option<Result<Option<Callback>, Refusal>> {
        let desk = Arc::clone(self.world.chance.one_of(&self.desks));
        let (tenant, id) = (self.entry.tenant, self.entry.id);
        ask(&self.world, async move { desk.update.run(tenant, id, &update).await }).await
    }
}
