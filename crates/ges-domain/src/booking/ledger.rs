//! What one service has booked so far, as far as a batch of bookings asks. A store loads it under the service's lock,
//! the domain decides with it, and every accepted booking is entered before the next is decided.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use super::{NewBooking, SlotClaim};
use crate::Instant;
use crate::callback::Kind;
use crate::capacity::Usage;
use crate::phone::PhoneKey;
use crate::throttle::{Counted, Counts, Reach};

/// What a store has to load before it can decide a batch of one service's bookings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    /// Lengths of the rate windows to count, `(now - length, now]`, each with its limit: counting further is waste.
    pub windows: BTreeMap<Duration, u32>,
    /// Numbers whose open and daily callbacks count.
    pub numbers: Vec<PhoneKey>,
    /// Whether active callbacks are counted, and up to how many.
    pub active_limit: Option<u32>,
    /// Ranges of instants whose booked places count, `from..until`.
    pub usage: Vec<(Instant, Instant)>,
}

impl Asked {
    /// Everything the batch needs.
    pub fn by<'a>(bookings: impl IntoIterator<Item = &'a NewBooking>) -> Self {
        let mut asked = Self::default();
        for booking in bookings {
            let immediate = booking.callback.kind == Kind::Immediate;
            if booking.reach == Reach::Public {
                if !asked.numbers.contains(&booking.callback.phone_key) {
                    asked.numbers.push(booking.callback.phone_key.clone());
                }
                if immediate {
                    // What comes after a window that is full without counting is not looked at.
                    let uncounted = (0..).zip(booking.limits.windows);
                    for (_, window) in uncounted.take_while(|(place, _)| booking.known.full(*place).is_none()) {
                        let limit = asked.windows.entry(window.length).or_default();
                        *limit = window.limit.max(*limit);
                    }
                }
            }
            if immediate && !booking.known.is_refused() {
                let limit = booking.limits.max_queued;
                asked.active_limit = Some(asked.active_limit.map_or(limit, |before| before.max(limit)));
            }
            if let Some(claim) = &booking.slot {
                let range = match &claim.limits.shared {
                    Some(shared) => (shared.from.min(claim.cell.from), shared.until.max(claim.cell.until)),
                    None => (claim.cell.from, claim.cell.until),
                };
                if !asked.usage.contains(&range) {
                    asked.usage.push(range);
                }
            }
        }
        asked
    }
}

/// Most callbacks of one number with which a booking passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NumberRoom {
    /// Open ones.
    pub open: u32,
    /// Accepted IMMEDIATE ones in the last 24 h.
    pub day: u32,
}

/// The counts of one service. Empty means nothing was booked.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    /// Rate windows by length.
    pub windows: HashMap<Duration, Counted>,
    /// Open callbacks per number, any type.
    pub number_open: HashMap<PhoneKey, u32>,
    /// Accepted IMMEDIATE callbacks per number in the last 24 h.
    pub number_day: HashMap<PhoneKey, u32>,
    /// Active callbacks (R-QS-5).
    pub active: u32,
    /// Booked places.
    pub usage: Usage,
}

impl Ledger {
    /// The counts one booking is measured against.
    pub fn counts(&self, booking: &NewBooking) -> Counts {
        let of = |map: &HashMap<PhoneKey, u32>| map.get(&booking.callback.phone_key).copied().unwrap_or(0);
        Counts {
            number_open: of(&self.number_open),
            number_day: of(&self.number_day),
            windows: [0, 1].map(|place| {
                let window = booking.limits.windows[place];
                match booking.known.full(place) {
                    Some(oldest) => Counted { accepted: window.limit, oldest: Some(oldest) },
                    None => self.windows.get(&window.length).copied().unwrap_or_default(),
                }
            }),
            active: self.active,
        }
    }

    /// How many callbacks its number may have beside those entered here for [`super::admit`] to pass steps 9 and 10; an empty
    /// room has `None`, no limit the highest number.
    pub fn number_room(&self, booking: &NewBooking) -> Option<NumberRoom> {
        if booking.reach == Reach::Staff {
            return Some(NumberRoom { open: u32::MAX, day: u32::MAX });
        }
        let counts = self.counts(booking);
        let below = |limit: u32, counted: u32| limit.checked_sub(1)?.checked_sub(counted);
        let open = booking.limits.in_queue.refused_from();
        let open = open.map_or(Some(u32::MAX), |from| below(from, counts.number_open))?;
        let day = match booking.callback.kind {
            Kind::Immediate => below(booking.limits.per_number_day, counts.number_day)?,
            Kind::Scheduled => u32::MAX,
        };
        Some(NumberRoom { open, day })
    }

    /// Free places for a claim (R-CAP-4, R-CR-10).
    pub fn remaining(&self, claim: &SlotClaim) -> u32 {
        self.usage.remaining(&claim.cell, &claim.limits)
    }

    /// Enters an accepted booking, so that the next one of the batch is measured against it (R-CRE-1).
    pub fn enter(&mut self, booking: &NewBooking) {
        let key = &booking.callback.phone_key;
        *self.number_open.entry(key.clone()).or_default() += 1;
        match booking.callback.kind {
            Kind::Immediate => {
                *self.number_day.entry(key.clone()).or_default() += 1;
                for counted in self.windows.values_mut() {
                    counted.accepted += 1;
                    counted.oldest = counted.oldest.or(Some(booking.callback.created_at));
                }
                self.active += 1;
            }
            Kind::Scheduled => self.usage.add(booking.callback.desired_at, 1),
        }
    }
}
