//! Records that sessions have.

use async_trait::async_trait;
use ges_domain::CallbackId;
use ges_domain::callback::Callback;
use ges_domain::ports::{HeldRecords, StoreError};
use uuid::Uuid;

use crate::error::unavailable;
use crate::row::{CallbackRow, select_callbacks};
use crate::store::SqliteStore;

#[async_trait]
impl HeldRecords for SqliteStore {
    async fn held(&self, after: Option<CallbackId>, limit: u32) -> Result<Vec<Callback>, StoreError> {
        // State 5 is COMPLETED; the partial index of open records has exactly the others.
        let rows = sqlx::query(select_callbacks!(
            "where c.state <> 5 and c.session_id is not null and c.id > ? order by c.id limit ?"
        ));
        let rows = rows.bind(after.map_or(Uuid::nil(), |after| after.0)).bind(i64::from(limit));
        let rows = rows.fetch_all(self.readers()).await.map_err(unavailable)?;
        rows.iter().map(|row| CallbackRow::read(row)?.try_into()).collect()
    }
}
