//! A circuit breaker as a state machine over a passed-in time; it never reads a clock.

use std::collections::VecDeque;
use std::time::Duration;

const CONSECUTIVE_FAILURES: u32 = 5;
const WINDOW_SECONDS: u64 = 30;
const WINDOW_CALLS: u32 = 20;
const FIRST_OPEN: Duration = Duration::from_secs(15);
const LONGEST_OPEN: Duration = Duration::from_secs(60);

/// What a breaker lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerState {
    /// Everything; gauge value 0.
    Closed,
    /// One trial call; gauge value 1.
    HalfOpen,
    /// Nothing; gauge value 2.
    Open,
}

impl BreakerState {
    /// The value of the gauge `ges_circuit_state`.
    pub const fn gauge(self) -> u8 {
        match self {
            Self::Closed => 0,
            Self::HalfOpen => 1,
            Self::Open => 2,
        }
    }
}

/// Leave to make one call, to be handed back with its verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leave {
    Ordinary,
    Trial,
    /// Of a look past a breaker that lets nobody through.
    Probe,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Closed,
    Open { until: Duration },
    Trying,
}

#[derive(Debug)]
struct Second {
    number: u64,
    calls: u32,
    failures: u32,
}

/// Opens after 5 failures in a row, or when half of at least 20 calls of the last 30 s failed. Stays open for 15 s, then
/// lets one trial through; every trial that fails doubles the time, up to 60 s.
///
/// Times are durations since any fixed origin and do not run backwards. A failure is a broken transport or a 5xx.
#[derive(Debug)]
pub(crate) struct Breaker {
    phase: Phase,
    open_for: Duration,
    in_a_row: u32,
    seconds: VecDeque<Second>,
}

impl Breaker {
    pub(crate) const fn new() -> Self {
        Self { phase: Phase::Closed, open_for: FIRST_OPEN, in_a_row: 0, seconds: VecDeque::new() }
    }

    /// Grants a call, or says how long to wait before asking again.
    pub(crate) fn admit(&mut self, now: Duration) -> Result<Leave, Duration> {
        match self.phase {
            Phase::Closed => Ok(Leave::Ordinary),
            Phase::Open { until } if now < until => Err(until - now),
            Phase::Open { .. } => {
                self.phase = Phase::Trying;
                Ok(Leave::Trial)
            }
            // The trial call decides within its own timeout; nobody knows when.
            Phase::Trying => Err(Duration::ZERO),
        }
    }

    /// Grants a probe always. One that fails while nothing is let through changes nothing: it was no call of anybody.
    pub(crate) const fn admit_probe(&self) -> Leave {
        match self.phase {
            Phase::Closed => Leave::Ordinary,
            Phase::Open { .. } | Phase::Trying => Leave::Probe,
        }
    }

    /// Takes the verdict of a call. Calls that were under way when the breaker opened no longer count.
    pub(crate) fn settle(&mut self, now: Duration, leave: Leave, failed: bool) {
        match (self.phase, leave) {
            (Phase::Trying, Leave::Trial) if failed => {
                self.open_for = (self.open_for * 2).min(LONGEST_OPEN);
                self.phase = Phase::Open { until: now + self.open_for };
            }
            (Phase::Trying, Leave::Trial) => *self = Self::new(),
            (Phase::Open { .. } | Phase::Trying, Leave::Probe) if !failed => *self = Self::new(),
            (Phase::Closed, Leave::Ordinary) => {
                self.in_a_row = if failed { self.in_a_row + 1 } else { 0 };
                if self.count(now, failed) || self.in_a_row >= CONSECUTIVE_FAILURES {
                    *self = Self { phase: Phase::Open { until: now + FIRST_OPEN }, ..Self::new() };
                }
            }
            _ => {}
        }
    }

    /// Takes a leave back whose call came to nothing, so that the next caller may try.
    pub(crate) fn withdraw(&mut self, now: Duration, leave: Leave) {
        if self.phase == Phase::Trying && leave == Leave::Trial {
            self.phase = Phase::Open { until: now };
        }
    }

    pub(crate) const fn state(&self) -> BreakerState {
        match self.phase {
            Phase::Closed => BreakerState::Closed,
            Phase::Open { .. } => BreakerState::Open,
            Phase::Trying => BreakerState::HalfOpen,
        }
    }

