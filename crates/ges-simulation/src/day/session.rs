//! Sessions that follow the floor: they queue, an agent is reserved, the consumer's phone rings, somebody answers, a machine does,
//! nobody does; agents get lost, and the node with everything on it may.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use ges_domain::callback::{Reason, SessionEnd, SessionUpdate, State};
use ges_domain::ports::ServiceRef;
use ges_sim::floor::{NewCall, What};
use ges_testkit::builders::{START, update};
use tokio::sync::mpsc;

use super::plan;
use super::town::{Deed, Town};
use crate::bug::Bug;
use crate::desk::Desk;
use crate::speech::{Heard, Speech};
use crate::trace::short;
use crate::world::World;

/// Of a thousand reservations so many agents do not keep theirs.
const AGENT_LEAVES: f64 = 0.006;
/// What becomes of a consumer's phone that is picked up.
const MACHINE: f64 = 0.04;
const HANGS_UP: f64 = 0.015;
const AGENT_LOST: f64 = 0.01;
/// Of phones that nobody picks up, so many are busy.
const BUSY: f64 = 0.3;

/// Reads the stream for ever.
pub(crate) async fn consume(world: Arc<World>, town: Arc<Town>, desks: Arc<[Arc<Desk>]>) {
    let mut seen = BTreeSet::new();
    for nth in 0.. {
        let written = world.ledger.nth(nth).await;
        let entry = written.entry.clone();
        if !seen.insert((entry.id, entry.attempt)) {
            town.tally.count("stream entries that came twice");
            continue;
        }
        let (for_it, town, desks) = (Arc::clone(&world), Arc::clone(&town), Arc::clone(&desks));
        world.spawn(async move {
            tokio::time::sleep_until(written.readable).await;
            let name = format!("S-{}-{}", short(entry.id), entry.attempt);
            let (node, alive, deeds) = town.enter(&for_it.chance, &name, entry.id);
            let speech = Speech { world: Arc::clone(&for_it), desks, entry, name: name.clone(), seq: 0 };
            let Some(session) = Session::new(Arc::clone(&town), speech, node, deeds).await else { return };
            tokio::select! {
                biased;
                () = alive.cancelled() => for_it.note(&name, format!("is lost with {node}")),
                () = session.run() => town.leave(&name),
            }
        });
    }
}

/// What is left to do after a while on the floor.
enum Next {
    /// It queues once more, after this rest.
    Again(Duration),
    Over,
}

struct Session {
    speech: Speech,
    town: Arc<Town>,
    node: &'static str,
    deeds: mpsc::UnboundedReceiver<Deed>,
    service: ServiceRef,
    priority: i32,
    most_dials: u32,
    redial: Duration,
    /// Dial attempts that count against the most there may be.
    dials: u32,
    /// All of them.
    called: u32,
}

impl Session {
    async fn new(
        town: Arc<Town>,
        speech: Speech,
        node: &'static str,
        deeds: mpsc::UnboundedReceiver<Deed>,
    ) -> Option<Self> {
        let entry = &speech.entry;
        let found = speech.world.look_up(entry.tenant, entry.id, entry.at).await.ok()??;
        let service = ServiceRef { tenant: found.tenant, name: found.service };
        let desk = town.plan.desk(&service)?;
        let (most_dials, redial) = (desk.dials, Duration::from_secs(desk.redial.into()));
        let priority = found.priority.unwrap_or(0);
        Some(Self { town, speech, node, deeds, service, priority, most_dials, redial, dials: 0, called: 0 })
    }

    async fn run(mut self) {
        let world = Arc::clone(&self.speech.world);
        tokio::time::sleep(world.chance.millis(200, 3_000)).await;
        let bind = SessionUpdate { url: Some(format!("http://{}", self.node)), ..self.at(State::Queued) };
        let heard = self.speech.say(bind, true).await;
        self.speech.told(heard != Heard::Stop);
        if heard == Heard::Stop {
            self.town.tally.count("sessions that were refused");
            return;
        }
        let mut not_before = self.speech.entry.earliest_dial;
        for leg in 1.. {
            let call = NewCall {
                id: format!("{}/{leg}", self.speech.name),
                queue: plan::queue_of(&self.service),
                earliest_dial: not_before.millis().unsigned_abs(),
                priority: self.priority,
                max_dial_attempts: Some(self.most_dials - self.dials),
                redial_ms: u64::try_from(self.redial.as_millis()).ok(),
                calls_in: false,
            };
            let happens = self.town.line_up(&self.speech.name, call);
            match self.on_the_floor(happens).await {
                Next::Again(rest) => not_before = world.now().max(START) + rest,
                Next::Over => return,
            }
        }
    }

    async fn on_the_floor(&mut self, mut happens: mpsc::UnboundedReceiver<What>) -> Next {
        let mut there = true;
        loop {
            let next = tokio::select! {
                biased;
                deed = self.deeds.recv() => self.obey(deed).await,
                what = happens.recv(), if there => match what {
                    Some(what) => self.follow(what).await,
                    // Somebody took it off; the deed that did it follows.
                    None => { there = false; None }
                },
            };
            if let Some(next) = next {
                self.town.cut(&self.speech.name);
                return next;
            }
        }
    }

