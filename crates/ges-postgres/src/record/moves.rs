//! Moving a booking to another time: counted like a booking, under the same ledger (R-EDT-2, I3).

use ges_domain::callback::acts;
use ges_domain::capacity::Usage;
use ges_domain::ports::{Move, Moved, StoreError};
use ges_domain::slots::Booking as SlotClaim;
use ges_domain::{CallbackId, Instant, TenantId};
use sqlx::{PgConnection, PgPool};

use super::{Rewrite, TRIES, read, rewrite};
use crate::error::{reading, unavailable};

/// Runs in a task of its own.
pub(super) async fn move_booking(
    pool: &PgPool,
    tenant: TenantId,
    id: CallbackId,
    to: &Move,
    now: Instant,
) -> Result<Moved, StoreError> {
    for _ in 0..TRIES {
        let Some(before) = read(pool, tenant, id, now).await? else { return Ok(Moved::Unknown) };
        let (after, event) = match acts::move_booking(&before.record, to, now) {
            Ok(write) => write,
            Err(answer) => return Ok(answer),
        };
        let write = Rewrite { before: &before, after: &after, event: Some(&event), lease: None };
        let written = match to.slot.as_ref().filter(|_| acts::needs_place(&before.record, to)) {
            None => rewrite(pool, write).await?,
            Some(claim) => {
                let mut transaction = pool.begin().await.map_err(unavailable)?;
                let booked = booked(&mut transaction, before.service_key, claim).await?;
                if !acts::finds_place(&before.record, to, &booked) {
                    return Ok(Moved::SlotFull);
                }
                let written = rewrite(&mut *transaction, write).await?;
                transaction.commit().await.map_err(unavailable)?;
                written
            }
        };
        if written {
            return Ok(Moved::Done(Box::new(after)));
        }
    }
    Err(StoreError::Contended)
}

/// Moves the ledger on, which also locks it, then counts what the claim asks for: nothing can be booked in between.
async fn booked(transaction: &mut PgConnection, service: i32, claim: &SlotClaim) -> Result<Usage, StoreError> {
    let lock = sqlx::query("update service_ledger set seq = seq + 1 where service = $1").bind(service);
    lock.execute(&mut *transaction).await.map_err(unavailable)?;
    let (from, until) = claim.limits.shared.map_or((claim.cell.from, claim.cell.until), |shared| {
        (shared.from.min(claim.cell.from), shared.until.max(claim.cell.until))
    });
    let used = sqlx::query_as::<_, (i64, i32)>(
        "select grain, used
        from slot_usage
        where service = $1 and grain >= $2 and grain < $3 and used > 0",
    );
    let used = used.bind(service).bind(from.millis()).bind(until.millis());
    let used = used.fetch_all(transaction).await.map_err(reading("slot_usage"))?;
    Ok(used.into_iter().map(|(grain, used)| (Instant::from_millis(grain), used.cast_unsigned())).collect())
}
