//! EX-H, EX-I and P-11 over a list of accepted instants, the way a store counts them.

use proptest::prelude::*;

use super::*;
use crate::Instant;

fn windows(limits: [(i64, i64); 2]) -> Settings {
    Settings {
        throttle_limit1: Some(limits[0].0),
        throttle_ttl1: Some(limits[0].1),
        throttle_limit2: Some(limits[1].0),
        throttle_ttl2: Some(limits[1].1),
        ..Settings::default()
    }
}

fn at(seconds: f64) -> Instant {
    Instant::from_millis(1_800_000_000_000 + (seconds * 1000.0) as i64)
}

/// Counts as R-THR-4 says: `(now - length, now]`.
fn counted(accepted: &[Instant], limits: &Limits, now: Instant) -> Counts {
    let within = |length| {
        let since = now - length;
        accepted.iter().filter(|at| since < **at && **at <= now).count() as u32
    };
    Counts {
        windows: limits.windows.map(|window| within(window.length)),
        number_day: within(NUMBER_DAY),
        ..Counts::default()
    }
}

/// Runs creations of distinct numbers and says for each "ok" or the window that refused.
fn run(limits: &Limits, times: &[f64]) -> Vec<Option<u64>> {
    let mut accepted = Vec::new();
    times
        .iter()
        .map(|time| {
            let now = at(*time);
            let counts = Counts { number_day: 0, ..counted(&accepted, limits, now) };
            match check(limits, &counts, Kind::Immediate, Reach::Public) {
                Ok(()) => {
                    accepted.push(now);
                    None
                }
                Err(Refusal::TtlLimitReached { window }) => Some(window.as_secs()),
                Err(other) => unreachable!("{other}"),
            }
        })
        .collect()
}

/// R-THR-3 to R-THR-5.
#[test]
fn ex_h1_two_windows_slide() {
    let limits = resolve(&windows([(2, 14), (2, 7)]), &Settings::default());
    let verdicts = run(&limits, &[0.0, 1.0, 2.0, 9.0, 13.9, 14.0, 14.5, 15.0]);
    assert_eq!(verdicts, [None, None, Some(14), Some(14), Some(14), None, Some(14), None]);
}

#[test]
fn ex_h2_the_first_full_window_names_the_error() {
    let limits = resolve(&windows([(2, 7), (3, 19)]), &Settings::default());
    let verdicts = run(&limits, &[0.0, 0.0, 1.0, 8.0, 8.5, 18.9, 19.0, 19.1, 26.0]);
    assert_eq!(verdicts, [None, None, Some(7), None, Some(19), Some(19), None, None, Some(19)]);
}

/// R-THR-1, R-THR-2.
#[test]
fn ex_h3_zero_blocks_and_h4_blank_inherits_and_h5_negative_falls_to_the_product_default() {
    let none = Settings::default();
    let zero = resolve(&Settings { throttle_limit1: Some(0), ..none }, &none);
    assert_eq!(run(&zero, &[0.0]), [Some(300)], "H3");
    let tenant = Settings { throttle_limit1: Some(1), throttle_ttl1: Some(10), ..none };
    assert_eq!(run(&resolve(&none, &tenant), &[0.0, 1.0, 10.0]), [None, Some(10), None], "H4");
    let negative = Settings { throttle_limit1: Some(-1), ..none };
    let inherited = resolve(&negative, &Settings { throttle_limit1: Some(1), ..none });
    assert_eq!(inherited.windows[0].limit, 500, "H5");
    assert_eq!(run(&inherited, &[0.0, 1.0]), [None, None], "H5");
}

#[test]
fn ex_h7_scheduled_callbacks_are_not_refused_by_windows() {
    let limits = resolve(&windows([(1, 300), (1, 3600)]), &Settings::default());
    let full = Counts { windows: [4, 4], number_day: 9, active: 5000, ..Counts::default() };
    assert_eq!(check(&limits, &full, Kind::Scheduled, Reach::Public), Ok(()), "H7, I5, R-THR-12");
    assert!(check(&limits, &full, Kind::Immediate, Reach::Public).is_err(), "H8");
}

/// R-THR-8, R-THR-9.
#[test]
fn ex_i_per_number_limits() {
    let defaults = resolve(&Settings::default(), &Settings::default());
    let day = |n| Counts { number_day: n, ..Counts::default() };
    assert_eq!(check(&defaults, &day(5), Kind::Immediate, Reach::Public), Ok(()), "I1, sixth");
    assert_eq!(
        check(&defaults, &day(6), Kind::Immediate, Reach::Public),
        Err(Refusal::EnqueueLimitReached),
        "I1, seventh"
    );
    let none = resolve(&Settings { per_number_limit: Some(0), ..Settings::default() }, &Settings::default());
    assert_eq!(check(&none, &day(0), Kind::Immediate, Reach::Public), Err(Refusal::EnqueueLimitReached), "I6");
    let first = at(0.0);
    let six = [first; 6];
    let a_day_later = first + NUMBER_DAY;
    assert_eq!(counted(&six, &defaults, a_day_later).number_day, 0, "I2");
    assert_eq!(counted(&six, &defaults, a_day_later - Duration::from_millis(1)).number_day, 6, "I2");
}

/// R-THR-10.
#[test]
fn ex_i7_to_i9_in_queue_check() {
    let of = |check| resolve(&Settings { in_queue_check: Some(check), ..Settings::default() }, &Settings::default());
    let open = |n| Counts { number_open: n, ..Counts::default() };
    for kind in [Kind::Immediate, Kind::Scheduled] {
        let verdict = |mode, n| check(&of(mode), &open(n), kind, Reach::Public).is_ok();
        assert!(verdict(InQueueCheck::On, 1));
        assert!(!verdict(InQueueCheck::On, 2), "I7");
        assert!(verdict(InQueueCheck::Strict, 0));
        assert!(!verdict(InQueueCheck::Strict, 1), "I8");
        assert!(verdict(InQueueCheck::On, 0), "I9: completed ones are not open");
        assert!(verdict(InQueueCheck::Off, 99));
    }
}

#[test]
fn staff_pass_abuse_limits_but_not_the_queue_size() {
    let defaults = resolve(&Settings::default(), &Settings::default());
    let flooded = Counts { number_open: 9, number_day: 9, windows: [999, 9999], active: 999 };
    assert_eq!(check(&defaults, &flooded, Kind::Immediate, Reach::Staff), Ok(()), "R-CRE-8");
    let full = Counts { active: 1000, ..flooded };
    assert_eq!(check(&defaults, &full, Kind::Immediate, Reach::Staff), Err(Refusal::QueueFull), "R-THR-12");
}

proptest! {
    #[test]
    fn p_11_no_interval_holds_more_than_the_limit(
        limit in 1_i64..6,
        ttl in 1_i64..60,
        gaps in prop::collection::vec(0_u32..20_000, 1..80),
    ) {
        let limits = resolve(&windows([(limit, ttl), (i64::MAX, 3600)]), &Settings::default());
        let mut now = at(0.0);
        let mut accepted: Vec<Instant> = Vec::new();
        for gap in gaps {
            now = now + Duration::from_millis(u64::from(gap));
            let counts = Counts { number_day: 0, ..counted(&accepted, &limits, now) };
            if check(&limits, &counts, Kind::Immediate, Reach::Public).is_ok() {
                accepted.push(now);
            }
        }
        for (i, end) in accepted.iter().enumerate() {
            let inside = accepted[..=i].iter().filter(|at| end.since(**at) < limits.windows[0].length).count();
            prop_assert!(inside as i64 <= limit);
        }
    }
}
