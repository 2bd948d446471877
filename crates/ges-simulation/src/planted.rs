//! The record store as the run sees it: the model of `ges-testkit`, and what a planted bug makes of it.

use std::time::Duration;

use ges_domain::booking::{Booked, NewBooking};
use ges_domain::callback::{Actor, Callback, Change, SessionUpdate, State, fold};
use ges_domain::ports::{
    AgendaLine, Bookings, CancelRequest, Cancelled, Dispatch, Handed, Handover, HandoverOutcome, Record, ServiceRef,
    SessionAnswer, ShardLease, StoreError,
};
use ges_domain::{CallbackId, Instant, TenantId};

use crate::bug::Bug;
use crate::trace::short;
use crate::world::World;

/// What an attempt came to, and whether that changed its record.
type HandedNow = (HandoverOutcome, bool);

/// How much too early the next attempt follows, when it does.
const TOO_EARLY: Duration = Duration::from_secs(45);

impl World {
    pub(crate) async fn take_booking(&self, mut booking: NewBooking) -> Result<Booked, StoreError> {
        let callback = &booking.callback;
        if self.has(Bug::CheckThenAct)
            && let Some(claim) = booking.slot
        {
            let (from, until) = (claim.cell.from, claim.cell.until);
            let usage = self.store.usage(callback.tenant, &callback.service, from, until).await?;
            tokio::time::sleep(Duration::from_secs(5)).await;
            self.now();
            if usage.remaining(&claim.cell, &claim.limits) > 0
                && let Some(claim) = &mut booking.slot
            {
                claim.limits.cell_limit = 1_000;
            }
        }
        if self.has(Bug::AckBeforeWrite) && self.chance.happens(0.2) {
            self.note("store", format!("{} is answered and forgotten", short(booking.callback.id)));
            return Ok(Booked::Accepted(Box::new(booking.entry().0)));
        }
        if self.has(Bug::ForgottenKey) {
            booking.keyed = None;
        }
        self.store.book(booking).await
    }

    pub(crate) async fn look_up(
        &self,
        tenant: TenantId,
        id: CallbackId,
        now: Instant,
    ) -> Result<Option<Callback>, StoreError> {
        let owner = match self.has(Bug::ForeignRead) {
            true => self.store.tenant_of(id).await?.unwrap_or(tenant),
            false => tenant,
        };
        self.store.find(owner, id, now).await
    }

    pub(crate) async fn take_cancel(
        &self,
        tenant: TenantId,
        id: CallbackId,
        request: &CancelRequest,
        now: Instant,
    ) -> Result<Cancelled, StoreError> {
        if self.has(Bug::EmptyCancel)
            && let Some(record) = self.store.find(tenant, id, now).await?
            && record.state.is_open()
        {
            return Ok(Cancelled::Done(Box::new(record)));
        }
        self.store.cancel(tenant, id, request, now).await
    }

    pub(crate) async fn take_update(
        &self,
        tenant: TenantId,
        id: CallbackId,
        update: &SessionUpdate,
        now: Instant,
    ) -> Result<SessionAnswer, StoreError> {
        let before = self.store.find(tenant, id, now).await?;
        let mut answer = self.store.apply_session_update(tenant, id, update, now).await?;
        if let (Some(before), Some(_)) = (before, self.bug) {
            answer = self.spoil_update(&before, update, now, answer);
        }
        if let (SessionAnswer::Accepted(_), Some(session)) = (&answer, &update.session) {
            let at = self.now();
            self.seen().bound.entry((id, session.as_str().to_owned())).or_insert(at);
        }
        Ok(answer)
    }

    /// What a planted bug makes of a session's update.
    fn spoil_update(
        &self,
        before: &Callback,
        update: &SessionUpdate,
        now: Instant,
        answer: SessionAnswer,
    ) -> SessionAnswer {
        let id = before.id;
        let accepted = matches!(answer, SessionAnswer::Accepted(_));
        let changed = |answer: &SessionAnswer| match answer {
            SessionAnswer::Accepted(record) => record.version > before.version,
            _ => false,
        };
        match self.bug {
            Some(Bug::BoundAfterCancel) if answer == SessionAnswer::Stranger && before.state == State::Completed => {
                return SessionAnswer::Accepted(Box::new(before.clone()));
            }
            Some(Bug::SecondSession) if answer == SessionAnswer::Stranger && before.state.is_open() => {
                return self.bind_all_the_same(before, update, now, answer);
            }
            Some(Bug::ReturningSession) if answer == SessionAnswer::Stranger && before.state.is_open() => {
                let former = &before.particulars.former_sessions;
                if before.session.is_none() && update.session.as_ref().is_some_and(|one| former.contains(one)) {
                    return self.bind_all_the_same(before, update, now, answer);
                }
            }
            Some(Bug::WishForgotten) if accepted && before.cancel.is_some() && update.end.is_some() => {
                let (next, event) = before.apply(Actor::Session, now, vec![Change::SessionUnbound]);
                self.store.damage(id, |row, timeline| {
                    if before.state.is_open() && row.state == State::Completed {
                        timeline.pop();
                        timeline.push(event);
                        *row = next;
                    }
                });
            }
            Some(Bug::UpdateTwice) if matches!(answer, SessionAnswer::Ignored(_)) && before.state.is_open() => {
                let Some(seq) = update.seq else { return answer };
                let (next, event) = before.apply(Actor::Session, now, vec![Change::SessionSaw { seq }]);
                self.store.damage(id, |row, timeline| {
                    *row = next;
                    timeline.push(event);
                });
            }
            Some(Bug::MissingEvent) if changed(&answer) && self.chance.happens(0.05) => {
                self.store.damage(id, |_, timeline| drop(timeline.pop()));
            }
            Some(Bug::SilentRow) if accepted && self.chance.happens(0.05) => {
                self.store.damage(id, |row, _| row.dial_attempts += 1);
            }
            Some(Bug::NodeClock) if changed(&answer) && self.chance.happens(0.05) => {
                self.store.damage(id, |row, timeline| {
                    if let Some(event) = timeline.last_mut() {
                        event.at = event.at - Duration::from_secs(600);
                    }
                    *row = fold(row, timeline);
                });
            }
            _ => {}
        }
        answer
    }

