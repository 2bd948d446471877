//! Answers kept under idempotency keys (I6), written in the transaction of the act they belong to.

use async_trait::async_trait;
use ges_domain::idempotency::{BodyDigest, Kept, Key, Keyed, Operation};
use ges_domain::ports::{KeptAnswers, StoreError};
use ges_domain::{Instant, TenantId};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection, SqliteExecutor};
use uuid::Uuid;

use crate::error::{BadColumn, unavailable, unreadable};
use crate::store::SqliteStore;

/// What is kept for this key.
pub(crate) async fn recall(
    executor: impl SqliteExecutor<'_>,
    tenant: TenantId,
    operation: Operation,
    key: &Key,
) -> Result<Option<Kept>, StoreError> {
    let found = sqlx::query("select body, subject from idempotency where tenant = ? and operation = ? and key = ?");
    let found = found.bind(tenant.0).bind(operation.code()).bind(key.as_str());
    let read = |row: SqliteRow| {
        let (body, subject): (Vec<u8>, Uuid) =
            (row.try_get(0).map_err(unavailable)?, row.try_get(1).map_err(unavailable)?);
        let body = body.try_into().map_err(|_| unreadable("idempotency", BadColumn("body")))?;
        Ok(Kept { body: BodyDigest(body), subject })
    };
    found.fetch_optional(executor).await.map_err(unavailable)?.map(read).transpose()
}

/// Keeps an answer. The one writer has looked before, so there is none yet.
pub(crate) async fn keep(
    connection: &mut SqliteConnection,
    tenant: TenantId,
    keyed: &Keyed,
    subject: Uuid,
    at: Instant,
) -> Result<(), StoreError> {
    let kept = sqlx::query(
        "insert into idempotency (tenant, operation, key, body, subject, created_at) values (?, ?, ?, ?, ?, ?)",
    );
    let kept = kept
        .bind(tenant.0)
        .bind(keyed.operation.code())
        .bind(keyed.key.as_str())
        .bind(&keyed.body.0[..])
        .bind(subject)
        .bind(at.millis());
    kept.execute(connection).await.map(drop).map_err(unavailable)
}

#[async_trait]
impl KeptAnswers for SqliteStore {
    async fn recall(&self, tenant: TenantId, operation: Operation, key: &Key) -> Result<Option<Kept>, StoreError> {
        recall(self.readers(), tenant, operation, key).await
    }

    async fn forget(&self, kept_before: Instant, limit: u32) -> Result<u64, StoreError> {
        let work = self.act(move |transaction| {
            Box::pin(async move {
                let forgotten = sqlx::query(
                    "delete from idempotency where (tenant, operation, key) in
                     (select tenant, operation, key from idempotency where created_at < ? order by created_at limit ?)",
                );
                let forgotten = forgotten.bind(kept_before.millis()).bind(i64::from(limit));
                let done = forgotten.execute(&mut transaction.connection).await.map_err(unavailable)?;
                Ok(done.rows_affected())
            })
        });
        work.await
    }
}
