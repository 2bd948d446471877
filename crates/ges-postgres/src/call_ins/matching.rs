//! Finding the request of a call: one transaction, which also notes it in the callback it is tied to.

use ges_domain::call_in::{CallInRequest, IncomingCall, Key, first_of};
use ges_domain::ports::StoreError;
use ges_domain::{Instant, TenantId};

use super::row::{self, select_requests};
use crate::PgStore;
use crate::error::unavailable;
use crate::record::Noted;

/// Runs in a task of its own.
pub(super) async fn run(
    store: &PgStore,
    tenant: TenantId,
    call: &IncomingCall,
    now: Instant,
) -> Result<Option<CallInRequest>, StoreError> {
    let keys: Vec<_> = call.keys().iter().map(Key::to_text).collect();
    // Whoever loses the race for a request looks again: another of its keys may fit the call.
    for _ in 0..=keys.len() {
        let waiting = sqlx::query(select_requests!(
            "where tenant = $1 and number = $2 and reservation = any ($3) and state = 1 and expires_at > $4"
        ));
        let waiting = waiting.bind(tenant.0).bind(call.number.as_str()).bind(&keys).bind(now.millis());
        let waiting = waiting.fetch_all(store.pool()).await.map_err(unavailable)?;
        let waiting = waiting.iter().map(row::request_of).collect::<Result<Vec<_>, _>>()?;
        let Some(found) = first_of(call, &waiting, now) else { return Ok(None) };
        let matched = found.matched(call, now);
        if take(store, &matched, now).await? {
            return Ok(Some(matched));
        }
    }
    Ok(None)
}

/// `false`: another call was quicker, and nothing was written.
async fn take(store: &PgStore, matched: &CallInRequest, now: Instant) -> Result<bool, StoreError> {
    let mut transaction = store.pool().begin().await.map_err(unavailable)?;
    let write = sqlx::query(
        "update call_in_requests
        set state = 2, ended_at = $3, freed_at = $3, details = $4
        where tenant = $1 and id = $2 and state = 1",
    );
    let write = write.bind(matched.tenant.0).bind(matched.id.0).bind(now.millis()).bind(row::details(matched)?);
    if write.execute(&mut *transaction).await.map_err(unavailable)?.rows_affected() == 0 {
        transaction.rollback().await.map_err(unavailable)?;
        return Ok(false);
    }
    let noted = Noted::write(&mut transaction, matched, now).await?;
    transaction.commit().await.map_err(unavailable)?;
    if let Some(noted) = noted {
        noted.remember(store).await;
    }
    Ok(true)
}
