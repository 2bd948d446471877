//! Publishes: one act each; the writer does one after the other, so no lock is needed (integrations 5.5).

use async_trait::async_trait;
use ges_domain::ports::{Publishing, StoreError, shard_of};
use ges_domain::publishing::{
    Changes, KEEPS_ASSIGNMENTS, Present, Publish, Published, PublishedService, Section, Standing, Verdict, decide,
};
use ges_domain::{Instant, ServiceName, TenantId};
use sqlx::{Connection as _, SqliteConnection};
use uuid::Uuid;

use crate::catalogue::{document_of, json};
use crate::error::{BadColumn, unavailable, unreadable};
use crate::store::SqliteStore;

#[async_trait]
impl Publishing for SqliteStore {
    async fn publish(&self, tenant: TenantId, publish: &Publish) -> Result<Published, StoreError> {
        let publish = publish.clone();
        let work = self.act(move |transaction| {
            Box::pin(async move {
                let connection = &mut transaction.connection;
                let standing = standing(connection, tenant).await?;
                let present = present(connection, tenant).await?;
                let changes = match decide(&standing, &present, &publish) {
                    Verdict::Apply(changes) => changes,
                    Verdict::Older => return Ok(Published::Older),
                    Verdict::Repeated => return Ok(Published::Repeated),
                    Verdict::VersionDiffers => return Ok(Published::VersionDiffers),
                };
                write(connection, tenant, &changes, publish.received_at).await.map_err(unavailable)?;
                Ok(Published::Applied(Box::new(changes.report)))
            })
        });
        work.await
    }

    async fn standing(&self, tenant: TenantId) -> Result<Standing, StoreError> {
        let mut connection = self.readers().acquire().await.map_err(unavailable)?;
        // Both statements see one state.
        let mut snapshot = connection.begin().await.map_err(unavailable)?;
        let standing = standing(&mut snapshot, tenant).await?;
        snapshot.rollback().await.map_err(unavailable)?;
        Ok(standing)
    }

    async fn section(&self, tenant: TenantId, name: &str) -> Result<Option<Section>, StoreError> {
        let found = sqlx::query_scalar("select document from published_sections where tenant = ? and name = ?");
        let found: Option<String> =
            found.bind(tenant.0).bind(name).fetch_optional(self.readers()).await.map_err(unavailable)?;
        found.map(|found| document_of(SECTIONS, "document", &found)).transpose()
    }

    async fn tenants(&self) -> Result<Vec<TenantId>, StoreError> {
        let all = sqlx::query_scalar("select tenant from services union select tenant from publishes order by 1");
        let all: Vec<Uuid> = all.fetch_all(self.readers()).await.map_err(unavailable)?;
        Ok(all.into_iter().map(TenantId).collect())
    }
}

const SECTIONS: &str = "published_sections";

async fn standing(connection: &mut SqliteConnection, tenant: TenantId) -> Result<Standing, StoreError> {
    let head = sqlx::query_as("select revision, document from publishes where tenant = ?").bind(tenant.0);
    let head: Option<(i64, String)> = head.fetch_optional(&mut *connection).await.map_err(unavailable)?;
    let Some((revision, head)) = head else { return Ok(Standing::default()) };
    let (last, tables) = document_of("publishes", "document", &head)?;
    let rows = sqlx::query_as("select name, document from published_sections where tenant = ?").bind(tenant.0);
    let rows: Vec<(String, String)> = rows.fetch_all(connection).await.map_err(unavailable)?;
    let sections = rows.into_iter().map(|(name, section)| Ok((name, document_of(SECTIONS, "document", &section)?)));
    let sections = sections.collect::<Result<_, StoreError>>()?;
    Ok(Standing { revision: revision.unsigned_abs(), last, tables, sections })
}

/// Calendars, those that read back (R-BH-8), and what services have.
async fn present(connection: &mut SqliteConnection, tenant: TenantId) -> Result<Present, StoreError> {
    let rows = sqlx::query_as("select name, document from business_hours where tenant = ?").bind(tenant.0);
    let rows: Vec<(String, String)> = rows.fetch_all(&mut *connection).await.map_err(unavailable)?;
    let hours = rows.into_iter().filter_map(|(name, hours)| Some((name, serde_json::from_str(&hours).ok()?)));
    let mut present = Present { hours: hours.collect(), ..Present::default() };
    let used = sqlx::query_as(
        "select name, case when removed = 1 then null else hours end, capacity_rule from services
         where tenant = ? and (hours is not null or capacity_rule is not null)",
    );
    let used: Vec<(String, Option<String>, Option<String>)> =
        used.bind(tenant.0).fetch_all(connection).await.map_err(unavailable)?;
    for (name, hours, rule) in used {
        let service = ServiceName::new(&name).map_err(|_| unreadable("services", BadColumn("name")))?;
        present.hours_of.extend(hours.map(|hours| (service.clone(), hours)));
        present.rule_of.extend(rule.map(|rule| (service, rule)));
    }
    Ok(present)
}

