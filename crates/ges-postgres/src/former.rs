//! Sessions that lost their callback; those of the shards that a node holds are its work.

use async_trait::async_trait;
use ges_domain::callback::{FormerSession, SessionBinding};
use ges_domain::ports::{FormerSessions, StoreError};
use ges_domain::{CallbackId, Instant, SessionId, TenantId};
use uuid::Uuid;

use crate::PgHeldRecords;
use crate::error::{Fault, reading, unavailable, unreadable};

type Row = (Uuid, Uuid, String, Option<String>, i64, i64);

fn read((tenant, callback, id, url, due_at, until): Row) -> Result<FormerSession, StoreError> {
    let id = SessionId::new(&id).map_err(|_| unreadable("former_sessions", Fault::Value("session")))?;
    Ok(FormerSession {
        tenant: TenantId(tenant),
        callback: CallbackId(callback),
        session: SessionBinding { id, url },
        due_at: Instant::from_millis(due_at),
        until: Instant::from_millis(until),
    })
}

/// Callbacks and sessions, side by side.
fn keys(sessions: &[FormerSession]) -> (Vec<Uuid>, Vec<&str>) {
    sessions.iter().map(|former| (former.callback.0, former.session.id.as_str())).unzip()
}

#[async_trait]
impl FormerSessions for PgHeldRecords {
    async fn former(&self, now: Instant, limit: u32) -> Result<Vec<FormerSession>, StoreError> {
        let due = sqlx::query_as::<_, Row>(
            "select f.tenant, f.callback, f.session, f.url, f.due_at, f.until_at
            from former_sessions f
            join services s on s.key = f.service
            where f.due_at <= $1 and s.shard in (select m.shard from monitor_shards m where m.node = $2)
            order by f.due_at
            limit $3",
        );
        let due = due.bind(now.millis()).bind(self.node()).bind(i64::from(limit));
        let due = due.fetch_all(self.pool()).await.map_err(reading("former_sessions"))?;
        due.into_iter().map(read).collect()
    }

    async fn forget_former(&self, over: &[FormerSession]) -> Result<(), StoreError> {
        let (callbacks, sessions) = keys(over);
        let gone = sqlx::query(
            "delete from former_sessions f
            using unnest($1::uuid[], $2::text[]) o (callback, session)
            where f.callback = o.callback and f.session = o.session",
        );
        gone.bind(callbacks).bind(sessions).execute(self.pool()).await.map(drop).map_err(unavailable)
    }

    async fn postpone_former(&self, again: &[FormerSession], due_at: Instant) -> Result<(), StoreError> {
        let (callbacks, sessions) = keys(again);
        let later = sqlx::query(
            "update former_sessions f
            set due_at = $3
            from unnest($1::uuid[], $2::text[]) a (callback, session)
            where f.callback = a.callback and f.session = a.session",
        );
        let later = later.bind(callbacks).bind(sessions).bind(due_at.millis());
        later.execute(self.pool()).await.map(drop).map_err(unavailable)
    }
}
