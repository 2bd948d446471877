//! Publishes: one transaction each, under the tenant's lock (integrations 5.5).

use async_trait::async_trait;
use ges_domain::ports::{Publishing, StoreError, shard_of};
use ges_domain::publishing::{
    Changes, KEEPS_ASSIGNMENTS, Present, Publish, Published, PublishedService, Section, Standing, Verdict, decide,
};
use ges_domain::{Instant, ServiceName, TenantId};
use sqlx::{PgConnection, PgExecutor, PgPool, Postgres, Transaction};
use uuid::Uuid;

use crate::PgStore;
use crate::catalogue::{document, text};
use crate::error::{Fault, lost_a_race, reading, unavailable, unreadable};
use crate::wake::PUBLISHED;

/// The advisory lock of a tenant's publishes: a hash of its id, seeded with this.
const SEED: i64 = 0x0047_4553_0045;
/// How often a publish that lost against bookings is tried in all.
const ATTEMPTS: u32 = 5;

#[async_trait]
impl Publishing for PgStore {
    async fn publish(&self, tenant: TenantId, publish: &Publish) -> Result<Published, StoreError> {
        let (pool, publish) = (self.pool().clone(), publish.clone());
        let done = self.uncancelled(async move {
            for _ in 1..ATTEMPTS {
                match run(&pool, tenant, &publish).await {
                    Err(Broken::Race) => {}
                    Err(Broken::Store(error)) => return Err(error),
                    Ok(published) => return Ok(published),
                }
            }
            run(&pool, tenant, &publish).await.map_err(|broken| match broken {
                Broken::Race => StoreError::Contended,
                Broken::Store(error) => error,
            })
        });
        let done = done.await;
        self.0.cache.forget(tenant);
        done
    }

    async fn standing(&self, tenant: TenantId) -> Result<Standing, StoreError> {
        // Both statements see one state, or a publish between them would show sections of another revision.
        let mut transaction = self.pool().begin().await.map_err(unavailable)?;
        let isolate = "set transaction isolation level repeatable read, read only";
        sqlx::query(isolate).execute(&mut *transaction).await.map_err(unavailable)?;
        let standing = standing(&mut transaction, tenant).await?;
        transaction.rollback().await.map_err(unavailable)?;
        Ok(standing)
    }

    async fn section(&self, tenant: TenantId, name: &str) -> Result<Option<Section>, StoreError> {
        let found = sqlx::query_scalar("select document from published_sections where tenant = $1 and name = $2");
        let found: Option<String> =
            found.bind(tenant.0).bind(name).fetch_optional(self.pool()).await.map_err(reading(SECTIONS))?;
        found.map(|found| document(SECTIONS, &found)).transpose()
    }

    async fn tenants(&self) -> Result<Vec<TenantId>, StoreError> {
        let all = sqlx::query_scalar("select tenant from services union select tenant from publishes order by 1");
        let all: Vec<Uuid> = all.fetch_all(self.pool()).await.map_err(reading("services"))?;
        Ok(all.into_iter().map(TenantId).collect())
    }
}

const SECTIONS: &str = "published_sections";

enum Broken {
    /// Other writers won; nothing happened.
    Race,
    Store(StoreError),
}

