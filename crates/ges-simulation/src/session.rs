//! Orchestration: reads the stream, collapses repeats, and runs a session for every attempt.
//!
//! A session keeps its contract: it calls nobody before it was accepted and before the earliest instant, and it stops when
//! it is refused or told to.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use ges_domain::callback::{SessionEnd, SessionUpdate, State};
use ges_testkit::builders::{ending, update};

use crate::bug::Bug;
use crate::desk::Desk;
use crate::floor::Floor;
use crate::speech::{Heard, Speech};
use crate::trace::short;
use crate::world::World;

/// Reads the stream for ever.
pub(crate) async fn consume(world: Arc<World>, floor: Arc<Floor>, desks: Arc<[Arc<Desk>]>) {
    let mut seen = BTreeSet::new();
    for nth in 0.. {
        let written = world.ledger.nth(nth).await;
        let entry = written.entry.clone();
        if !seen.insert((entry.id, entry.attempt)) {
            world.note("floor", format!("{} attempt {} was seen before", short(entry.id), entry.attempt));
            continue;
        }
        let (for_it, floor, desks) = (Arc::clone(&world), Arc::clone(&floor), Arc::clone(&desks));
        world.spawn(async move {
            tokio::time::sleep_until(written.readable).await;
            let name = format!("S-{}-{}", short(entry.id), entry.attempt);
            let speech = Speech { world: for_it, desks, entry, name, seq: 0 };
            Session { speech, floor }.run().await;
        });
    }
}

struct Session {
    speech: Speech,
    floor: Arc<Floor>,
}

impl Session {
    async fn run(mut self) {
        let (weather, world) = (self.speech.world.weather(), Arc::clone(&self.speech.world));
        let chance = &world.chance;
        let late = chance.happens(weather.session_late);
        tokio::time::sleep(if late { chance.seconds(20, 240) } else { chance.millis(50, 5_000) }).await;
        self.floor.change(&self.speech.name, |_| {});
        self.errand().await;
        self.floor.change(&self.speech.name, |errand| (errand.over, errand.talking) = (true, false));
        world.note(&self.speech.name, "ends");
    }

    async fn errand(&mut self) {
        let (weather, world) = (self.speech.world.weather(), Arc::clone(&self.speech.world));
        let chance = &world.chance;
        let heard = self.speech.say(update(&self.speech.name, 0, State::Queued), true).await;
        self.speech.told(heard != Heard::Stop);
        if heard == Heard::Stop || chance.happens(weather.session_silent) {
            return;
        }
        if chance.happens(weather.session_lost) {
            tokio::time::sleep(chance.seconds(0, 60)).await;
            self.give_up(if chance.happens(0.2) { SessionEnd::Handover } else { SessionEnd::Lost }).await;
            return;
        }
        let agents = Arc::clone(&self.floor.agents);
        for dial in 1..=3 {
            self.wait_for_the_moment().await;
            let Ok(agent) = agents.acquire().await else { return };
            if self.stopped().await {
                return;
            }
            let routing = SessionUpdate { dial_attempts: Some(dial), ..update(&self.speech.name, 0, State::Routing) };
            if self.speech.say(routing, false).await == Heard::Stop || self.stopped().await {
                return;
            }
            self.speech.dial();
            tokio::time::sleep(chance.seconds(3, 30)).await;
            if chance.happens(weather.session_lost / 3.0) {
                self.give_up(SessionEnd::Lost).await;
                return;
            }
            if chance.happens(0.7) && !self.stopped().await {
                self.floor.change(&self.speech.name, |errand| errand.talking = true);
                self.speech.say(update(&self.speech.name, 0, State::Processing), false).await;
                tokio::time::sleep(chance.seconds(10, 300)).await;
                self.speech.say(ending(&self.speech.name, 0, "AGENT_CONNECTED"), true).await;
                return;
            }
            self.speech.say(update(&self.speech.name, 0, State::Queued), false).await;
            drop(agent);
            tokio::time::sleep(chance.seconds(20, 120)).await;
        }
        if !self.stopped().await {
            self.speech.say(ending(&self.speech.name, 0, "NO_ANSWER"), true).await;
        }
    }

    async fn wait_for_the_moment(&self) {
        if self.speech.world.has(Bug::EarlyDial) {
            return;
        }
        let now = self.speech.world.now();
        tokio::time::sleep(self.speech.entry.earliest_dial.since(now) + Duration::from_millis(1)).await;
    }

    /// Whether it was told to stop; finishes what is to be finished.
    async fn stopped(&mut self) -> bool {
        let errand = self.floor.errand(&self.speech.name);
        if errand.cancelled && !errand.terminated {
            self.speech.say(ending(&self.speech.name, 0, "CANCELLED"), true).await;
        }
        errand.cancelled || errand.terminated
    }

    async fn give_up(&mut self, end: SessionEnd) {
        let last = SessionUpdate { end: Some(end), state: None, ..update(&self.speech.name, 0, State::Queued) };
        self.speech.say(last, true).await;
    }
}
