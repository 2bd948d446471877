//! The agent floor of `ges-sim` at work in virtual time: it tells every call what happens to it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ges_sim::floor::{Crew, Floor, FloorSettings, GroupSettings, Mode, NewCall, Place, QueueView, What, Withdrawal};
use ges_testkit::builders::START;
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant as Monotonic;

use super::plan::Plan;

pub(crate) struct AgentFloor {
    began: Monotonic,
    state: Mutex<State>,
    changed: Notify,
}

struct State {
    floor: Floor,
    calls: BTreeMap<String, mpsc::UnboundedSender<What>>,
}

impl State {
    fn deliver(&mut self, now: u64) {
        for happening in self.floor.step(now) {
            let over = matches!(happening.what, What::Ended(_));
            let heard = self.calls.get(&happening.call).is_some_and(|call| call.send(happening.what).is_ok());
            if over || !heard {
                self.calls.remove(&happening.call);
            }
        }
    }
}

impl AgentFloor {
    pub(crate) fn new(plan: &Plan, seed: u64, began: Monotonic) -> Self {
        let floor = Floor::new(settings(plan, Duration::ZERO), seed);
        Self { began, state: Mutex::new(State { floor, calls: BTreeMap::new() }), changed: Notify::new() }
    }

    /// A call queues. What happens to it comes through the channel, which ends when the call is taken off the floor.
    pub(crate) fn offer(&self, call: NewCall) -> mpsc::UnboundedReceiver<What> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.change(|state, now| {
            state.calls.insert(call.id.clone(), sender);
            state.floor.offer(call, now);
        });
        receiver
    }

    pub(crate) fn withdraw(&self, call: &str) -> Withdrawal {
        self.change(|state, now| {
            let withdrawal = state.floor.withdraw(call, now);
            if withdrawal == Withdrawal::Removed {
                state.calls.remove(call);
            }
            withdrawal
        })
    }

    pub(crate) fn cut(&self, call: &str) {
        self.change(|state, now| {
            state.floor.cut(call, now);
            state.calls.remove(call);
        });
    }

    pub(crate) fn hold(&self, call: &str, held: bool) -> bool {
        self.change(|state, now| state.floor.hold(call, held, now))
    }

    pub(crate) fn place(&self, call: &str) -> Option<Place> {
        self.change(|state, now| state.floor.place(call, now))
    }

    /// A queue as routers see it (R-EWT-3, mode2).
    pub(crate) fn queue(&self, queue: &str, on_hold: bool) -> Option<QueueView> {
        self.change(|state, now| state.floor.queue(queue, Mode::Mode2, on_hold, now))
    }

    fn change<T>(&self, act: impl FnOnce(&mut State, u64) -> T) -> T {
        let mut state = self.state();
        let now = self.now();
        let answer = act(&mut state, now);
        state.deliver(now);
        drop(state);
        self.changed.notify_one();
        answer
    }

    /// Milliseconds since the epoch.
    fn now(&self) -> u64 {
        let passed = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        START.millis().unsigned_abs() + passed
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets the floor live.
pub(crate) async fn live(floor: Arc<AgentFloor>) {
    loop {
        let next = {
            let mut state = floor.state();
            let now = floor.now();
            state.deliver(now);
            state.floor.next_at()
        };
        let due = async {
            match next {
                Some(at) => {
                    let from_beginning = at.saturating_sub(START.millis().unsigned_abs());
                    tokio::time::sleep_until(floor.began + Duration::from_millis(from_beginning)).await;
                }
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = floor.changed.notified() => {}
            () = due => {}
        }
    }
}

/// Lets agents come, take their breaks, and go.
pub(crate) async fn staff(floor: Arc<AgentFloor>, plan: Arc<Plan>) {
    let stretches = plan.desks.iter().flat_map(|desk| &desk.stretches);
    let mut changes: Vec<Duration> = stretches.flat_map(|(from, until)| [*from, *until]).collect();
    changes.sort_unstable();
    changes.dedup();
    for at in changes {
        tokio::time::sleep_until(floor.began + at).await;
        floor.change(|state, now| state.floor.restaff(settings(&plan, at), now));
    }
}

fn settings(plan: &Plan, at: Duration) -> FloorSettings {
    let groups = plan.desks.iter().map(|desk| GroupSettings {
        name: desk.queue(),
        queues: vec![desk.queue()],
        crew: Crew {
            agents: desk.agents_at(at),
            handling_ms: u64::try_from(desk.talk.as_millis()).unwrap_or(u64::MAX),
            reserve_ms: 4_000,
            ring_ms: 9_000,
            ring_timeout_ms: 30_000,
            answer: desk.answers,
            redial_ms: u64::from(desk.redial) * 1_000,
            ..Crew::default()
        },
    });
    FloorSettings { groups: groups.collect(), ..FloorSettings::default() }
}
