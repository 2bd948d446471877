//! Call-ins: reservations of one tenant happen one after the other, so that each sees every key (R-CTI-4, P-16).

mod matching;
mod reserve;
mod row;

use async_trait::async_trait;
use ges_domain::call_in::{CallInRequest, Draft, Group, GroupName, IncomingCall};
use ges_domain::ports::{CallIns, Reserved, StoreError};
use ges_domain::{CallInId, Instant, TenantId};

use crate::PgStore;
use crate::error::unavailable;
use row::{group_of, select_requests};

#[async_trait]
impl CallIns for PgStore {
    async fn group(&self, tenant: TenantId, name: &GroupName) -> Result<Option<Group>, StoreError> {
        let found = sqlx::query_scalar("select document from call_in_groups where tenant = $1 and name = $2");
        let found: Option<String> =
            found.bind(tenant.0).bind(name.as_str()).fetch_optional(self.pool()).await.map_err(unavailable)?;
        found.map(|document| group_of(&document)).transpose()
    }

    async fn groups(&self, tenant: TenantId) -> Result<Vec<Group>, StoreError> {
        let found = sqlx::query_scalar("select document from call_in_groups where tenant = $1 order by name");
        let found: Vec<String> = found.bind(tenant.0).fetch_all(self.pool()).await.map_err(unavailable)?;
        found.iter().map(|document| group_of(document)).collect()
    }

    async fn put_group(&self, tenant: TenantId, group: &Group) -> Result<(), StoreError> {
        let document = serde_json::to_string(group).map_err(|error| StoreError::Unavailable(error.into()))?;
        let put = sqlx::query(
            "insert into call_in_groups (tenant, name, document)
            values ($1, $2, $3)
            on conflict (tenant, name) do update set document = excluded.document",
        );
        let put = put.bind(tenant.0).bind(group.name.as_str()).bind(document);
        put.execute(self.pool()).await.map(drop).map_err(unavailable)
    }

    async fn reserve(&self, draft: Draft) -> Result<Reserved, StoreError> {
        let pool = self.pool().clone();
        self.uncancelled(async move { reserve::run(&pool, &draft).await }).await
    }

    async fn match_call(
        &self,
        tenant: TenantId,
        call: &IncomingCall,
        now: Instant,
    ) -> Result<Option<CallInRequest>, StoreError> {
        let (store, call) = (self.clone(), call.clone());
        self.uncancelled(async move { matching::run(&store, tenant, &call, now).await }).await
    }

    async fn request(&self, tenant: TenantId, id: CallInId) -> Result<Option<CallInRequest>, StoreError> {
        let found = sqlx::query(select_requests!("where tenant = $1 and id = $2")).bind(tenant.0).bind(id.0);
        let row = found.fetch_optional(self.pool()).await.map_err(unavailable)?;
        row.as_ref().map(row::request_of).transpose()
    }

    async fn purge_call_ins(&self, created_before: Instant, limit: u32) -> Result<u64, StoreError> {
        let purge = sqlx::query(
            "delete from call_in_requests r
            using (
                select tenant, id
                from call_in_requests
                where created_at < $1
                order by created_at
                limit $2
                for update skip locked
            ) old
            where r.tenant = old.tenant and r.id = old.id",
        );
        let purge = purge.bind(created_before.millis()).bind(i64::from(limit));
        Ok(purge.execute(self.pool()).await.map_err(unavailable)?.rows_affected())
    }
}