async fn write(
    connection: &mut SqliteConnection,
    tenant: TenantId,
    changes: &Changes,
    at: Instant,
) -> Result<(), sqlx::Error> {
    let standing = &changes.standing;
    let head = sqlx::query(
        "insert into publishes (tenant, revision, document) values (?, ?, ?)
         on conflict (tenant) do update set revision = excluded.revision, document = excluded.document",
    );
    let head = head.bind(tenant.0).bind(standing.revision.cast_signed());
    head.bind(json(&(&standing.last, &standing.tables))).execute(&mut *connection).await?;
    for name in &changes.gone {
        let gone = "delete from published_sections where tenant = ? and name = ?";
        sqlx::query(gone).bind(tenant.0).bind(name).execute(&mut *connection).await?;
    }
    let sections = changes.written.iter().map(|name| (name.as_str(), json(&standing.sections.get(name))));
    let put = "insert into published_sections (tenant, name, document) values (?, ?, ?)
               on conflict (tenant, name) do update set document = excluded.document";
    put_documents(connection, tenant, put, sections).await?;
    let put = "insert into business_hours (tenant, name, document) values (?, ?, ?)
               on conflict (tenant, name) do update set document = excluded.document";
    put_documents(connection, tenant, put, changes.hours.iter().map(|hours| (hours.name(), json(hours)))).await?;
    let put = "insert into capacity_rules (tenant, name, document) values (?, ?, ?)
               on conflict (tenant, name) do update set document = excluded.document";
    put_documents(connection, tenant, put, changes.rules.iter().map(|rule| (rule.name(), json(rule)))).await?;
    for service in &changes.services {
        put_service(connection, tenant, service, at).await?;
    }
    for name in &changes.services_gone {
        let remove = sqlx::query(
            "update services set removed = 1, removed_at = ? where tenant = ? and name = ? and removed = 0",
        );
        remove.bind(at.millis()).bind(tenant.0).bind(name.as_str()).execute(&mut *connection).await?;
    }
    // What a service still has does not vanish under it.
    for name in &changes.hours_gone {
        let unused = sqlx::query(
            "delete from business_hours where tenant = ?1 and name = ?2 and not exists
             (select 1 from services where tenant = ?1 and hours = ?2 and removed = 0)",
        );
        unused.bind(tenant.0).bind(name).execute(&mut *connection).await?;
    }
    for name in &changes.rules_gone {
        let unused = sqlx::query(
            "delete from capacity_rules where tenant = ?1 and name = ?2 and not exists
             (select 1 from services where tenant = ?1 and capacity_rule = ?2)",
        );
        unused.bind(tenant.0).bind(name).execute(&mut *connection).await?;
    }
    Ok(())
}

async fn put_documents<'a>(
    connection: &mut SqliteConnection,
    tenant: TenantId,
    put: &'static str,
    documents: impl Iterator<Item = (&'a str, String)> + Send,
) -> Result<(), sqlx::Error> {
    for (name, document) in documents {
        sqlx::query(put).bind(tenant.0).bind(name).bind(document).execute(&mut *connection).await?;
    }
    Ok(())
}

/// Rules and pause stay, unless the service was away for too long (R-PUB-5, R-PUB-8).
async fn put_service(
    connection: &mut SqliteConnection,
    tenant: TenantId,
    service: &PublishedService,
    at: Instant,
) -> Result<(), sqlx::Error> {
    for forget in [
        "delete from pauses where tenant = ?1 and service = ?2
         and exists (select 1 from services where tenant = ?1 and name = ?2 and removed = 1 and removed_at < ?3)",
        "update services set capacity_rule = null, number_rule = null, region_rule = null
         where tenant = ?1 and name = ?2 and removed = 1 and removed_at < ?3",
    ] {
        let forget = sqlx::query(forget).bind(tenant.0).bind(service.name.as_str());
        forget.bind((at - KEEPS_ASSIGNMENTS).millis()).execute(&mut *connection).await?;
    }
    let put = sqlx::query(
        "insert into services (tenant, name, settings, hours, shard) values (?, ?, ?, ?, ?)
         on conflict (tenant, name) do update set settings = excluded.settings, hours = excluded.hours,
         removed = 0, removed_at = null",
    );
    let put = put.bind(tenant.0).bind(service.name.as_str()).bind(json(&service.settings));
    let put = put.bind(service.hours.as_deref()).bind(shard_of(tenant, &service.name).0);
    put.execute(connection).await.map(drop)
}
