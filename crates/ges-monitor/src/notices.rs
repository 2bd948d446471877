//! The duty that pushes: claims CALLBACK_UPCOMING when it is due, and sends whatever is claimed (chapter 16).
//!
//! A push is a row before it is a message. Claiming writes the row, beginning counts the attempt, and only then something
//! leaves the house. Whoever dies before the claim leaves an unclaimed record, whoever dies after it leaves a row that wants
//! an attempt, and whoever dies while sending leaves an attempt without an outcome, which the next monitor follows with
//! another one that carries the same tag: phones show one message.
//!
//! An attempt is begun only when there is a place to send it from, so its hold is not spent on waiting. Messages are sent beside
//! the duty: a provider or a phone that takes its time delays its own service alone.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::{StreamExt, stream};
use ges_domain::call_in::{CallInRequest, GroupName};
use ges_domain::callback::{Callback, Source, UserData};
use ges_domain::idempotency::{BodyDigest, Key, Keyed, Operation};
use ges_domain::ports::{
    Begun, NoticeEnd, Notices, PushProvider, Seen, ServiceRef, SessionNews, Settled, Shard, ShardLease, StoreError,
    UpcomingClaim,
};
use ges_domain::push::{
    Event, HOLD, MAX_ATTEMPTS, SEND_TIME, Sent, Texts, Upcoming, Verdict, abandoned, compose, judge, upcoming,
    with_call_in,
};
use ges_domain::use_cases::{CallInWish, CalledFor, RequestCallIn};
use ges_domain::{Instant, TenantId};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::Instant as Monotonic;

use crate::core::Core;
use crate::gauges::PushGauges;
use crate::push_agenda::PushAgenda;
use crate::push_lanes::{Lanes, Place};
use crate::{Duty, Turn};

/// Records read at once.
const PAGE: u32 = 256;
/// Between two pieces of work: hints may come without end, and those that come together are worked off together.
const PAUSE: Duration = Duration::from_millis(50);
/// An attempt whose hold is as good as over is left to the next one.
const LAST_MOMENT: Duration = SEND_TIME.saturating_add(Duration::from_millis(500));
/// For every record that waits behind a long wait, the next look at its service comes so much later, up to the period in which
/// waits are sampled: sessions report theirs all the time, and each report is a hint.
const HELD_REST: Duration = Duration::from_millis(1);
/// Records with sessions whose waits are followed in one service; of more, those that are wanted earliest.
const MOST_FOLLOWED: usize = 4_096;
/// How often an outcome is written that the store does not take.
const SETTLE_TRIES: u32 = 3;

/// What pushing works with.
#[derive(Clone)]
pub struct PushPorts {
    /// The record of pushes.
    pub notices: Arc<dyn Notices>,
    /// What sessions were last heard to say of their callbacks' waits.
    pub news: Arc<dyn SessionNews>,
    /// Who brings messages to phones.
    pub provider: Arc<dyn PushProvider>,
    /// Hands out the numbers that CALLBACK_CALL_IN names.
    pub call_in: Arc<RequestCallIn>,
    /// Who hears what becomes of them.
    pub gauges: Arc<dyn PushGauges>,
}

impl PushPorts {
    /// Puts what their sessions were last heard to say into records of one tenant; one that nobody heard of stays as it is.
    async fn hear(&self, tenant: TenantId, records: Vec<&mut Callback>) {
        let records: Vec<_> = records.into_iter().filter(|record| record.session.is_some()).collect();
        if records.is_empty() {
            return;
        }
        let ids: Vec<_> = records.iter().map(|record| record.id).collect();
        let news = self.news.of_all(tenant, &ids).await;
        for (record, seen) in records.into_iter().zip(news) {
            if let Some(seen) = seen.filter(|seen| seen.reachable && seen.is_of(record)) {
                seen.tell(record);
            }
        }
    }
}

/// Hints at pushes, left by the duty that hears all hints.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    rung: Mutex<Rung>,
    notify: Notify,
}

#[derive(Debug, Default)]
struct Rung {
    services: BTreeSet<ServiceRef>,
    everything: bool,
}

