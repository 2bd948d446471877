//! Moving a booking to another time: counted like a booking, under the same ledger (R-EDT-2, I3).

use ges_domain::callback::{Callback, acts};
use ges_domain::capacity::Usage;
use ges_domain::ports::{Move, Moved, StoreError};
use ges_domain::slots::Booking as SlotClaim;
use ges_domain::{CallbackId, Instant, TenantId};
use sqlx::{PgConnection, PgPool};

use super::{Rewrite, TRIES, read, rewrite};
use crate::error::{reading, unavailable};

/// One half of a move. Runs in a task of its own.
pub(super) async fn move_step(
    pool: &PgPool,
    tenant: TenantId,
    id: CallbackId,
    to: &Move,
    now: Instant,
    decide: impl Fn(&Callback) -> Result<acts::MoveStep, Moved>,
) -> Result<Moved, StoreError> {
    for _ in 0..TRIES {
        let Some(before) = read(pool, tenant, id, now).await? else { return Ok(Moved::Unknown) };
        let step = match decide(&before.record) {
            Ok(step) => step,
            Err(answer) => return Ok(answer),
        };
        let as_write = |(after, event)| Rewrite { before: &before, after, event: Some(event), lease: None };
        let write = as_write((&step.write.0, &step.write.1));
        let written = match to.slot.as_ref().filter(|_| step.counted && acts::needs_place(&before.record, to)) {
            None => rewrite(pool, write).await?,
            Some(claim) => {
                let mut transaction = pool.begin().await.map_err(unavailable)?;
                let booked = booked(&mut transaction, before.service_key, claim).await?;
                if !acts::finds_place(&before.record, to, &booked) {
                    let Some((after, event)) = step.gives_up(&before.record, to, now) else {
                        return Ok(Moved::SlotFull);
                    };
                    let written = rewrite(&mut *transaction, as_write((&after, &event))).await?;
                    transaction.commit().await.map_err(unavailable)?;
                    if written {
                        return Ok(Moved::SlotFull);
                    }
                    continue;
                }
                let written = rewrite(&mut *transaction, write).await?;
                transaction.commit().await.map_err(unavailable)?;
                written
            }
        };
        if written {
            return Ok(step.answer);
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
