//! The day on the floor: calls queue, an agent is reserved, the consumer is dialed, somebody answers or does not.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use rand::SeedableRng as _;
use rand::rngs::StdRng;

use super::crew::{Group, Turn, around, conversation, happens, scaled};
use super::settings::FloorSettings;
use super::wait::{Estimate, Mode};

/// Groups made for queues nobody named; later ones share the last.
const GROUPS: usize = 1_000;

/// A call that joins a queue. Times are milliseconds since the epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCall {
    /// Unique name of the call.
    pub id: String,
    /// The queue it waits in.
    pub queue: String,
    /// It must not be dialed before (R-SUB-4).
    pub earliest_dial: u64,
    /// Higher ones are served first.
    pub priority: i32,
    /// Dial attempts, when it has a limit of its own; at least 1.
    pub max_dial_attempts: Option<u32>,
    /// Rest between attempts in milliseconds, when it has one of its own.
    pub redial_ms: Option<u64>,
    /// Nobody is dialed: the consumer calls in, once an agent is reserved or before.
    pub calls_in: bool,
}

/// What happened to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// An agent is reserved for it.
    Reserved,
    /// The consumer's phone rings for the n-th time, from 1; never for one who calls in.
    Dialed(u32),
    /// The consumer talks with the agent.
    Connected,
    /// Nobody answered; it waits for the next attempt.
    Requeued,
    /// It is over, with this reason.
    Ended(&'static str),
}

/// Something that happened, when and to whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happening {
    /// Milliseconds since the epoch.
    pub at: u64,
    /// The call.
    pub call: String,
    /// What.
    pub what: What,
}

/// What came of taking a call back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Withdrawal {
    /// It is gone; nobody will dial it any more.
    Removed,
    /// Too late: the consumer talks with an agent.
    Talking,
    /// No such call, or it is over.
    Unknown,
}

/// Where a call stands in its queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// From 1; 0 when it waits no longer.
    pub position: usize,
    /// How many wait in its queue.
    pub waiting: usize,
    /// Seconds until its turn.
    pub wait: Estimate,
}

/// A queue as the router sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueView {
    /// The wait of a caller who joins now.
    pub wait: Estimate,
    /// How many wait.
    pub waiting: usize,
    /// Agents logged in.
    pub agents: u32,
    /// Agents without a call.
    pub ready: u32,
    /// Average handling time in milliseconds.
    pub aht_ms: u64,
}

#[derive(Debug)]
struct Call {
    id: String,
    group: usize,
    priority: i32,
    earliest_dial: u64,
    max_dials: u32,
    redial_ms: u64,
    dials: u32,
    calls_in: bool,
    /// Whether the consumer is on the line.
    on_the_line: bool,
    phase: Phase,
}

#[derive(Debug, Clone, Copy)]
enum Phase {
    Waiting { from: u64 },
    Held { from: u64 },
    Reserving { until: u64 },
    Ringing { until: u64, answers: bool },
    Expecting { until: u64 },
    Talking { until: u64, since: u64 },
}

/// The floor. Every method takes the time and first lets everything happen that was due by then.
#[derive(Debug)]
pub struct Floor {
    settings: FloorSettings,
    groups: Vec<Group>,
    by_queue: HashMap<String, usize>,
    calls: BTreeMap<u64, Call>,
    by_id: HashMap<String, u64>,
    timers: BTreeSet<(u64, u64)>,
    arrivals: u64,
    clock: u64,
    rng: StdRng,
    happened: Vec<Happening>,
}

impl Floor {
    /// An empty floor.
    pub fn new(settings: FloorSettings, seed: u64) -> Self {
        let mut floor = Self {
            settings: FloorSettings::default(),
            groups: Vec::new(),
            by_queue: HashMap::new(),
            calls: BTreeMap::new(),
            by_id: HashMap::new(),
            timers: BTreeSet::new(),
            arrivals: 0,
            clock: 0,
            rng: StdRng::seed_from_u64(seed),
            happened: Vec::new(),
        };
        floor.restaff(settings, 0);
        floor
    }

    /// Gives the groups other people or pace. Calls on the floor stay where they are.
    pub fn restaff(&mut self, settings: FloorSettings, now: u64) {
        self.run(now);
        self.by_queue.clear();
        for wanted in &settings.groups {
            let index = match self.groups.iter().position(|group| group.name == wanted.name) {
                Some(index) => {
                    self.groups[index].crew = wanted.crew.clone();
                    index
                }
                None => {
                    self.groups.push(Group::new(&wanted.name, &wanted.crew));
                    self.groups.len() - 1
                }
            };
            self.by_queue.extend(wanted.queues.iter().map(|queue| (queue.clone(), index)));
        }
        self.settings = settings;
        self.run(now);
    }