    fn bind_all_the_same(
        &self,
        before: &Callback,
        update: &SessionUpdate,
        now: Instant,
        answer: SessionAnswer,
    ) -> SessionAnswer {
        let Some(session) = update.session.clone() else { return answer };
        let change = Change::SessionBound { session, url: None };
        let (next, event) = before.apply(Actor::Session, now, vec![change]);
        self.store.damage(before.id, |row, timeline| {
            *row = next.clone();
            timeline.push(event);
        });
        SessionAnswer::Accepted(Box::new(next))
    }

    pub(crate) async fn read_agenda(&self, shards: &[ShardLease]) -> Result<Vec<AgendaLine>, StoreError> {
        let mut lines = self.store.agenda(shards).await?;
        if self.has(Bug::AttemptTooEarly) {
            lines.iter_mut().for_each(|line| line.next_timer = line.next_timer.map(|timer| timer - TOO_EARLY));
        }
        Ok(lines)
    }

    pub(crate) async fn read_timers(
        &self,
        lease: ShardLease,
        now: Instant,
        limit: u32,
    ) -> Result<Vec<Callback>, StoreError> {
        if !self.has(Bug::AttemptTooEarly) {
            return self.store.timers(lease, now, limit).await;
        }
        let mut rung = self.store.timers(lease, now + TOO_EARLY, limit).await?;
        for submission in rung.iter_mut().map(|record| &mut record.submission) {
            submission.submitted_at = submission.submitted_at.map(|at| at - TOO_EARLY);
        }
        Ok(rung)
    }

    pub(crate) async fn read_due(
        &self,
        lease: ShardLease,
        service: &ServiceRef,
        until: Instant,
        limit: u32,
    ) -> Result<Vec<Callback>, StoreError> {
        let mut due = self.store.due(self.taken_for(lease), service, until, limit).await?;
        match self.bug {
            Some(Bug::WishForgotten) => due.iter_mut().for_each(|record| record.cancel = None),
            Some(Bug::WrongOrder) => due.sort_by_key(|record| record.id),
            Some(Bug::DoubleDispatch) if self.is_stale(lease) => {
                let all = self.store.everything().into_iter().map(|(record, _)| record);
                let of = all.filter(|record| record.tenant == service.tenant && record.service == service.name);
                due = of.filter(|record| record.state == State::Queued).collect();
                for record in &mut due {
                    // As if reading had spent the attempt.
                    (record.session, record.submission.submitted_at) = (None, None);
                }
            }
            _ => {}
        }
        Ok(due)
    }

    /// Whether another lease of the shard has been given out since.
    fn is_stale(&self, lease: ShardLease) -> bool {
        self.seen().epochs.get(&lease.shard.0).is_some_and(|newest| *newest > lease.epoch)
    }

    /// The lease as the store takes it.
    fn taken_for(&self, lease: ShardLease) -> ShardLease {
        match self.seen().epochs.get(&lease.shard.0) {
            Some(newest) if self.has(Bug::StaleEpochAccepted) => ShardLease { epoch: *newest, ..lease },
            _ => lease,
        }
    }

    /// Records what was handed over. Says for each whether it is news.
    pub(crate) async fn record_handed(
        &self,
        lease: ShardLease,
        handed: &[Handed],
        at: Instant,
    ) -> Result<Vec<HandedNow>, StoreError> {
        let versions = async || -> Result<Vec<Option<u64>>, StoreError> {
            let mut versions = Vec::new();
            for one in handed {
                versions.push(self.store.find(one.tenant, one.id, at).await?.map(|record| record.version));
            }
            Ok(versions)
        };
        let before = versions().await?;
        let outcomes = self.store.record_handed(self.taken_for(lease), handed, at).await?;
        let news: Vec<_> = before.iter().zip(versions().await?).map(|(before, after)| *before != after).collect();
        if self.has(Bug::StampedBehind) {
            for one in handed.iter().zip(&news).filter_map(|(one, news)| news.then_some(one)) {
                self.store.damage(one.id, |row, timeline| {
                    if let [.., before, event] = timeline.as_mut_slice() {
                        event.at = at.max(before.at);
                        *row = fold(row, timeline);
                    }
                });
            }
        }
        Ok(outcomes.into_iter().zip(news).collect())
    }

    pub(crate) fn earliest_dial(&self, one: &Dispatch, now: Instant) -> Instant {
        if self.has(Bug::EarlyEntry) { now } else { one.earliest_dial }
    }
}
