//! Finding callbacks whose session has vanished (R-POL-3, T17).

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::{StreamExt, stream};
use ges_domain::callback::{Callback, SessionBinding, SessionEnd, SessionUpdate};
use ges_domain::ports::{Clock, HeldRecords, Pulse, Record, SessionPulse, StoreError};
use ges_domain::{CallbackId, SessionId};
use tokio::time::Instant;

use crate::{Duty, Turn};

/// Two misses must lie so far apart (R-POL-3). Also the rest between two rounds, so that a session is given up at the
/// second one.
const APART: Duration = Duration::from_secs(10);
/// Records read at once.
const PAGE: u32 = 256;
/// Sessions asked at once.
const ASKED_AT_ONCE: usize = 8;

/// Asks for the session of every record that has one. A session that its node does not know twice, ten seconds apart, is
/// lost: the record waits for a new attempt when nobody was dialed and attempts remain, else it ends with SESSION_LOST.
/// A node that does not answer counts for nothing.
pub struct LostSessions {
    held: Arc<dyn HeldRecords>,
    pulse: Arc<dyn SessionPulse>,
    record: Arc<dyn Record>,
    clock: Arc<dyn Clock>,
    /// First miss of a session in a row.
    missed: HashMap<(CallbackId, SessionId), Instant>,
}

impl LostSessions {
    /// Knows of no miss yet.
    pub fn new(
        held: Arc<dyn HeldRecords>,
        pulse: Arc<dyn SessionPulse>,
        record: Arc<dyn Record>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { held, pulse, record, clock, missed: HashMap::new() }
    }

    async fn round(&mut self) -> Result<(), StoreError> {
        let mut still_missed = HashMap::new();
        let mut after = None;
        loop {
            let page = self.held.held(after, PAGE, self.clock.now()).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.id);
            let pulse = &self.pulse;
            let asked: Vec<(Callback, SessionBinding, Pulse)> = stream::iter(page)
                .filter_map(|record| async { record.session.clone().map(|session| (record, session)) })
                .map(|(record, session)| async move {
                    let answer = pulse.pulse(&session).await;
                    (record, session, answer)
                })
                .buffer_unordered(ASKED_AT_ONCE)
                .collect()
                .await;
            for (record, session, answer) in asked {
                let key = (record.id, session.id);
                let first = self.missed.get(&key).copied();
                match answer {
                    Pulse::Beats => {}
                    Pulse::Unreachable => still_missed.extend(first.map(|first| (key, first))),
                    Pulse::Gone => {
                        let first = first.unwrap_or_else(Instant::now);
                        if first.elapsed() >= APART {
                            self.give_up(&record, key.1).await?;
                        } else {
                            still_missed.insert(key, first);
                        }
                    }
                }
            }
        }
        self.missed = still_missed;
        Ok(())
    }

    /// The session itself could have said the same, so the record decides alike.
    async fn give_up(&self, record: &Callback, session: SessionId) -> Result<(), StoreError> {
        let end = SessionUpdate { session: Some(session), end: Some(SessionEnd::Lost), ..SessionUpdate::default() };
        let answer = self.record.apply_session_update(record.tenant, record.id, &end, self.clock.now()).await?;
        tracing::info!(callback.id = %record.id, dialed = record.dial_attempts, "its session is lost");
        tracing::debug!(callback.id = %record.id, ?answer, "what became of it");
        Ok(())
    }
}

#[async_trait]
impl Duty for LostSessions {
    async fn turn(&mut self) -> Turn {
        if let Err(error) = self.round().await {
            tracing::warn!(error = &error as &dyn std::error::Error, "the sessions of callbacks were not looked at");
        }
        Turn::RestFor(APART)
    }
}
