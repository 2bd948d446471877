//! Finding records through indexes, and counting active ones.

use async_trait::async_trait;
use ges_domain::callback::{Callback, RETENTION, Reason};
use ges_domain::phone::PhoneKey;
use ges_domain::ports::{Among, Look, Lookup, StoreError};
use ges_domain::{Instant, ServiceName, TenantId};
use sqlx::Row;
use uuid::Uuid;

use crate::error::{BadColumn, unavailable, unreadable};
use crate::row::{CallbackRow, select_callbacks, state_code};
use crate::store::SqliteStore;

/// A look that begins with `$begin`; lists are JSON.
macro_rules! look_statement {
    ($begin:literal) => {
        select_callbacks!(
            "where s.tenant = ?1 and (?2 is null or s.name = ?2)
                and c.desired_at >= ?3 and c.desired_at < ?4 and c.desired_at > ?5
                and (?6 is null or c.state in (select value from json_each(?6)))
                and (?7 is null or c.reason in (select value from json_each(?7)))
                and (?8 is null or (c.desired_at, c.id) < (?8, ?9)) ",
            $begin,
            " order by c.desired_at desc, c.id desc limit ?10"
        )
    };
}

#[async_trait]
impl Lookup for SqliteStore {
    async fn look(&self, tenant: TenantId, look: &Look, now: Instant) -> Result<Vec<Callback>, StoreError> {
        let statement = match &look.among {
            Among::All => look_statement!(""),
            Among::Numbers(_) => look_statement!("and c.phone_key in (select value from json_each(?11))"),
            Among::Session(_) => look_statement!("and c.session_id = ?11"),
        };
        let states: Vec<i64> = look.states.iter().map(|state| state_code(*state)).collect();
        let reasons: Vec<&str> = look.reasons.iter().map(Reason::as_str).collect();
        let rows = sqlx::query(statement)
            .bind(tenant.0)
            .bind(look.service.as_ref().map(ServiceName::as_str))
            .bind(look.from.map_or(i64::MIN, Instant::millis))
            .bind(look.until.map_or(i64::MAX, Instant::millis))
            // Expired records are gone for everybody (R-REC-2).
            .bind((now - RETENTION).millis())
            .bind((!states.is_empty()).then(|| json(&states)))
            .bind((!reasons.is_empty()).then(|| json(&reasons)))
            .bind(look.after.map(|(desired, _)| desired.millis()))
            .bind(look.after.map_or(Uuid::nil(), |(_, id)| id.0))
            .bind(i64::from(look.limit));
        let rows = match &look.among {
            Among::All => rows,
            Among::Numbers(keys) => rows.bind(json(&keys.iter().map(PhoneKey::as_str).collect::<Vec<_>>())),
            Among::Session(session) => rows.bind(session.as_str().to_owned()),
        };
        let rows = rows.fetch_all(self.readers()).await.map_err(unavailable)?;
        rows.iter().map(|row| CallbackRow::read(row)?.try_into()).collect()
    }

    async fn service_names(&self, tenant: TenantId, limit: u32) -> Result<Vec<ServiceName>, StoreError> {
        let names = sqlx::query("select name from services where tenant = ? and removed = 0 order by name limit ?");
        let names = names.bind(tenant.0).bind(i64::from(limit)).fetch_all(self.readers()).await.map_err(unavailable)?;
        names.iter().map(|row| service(row.try_get(0).map_err(unavailable)?)).collect()
    }

    async fn watermarks(&self, tenant: TenantId) -> Result<Vec<(ServiceName, u32)>, StoreError> {
        let counted = sqlx::query(
            "select s.name, count(c.key) as active from services s
             left join callbacks c on c.service = s.key and c.state in (1, 2, 3, 4) and c.state <> 5
             where s.tenant = ?
             group by s.key
             having s.removed = 0 or count(c.key) > 0
             order by s.name",
        );
        let counted = counted.bind(tenant.0).fetch_all(self.readers()).await.map_err(unavailable)?;
        let count = |row: &sqlx::sqlite::SqliteRow| {
            let active: i64 = row.try_get(1).map_err(unavailable)?;
            Ok((service(row.try_get(0).map_err(unavailable)?)?, u32::try_from(active).unwrap_or(u32::MAX)))
        };
        counted.iter().map(count).collect()
    }
}

fn json<T: serde::Serialize>(list: &[T]) -> String {
    serde_json::to_string(list).expect("invariant: texts and numbers have a JSON form")
}

fn service(name: &str) -> Result<ServiceName, StoreError> {
    ServiceName::new(name).map_err(|_| unreadable("services", BadColumn("name")))
}
