//! A smaller day in every test run: it ends well, tells the same story twice, and its conditions find what they are for.

use ges_domain::invariants::Invariant;
use ges_simulation::{Bug, run_day};

/// Consumers of a small day.
const CONSUMERS: u64 = 2_000;

#[test]
fn a_day_ends_with_everything_terminal_and_tells_the_same_story_twice() {
    let day = run_day(1, CONSUMERS, None, false);
    assert!(day.is_good(), "cargo xtask simulate --day --seed 1 --callbacks {CONSUMERS}\n{}", day.report);
    assert!(day.callbacks > 1_800, "{}", day.report);
    let again = run_day(1, CONSUMERS, None, false);
    for (nth, (before, after)) in day.report.lines().zip(again.report.lines()).enumerate() {
        assert_eq!(before, after, "line {nth}");
    }
    assert_eq!(day.report, again.report);
}
