//! One group of the floor: its people, who waits for them, and what they did lately.

use std::cmp::Reverse;
use std::collections::{BTreeSet, VecDeque};

use rand::Rng as _;
use rand::rngs::StdRng;

use super::settings::Crew;
use super::wait::{Estimate, Mode, mode1, mode2};

/// How many departures and how many handled calls per agent count (R-EWT-2, R-EWT-3).
const DEPARTURES: usize = 32;
const HANDLED_PER_AGENT: usize = 10;
/// Handled calls kept at most, for mode3.
const HANDLED: usize = 4096;
/// The window of mode3.
const WINDOW_MS: u64 = 600_000;

/// Sorting key of calls that may be served: higher priority first, then order of arrival.
pub(super) type Turn = (Reverse<i32>, u64);

/// A group at work.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) name: String,
    pub(super) crew: Crew,
    pub(super) busy: u32,
    /// Calls an agent may take now.
    pub(super) ready: BTreeSet<Turn>,
    /// Calls that must wait until an instant: the agreed time, a redial.
    pub(super) later: BTreeSet<(u64, u64)>,
    departures: VecDeque<u64>,
    handled: VecDeque<(u64, u64)>,
}

impl Group {
    pub(super) fn new(name: &str, crew: &Crew) -> Self {
        Self {
            name: name.into(),
            crew: crew.clone(),
            busy: 0,
            ready: BTreeSet::new(),
            later: BTreeSet::new(),
            departures: VecDeque::new(),
            handled: VecDeque::new(),
        }
    }

    pub(super) fn free(&self) -> u32 {
        self.crew.agents.saturating_sub(self.busy)
    }

    /// A caller left the queue for an agent.
    pub(super) fn departed(&mut self, at: u64) {
        self.departures.push_back(at);
        if self.departures.len() > DEPARTURES {
            self.departures.pop_front();
        }
    }

    /// A conversation ended.
    pub(super) fn handled(&mut self, at: u64, length_ms: u64) {
        self.handled.push_back((at, length_ms));
        if self.handled.len() > HANDLED {
            self.handled.pop_front();
        }
    }

    /// The average of the last ten calls per agent; what the crew is set to before the first.
    pub(super) fn aht_ms(&self, speed: f64) -> u64 {
        let counted = HANDLED_PER_AGENT * self.crew.agents.max(1) as usize;
        average(self.handled.iter().rev().take(counted).map(|(_, length)| *length))
            .unwrap_or_else(|| scaled(self.crew.handling_ms, speed))
    }

    pub(super) fn estimate(&self, mode: Mode, waiting: usize, now: u64, speed: f64) -> Estimate {
        match mode {
            Mode::Mode1 => {
                let departures: Vec<u64> = self.departures.iter().copied().collect();
                mode1(waiting, &departures)
            }
            Mode::Mode2 => mode2(waiting, self.aht_ms(speed), self.crew.agents),
            Mode::Mode3 if self.crew.agents == 0 => Estimate::NoAgents,
            Mode::Mode3 => {
                let recent = self.handled.iter().filter(|(at, _)| at + WINDOW_MS > now).map(|(_, length)| *length);
                average(recent).map_or(Estimate::Unknown, |aht_ms| mode2(waiting, aht_ms, self.crew.agents))
            }
        }
    }
}

fn average(lengths: impl Iterator<Item = u64>) -> Option<u64> {
    let (sum, count) = lengths.fold((0_u64, 0_u64), |(sum, count), length| (sum.saturating_add(length), count + 1));
    (count > 0).then(|| sum / count)
}

/// A duration at the speed of the floor, at least one millisecond.
pub(super) fn scaled(ms: u64, speed: f64) -> u64 {
    let speed = if speed.is_finite() && speed > 0.0 { speed } else { 1.0 };
    ((ms as f64 / speed) as u64).max(1)
}

/// A conversation: the sum of two exponential halves, so that its mean is the average handling time and very short or very
/// long ones are rare.
pub(super) fn conversation(rng: &mut StdRng, mean_ms: u64) -> u64 {
    let half = |rng: &mut StdRng| -(1.0 - rng.random::<f64>()).ln();
    let halves = f64::midpoint(half(rng), half(rng));
    let length = (mean_ms as f64 * halves) as u64;
    length.max(1)
}

/// Between half and one and a half of the mean.
pub(super) fn around(rng: &mut StdRng, mean_ms: u64) -> u64 {
    rng.random_range(mean_ms / 2..=mean_ms.saturating_add(mean_ms / 2)).max(1)
}

/// Whether something of this chance happens.
pub(super) fn happens(rng: &mut StdRng, chance: f64) -> bool {
    rng.random::<f64>() < chance
}
