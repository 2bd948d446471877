//! A row of `callbacks` and the record it stands for.

use ges_domain::callback::{Callback, CancelWish, Direction, Kind, Reason, SessionBinding, State, Submission};
use ges_domain::phone::{PhoneKey, PhoneNumber};
use ges_domain::ports::StoreError;
use ges_domain::{CallbackId, Instant, ServiceName, SessionId, TenantId};
use sqlx::postgres::{PgRow, Postgres};
use sqlx::{Decode, Row, Type};
use uuid::Uuid;

use crate::details;
use crate::error::{Fault, reading, unreadable};

const TABLE: &str = "callbacks";

/// `select` of whole records as `c`, with their service as `s`; what follows begins with `from`, if it is not the plain join.
macro_rules! select_records {
    (from $rest:expr) => {
        concat!(
            "select c.desired_at, c.created_at, c.deadline, c.updated_at, c.completed_at, c.submitted_at, c.session_seq, \
             c.cancel_at, c.tenant, c.id, c.version, c.attempts, c.failures, c.dial_attempts, c.reschedules, c.position, \
             c.ewt, c.state, c.kind, c.direction, c.priority, c.cancel_confirmed, c.phone, c.phone_key, c.reason, \
             c.session_id, c.session_url, c.cancel_reason, c.details, s.name as service, s.key as service_key from ",
            $rest
        )
    };
    ($rest:expr) => {
        $crate::row::select_records!(from concat!("callbacks c join services s on s.key = c.service ", $rest))
    };
}
pub(crate) use select_records;

/// A stored record with the key of its service.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) record: Callback,
    pub(crate) service_key: i32,
}

fn get<'r, T: Decode<'r, Postgres> + Type<Postgres>>(row: &'r PgRow, column: &'static str) -> Result<T, StoreError> {
    row.try_get(column).map_err(reading(TABLE))
}

fn instant(row: &PgRow, column: &'static str) -> Result<Option<Instant>, StoreError> {
    Ok(get::<Option<i64>>(row, column)?.map(Instant::from_millis))
}

fn count(row: &PgRow, column: &'static str) -> Result<u32, StoreError> {
    Ok(get::<Option<i32>>(row, column)?.unwrap_or(0).cast_unsigned())
}

fn wrong(column: &'static str) -> StoreError {
    unreadable(TABLE, Fault::Value(column))
}

fn reason(row: &PgRow, column: &'static str) -> Result<Option<Reason>, StoreError> {
    let text: Option<&str> = get(row, column)?;
    text.map(|text| Reason::new(text).map_err(|_| wrong(column))).transpose()
}

impl Stored {
    /// Reads a row of [`select_records`] and checks the record's invariants.
    pub(crate) fn read(row: &PgRow) -> Result<Self, StoreError> {
        let created_at = Instant::from_millis(get(row, "created_at")?);
        let session = match get::<Option<&str>>(row, "session_id")? {
            None => None,
            Some(id) => {
                let id = SessionId::new(id).map_err(|_| wrong("session_id"))?;
                Some(SessionBinding { id, url: get(row, "session_url")? })
            }
        };
        let cancel = match (instant(row, "cancel_at")?, reason(row, "cancel_reason")?) {
            (None, None) => None,
            (Some(at), Some(reason)) => {
                let (confirmed, dropped) = match get::<Option<bool>>(row, "cancel_confirmed")? {
                    Some(confirmed) => (confirmed, false),
                    None => (false, true),
                };
                Some(CancelWish { at, reason, confirmed, dropped })
            }
            _ => return Err(wrong("cancel_reason")),
        };
        let particulars = details::decode(get(row, "details")?)?;
        // The column has the number of the last attempt, as the statement that records attempts compares it.
        let attempts = count(row, "attempts")?.saturating_sub(particulars.attempts_before);
        let record = Callback {
            id: CallbackId(get::<Uuid>(row, "id")?),
            tenant: TenantId(get::<Uuid>(row, "tenant")?),
            service: ServiceName::new(get(row, "service")?)
                .map_err(|_| unreadable("services", Fault::Value("name")))?,
            kind: kind_from(get(row, "kind")?)?,
            direction: direction_from(get(row, "direction")?)?,
            state: state_from(get(row, "state")?)?,
            reason: reason(row, "reason")?,
            phone: PhoneNumber::new(get(row, "phone")?).map_err(|_| wrong("phone"))?,
            phone_key: PhoneKey::stored(get(row, "phone_key")?),
            desired_at: Instant::from_millis(get(row, "desired_at")?),
            created_at,
            updated_at: instant(row, "updated_at")?.unwrap_or(created_at),
            completed_at: instant(row, "completed_at")?,
            deadline: Instant::from_millis(get(row, "deadline")?),
            priority: get::<Option<i16>>(row, "priority")?.map(i32::from),
            particulars,
            submission: Submission {
                attempts,
                failures: count(row, "failures")?,
                submitted_at: instant(row, "submitted_at")?,
            },
            session,
            dial_attempts: count(row, "dial_attempts")?,
            cancel,
            reschedules: count(row, "reschedules")?,
            version: u64::from(get::<i32>(row, "version")?.cast_unsigned()),
            session_seq: get::<Option<i64>>(row, "session_seq")?.unwrap_or(0).cast_unsigned(),
            position: get::<Option<i32>>(row, "position")?.map(i32::cast_unsigned),
            ewt: get::<Option<i32>>(row, "ewt")?.map(i32::cast_unsigned),
        };
        record.check().map_err(|broken| unreadable(TABLE, broken))?;
        Ok(Self { record, service_key: get(row, "service_key")? })
    }
}

