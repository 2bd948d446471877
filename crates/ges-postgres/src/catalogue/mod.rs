//! What is provisioned, as documents with a few columns beside them.

mod cache;
mod number_rules;

use std::sync::Arc;

use async_trait::async_trait;
use ges_domain::capacity::CapacityRule;
use ges_domain::hours::{Hours, OfficeHours};
use ges_domain::phone::NumberRule;
use ges_domain::ports::{Catalogue, RuleRemoved, ServiceRow, StoreError, shard_of};
use ges_domain::region::RegionRule;
use ges_domain::service::Service;
use ges_domain::{ServiceName, TenantId, throttle};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::PgStore;
use crate::error::{reading, unavailable, unreadable};
use crate::pauses::is_paused;

pub(crate) use cache::Cache;

pub(crate) fn text<T: Serialize>(document: &T) -> Result<String, StoreError> {
    serde_json::to_string(document).map_err(|error| StoreError::Unavailable(error.into()))
}

pub(crate) fn document<T: DeserializeOwned>(table: &'static str, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| unreadable(table, error))
}

/// Hours that do not read back are closed, and somebody has to know (R-BH-8).
fn hours_from(stored: Option<&str>) -> Hours {
    match stored.map(serde_json::from_str::<OfficeHours>) {
        Some(Ok(hours)) => Hours::Kept(hours),
        Some(Err(error)) => {
            tracing::warn!(%error, "business hours do not read back; the service is closed");
            Hours::Unreadable
        }
        None => Hours::Unreadable,
    }
}

fn service_from(name: &ServiceName, row: &PgRow) -> Result<Service, StoreError> {
    fn get<'r, T>(row: &'r PgRow, column: &'static str) -> Result<T, StoreError>
    where
        T: sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
    {
        row.try_get(column).map_err(reading("services"))
    }
    let hours = match get::<Option<&str>>(row, "business_hours")? {
        None => Hours::Always,
        Some(_) => hours_from(get(row, "hours")?),
    };
    let rule: Option<&str> = get(row, "rule")?;
    let throttle: Option<&str> = get(row, "throttle")?;
    let number_rule: Option<&str> = get(row, "numbers")?;
    let region_rule: Option<&str> = get(row, "regions")?;
    Ok(Service {
        name: name.clone(),
        settings: document("services", get(row, "settings")?)?,
        hours,
        capacity: rule.map(|rule| document::<CapacityRule>("capacity_rules", rule)).transpose()?,
        number_rule: number_rule.map(|rule| document::<NumberRule>("number_rules", rule)).transpose()?,
        region_rule: region_rule.map(|rule| document::<RegionRule>("region_rules", rule)).transpose()?,
        tenant_throttle: throttle.map(|set| document("tenant_throttle", set)).transpose()?.unwrap_or_default(),
        paused: get(row, "paused")?,
        removed: get(row, "removed")?,
    })
}

impl PgStore {
    async fn load_service(&self, tenant: TenantId, name: &ServiceName) -> Result<Option<Arc<Service>>, StoreError> {
        let found = sqlx::query(concat!(
            "select s.key, s.settings, s.business_hours, s.removed, ",
            is_paused!(),
            " as paused,
                h.document as hours, r.document as rule, t.settings as throttle,
                n.document as numbers, g.document as regions
            from services s
            left join business_hours h on h.tenant = s.tenant and h.name = s.business_hours
            left join capacity_rules r on r.tenant = s.tenant and r.name = s.capacity_rule
            left join tenant_throttle t on t.tenant = s.tenant
            left join number_rules n on n.tenant = s.tenant and n.name = s.number_rule
            left join region_rules g on g.tenant = s.tenant and g.name = s.region_rule
            where s.tenant = $1 and s.name = $2",
        ));
        let found = found.bind(tenant.0).bind(name.as_str()).fetch_optional(self.pool()).await.map_err(unavailable)?;
        let Some(row) = found else { return Ok(None) };
        self.0.services.learn(tenant, name, row.try_get("key").map_err(reading("services"))?);
        Ok(Some(Arc::new(service_from(name, &row)?)))
    }

    /// Stores a document of `tenant` under `name`.
    async fn put_document(
        &self,
        put: &'static str,
        tenant: TenantId,
        name: &str,
        document: String,
    ) -> Result<(), StoreError> {
        let stored = sqlx::query(put).bind(tenant.0).bind(name).bind(document).execute(self.pool()).await;
        self.0.cache.forget(tenant);
        stored.map(drop).map_err(unavailable)
    }
}

#[async_trait]
impl Catalogue for PgStore {
    async fn service(&self, tenant: TenantId, name: &ServiceName) -> Result<Option<Arc<Service>>, StoreError> {
        self.0.cache.get(tenant, name, || self.load_service(tenant, name)).await
    }

