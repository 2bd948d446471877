//! A call that has come, noted in its callback in the transaction that matches it (R-CTI-14).

use ges_domain::Instant;
use ges_domain::call_in::CallInRequest;
use ges_domain::callback::{Callback, acts};
use ges_domain::ports::StoreError;
use sqlx::PgConnection;

use super::{Rewrite, read, rewrite};
use crate::PgStore;
use crate::error::unavailable;

/// A callback in which a call was noted, to be remembered once the transaction is committed.
pub(crate) struct Noted {
    record: Callback,
    service_key: i32,
}

impl Noted {
    /// Notes a matched request in the callback it is tied to; none when there is no such callback or it is noted already.
    pub(crate) async fn write(
        connection: &mut PgConnection,
        matched: &CallInRequest,
        now: Instant,
    ) -> Result<Option<Self>, StoreError> {
        let (tenant, Some(id)) = (matched.tenant, matched.callback) else { return Ok(None) };
        // Locked before it is read, so that nobody changes it in between.
        let lock = sqlx::query("select 1 from callbacks where tenant = $1 and id = $2 for update");
        lock.bind(tenant.0).bind(id.0).execute(&mut *connection).await.map_err(unavailable)?;
        let Some(before) = read(&mut *connection, tenant, id, now).await? else { return Ok(None) };
        let Some((record, event)) = acts::link_call_in(&before.record, matched.id, now) else { return Ok(None) };
        let write = Rewrite { before: &before, after: &record, event: Some(&event), lease: None };
        match rewrite(&mut *connection, write).await? {
            true => Ok(Some(Self { record, service_key: before.service_key })),
            false => Err(StoreError::Contended),
        }
    }

    pub(crate) async fn remember(self, store: &PgStore) {
        store.0.recent.written(&self.record, self.service_key).await;
    }
}
