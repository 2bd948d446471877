//! Answers kept under idempotency keys (I6): read together for a flight, written in the statement or transaction of the act.

use std::collections::HashMap;

use async_trait::async_trait;
use ges_domain::idempotency::{BodyDigest, Kept, Key, Keyed, Operation};
use ges_domain::ports::{KeptAnswers, StoreError};
use ges_domain::{Instant, TenantId};
use sqlx::PgExecutor;
use uuid::Uuid;

use crate::PgStore;
use crate::error::{Fault, reading, unavailable, unreadable};

/// Where an answer is kept: tenant, operation, key.
pub(crate) type Place = (Uuid, i16, String);

/// The place of a request's answer.
pub(crate) fn place(tenant: TenantId, keyed: &Keyed) -> Place {
    (tenant.0, keyed.operation.code(), keyed.key.as_str().to_owned())
}

/// Columns of one answer, one list each.
#[derive(Default)]
pub(crate) struct Columns {
    pub(crate) created_at: Vec<i64>,
    pub(crate) tenant: Vec<Uuid>,
    pub(crate) subject: Vec<Uuid>,
    pub(crate) operation: Vec<i16>,
    pub(crate) key: Vec<String>,
    pub(crate) body: Vec<Vec<u8>>,
}

impl Columns {
    pub(crate) fn add(&mut self, tenant: TenantId, keyed: &Keyed, subject: Uuid, at: Instant) {
        self.created_at.push(at.millis());
        self.tenant.push(tenant.0);
        self.subject.push(subject);
        self.operation.push(keyed.operation.code());
        self.key.push(keyed.key.as_str().to_owned());
        self.body.push(keyed.body.0.to_vec());
    }
}

fn digest(body: Vec<u8>) -> Result<BodyDigest, StoreError> {
    body.try_into().map(BodyDigest).map_err(|_| unreadable("idempotency", Fault::Value("body")))
}

/// What is kept at these places; asks nothing when there are none.
pub(crate) async fn recall(
    executor: impl PgExecutor<'_>,
    places: &[Place],
) -> Result<HashMap<Place, Kept>, StoreError> {
    if places.is_empty() {
        return Ok(HashMap::new());
    }
    let (mut tenants, mut operations, mut keys) = (Vec::new(), Vec::new(), Vec::new());
    for (tenant, operation, key) in places {
        tenants.push(*tenant);
        operations.push(*operation);
        keys.push(key.as_str());
    }
    let found = sqlx::query_as::<_, (Uuid, i16, String, Vec<u8>, Uuid)>(
        "select i.tenant, i.operation, i.key, i.body, i.subject
        from unnest($1::uuid[], $2::smallint[], $3::text[]) a (tenant, operation, key)
        join idempotency i
            on i.tenant = a.tenant and i.operation = a.operation and i.key = a.key collate \"C\"",
    );
    let found = found.bind(tenants).bind(operations).bind(keys).fetch_all(executor).await;
    let found = found.map_err(reading("idempotency"))?.into_iter().map(|(tenant, operation, key, body, subject)| {
        Ok(((tenant, operation, key), Kept { body: digest(body)?, subject }))
    });
    found.collect()
}

/// Keeps an answer; `false` when there is one already.
pub(crate) async fn keep(
    executor: impl PgExecutor<'_>,
    tenant: TenantId,
    keyed: &Keyed,
    subject: Uuid,
    at: Instant,
) -> Result<bool, StoreError> {
    let kept = sqlx::query(
        "insert into idempotency (created_at, tenant, subject, operation, key, body)
        values ($1, $2, $3, $4, $5, $6)
        on conflict (tenant, operation, key) do nothing",
    );
    let kept = kept
        .bind(at.millis())
        .bind(tenant.0)
        .bind(subject)
        .bind(keyed.operation.code())
        .bind(keyed.key.as_str())
        .bind(&keyed.body.0[..]);
    Ok(kept.execute(executor).await.map_err(unavailable)?.rows_affected() == 1)
}

#[async_trait]
impl KeptAnswers for PgStore {
    async fn recall(&self, tenant: TenantId, operation: Operation, key: &Key) -> Result<Option<Kept>, StoreError> {
        let place = (tenant.0, operation.code(), key.as_str().to_owned());
        Ok(recall(self.pool(), std::slice::from_ref(&place)).await?.remove(&place))
    }

    async fn forget(&self, kept_before: Instant, limit: u32) -> Result<u64, StoreError> {
        let forgotten = sqlx::query(
            "with old as (
                select tenant, operation, key
                from idempotency
                where created_at < $1
                order by created_at
                limit $2
                for update skip locked
            )
            delete from idempotency i
            using old
            where i.tenant = old.tenant and i.operation = old.operation and i.key = old.key",
        );
        let forgotten = forgotten.bind(kept_before.millis()).bind(i64::from(limit)).execute(self.pool()).await;
        Ok(forgotten.map_err(unavailable)?.rows_affected())
    }
}
