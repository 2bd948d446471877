//! What predicates make of a reschedule that is stamped by a clock a little off.

use super::*;

fn moved(from: Instant, to: Instant) -> Change {
    let (was, kind) = (Kind::Scheduled, Kind::Scheduled);
    let day = Duration::from_secs(86_400);
    Change::Rescheduled { from, to, was, kind, old_deadline: from + day, deadline: to + day }
}

/// A callback that waits for `at(12_000)`, is moved to `to` at `at(30)`, and is handed over for its new time by a node whose clock
/// shows `ms` more than that one's.
fn moved_and_handed_over(to: Instant, ms: i64) -> Vec<&'static str> {
    let mut story = story(5, Kind::Scheduled, at(12_000), &[(1, Actor::Monitor, Change::Submitted { attempt: 1 })]);
    let (record, event) = story.record.apply(Actor::Api, at(30), vec![moved(at(12_000), to)]);
    (story.record, _) = (record, story.timeline.push(event));
    let written = Instant::from_millis(at(30).millis() + ms);
    let second =
        Entry { at: written, decided_at: written, earliest_dial: to - Duration::from_secs(180), ..entry(5, 2, 30, to) };
    broken_by(|evidence| {
        evidence.at_rest = false;
        evidence.stories.push(story);
        evidence.entries.push(entry(5, 1, 1, at(12_000)));
        evidence.entries.push(second);
    })
}

/// I2, I4: two nodes' clocks may differ by 20 ms each.
#[test]
fn a_reschedule_stamped_a_little_after_the_next_attempt_came_before_it() {
    for ms in [-40, 0, 40] {
        assert_eq!(moved_and_handed_over(at(10_800), ms), [""; 0], "{ms} ms, to an earlier time");
        assert_eq!(moved_and_handed_over(at(13_000), ms), [""; 0], "{ms} ms, to a later time");
    }
}

/// I2, I4.
#[test]
fn a_reschedule_stamped_well_after_the_next_attempt_excuses_nothing() {
    assert_eq!(moved_and_handed_over(at(10_800), -1_000), ["I2", "I4"]);
    assert_eq!(moved_and_handed_over(at(13_000), -1_000), ["I2"], "for a later time it allows nothing too early");
}

/// I2, R-EDT-1, R-EDT-4: a number that a move or another phone number made void is never written, and what follows is the first of
/// its time.
#[test]
fn a_number_that_was_voided_is_no_gap() {
    let another_number = Change::Edited { fields: vec!["phoneNumber".into()] };
    let another_language = Change::Edited { fields: vec!["language".into()] };
    for (change, first, next, broken) in [
        (Some(moved(at(7_200), at(10_800))), 2, None, false),
        (Some(another_number), 2, None, false),
        (Some(another_language), 2, None, true),
        (None, 2, None, true),
        (Some(moved(at(7_200), at(10_800))), 3, None, true),
        (Some(moved(at(7_200), at(10_800))), 2, Some(59), true),
        (Some(moved(at(7_200), at(10_800))), 2, Some(60), false),
    ] {
        let mut story = story(5, Kind::Scheduled, at(7_200), &[]);
        let submitted = Change::Submitted { attempt: first };
        for (seconds, change) in [(30, change.clone()), (40, Some(submitted))] {
            let Some(change) = change else { continue };
            let (record, event) = story.record.apply(Actor::Monitor, at(seconds), vec![change]);
            (story.record, _) = (record, story.timeline.push(event));
        }
        let desired = story.record.desired_at;
        let found = broken_by(|evidence| {
            evidence.at_rest = false;
            evidence.stories.push(story);
            evidence.entries.push(entry(5, first, 40, desired));
            evidence.entries.extend(next.map(|pause| entry(5, first + 1, 40 + pause, desired)));
        });
        assert_eq!(found.contains(&"I2"), broken, "{change:?}, {first}, {next:?}: {found:?}");
    }
}
