//! Sessions as a node reaches them, and which records it looks after.

use std::time::Duration;

use async_trait::async_trait;
use ges_domain::callback::{Callback, FormerSession, SessionBinding};
use ges_domain::ports::{
    Asked, Description, FormerSessions, HeldRecords, Passed, Place, ServiceRef, SessionEvent, SessionRequests,
    Sessions, StoreError, Told,
};
use ges_domain::{CallbackId, Instant};

use super::Node;
use crate::bug::Bug;
use crate::trace::short;

#[async_trait]
impl Sessions for Node {
    async fn tell(&self, session: &SessionBinding, callback: CallbackId, event: &SessionEvent, _: Instant) -> Told {
        let cancels = matches!(event, SessionEvent::Cancel { .. });
        if !cancels && !self.world.setting.watches {
            return Told::Accepted;
        }
        if cancels && self.world.has(Bug::WishForgotten) {
            self.note(format!("cancel of {}: the request is lost between its halves", short(callback)));
            std::future::pending::<()>().await;
        }
        self.alive().await;
        self.travel().await;
        let (weather, chance) = (self.world.weather(), &self.world.chance);
        let unreachable = chance.happens(weather.session_unreachable);
        // Half of the lost ones arrive, only their answer does not.
        let arrives = !unreachable || chance.happens(0.5);
        let outside = &self.world.setting.outside;
        let outcome = if arrives { outside.tell(session.id.as_str(), event) } else { Told::Unreachable };
        let outcome = if unreachable { Told::Unreachable } else { outcome };
        let what = word(event);
        self.note(format!("{what} of session {} for {}: {outcome:?}, arrived: {arrives}", session.id, short(callback)));
        if outcome == Told::Unreachable {
            tokio::time::sleep(Duration::from_secs(3)).await;
        }
        self.alive().await;
        outcome
    }

    async fn terminate(&self, session: &SessionBinding) -> Told {
        self.alive().await;
        if self.world.chance.happens(self.world.weather().session_unreachable) {
            return Told::Unreachable;
        }
        self.world.setting.outside.terminate(session.id.as_str());
        self.note(format!("session {} is told to stop", session.id));
        Told::Accepted
    }
}

#[async_trait]
impl SessionRequests for Node {
    async fn place(&self, session: &SessionBinding) -> Asked<Place> {
        self.alive().await;
        self.travel().await;
        let answer = self.world.setting.outside.place(session.id.as_str());
        let answer = match answer {
            Asked::Gone | Asked::Unreachable if self.world.has(Bug::LossOverlooked) => {
                Asked::Answered(Place::default())
            }
            answer => answer,
        };
        self.alive().await;
        answer
    }

    async fn describe(&self, session: &SessionBinding) -> Asked<Description> {
        match self.place(session).await {
            Asked::Answered(_) => Asked::Answered(Description::default()),
            Asked::Gone => Asked::Gone,
            Asked::Unreachable => Asked::Unreachable,
        }
    }

    /// Nobody passes anything on here.
    async fn relay(&self, _: &SessionBinding, _: &str, _: &Passed) -> Asked<(u16, Passed)> {
        Asked::Unreachable
    }
}

#[async_trait]
impl HeldRecords for Node {
    /// Those of the shards that this node holds; the others are looked after elsewhere.
    async fn held(&self, after: Option<CallbackId>, limit: u32, now: Instant) -> Result<Vec<Callback>, StoreError> {
        let mut held = self.call("held", self.world.store.held(after, u32::MAX, now)).await?;
        let shards: Vec<u8> = self.state().held.iter().map(|(shard, _)| *shard).collect();
        held.retain(|row| shards.contains(&ServiceRef { tenant: row.tenant, name: row.service.clone() }.shard().0));
        held.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(held)
    }
}

#[async_trait]
impl FormerSessions for Node {
    async fn former(&self, now: Instant, limit: u32) -> Result<Vec<FormerSession>, StoreError> {
        self.call("former", self.world.store.former(now, limit)).await
    }

    async fn forget_former(&self, over: &[FormerSession]) -> Result<(), StoreError> {
        self.call("forget_former", self.world.store.forget_former(over)).await
    }

    async fn postpone_former(&self, again: &[FormerSession], due_at: Instant) -> Result<(), StoreError> {
        self.call("postpone_former", self.world.store.postpone_former(again, due_at)).await
    }
}

fn word(event: &SessionEvent) -> &'static str {
    match event {
        SessionEvent::Cancel { .. } => "cancel",
        SessionEvent::Reschedule { .. } => "reschedule",
        SessionEvent::Pause => "pause",
        SessionEvent::Resume => "resume",
        SessionEvent::UserData(_) => "user data",
        SessionEvent::Priority(_) => "priority",
        SessionEvent::CalledIn(_) => "call-in",
    }
}
