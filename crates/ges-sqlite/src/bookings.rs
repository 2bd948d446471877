//! Bookings of one service, decided one by one on counts that are loaded once.

use std::time::Duration;

use async_trait::async_trait;
use ges_domain::booking::{Asked, Booked, Ledger, NewBooking, admit};
use ges_domain::capacity::Usage;
use ges_domain::phone::PhoneKey;
use ges_domain::ports::{Bookings, ServiceRef, StoreError};
use ges_domain::throttle::{Counted, NUMBER_DAY};
use ges_domain::{CallbackId, Instant, Refusal, ServiceName, TenantId};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use crate::error::{BadColumn, unavailable, unreadable};
use crate::store::SqliteStore;
use crate::writer::Transaction;
use crate::{kept, stored};

#[async_trait]
impl Bookings for SqliteStore {
    async fn book(&self, booking: NewBooking) -> Result<Booked, StoreError> {
        self.writer().book(booking).await
    }

    async fn usage(
        &self,
        tenant: TenantId,
        service: &ServiceName,
        from: Instant,
        until: Instant,
    ) -> Result<Usage, StoreError> {
        let rows = sqlx::query(
            "select u.grain, u.used from services s
             join slot_usage u on u.service = s.key
             where s.tenant = ? and s.name = ? and u.grain >= ? and u.grain < ?",
        );
        let rows = rows.bind(tenant.0).bind(service.as_str()).bind(from.millis()).bind(until.millis());
        Ok(read_counts(rows.fetch_all(self.readers()).await.map_err(unavailable)?)?.into_iter().collect())
    }

    async fn watermark(&self, tenant: TenantId, service: &ServiceName, up_to: u32) -> Result<u32, StoreError> {
        let active = sqlx::query(
            "select count(*) from
             (select 1 from services s join callbacks c on c.service = s.key
              where s.tenant = ? and s.name = ? and c.state in (1, 2, 3, 4) and c.state <> 5 limit ?)",
        );
        let active = active.bind(tenant.0).bind(service.as_str()).bind(i64::from(up_to));
        count(&active.fetch_one(self.readers()).await.map_err(unavailable)?, 0)
    }
}

/// Rows of grain and used places.
pub(crate) fn read_counts(rows: Vec<SqliteRow>) -> Result<Vec<(Instant, u32)>, StoreError> {
    let read = |row: SqliteRow| {
        let (grain, used): (i64, i64) = (row.try_get(0).map_err(unavailable)?, row.try_get(1).map_err(unavailable)?);
        let used = u32::try_from(used).map_err(|_| unreadable("slot_usage", BadColumn("used")))?;
        Ok((Instant::from_millis(grain), used))
    };
    rows.into_iter().map(read).collect()
}

/// Decides and writes bookings of one service in the order they came; the verdicts stand in the same order (R-CRE-1).
pub(crate) async fn book_for_one_service(
    transaction: &mut Transaction,
    service: &ServiceRef,
    bookings: &[&NewBooking],
) -> Result<Vec<Result<Booked, StoreError>>, StoreError> {
    let found = sqlx::query("select key from services where tenant = ? and name = ? and removed = 0");
    let found = found.bind(service.tenant.0).bind(service.name.as_str());
    let Some(row) = found.fetch_optional(&mut transaction.connection).await.map_err(unavailable)? else {
        let refusal = Refusal::UnknownService(service.name.to_string());
        return Ok(bookings.iter().map(|_| Ok(Booked::Refused(refusal.clone()))).collect());
    };
    let key: i64 = row.try_get(0).map_err(unavailable)?;
    let mut ledger = load(&mut transaction.connection, key, bookings).await?;
    let mut verdicts = Vec::with_capacity(bookings.len());
    for booking in bookings {
        if let Some(keyed) = &booking.keyed {
            let kept = kept::recall(&mut transaction.connection, service.tenant, keyed.operation, &keyed.key).await?;
            let answer = match keyed.answered(kept.as_ref()) {
                Ok(None) => None,
                Ok(Some(id)) => Some(Booked::Repeated(CallbackId(id))),
                Err(refusal) => Some(Booked::Refused(refusal)),
            };
            if let Some(answer) = answer {
                verdicts.push(Ok(answer));
                continue;
            }
        }
        if let Err(refusal) = admit(booking, &ledger) {
            verdicts.push(Ok(Booked::Refused(refusal)));
            continue;
        }
        let (callback, event) = booking.entry();
        if !stored::insert(&mut transaction.connection, key, &callback, &event).await? {
            verdicts.push(Err(unavailable("the id of the booking is taken")));
            continue;
        }
        if let Some(keyed) = &booking.keyed {
            let at = callback.created_at;
            kept::keep(&mut transaction.connection, service.tenant, keyed, callback.id.0, at).await?;
        }
        ledger.enter(booking);
        stored::hint(&mut transaction.hints, &callback);
        transaction.note(None, &callback, &event);
        verdicts.push(Ok(Booked::Accepted(Box::new(callback))));
    }
    Ok(verdicts)
}

