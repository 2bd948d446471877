//! Writing what was admitted: one statement for all of it, or nothing of it.

use std::collections::{BTreeMap, HashMap};

use ges_domain::booking::{NewBooking, NumberRoom};
use ges_domain::callback::{Callback, Kind};
use ges_domain::capacity::Usage;
use ges_domain::ports::{ServiceRef, StoreError};
use ges_domain::throttle::NUMBER_DAY;
use ges_domain::{Instant, ServiceName, TenantId};
use sqlx::PgExecutor;
use uuid::Uuid;

use super::Ticket;
use super::facts::Facts;
use crate::error::unavailable;
use crate::row::{self, direction_code, kind_code, state_code};
use crate::{kept, wake};

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
    session_id: Vec<Option<&'a str>>,
    session_url: Vec<Option<&'a str>>,
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
        self.session_id.push(record.session.as_ref().map(|session| session.id.as_str()));
        self.session_url.push(record.session.as_ref().and_then(|session| session.url.as_deref()));
        Ok(())
    }
}

/// What numbers were taken to have at most, one list per column.
#[derive(Debug, Default)]
pub(super) struct Rooms {
    service: Vec<i32>,
    key: Vec<String>,
    since: Vec<i64>,
    open: Vec<i32>,
    day: Vec<i32>,
}

impl Rooms {
    pub(super) fn add(&mut self, service: i32, booking: &NewBooking, room: NumberRoom) {
        if (room.open, room.day) == (u32::MAX, u32::MAX) {
            return;
        }
        let most = |room: u32| i32::try_from(room).unwrap_or(i32::MAX);
        self.service.push(service);
        self.key.push(booking.callback.phone_key.as_str().to_owned());
        self.since.push((booking.callback.created_at - NUMBER_DAY).millis());
        self.open.push(most(room.open));
        self.day.push(most(room.day));
    }
}

/// The statement, with what only flights with keys have.
macro_rules! write_statement {
    ($guard:literal, $kept:literal) => {
        concat!(
            "
    with ledgers as (
        select service, seq
        from service_ledger
        where service = any ($1)
        order by service
        for update
    ), unchanged as (
        select same and ",
            $guard,
            " as holds, same
        from (
            select count(*) = cardinality($1) as same
            from ledgers
            join unnest($1::int[], $2::bigint[]) counted (service, seq) using (service, seq)
        ) sequences
    ), moved_on as (
        update service_ledger
        set seq = seq + 1
        where service = any ($1) and (select holds from unchanged)
    ), booked as (
        insert into callbacks (desired_at, created_at, deadline, tenant, id, service, version, state, kind, direction,
            priority, counted, phone, phone_key, details, unclaimed, session_id, session_url, attempts, submitted_at)
        select b.desired_at, b.created_at, b.deadline, b.tenant, b.id, b.service, 1, b.state, b.kind, b.direction,
            b.priority, b.counted, b.phone, b.phone_key, b.details, b.unclaimed, b.session_id, b.session_url,
            case when b.session_id is not null then 1 end, case when b.session_id is not null then b.created_at end
        from unnest($3::bigint[], $4::bigint[], $5::bigint[], $6::uuid[], $7::uuid[], $8::int[], $9::smallint[],
            $10::smallint[], $11::smallint[], $12::smallint[], $13::bool[], $14::text[], $15::text[], $16::bytea[],
            $21::bool[], $22::text[], $23::text[])
            b (desired_at, created_at, deadline, tenant, id, service, state, kind, direction, priority, counted, phone,
            phone_key, details, unclaimed, session_id, session_url)
        where (select holds from unchanged)
    ), taken as (
        insert into slot_usage as u (service, grain, used)
        select t.service, t.grain, t.used
        from unnest($17::int[], $18::bigint[], $19::int[]) t (service, grain, used)
        where (select holds from unchanged)
        on conflict (service, grain) do update set used = u.used + excluded.used
    ), ",
            $kept,
            "woken as (
        select pg_notify('ges_wake', w.payload)
        from unnest($20::text[]) w (payload)
        where (select holds from unchanged)
    )
    select holds, same, (select count(*) from woken)
    from unchanged"
        )
    };
}

