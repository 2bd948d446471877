//! Check-and-count over a ledger: the order of steps 9 to 15, and batches (R-CRE-1, P-4, P-5).

use std::time::Duration;

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::callback::{Direction, State, Submission};
use crate::capacity::{Limits as CellLimits, Shared};
use crate::phone::PhoneKey;
use crate::slots::Cell;
use crate::throttle::{Counted, KnownWindows, Settings};
use crate::{CallbackId, TenantId};

fn at(seconds: i64) -> Instant {
    Instant::from_millis(1_800_000_000_000 + seconds * 1000)
}

fn booking(kind: Kind, number: &str, desired: Instant, slot: Option<SlotClaim>) -> NewBooking {
    let callback = Callback {
        id: CallbackId(Uuid::from_u128(9)),
        tenant: TenantId(Uuid::from_u128(1)),
        service: ServiceName::new("CB_Sales").unwrap(),
        kind,
        direction: Direction::UserTerminated,
        state: if kind == Kind::Scheduled { State::Scheduled } else { State::Queued },
        reason: None,
        phone: PhoneNumber::new(number).unwrap(),
        phone_key: PhoneKey::stored(number),
        desired_at: desired,
        created_at: at(0),
        updated_at: at(0),
        completed_at: None,
        deadline: desired,
        priority: None,
        particulars: Particulars::default(),
        submission: Submission::default(),
        session: None,
        dial_attempts: 0,
        cancel: None,
        reschedules: 0,
        version: 0,
        session_seq: 0,
        position: None,
        ewt: None,
    };
    let limits = throttle::resolve(&Settings::default(), &Settings::default());
    NewBooking {
        callback,
        slot,
        limits,
        reach: Reach::Public,
        refused_later: None,
        keyed: None,
        known: KnownWindows::default(),
    }
}

fn claim(places: u32, shared: Option<u32>) -> SlotClaim {
    let cell = Cell { from: at(0), until: at(900) };
    let shared = shared.map(|limit| Shared { from: at(0), until: at(3600), limit });
    SlotClaim { cell, limits: CellLimits { cell_limit: places, shared } }
}

#[test]
fn a_counted_refusal_goes_before_a_closed_office_and_that_before_a_full_cell() {
    let mut wanted = booking(Kind::Scheduled, "1", at(0), Some(claim(0, None)));
    let mut ledger = Ledger::default();
    assert!(matches!(admit(&wanted, &ledger), Err(Refusal::SlotUnavailable { .. })), "step 15");
    wanted.refused_later = Some(Refusal::DesiredTimeTooFar);
    assert_eq!(admit(&wanted, &ledger), Err(Refusal::DesiredTimeTooFar), "step 13");
    ledger.number_open.insert(PhoneKey::stored("1"), 2);
    assert_eq!(admit(&wanted, &ledger), Err(Refusal::EnqueueLimitReached), "step 9");
}

#[test]
fn what_a_batch_asks_is_what_its_bookings_need() {
    let scheduled = booking(Kind::Scheduled, "1", at(0), Some(claim(2, Some(3))));
    let asked = Asked::by([&scheduled]);
    assert!(asked.windows.is_empty() && asked.active_limit.is_none(), "R-THR-6: SCHEDULED counts no window");
    assert_eq!(asked.usage, [(at(0), at(3600))], "the rule slot around the cell");
    let immediate = booking(Kind::Immediate, "1", at(0), None);
    let asked = Asked::by([&scheduled, &immediate, &immediate]);
    assert_eq!(
        asked.windows.into_iter().map(|(length, limit)| (length.as_secs(), limit)).collect::<Vec<_>>(),
        [(300, 500), (3600, 1000)]
    );
    assert_eq!((asked.numbers.len(), asked.active_limit), (1, Some(1000)));
}

#[test]
fn every_accepted_booking_of_a_batch_counts_for_the_next() {
    let mut ledger = Ledger::default();
    ledger.windows.insert(Duration::from_secs(300), Counted { accepted: 499, oldest: Some(at(-100)) });
    ledger.windows.insert(Duration::from_secs(3600), Counted::default());
    let first = booking(Kind::Immediate, "1", at(0), None);
    assert_eq!(admit(&first, &ledger), Ok(()));
    ledger.enter(&first);
    let second = booking(Kind::Immediate, "2", at(0), None);
    let full = |seconds, limit, retry_in| {
        let [window, retry_in] = [seconds, retry_in].map(Duration::from_secs);
        Err(Refusal::TtlLimitReached { window, limit, retry_in })
    };
    assert_eq!(admit(&second, &ledger), full(300, 500, 200), "the oldest of the 500 leaves 300 s after it came");
}

/// Design decision 1: what is known is not counted, and decides as the count would.
#[test]
fn a_window_known_to_be_full_is_not_counted_and_refuses_alike() {
    let plain = booking(Kind::Immediate, "1", at(0), None);
    let windows = plain.limits.windows;
    let known = |since| NewBooking { known: KnownWindows::at(at(0), &windows, since), ..plain.clone() };
    let first = known([Some(at(-100)), None]);
    let asked = Asked::by([&first]);
    assert!(asked.windows.is_empty() && asked.active_limit.is_none(), "{asked:?}");
    assert_eq!(asked.numbers.len(), 1, "which refusal it is depends on the number (steps 9 and 10)");
    let mut counted = Ledger::default();
    counted.windows.insert(windows[0].length, Counted { accepted: 500, oldest: Some(at(-100)) });
    assert_eq!(admit(&first, &Ledger::default()), admit(&plain, &counted));
    let second = known([None, Some(at(-100))]);
    assert_eq!(Asked::by([&second]).windows.len(), 1, "window 1 is tested before window 2 (R-THR-4)");
    assert_eq!(admit(&second, &counted), admit(&plain, &counted));
    let over = known([Some(at(-300)), Some(at(-3600))]);
    assert_eq!(Asked::by([&over]), Asked::by([&plain]), "the start of a window is outside");
    counted.number_open.insert(PhoneKey::stored("1"), 2);
    assert_eq!(admit(&first, &counted), Err(Refusal::EnqueueLimitReached), "step 9 goes before step 11");
}

proptest! {
    #[test]
    fn p_3_and_p_5_a_batch_fills_a_cell_exactly(places in 0_u32..20, shared in prop::option::of(0_u32..30), tries in 0_usize..60) {
        let mut ledger = Ledger::default();
        let mut accepted = 0;
        for n in 0..tries {
            let wanted = booking(Kind::Scheduled, &format!("1{n}"), at(n as i64 % 900), Some(claim(places, shared)));
            if admit(&wanted, &ledger).is_ok() {
                ledger.enter(&wanted);
                accepted += 1;
            }
        }
        let limit = places.min(shared.unwrap_or(u32::MAX)) as usize;
        prop_assert_eq!(accepted, tries.min(limit));
    }
}
