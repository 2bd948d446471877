//! What is provisioned: settings, hours and rules as JSON documents.

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
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::error::{BadColumn, unavailable, unreadable};
use crate::pauses::is_paused;
use crate::store::SqliteStore;

/// The documents a service consists of.
struct Documents {
    settings: String,
    hours_name: Option<String>,
    hours: Option<String>,
    rule: Option<String>,
    throttle: Option<String>,
    number_rule: Option<String>,
    region_rule: Option<String>,
    paused: bool,
    removed: bool,
}

impl Documents {
    fn read(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            settings: row.try_get(0)?,
            hours_name: row.try_get(1)?,
            hours: row.try_get(2)?,
            rule: row.try_get(3)?,
            throttle: row.try_get(4)?,
            paused: row.try_get(5)?,
            removed: row.try_get(6)?,
            number_rule: row.try_get(7)?,
            region_rule: row.try_get(8)?,
        })
    }

    fn into_service(self, name: &ServiceName) -> Result<Service, StoreError> {
        let hours = match (&self.hours_name, &self.hours) {
            (None, _) => Hours::Always,
            (Some(_), Some(document)) => hours_of(document),
            // Named but not there: closed, never always open (R-BH-8).
            (Some(_), None) => Hours::Unreadable,
        };
        let rule = self.rule.map(|document| document_of("capacity_rules", "document", &document)).transpose()?;
        let number_rule =
            self.number_rule.map(|document| document_of("number_rules", "document", &document)).transpose()?;
        let region_rule =
            self.region_rule.map(|document| document_of("region_rules", "document", &document)).transpose()?;
        let throttle =
            self.throttle.map(|document| document_of("tenant_throttle", "settings", &document)).transpose()?;
        Ok(Service {
            name: name.clone(),
            settings: document_of("services", "settings", &self.settings)?,
            hours,
            capacity: rule,
            number_rule,
            region_rule,
            tenant_throttle: throttle.unwrap_or_default(),
            paused: self.paused,
            removed: self.removed,
        })
    }
}

pub(crate) fn document_of<'d, T: serde::Deserialize<'d>>(
    table: &'static str,
    column: &'static str,
    document: &'d str,
) -> Result<T, StoreError> {
    serde_json::from_str(document).map_err(|_| unreadable(table, BadColumn(column)))
}

/// Hours that do not read back close the service (R-BH-8).
fn hours_of(document: &str) -> Hours {
    match serde_json::from_str(document) {
        Ok(office) => Hours::Kept(office),
        Err(_) => {
            tracing::error!("stored business hours do not read back: their services are closed");
            Hours::Unreadable
        }
    }
}

pub(crate) fn json(document: &impl Serialize) -> String {
    serde_json::to_string(document).expect("invariant: documents are trees of texts and numbers")
}

impl SqliteStore {
    /// Stores a document under a tenant's name for it.
    async fn put_document(
        &self,
        statement: &'static str,
        tenant: TenantId,
        name: &str,
        document: String,
    ) -> Result<(), StoreError> {
        let name = name.to_owned();
        let work = self.act(move |transaction| {
            Box::pin(async move {
                let put = sqlx::query(statement).bind(tenant.0).bind(name).bind(document);
                put.execute(&mut transaction.connection).await.map_err(unavailable)?;
                Ok(())
            })
        });
        work.await
    }
}

#[async_trait]
impl Catalogue for SqliteStore {
    async fn service(&self, tenant: TenantId, name: &ServiceName) -> Result<Option<Arc<Service>>, StoreError> {
        let found = sqlx::query(concat!(
            "select s.settings, s.hours, h.document, r.document, t.settings, ",
            is_paused!(),
            ", s.removed, n.document, g.document
             from services s
             left join business_hours h on h.tenant = s.tenant and h.name = s.hours
             left join capacity_rules r on r.tenant = s.tenant and r.name = s.capacity_rule
             left join tenant_throttle t on t.tenant = s.tenant
             left join number_rules n on n.tenant = s.tenant and n.name = s.number_rule
             left join region_rules g on g.tenant = s.tenant and g.name = s.region_rule
             where s.tenant = ? and s.name = ?"
        ));
        let found = found.bind(tenant.0).bind(name.as_str());
        let Some(row) = found.fetch_optional(self.readers()).await.map_err(unavailable)? else { return Ok(None) };
        let documents = Documents::read(&row).map_err(unavailable)?;
        Ok(Some(Arc::new(documents.into_service(name)?)))
    }

    async fn hours(&self, tenant: TenantId, name: &str) -> Result<Option<Hours>, StoreError> {
        let found = sqlx::query("select document from business_hours where tenant = ? and name = ?");
        let row = found.bind(tenant.0).bind(name).fetch_optional(self.readers()).await.map_err(unavailable)?;
        let document = row.map(|row| row.try_get::<String, _>(0)).transpose().map_err(unavailable)?;
        Ok(document.map(|document| hours_of(&document)))
    }