impl Bell {
    /// Something may be to push in this service, or anywhere.
    pub(crate) fn ring(&self, service: Option<ServiceRef>) {
        let mut rung = self.rung.lock().unwrap_or_else(PoisonError::into_inner);
        match service {
            Some(service) => drop(rung.services.insert(service)),
            None => rung.everything = true,
        }
        drop(rung);
        self.notify.notify_one();
    }

    fn answer(&self) -> Rung {
        std::mem::take(&mut *self.rung.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Sends pushes.
pub(crate) struct SendNotices {
    core: Arc<Core>,
    push: PushPorts,
    agenda: PushAgenda,
    rescan_at: Monotonic,
    store_rests: Option<Monotonic>,
    /// Shards about which the store has to be asked again.
    stale: BTreeSet<Shard>,
    /// When the last piece of work ended.
    worked_at: Option<Monotonic>,
    /// Places of messages under way.
    lanes: Arc<Lanes>,
    /// Attempts under way. Dropped with the duty, as a crash would.
    sending: JoinSet<()>,
}

impl SendNotices {
    pub(crate) fn new(core: Arc<Core>, push: PushPorts) -> Self {
        let rescan_at = Monotonic::now();
        let (agenda, stale) = (PushAgenda::default(), BTreeSet::new());
        let (lanes, sending) = (Arc::new(Lanes::of(push.provider.at_once())), JoinSet::new());
        Self { core, push, agenda, rescan_at, store_rests: None, stale, worked_at: None, lanes, sending }
    }

    fn store_failed(&mut self, error: &StoreError) {
        tracing::warn!(error = error as &dyn std::error::Error, "the record store failed under pushes");
        self.store_rests = Some(Monotonic::now() + self.core.settings.store_rest);
    }

    /// Follows the shards and the hints: what is lost is forgotten, what is gained or due for a rescan is asked for.
    async fn refresh(&mut self) -> Result<(), StoreError> {
        let rung = self.core.bell.answer();
        self.stale.extend(rung.services.iter().map(ServiceRef::shard));
        let gained = self.agenda.hold(self.core.rights.leases());
        let rescan = rung.everything || self.rescan_at <= Monotonic::now();
        let asked = |lease: &&ShardLease| rescan || self.stale.contains(&lease.shard);
        let ask: Vec<_> = self.agenda.leases().iter().filter(asked).chain(&gained).copied().collect();
        if !ask.is_empty() {
            let lines = self.push.notices.notice_agenda(&ask).await?;
            self.agenda.load(&ask, lines);
        }
        self.stale.clear();
        if rescan {
            self.rescan_at = Monotonic::now() + self.core.settings.jittered(self.core.settings.rescan);
        }
        Ok(())
    }

    /// Asks for the wait of the queues behind which records are held, and what sessions say of those they have.
    async fn sample(&mut self) -> Result<(), StoreError> {
        for service in self.agenda.to_sample() {
            let known = self.core.catalogue.service(service.tenant, &service.name).await?;
            let wait = match &known {
                Some(known) => self.core.current.of(service.tenant, known, self.core.clock.now()).await,
                None => Duration::ZERO,
            };
            let next = Monotonic::now() + self.core.settings.jittered(self.core.settings.ewt_period);
            let Some(line) = self.agenda.known(&service) else { continue };
            line.wait_at = next;
            let (threshold, followed) = (line.threshold, std::mem::take(&mut line.followed));
            let news = match followed.is_empty() {
                true => Vec::new(),
                false => self.push.news.of_all(service.tenant, &followed).await,
            };
            let told =
                |seen: &Option<Seen>| seen.as_ref().filter(|seen| seen.reachable).and_then(|seen| seen.place.ewt);
            let falls =
                |seen: &Option<Seen>| told(seen).map_or(wait, |ewt| Duration::from_secs(ewt.into())) < threshold;
            let Some(line) = self.agenda.known(&service) else { continue };
            line.look |= news.iter().any(falls) || (line.held_by_queue && wait < threshold);
            line.followed = followed;
        }
        Ok(())
    }

    /// Claims what is due in one service (R-PSH-3, R-PSH-4).
    async fn look(&mut self, service: &ServiceRef) -> Result<(), StoreError> {
        let Some(lease) = self.core.rights.lease_of(service.shard()) else { return Ok(()) };
        let now = self.core.clock.now();
        let known = self.core.catalogue.service(service.tenant, &service.name).await?;
        let threshold = known.as_ref().map_or(Duration::ZERO, |known| known.settings.push_threshold());
        let (mut next, mut held, mut held_by_queue, mut claimed) = (None, 0_u32, false, 0);
        let mut followed = Vec::new();
        if let Some(known) = known.filter(|_| !threshold.is_zero()) {
            let wait = self.core.current.of(service.tenant, &known, now).await;
            let mut after = None;
            loop {
                let mut page = self.push.notices.upcoming(lease, service, now + threshold, after, PAGE).await?;
                self.push.hear(service.tenant, page.records.iter_mut().collect()).await;
                let mut claims = Vec::new();
                for record in &page.records {
                    match upcoming(record, threshold, wait, now) {
                        Upcoming::Now => claims.push(UpcomingClaim {
                            tenant: record.tenant,
                            id: record.id,
                            reschedules: record.reschedules,
                            targets: record.particulars.push_targets.clone(),
                        }),
                        Upcoming::WhenWaitFalls => {
                            held += 1;
                            match record.session.is_some() && followed.len() < MOST_FOLLOWED {
                                true => followed.push(record.id),
                                false => held_by_queue = true,
                            }
                        }
                        Upcoming::At(at) => {
                            next = Some(next.map_or(at + threshold, |known: Instant| known.min(at + threshold)))
                        }
                        Upcoming::Never => {}
                    }
                }
                if !claims.is_empty() {
                    claimed += self.push.notices.claim_upcoming(lease, &claims, now).await?;
                }
                let full = u32::try_from(page.records.len()).is_ok_and(|count| count >= PAGE);
                after = page.records.last().map(|record| (record.desired_at, record.id));
                if !full {
                    next = next.into_iter().chain(page.next).min();
                    break;
                }
            }
        }
        let at = Monotonic::now();
        let wait_at = at + self.core.settings.jittered(self.core.settings.ewt_period);
        let Some(line) = self.agenda.known(service) else { return Ok(()) };
        if held > 0 && !line.held {
            line.wait_at = wait_at;
        }
        (line.threshold, line.next_upcoming, line.held, line.look) = (threshold, next, held > 0, false);
        (line.held_by_queue, line.followed) = (held_by_queue, followed);
        line.looked_until = at + HELD_REST.saturating_mul(held).min(self.core.settings.ewt_period);
        if claimed > 0 {
            tracing::debug!(tenant = %service.tenant, claimed, "pushes are due");
            line.next_notice = Some(now);
        }
        Ok(())
    }

    /// Begins as much of what is claimed in a service as there are places for.
    async fn send(&mut self, service: &ServiceRef) -> Result<(), StoreError> {
        let Some(lease) = self.core.rights.lease_of(service.shard()) else { return Ok(()) };
        let now = self.core.clock.now();
        let room = self.lanes.room(service);
        let limit = u32::try_from(room).unwrap_or(u32::MAX);
        let begun = self.push.notices.begin_notices(lease, service, now, limit).await?;
        let full = begun.len() >= room;
        if let Some(line) = self.agenda.known(service) {
            line.next_notice = full.then_some(now);
        }
        if begun.is_empty() {
            // Somebody else had it, or it was a hint too many: the store says what comes next.
            self.stale.insert(service.shard());
            return Ok(());
        }
        let placed = |begun| {
            let core = Arc::clone(&self.core);
            (begun, self.lanes.enter(service, move || core.bell.notify.notify_one()))
        };
        let begun = begun.into_iter().map(placed).collect();
        let (core, push, begun_at) = (Arc::clone(&self.core), self.push.clone(), Monotonic::now());
        self.sending.spawn(send_all(core, push, lease, service.clone(), begun, begun_at));
        Ok(())
    }

    /// Sees what has become of attempts under way: a panic of one is the duty's own.
    fn reap(&mut self) {
        while let Some(ended) = self.sending.try_join_next() {
            unless_panicked(ended);
        }
    }

    async fn work(&mut self) -> Result<bool, StoreError> {
        self.refresh().await?;
        self.sample().await?;
        let now = self.core.clock.now();
        for service in self.agenda.to_look_at(now) {
            self.look(&service).await?;
        }
        for service in self.agenda.to_send(self.core.clock.now()) {
            // Without room a message that ends rings.
            if self.lanes.room(&service) > 0 {
                self.send(&service).await?;
            }
        }
        Ok(!self.stale.is_empty())
    }
}

/// A panic of an attempt goes on in the duty, which begins anew (and is counted).
fn unless_panicked(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        std::panic::resume_unwind(error.into_panic());
    }
}

/// Makes attempts that have begun, each from its place, and writes what comes of them.
async fn send_all(
    core: Arc<Core>,
    push: PushPorts,
    lease: ShardLease,
    service: ServiceRef,
    mut begun: Vec<(Begun, Place)>,
    begun_at: Monotonic,
) {
    push.hear(service.tenant, begun.iter_mut().filter_map(|(begun, _)| begun.record.as_mut()).collect()).await;
    let texts = push.provider.texts(service.tenant).await;
    let wait = match core.catalogue.service(service.tenant, &service.name).await {
        Ok(Some(known)) => core.current.of(service.tenant, &known, core.clock.now()).await,
        Ok(None) => Duration::ZERO,
        Err(error) => {
            // Nothing was sent: the next attempts follow when the hold of these is over.
            tracing::warn!(error = &error as &dyn std::error::Error, "the record store failed under pushes");
            core.bell.ring(Some(service));
            return;
        }
    };
    let attempt = Attempt { core: &core, push: &push, lease, texts, wait, begun_at };
    let attempt = &attempt;
    let at_once = begun.len();
    let outcomes = stream::iter(begun).map(|(begun, place)| async move {
        let outcome = attempt.make(begun).await;
        drop(place);
        outcome
    });
    // Outcomes that come together are written together, and at once: until then a crash repeats the message.
    let mut together = std::pin::pin!(outcomes.buffer_unordered(at_once).ready_chunks(at_once));
    while let Some(outcomes) = together.next().await {
        attempt.settle(outcomes.into_iter().flatten().collect()).await;
    }
    // The store says what comes next.
    core.bell.ring(Some(service));
}

/// What all attempts begun together share.
struct Attempt<'a> {
    core: &'a Core,
    push: &'a PushPorts,
    lease: ShardLease,
    texts: Arc<Texts>,
    wait: Duration,
    begun_at: Monotonic,
}

/// An attempt, judged.
struct Outcome {
    settled: Settled,
    drop_target: bool,
}

impl Attempt<'_> {
    /// Sends one message. None: it is left to the attempt after this one.
    async fn make(&self, begun: Begun) -> Option<Outcome> {
        let now = self.core.clock.now();
        let Begun { key, attempt, claimed_at, record } = begun;
        let of_no_use = attempt > MAX_ATTEMPTS || abandoned(key.event, record.as_ref(), claimed_at, now);
        let record = record.filter(|_| !of_no_use);
        let call_in = match &record {
            Some(record) if key.event == Event::CallbackCallIn => self.number_to_call(record, key.occasion).await,
            _ => None,
        };
        let verdict = match record {
            None => Verdict::Failure { drop_target: false },
            Some(record) => {
                // The hold runs by the store's clock from before the beginning; by ours it must not be as good as over.
                if self.begun_at.elapsed() + LAST_MOMENT > HOLD || !self.core.rights.allow(self.lease) {
                    return None;
                }
                let message = compose(key.event, key.occasion, &record, self.wait, &self.texts, now);
                let message = match &call_in {
                    Some(call_in) => with_call_in(message, call_in),
                    None => message,
                };
                let sending = self.push.provider.send(key.tenant, &key.target, &message);
                let sent = tokio::time::timeout(SEND_TIME, sending).await.unwrap_or(Sent::Failed { rest: None });
                judge(attempt, sent)
            }
        };
        let (end, drop_target) = match verdict {
            Verdict::Success => (NoticeEnd::Success, false),
            Verdict::Failure { drop_target } => (NoticeEnd::Failure, drop_target),
            Verdict::Again(rest) => (NoticeEnd::Again(self.core.clock.now() + rest), false),
        };
        tracing::debug!(callback.id = %key.callback, event = key.event.as_str(), attempt, ?verdict, "a push was tried");
        Some(Outcome { settled: Settled { key, attempt, end }, drop_target })
    }

