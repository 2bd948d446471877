//! One session under watch: when it is asked next, and what its answers come to.

use std::time::Duration;

use ges_domain::Instant as StoreInstant;
use ges_domain::callback::{Callback, SessionBinding, State};
use ges_domain::ports::{Asked, Description, Place, Seen};
use ges_domain::{CallbackId, TenantId};
use tokio::time::Instant;

/// Two misses must lie so far apart (R-POL-3).
const APART: Duration = Duration::from_secs(10);
/// Bounds of the rest between two polls (R-POL-1).
const SHORTEST: Duration = Duration::from_secs(2);
const LONGEST: Duration = Duration::from_secs(30);
/// Between two looks at a callback that does not queue: only whether its session lives. R-POL-1 means the place in a queue.
const BESIDE_THE_QUEUE: Duration = Duration::from_secs(10);
/// Between two descriptions (integrations 1.7).
const DESCRIBED_EVERY: Duration = Duration::from_secs(60);
/// Errors for so long mean that the session is not reached (integrations 1.7).
const UNREACHED: Duration = Duration::from_secs(300);

/// A question whose time has come.
#[derive(Debug, Clone)]
pub(super) struct Due {
    pub(super) tenant: TenantId,
    pub(super) id: CallbackId,
    pub(super) session: SessionBinding,
    /// Of the attempt that started it (integrations 0.4).
    pub(super) corr_id: Box<str>,
    /// The whole session, not only its place.
    pub(super) describe: bool,
}

/// What a session answered.
#[derive(Debug)]
pub(super) enum Outlook {
    Placed(Place),
    Described(Description),
}

/// A session under watch.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) tenant: TenantId,
    pub(super) session: SessionBinding,
    corr_id: Box<str>,
    /// Whether this round has met it.
    pub(super) met: bool,
    state: State,
    next_place: Instant,
    next_description: Instant,
    missed: Option<Instant>,
    /// When it first did not answer since it last did.
    silent: Option<Instant>,
    seen: Option<Seen>,
    fresh: bool,
}

impl Line {
    pub(super) fn new(record: &Callback, session: SessionBinding, now: Instant) -> Self {
        Self {
            tenant: record.tenant,
            session,
            corr_id: record.correlation().to_string().into(),
            met: true,
            state: record.state,
            next_place: now,
            next_description: now + DESCRIBED_EVERY,
            missed: None,
            silent: None,
            seen: None,
            fresh: false,
        }
    }

    /// The record still has this session.
    pub(super) fn meet(&mut self, session: &SessionBinding, state: State) {
        (self.met, self.state) = (true, state);
        if self.session.url != session.url {
            self.session.url.clone_from(&session.url);
        }
    }

    /// When it is asked next.
    pub(super) fn next(&self) -> Instant {
        self.next_place.min(self.next_description)
    }

    /// The question whose time has come.
    pub(super) fn due(&self, id: CallbackId, now: Instant) -> Option<Due> {
        let describe = self.next_description <= now;
        (describe || self.next_place <= now).then(|| Due {
            tenant: self.tenant,
            id,
            session: self.session.clone(),
            corr_id: self.corr_id.clone(),
            describe,
        })
    }

    /// Takes an answer; whether the session is lost by it (R-POL-3).
    pub(super) fn hear(&mut self, asked: &Due, seen: Asked<Outlook>, now: Instant, store_now: StoreInstant) -> bool {
        match seen {
            Asked::Answered(outlook) => {
                (self.missed, self.silent) = (None, None);
                let fresh = Seen { at: None, place: Place::default(), reachable: true, diagnostics: None };
                let news = self.seen.get_or_insert(fresh);
                (news.at, news.reachable) = (Some(store_now), true);
                match outlook {
                    Outlook::Placed(place) => {
                        self.next_place = now + rest(self.state, &place);
                        news.place = place;
                    }
                    Outlook::Described(told) => {
                        self.next_description = now + DESCRIBED_EVERY;
                        news.diagnostics = Some(told.document);
                    }
                }
                self.fresh = true;
                false
            }
            Asked::Gone => {
                let first = *self.missed.get_or_insert(now);
                // The same question decides: it comes again when the misses can lie far enough apart.
                (self.next_place, self.next_description) = (first + APART, now + DESCRIBED_EVERY);
                now.duration_since(first) >= APART
            }
            Asked::Unreachable => {
                let since = *self.silent.get_or_insert(now);
                match asked.describe {
                    true => self.next_description = now + DESCRIBED_EVERY,
                    false => self.next_place = now + BESIDE_THE_QUEUE,
                }
                if now.duration_since(since) >= UNREACHED
                    && let Some(news) = &mut self.seen
                {
                    (news.reachable, self.fresh) = (false, true);
                } else if now.duration_since(since) >= UNREACHED {
                    let place = Place::default();
                    self.seen = Some(Seen { at: None, place, reachable: false, diagnostics: None });
                    self.fresh = true;
                }
                false
            }
        }
    }

    /// What there is to tell since this was asked last.
    pub(super) fn news(&mut self) -> Option<Seen> {
        let told = std::mem::take(&mut self.fresh).then(|| self.seen.clone()).flatten();
        if let Some(seen) = &mut self.seen {
            seen.diagnostics = None;
        }
        told
    }
}

/// `clamp(ewt / 20, 2 s, 30 s)` as long as it queues; nobody knows how long: the longest (R-POL-1).
fn rest(state: State, place: &Place) -> Duration {
    match (state, place.ewt) {
        (State::Processing | State::Paused, _) => BESIDE_THE_QUEUE,
        (_, Some(ewt)) => (Duration::from_secs(ewt.into()) / 20).clamp(SHORTEST, LONGEST),
        (_, None) => LONGEST,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R-POL-1.
    #[test]
    fn the_rest_between_polls_follows_the_wait() {
        let rest_of = |ewt| rest(State::Queued, &Place { ewt, ..Place::default() });
        for (ewt, seconds) in [(0, 2.0), (40, 2.0), (41, 2.05), (200, 10.0), (600, 30.0), (9_999, 30.0)] {
            assert_eq!(rest_of(Some(ewt)), Duration::from_secs_f64(seconds), "{ewt}");
        }
        assert_eq!(rest_of(None), LONGEST);
        assert_eq!(rest(State::Processing, &Place { ewt: Some(0), ..Place::default() }), BESIDE_THE_QUEUE);
    }
}
