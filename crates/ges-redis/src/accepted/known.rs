//! What this process has read: facts that stay true, so they need no refreshing, only forgetting.

use std::collections::HashMap;
use std::time::Duration;

use ges_domain::Instant;
use ges_domain::ports::ServiceRef;
use ges_domain::throttle::{NUMBER_DAY, Window};
use tokio::time::Instant as Moment;

/// Largest limit that is worth keeping so many times; others are counted in the record store.
const MOST: u32 = 10_000;
/// Services known at a time; beyond, everything is forgotten and learned anew.
const SERVICES: usize = 10_000;
/// Rest between two looks at one service that nobody accepts callbacks for any more.
const LOOK: Duration = Duration::from_millis(50);

/// Windows whose times are kept: not those that take nothing or very many, nor those that are longer than a day.
pub(super) fn kept(windows: &[Window; 2]) -> Vec<Window> {
    let kept = |window: &&Window| (1..=MOST).contains(&window.limit) && window.length <= NUMBER_DAY;
    windows.iter().filter(kept).copied().collect()
}

/// Facts by service.
#[derive(Default)]
pub(super) struct Known(HashMap<ServiceRef, Facts>);

#[derive(Default)]
struct Facts {
    /// So many were accepted since then.
    since: HashMap<u32, Instant>,
    looked: Option<Moment>,
}

impl Known {
    /// An instant since which at least the window's limit was accepted.
    pub(super) fn since(&self, service: &ServiceRef, window: Window) -> Option<Instant> {
        if window.limit == 0 {
            return None;
        }
        // More than the limit since some time is the limit since that time, too.
        let enough = self.0.get(service)?.since.iter().filter(|(accepted, _)| **accepted >= window.limit);
        enough.map(|(_, since)| *since).max()
    }

    /// Learns for each limit the score that was read; an empty one says nothing.
    pub(super) fn learn(&mut self, service: ServiceRef, read: impl Iterator<Item = (u32, String)>) {
        let facts = self.facts(service);
        for (limit, score) in read {
            // Scores are whole milliseconds, which a float holds exactly.
            #[expect(clippy::cast_possible_truncation, reason = "it was a whole number of milliseconds")]
            let millis = score.parse::<f64>().ok().filter(|score| score.is_finite()).map(|score| score as i64);
            let Some(millis) = millis else { continue };
            let since = facts.since.entry(limit).or_insert(Instant::from_millis(millis));
            *since = Instant::from_millis(millis).max(*since);
        }
    }

    /// Whether it is time to look at a service again.
    pub(super) fn may_look(&mut self, service: &ServiceRef) -> bool {
        let facts = self.facts(service.clone());
        let due = facts.looked.is_none_or(|looked| looked.elapsed() >= LOOK);
        if due {
            facts.looked = Some(Moment::now());
        }
        due
    }

    fn facts(&mut self, service: ServiceRef) -> &mut Facts {
        if self.0.len() >= SERVICES && !self.0.contains_key(&service) {
            self.0.clear();
        }
        self.0.entry(service).or_default()
    }
}

#[cfg(test)]
mod tests {
    use ges_testkit::builders::{service, tenant};

    use super::*;

    fn sales() -> ServiceRef {
        ServiceRef { tenant: tenant(), name: service("CB_Sales") }
    }

    fn window(limit: u32) -> Window {
        Window { limit, length: Duration::from_secs(300) }
    }

    fn learn(known: &mut Known, read: &[(u32, &str)]) {
        known.learn(sales(), read.iter().map(|(limit, score)| (*limit, (*score).to_owned())));
    }

    #[test]
    fn a_fact_about_more_holds_for_less_and_never_the_other_way() {
        let mut known = Known::default();
        assert_eq!(known.since(&sales(), window(5)), None);
        learn(&mut known, &[(500, "1780315200123"), (1000, "")]);
        let then = Some(Instant::from_millis(1_780_315_200_123));
        assert_eq!(known.since(&sales(), window(500)), then);
        assert_eq!(known.since(&sales(), window(300)), then, "a lowered limit (R-THR-13)");
        assert_eq!(known.since(&sales(), window(501)), None, "a raised one");
        let other = ServiceRef { name: service("CB_Support"), ..sales() };
        assert_eq!(known.since(&other, window(500)), None);
    }

    #[test]
    fn an_older_answer_unlearns_nothing() {
        let mut known = Known::default();
        for score in ["2000", "1000", "", "no number", "inf"] {
            learn(&mut known, &[(2, score)]);
            assert_eq!(known.since(&sales(), window(2)), Some(Instant::from_millis(2000)), "{score}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_service_is_looked_at_now_and_then() {
        let mut known = Known::default();
        assert!(known.may_look(&sales()));
        assert!(!known.may_look(&sales()));
        tokio::time::advance(LOOK).await;
        assert!(known.may_look(&sales()));
    }

    #[test]
    fn what_takes_nothing_too_many_or_too_long_is_not_kept() {
        let long = Window { limit: 5, length: NUMBER_DAY + Duration::from_secs(1) };
        assert_eq!(kept(&[window(500), window(MOST)]).len(), 2);
        assert!(kept(&[window(0), window(MOST + 1)]).is_empty() && kept(&[long, long]).is_empty());
    }
}