    /// The call-in request that the message carries; the same one for every attempt. None: the service has no group, or no
    /// number is free, and the app has to know what to call.
    async fn number_to_call(&self, record: &Callback, occasion: u64) -> Option<CallInRequest> {
        let service = self.core.catalogue.service(record.tenant, &record.service).await.ok()??;
        let group = GroupName::new(&service.settings.call_in_group).ok()?;
        let key =
            Key::new(&format!("push-{}-{occasion}", record.id)).expect("invariant: an id and a number are visible");
        let keyed = Keyed { operation: Operation::CallIn, key, body: BodyDigest([0; 32]) };
        let (from, callback) = (Some(record.phone.clone()), Some(record.id));
        let wish = CallInWish { group, from, user_data: UserData::default(), callback };
        match self.push.call_in.run(record.tenant, wish, Source::Ui, Some(keyed)).await {
            Ok(called_for) => {
                if matches!(called_for, CalledFor::Now(_)) {
                    self.push.gauges.number_given(record.tenant);
                }
                Some(called_for.request().clone())
            }
            Err(refusal) => {
                tracing::warn!(
                    callback.id = %record.id, error = &refusal as &dyn std::error::Error, "a push names no number to call"
                );
                None
            }
        }
    }

    /// Writes what became of attempts, and counts what has ended.
    async fn settle(&self, outcomes: Vec<Outcome>) {
        if outcomes.is_empty() {
            return;
        }
        let settled: Vec<_> = outcomes.iter().map(|outcome| outcome.settled.clone()).collect();
        let mut written = None;
        for _ in 0..SETTLE_TRIES {
            match self.push.notices.settle_notices(&settled).await {
                Ok(answers) => {
                    written = Some(answers);
                    break;
                }
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "outcomes of pushes were not written");
                    tokio::time::sleep(self.core.settings.store_rest).await;
                }
            }
        }
        for (outcome, written) in outcomes.iter().zip(written.unwrap_or_default()) {
            let Settled { key, end, .. } = &outcome.settled;
            if written && !matches!(end, NoticeEnd::Again(_)) {
                self.push.gauges.push_ended(key, *end == NoticeEnd::Success);
            }
            if outcome.drop_target {
                let now = self.core.clock.now();
                // Repeated by the next push to it, which fails alike.
                if let Err(error) = self.push.notices.drop_target(key.tenant, key.callback, &key.target, now).await {
                    tracing::debug!(error = &error as &dyn std::error::Error, "a dead target was not dropped");
                }
            }
        }
    }
}

