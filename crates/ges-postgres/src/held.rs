//! Records that sessions have, as far as a node is to ask after them.

use async_trait::async_trait;
use ges_domain::callback::Callback;
use ges_domain::ports::{HeldRecords, StoreError};
use ges_domain::{CallbackId, Instant};
use sqlx::PgPool;
use uuid::Uuid;

use crate::PgStore;
use crate::error::unavailable;
use crate::row::{Stored, select_records};

/// The records with a session, and the former sessions, in the shards that one node holds, so that nodes share the asking.
#[derive(Clone)]
pub struct PgHeldRecords {
    store: PgStore,
    node: String,
}

impl PgStore {
    /// The records with a session in the shards that `node` holds at the moment of asking.
    pub fn held_by(&self, node: &str) -> PgHeldRecords {
        PgHeldRecords { store: self.clone(), node: node.to_owned() }
    }
}

impl PgHeldRecords {
    pub(crate) fn pool(&self) -> &PgPool {
        self.store.pool()
    }

    pub(crate) fn node(&self) -> &str {
        &self.node
    }
}

#[async_trait]
impl HeldRecords for PgHeldRecords {
    async fn held(&self, after: Option<CallbackId>, limit: u32, now: Instant) -> Result<Vec<Callback>, StoreError> {
        let rows = sqlx::query(select_records!(
            from
            "(
                select * from callbacks where session_id is not null and state between 2 and 5
                union all
                select * from callbacks
                where session_id is not null and state = 6 and not cancel_confirmed and reason = cancel_reason
                    and deadline > $4
            ) c
            join services s on s.key = c.service
            where c.id > $1 and s.shard in (select m.shard from monitor_shards m where m.node = $2)
            order by c.id
            limit $3"
        ));
        let rows = rows
            .bind(after.map_or(Uuid::nil(), |after| after.0))
            .bind(&self.node)
            .bind(i64::from(limit))
            .bind(now.millis());
        let rows = rows.fetch_all(self.store.pool()).await.map_err(unavailable)?;
        rows.iter().map(|row| Stored::read(row).map(|stored| stored.record)).collect()
    }
}
