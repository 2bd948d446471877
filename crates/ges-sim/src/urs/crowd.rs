//! A queue with walk-in callers of its own (M/M/c), so that estimates move although nobody books.

use std::collections::BTreeSet;

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use crate::floor::{Estimate, QueueView, mode2};

/// How far back a crowd that nobody looked at is played; older arrivals would have left anyway.
const CATCH_UP_MS: u64 = 4 * 3_600_000;
/// A hopelessly overrun queue grows no further.
const WAITING: usize = 10_000;

/// Callers who arrive by themselves, served by `agents` for `aht_ms` on average.
#[derive(Debug)]
pub(super) struct Crowd {
    every_ms: f64,
    agents: u32,
    aht_ms: u64,
    rng: StdRng,
    clock: u64,
    next_arrival: u64,
    busy_until: BTreeSet<(u64, u64)>,
    waiting: usize,
    served: u64,
}

impl Crowd {
    /// `per_minute` arrivals on average, larger than 0.
    pub(super) fn new(per_minute: f64, agents: u32, aht_ms: u64, seed: u64, now: u64) -> Self {
        let per_minute = if per_minute.is_finite() { per_minute.clamp(0.001, 6_000.0) } else { 1.0 };
        let mut crowd = Self {
            every_ms: 60_000.0 / per_minute,
            agents,
            aht_ms: aht_ms.max(1),
            rng: StdRng::seed_from_u64(seed),
            clock: now,
            next_arrival: now,
            busy_until: BTreeSet::new(),
            waiting: 0,
            served: 0,
        };
        crowd.next_arrival += crowd.draw(crowd.every_ms);
        crowd
    }

    /// The queue at `now`.
    pub(super) fn view(&mut self, now: u64) -> QueueView {
        self.run(now);
        let busy = u32::try_from(self.busy_until.len()).unwrap_or(u32::MAX);
        let wait = if self.agents == 0 { Estimate::NoAgents } else { mode2(self.waiting, self.aht_ms, self.agents) };
        let ready = self.agents.saturating_sub(busy);
        QueueView { wait, waiting: self.waiting, agents: self.agents, ready, aht_ms: self.aht_ms }
    }

    fn run(&mut self, now: u64) {
        let from = now.saturating_sub(CATCH_UP_MS);
        self.next_arrival = self.next_arrival.max(from);
        loop {
            let leaves = self.busy_until.first().map_or(u64::MAX, |(at, _)| *at);
            let at = leaves.min(self.next_arrival);
            if at > now {
                break;
            }
            self.clock = self.clock.max(at);
            if leaves <= self.next_arrival {
                self.busy_until.pop_first();
            } else {
                self.waiting = (self.waiting + 1).min(WAITING);
                self.next_arrival = at + self.draw(self.every_ms);
            }
            while self.waiting > 0 && self.busy_until.len() < self.agents as usize {
                self.waiting -= 1;
                self.served += 1;
                let length = self.draw(self.aht_ms as f64);
                self.busy_until.insert((self.clock + length, self.served));
            }
        }
    }

    /// An exponential duration of this mean, at least a millisecond.
    fn draw(&mut self, mean_ms: f64) -> u64 {
        ((-(1.0 - self.rng.random::<f64>()).ln() * mean_ms) as u64).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_overrun_queue_grows_and_an_idle_one_does_not() {
        let waiting = |per_minute: f64| Crowd::new(per_minute, 4, 180_000, 1, 0).view(3_600_000).waiting;
        assert_eq!(waiting(0.05), 0);
        // Four agents serve 80 an hour; 600 arrive.
        assert!((440..=600).contains(&waiting(10.0)), "{}", waiting(10.0));
    }

    #[test]
    fn nobody_at_work_is_no_estimate() {
        assert_eq!(Crowd::new(6.0, 0, 180_000, 1, 0).view(60_000).wait, Estimate::NoAgents);
    }

    #[test]
    fn estimates_move() {
        let mut crowd = Crowd::new(6.0, 10, 180_000, 7, 0);
        let waits: std::collections::HashSet<_> = (1..120).map(|minute| crowd.view(minute * 60_000).waiting).collect();
        assert!(waits.len() > 5, "{waits:?}");
    }
}
