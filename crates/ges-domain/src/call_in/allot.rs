//! Which number, and which code, a new request gets (R-CTI-4 to R-CTI-8).

use std::time::Duration;

use super::{AccessNumber, Allocation, CodeDigits, Draft, Group, Key, Reservation};
use crate::{CallInId, Instant};

/// A key is not given out again for so long after it became free, unless nothing else is left (R-CTI-6).
pub const KEY_REST: Duration = Duration::from_secs(60);

/// Chance drawn before the decision, from a source nobody can foresee (R-CTI-5). Two numbers are enough: codes are drawn
/// among those that are free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Draws {
    /// Which number is tried first.
    pub number: u64,
    /// Which of the free codes it is.
    pub code: u64,
}

/// A key that somebody holds, or held until a moment ago.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The request.
    pub id: CallInId,
    /// Its key.
    pub reservation: Reservation,
    /// When waiting ends by itself.
    pub expires_at: Instant,
    /// When it ended earlier than that: matched or replaced.
    pub ended_at: Option<Instant>,
}

impl Held {
    fn freed_at(&self) -> Instant {
        self.ended_at.unwrap_or(self.expires_at)
    }

    /// Whether its request still waits at `now`.
    pub fn waits(&self, now: Instant) -> bool {
        now < self.freed_at()
    }

    /// Whether the key is in use, or rests after use.
    fn busy(&self, now: Instant, rested: bool) -> bool {
        now < self.freed_at() + if rested { KEY_REST } else { Duration::ZERO }
    }
}

/// What a request gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allotted {
    /// Its key.
    pub reservation: Reservation,
    /// The waiting request of the same caller that gives it up (R-CTI-7).
    pub replaces: Option<CallInId>,
}

/// Finds a key for a request, or `None` when every key of the group is taken (R-CTI-8).
///
/// `turn`: how many requests the group has served, for taking numbers in turn. `held`: every key on numbers of the group
/// that waits or became free within [`KEY_REST`] before `now`; others may be among them. Property: P-16.
pub fn allot(group: &Group, turn: u64, draft: &Draft, held: &[Held], now: Instant) -> Option<Allotted> {
    let start = match group.allocation {
        Allocation::RoundRobin => turn,
        Allocation::Random => draft.draws.number,
    };
    let count = group.numbers.len();
    let start = usize::try_from(start % u64::try_from(count.max(1)).ok()?).ok()?;
    let numbers: Vec<&AccessNumber> = group.numbers.iter().cycle().skip(start).take(count).collect();
    let fresh = |key| key_only(key, None);
    if let Some(digits) = group.codes {
        let code =
            |rested| numbers.iter().find_map(|number| free_code(number, digits, draft.draws.code, held, now, rested));
        return code(true).or_else(|| code(false)).map(fresh);
    }
    let caller = draft.from.as_ref().map(|(_, key)| Key::Caller(key.clone()));
    if let Some(key) = &caller {
        // R-CTI-7: the caller already waits on one of the numbers and keeps it.
        let mine = |held: &&Held| {
            held.waits(now) && held.reservation.key == *key && group.numbers.contains(&held.reservation.number)
        };
        if let Some(mine) = held.iter().find(mine) {
            return Some(key_only(mine.reservation.clone(), Some(mine.id)));
        }
    }
    let key = caller.unwrap_or(Key::Exclusive);
    let free = |rested| numbers.iter().find(|number| number_is_free(number, &key, held, now, rested)).copied();
    let number = free(true).or_else(|| free(false))?.clone();
    Some(fresh(Reservation { number, key }))
}

const fn key_only(reservation: Reservation, replaces: Option<CallInId>) -> Allotted {
    Allotted { reservation, replaces }
}

/// Whether a request without a code may use the number: an exclusive one needs it without any other such request, one with a
/// caller needs it without an exclusive one.
fn number_is_free(number: &AccessNumber, key: &Key, held: &[Held], now: Instant, rested: bool) -> bool {
    let conflicts = |other: &Key| match (key, other) {
        (_, Key::Code(_)) => false,
        (Key::Exclusive, _) | (_, Key::Exclusive) => true,
        (mine, other) => mine == other,
    };
    !held
        .iter()
        .any(|held| held.reservation.number == *number && conflicts(&held.reservation.key) && held.busy(now, rested))
}

/// The `draw`th of the free codes of a number, none when all are taken.
fn free_code(
    number: &AccessNumber,
    digits: CodeDigits,
    draw: u64,
    held: &[Held],
    now: Instant,
    rested: bool,
) -> Option<Reservation> {
    let range = digits.first()..digits.first() + digits.count();
    let on_number = held.iter().filter(|held| held.reservation.number == *number && held.busy(now, rested));
    let mut taken: Vec<u64> = on_number
        .filter_map(|held| match held.reservation.key {
            Key::Code(code) => Some(code).filter(|code| range.contains(code)),
            Key::Caller(_) | Key::Exclusive => None,
        })
        .collect();
    taken.sort_unstable();
    taken.dedup();
    let free = digits.count() - u64::try_from(taken.len()).ok()?;
    // Ten digits of sixty-four bits: what the remainder favours is far below anything observable.
    let mut code = range.start + draw.checked_rem(free)?;
    for taken in taken {
        if taken <= code {
            code += 1;
        }
    }
    Some(Reservation { number: number.clone(), key: Key::Code(code) })
}