    /// Counts a call and says whether half of the window failed. Buckets of a second bound the memory.
    fn count(&mut self, now: Duration, failed: bool) -> bool {
        let number = now.as_secs();
        while self.seconds.front().is_some_and(|oldest| number.saturating_sub(oldest.number) >= WINDOW_SECONDS) {
            self.seconds.pop_front();
        }
        if self.seconds.back().is_none_or(|newest| newest.number != number) {
            self.seconds.push_back(Second { number, calls: 0, failures: 0 });
        }
        if let Some(newest) = self.seconds.back_mut() {
            newest.calls = newest.calls.saturating_add(1);
            newest.failures = newest.failures.saturating_add(u32::from(failed));
        }
        let calls: u64 = self.seconds.iter().map(|second| u64::from(second.calls)).sum();
        let failures: u64 = self.seconds.iter().map(|second| u64::from(second.failures)).sum();
        calls >= u64::from(WINDOW_CALLS) && failures * 2 >= calls
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn call(breaker: &mut Breaker, now: Duration, failed: bool) {
        let leave = breaker.admit(now).unwrap();
        breaker.settle(now, leave, failed);
    }

    fn opened_at(now: Duration) -> Breaker {
        let mut breaker = Breaker::new();
        (0..5).for_each(|_| call(&mut breaker, now, true));
        breaker
    }

    #[test]
    fn five_failures_in_a_row_open_it_for_fifteen_seconds() {
        let mut breaker = Breaker::new();
        for failed in [true, true, true, true, false, true, true, true, true] {
            call(&mut breaker, at(0), failed);
        }
        assert_eq!(breaker.state(), BreakerState::Closed, "a success between starts the count again");
        call(&mut breaker, at(1), true);
        assert_eq!(breaker.state(), BreakerState::Open);
        assert_eq!(breaker.admit(at(15)), Err(at(1)));
        assert_eq!(breaker.admit(at(16)), Ok(Leave::Trial));
    }

    #[test]
    fn half_of_twenty_calls_in_thirty_seconds_open_it() {
        let mut breaker = Breaker::new();
        for n in 0..19 {
            call(&mut breaker, at(n), n % 2 == 0);
        }
        assert_eq!(breaker.state(), BreakerState::Closed, "19 calls");
        call(&mut breaker, at(19), false);
        assert_eq!(breaker.state(), BreakerState::Open, "10 of 20");
    }

    #[test]
    fn calls_older_than_thirty_seconds_do_not_count() {
        let mut breaker = Breaker::new();
        for n in 0..19 {
            call(&mut breaker, at(0), n % 2 == 0);
        }
        call(&mut breaker, at(30), true);
        assert_eq!(breaker.state(), BreakerState::Closed);
        assert!(breaker.seconds.len() <= 30, "memory is bounded");
    }

    #[test]
    fn one_trial_at_a_time_and_its_success_closes() {
        let mut breaker = opened_at(at(0));
        assert_eq!(breaker.admit(at(15)), Ok(Leave::Trial));
        assert_eq!(breaker.state(), BreakerState::HalfOpen);
        assert!(breaker.admit(at(15)).is_err(), "the second caller waits for the verdict");
        breaker.settle(at(16), Leave::Ordinary, true);
        assert_eq!(breaker.state(), BreakerState::HalfOpen, "a late verdict of an old call decides nothing");
        breaker.settle(at(16), Leave::Trial, false);
        assert_eq!(breaker.state(), BreakerState::Closed);
        (0..4).for_each(|_| call(&mut breaker, at(16), true));
        assert_eq!(breaker.state(), BreakerState::Closed, "the count begins anew");
    }

    #[test]
    fn failing_trials_double_the_time_up_to_a_minute() {
        let mut breaker = opened_at(at(0));
        let mut now = at(15);
        for open_for in [30, 60, 60] {
            assert_eq!(breaker.admit(now), Ok(Leave::Trial));
            breaker.settle(now, Leave::Trial, true);
            assert_eq!(breaker.admit(now), Err(at(open_for)));
            now += at(open_for);
        }
        let leave = breaker.admit(now).unwrap();
        breaker.settle(now, leave, false);
        (0..5).for_each(|_| call(&mut breaker, now, true));
        assert_eq!(breaker.admit(now), Err(at(15)), "a success resets the time");
    }

    #[test]
    fn a_probe_passes_always_and_its_success_closes() {
        let mut breaker = opened_at(at(0));
        for (now, leave) in [(1, Leave::Probe), (15, Leave::Trial), (16, Leave::Probe)] {
            let given = if leave == Leave::Trial { breaker.admit(at(now)).unwrap() } else { breaker.admit_probe() };
            assert_eq!(given, leave);
            if leave == Leave::Probe {
                let before = breaker.state();
                breaker.settle(at(now), leave, true);
                assert_eq!(breaker.state(), before, "a failing probe decides nothing");
            }
        }
        breaker.settle(at(17), Leave::Probe, false);
        assert_eq!(breaker.state(), BreakerState::Closed, "while a trial is under way");
        breaker.settle(at(18), Leave::Trial, true);
        assert_eq!(breaker.state(), BreakerState::Closed, "the trial comes too late");
        assert_eq!(breaker.admit_probe(), Leave::Ordinary, "among calls it is one of them");
        let mut breaker = opened_at(at(0));
        let leave = breaker.admit_probe();
        breaker.settle(at(1), leave, false);
        assert_eq!(breaker.state(), BreakerState::Closed);
    }

    #[test]
    fn an_abandoned_trial_is_the_next_callers_trial() {
        let mut breaker = opened_at(at(0));
        let leave = breaker.admit(at(15)).unwrap();
        breaker.withdraw(at(16), leave);
        assert_eq!(breaker.admit(at(16)), Ok(Leave::Trial));
    }
}
