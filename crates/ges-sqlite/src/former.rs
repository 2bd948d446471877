//! Sessions that lost their callback.

use async_trait::async_trait;
use ges_domain::callback::{FormerSession, SessionBinding};
use ges_domain::ports::{FormerSessions, StoreError};
use ges_domain::{CallbackId, Instant, SessionId, TenantId};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use crate::error::{BadColumn, unavailable, unreadable};
use crate::store::SqliteStore;

/// Enters one, in the transaction that takes its callback.
pub(crate) async fn enter(connection: &mut SqliteConnection, former: &FormerSession) -> Result<(), StoreError> {
    let entered = sqlx::query(
        "insert into former_sessions (callback, session, tenant, url, due_at, until_at) values (?, ?, ?, ?, ?, ?)
         on conflict do nothing",
    );
    let entered = entered
        .bind(former.callback.0)
        .bind(former.session.id.as_str())
        .bind(former.tenant.0)
        .bind(former.session.url.as_deref())
        .bind(former.due_at.millis())
        .bind(former.until.millis());
    entered.execute(connection).await.map(drop).map_err(unavailable)
}

fn read(row: &SqliteRow) -> Result<FormerSession, StoreError> {
    let id: String = row.try_get(1).map_err(unavailable)?;
    let id = SessionId::new(&id).map_err(|_| unreadable("former_sessions", BadColumn("session")))?;
    Ok(FormerSession {
        callback: CallbackId(row.try_get(0).map_err(unavailable)?),
        session: SessionBinding { id, url: row.try_get(3).map_err(unavailable)? },
        tenant: TenantId(row.try_get(2).map_err(unavailable)?),
        due_at: Instant::from_millis(row.try_get(4).map_err(unavailable)?),
        until: Instant::from_millis(row.try_get(5).map_err(unavailable)?),
    })
}

#[async_trait]
impl FormerSessions for SqliteStore {
    async fn former(&self, now: Instant, limit: u32) -> Result<Vec<FormerSession>, StoreError> {
        let due = sqlx::query(
            "select callback, session, tenant, url, due_at, until_at from former_sessions
             where due_at <= ? order by due_at limit ?",
        );
        let due = due.bind(now.millis()).bind(i64::from(limit));
        due.fetch_all(self.readers()).await.map_err(unavailable)?.iter().map(read).collect()
    }

    async fn forget_former(&self, over: &[FormerSession]) -> Result<(), StoreError> {
        let over = over.to_vec();
        let work = self.act(move |transaction| {
            Box::pin(async move {
                for former in over {
                    let gone = sqlx::query("delete from former_sessions where callback = ? and session = ?");
                    let gone = gone.bind(former.callback.0).bind(former.session.id.as_str());
                    gone.execute(&mut transaction.connection).await.map_err(unavailable)?;
                }
                Ok(())
            })
        });
        work.await
    }

    async fn postpone_former(&self, again: &[FormerSession], due_at: Instant) -> Result<(), StoreError> {
        let again = again.to_vec();
        let work = self.act(move |transaction| {
            Box::pin(async move {
                for former in again {
                    let later = sqlx::query("update former_sessions set due_at = ? where callback = ? and session = ?");
                    let later = later.bind(due_at.millis()).bind(former.callback.0).bind(former.session.id.as_str());
                    later.execute(&mut transaction.connection).await.map_err(unavailable)?;
                }
                Ok(())
            })
        });
        work.await
    }
}