    async fn put_service(&self, tenant: TenantId, row: &ServiceRow) -> Result<(), StoreError> {
        let row = row.clone();
        let work = self.act(move |transaction| {
            Box::pin(async move {
                let put = sqlx::query(
                    "insert into services (tenant, name, settings, hours, capacity_rule, number_rule, region_rule, shard)
                     values (?, ?, ?, ?, ?, ?, ?, ?)
                     on conflict (tenant, name) do update set settings = excluded.settings, hours = excluded.hours,
                     capacity_rule = excluded.capacity_rule, number_rule = excluded.number_rule,
                     region_rule = excluded.region_rule, removed = 0",
                );
                let put = put
                    .bind(tenant.0)
                    .bind(row.name.as_str())
                    .bind(json(&row.settings))
                    .bind(row.settings.business_hours.as_deref())
                    .bind(row.capacity_rule.as_deref())
                    .bind(row.number_rule.as_deref())
                    .bind(row.region_rule.as_deref())
                    .bind(shard_of(tenant, &row.name).0);
                put.execute(&mut transaction.connection).await.map_err(unavailable)?;
                Ok(())
            })
        });
        work.await
    }

    async fn remove_service(&self, tenant: TenantId, name: &ServiceName) -> Result<(), StoreError> {
        let name = name.clone();
        let work = self.act(move |transaction| {
            Box::pin(async move {
                let removed =
                    sqlx::query("update services set removed = 1, removed_at = null where tenant = ? and name = ?");
                let removed = removed.bind(tenant.0).bind(name.as_str());
                removed.execute(&mut transaction.connection).await.map_err(unavailable)?;
                Ok(())
            })
        });
        work.await
    }

    async fn put_hours(&self, tenant: TenantId, hours: &OfficeHours) -> Result<(), StoreError> {
        let statement = "insert into business_hours (tenant, name, document) values (?, ?, ?)
                         on conflict (tenant, name) do update set document = excluded.document";
        self.put_document(statement, tenant, hours.name(), json(hours)).await
    }

    async fn put_capacity_rule(&self, tenant: TenantId, rule: &CapacityRule) -> Result<(), StoreError> {
        let statement = "insert into capacity_rules (tenant, name, document) values (?, ?, ?)
                         on conflict (tenant, name) do update set document = excluded.document";
        self.put_document(statement, tenant, rule.name(), json(rule)).await
    }

    async fn put_number_rule(&self, tenant: TenantId, rule: &NumberRule) -> Result<bool, StoreError> {
        let (name, document) = (rule.name().to_owned(), json(rule));
        let work = self.act(move |transaction| {
            Box::pin(async move {
                let put = sqlx::query(
                    "insert into number_rules (tenant, name, document) select ?1, ?2, ?3
                     where exists (select 1 from number_rules where tenant = ?1 and name = ?2)
                         or (select count(*) from number_rules where tenant = ?1) < ?4
                     on conflict (tenant, name) do update set document = excluded.document",
                );
                let put = put.bind(tenant.0).bind(name).bind(document).bind(NumberRule::MOST);
                let done = put.execute(&mut transaction.connection).await.map_err(unavailable)?;
                Ok(done.rows_affected() == 1)
            })
        });
        work.await
    }

    async fn remove_number_rule(&self, tenant: TenantId, name: &str) -> Result<RuleRemoved, StoreError> {
        let name = name.to_owned();
        let work = self.act(move |transaction| {
            Box::pin(async move {
                let connection = &mut transaction.connection;
                let known = sqlx::query("select 1 from number_rules where tenant = ? and name = ?");
                let known = known.bind(tenant.0).bind(&name).fetch_optional(&mut *connection).await;
                if known.map_err(unavailable)?.is_none() {
                    return Ok(RuleRemoved::Unknown);
                }
                let having = sqlx::query_scalar::<_, String>(
                    "select name from services where tenant = ? and number_rule = ? order by name",
                );
                let having =
                    having.bind(tenant.0).bind(&name).fetch_all(&mut *connection).await.map_err(unavailable)?;
                if !having.is_empty() {
                    let read =
                        |name: String| ServiceName::new(&name).map_err(|_| unreadable("services", BadColumn("name")));
                    return Ok(RuleRemoved::InUse(having.into_iter().map(read).collect::<Result<_, _>>()?));
                }
                let gone = sqlx::query("delete from number_rules where tenant = ? and name = ?");
                gone.bind(tenant.0).bind(&name).execute(connection).await.map_err(unavailable)?;
                Ok(RuleRemoved::Done)
            })
        });
        work.await
    }

    async fn put_region_rule(&self, tenant: TenantId, rule: &RegionRule) -> Result<(), StoreError> {
        let statement = "insert into region_rules (tenant, name, document) values (?, ?, ?)
                         on conflict (tenant, name) do update set document = excluded.document";
        self.put_document(statement, tenant, rule.name(), json(rule)).await
    }

    async fn tenant_throttle(&self, tenant: TenantId) -> Result<throttle::Settings, StoreError> {
        let found = sqlx::query_scalar("select settings from tenant_throttle where tenant = ?").bind(tenant.0);
        let found: Option<String> = found.fetch_optional(self.readers()).await.map_err(unavailable)?;
        let settings = found.map(|document| document_of("tenant_throttle", "settings", &document)).transpose()?;
        Ok(settings.unwrap_or_default())
    }

    async fn put_tenant_throttle(&self, tenant: TenantId, settings: &throttle::Settings) -> Result<(), StoreError> {
        let document = json(settings);
        let work = self.act(move |transaction| {
            Box::pin(async move {
                let put = sqlx::query(
                    "insert into tenant_throttle (tenant, settings) values (?, ?)
                     on conflict (tenant) do update set settings = excluded.settings",
                );
                let put = put.bind(tenant.0).bind(document);
                put.execute(&mut transaction.connection).await.map_err(unavailable)?;
                Ok(())
            })
        });
        work.await
    }
}
