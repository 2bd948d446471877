//! IMMEDIATE or SCHEDULED, and for when (R-TYP-1 to R-TYP-6).

use std::time::Duration;

use crate::callback::Kind;
use crate::slots::{Cell, HORIZON, NEAR_NOW};
use crate::{Instant, Refusal};

/// A desired time may be this old: clocks of clients differ (PAST_TOLERANCE).
pub const PAST_TOLERANCE: Duration = Duration::from_secs(60);

/// What a wanted time means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Classified {
    /// The type.
    pub kind: Kind,
    /// The desired time to store.
    pub desired: Instant,
    /// Step 13 of chapter 4: too old or too far. The type is then still the one the later checks expect.
    pub refusal: Option<Refusal>,
}

/// Decides type and time of a booking.
///
/// `running`: the cell that holds `now` on the service's grid. `ewt`: the wait by R-EWT-9.
/// Rules: R-TYP-1 to R-TYP-5.
pub fn classify(
    wanted: Option<Instant>,
    always_check_capacity: bool,
    now: Instant,
    ewt: Duration,
    running: &Cell,
) -> Classified {
    let Some(wanted) = wanted else {
        return Classified { kind: Kind::Immediate, desired: now, refusal: None };
    };
    let mut refusal = None;
    let mut desired = wanted;
    if wanted < now {
        if wanted >= running.from || now.since(wanted) <= PAST_TOLERANCE {
            desired = now;
        } else {
            refusal = Some(Refusal::DesiredTimeInPast);
        }
    } else if wanted > now + HORIZON {
        refusal = Some(Refusal::DesiredTimeTooFar);
    }
    let overtaken = desired <= now + NEAR_NOW.max(ewt);
    let kind = if overtaken && !always_check_capacity { Kind::Immediate } else { Kind::Scheduled };
    Classified { kind, desired, refusal }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(clock: &str) -> Instant {
        format!("2026-06-01T{clock}Z").parse().unwrap()
    }

    /// EX-D on a 30 minute grid; the office rows are tested with the whole use case.
    /// R-TYP-2 to R-TYP-6.
    #[test]
    fn ex_d_types_and_times() {
        let near = Duration::ZERO;
        let cell = |from, until| Cell { from: at(from), until: at(until) };
        let at_1510 = cell("15:00:00", "15:30:00");
        let rows = [
            ("D7", "15:10:00", "14:58:59", false, near, Kind::Immediate, "14:58:59", Some(Refusal::DesiredTimeInPast)),
            ("D8", "15:10:00", "15:00:00", false, near, Kind::Immediate, "15:10:00", None),
            ("D8b", "15:00:30", "14:59:45", false, near, Kind::Immediate, "15:00:30", None),
            ("D9", "15:10:00", "15:12:00", false, near, Kind::Immediate, "15:12:00", None),
            ("D10", "15:10:00", "15:12:00.001", false, near, Kind::Scheduled, "15:12:00.001", None),
            ("D11", "15:10:00", "15:11:00", true, near, Kind::Scheduled, "15:11:00", None),
            ("D14", "15:10:00", "16:00:00", false, Duration::from_secs(4800), Kind::Immediate, "16:00:00", None),
            ("D14b", "15:10:00", "16:00:00", false, Duration::from_secs(2999), Kind::Scheduled, "16:00:00", None),
        ];
        for (name, now, wanted, flag, ewt, kind, desired, refusal) in rows {
            let got = classify(Some(at(wanted)), flag, at(now), ewt, &at_1510);
            assert_eq!(got, Classified { kind, desired: at(desired), refusal }, "{name}");
        }
    }

    #[test]
    fn d5_and_d6_the_horizon_is_fourteen_days_to_the_millisecond() {
        let now = at("15:10:00");
        let cell = Cell { from: at("15:00:00"), until: at("15:30:00") };
        let ahead =
            |extra| classify(Some(now + HORIZON + Duration::from_millis(extra)), false, now, Duration::ZERO, &cell);
        assert_eq!(ahead(0).refusal, None, "D5");
        assert_eq!(ahead(1).refusal, Some(Refusal::DesiredTimeTooFar), "D6, R-TYP-5");
    }

    #[test]
    fn without_a_desired_time_it_is_immediate_even_with_the_flag() {
        let now = at("15:10:00");
        let cell = Cell { from: at("15:00:00"), until: at("15:30:00") };
        let got = classify(None, true, now, Duration::ZERO, &cell);
        assert_eq!((got.kind, got.desired), (Kind::Immediate, now), "R-TYP-1");
    }
}
