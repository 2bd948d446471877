//! Tokens this process has seen within the last three minutes: a second use is refused without asking (integrations 7.5).

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sha2::{Digest as _, Sha256};

/// A token lives two minutes; a third covers clocks that are apart.
const MEMORY: Duration = Duration::from_secs(180);
/// Tokens remembered at most; beyond, the oldest is forgotten early and the provider alone finds its repeat.
const MOST: usize = 100_000;

type Print = [u8; 32];

#[derive(Default)]
struct Memory {
    prints: HashSet<Print>,
    order: VecDeque<(Duration, Print)>,
}

/// Remembers tokens by their hash.
#[derive(Default)]
pub(crate) struct Seen(Mutex<Memory>);

impl Seen {
    /// Notes a token; whether it is new. `now`: monotonic.
    pub(crate) fn first_time(&self, token: &str, now: Duration) -> bool {
        let print: Print = Sha256::digest(token).into();
        let mut memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some((at, old)) = memory.order.front().copied() {
            if now.saturating_sub(at) < MEMORY && memory.order.len() < MOST {
                break;
            }
            memory.order.pop_front();
            memory.prints.remove(&old);
        }
        let new = memory.prints.insert(print);
        if new {
            memory.order.push_back((now, print));
        }
        new
    }

    /// Forgets a token that was never used: the provider was not asked.
    pub(crate) fn forget(&self, token: &str) {
        let print: Print = Sha256::digest(token).into();
        let mut memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        memory.prints.remove(&print);
        memory.order.retain(|(_, kept)| *kept != print);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_new_once_in_three_minutes() {
        let (seen, at) = (Seen::default(), Duration::from_secs);
        assert!(seen.first_time("a", at(0)));
        assert!(!seen.first_time("a", at(179)));
        assert!(seen.first_time("b", at(100)));
        assert!(seen.first_time("a", at(180)));
        assert!(!seen.first_time("b", at(200)));
        seen.forget("b");
        assert!(seen.first_time("b", at(201)));
    }
}
