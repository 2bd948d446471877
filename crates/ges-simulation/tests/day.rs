//! A smaller day in every test run: it ends well, tells the same story twice, and its conditions find what they are for.

use ges_simulation::{Bug, DayOutcome, run_day};

/// Callbacks of a small day.
const CALLBACKS: u64 = 900;

fn small_day() -> std::thread::JoinHandle<DayOutcome> {
    std::thread::spawn(|| run_day(1, CALLBACKS, None, false))
}

#[test]
fn a_day_ends_with_everything_terminal_and_tells_the_same_story_twice() {
    let (day, again) = (small_day(), small_day());
    let (day, again) = (day.join().unwrap(), again.join().unwrap());
    let replay = format!("cargo xtask simulate --day --seed 1 --callbacks {CALLBACKS}");
    assert!(day.is_good(), "{replay}\n{}", day.report);
    assert!(day.callbacks as u64 >= CALLBACKS * 9 / 10, "{replay}\n{}", day.report);
    for (nth, (before, after)) in day.report.lines().zip(again.report.lines()).enumerate() {
        assert_eq!(before, after, "line {nth}");
    }
    assert_eq!(day.report, again.report);
    for befell in [
        "orchestration nodes lost: 1",
        "worker nodes killed: 2",
        "router failovers: 1",
        "publishes: ",
        "dials: busy",
        "dials: no answer",
        "dials: answering machine",
        "agents lost ",
        "call-ins that were matched",
        "cancels that won",
        "reschedules that succeeded",
    ] {
        assert!(day.report.contains(befell), "{befell}\n{}", day.report);
    }
    for idle in ["\n- 0 sessions went with their node", "\n- 0 pauses of services", ", 0 of them redials"] {
        assert!(!day.report.contains(idle), "{idle}\n{}", day.report);
    }
}

/// The conditions of the day, not the promises, are what these break.
fn is_found(bug: Bug, words: &str) {
    let days = (1..=3).map(|seed| run_day(seed, 500, Some(bug), false));
    let found = days.into_iter().flat_map(|day| day.findings).find(|finding| finding.contains(words));
    assert!(found.is_some(), "nobody noticed {bug:?}");
}

#[test]
fn sessions_of_a_lost_node_that_nobody_misses_are_noticed() {
    is_found(Bug::LossOverlooked, "(R-POL-3)");
}

#[test]
fn a_session_that_forgets_its_dial_attempts_is_noticed() {
    is_found(Bug::DialsForgotten, "maxDialAttempts");
}

#[test]
fn a_monitor_that_does_not_see_pauses_is_noticed() {
    is_found(Bug::PauseOverlooked, "(R-SUB-9)");
}

#[test]
fn another_seed_is_another_day() {
    let (one, other) = (run_day(1, 60, None, false), run_day(2, 60, None, false));
    assert_ne!(one.report, other.report);
    assert!(!one.report.contains("650400"), "I11: no number stands in a report");
}
