//! Recording attempts that were written to the stream: a whole batch in one statement.

use ges_domain::Instant;
use ges_domain::callback::{Actor, Change, TimelineEvent};
use ges_domain::ports::{Handed, HandoverOutcome, ShardLease, StoreError};
use ges_domain::submission::ack_deadline;
use sqlx::PgPool;

use crate::error::reading;
use crate::event;
use crate::shards::{lease_holds, server_now};

/// What [`ges_domain::callback::acts::record_handed`] decides and `Change::Submitted` does, for many records at once; a test
/// holds it against the domain's fold.
const RECORD: &str = concat!(
    "with lease as (
        select ",
    lease_holds!("$1", "$2"),
    " as holds, greatest($8::bigint, ",
    server_now!(),
    ") as at
    ), asked as (
        select a.*, l.at
        from unnest($3::uuid[], $4::uuid[], $5::int[], $6::bigint[], $7::text[]) with ordinality
            a (tenant, id, attempt, patience, event, place)
        cross join lease l
    ), recorded as (
        update callbacks c
        -- On one record time never runs backwards, whatever nodes make of the server's clock, and an attempt begins to wait
        -- when the server hears of it: a node that was suspended is behind (I10).
        set state = 2, attempts = a.attempt, submitted_at = greatest(a.at, c.updated_at, c.created_at), failures = null,
            version = c.version + 1, updated_at = nullif(greatest(a.at, c.updated_at, c.created_at), c.created_at),
            ack_at = nullif(least(greatest(a.at, c.updated_at, c.created_at) + a.patience, c.deadline), c.deadline)
        from asked a
        -- Everything but the key is hidden from the planner in a case: it would read all waiting records for each attempt
        -- while the table's statistics are young.
        where c.tenant = a.tenant and c.id = a.id
            and case
                when c.state <= 2 and c.submitted_at is null and c.session_id is null
                    and coalesce(c.attempts, 0) + 1 = a.attempt and (select holds from lease)
                then exists (select 1 from services s where s.key = c.service and s.shard = $1)
                else false
            end
        returning c.tenant, c.id, c.version, a.attempt, '[' || c.submitted_at || a.event as event
    ), told as (
        insert into callback_events (tenant, id, seq, event)
        select tenant, id, version, event
        from recorded
    )
    select (a.tenant, a.id, a.attempt) in (select tenant, id, attempt from recorded)
        or exists (
            select 1
            from callbacks c
            join services s on s.key = c.service
            where c.tenant = a.tenant and c.id = a.id and c.attempts = a.attempt and c.submitted_at is not null
                and c.session_id is null and c.state <> 6 and s.shard = $1 and (select holds from lease)
        )
    from asked a
    order by a.place"
);

pub(super) async fn record(
    pool: &PgPool,
    lease: ShardLease,
    handed: &[Handed],
    at: Instant,
) -> Result<Vec<HandoverOutcome>, StoreError> {
    let mut events = Vec::with_capacity(handed.len());
    for Handed { attempt, .. } in handed {
        let changes = vec![Change::Submitted { attempt: *attempt }];
        events.push(event::encode_after_instant(&TimelineEvent { seq: 0, at, actor: Actor::Monitor, changes })?);
    }
    let patience = |handed: &Handed| ack_deadline(handed.nth, at).millis() - at.millis();
    let recorded = sqlx::query_scalar::<_, bool>(RECORD)
        .bind(i16::from(lease.shard.0))
        .bind(lease.epoch.cast_signed())
        .bind(handed.iter().map(|handed| handed.tenant.0).collect::<Vec<_>>())
        .bind(handed.iter().map(|handed| handed.id.0).collect::<Vec<_>>())
        .bind(handed.iter().map(|handed| handed.attempt.cast_signed()).collect::<Vec<_>>())
        .bind(handed.iter().map(patience).collect::<Vec<_>>())
        .bind(events)
        .bind(at.millis())
        .fetch_all(pool)
        .await
        .map_err(reading("callbacks"))?;
    let outcome = |recorded| if recorded { HandoverOutcome::Recorded } else { HandoverOutcome::Overtaken };
    Ok(recorded.into_iter().map(outcome).collect())
}
