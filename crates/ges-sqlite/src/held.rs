//! Records that sessions have.

use async_trait::async_trait;
use ges_domain::callback::Callback;
use ges_domain::ports::{HeldRecords, StoreError};
use ges_domain::{CallbackId, Instant};
use uuid::Uuid;

use crate::error::unavailable;
use crate::row::{CallbackRow, select_callbacks};
use crate::store::SqliteStore;

#[async_trait]
impl HeldRecords for SqliteStore {
    async fn held(&self, after: Option<CallbackId>, limit: u32, now: Instant) -> Result<Vec<Callback>, StoreError> {
        // State 5 is COMPLETED; each half has a partial index of its own.
        let rows = sqlx::query(select_callbacks!(
            "where c.key in (
                select o.key from callbacks o where o.state <> 5 and o.session_id is not null and o.id > ?1
                union all
                select t.key from callbacks t
                where t.state = 5 and t.cancel_confirmed = 0 and t.reason = t.cancel_reason and t.session_id is not null
                    and t.deadline > ?3 and t.id > ?1
            ) order by c.id limit ?2"
        ));
        let rows = rows.bind(after.map_or(Uuid::nil(), |after| after.0)).bind(i64::from(limit)).bind(now.millis());
        let rows = rows.fetch_all(self.readers()).await.map_err(unavailable)?;
        rows.iter().map(|row| CallbackRow::read(row)?.try_into()).collect()
    }
}
