//! Orchestration: reads the stream, collapses repeats, and runs a session for every attempt.
//!
//! A session keeps its contract: it calls nobody before it was accepted and before the earliest instant, and it stops when
//! it is refused or told to.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use ges_domain::Refusal;
use ges_domain::callback::{Callback, SessionEnd, SessionUpdate, State};
use ges_domain::invariants::{Dial, Entry, SessionTold};
use ges_testkit::builders::{ending, session, update};

use crate::bug::Bug;
use crate::desk::{Desk, ask};
use crate::trace::short;
use crate::world::World;

/// Reads the stream for ever.
pub(crate) async fn consume(world: Arc<World>, desks: Arc<[Arc<Desk>]>) {
    let mut seen = BTreeSet::new();
    for nth in 0.. {
        let written = world.ledger.nth(nth).await;
        let entry = written.entry.clone();
        if !seen.insert((entry.id, entry.attempt)) {
            world.note("floor", format!("{} attempt {} was seen before", short(entry.id), entry.attempt));
            continue;
        }
        let (for_it, desks) = (Arc::clone(&world), Arc::clone(&desks));
        world.spawn(async move {
            tokio::time::sleep_until(written.readable).await;
            let name = format!("S-{}-{}", short(entry.id), entry.attempt);
            Session { world: for_it, desks, entry, name, seq: 0 }.run().await;
        });
    }
}

/// Whether an update arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Heard {
    Yes,
    No,
    /// It was refused: the session has no right to go on.
    Stop,
}

struct Session {
    world: Arc<World>,
    desks: Arc<[Arc<Desk>]>,
    entry: Entry,
    name: String,
    seq: u64,
}

impl Session {
    async fn run(mut self) {
        let (weather, world) = (self.world.weather(), Arc::clone(&self.world));
        let chance = &world.chance;
        let late = chance.happens(weather.session_late);
        tokio::time::sleep(if late { chance.seconds(20, 240) } else { chance.millis(50, 5_000) }).await;
        world.floor.change(&self.name, |_| {});
        self.errand().await;
        world.floor.change(&self.name, |errand| (errand.over, errand.talking) = (true, false));
        world.note(&self.name, "ends");
    }

    async fn errand(&mut self) {
        let (weather, world) = (self.world.weather(), Arc::clone(&self.world));
        let chance = &world.chance;
        let heard = self.say(update(&self.name, 0, State::Queued), true).await;
        self.told(heard != Heard::Stop);
        if heard == Heard::Stop || chance.happens(weather.session_silent) {
            return;
        }
        if chance.happens(weather.session_lost) {
            tokio::time::sleep(chance.seconds(0, 60)).await;
            self.give_up(if chance.happens(0.2) { SessionEnd::Handover } else { SessionEnd::Lost }).await;
            return;
        }
        let agents = Arc::clone(&world.floor.agents);
        for dial in 1..=3 {
            self.wait_for_the_moment().await;
            let Ok(agent) = agents.acquire().await else { return };
            if self.stopped().await {
                return;
            }
            let routing = SessionUpdate { dial_attempts: Some(dial), ..update(&self.name, 0, State::Routing) };
            if self.say(routing, false).await == Heard::Stop || self.stopped().await {
                return;
            }
            self.dial();
            tokio::time::sleep(chance.seconds(3, 30)).await;
            if chance.happens(weather.session_lost / 3.0) {
                self.give_up(SessionEnd::Lost).await;
                return;
            }
            if chance.happens(0.7) && !self.stopped().await {
                world.floor.change(&self.name, |errand| errand.talking = true);
                self.say(update(&self.name, 0, State::Processing), false).await;
                tokio::time::sleep(chance.seconds(10, 300)).await;
                self.say(ending(&self.name, 0, "AGENT_CONNECTED"), true).await;
                return;
            }
            self.say(update(&self.name, 0, State::Queued), false).await;
            drop(agent);
            tokio::time::sleep(chance.seconds(20, 120)).await;
        }
        if !self.stopped().await {
            self.say(ending(&self.name, 0, "NO_ANSWER"), true).await;
        }
    }

    async fn wait_for_the_moment(&self) {
        if self.world.has(Bug::EarlyDial) {
            return;
        }
        let now = self.world.now();
        tokio::time::sleep(self.entry.earliest_dial.since(now) + Duration::from_millis(1)).await;
    }

    /// Whether it was told to stop; finishes what is to be finished.
    async fn stopped(&mut self) -> bool {
        let errand = self.world.floor.errand(&self.name);
        if errand.cancelled && !errand.terminated {
            self.say(ending(&self.name, 0, "CANCELLED"), true).await;
        }
        errand.cancelled || errand.terminated
    }

    async fn give_up(&mut self, end: SessionEnd) {
        let last = SessionUpdate { end: Some(end), state: None, ..update(&self.name, 0, State::Queued) };
        self.say(last, true).await;
    }

    fn dial(&self) {
        let (id, at) = (self.entry.id, self.world.now());
        self.world.note(&self.name, "calls the consumer");
        self.world.seen().dials.push(Dial { id, session: session(&self.name), at });
    }

    /// Takes note of the answer to the first offer. An acceptance counts from when the store wrote it.
    fn told(&self, accepted: bool) {
        let id = self.entry.id;
        let now = self.world.now();
        let mut seen = self.world.seen();
        let bound = seen.bound.get(&(id, self.name.clone())).copied();
        let at = bound.filter(|_| accepted).unwrap_or(now);
        seen.sessions.push(SessionTold { id, session: session(&self.name), accepted, at });
    }

    /// Sends an update, until it is answered if it `must`. It may arrive twice, later, or never.
    async fn say(&mut self, update: SessionUpdate, must: bool) -> Heard {
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