    async fn hours(&self, tenant: TenantId, name: &str) -> Result<Option<Hours>, StoreError> {
        let found = sqlx::query_scalar("select document from business_hours where tenant = $1 and name = $2");
        let found: Option<String> =
            found.bind(tenant.0).bind(name).fetch_optional(self.pool()).await.map_err(unavailable)?;
        Ok(found.map(|document| hours_from(Some(&document))))
    }

    async fn put_service(&self, tenant: TenantId, row: &ServiceRow) -> Result<(), StoreError> {
        let put = sqlx::query_scalar(
            "with put as (
                insert into services
                    (tenant, name, shard, settings, business_hours, capacity_rule, number_rule, region_rule)
                values ($1, $2, $3, $4, $5, $6, $7, $8)
                on conflict (tenant, name) do update
                set settings = excluded.settings, business_hours = excluded.business_hours,
                    capacity_rule = excluded.capacity_rule, number_rule = excluded.number_rule,
                    region_rule = excluded.region_rule, removed = false
                returning key
            ), ledger as (
                insert into service_ledger (service)
                select key from put
                on conflict (service) do nothing
            )
            select key from put",
        );
        let put = put
            .bind(tenant.0)
            .bind(row.name.as_str())
            .bind(i16::from(shard_of(tenant, &row.name).0))
            .bind(text(&row.settings)?)
            .bind(row.settings.business_hours.as_deref())
            .bind(row.capacity_rule.as_deref())
            .bind(row.number_rule.as_deref())
            .bind(row.region_rule.as_deref());
        let put = put.fetch_one(self.pool()).await;
        self.0.cache.forget(tenant);
        self.0.services.learn(tenant, &row.name, put.map_err(unavailable)?);
        Ok(())
    }

    async fn remove_service(&self, tenant: TenantId, name: &ServiceName) -> Result<(), StoreError> {
        // The ledger moves on, so that a booking counted before this is counted again and sees it.
        let remove = sqlx::query(
            "with gone as (
                update services
                set removed = true, removed_at = null
                where tenant = $1 and name = $2
                returning key
            )
            update service_ledger
            set seq = seq + 1
            where service in (select key from gone)",
        );
        let removed = remove.bind(tenant.0).bind(name.as_str()).execute(self.pool()).await;
        self.0.cache.forget(tenant);
        removed.map(drop).map_err(unavailable)
    }

    async fn put_hours(&self, tenant: TenantId, hours: &OfficeHours) -> Result<(), StoreError> {
        let put = "insert into business_hours (tenant, name, document)
            values ($1, $2, $3)
            on conflict (tenant, name) do update set document = excluded.document";
        self.put_document(put, tenant, hours.name(), text(hours)?).await
    }

    async fn put_capacity_rule(&self, tenant: TenantId, rule: &CapacityRule) -> Result<(), StoreError> {
        let put = "insert into capacity_rules (tenant, name, document)
            values ($1, $2, $3)
            on conflict (tenant, name) do update set document = excluded.document";
        self.put_document(put, tenant, rule.name(), text(rule)?).await
    }

    async fn put_number_rule(&self, tenant: TenantId, rule: &NumberRule) -> Result<bool, StoreError> {
        let (store, name, document) = (self.clone(), rule.name().to_owned(), text(rule)?);
        let work = async move { number_rules::put(store.pool(), tenant, &name, &document).await };
        let put = self.uncancelled(work).await;
        self.0.cache.forget(tenant);
        put
    }

    async fn remove_number_rule(&self, tenant: TenantId, name: &str) -> Result<RuleRemoved, StoreError> {
        let (store, name) = (self.clone(), name.to_owned());
        let work = async move { number_rules::remove(store.pool(), tenant, &name).await };
        let removed = self.uncancelled(work).await;
        self.0.cache.forget(tenant);
        removed
    }

    async fn put_region_rule(&self, tenant: TenantId, rule: &RegionRule) -> Result<(), StoreError> {
        let put = "insert into region_rules (tenant, name, document)
            values ($1, $2, $3)
            on conflict (tenant, name) do update set document = excluded.document";
        self.put_document(put, tenant, rule.name(), text(rule)?).await
    }

    async fn tenant_throttle(&self, tenant: TenantId) -> Result<throttle::Settings, StoreError> {
        let found = sqlx::query_scalar("select settings from tenant_throttle where tenant = $1").bind(tenant.0);
        let found: Option<String> = found.fetch_optional(self.pool()).await.map_err(unavailable)?;
        Ok(found.map(|settings| document("tenant_throttle", &settings)).transpose()?.unwrap_or_default())
    }

    async fn put_tenant_throttle(&self, tenant: TenantId, settings: &throttle::Settings) -> Result<(), StoreError> {
        let put = sqlx::query(
            "insert into tenant_throttle (tenant, settings)
            values ($1, $2)
            on conflict (tenant) do update set settings = excluded.settings",
        );
        let stored = put.bind(tenant.0).bind(text(settings)?).execute(self.pool()).await;
        self.0.cache.forget(tenant);
        stored.map(drop).map_err(unavailable)
    }
}