const WRITE: &str = write_statement!("true", "");

/// The same, when the numbers have room: they were not counted.
const WRITE_WITH_ROOM: &str = write_statement!(
    "not exists (
        select 1
        from unnest($24::int[], $25::text[], $26::bigint[], $27::int[], $28::int[]) n (service, phone_key, since, open, day)
        cross join lateral (
            select count(*) filter (where c.state <> 6) as open,
                count(*) filter (where c.counted and c.created_at > n.since) as day
            from callbacks c
            where c.service = n.service and c.phone_key = n.phone_key collate \"C\"
        ) o
        where o.open > n.open or o.day > n.day
    )",
    ""
);

/// The same, keeping answers. A key that is kept already makes all of it fail.
const WRITE_AND_KEEP: &str = write_statement!(
    "true",
    "kept as (
        insert into idempotency (created_at, tenant, subject, operation, key, body)
        select k.created_at, k.tenant, k.subject, k.operation, k.key, k.body
        from unnest($24::bigint[], $25::uuid[], $26::uuid[], $27::smallint[], $28::text[], $29::bytea[])
            k (created_at, tenant, subject, operation, key, body)
        where (select holds from unchanged)
    ), "
);

/// What writing came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    /// Everything is written.
    All,
    /// Nothing: a ledger has moved on since it was counted.
    Overtaken,
    /// Nothing: a number has no room.
    NoRoom,
}

/// Writes the admitted bookings, their places and the hints to their monitors. `rooms`: what the numbers were taken to have,
/// when they were not counted; not for flights with keys.
pub(super) async fn write(
    executor: impl PgExecutor<'_>,
    admitted: &[Admitted<'_>],
    counted: &HashMap<i32, Facts>,
    rooms: Option<Rooms>,
) -> Result<Result<Written, sqlx::Error>, StoreError> {
    let mut columns = Columns::default();
    let mut answers = kept::Columns::default();
    let mut places: BTreeMap<(i32, i64), i32> = BTreeMap::new();
    let mut wakes: BTreeMap<i32, (ServiceRef, Instant)> = BTreeMap::new();
    let mut pushes: BTreeMap<i32, (TenantId, ServiceName)> = BTreeMap::new();
    for booked in admitted {
        columns.add(booked)?;
        let (ticket, record) = booked;
        if let Some(keyed) = &ticket.booking.keyed {
            answers.add(record.tenant, keyed, record.id.0, record.created_at);
        }
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
    let keeps = !answers.key.is_empty();
    let statement = match (&rooms, keeps) {
        (Some(_), _) => WRITE_WITH_ROOM,
        (None, true) => WRITE_AND_KEEP,
        (None, false) => WRITE,
    };
    let mut write = sqlx::query_as::<_, (bool, bool, i64)>(statement)
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
        .bind(columns.session_id)
        .bind(columns.session_url);
    if let Some(Rooms { service, key, since, open, day }) = rooms {
        debug_assert!(!keeps, "keys are looked at by a flight that counts");
        write = write.bind(service).bind(key).bind(since).bind(open).bind(day);
    } else if keeps {
        let kept::Columns { created_at, tenant, subject, operation, key, body } = answers;
        write = write.bind(created_at).bind(tenant).bind(subject).bind(operation).bind(key).bind(body);
    }
    Ok(write.fetch_one(executor).await.map(|(holds, same, _)| match (holds, same) {
        (true, _) => Written::All,
        (false, true) => Written::NoRoom,
        (false, false) => Written::Overtaken,
    }))
}

/// Locks the ledgers of these services until the transaction ends, in the order every writer uses.
pub(super) async fn lock(executor: impl PgExecutor<'_>, services: &[i32]) -> Result<(), StoreError> {
    let lock = sqlx::query("select 1 from service_ledger where service = any ($1) order by service for update");
    lock.bind(services).execute(executor).await.map(drop).map_err(unavailable)
}
