//! What a running service looks at in passing: values it has in hand. Nothing is asked of a store, nothing is kept.
//!
//! A look that finds something is a bug of ours: the caller counts it and tells a person; what it does goes on.

use super::{Invariant, Violation};
use crate::Instant;
use crate::callback::{Callback, Kind, Reason, State};
use crate::ports::Dispatch;
use crate::submission::{EARLY_DIAL, MAX_LEAD, ack_deadline};

/// What came of looking at one promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// The promise.
    pub invariant: Invariant,
    /// How many callbacks were looked at.
    pub looked: usize,
    /// Those that break it.
    pub broken: Vec<Violation>,
}

impl Look {
    fn at<'a, T: 'a>(
        invariant: Invariant,
        all: impl IntoIterator<Item = &'a T>,
        breaks: impl Fn(&'a T) -> Option<(&'a Callback, &'static str)>,
    ) -> Self {
        let (mut looked, mut broken) = (0, Vec::new());
        for one in all {
            looked += 1;
            if let Some((record, seen)) = breaks(one) {
                broken.push(Violation { invariant, callback: Some(record.id), seen: seen.into() });
            }
        }
        Self { invariant, looked, broken }
    }
}

/// A batch of one service, in the order it is about to be written to the stream: I2, I4, I5, I7.
pub fn handing_over(batch: &[Dispatch]) -> [Look; 4] {
    let next = Look::at(Invariant::NoDouble, batch, |one| {
        let fits = one.callback.waits_for_handover() && one.attempt == one.callback.next_attempt();
        (!fits).then_some((&one.callback, "an attempt is made while another one lives"))
    });
    let early = Look::at(Invariant::Time, batch, |one| {
        let (record, desired) = (&one.callback, one.callback.desired_at);
        let fits = one.earliest_dial >= desired - EARLY_DIAL
            && (record.kind == Kind::Immediate || one.at >= desired - MAX_LEAD);
        (!fits).then_some((record, "an entry goes out too early or allows a call too early"))
    });
    let wished = Look::at(Invariant::Cancel, batch, |one| {
        let fits = one.callback.cancel.is_none() && one.callback.state.is_open();
        (!fits).then_some((&one.callback, "an attempt is made although it was to be cancelled"))
    });
    let mut order = Look { invariant: Invariant::Order, looked: batch.len(), broken: Vec::new() };
    for pair in batch.windows(2).filter(|pair| pair[1].callback.order() < pair[0].callback.order()) {
        let (callback, seen) = (Some(pair[1].callback.id), "it is overtaken by a later callback".into());
        order.broken.push(Violation { invariant: Invariant::Order, callback, seen });
    }
    [next, early, wished, order]
}

/// A record whose unanswered attempt a monitor is about to give up for the next one (I2).
pub fn giving_up(record: &Callback, now: Instant) -> Look {
    Look::at(Invariant::NoDouble, [record], |record| {
        let submission = &record.submission;
        let dead = submission.submitted_at.is_some_and(|at| now >= ack_deadline(submission.attempts, at));
        let taken = record.session.is_some() || record.is_taken_unnamed();
        (!dead || taken).then_some((record, "an attempt is given up while it lives"))
    })
}

/// A record that has just ended (I1).
pub fn ended(record: &Callback) -> Look {
    Look::at(Invariant::NoLoss, [record], |record| {
        let fits = record.state == State::Completed && record.check().is_ok();
        (!fits).then_some((record, "it ended without a reason or is not ended"))
    })
}

/// A record whose cancel is about to be answered with success (I5).
pub fn cancelled(record: &Callback) -> Look {
    Look::at(Invariant::Cancel, [record], |record| {
        let fits = record.state == State::Completed && record.reason.as_ref().is_some_and(Reason::frees_slot);
        (!fits).then_some((record, "a cancel succeeded and the callback goes on"))
    })
}

/// A record as it has just been written (I8).
pub fn written(record: &Callback) -> Look {
    Look::at(Invariant::Audit, [record], |record| record.check().err().map(|_| (record, "a row breaks its own rules")))
}
