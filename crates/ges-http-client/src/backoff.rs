//! When to try again: exponential rests with full jitter, as a function of values.

use std::time::Duration;

/// A peer may ask for a longer rest than the schedule's; beyond this it is not heard.
const LONGEST_ASKED_REST: Duration = Duration::from_secs(60);

/// How often and how soon a failed attempt is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// Attempts after the first.
    pub retries: u32,
    /// Upper end of the first rest.
    pub base: Duration,
    /// Upper end of every rest.
    pub cap: Duration,
}

impl Backoff {
    /// No second attempt.
    pub const NONE: Self = Self { retries: 0, base: Duration::ZERO, cap: Duration::ZERO };

    /// The rest before retry number `retry`, counted from 0; `None` when there is to be no such retry.
    ///
    /// `unit`: a random number in `0..1` that spreads the rest over `0..min(cap, base * 2^retry)`. `asked`: what the
    /// peer asked for instead, heard up to 60 s. `left`: time until the caller's deadline; a retry that could end
    /// after it, because one attempt may take `attempt`, is not begun.
    pub fn rest(
        &self,
        retry: u32,
        unit: f64,
        asked: Option<Duration>,
        left: Option<Duration>,
        attempt: Duration,
    ) -> Option<Duration> {
        if retry >= self.retries {
            return None;
        }
        let rest = match asked {
            Some(asked) => asked.min(LONGEST_ASKED_REST),
            None => self.ceiling(retry).mul_f64(unit.clamp(0.0, 1.0)),
        };
        left.is_none_or(|left| rest + attempt <= left).then_some(rest)
    }

    fn ceiling(&self, retry: u32) -> Duration {
        self.base.checked_mul(1_u32.checked_shl(retry).unwrap_or(u32::MAX)).map_or(self.cap, |rest| rest.min(self.cap))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;
    const THREE: Backoff = Backoff { retries: 3, base: Duration::from_millis(250), cap: Duration::from_millis(800) };

    #[test]
    fn rests_double_up_to_the_cap_and_end() {
        let ceilings: Vec<_> = (0..4).map(|retry| THREE.rest(retry, 1.0, None, None, MS(0))).collect();
        assert_eq!(ceilings, [Some(MS(250)), Some(MS(500)), Some(MS(800)), None]);
        assert_eq!(THREE.rest(1, 0.5, None, None, MS(0)), Some(MS(250)), "full jitter");
        assert_eq!(THREE.rest(1, 0.0, None, None, MS(0)), Some(MS(0)));
        let many = Backoff { retries: 100, ..THREE };
        assert_eq!(many.rest(99, 1.0, None, None, MS(0)), Some(MS(800)), "no overflow");
    }

    #[test]
    fn a_peer_may_ask_for_a_rest_of_up_to_a_minute() {
        assert_eq!(THREE.rest(0, 0.1, Some(MS(7000)), None, MS(0)), Some(MS(7000)));
        assert_eq!(THREE.rest(0, 0.1, Some(MS(900_000)), None, MS(0)), Some(MS(60_000)));
        assert_eq!(THREE.rest(3, 0.1, Some(MS(1)), None, MS(0)), None, "asking does not grant a further attempt");
    }

    #[test]
    fn no_retry_begins_that_could_end_after_the_deadline() {
        assert_eq!(THREE.rest(0, 1.0, None, Some(MS(3250)), MS(3000)), Some(MS(250)));
        assert_eq!(THREE.rest(0, 1.0, None, Some(MS(3249)), MS(3000)), None);
        assert_eq!(THREE.rest(0, 1.0, Some(MS(5000)), Some(MS(4000)), MS(10)), None);
    }
}
