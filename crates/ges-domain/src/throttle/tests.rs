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

fn many(accepted: u32) -> Counted {
    Counted { accepted, oldest: None }
}

/// Counts as R-THR-4 says: `(now - length, now]`.
fn counted(accepted: &[Instant], limits: &Limits, now: Instant) -> Counts {
    let within = |length| {
        let since = now - length;
        accepted.iter().copied().filter(move |at| since < *at && *at <= now)
    };
    let window = |window: Window| {
        let mut newest: Vec<_> = within(window.length).collect();
        newest.sort_unstable_by(|one, other| other.cmp(one));
        newest.truncate(window.limit as usize);
        Counted { accepted: newest.len() as u32, oldest: newest.last().copied() }
    };
    Counts { windows: limits.windows.map(window), number_day: within(NUMBER_DAY).count() as u32, ..Counts::default() }
}

/// Runs creations of distinct numbers and says for each "ok" or the window that refused.
fn run(limits: &Limits, times: &[f64]) -> Vec<Option<u64>> {
    let mut accepted = Vec::new();
    times
        .iter()
        .map(|time| {
            let now = at(*time);
            let counts = Counts { number_day: 0, ..counted(&accepted, limits, now) };
            match check(limits, &counts, Kind::Immediate, Reach::Public, now) {
                Ok(()) => {
                    accepted.push(now);
                    None
                }
                Err(Refusal::TtlLimitReached { window, .. }) => Some(window.as_secs()),
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
    let full = Counts { windows: [many(4), many(4)], number_day: 9, active: 5000, ..Counts::default() };
    assert_eq!(check(&limits, &full, Kind::Scheduled, Reach::Public, at(0.0)), Ok(()), "H7, I5, R-THR-12");
    assert!(check(&limits, &full, Kind::Immediate, Reach::Public, at(0.0)).is_err(), "H8");
}

/// R-THR-8, R-THR-9.
#[test]
fn ex_i_per_number_limits() {
    let defaults = resolve(&Settings::default(), &Settings::default());
    let day = |n| Counts { number_day: n, ..Counts::default() };
    assert_eq!(check(&defaults, &day(5), Kind::Immediate, Reach::Public, at(0.0)), Ok(()), "I1, sixth");
    assert_eq!(
        check(&defaults, &day(6), Kind::Immediate, Reach::Public, at(0.0)),
        Err(Refusal::EnqueueLimitReached),
        "I1, seventh"
    );
    let none = resolve(&Settings { per_number_limit: Some(0), ..Settings::default() }, &Settings::default());
    assert_eq!(check(&none, &day(0), Kind::Immediate, Reach::Public, at(0.0)), Err(Refusal::EnqueueLimitReached), "I6");
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
        let verdict = |mode, n| check(&of(mode), &open(n), kind, Reach::Public, at(0.0)).is_ok();
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
    let flooded = Counts { number_open: 9, number_day: 9, windows: [many(999), many(9999)], active: 999 };
    assert_eq!(check(&defaults, &flooded, Kind::Immediate, Reach::Staff, at(0.0)), Ok(()), "R-CRE-8");
    let full = Counts { active: 1000, ..flooded };
    assert_eq!(check(&defaults, &full, Kind::Immediate, Reach::Staff, at(0.0)), Err(Refusal::QueueFull), "R-THR-12");
}

/// R-THR-4: a full window says when it has room, and then it has.
#[test]
fn a_full_window_has_room_again_when_it_says() {
    let limits = resolve(&windows([(2, 14), (100, 3600)]), &Settings::default());
    let accepted = [at(0.0), at(1.5)];
    let counts = Counts { number_day: 0, ..counted(&accepted, &limits, at(9.0)) };
    let refused = check(&limits, &counts, Kind::Immediate, Reach::Public, at(9.0));
    let retry_in = Duration::from_secs(5);
    assert_eq!(refused, Err(Refusal::TtlLimitReached { window: Duration::from_secs(14), limit: 2, retry_in }));
    let then = at(9.0) + retry_in;
    let counts = Counts { number_day: 0, ..counted(&accepted, &limits, then) };
    assert_eq!(check(&limits, &counts, Kind::Immediate, Reach::Public, then), Ok(()));
    let zero = resolve(&windows([(0, 14), (100, 3600)]), &Settings::default());
    let refused = check(&zero, &Counts::default(), Kind::Immediate, Reach::Public, at(0.0));
    let length = Duration::from_secs(14);
    assert_eq!(refused, Err(Refusal::TtlLimitReached { window: length, limit: 0, retry_in: length }), "R-THR-2");
}

/// R-THR-1 for everything of 11.1, not the numbers alone.
#[test]
fn every_setting_is_taken_from_the_service_then_the_tenant_then_the_product() {
    let none = Settings::default();
    let service = Settings { max_queued: Some(7), in_queue_check: Some(InQueueCheck::Off), ..none };
    let tenant = Settings {
        max_queued: Some(8),
        in_queue_check: Some(InQueueCheck::Strict),
        per_number_limit: Some(9),
        block_premium: Some(false),
        default_country: Some("DE".to_owned().try_into().unwrap()),
        ..none
    };
    let limits = resolve(&service, &tenant);
    assert_eq!((limits.max_queued, limits.in_queue, limits.per_number_day), (7, InQueueCheck::Off, 9));
    assert_eq!(resolve(&none, &tenant).in_queue, InQueueCheck::Strict);
    assert_eq!(resolve(&none, &none).in_queue, InQueueCheck::On);
    let screening = screening(&Settings { block_impossible: Some(false), ..none }, &tenant);
    assert_eq!((screening.block_impossible, screening.block_premium), (false, false));
    assert_eq!(screening.default_country.as_str(), "DE");
    let defaults = super::screening(&none, &none);
    assert_eq!(
        (defaults.block_impossible, defaults.block_premium, defaults.default_country.as_str()),
        (true, true, "US")
    );
    let product = resolve(&Settings { per_number_limit: Some(-1), max_queued: Some(-5), ..none }, &tenant);
    assert_eq!((product.per_number_day, product.max_queued), (6, 1000), "a negative number skips the tenant");
}

/// R-THR-1, R-CFG-3: cells are text as often as not.
#[test]
fn blank_cells_inherit_and_text_is_read() {
    let read = |json: &str| serde_json::from_str::<Settings>(json).unwrap();
    assert_eq!(
        read(r#"{"throttleLimit1":"","inQueueCheck":" ","blockPremium":null,"defaultCountry":""}"#),
        Settings::default()
    );
    let text = read(
        r#"{"throttleLimit1":"7","perNumberLimit":-1,"inQueueCheck":"STRICT","blockImpossible":"no","defaultCountry":"DE"}"#,
    );
    assert_eq!((text.throttle_limit1, text.per_number_limit), (Some(7), Some(-1)));
    assert_eq!((text.in_queue_check, text.block_impossible), (Some(InQueueCheck::Strict), Some(false)));
    for (cell, check) in [("true", InQueueCheck::On), ("\"false\"", InQueueCheck::Off), ("\"Yes\"", InQueueCheck::On)] {
        assert_eq!(read(&format!("{{\"inQueueCheck\":{cell}}}")).in_queue_check, Some(check), "{cell}");
    }
    for bad in [
        r#"{"throttleLimit1":"many"}"#,
        r#"{"inQueueCheck":"maybe"}"#,
        r#"{"blockPremium":2}"#,
        r#"{"maxQueued":true}"#,
    ] {
        assert!(serde_json::from_str::<Settings>(bad).is_err(), "{bad}");
    }
    let again: Settings = serde_json::from_str(&serde_json::to_string(&text).unwrap()).unwrap();
    assert_eq!(again, text);
}

/// R-CFG-1, R-THR-13: a window is no longer than what is remembered.
#[test]
fn lengths_of_windows_are_bounded() {
    let length = |seconds| Settings { throttle_ttl2: Some(seconds), ..Settings::default() };
    for good in [-1, 1, 1_209_600] {
        assert_eq!(length(good).check(), Ok(()), "{good}");
    }
    for bad in [0, 1_209_601] {
        assert_eq!(length(bad).check().unwrap_err().key, "throttleTtl2", "{bad}");
    }
    assert_eq!(resolve(&length(i64::MAX), &Settings::default()).windows[1].length, Duration::from_secs(1_209_600));
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
            if check(&limits, &counts, Kind::Immediate, Reach::Public, now).is_ok() {
                accepted.push(now);
            }
        }
        for (i, end) in accepted.iter().enumerate() {
            let inside = accepted[..=i].iter().filter(|at| end.since(**at) < limits.windows[0].length).count();
            prop_assert!(inside as i64 <= limit);
        }
    }
}
