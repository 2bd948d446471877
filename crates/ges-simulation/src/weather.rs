//! How bad a run is: rates of faults, drawn once per seed so that calm and stormy worlds both occur.

use std::time::Duration;

use crate::chance::Chance;

/// Probabilities per event, and what else a run is made of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Weather {
    /// A port call fails and does nothing.
    pub(crate) error_before: f64,
    /// A port call does its work and fails.
    pub(crate) error_after: f64,
    /// A port call takes up to three seconds.
    pub(crate) slow: f64,
    /// A port call takes 20 to 90 seconds.
    pub(crate) stuck: f64,
    /// A request of an API node never returns, its effect done or not.
    pub(crate) request_lost: f64,
    /// Between two blows to one worker node, in seconds; none: nothing happens to them.
    pub(crate) blows: Option<(u64, u64)>,
    /// A stopped node's own clock stands still as well.
    pub(crate) suspends: f64,
    /// The stream takes nothing, or only some.
    pub(crate) stream_before: f64,
    /// The stream takes everything and says it failed.
    pub(crate) stream_after: f64,
    /// The stream takes nothing from one second to another, counted from the beginning.
    pub(crate) stream_out: Option<(u64, u64)>,
    /// An entry is read late.
    pub(crate) entry_late: f64,
    /// A hint is lost, doubled, late.
    pub(crate) hint_lost: f64,
    pub(crate) hint_doubled: f64,
    pub(crate) hint_late: f64,
    /// A session's update is lost, doubled, late.
    pub(crate) update_lost: f64,
    pub(crate) update_doubled: f64,
    pub(crate) update_late: f64,
    /// A session is never heard of again, begins late, or says that it is lost.
    pub(crate) session_silent: f64,
    pub(crate) session_late: f64,
    pub(crate) session_lost: f64,
    /// A session cannot be told to stop.
    pub(crate) session_unreachable: f64,
    /// Nobody knows the wait.
    pub(crate) routers_down: f64,
    /// How far the wait swings, in seconds.
    pub(crate) wait_most: u64,
    /// Between two publishes, in seconds; none: nothing is published.
    pub(crate) publishes: Option<(u64, u64)>,
    /// A worker node believes in its leases for an hour, as if its own clock stood still.
    pub(crate) stubborn: f64,
}

impl Weather {
    /// Nothing goes wrong.
    pub(crate) const CALM: Self = Self {
        error_before: 0.0,
        error_after: 0.0,
        slow: 0.0,
        stuck: 0.0,
        request_lost: 0.0,
        blows: None,
        suspends: 0.0,
        stream_before: 0.0,
        stream_after: 0.0,
        stream_out: None,
        entry_late: 0.0,
        hint_lost: 0.0,
        hint_doubled: 0.0,
        hint_late: 0.0,
        update_lost: 0.0,
        update_doubled: 0.0,
        update_late: 0.0,
        session_silent: 0.0,
        session_late: 0.0,
        session_lost: 0.0,
        session_unreachable: 0.0,
        routers_down: 0.0,
        wait_most: 1,
        publishes: None,
        stubborn: 0.0,
    };

    /// One seed in sixteen is calm; the others mix troubles of the store, the stream, the nodes and the sessions.
    pub(crate) fn drawn(chance: &Chance) -> Self {
        let mut drawn = Self::CALM;
        if chance.happens(1.0 / 16.0) {
            return drawn;
        }
        let trouble = || chance.happens(0.6);
        let rate = |most: f64| most * (chance.between(1, 101) as f64 / 100.0);
        if trouble() {
            (drawn.error_before, drawn.error_after) = (rate(0.05), rate(0.05));
            (drawn.slow, drawn.stuck) = (rate(0.05), rate(0.005));
            drawn.request_lost = rate(0.03);
        }
        if trouble() {
            let least = chance.between(20, 300);
            drawn.blows = Some((least, least * 3));
            (drawn.suspends, drawn.stubborn) = (rate(0.5), rate(1.0));
        }
        if trouble() {
            (drawn.stream_before, drawn.stream_after, drawn.entry_late) = (rate(0.3), rate(0.3), rate(0.3));
            let from = chance.between(120, 2_400);
            drawn.stream_out = chance.happens(0.6).then(|| (from, from + chance.between(120, 1_200)));
        }
        if trouble() {
            (drawn.hint_lost, drawn.hint_doubled, drawn.hint_late) = (rate(0.9), rate(0.3), rate(0.5));
        }
        if trouble() {
            (drawn.update_lost, drawn.update_doubled, drawn.update_late) = (rate(0.2), rate(0.3), rate(0.2));
            (drawn.session_silent, drawn.session_late, drawn.session_lost) = (rate(0.15), rate(0.3), rate(0.3));
            drawn.session_unreachable = rate(0.5);
        }
        if trouble() {
            (drawn.wait_most, drawn.routers_down) = (chance.between(60, 5_000), rate(0.3));
        }
        if trouble() {
            drawn.publishes = Some((60, 900));
        }
        drawn
    }
}

/// Until when things go wrong, counted from the beginning.
pub(crate) const ACTIVE: Duration = Duration::from_secs(60 * 60);
/// The longest quiet time after it.
pub(crate) const QUIET: Duration = Duration::from_secs(8 * 3600);
