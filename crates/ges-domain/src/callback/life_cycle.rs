//! Which state may follow which, and which act a state allows (chapters 3.3 and 5).

use super::State;

/// Whether a session update may move a record from one state to another without ending it (T4 to T7, T13, T14).
///
/// Staying is no move. Every pair not listed is illegal (R-TR-1); ending is [`State::Completed`] from any open state (T8).
pub const fn session_may_move(from: State, to: State) -> bool {
    use State::{Completed, Paused, Processing, Queued, Routing, Scheduled};
    match (from, to) {
        (Queued, Routing | Processing | Paused) => true,
        (Routing, Processing | Queued | Paused) => true,
        (Processing, Queued) => true,
        (Paused, Queued) => true,
        // With a submission under way; the caller has bound the session before it asks.
        (Scheduled, Queued) => true,
        (Queued | Routing | Processing | Paused | Scheduled, Completed) => true,
        _ => false,
    }
}

/// What people may do to a record (chapter 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Look at it.
    View,
    /// Change number, user data, priority or language.
    Edit,
    /// Choose another time.
    Reschedule,
    /// Move it to another service.
    ChangeService,
    /// Withdraw it.
    Cancel,
    /// Book the same again.
    Recreate,
}

/// Whether a record in this state allows the act (the matrix of chapter 5, R-CAN-3).
pub const fn may_act(act: Act, state: State) -> bool {
    use State::{Completed, Paused, Queued, Routing, Scheduled};
    match act {
        Act::View => true,
        Act::Edit | Act::ChangeService => matches!(state, Scheduled),
        Act::Reschedule | Act::Cancel => matches!(state, Scheduled | Queued | Routing | Paused),
        Act::Recreate => matches!(state, Completed),
    }
}

#[cfg(test)]
mod tests {
    use super::State::{Completed, Paused, Processing, Queued, Routing, Scheduled};
    use super::*;

    /// R-TR-1.
    #[test]
    fn every_pair_of_states_is_either_listed_or_illegal() {
        let legal = [
            (Scheduled, Queued),
            (Scheduled, Completed),
            (Queued, Routing),
            (Queued, Processing),
            (Queued, Paused),
            (Queued, Completed),
            (Routing, Queued),
            (Routing, Processing),
            (Routing, Paused),
            (Routing, Completed),
            (Processing, Queued),
            (Processing, Completed),
            (Paused, Queued),
            (Paused, Completed),
        ];
        for from in State::ALL {
            for to in State::ALL {
                assert_eq!(session_may_move(from, to), legal.contains(&(from, to)), "{from:?} -> {to:?} (R-TR-1)");
            }
        }
    }

    #[test]
    fn the_matrix_of_acts() {
        let states = [Scheduled, Queued, Routing, Paused, Processing, Completed];
        let rows = [
            (Act::View, [true; 6]),
            (Act::Edit, [true, false, false, false, false, false]),
            (Act::Reschedule, [true, true, true, true, false, false]),
            (Act::ChangeService, [true, false, false, false, false, false]),
            (Act::Cancel, [true, true, true, true, false, false]),
            (Act::Recreate, [false, false, false, false, false, true]),
        ];
        for (act, allowed) in rows {
            for (state, expected) in states.into_iter().zip(allowed) {
                assert_eq!(may_act(act, state), expected, "{act:?} in {state:?}");
            }
        }
    }
}
