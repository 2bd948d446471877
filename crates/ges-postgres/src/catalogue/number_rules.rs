//! Country and Number rules: how many there may be, and which may go (R-NV-10, R-NV-12).

use ges_domain::phone::NumberRule;
use ges_domain::ports::{RuleRemoved, StoreError};
use ges_domain::{ServiceName, TenantId};
use sqlx::{PgConnection, PgPool};

use crate::error::{Fault, reading, unavailable, unreadable};

/// The advisory lock of a tenant's number rules: a hash of its id, seeded with this.
const SEED: i64 = 0x0047_4553_0012;

/// Rules of one tenant are counted by one transaction at a time.
async fn lock(transaction: &mut PgConnection, tenant: TenantId) -> Result<(), StoreError> {
    let lock = sqlx::query("select pg_advisory_xact_lock(hashtextextended($1::uuid::text, $2))");
    lock.bind(tenant.0).bind(SEED).execute(transaction).await.map(drop).map_err(unavailable)
}

/// `false`: one too many. Runs in a task of its own.
pub(super) async fn put(pool: &PgPool, tenant: TenantId, name: &str, document: &str) -> Result<bool, StoreError> {
    let mut transaction = pool.begin().await.map_err(unavailable)?;
    lock(&mut transaction, tenant).await?;
    let put = sqlx::query(
        "insert into number_rules (tenant, name, document)
        select $1, $2, $3
        where exists (select 1 from number_rules where tenant = $1 and name = $2)
            or (select count(*) from number_rules where tenant = $1) < $4
        on conflict (tenant, name) do update set document = excluded.document",
    );
    let put = put.bind(tenant.0).bind(name).bind(document).bind(i64::from(NumberRule::MOST));
    let done = put.execute(&mut *transaction).await.map_err(unavailable)?;
    transaction.commit().await.map_err(unavailable)?;
    Ok(done.rows_affected() == 1)
}

/// Runs in a task of its own.
pub(super) async fn remove(pool: &PgPool, tenant: TenantId, name: &str) -> Result<RuleRemoved, StoreError> {
    let mut transaction = pool.begin().await.map_err(unavailable)?;
    lock(&mut transaction, tenant).await?;
    // Nobody gives the rule to a service while we look which services have it.
    let still = sqlx::query("lock table services in share row exclusive mode");
    still.execute(&mut *transaction).await.map_err(unavailable)?;
    let having = sqlx::query_scalar::<_, String>(
        "select name
        from services
        where tenant = $1 and number_rule = $2
            and exists (select 1 from number_rules where tenant = $1 and name = $2)
        order by name",
    );
    let having = having.bind(tenant.0).bind(name).fetch_all(&mut *transaction).await.map_err(reading("services"))?;
    if !having.is_empty() {
        let read = |name: String| ServiceName::new(&name).map_err(|_| unreadable("services", Fault::Value("name")));
        return Ok(RuleRemoved::InUse(having.into_iter().map(read).collect::<Result<_, _>>()?));
    }
    let gone = sqlx::query("delete from number_rules where tenant = $1 and name = $2");
    let gone = gone.bind(tenant.0).bind(name).execute(&mut *transaction).await.map_err(unavailable)?;
    transaction.commit().await.map_err(unavailable)?;
    Ok(if gone.rows_affected() == 1 { RuleRemoved::Done } else { RuleRemoved::Unknown })
}
