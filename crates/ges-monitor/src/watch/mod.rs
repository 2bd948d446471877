//! Looking after the sessions that have callbacks: where they stand, whether they live, what they have not heard yet, and
//! that they end when they have to (R-POL-1 to R-POL-3, R-CAN-2, R-EDT-4, R-CTI-14, T17, integrations 1.7).

mod agenda;
mod former;
mod line;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::{StreamExt, stream};
use ges_domain::callback::{Callback, SessionBinding, SessionEnd, SessionUpdate};
use ges_domain::ports::{Asked, Clock, FormerSessions, HeldRecords, Record, SessionNews, SessionRequests, StoreError};
use ges_domain::use_cases::CarryOutWishes;
use ges_domain::{CallbackId, TenantId};
use ges_telemetry::correlated;
use tokio::time::Instant;

use crate::{Duty, Turn};
use agenda::Agenda;
use line::{Due, Outlook};

/// Between two looks at which records sessions have. Also between two tellings of what a session has not heard (R-CAN-2).
const ROUND: Duration = Duration::from_secs(10);
/// Between two looks for sessions that have to be over, as long as no session has a callback here.
const IDLE: Duration = Duration::from_secs(30);
/// Records read at once.
const PAGE: u32 = 256;
/// Polls of a worker in a second (integrations 1.7).
const POLLS_PER_SECOND: usize = 50;
/// Wishes carried out at once.
const WISHES_AT_ONCE: usize = 16;

/// What looking after sessions works with.
pub struct WatchPorts {
    /// Which records sessions have.
    pub held: Arc<dyn HeldRecords>,
    /// Which sessions have to be over.
    pub former: Arc<dyn FormerSessions>,
    /// Asks sessions.
    pub requests: Arc<dyn SessionRequests>,
    /// Where news of sessions are kept.
    pub news: Arc<dyn SessionNews>,
    /// The record of callbacks.
    pub record: Arc<dyn Record>,
    /// What sessions have not heard yet.
    pub wishes: CarryOutWishes,
    /// Store time.
    pub clock: Arc<dyn Clock>,
}

/// Asks the session of every record that has one, as often as R-POL-1 says, from a list in memory: a poll costs no statement of
/// the record store. A session that its node does not know twice, ten seconds apart, is lost: the record waits for a new attempt
/// when nobody was dialed and attempts remain, else it ends with SESSION_LOST (R-POL-3). A node that does not answer counts for
/// nothing. A poll never changes where a record stands (R-POL-2).
pub struct WatchSessions {
    ports: WatchPorts,
    agenda: Agenda,
    round_at: Instant,
    /// Until then every round looks for sessions that have to be over.
    busy_until: Instant,
    former_at: Instant,
    second: Instant,
    polled: usize,
}

/// What one poll came to.
struct Poll {
    due: Due,
    seen: Asked<Outlook>,
}

impl WatchSessions {
    /// Knows of no session yet.
    pub fn new(ports: WatchPorts) -> Self {
        let now = Instant::now();
        Self {
            ports,
            agenda: Agenda::default(),
            round_at: now,
            busy_until: now,
            former_at: now,
            second: now,
            polled: 0,
        }
    }

