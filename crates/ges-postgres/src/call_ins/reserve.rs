//! Giving a request its key: one transaction under the tenant's lock.

use ges_domain::call_in::{AccessNumber, CallInRequest, Draft, Group, Held, KEY_REST, allot};
use ges_domain::ports::{Reserved, StoreError};
use ges_domain::{CallInId, Instant};
use sqlx::{PgConnection, PgPool, Postgres, Transaction};
use uuid::Uuid;

use super::row::{TABLE, details, group_of, reservation_of};
use crate::error::{reading, unavailable};
use crate::kept;

/// The advisory lock of a tenant's reservations: a hash of its id, seeded with this. Groups may share numbers, so the group's
/// row would lock too little.
const SEED: i64 = 0x0047_4553_0015;

/// Runs in a task of its own.
pub(super) async fn run(pool: &PgPool, draft: &Draft) -> Result<Reserved, StoreError> {
    let mut transaction = pool.begin().await.map_err(unavailable)?;
    let lock = sqlx::query("select pg_advisory_xact_lock(hashtextextended($1::uuid::text, $2))");
    lock.bind(draft.tenant.0).bind(SEED).execute(&mut *transaction).await.map_err(unavailable)?;
    if let Some(keyed) = &draft.keyed {
        let place = kept::place(draft.tenant, keyed);
        let known = kept::recall(&mut *transaction, std::slice::from_ref(&place)).await?;
        match keyed.answered(known.get(&place)) {
            Ok(None) => {}
            Ok(Some(id)) => return give_up(transaction, Reserved::Repeated(CallInId(id))).await,
            Err(_) => return give_up(transaction, Reserved::KeyReused).await,
        }
    }
    let found = sqlx::query_as::<_, (i64, String)>(
        "update call_in_groups
        set turn = turn + 1
        where tenant = $1 and name = $2
        returning turn - 1, document",
    );
    let found = found.bind(draft.tenant.0).bind(draft.group.as_str()).fetch_optional(&mut *transaction).await;
    let Some((turn, document)) = found.map_err(reading("call_in_groups"))? else {
        return give_up(transaction, Reserved::UnknownGroup).await;
    };
    let group: Group = group_of(&document)?;
    let now = draft.created_at;
    let held = held(&mut transaction, draft, &group.numbers).await?;
    let Some(allotted) = allot(&group, turn.unsigned_abs(), draft, &held, now) else {
        return give_up(transaction, Reserved::NothingFree).await;
    };
    if let Some(old) = allotted.replaces {
        let expire = sqlx::query(
            "update call_in_requests
            set state = 3, ended_at = $3, freed_at = $3
            where tenant = $1 and id = $2 and state = 1",
        );
        let expire = expire.bind(draft.tenant.0).bind(old.0).bind(now.millis());
        expire.execute(&mut *transaction).await.map_err(unavailable)?;
    }
    let request = draft.with(allotted.reservation, group.lifetime);
    insert(&mut transaction, &request).await?;
    if let Some(keyed) = &draft.keyed {
        // Reservations of a tenant come one after the other, so nobody has kept it since we looked.
        kept::keep(&mut *transaction, draft.tenant, keyed, request.id.0, now).await?;
    }
    transaction.commit().await.map_err(unavailable)?;
    Ok(Reserved::Taken(Box::new(request)))
}

/// Takes everything back at once, so that the next reservation does not wait for the lock.
async fn give_up(transaction: Transaction<'_, Postgres>, answer: Reserved) -> Result<Reserved, StoreError> {
    transaction.rollback().await.map_err(unavailable)?;
    Ok(answer)
}

/// Keys on these numbers that are taken or rest.
async fn held(connection: &mut PgConnection, draft: &Draft, numbers: &[AccessNumber]) -> Result<Vec<Held>, StoreError> {
    let numbers: Vec<_> = numbers.iter().map(AccessNumber::as_str).collect();
    let rows = sqlx::query_as::<_, (Uuid, String, String, i64, Option<i64>)>(
        "select id, number, reservation, expires_at, ended_at
        from call_in_requests
        where tenant = $1 and number = any ($2) and freed_at > $3",
    );
    let rows = rows.bind(draft.tenant.0).bind(numbers).bind((draft.created_at - KEY_REST).millis());
    let rows = rows.fetch_all(connection).await.map_err(reading(TABLE))?;
    let held = |(id, number, key, expires_at, ended_at): (Uuid, String, String, i64, Option<i64>)| {
        Ok(Held {
            id: CallInId(id),
            reservation: reservation_of(&number, &key)?,
            expires_at: Instant::from_millis(expires_at),
            ended_at: ended_at.map(Instant::from_millis),
        })
    };
    rows.into_iter().map(held).collect()
}

/// Writes a request. One that holds its key no longer, because its time is over, makes way.
async fn insert(connection: &mut PgConnection, request: &CallInRequest) -> Result<(), StoreError> {
    let over = sqlx::query(
        "update call_in_requests
        set state = 3
        where tenant = $1 and number = $2 and reservation = $3 and state = 1 and expires_at <= $4",
    );
    let (number, key) = (request.reservation.number.as_str(), request.reservation.key.to_text());
    let over = over.bind(request.tenant.0).bind(number).bind(&key).bind(request.created_at.millis());
    over.execute(&mut *connection).await.map_err(unavailable)?;
    let insert = sqlx::query(
        "insert into call_in_requests
            (tenant, id, group_name, number, reservation, state, created_at, expires_at, freed_at, details)
        values ($1, $2, $3, $4, $5, 1, $6, $7, $7, $8)",
    );
    let insert = insert
        .bind(request.tenant.0)
        .bind(request.id.0)
        .bind(request.group.as_str())
        .bind(number)
        .bind(key)
        .bind(request.created_at.millis())
        .bind(request.expires_at.millis())
        .bind(details(request)?);
    insert.execute(connection).await.map(drop).map_err(unavailable)
}