    /// What it is set to.
    pub fn settings(&self) -> &FloorSettings {
        &self.settings
    }

    /// A call joins its queue. One that is on the floor already stays as it is.
    pub fn offer(&mut self, call: NewCall, now: u64) {
        self.run(now);
        if self.by_id.contains_key(&call.id) {
            return;
        }
        let group = self.group_of(&call.queue);
        let seq = self.arrivals;
        self.arrivals += 1;
        let redial = call.redial_ms.unwrap_or(self.groups[group].crew.redial_ms);
        self.by_id.insert(call.id.clone(), seq);
        let from = call.earliest_dial.max(self.clock);
        self.calls.insert(
            seq,
            Call {
                id: call.id,
                group,
                priority: call.priority,
                earliest_dial: call.earliest_dial,
                max_dials: call.max_dial_attempts.unwrap_or(self.settings.max_dial_attempts).max(1),
                redial_ms: scaled(redial, self.settings.speed),
                dials: 0,
                calls_in: call.calls_in,
                on_the_line: false,
                phase: Phase::Waiting { from },
            },
        );
        self.wait_until(seq, from);
        self.run(now);
    }

    /// Everything that happened up to `now` and was not told yet, in order.
    pub fn step(&mut self, now: u64) -> Vec<Happening> {
        self.run(now);
        std::mem::take(&mut self.happened)
    }

    /// When something happens next, if nobody calls in between.
    pub fn next_at(&self) -> Option<u64> {
        let timer = self.timers.first().map(|(at, _)| *at);
        let later = self.groups.iter().filter_map(|group| group.later.first()).map(|(at, _)| *at);
        later.chain(timer).min()
    }

    /// Takes a call back, unless the consumer talks with an agent already.
    pub fn withdraw(&mut self, id: &str, now: u64) -> Withdrawal {
        self.run(now);
        match self.find(id) {
            None => Withdrawal::Unknown,
            Some((_, Phase::Talking { .. })) => Withdrawal::Talking,
            Some((seq, _)) => {
                self.remove(seq);
                self.run(now);
                Withdrawal::Removed
            }
        }
    }

    /// Cuts a call off wherever it is.
    pub fn cut(&mut self, id: &str, now: u64) {
        self.run(now);
        if let Some((seq, _)) = self.find(id) {
            self.remove(seq);
        }
        self.run(now);
    }

    /// Keeps a call from being served, or lets it go on. `false` when its phone rings or it is past that.
    pub fn hold(&mut self, id: &str, held: bool, now: u64) -> bool {
        self.run(now);
        let Some((seq, phase)) = self.find(id) else { return false };
        let done = match (phase, held) {
            (Phase::Waiting { from }, true) => {
                self.leave_queue(seq);
                self.set_phase(seq, Phase::Held { from });
                true
            }
            (Phase::Reserving { .. }, true) => {
                self.release_agent(seq);
                let from = self.clock;
                self.set_phase(seq, Phase::Held { from });
                true
            }
            (Phase::Held { from }, false) => {
                let from = from.max(self.clock);
                self.set_phase(seq, Phase::Waiting { from });
                self.wait_until(seq, from);
                true
            }
            (Phase::Held { .. }, true) | (Phase::Waiting { .. }, false) => true,
            _ => false,
        };
        self.run(now);
        done
    }

    /// The consumer of a call calls in: the agent who expects them has them at once, else the next one who is reserved.
    pub fn called_in(&mut self, id: &str, now: u64) {
        self.run(now);
        let Some((seq, phase)) = self.find(id) else { return };
        if let Some(call) = self.calls.get_mut(&seq) {
            call.on_the_line = true;
        }
        if let Phase::Expecting { until } = phase {
            self.timers.remove(&(until, seq));
            self.connect(seq);
        }
        self.run(now);
    }

    /// Changes the priority of a call that waits.
    pub fn prioritise(&mut self, id: &str, priority: i32, now: u64) {
        self.run(now);
        let Some((seq, phase)) = self.find(id) else { return };
        if matches!(phase, Phase::Waiting { .. }) {
            self.leave_queue(seq);
        }
        if let Some(call) = self.calls.get_mut(&seq) {
            call.priority = priority;
        }
        if let Phase::Waiting { from } = phase {
            self.wait_until(seq, from);
        }
        self.run(now);
    }

