//! Console sessions, and the list of services.

use std::collections::BTreeMap;

use async_trait::async_trait;
use ges_domain::ports::{ConsoleSession, ConsoleSessions, ProvisionedServices, StoreError, WordDigest};
use ges_domain::{Instant, ServiceName, TenantId};
use sqlx::Row;
use uuid::Uuid;

use crate::error::{BadColumn, unavailable, unreadable};
use crate::store::SqliteStore;

const SESSION: i64 = 1;
const RETURN: i64 = 2;

impl SqliteStore {
    async fn put_console_row(
        &self,
        kind: i64,
        key: WordDigest,
        sealed: Vec<u8>,
        ends_at: Instant,
    ) -> Result<(), StoreError> {
        let work = self.act(move |transaction| {
            Box::pin(async move {
                let put = sqlx::query(
                    "insert into console_sessions (key, kind, ends_at, sealed) values (?, ?, ?, ?)
                     on conflict (key) do update set ends_at = excluded.ends_at, sealed = excluded.sealed
                     where kind = excluded.kind",
                );
                let put = put.bind(&key.0[..]).bind(kind).bind(ends_at.millis()).bind(sealed);
                put.execute(&mut transaction.connection).await.map(drop).map_err(unavailable)
            })
        });
        work.await
    }
}

#[async_trait]
impl ConsoleSessions for SqliteStore {
    async fn expect_return(&self, state: WordDigest, until: Instant) -> Result<(), StoreError> {
        self.put_console_row(RETURN, state, Vec::new(), until).await
    }

    async fn take_return(&self, state: WordDigest, now: Instant) -> Result<bool, StoreError> {
        let work = self.act(move |transaction| {
            Box::pin(async move {
                let taken = sqlx::query_scalar::<_, i64>(
                    "delete from console_sessions where key = ? and kind = ? returning ends_at",
                );
                let taken = taken.bind(&state.0[..]).bind(RETURN).fetch_optional(&mut transaction.connection).await;
                Ok(taken.map_err(unavailable)?.is_some_and(|until| now.millis() < until))
            })
        });
        work.await
    }

    async fn open_session(&self, session: &ConsoleSession) -> Result<(), StoreError> {
        self.put_console_row(SESSION, session.key, session.sealed.clone(), session.idle_until).await
    }

    async fn session(&self, key: WordDigest, now: Instant) -> Result<Option<ConsoleSession>, StoreError> {
        let found = sqlx::query_as::<_, (Vec<u8>, i64)>(
            "select sealed, ends_at from console_sessions where key = ? and kind = ? and ends_at > ?",
        );
        let found = found.bind(&key.0[..]).bind(SESSION).bind(now.millis()).fetch_optional(self.readers()).await;
        let found = found.map_err(unavailable)?;
        Ok(found.map(|(sealed, until)| ConsoleSession { key, sealed, idle_until: Instant::from_millis(until) }))
    }

    async fn touch_session(&self, key: WordDigest, now: Instant, idle_until: Instant) -> Result<bool, StoreError> {
        let work = self.act(move |transaction| {
            Box::pin(async move {
                let touched = sqlx::query(
                    "update console_sessions set ends_at = max(ends_at, ?) where key = ? and kind = ? and ends_at > ?",
                );
                let touched = touched.bind(idle_until.millis()).bind(&key.0[..]).bind(SESSION).bind(now.millis());
                let touched = touched.execute(&mut transaction.connection).await.map_err(unavailable)?;
                Ok(touched.rows_affected() == 1)
            })
        });
        work.await
    }

    async fn reseal_session(&self, key: WordDigest, was: &[u8], sealed: &[u8]) -> Result<bool, StoreError> {
        let (was, sealed) = (was.to_vec(), sealed.to_vec());
        let work = self.act(move |transaction| {
            Box::pin(async move {
                let put =
                    sqlx::query("update console_sessions set sealed = ? where key = ? and kind = ? and sealed = ?");
                let put = put.bind(sealed).bind(&key.0[..]).bind(SESSION).bind(was);
                let put = put.execute(&mut transaction.connection).await.map_err(unavailable)?;
                Ok(put.rows_affected() == 1)
            })
        });
        work.await
    }

    async fn close_session(&self, key: WordDigest) -> Result<bool, StoreError> {
        let work = self.act(move |transaction| {
            Box::pin(async move {
                let gone = sqlx::query("delete from console_sessions where key = ? and kind = ?");
                let gone = gone.bind(&key.0[..]).bind(SESSION).execute(&mut transaction.connection).await;
                Ok(gone.map_err(unavailable)?.rows_affected() == 1)
            })
        });
        work.await
    }

    async fn purge_sessions(&self, now: Instant, limit: u32) -> Result<u64, StoreError> {
        let work = self.act(move |transaction| {
            Box::pin(async move {
                let gone = sqlx::query(
                    "delete from console_sessions where key in
                     (select key from console_sessions where ends_at <= ? order by ends_at limit ?)",
                );
                let gone = gone.bind(now.millis()).bind(i64::from(limit)).execute(&mut transaction.connection).await;
                Ok(gone.map_err(unavailable)?.rows_affected())
            })
        });
        work.await
    }
}

#[async_trait]
impl ProvisionedServices for SqliteStore {
    async fn services_by_tenant(&self) -> Result<BTreeMap<TenantId, Vec<ServiceName>>, StoreError> {
        let all = sqlx::query("select tenant, name, removed from services order by tenant, name");
        let mut services: BTreeMap<TenantId, Vec<ServiceName>> = BTreeMap::new();
        for row in all.fetch_all(self.readers()).await.map_err(unavailable)? {
            let tenant: Uuid = row.try_get(0).map_err(unavailable)?;
            let (name, removed): (String, bool) =
                (row.try_get(1).map_err(unavailable)?, row.try_get(2).map_err(unavailable)?);
            let of_tenant = services.entry(TenantId(tenant)).or_default();
            if !removed {
                of_tenant.push(ServiceName::new(&name).map_err(|_| unreadable("services", BadColumn("name")))?);
            }
        }
        Ok(services)
    }
}