    /// What happened on the floor.
    async fn follow(&mut self, what: What) -> Option<Next> {
        let world = Arc::clone(&self.speech.world);
        let chance = &world.chance;
        match what {
            What::Reserved if chance.happens(AGENT_LEAVES) => {
                self.town.tally.count("agents lost before the call");
                self.town.cut(&self.speech.name);
                match self.say(State::Routing).await {
                    Some(()) => self.back_to_the_queue(Duration::ZERO).await,
                    None => Some(Next::Over),
                }
            }
            What::Reserved => self.say(State::Routing).await.is_none().then_some(Next::Over),
            What::Dialed(_) => {
                (self.dials, self.called) = (self.dials + 1, self.called + 1);
                self.speech.dial();
                let told = SessionUpdate { state: None, ..self.at(State::Routing) };
                self.hear(told, false).await.is_none().then_some(Next::Over)
            }
            What::Connected => self.picked_up().await,
            What::Requeued => {
                self.missed();
                self.say(State::Queued).await.is_none().then_some(Next::Over)
            }
            What::Ended("AGENT_CONNECTED") => self.finish("AGENT_CONNECTED").await,
            What::Ended(_) => {
                let last = self.missed();
                let reason = if self.most_dials == 1 { last } else { "REDIAL_LIMIT_REACHED" };
                self.finish(reason).await
            }
        }
    }

    /// Somebody, or something, answers the phone.
    async fn picked_up(&mut self) -> Option<Next> {
        let world = Arc::clone(&self.speech.world);
        let drawn = world.chance.between(0, 10_000) as f64 / 10_000.0;
        if drawn < MACHINE {
            self.town.tally.count("dials: answering machine");
            self.town.cut(&self.speech.name);
            if self.dials >= self.most_dials {
                let reason = if self.most_dials == 1 { "ANSWERING_MACHINE" } else { "REDIAL_LIMIT_REACHED" };
                return self.finish(reason).await;
            }
            return self.back_to_the_queue(self.redial).await;
        }
        self.town.tally.count("dials: answered");
        if drawn < MACHINE + HANGS_UP {
            self.town.cut(&self.speech.name);
            return self.finish("ABANDONED_IN_QUEUE").await;
        }
        if self.say(State::Processing).await.is_none() {
            return Some(Next::Over);
        }
        if drawn < MACHINE + HANGS_UP + AGENT_LOST {
            self.town.tally.count("agents lost in a conversation");
            tokio::time::sleep(world.chance.seconds(1, 20)).await;
            self.town.cut(&self.speech.name);
            if self.dials >= self.most_dials {
                return self.finish("FAIL_AGENT_CONNECT").await;
            }
            return self.back_to_the_queue(Duration::ZERO).await;
        }
        None
    }

    /// Nobody picked up. Says how.
    fn missed(&self) -> &'static str {
        let busy = self.speech.world.chance.happens(BUSY);
        self.town.tally.count(if busy { "dials: busy" } else { "dials: no answer" });
        if busy { "BUSY" } else { "NO_ANSWER" }
    }

    async fn back_to_the_queue(&mut self, rest: Duration) -> Option<Next> {
        if self.speech.world.has(Bug::DialsForgotten) {
            self.dials = 0;
        }
        Some(match self.say(State::Queued).await {
            Some(()) => Next::Again(rest),
            None => Next::Over,
        })
    }

    async fn obey(&mut self, deed: Option<Deed>) -> Option<Next> {
        match deed {
            None | Some(Deed::Stop) => Some(Next::Over),
            Some(Deed::Finish(reason)) => self.finish(&reason).await,
            Some(Deed::HandBack) => {
                let end = SessionUpdate { end: Some(SessionEnd::Handover), state: None, ..self.at(State::Queued) };
                self.speech.say(end, true).await;
                Some(Next::Over)
            }
            Some(Deed::Say(state)) => self.say(state).await.is_none().then_some(Next::Over),
        }
    }

    async fn finish(&mut self, reason: &str) -> Option<Next> {
        let end = SessionUpdate { reason: Reason::new(reason).ok(), ..self.at(State::Completed) };
        self.speech.say(end, true).await;
        Some(Next::Over)
    }

    /// Says where the callback stands; none: it was refused and has to stop.
    async fn say(&mut self, state: State) -> Option<()> {
        let told = self.at(state);
        // A conversation must be known: nobody cancels it any more.
        self.hear(told, state == State::Processing).await
    }

    async fn hear(&mut self, told: SessionUpdate, must: bool) -> Option<()> {
        (self.speech.say(told, must).await != Heard::Stop).then_some(())
    }

    /// Every update repeats how often the consumer was called: one that told it may have been lost.
    fn at(&self, state: State) -> SessionUpdate {
        SessionUpdate { dial_attempts: (self.called > 0).then_some(self.called), ..update(&self.speech.name, 0, state) }
    }
}