    /// Reads which records sessions have, and carries out what those sessions have not heard.
    async fn round(&mut self) -> Result<(), StoreError> {
        let (mut after, now) = (None, Instant::now());
        self.agenda.begin_round();
        loop {
            let page = self.ports.held.held(after, PAGE, self.ports.clock.now()).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.id);
            page.iter().filter(|record| record.state.is_open()).for_each(|record| self.agenda.meet(record, now));
            self.carry_out(page).await;
        }
        self.agenda.end_round();
        if after.is_some() {
            self.busy_until = now + IDLE;
        }
        self.stop_former(now).await
    }

    /// Stops sessions that lost their callback and did not end; in every round for a while after a session had one.
    async fn stop_former(&mut self, now: Instant) -> Result<(), StoreError> {
        if self.busy_until < now && now < self.former_at {
            return Ok(());
        }
        let ports = &self.ports;
        let stopped = former::stop(&*ports.former, &*ports.wishes.sessions, ports.clock.now()).await?;
        self.former_at = now + IDLE;
        if stopped > 0 {
            self.busy_until = now + IDLE;
        }
        Ok(())
    }

    async fn carry_out(&self, page: Vec<Callback>) {
        let wishes = &self.ports.wishes;
        let wished = page.into_iter().filter(|record| {
            record.cancel.is_some() || record.particulars.moving.is_some() || record.call_in_to_tell().is_some()
        });
        stream::iter(wished)
            .for_each_concurrent(WISHES_AT_ONCE, |record| async move {
                if let Err(error) = correlated(record.correlation().to_string(), wishes.run(&record)).await {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(callback.id = %record.id, error, "a wish waits for the record store");
                }
            })
            .await;
    }

    /// Asks the sessions whose time has come, those that wait longest first, as many as a second allows.
    async fn poll(&mut self) -> Result<(), StoreError> {
        let now = Instant::now();
        if now.duration_since(self.second) >= Duration::from_secs(1) {
            (self.second, self.polled) = (now, 0);
        }
        let due = self.agenda.due(now, POLLS_PER_SECOND - self.polled);
        if due.is_empty() {
            return Ok(());
        }
        self.polled += due.len();
        let requests = &self.ports.requests;
        let polls: Vec<Poll> = stream::iter(due)
            .map(|due| async move {
                let seen = correlated(due.corr_id.clone(), ask(&**requests, &due)).await;
                Poll { due, seen }
            })
            .buffer_unordered(POLLS_PER_SECOND)
            .collect()
            .await;
        let (now, store_now) = (Instant::now(), self.ports.clock.now());
        let mut news = Vec::new();
        for Poll { due, seen } in polls {
            let (id, key) = (due.id, (due.tenant, due.id));
            let Some(line) = self.agenda.line(id) else { continue };
            let lost = line.hear(&due, seen, now, store_now);
            news.extend(line.news().map(|seen| (key.0, key.1, seen)));
            if lost {
                self.agenda.forget(id);
                self.give_up(key, due.session).await?;
            }
        }
        self.ports.news.keep(&news).await;
        Ok(())
    }

    /// The session itself could have said the same, so the record decides alike.
    async fn give_up(&self, (tenant, id): (TenantId, CallbackId), session: SessionBinding) -> Result<(), StoreError> {
        let end = SessionUpdate { session: Some(session.id), end: Some(SessionEnd::Lost), ..SessionUpdate::default() };
        let answer = self.ports.record.apply_session_update(tenant, id, &end, self.ports.clock.now()).await?;
        tracing::info!(callback.id = %id, "its session is lost");
        tracing::debug!(callback.id = %id, ?answer, "what became of it");
        Ok(())
    }

    async fn look(&mut self) -> Result<(), StoreError> {
        if self.round_at <= Instant::now() {
            self.round_at = Instant::now() + ROUND;
            self.round().await?;
        }
        self.poll().await
    }
}

async fn ask(requests: &dyn SessionRequests, due: &Due) -> Asked<Outlook> {
    match due.describe {
        true => match requests.describe(&due.session).await {
            Asked::Answered(description) => Asked::Answered(Outlook::Described(description)),
            Asked::Gone => Asked::Gone,
            Asked::Unreachable => Asked::Unreachable,
        },
        false => match requests.place(&due.session).await {
            Asked::Answered(place) => Asked::Answered(Outlook::Placed(place)),
            Asked::Gone => Asked::Gone,
            Asked::Unreachable => Asked::Unreachable,
        },
    }
}

#[async_trait]
impl Duty for WatchSessions {
    async fn turn(&mut self) -> Turn {
        if let Err(error) = self.look().await {
            tracing::warn!(error = &error as &dyn std::error::Error, "the sessions of callbacks were not looked at");
        }
        let now = Instant::now();
        let mut next = self.round_at;
        if let Some(due) = self.agenda.next() {
            // A second that is used up ends before the next one is asked.
            let free = if self.polled < POLLS_PER_SECOND { now } else { self.second + Duration::from_secs(1) };
            next = next.min(due.max(free));
        }
        match next.saturating_duration_since(now) {
            Duration::ZERO => Turn::Again,
            rest => Turn::RestFor(rest),
        }
    }
}
