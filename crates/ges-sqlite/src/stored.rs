//! Reading one record for a change, and writing record, event, place and hint together.

use ges_domain::callback::acts::Write;
use ges_domain::callback::{Actor, Callback, Change, TimelineEvent, former_session};
use ges_domain::capacity::Usage;
use ges_domain::ports::{ServiceRef, StoreError, Wake};
use ges_domain::push::announced;
use ges_domain::{CallbackId, Instant, TenantId};
use sqlx::SqliteConnection;

use crate::error::{BadColumn, unavailable, unreadable};
use crate::row::{CallbackRow, direction_code, kind_code, particulars_bytes, select_callbacks, state_code};
use crate::writer::Transaction;
use crate::{former, notices};

/// A record as stored, with its narrow keys.
pub(crate) struct Stored {
    pub(crate) key: i64,
    pub(crate) service: i64,
    pub(crate) record: Callback,
}

impl Stored {
    fn try_from_row(row: CallbackRow) -> Result<Self, StoreError> {
        let (key, service) = (row.key, row.service);
        Ok(Self { key, service, record: row.try_into()? })
    }
}

/// A record of this tenant, expired or not.
pub(crate) async fn read(
    connection: &mut SqliteConnection,
    tenant: TenantId,
    id: CallbackId,
) -> Result<Option<Stored>, StoreError> {
    let found = sqlx::query(select_callbacks!("where s.tenant = ? and c.id = ?")).bind(tenant.0).bind(id.0);
    let row = found.fetch_optional(connection).await.map_err(unavailable)?;
    row.map(|row| Stored::try_from_row(CallbackRow::read(&row)?)).transpose()
}

/// A record of this tenant that has not expired (R-REC-2, I9).
pub(crate) async fn live(
    connection: &mut SqliteConnection,
    tenant: TenantId,
    id: CallbackId,
    now: Instant,
) -> Result<Option<Stored>, StoreError> {
    Ok(read(connection, tenant, id).await?.filter(|stored| now < stored.record.expires_at()))
}

/// Writes a new record with its first event and takes its place; `false` when the id is taken.
pub(crate) async fn insert(
    connection: &mut SqliteConnection,
    service: i64,
    record: &Callback,
    event: &TimelineEvent,
) -> Result<bool, StoreError> {
    let kind = kind_code(record.kind);
    let inserted = sqlx::query(
        "insert into callbacks (id, service, kind, accepted_as, direction, state, phone, phone_key, desired_at, created_at,
         updated_at, deadline, priority, attempts, failures, dial_attempts, reschedules, version, session_seq, waiting,
         wake_at, unclaimed, particulars, submitted_at, session_id, session_url)
         values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, 0, ?, 0, ?, ?, ?, ?, ?, ?, ?)
         on conflict (id) do nothing",
    );
    let inserted = inserted
        .bind(record.id.0)
        .bind(service)
        .bind(kind)
        .bind(kind)
        .bind(direction_code(record.direction))
        .bind(state_code(record.state))
        .bind(record.phone.as_given())
        .bind(record.phone_key.as_str())
        .bind(record.desired_at.millis())
        .bind(record.created_at.millis())
        .bind(record.updated_at.millis())
        .bind(record.deadline.millis())
        .bind(record.priority)
        .bind(record.submission.attempts)
        .bind(whole(record.version)?)
        .bind(record.waits_for_handover())
        .bind(record.wake_at().map(Instant::millis))
        .bind(record.may_be_upcoming())
        .bind(particulars_bytes(&record.particulars))
        .bind(record.submission.submitted_at.map(Instant::millis))
        .bind(record.session.as_ref().map(|session| session.id.as_str()))
        .bind(record.session.as_ref().and_then(|session| session.url.as_deref()));
    let done = inserted.execute(&mut *connection).await.map_err(unavailable)?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    append(connection, done.last_insert_rowid(), event).await?;
    if record.holds_slot() {
        take_place(connection, service, record.desired_at).await?;
    }
    Ok(true)
}

/// Writes a changed record on the version it was read at, with its event, its place and its hint.
pub(crate) async fn write(
    transaction: &mut Transaction,
    before: &Stored,
    (record, event): &Write,
) -> Result<(), StoreError> {
    let connection = &mut transaction.connection;
    update(connection, before, record).await?;
    append(connection, before.key, event).await?;
    let place = |record: &Callback| record.holds_slot().then(|| Usage::grain_of(record.desired_at));
    let (old, new) = (place(&before.record), place(record));
    if old != new {
        if let Some(grain) = old {
            free_places(connection, before.service, grain, 1).await?;
        }
        if let Some(grain) = new {
            take_place(connection, before.service, grain).await?;
        }
    }
    if let Some(announced) = announced(&before.record, record, event) {
        let (keys, targets) = ((before.key, before.service), &record.particulars.push_targets);
        notices::claim(&mut transaction.connection, keys, record, announced, targets, record.updated_at).await?;
    }
    if let Some(former) = former_session(&before.record, event) {
        former::enter(&mut transaction.connection, &former).await?;
    }
    hint(&mut transaction.hints, record);
    transaction.note(Some(&before.record), record, event);
    Ok(())
}