    /// Makes the next thing happen to a call now: a redial, an answer, the end. Never a dial before its time.
    pub fn advance(&mut self, id: &str, now: u64) {
        self.run(now);
        let Some((seq, phase)) = self.find(id) else { return };
        let clock = self.clock;
        match phase {
            Phase::Waiting { .. } => {
                let earliest = self.calls.get(&seq).map_or(clock, |call| call.earliest_dial.max(clock));
                self.leave_queue(seq);
                self.set_phase(seq, Phase::Waiting { from: earliest });
                self.wait_until(seq, earliest);
            }
            Phase::Held { .. } => {}
            Phase::Reserving { until }
            | Phase::Ringing { until, .. }
            | Phase::Expecting { until }
            | Phase::Talking { until, .. } => {
                self.timers.remove(&(until, seq));
                let sooner = match phase {
                    Phase::Ringing { answers, .. } => Phase::Ringing { until: clock, answers },
                    Phase::Expecting { .. } => Phase::Expecting { until: clock },
                    Phase::Talking { since, .. } => Phase::Talking { until: clock, since },
                    _ => Phase::Reserving { until: clock },
                };
                self.set_phase(seq, sooner);
                self.timers.insert((clock, seq));
            }
        }
        self.run(now);
    }

    /// Where a call stands; none when it is not on the floor.
    pub fn place(&mut self, id: &str, now: u64) -> Option<Place> {
        self.run(now);
        let (seq, phase) = self.find(id)?;
        let call = self.calls.get(&seq)?;
        let group = &self.groups[call.group];
        let ahead = match phase {
            Phase::Waiting { .. } | Phase::Held { .. } => group.ready.range(..turn(call, seq)).count(),
            _ => return Some(Place { position: 0, waiting: group.ready.len(), wait: Estimate::Seconds(0) }),
        };
        let wait = match super::wait::mode2(ahead + 1, group.aht_ms(self.settings.speed), group.crew.agents) {
            Estimate::Seconds(_) if group.free() as usize > ahead => Estimate::Seconds(0),
            estimate => estimate,
        };
        Some(Place { position: ahead + 1, waiting: group.ready.len(), wait })
    }

    /// A queue as the router sees it; none when no group serves it and no call ever joined it. `on_hold`: calls that are held
    /// count as waiting.
    pub fn queue(&mut self, queue: &str, mode: Mode, on_hold: bool, now: u64) -> Option<QueueView> {
        self.run(now);
        let index = *self.by_queue.get(queue)?;
        let group = &self.groups[index];
        let speed = self.settings.speed;
        let held = |call: &&Call| on_hold && call.group == index && matches!(call.phase, Phase::Held { .. });
        let waiting = group.ready.len() + self.calls.values().filter(held).count();
        Some(QueueView {
            wait: group.estimate(mode, waiting, self.clock, speed),
            waiting,
            agents: group.crew.agents,
            ready: group.free(),
            aht_ms: group.aht_ms(speed),
        })
    }

    /// Lets everything happen that is due by `now`.
    fn run(&mut self, now: u64) {
        loop {
            self.assign();
            match self.next_at() {
                Some(at) if at <= now => self.clock = self.clock.max(at),
                _ => break,
            }
            self.promote();
            self.fire();
        }
        self.clock = self.clock.max(now);
    }

    /// Free agents take the calls whose turn it is.
    fn assign(&mut self) {
        for index in 0..self.groups.len() {
            while self.groups[index].free() > 0 {
                let Some((_, seq)) = self.groups[index].ready.pop_first() else { break };
                self.groups[index].busy += 1;
                let mean = scaled(self.groups[index].crew.reserve_ms, self.settings.speed);
                let until = self.clock + around(&mut self.rng, mean);
                self.set_phase(seq, Phase::Reserving { until });
                self.timers.insert((until, seq));
                self.tell(seq, What::Reserved);
            }
        }
    }

    /// Calls whose time has come may be served.
    fn promote(&mut self) {
        for index in 0..self.groups.len() {
            while let Some((at, seq)) = self.groups[index].later.first().copied() {
                if at > self.clock {
                    break;
                }
                self.groups[index].later.pop_first();
                if let Some(call) = self.calls.get(&seq) {
                    self.groups[index].ready.insert(turn(call, seq));
                }
            }
        }
    }

    /// Whatever a timer was set for.
    fn fire(&mut self) {
        while let Some((at, seq)) = self.timers.first().copied() {
            if at > self.clock {
                break;
            }
            self.timers.pop_first();
            match self.calls.get(&seq).map(|call| call.phase) {
                Some(Phase::Reserving { .. }) => self.dial(seq),
                Some(Phase::Ringing { answers: true, .. }) => self.connect(seq),
                Some(Phase::Ringing { answers: false, .. }) => self.give_up_attempt(seq),
                Some(Phase::Expecting { .. }) => self.give_up(seq, "CALL_IN_NOT_RECEIVED"),
                Some(Phase::Talking { since, .. }) => self.finish(seq, since),
                Some(Phase::Waiting { .. } | Phase::Held { .. }) | None => {}
            }
        }
    }