/// Counts what these bookings ask for.
///
/// Bookings of one batch differ by milliseconds; all are measured from the earliest, which can only refuse one too early by as
/// much and never admits one too many (P-11). For the same reason counts have no upper end.
async fn load(connection: &mut SqliteConnection, service: i64, bookings: &[&NewBooking]) -> Result<Ledger, StoreError> {
    let asked = Asked::by(bookings.iter().copied());
    let mut ledger = Ledger::default();
    let Some(now) = bookings.iter().map(|booking| booking.callback.created_at).min() else { return Ok(ledger) };
    for (length, limit) in &asked.windows {
        let counted = count_window(connection, service, now, *length, *limit).await?;
        ledger.windows.insert(*length, counted);
    }
    for number in &asked.numbers {
        let (open, day) = count_number(connection, service, now, number).await?;
        ledger.number_open.insert(number.clone(), open);
        ledger.number_day.insert(number.clone(), day);
    }
    if let Some(limit) = asked.active_limit {
        let active = sqlx::query(
            "select count(*) from
             (select 1 from callbacks where service = ? and state in (1, 2, 3, 4) and state <> 5 limit ?)",
        );
        let active = active.bind(service).bind(i64::from(limit)).fetch_one(&mut *connection).await;
        ledger.active = count(&active.map_err(unavailable)?, 0)?;
    }
    for (from, until) in disjoint(asked.usage) {
        let rows = sqlx::query("select grain, used from slot_usage where service = ? and grain >= ? and grain < ?");
        let rows = rows.bind(service).bind(from.millis()).bind(until.millis()).fetch_all(&mut *connection).await;
        ledger.usage.extend(read_counts(rows.map_err(unavailable)?)?);
    }
    Ok(ledger)
}

async fn count_window(
    connection: &mut SqliteConnection,
    service: i64,
    now: Instant,
    length: Duration,
    limit: u32,
) -> Result<Counted, StoreError> {
    let counted = sqlx::query(
        "select count(*), min(created_at) from
         (select created_at from callbacks where service = ? and accepted_as = 0 and created_at > ?
          order by created_at desc limit ?)",
    );
    let counted = counted.bind(service).bind((now - length).millis()).bind(i64::from(limit));
    let row = counted.fetch_one(connection).await.map_err(unavailable)?;
    let oldest: Option<i64> = row.try_get(1).map_err(unavailable)?;
    Ok(Counted { accepted: count(&row, 0)?, oldest: oldest.map(Instant::from_millis) })
}

/// Open callbacks of the number, and its accepted IMMEDIATE ones of the last 24 h (R-THR-8, R-THR-10).
async fn count_number(
    connection: &mut SqliteConnection,
    service: i64,
    now: Instant,
    number: &PhoneKey,
) -> Result<(u32, u32), StoreError> {
    let counted = sqlx::query(
        "select coalesce(sum(state <> 5), 0), coalesce(sum(accepted_as = 0 and created_at > ?), 0)
         from callbacks where service = ? and phone_key = ?",
    );
    let counted = counted.bind((now - NUMBER_DAY).millis()).bind(service).bind(number.as_str());
    let row = counted.fetch_one(connection).await.map_err(unavailable)?;
    Ok((count(&row, 0)?, count(&row, 1)?))
}

fn count(row: &SqliteRow, place: usize) -> Result<u32, StoreError> {
    let counted: i64 = row.try_get(place).map_err(unavailable)?;
    Ok(u32::try_from(counted).unwrap_or(u32::MAX))
}

/// The same instants in ranges that do not overlap, so that no grain is loaded twice.
fn disjoint(mut ranges: Vec<(Instant, Instant)>) -> Vec<(Instant, Instant)> {
    ranges.sort_unstable();
    let mut merged: Vec<(Instant, Instant)> = Vec::with_capacity(ranges.len());
    for (from, until) in ranges {
        match merged.last_mut() {
            Some((_, end)) if from <= *end => *end = until.max(*end),
            _ => merged.push((from, until)),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlapping_ranges_are_loaded_once() {
        let at = Instant::from_millis;
        let ranges = vec![(at(5), at(9)), (at(0), at(4)), (at(3), at(6)), (at(20), at(21))];
        assert_eq!(disjoint(ranges), [(at(0), at(9)), (at(20), at(21))]);
    }
}