#[async_trait]
impl Duty for SendNotices {
    async fn turn(&mut self) -> Turn {
        self.reap();
        if let Some(until) = self.store_rests.filter(|until| *until > Monotonic::now()) {
            return Turn::RestFor(until - Monotonic::now());
        }
        self.store_rests = None;
        let pause = self.worked_at.map_or(Duration::ZERO, |at| PAUSE.saturating_sub(at.elapsed()));
        if !pause.is_zero() {
            return Turn::RestFor(pause);
        }
        let outcome = self.work().await;
        self.worked_at = Some(Monotonic::now());
        match outcome {
            Ok(true) => {
                self.worked_at = None;
                return Turn::Again;
            }
            Ok(false) => {}
            Err(error) => {
                self.store_failed(&error);
                return Turn::RestFor(self.core.settings.store_rest);
            }
        }
        let rescan = self.rescan_at.saturating_duration_since(Monotonic::now());
        let rest = self.agenda.rest(self.core.clock.now(), |service| self.lanes.room(service) > 0);
        let rest = rest.map_or(rescan, |rest| rest.min(rescan));
        // Due times count by the store's clock; a millisecond too early is a turn for nothing, not a loop.
        Turn::RestFor(rest.max(Duration::from_millis(1)))
    }

    async fn woken(&mut self) {
        tokio::select! {
            () = self.core.bell.notify.notified() => {}
            () = self.core.rights.changed_for_pushes() => {}
        }
    }

    async fn finish(&mut self) {
        while let Some(ended) = self.sending.join_next().await {
            unless_panicked(ended);
        }
    }
}