impl From<StoreError> for Broken {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// An error of a statement of the transaction.
fn broken(error: sqlx::Error) -> Broken {
    if lost_a_race(&error) { Broken::Race } else { Broken::Store(unavailable(error)) }
}

/// Runs in a task of its own.
async fn run(pool: &PgPool, tenant: TenantId, publish: &Publish) -> Result<Published, Broken> {
    let mut transaction = pool.begin().await.map_err(broken)?;
    let lock = sqlx::query("select pg_advisory_xact_lock(hashtextextended($1::uuid::text, $2))");
    lock.bind(tenant.0).bind(SEED).execute(&mut *transaction).await.map_err(broken)?;
    let standing = standing(&mut transaction, tenant).await?;
    let present = present(&mut transaction, tenant).await?;
    let changes = match decide(&standing, &present, publish) {
        Verdict::Apply(changes) => changes,
        Verdict::Older => return give_up(transaction, Published::Older).await,
        Verdict::Repeated => return give_up(transaction, Published::Repeated).await,
        Verdict::VersionDiffers => return give_up(transaction, Published::VersionDiffers).await,
    };
    write(&mut transaction, tenant, &changes, publish.received_at).await?;
    let tell = sqlx::query("select pg_notify($1, $2)").bind(PUBLISHED).bind(tenant.to_string());
    tell.execute(&mut *transaction).await.map_err(broken)?;
    transaction.commit().await.map_err(broken)?;
    Ok(Published::Applied(Box::new(changes.report)))
}

/// Takes everything back at once, so that the next publish does not wait for the lock.
async fn give_up(transaction: Transaction<'_, Postgres>, answer: Published) -> Result<Published, Broken> {
    transaction.rollback().await.map_err(broken)?;
    Ok(answer)
}

async fn standing(connection: &mut PgConnection, tenant: TenantId) -> Result<Standing, StoreError> {
    let head = sqlx::query_as("select revision, document from publishes where tenant = $1");
    let head: Option<(i64, String)> =
        head.bind(tenant.0).fetch_optional(&mut *connection).await.map_err(reading("publishes"))?;
    let Some((revision, head)) = head else { return Ok(Standing::default()) };
    let (last, tables) = document("publishes", &head)?;
    let rows = sqlx::query_as("select name, document from published_sections where tenant = $1");
    let rows: Vec<(String, String)> = rows.bind(tenant.0).fetch_all(connection).await.map_err(reading(SECTIONS))?;
    let sections = rows.into_iter().map(|(name, section)| Ok((name, document(SECTIONS, &section)?)));
    let sections = sections.collect::<Result<_, StoreError>>()?;
    Ok(Standing { revision: revision.unsigned_abs(), last, tables, sections })
}

/// Calendars, those that read back (R-BH-8), and what services have.
async fn present(connection: &mut PgConnection, tenant: TenantId) -> Result<Present, StoreError> {
    let rows = sqlx::query_as("select name, document from business_hours where tenant = $1");
    let rows: Vec<(String, String)> =
        rows.bind(tenant.0).fetch_all(&mut *connection).await.map_err(reading("business_hours"))?;
    let hours = rows.into_iter().filter_map(|(name, hours)| Some((name, serde_json::from_str(&hours).ok()?)));
    let mut present = Present { hours: hours.collect(), ..Present::default() };
    let used = sqlx::query_as(
        "select name, case when removed then null else business_hours end, capacity_rule
        from services
        where tenant = $1 and (business_hours is not null or capacity_rule is not null)",
    );
    let used: Vec<(String, Option<String>, Option<String>)> =
        used.bind(tenant.0).fetch_all(connection).await.map_err(reading("services"))?;
    for (name, hours, rule) in used {
        let service = ServiceName::new(&name).map_err(|_| unreadable("services", Fault::Value("name")))?;
        present.hours_of.extend(hours.map(|hours| (service.clone(), hours)));
        present.rule_of.extend(rule.map(|rule| (service, rule)));
    }
    Ok(present)
}

async fn write(connection: &mut PgConnection, tenant: TenantId, changes: &Changes, at: Instant) -> Result<(), Broken> {
    let standing = &changes.standing;
    let head = sqlx::query(
        "insert into publishes (tenant, revision, document)
        values ($1, $2, $3)
        on conflict (tenant) do update set revision = excluded.revision, document = excluded.document",
    );
    let head = head.bind(tenant.0).bind(standing.revision.cast_signed());
    let head = head.bind(text(&(&standing.last, &standing.tables))?);
    head.execute(&mut *connection).await.map_err(broken)?;
    let gone = sqlx::query("delete from published_sections where tenant = $1 and name = any ($2)");
    let names: Vec<&str> = changes.gone.iter().map(String::as_str).collect();
    gone.bind(tenant.0).bind(names).execute(&mut *connection).await.map_err(broken)?;
    for name in &changes.written {
        let put = "insert into published_sections (tenant, name, document)
            values ($1, $2, $3)
            on conflict (tenant, name) do update set document = excluded.document";
        put_document(&mut *connection, put, tenant, name, text(&standing.sections.get(name))?).await?;
    }
    for hours in &changes.hours {
        let put = "insert into business_hours (tenant, name, document)
            values ($1, $2, $3)
            on conflict (tenant, name) do update set document = excluded.document";
        put_document(&mut *connection, put, tenant, hours.name(), text(hours)?).await?;
    }
    for rule in &changes.rules {
        let put = "insert into capacity_rules (tenant, name, document)
            values ($1, $2, $3)
            on conflict (tenant, name) do update set document = excluded.document";
        put_document(&mut *connection, put, tenant, rule.name(), text(rule)?).await?;
    }
    for service in &changes.services {
        put_service(&mut *connection, tenant, service, at).await?;
    }
    remove_services(&mut *connection, tenant, &changes.services_gone, at).await?;
    // What a service still has does not vanish under it.
    let unused_hours = sqlx::query(
        "delete from business_hours h
        where h.tenant = $1 and h.name = any ($2) and not exists (
            select 1 from services s
            where s.tenant = h.tenant and s.business_hours = h.name and not s.removed)",
    );
    unused_hours.bind(tenant.0).bind(&changes.hours_gone).execute(&mut *connection).await.map_err(broken)?;
    let unused_rules = sqlx::query(
        "delete from capacity_rules r
        where r.tenant = $1 and r.name = any ($2) and not exists (
            select 1 from services s
            where s.tenant = r.tenant and s.capacity_rule = r.name)",
    );
    unused_rules.bind(tenant.0).bind(&changes.rules_gone).execute(&mut *connection).await.map_err(broken)?;
    Ok(())
}

async fn put_document(
    executor: impl PgExecutor<'_>,
    put: &'static str,
    tenant: TenantId,
    name: &str,
    document: String,
) -> Result<(), Broken> {
    sqlx::query(put).bind(tenant.0).bind(name).bind(document).execute(executor).await.map(drop).map_err(broken)
}

/// Rules and pause stay, unless the service was away for too long (R-PUB-5, R-PUB-8).
async fn put_service(
    connection: &mut PgConnection,
    tenant: TenantId,
    service: &PublishedService,
    at: Instant,
) -> Result<(), Broken> {
    let put = sqlx::query(
        "with unpaused as (
            delete from pauses p
            using services s
            where p.tenant = $1 and p.service = $2 and s.tenant = $1 and s.name = $2 and s.removed and s.removed_at < $6
        ),
        put as (
            insert into services as s (tenant, name, shard, settings, business_hours)
            values ($1, $2, $3, $4, $5)
            on conflict (tenant, name) do update
            set settings = excluded.settings, business_hours = excluded.business_hours,
                capacity_rule = case when s.removed and s.removed_at < $6 then null else s.capacity_rule end,
                number_rule = case when s.removed and s.removed_at < $6 then null else s.number_rule end,
                region_rule = case when s.removed and s.removed_at < $6 then null else s.region_rule end,
                removed = false, removed_at = null
            returning key
        )
        insert into service_ledger (service)
        select key from put
        on conflict (service) do nothing",
    );
    let put = put
        .bind(tenant.0)
        .bind(service.name.as_str())
        .bind(i16::from(shard_of(tenant, &service.name).0))
        .bind(text(&service.settings)?)
        .bind(service.hours.as_deref())
        .bind((at - KEEPS_ASSIGNMENTS).millis());
    put.execute(connection).await.map(drop).map_err(broken)
}

/// Ledgers move on, so that a booking counted before this is counted again and sees it (R-PUB-6).
async fn remove_services(
    connection: &mut PgConnection,
    tenant: TenantId,
    names: &[ServiceName],
    at: Instant,
) -> Result<(), Broken> {
    if names.is_empty() {
        return Ok(());
    }
    let remove = sqlx::query(
        "with gone as (
            update services
            set removed = true, removed_at = $3
            where tenant = $1 and name = any ($2) and not removed
            returning key
        )
        update service_ledger
        set seq = seq + 1
        where service in (select key from gone)",
    );
    let names: Vec<&str> = names.iter().map(ServiceName::as_str).collect();
    remove.bind(tenant.0).bind(names).bind(at.millis()).execute(connection).await.map(drop).map_err(broken)
}
