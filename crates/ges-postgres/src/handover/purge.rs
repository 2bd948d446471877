//! Retention: records leave with their timelines and their places (R-REC-2, T18).

use ges_domain::Instant;
use ges_domain::callback::{Callback, Reason};
use ges_domain::ports::StoreError;
use sqlx::PgPool;

use crate::error::unavailable;
use crate::row::{Stored, select_records};

/// Reasons whose records hold no place any more.
const FREEING: [Reason; 5] = [
    Reason::CANCELLED,
    Reason::CANCELLED_BY_ADMIN,
    Reason::CANCELLED_BY_AGENT,
    Reason::CANCELLED_BY_CUSTOMER,
    Reason::RESCHEDULED,
];

/// Rows somebody works on stay for the next time, so two purges share the work and nobody waits for them.
const PURGE: &str = "
    with old as (
        select tenant, id
        from callbacks
        where desired_at < $1
        order by desired_at
        limit $2
        for update skip locked
    ), gone as (
        delete from callbacks c
        using old
        where c.tenant = old.tenant and c.id = old.id
        returning c.service, c.desired_at, c.kind, c.reason
    ), untold as (
        delete from callback_events e
        using old
        where e.tenant = old.tenant and e.id = old.id
    ), unpushed as (
        delete from notices n
        using old
        where n.tenant = old.tenant and n.callback = old.id
    ), places as (
        select service, desired_at - ((desired_at % 300000) + 300000) % 300000 as grain,
            count(*) filter (where reason is null or reason <> all ($3)) as held
        from gone
        where kind = 2
        group by 1, 2
    ), fewer as (
        update slot_usage u
        set used = u.used - p.held::int
        from places p
        where u.service = p.service and u.grain = p.grain and u.used > p.held
    ), none as (
        delete from slot_usage u
        using places p
        where u.service = p.service and u.grain = p.grain and u.used <= p.held
    )
    select count(*) from gone";

/// Open records with a session have an index of their own.
pub(super) async fn expiring(pool: &PgPool, desired_before: Instant, limit: u32) -> Result<Vec<Callback>, StoreError> {
    let rows = sqlx::query(select_records!(
        "where c.session_id is not null and c.state between 2 and 5 and c.desired_at < $1
        order by c.desired_at, c.id
        limit $2"
    ));
    let rows = rows.bind(desired_before.millis()).bind(i64::from(limit)).fetch_all(pool).await.map_err(unavailable)?;
    rows.iter().map(|row| Stored::read(row).map(|stored| stored.record)).collect()
}

pub(super) async fn purge(pool: &PgPool, desired_before: Instant, limit: u32) -> Result<u64, StoreError> {
    let freeing: Vec<String> =
        FREEING.into_iter().filter(Reason::frees_slot).map(|reason| reason.as_str().to_owned()).collect();
    let purge = sqlx::query_scalar::<_, i64>(PURGE).bind(desired_before.millis()).bind(i64::from(limit)).bind(freeing);
    Ok(purge.fetch_one(pool).await.map_err(unavailable)?.unsigned_abs())
}
