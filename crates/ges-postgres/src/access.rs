//! Console sessions, and the list of services.

use std::collections::BTreeMap;

use async_trait::async_trait;
use ges_domain::ports::{ConsoleSession, ConsoleSessions, ProvisionedServices, StoreError, WordDigest};
use ges_domain::{Instant, ServiceName, TenantId};
use uuid::Uuid;

use crate::PgStore;
use crate::error::{Fault, reading, unavailable, unreadable};

const SESSION: i16 = 1;
const RETURN: i16 = 2;

impl PgStore {
    async fn put_console_row(
        &self,
        kind: i16,
        key: WordDigest,
        sealed: &[u8],
        ends_at: Instant,
    ) -> Result<(), StoreError> {
        let put = sqlx::query(
            "insert into console_sessions (ends_at, kind, key, sealed)
            values ($1, $2, $3, $4)
            on conflict (key) do update set ends_at = excluded.ends_at, sealed = excluded.sealed
            where console_sessions.kind = excluded.kind",
        );
        let put = put.bind(ends_at.millis()).bind(kind).bind(&key.0[..]).bind(sealed).execute(self.pool()).await;
        put.map(drop).map_err(unavailable)
    }
}

#[async_trait]
impl ConsoleSessions for PgStore {
    async fn expect_return(&self, state: WordDigest, until: Instant) -> Result<(), StoreError> {
        self.put_console_row(RETURN, state, &[], until).await
    }

    async fn take_return(&self, state: WordDigest, now: Instant) -> Result<bool, StoreError> {
        let taken = sqlx::query_scalar::<_, i64>(
            "delete from console_sessions
            where key = $1 and kind = $2
            returning ends_at",
        );
        let taken = taken.bind(&state.0[..]).bind(RETURN).fetch_optional(self.pool()).await.map_err(unavailable)?;
        Ok(taken.is_some_and(|until| now.millis() < until))
    }

    async fn open_session(&self, session: &ConsoleSession) -> Result<(), StoreError> {
        self.put_console_row(SESSION, session.key, &session.sealed, session.idle_until).await
    }

    async fn session(&self, key: WordDigest, now: Instant) -> Result<Option<ConsoleSession>, StoreError> {
        let found = sqlx::query_as::<_, (Vec<u8>, i64)>(
            "select sealed, ends_at
            from console_sessions
            where key = $1 and kind = $2 and ends_at > $3",
        );
        let found = found.bind(&key.0[..]).bind(SESSION).bind(now.millis()).fetch_optional(self.pool()).await;
        let found = found.map_err(reading("console_sessions"))?;
        Ok(found.map(|(sealed, until)| ConsoleSession { key, sealed, idle_until: Instant::from_millis(until) }))
    }

    async fn touch_session(&self, key: WordDigest, now: Instant, idle_until: Instant) -> Result<bool, StoreError> {
        let touched = sqlx::query(
            "update console_sessions
            set ends_at = greatest(ends_at, $4)
            where key = $1 and kind = $2 and ends_at > $3",
        );
        let touched = touched.bind(&key.0[..]).bind(SESSION).bind(now.millis()).bind(idle_until.millis());
        Ok(touched.execute(self.pool()).await.map_err(unavailable)?.rows_affected() == 1)
    }

    async fn reseal_session(&self, key: WordDigest, was: &[u8], sealed: &[u8]) -> Result<bool, StoreError> {
        let put = sqlx::query(
            "update console_sessions
            set sealed = $4
            where key = $1 and kind = $2 and sealed = $3",
        );
        let put = put.bind(&key.0[..]).bind(SESSION).bind(was).bind(sealed).execute(self.pool()).await;
        Ok(put.map_err(unavailable)?.rows_affected() == 1)
    }

    async fn close_session(&self, key: WordDigest) -> Result<bool, StoreError> {
        let gone = sqlx::query("delete from console_sessions where key = $1 and kind = $2");
        let gone = gone.bind(&key.0[..]).bind(SESSION).execute(self.pool()).await;
        Ok(gone.map_err(unavailable)?.rows_affected() == 1)
    }

    async fn purge_sessions(&self, now: Instant, limit: u32) -> Result<u64, StoreError> {
        let gone = sqlx::query(
            "with over as (
                select key
                from console_sessions
                where ends_at <= $1
                order by ends_at
                limit $2
                for update skip locked
            )
            delete from console_sessions c
            using over
            where c.key = over.key",
        );
        let gone = gone.bind(now.millis()).bind(i64::from(limit)).execute(self.pool()).await;
        Ok(gone.map_err(unavailable)?.rows_affected())
    }
}

#[async_trait]
impl ProvisionedServices for PgStore {
    async fn services_by_tenant(&self) -> Result<BTreeMap<TenantId, Vec<ServiceName>>, StoreError> {
        let all = sqlx::query_as::<_, (Uuid, String, bool)>(
            "select tenant, name, removed
            from services
            order by tenant, name",
        );
        let rows = all.fetch_all(self.pool()).await.map_err(reading("services"))?;
        let mut all: BTreeMap<TenantId, Vec<ServiceName>> = BTreeMap::new();
        for (tenant, name, removed) in rows {
            let of_tenant = all.entry(TenantId(tenant)).or_default();
            if !removed {
                of_tenant.push(ServiceName::new(&name).map_err(|_| unreadable("services", Fault::Value("name")))?);
            }
        }
        Ok(all)
    }
}