/// Writes every column that can change; the compare-and-set of R-TR-4.
pub(crate) async fn update(
    connection: &mut SqliteConnection,
    before: &Stored,
    record: &Callback,
) -> Result<(), StoreError> {
    let updated = sqlx::query(
        "update callbacks set kind = ?, direction = ?, state = ?, reason = ?, phone = ?, phone_key = ?, desired_at = ?,
         updated_at = ?, completed_at = ?, deadline = ?, priority = ?, attempts = ?, failures = ?, submitted_at = ?,
         session_id = ?, session_url = ?, dial_attempts = ?, cancel_at = ?, cancel_reason = ?, cancel_confirmed = ?,
         reschedules = ?, version = ?, session_seq = ?, position = ?, ewt = ?, waiting = ?, wake_at = ?,
         unclaimed = (unclaimed or ?) and ?
         where key = ? and version = ?",
    );
    let session = record.session.as_ref();
    let cancel = record.cancel.as_ref();
    let updated = updated
        .bind(kind_code(record.kind))
        .bind(direction_code(record.direction))
        .bind(state_code(record.state))
        .bind(record.reason.as_ref().map(|reason| reason.as_str()))
        .bind(record.phone.as_given())
        .bind(record.phone_key.as_str())
        .bind(record.desired_at.millis())
        .bind(record.updated_at.millis())
        .bind(record.completed_at.map(Instant::millis))
        .bind(record.deadline.millis())
        .bind(record.priority)
        .bind(record.submission.attempts)
        .bind(record.submission.failures)
        .bind(record.submission.submitted_at.map(Instant::millis))
        .bind(session.map(|session| session.id.as_str()))
        .bind(session.and_then(|session| session.url.as_deref()))
        .bind(record.dial_attempts)
        .bind(cancel.map(|wish| wish.at.millis()))
        .bind(cancel.map(|wish| wish.reason.as_str()))
        .bind(cancel.filter(|wish| !wish.dropped).map(|wish| wish.confirmed))
        .bind(record.reschedules)
        .bind(whole(record.version)?)
        .bind(whole(record.session_seq)?)
        .bind(record.position)
        .bind(record.ewt)
        .bind(record.waits_for_handover())
        .bind(record.wake_at().map(Instant::millis))
        .bind(record.reschedules > before.record.reschedules)
        .bind(record.may_be_upcoming())
        .bind(before.key)
        .bind(whole(before.record.version)?);
    if updated.execute(&mut *connection).await.map_err(unavailable)?.rows_affected() != 1 {
        return Err(StoreError::Contended);
    }
    if record.particulars != before.record.particulars {
        let updated = sqlx::query("update callbacks set particulars = ? where key = ?");
        let updated = updated.bind(particulars_bytes(&record.particulars)).bind(before.key);
        updated.execute(connection).await.map_err(unavailable)?;
    }
    Ok(())
}

async fn append(connection: &mut SqliteConnection, key: i64, event: &TimelineEvent) -> Result<(), StoreError> {
    let text = serde_json::to_string(&(&event.actor, &event.changes));
    let text = text.expect("invariant: an event is a tree of texts and numbers");
    let appended = sqlx::query("insert into callback_events (callback, seq, at, event) values (?, ?, ?, ?)");
    let appended = appended.bind(key).bind(whole(event.seq)?).bind(event.at.millis()).bind(text);
    appended.execute(connection).await.map_err(unavailable)?;
    Ok(())
}

/// An event as it was appended.
pub(crate) fn event_of(seq: i64, at: i64, text: &str) -> Result<TimelineEvent, StoreError> {
    let bad = |column| unreadable("callback_events", BadColumn(column));
    // The parser's own message may repeat the data (I11).
    let (actor, changes): (Actor, Vec<Change>) = serde_json::from_str(text).map_err(|_| bad("event"))?;
    let seq = u64::try_from(seq).map_err(|_| bad("seq"))?;
    Ok(TimelineEvent { seq, at: Instant::from_millis(at), actor, changes })
}

async fn take_place(connection: &mut SqliteConnection, service: i64, at: Instant) -> Result<(), StoreError> {
    let taken = sqlx::query(
        "insert into slot_usage (service, grain, used) values (?, ?, 1)
         on conflict (service, grain) do update set used = used + 1",
    );
    let taken = taken.bind(service).bind(Usage::grain_of(at).millis());
    taken.execute(connection).await.map_err(unavailable)?;
    Ok(())
}

/// Gives `places` of a grain back; a grain without places has no row.
pub(crate) async fn free_places(
    connection: &mut SqliteConnection,
    service: i64,
    grain: Instant,
    places: i64,
) -> Result<(), StoreError> {
    let empty = sqlx::query("delete from slot_usage where service = ? and grain = ? and used <= ?");
    let empty = empty.bind(service).bind(grain.millis()).bind(places);
    if empty.execute(&mut *connection).await.map_err(unavailable)?.rows_affected() == 0 {
        let fewer = sqlx::query("update slot_usage set used = used - ? where service = ? and grain = ?");
        let fewer = fewer.bind(places).bind(service).bind(grain.millis());
        fewer.execute(connection).await.map_err(unavailable)?;
    }
    Ok(())
}

/// Notes a hint at a record that waits for its hand-over.
pub(crate) fn hint(hints: &mut Vec<Wake>, record: &Callback) {
    if record.waits_for_handover() {
        let service = ServiceRef { tenant: record.tenant, name: record.service.clone() };
        hints.push(Wake::Service { service, desired: record.desired_at });
    }
    if !record.particulars.push_targets.is_empty() {
        hints.push(Wake::Notices { service: ServiceRef { tenant: record.tenant, name: record.service.clone() } });
    }
}

fn whole(value: u64) -> Result<i64, StoreError> {
    i64::try_from(value).map_err(|_| unreadable("callbacks", BadColumn("version")))
}