    fn dial(&mut self, seq: u64) {
        let Some(call) = self.calls.get_mut(&seq) else { return };
        if call.on_the_line {
            return self.connect(seq);
        }
        if call.calls_in {
            let until = self.clock + scaled(self.groups[call.group].crew.call_in_ms, self.settings.speed);
            call.phase = Phase::Expecting { until };
            self.timers.insert((until, seq));
            return;
        }
        call.dials += 1;
        let (dials, crew) = (call.dials, &self.groups[call.group].crew);
        let answers = happens(&mut self.rng, crew.answer);
        let rings = if answers {
            around(&mut self.rng, scaled(crew.ring_ms, self.settings.speed))
        } else {
            scaled(crew.ring_timeout_ms, self.settings.speed)
        };
        let until = self.clock + rings;
        call.phase = Phase::Ringing { until, answers };
        self.timers.insert((until, seq));
        self.tell(seq, What::Dialed(dials));
    }

    fn connect(&mut self, seq: u64) {
        let Some(call) = self.calls.get_mut(&seq) else { return };
        let group = &mut self.groups[call.group];
        group.departed(self.clock);
        let mean = scaled(group.crew.handling_ms, self.settings.speed);
        let until = self.clock + conversation(&mut self.rng, mean);
        call.phase = Phase::Talking { until, since: self.clock };
        self.timers.insert((until, seq));
        self.tell(seq, What::Connected);
    }

    fn give_up_attempt(&mut self, seq: u64) {
        let Some(call) = self.calls.get(&seq) else { return };
        if call.dials >= call.max_dials {
            let reason = if call.max_dials == 1 { "NO_ANSWER" } else { "REDIAL_LIMIT_REACHED" };
            return self.give_up(seq, reason);
        }
        let from = self.clock + call.redial_ms;
        self.release_agent(seq);
        self.set_phase(seq, Phase::Waiting { from });
        self.wait_until(seq, from);
        self.tell(seq, What::Requeued);
    }

    fn give_up(&mut self, seq: u64, reason: &'static str) {
        self.release_agent(seq);
        self.tell(seq, What::Ended(reason));
        self.forget(seq);
    }

    fn finish(&mut self, seq: u64, since: u64) {
        self.release_agent(seq);
        if let Some(call) = self.calls.get(&seq) {
            self.groups[call.group].handled(self.clock, self.clock - since);
        }
        self.tell(seq, What::Ended("AGENT_CONNECTED"));
        self.forget(seq);
    }

    fn group_of(&mut self, queue: &str) -> usize {
        if let Some(index) = self.by_queue.get(queue) {
            return *index;
        }
        if self.groups.len() < GROUPS {
            self.groups.push(Group::new(queue, &self.settings.elsewhere));
        }
        let index = self.groups.len() - 1;
        if self.by_queue.len() < GROUPS {
            self.by_queue.insert(queue.into(), index);
        }
        index
    }

    fn find(&self, id: &str) -> Option<(u64, Phase)> {
        let seq = *self.by_id.get(id)?;
        self.calls.get(&seq).map(|call| (seq, call.phase))
    }

    fn set_phase(&mut self, seq: u64, phase: Phase) {
        if let Some(call) = self.calls.get_mut(&seq) {
            call.phase = phase;
        }
    }

    fn wait_until(&mut self, seq: u64, from: u64) {
        let Some(call) = self.calls.get(&seq) else { return };
        let group = &mut self.groups[call.group];
        if from <= self.clock {
            group.ready.insert(turn(call, seq));
        } else {
            group.later.insert((from, seq));
        }
    }

    fn leave_queue(&mut self, seq: u64) {
        let Some(call) = self.calls.get(&seq) else { return };
        let group = &mut self.groups[call.group];
        group.ready.remove(&turn(call, seq));
        if let Phase::Waiting { from } = call.phase {
            group.later.remove(&(from, seq));
        }
    }

    /// Frees the agent of a call and forgets its timer.
    fn release_agent(&mut self, seq: u64) {
        let Some(call) = self.calls.get(&seq) else { return };
        if let Phase::Reserving { until }
        | Phase::Ringing { until, .. }
        | Phase::Expecting { until }
        | Phase::Talking { until, .. } = call.phase
        {
            self.timers.remove(&(until, seq));
            let group = &mut self.groups[call.group];
            group.busy = group.busy.saturating_sub(1);
        }
    }

    fn remove(&mut self, seq: u64) {
        self.leave_queue(seq);
        self.release_agent(seq);
        self.forget(seq);
    }

    fn forget(&mut self, seq: u64) {
        if let Some(call) = self.calls.remove(&seq) {
            self.by_id.remove(&call.id);
        }
    }

    fn tell(&mut self, seq: u64, what: What) {
        if let Some(call) = self.calls.get(&seq) {
            self.happened.push(Happening { at: self.clock, call: call.id.clone(), what });
        }
    }
}

fn turn(call: &Call, seq: u64) -> Turn {
    (Reverse(call.priority), seq)
}
