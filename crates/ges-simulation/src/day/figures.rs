//! Figures of a day: who waited how long, how often somebody was called, what estimates were worth.

use std::collections::BTreeMap;

use ges_domain::Instant;
use ges_domain::callback::{Change, Kind, State};
use ges_domain::invariants::{Evidence, Story};
use ges_domain::ports::ServiceRef;

use super::verdict::service_of;

/// A sample of whole seconds, which may be negative.
#[derive(Debug, Default)]
pub(crate) struct Sample(Vec<i64>);

impl Sample {
    pub(crate) fn of(seconds: impl IntoIterator<Item = i64>) -> Self {
        let mut seconds: Vec<i64> = seconds.into_iter().collect();
        seconds.sort_unstable();
        Self(seconds)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The smallest value that so many of a hundred do not exceed.
    pub(crate) fn percentile(&self, of_hundred: usize) -> Option<i64> {
        let rank = (self.0.len() * of_hundred).div_ceil(100).max(1);
        self.0.get(rank - 1).copied()
    }

    pub(crate) fn mean(&self) -> Option<i64> {
        let count = i64::try_from(self.0.len()).ok().filter(|count| *count > 0)?;
        Some(self.0.iter().sum::<i64>().div_euclid(count))
    }
}

/// What the stories of a day tell, one value per callback that has it.
pub(crate) struct Figures {
    /// From booking to conversation, of IMMEDIATE ones.
    pub(crate) wait: Sample,
    /// From booking to the first call, of IMMEDIATE ones.
    pub(crate) first_call: Sample,
    /// From the desired time to the first call, of SCHEDULED ones: they may be called 180 s early (R-SUB-4).
    pub(crate) lateness: Sample,
    /// From the desired time to the conversation, of SCHEDULED ones.
    pub(crate) scheduled_wait: Sample,
    /// What was predicted when an IMMEDIATE one was booked, less what it was until an agent was reserved.
    pub(crate) prediction: Sample,
    /// The same without its sign.
    pub(crate) prediction_error: Sample,
}

fn seconds(from: Instant, until: Instant) -> i64 {
    (until.millis() - from.millis()).div_euclid(1_000)
}

/// When a record first came into a state.
fn first(story: &Story, state: State) -> Option<Instant> {
    let moved = |change: &Change| matches!(change, Change::Moved { to } if *to == state);
    story.timeline.iter().find(|event| event.changes.iter().any(moved)).map(|event| event.at)
}

impl Figures {
    pub(crate) fn of(evidence: &Evidence) -> Self {
        let mut called: BTreeMap<_, Instant> = BTreeMap::new();
        for dial in &evidence.dials {
            called.entry(dial.id).or_insert(dial.at);
        }
        // What was moved to another time has no single time to be measured by.
        let stories = || evidence.stories.iter().filter(|story| story.record.reschedules == 0);
        let of = |kind| stories().filter(move |story| story.record.kind == kind);
        let (now, later) = (|| of(Kind::Immediate), || of(Kind::Scheduled));
        let call = |story: &Story| called.get(&story.record.id).copied();
        let predicted: Vec<i64> = now()
            .filter_map(|story| {
                let told = i64::from(story.record.particulars.ewt_at_creation.unwrap_or(0));
                Some(told - seconds(story.record.created_at, first(story, State::Routing)?))
            })
            .collect();
        let talks = |story: &Story| first(story, State::Processing);
        Self {
            wait: Sample::of(now().filter_map(|s| Some(seconds(s.record.created_at, talks(s)?)))),
            first_call: Sample::of(now().filter_map(|s| Some(seconds(s.record.created_at, call(s)?)))),
            lateness: Sample::of(later().filter_map(|s| Some(seconds(s.record.desired_at, call(s)?)))),
            scheduled_wait: Sample::of(later().filter_map(|s| Some(seconds(s.record.desired_at, talks(s)?)))),
            prediction_error: Sample::of(predicted.iter().map(|error| error.abs())),
            prediction: Sample::of(predicted),
        }
    }
}

/// How many changes of a kind the timelines of a day hold.
pub(crate) fn changes(evidence: &Evidence, counts: impl Fn(&Change) -> bool) -> usize {
    let events = evidence.stories.iter().flat_map(|story| &story.timeline);
    events.flat_map(|event| &event.changes).filter(|change| counts(change)).count()
}

/// Stories by service.
pub(crate) fn by_service(evidence: &Evidence) -> BTreeMap<ServiceRef, Vec<&Story>> {
    let mut services: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for story in &evidence.stories {
        services.entry(service_of(story)).or_default().push(story);
    }
    services
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_of_the_sample() {
        let sample = Sample::of([30, -10, 20, 10]);
        assert_eq!([1, 25, 26, 50, 99, 100].map(|of| sample.percentile(of).unwrap()), [-10, -10, 10, 10, 30, 30]);
        assert_eq!((sample.mean(), sample.len()), (Some(12), 4));
        assert_eq!((Sample::default().percentile(50), Sample::default().mean()), (None, None));
    }
}
