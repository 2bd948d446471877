//! Who is guessing at the emergency password (integrations 4.2.3).

use std::collections::HashSet;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};

/// Most callers that guess at the same time; one more than that looks like a flood.
const MOST: usize = 256;

/// Guesses under way: one at a time for each caller, so that nobody who guesses from elsewhere keeps the operator out.
#[derive(Debug, Default)]
pub struct Guesses(Mutex<HashSet<Option<IpAddr>>>);

/// A caller's guess; over when it is dropped.
#[derive(Debug)]
pub(super) struct Guess<'a> {
    of: &'a Guesses,
    caller: Option<IpAddr>,
}

impl Guesses {
    /// None while this caller is still at an earlier one. Callers whose address is not known count as one.
    pub(super) fn begin(&self, caller: Option<IpAddr>) -> Option<Guess<'_>> {
        let caller = caller.map(network);
        let mut callers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Lazily: a guess that is not begun must not end another one.
        (callers.len() < MOST && callers.insert(caller)).then(|| Guess { of: self, caller })
    }
}

impl Drop for Guess<'_> {
    fn drop(&mut self) {
        self.of.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.caller);
    }
}

/// Whoever has one address of IPv6 has all of its 64-bit network.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(whole) => IpAddr::V6(Ipv6Addr::from_bits(whole.to_bits() & !u128::from(u64::MAX))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_guesses_once_at_a_time_and_a_network_is_one_caller() {
        let guesses = Guesses::default();
        let address = |text: &str| Some(text.parse().unwrap());
        let first = guesses.begin(address("192.0.2.1")).unwrap();
        assert!(guesses.begin(address("192.0.2.1")).is_none());
        let (second, third) = (guesses.begin(address("192.0.2.2")), guesses.begin(address("2001:db8::1")));
        assert!(second.is_some() && third.is_some() && guesses.begin(address("2001:db8::ffff:2")).is_none());
        assert!(guesses.begin(address("2001:db8:0:1::1")).is_some() && guesses.begin(None).is_some());
        drop(first);
        assert!(guesses.begin(address("192.0.2.1")).is_some());
        let many: Vec<_> = (0..1_000_u32).filter_map(|nth| guesses.begin(Some(IpAddr::V4(nth.into())))).collect();
        assert!(many.len() <= MOST, "bounded, whoever asks");
    }
}
