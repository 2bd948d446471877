//! Finding records through indexes, and counting active ones.

use async_trait::async_trait;
use ges_domain::callback::{Callback, Reason};
use ges_domain::phone::PhoneKey;
use ges_domain::ports::{Among, Look, Lookup, StoreError};
use ges_domain::{Instant, ServiceName, TenantId};
use uuid::Uuid;

use crate::PgStore;
use crate::error::{Fault, reading, unavailable, unreadable};
use crate::row::{Stored, select_records, state_code};

/// A look that begins with `$begin`, whose parameter is `$11`; empty for every record. `kind > 0` always holds: it names the
/// index over desired times, which other statements must not use.
macro_rules! look_statement {
    ($begin:literal) => {
        select_records!(concat!(
            "where s.tenant = $1 and c.kind > 0 and ($2::text is null or s.name = $2)
                and c.desired_at >= $3 and c.desired_at < $4 and c.desired_at > $5
                and ($6::smallint[] is null or c.state = any ($6))
                and ($7::text[] is null or c.reason = any ($7))
                and ($8::bigint is null or (c.desired_at, c.id) < ($8, $9))
                ",
            $begin,
            " order by c.desired_at desc, c.id desc limit $10"
        ))
    };
}

#[async_trait]
impl Lookup for PgStore {
    async fn look(&self, tenant: TenantId, look: &Look, now: Instant) -> Result<Vec<Callback>, StoreError> {
        let statement = match &look.among {
            Among::All => look_statement!(""),
            Among::Numbers(_) => look_statement!("and c.phone_key = any ($11 collate \"C\")"),
            Among::Session(_) => look_statement!("and c.session_id = $11"),
        };
        let states: Option<Vec<i16>> =
            (!look.states.is_empty()).then(|| look.states.iter().map(|state| state_code(*state)).collect());
        let reasons: Option<Vec<&str>> =
            (!look.reasons.is_empty()).then(|| look.reasons.iter().map(Reason::as_str).collect());
        let rows = sqlx::query(statement)
            .bind(tenant.0)
            .bind(look.service.as_ref().map(ServiceName::as_str))
            .bind(look.from.map_or(i64::MIN, Instant::millis))
            .bind(look.until.map_or(i64::MAX, Instant::millis))
            // Expired records are gone for everybody (R-REC-2).
            .bind((now - ges_domain::callback::RETENTION).millis())
            .bind(states)
            .bind(reasons)
            .bind(look.after.map(|(desired, _)| desired.millis()))
            .bind(look.after.map_or(Uuid::nil(), |(_, id)| id.0))
            .bind(i64::from(look.limit));
        let rows = match &look.among {
            Among::All => rows,
            Among::Numbers(keys) => rows.bind(keys.iter().map(PhoneKey::as_str).collect::<Vec<_>>()),
            Among::Session(session) => rows.bind(session.as_str()),
        };
        let rows = rows.fetch_all(self.pool()).await.map_err(unavailable)?;
        rows.iter().map(|row| Stored::read(row).map(|stored| stored.record)).collect()
    }

    async fn service_names(&self, tenant: TenantId, limit: u32) -> Result<Vec<ServiceName>, StoreError> {
        let names = sqlx::query_scalar::<_, String>(
            "select name
            from services
            where tenant = $1 and not removed
            order by name collate \"C\"
            limit $2",
        );
        let names = names.bind(tenant.0).bind(i64::from(limit)).fetch_all(self.pool()).await;
        names.map_err(reading("services"))?.iter().map(|name| service(name)).collect()
    }

    async fn watermarks(&self, tenant: TenantId) -> Result<Vec<(ServiceName, u32)>, StoreError> {
        let counted = sqlx::query_as::<_, (String, i64)>(
            "select s.name, count(c.id)
            from services s
            left join callbacks c on c.service = s.key and c.state between 2 and 5
            where s.tenant = $1
            group by s.key, s.name, s.removed
            having not s.removed or count(c.id) > 0
            order by s.name collate \"C\"",
        );
        let counted = counted.bind(tenant.0).fetch_all(self.pool()).await.map_err(reading("services"))?;
        let count = |(name, count): (String, i64)| Ok((service(&name)?, u32::try_from(count).unwrap_or(u32::MAX)));
        counted.into_iter().map(count).collect()
    }
}

fn service(name: &str) -> Result<ServiceName, StoreError> {
    ServiceName::new(name).map_err(|_| unreadable("services", Fault::Value("name")))
}
