//! The floor at work: lets the model run on the clock and tells every call what happens to it.

use std::collections::HashMap;

use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use crate::clock::SimClock;
use crate::floor::{Floor, FloorSettings, Mode, NewCall, Place, QueueView, What, Withdrawal};
use crate::lock::Lock;

/// The floor, shared.
pub(crate) struct Desk {
    clock: SimClock,
    state: Lock<State>,
    changed: Notify,
}

struct State {
    floor: Floor,
    listeners: HashMap<String, mpsc::UnboundedSender<What>>,
}

impl State {
    /// Tells what happened. A call that is over has no listener any more.
    fn deliver(&mut self, now: u64) {
        for happening in self.floor.step(now) {
            let over = matches!(happening.what, What::Ended(_));
            let heard =
                self.listeners.get(&happening.call).is_some_and(|listener| listener.send(happening.what).is_ok());
            if over || !heard {
                self.listeners.remove(&happening.call);
            }
        }
    }
}

impl Desk {
    pub(crate) fn new(settings: FloorSettings, seed: u64, clock: SimClock) -> Self {
        let state = State { floor: Floor::new(settings, seed), listeners: HashMap::new() };
        Self { clock, state: Lock::new(state), changed: Notify::new() }
    }

    /// Puts a call on the floor. What happens to it comes through the channel, which holds at most a few words per dial
    /// attempt.
    pub(crate) fn offer(&self, call: NewCall) -> mpsc::UnboundedReceiver<What> {
        let (sender, receiver) = mpsc::unbounded_channel();
        let id = call.id.clone();
        self.change(|state, now| {
            state.listeners.insert(id, sender);
            state.floor.offer(call, now);
        });
        receiver
    }

    pub(crate) fn withdraw(&self, id: &str) -> Withdrawal {
        self.change(|state, now| {
            let answer = state.floor.withdraw(id, now);
            if answer == Withdrawal::Removed {
                state.listeners.remove(id);
            }
            answer
        })
    }

    pub(crate) fn cut(&self, id: &str) {
        self.change(|state, now| {
            state.floor.cut(id, now);
            state.listeners.remove(id);
        });
    }

    pub(crate) fn hold(&self, id: &str, held: bool) -> bool {
        self.change(|state, now| state.floor.hold(id, held, now))
    }

    pub(crate) fn called_in(&self, id: &str) {
        self.change(|state, now| state.floor.called_in(id, now));
    }

    pub(crate) fn prioritise(&self, id: &str, priority: i32) {
        self.change(|state, now| state.floor.prioritise(id, priority, now));
    }

    pub(crate) fn advance(&self, id: &str) {
        self.change(|state, now| state.floor.advance(id, now));
    }

    pub(crate) fn restaff(&self, settings: FloorSettings) {
        self.change(|state, now| state.floor.restaff(settings, now));
    }

    pub(crate) fn place(&self, id: &str) -> Option<Place> {
        self.change(|state, now| state.floor.place(id, now))
    }

    pub(crate) fn queue(&self, queue: &str, mode: Mode, on_hold: bool) -> Option<QueueView> {
        self.change(|state, now| state.floor.queue(queue, mode, on_hold, now))
    }

    fn change<T>(&self, act: impl FnOnce(&mut State, u64) -> T) -> T {
        let mut state = self.state.lock();
        let now = self.clock.now();
        let answer = act(&mut state, now);
        state.deliver(now);
        drop(state);
        self.changed.notify_one();
        answer
    }

    /// Runs the floor until stopped.
    pub(crate) async fn run(&self, stop: CancellationToken) {
        loop {
            let next = {
                let mut state = self.state.lock();
                state.deliver(self.clock.now());
                state.floor.next_at()
            };
            let due = async {
                match next {
                    Some(at) => self.clock.sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.changed.notified() => {}
                () = due => {}
            }
        }
    }
}