/// A count as stored: nothing for zero. Bits are kept, so that every value reads back.
pub(crate) fn counted(count: u32) -> Option<i32> {
    (count != 0).then(|| count.cast_signed())
}

/// How a wish to cancel stands with its session: accepted, not told yet, or nothing more to tell.
pub(crate) fn cancel_standing(wish: &CancelWish) -> Option<bool> {
    (!wish.dropped).then_some(wish.confirmed)
}

/// A version as stored.
pub(crate) fn version(version: u64) -> Result<i32, StoreError> {
    i32::try_from(version).map_err(|error| StoreError::Unavailable(error.into()))
}

/// A priority as stored.
pub(crate) fn priority(priority: Option<i32>) -> Result<Option<i16>, StoreError> {
    priority.map(i16::try_from).transpose().map_err(|error| StoreError::Unavailable(error.into()))
}

/// When an unanswered attempt wants a look before the deadline does; the index of timers falls back to the deadline.
pub(crate) fn ack_at(record: &Callback) -> Option<i64> {
    record.wake_at().filter(|at| *at != record.deadline).map(Instant::millis)
}

/// The code of a state.
pub(crate) const fn state_code(state: State) -> i16 {
    match state {
        State::Scheduled => 1,
        State::Queued => 2,
        State::Routing => 3,
        State::Processing => 4,
        State::Paused => 5,
        State::Completed => 6,
    }
}

fn state_from(code: i16) -> Result<State, StoreError> {
    State::ALL.into_iter().find(|state| state_code(*state) == code).ok_or_else(|| wrong("state"))
}

/// The code of a type.
pub(crate) const fn kind_code(kind: Kind) -> i16 {
    match kind {
        Kind::Immediate => 1,
        Kind::Scheduled => 2,
    }
}

fn kind_from(code: i16) -> Result<Kind, StoreError> {
    match code {
        1 => Ok(Kind::Immediate),
        2 => Ok(Kind::Scheduled),
        _ => Err(wrong("kind")),
    }
}

/// The code of a direction.
pub(crate) const fn direction_code(direction: Direction) -> i16 {
    match direction {
        Direction::UserTerminated => 1,
        Direction::UserOriginated => 2,
    }
}

fn direction_from(code: i16) -> Result<Direction, StoreError> {
    match code {
        1 => Ok(Direction::UserTerminated),
        2 => Ok(Direction::UserOriginated),
        _ => Err(wrong("direction")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_reads_back() {
        for state in State::ALL {
            assert_eq!(state_from(state_code(state)).unwrap(), state);
        }
        for kind in [Kind::Immediate, Kind::Scheduled] {
            assert_eq!(kind_from(kind_code(kind)).unwrap(), kind);
        }
        for direction in [Direction::UserTerminated, Direction::UserOriginated] {
            assert_eq!(direction_from(direction_code(direction)).unwrap(), direction);
        }
        assert!(state_from(0).is_err() && kind_from(3).is_err() && direction_from(0).is_err());
    }
}
