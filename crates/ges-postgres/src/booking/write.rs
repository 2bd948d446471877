//! Writing what was admitted: one statement for all of it, or nothing of it.

use std::collections::{BTreeMap, HashMap};

use ges_domain::callback::{Callback, Kind};
use ges_domain::capacity::Usage;
use ges_domain::ports::{ServiceRef, StoreError};
use ges_domain::{Instant, ServiceName, TenantId};
use sqlx::PgExecutor;
use uuid::Uuid;

use super::Ticket;
use super::facts::Facts;
use crate::error::unavailable;
use crate::row::{self, direction_code, kind_code, state_code};
use crate::wake;

/// An admitted booking: who asked, and the record as it will stand.
pub(super) type Admitted<'a> = (&'a Ticket, Callback);

/// The statement's parameters, one list per column.
#[derive(Default)]
struct Columns<'a> {
    desired_at: Vec<i64>,
    created_at: Vec<i64>,
    deadline: Vec<i64>,
    tenant: Vec<Uuid>,
    id: Vec<Uuid>,
    service: Vec<i32>,
    state: Vec<i16>,
    kind: Vec<i16>,
    direction: Vec<i16>,
    priority: Vec<Option<i16>>,
    counted: Vec<Option<bool>>,
    phone: Vec<&'a str>,
    phone_key: Vec<&'a str>,
    details: Vec<Option<&'a [u8]>>,
    unclaimed: Vec<Option<bool>>,
}

impl<'a> Columns<'a> {
    fn add(&mut self, (ticket, record): &'a Admitted<'_>) -> Result<(), StoreError> {
        self.desired_at.push(record.desired_at.millis());
        self.created_at.push(record.created_at.millis());
        self.deadline.push(record.deadline.millis());
        self.tenant.push(record.tenant.0);
        self.id.push(record.id.0);
        self.service.push(ticket.service);
        self.state.push(state_code(record.state));
        self.kind.push(kind_code(record.kind));
        self.direction.push(direction_code(record.direction));
        self.priority.push(row::priority(record.priority)?);
        self.counted.push((record.kind == Kind::Immediate).then_some(true));
        self.phone.push(record.phone.as_given());
        self.phone_key.push(record.phone_key.as_str());
        self.details.push(ticket.details.as_deref());
        self.unclaimed.push(record.may_be_upcoming().then_some(true));
        Ok(())
    }
}

const WRITE: &str = "
    with ledgers as (
        select service, seq
        from service_ledger
        where service = any ($1)
        order by service
        for update
    ), unchanged as (
        select count(*) = cardinality($1) as holds
        from ledgers
        join unnest($1::int[], $2::bigint[]) counted (service, seq) using (service, seq)
    ), moved_on as (
        update service_ledger
        set seq = seq + 1
        where service = any ($1) and (select holds from unchanged)
    ), booked as (
        insert into callbacks (desired_at, created_at, deadline, tenant, id, service, version, state, kind, direction,
            priority, counted, phone, phone_key, details, unclaimed)
        select b.desired_at, b.created_at, b.deadline, b.tenant, b.id, b.service, 1, b.state, b.kind, b.direction,
            b.priority, b.counted, b.phone, b.phone_key, b.details, b.unclaimed
        from unnest($3::bigint[], $4::bigint[], $5::bigint[], $6::uuid[], $7::uuid[], $8::int[], $9::smallint[],
            $10::smallint[], $11::smallint[], $12::smallint[], $13::bool[], $14::text[], $15::text[], $16::bytea[],
            $21::bool[])
            b (desired_at, created_at, deadline, tenant, id, service, state, kind, direction, priority, counted, phone,
            phone_key, details, unclaimed)
        where (select holds from unchanged)
    ), taken as (
        insert into slot_usage as u (service, grain, used)
        select t.service, t.grain, t.used
        from unnest($17::int[], $18::bigint[], $19::int[]) t (service, grain, used)
        where (select holds from unchanged)
        on conflict (service, grain) do update set used = u.used + excluded.used
    ), woken as (
        select pg_notify('ges_wake', w.payload)
        from unnest($20::text[]) w (payload)
        where (select holds from unchanged)
    )
    select holds, (select count(*) from woken)
    from unchanged";

/// Writes the admitted bookings, their places and the hints to their monitors. `false`: a ledger has moved on since it was
/// counted, and nothing was written.
pub(super) async fn write(
    executor: impl PgExecutor<'_>,
    admitted: &[Admitted<'_>],
    counted: &HashMap<i32, Facts>,
) -> Result<Result<bool, sqlx::Error>, StoreError> {
    let mut columns = Columns::default();
    let mut places: BTreeMap<(i32, i64), i32> = BTreeMap::new();
    let mut wakes: BTreeMap<i32, (ServiceRef, Instant)> = BTreeMap::new();
    let mut pushes: BTreeMap<i32, (TenantId, ServiceName)> = BTreeMap::new();
    for booked in admitted {
        columns.add(booked)?;
        let (ticket, record) = booked;
        if record.holds_slot() {
            *places.entry((ticket.service, Usage::grain_of(record.desired_at).millis())).or_default() += 1;
        }
        let service = || ServiceRef { tenant: record.tenant, name: record.service.clone() };
        let (_, soonest) = wakes.entry(ticket.service).or_insert_with(|| (service(), record.desired_at));
        *soonest = record.desired_at.min(*soonest);
        if record.may_be_upcoming() {
            pushes.entry(ticket.service).or_insert_with(|| (record.tenant, record.service.clone()));
        }
    }
    let services: Vec<i32> = wakes.keys().copied().collect();
    let seqs: Vec<i64> = services.iter().map(|service| counted.get(service).map_or(0, |facts| facts.seq)).collect();
    let mut payloads: Vec<String> = wakes.values().map(|(service, desired)| wake::payload(service, *desired)).collect();
    payloads.extend(pushes.values().map(|(tenant, service)| wake::push_payload(*tenant, service)));
    let (place_service, place_grain): (Vec<i32>, Vec<i64>) = places.keys().copied().unzip();
    let place_used: Vec<i32> = places.values().copied().collect();
    let written = sqlx::query_as::<_, (bool, i64)>(WRITE)
        .bind(services)
        .bind(seqs)
        .bind(columns.desired_at)
        .bind(columns.created_at)
        .bind(columns.deadline)
        .bind(columns.tenant)
        .bind(columns.id)
        .bind(columns.service)
        .bind(columns.state)
        .bind(columns.kind)
        .bind(columns.direction)
        .bind(columns.priority)
        .bind(columns.counted)
        .bind(columns.phone)
        .bind(columns.phone_key)
        .bind(columns.details)
        .bind(place_service)
        .bind(place_grain)
        .bind(place_used)
        .bind(payloads)
        .bind(columns.unclaimed)
        .fetch_one(executor)
        .await;
    Ok(written.map(|(holds, _)| holds))
}

/// Locks the ledgers of these services until the transaction ends, in the order every writer uses.
pub(super) async fn lock(executor: impl PgExecutor<'_>, services: &[i32]) -> Result<(), StoreError> {
    let lock = sqlx::query("select 1 from service_ledger where service = any ($1) order by service for update");
    lock.bind(services).execute(executor).await.map(drop).map_err(unavailable)
}
