//! A row of `callbacks` and the record it stands for.

use ges_domain::callback::{
    Callback, CancelWish, Direction, Kind, Particulars, Reason, SessionBinding, State, Submission,
};
use ges_domain::phone::{PhoneKey, PhoneNumber};
use ges_domain::ports::StoreError;
use ges_domain::{CallbackId, Instant, ServiceName, SessionId, TenantId};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

use crate::error::{BadColumn, unavailable, unreadable};

const TABLE: &str = "callbacks";

/// Selects rows of `callbacks` with their service; what follows begins with a join or a where.
macro_rules! select_callbacks {
    ($($tail:expr),+) => {
        concat!(
            "select c.key, c.service, s.tenant, s.name, c.id, c.kind, c.direction, c.state, c.reason, c.phone, c.phone_key,
             c.desired_at, c.created_at, c.updated_at, c.completed_at, c.deadline, c.priority, c.attempts, c.failures,
             c.submitted_at, c.session_id, c.session_url, c.dial_attempts, c.cancel_at, c.cancel_reason, c.cancel_confirmed,
             c.reschedules, c.version, c.session_seq, c.position, c.ewt, c.particulars
             from services s join callbacks c on c.service = s.key ",
            $($tail),+
        )
    };
}
pub(crate) use select_callbacks;

/// The columns of [`select_callbacks`], as SQLite has them.
pub(crate) struct CallbackRow {
    /// Narrow key of the record.
    pub(crate) key: i64,
    /// Narrow key of its service.
    pub(crate) service: i64,
    tenant: Uuid,
    name: String,
    id: Uuid,
    kind: i64,
    direction: i64,
    state: i64,
    reason: Option<String>,
    phone: String,
    phone_key: String,
    desired_at: i64,
    created_at: i64,
    updated_at: i64,
    completed_at: Option<i64>,
    deadline: i64,
    priority: Option<i64>,
    attempts: i64,
    failures: i64,
    submitted_at: Option<i64>,
    session_id: Option<String>,
    session_url: Option<String>,
    dial_attempts: i64,
    cancel_at: Option<i64>,
    cancel_reason: Option<String>,
    cancel_confirmed: Option<i64>,
    reschedules: i64,
    version: i64,
    session_seq: i64,
    position: Option<i64>,
    ewt: Option<i64>,
    particulars: Option<Vec<u8>>,
}

impl CallbackRow {
    /// Takes the columns.
    pub(crate) fn read(row: &SqliteRow) -> Result<Self, StoreError> {
        let wrong = |error: sqlx::Error| match error {
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::ColumnNotFound(_) => unreadable(TABLE, error),
            other => unavailable(other),
        };
        let columns = || -> Result<Self, sqlx::Error> {
            Ok(Self {
                key: row.try_get("key")?,
                service: row.try_get("service")?,
                tenant: row.try_get("tenant")?,
                name: row.try_get("name")?,
                id: row.try_get("id")?,
                kind: row.try_get("kind")?,
                direction: row.try_get("direction")?,
                state: row.try_get("state")?,
                reason: row.try_get("reason")?,
                phone: row.try_get("phone")?,
                phone_key: row.try_get("phone_key")?,
                desired_at: row.try_get("desired_at")?,
                created_at: row.try_get("created_at")?,
                updated_at: row.try_get("updated_at")?,
                completed_at: row.try_get("completed_at")?,
                deadline: row.try_get("deadline")?,
                priority: row.try_get("priority")?,
                attempts: row.try_get("attempts")?,
                failures: row.try_get("failures")?,
                submitted_at: row.try_get("submitted_at")?,
                session_id: row.try_get("session_id")?,
                session_url: row.try_get("session_url")?,
                dial_attempts: row.try_get("dial_attempts")?,
                cancel_at: row.try_get("cancel_at")?,
                cancel_reason: row.try_get("cancel_reason")?,
                cancel_confirmed: row.try_get("cancel_confirmed")?,
                reschedules: row.try_get("reschedules")?,
                version: row.try_get("version")?,
                session_seq: row.try_get("session_seq")?,
                position: row.try_get("position")?,
                ewt: row.try_get("ewt")?,
                particulars: row.try_get("particulars")?,
            })
        };
        columns().map_err(wrong)
    }
}

impl TryFrom<CallbackRow> for Callback {
    type Error = StoreError;

    fn try_from(row: CallbackRow) -> Result<Self, StoreError> {
        let bad = |column| unreadable(TABLE, BadColumn(column));
        let small = |column, value: i64| u32::try_from(value).map_err(|_| bad(column));
        let large = |column, value: i64| u64::try_from(value).map_err(|_| bad(column));
        let reason = |column, text: String| Reason::new(&text).map_err(|_| bad(column));
        let at = Instant::from_millis;
        let session = match row.session_id {
            Some(id) => {
                let id = SessionId::new(&id).map_err(|_| bad("session_id"))?;
                Some(SessionBinding { id, url: row.session_url })
            }
            None => None,
        };
        let cancel = match (row.cancel_at, row.cancel_reason) {
            (Some(wished), Some(text)) => Some(CancelWish {
                at: at(wished),
                reason: reason("cancel_reason", text)?,
                confirmed: row.cancel_confirmed == Some(1),
                dropped: row.cancel_confirmed.is_none(),
            }),
            (None, None) => None,
            _ => return Err(bad("cancel_at")),
        };
        let record = Self {
            id: CallbackId(row.id),
            tenant: TenantId(row.tenant),
            service: ServiceName::new(&row.name).map_err(|_| bad("name"))?,
            kind: kind_of(row.kind).ok_or_else(|| bad("kind"))?,
            direction: direction_of(row.direction).ok_or_else(|| bad("direction"))?,
            state: state_of(row.state).ok_or_else(|| bad("state"))?,
            reason: row.reason.map(|text| reason("reason", text)).transpose()?,
            phone: PhoneNumber::new(&row.phone).map_err(|_| bad("phone"))?,
            phone_key: PhoneKey::stored(&row.phone_key),
            desired_at: at(row.desired_at),
            created_at: at(row.created_at),
            updated_at: at(row.updated_at),
            completed_at: row.completed_at.map(at),
            deadline: at(row.deadline),
            priority: row.priority.map(i32::try_from).transpose().map_err(|_| bad("priority"))?,
            particulars: particulars_of(row.particulars)?,
            submission: Submission {
                attempts: small("attempts", row.attempts)?,
                failures: small("failures", row.failures)?,
                submitted_at: row.submitted_at.map(at),
            },
            session,
            dial_attempts: small("dial_attempts", row.dial_attempts)?,
            cancel,
            reschedules: small("reschedules", row.reschedules)?,
            version: large("version", row.version)?,
            session_seq: large("session_seq", row.session_seq)?,
            position: row.position.map(|value| small("position", value)).transpose()?,
            ewt: row.ewt.map(|value| small("ewt", value)).transpose()?,
        };
        record.check().map_err(|broken| unreadable(TABLE, broken))?;
        Ok(record)
    }
}

/// The number a state is stored as.
pub(crate) const fn state_code(state: State) -> i64 {
    match state {
        State::Scheduled => 0,
        State::Queued => 1,
        State::Routing => 2,
        State::Processing => 3,
        State::Paused => 4,
        State::Completed => 5,
    }
}

/// The state a number stands for.
pub(crate) fn state_of(code: i64) -> Option<State> {
    State::ALL.into_iter().find(|state| state_code(*state) == code)
}

/// The number a type is stored as.
pub(crate) const fn kind_code(kind: Kind) -> i64 {
    match kind {
        Kind::Immediate => 0,
        Kind::Scheduled => 1,
    }
}

fn kind_of(code: i64) -> Option<Kind> {
    [Kind::Immediate, Kind::Scheduled].into_iter().find(|kind| kind_code(*kind) == code)
}

/// The number a direction is stored as.
pub(crate) const fn direction_code(direction: Direction) -> i64 {
    match direction {
        Direction::UserTerminated => 0,
        Direction::UserOriginated => 1,
    }
}

fn direction_of(code: i64) -> Option<Direction> {
    let all = [Direction::UserTerminated, Direction::UserOriginated];
    all.into_iter().find(|direction| direction_code(*direction) == code)
}

/// First byte of stored particulars: what the rest is.
const PLAIN: u8 = 0;
const ZSTD: u8 = 1;
/// Below this many bytes of JSON compression gains nothing.
const WORTH_COMPRESSING: usize = 200;

/// Particulars as stored: absent when nothing was given, else a format byte and JSON, compressed when that is shorter.
pub(crate) fn particulars_bytes(particulars: &Particulars) -> Option<Vec<u8>> {
    if *particulars == Particulars::default() {
        return None;
    }
    let json = serde_json::to_vec(particulars).expect("invariant: particulars are a tree of texts and numbers");
    let packed = (json.len() > WORTH_COMPRESSING).then(|| zstd::stream::encode_all(json.as_slice(), 3).ok()).flatten();
    let (format, body) = match packed {
        Some(packed) if packed.len() < json.len() => (ZSTD, packed),
        _ => (PLAIN, json),
    };
    Some([&[format], body.as_slice()].concat())
}

fn particulars_of(stored: Option<Vec<u8>>) -> Result<Particulars, StoreError> {
    let Some(stored) = stored else { return Ok(Particulars::default()) };
    let bad = || unreadable(TABLE, BadColumn("particulars"));
    let unpacked;
    let json = match stored.split_first() {
        Some((&PLAIN, json)) => json,
        Some((&ZSTD, packed)) => {
            unpacked = zstd::stream::decode_all(packed).map_err(|_| bad())?;
            unpacked.as_slice()
        }
        _ => return Err(bad()),
    };
    // The parser's own message may repeat the data (I11).
    serde_json::from_slice(json).map_err(|_| bad())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_read_back_and_others_do_not() {
        for state in State::ALL {
            assert_eq!(state_of(state_code(state)), Some(state));
        }
        assert_eq!((state_of(6), kind_of(2), direction_of(-1)), (None, None, None));
    }

    #[test]
    fn small_particulars_stay_plain_and_large_ones_shrink() {
        assert_eq!(particulars_bytes(&Particulars::default()), None);
        let small = Particulars { channel: Some("WEB".into()), ..Particulars::default() };
        let bytes = particulars_bytes(&small).unwrap();
        assert_eq!((bytes[0], &bytes[1..]), (PLAIN, br#"{"channel":"WEB"}"#.as_slice()));
        assert_eq!(particulars_of(Some(bytes)).unwrap(), small);
        let large = Particulars { channel: Some("WEB".repeat(500)), ..Particulars::default() };
        let bytes = particulars_bytes(&large).unwrap();
        assert_eq!(bytes[0], ZSTD);
        assert!(bytes.len() < 100, "{}", bytes.len());
        assert_eq!(particulars_of(Some(bytes)).unwrap(), large);
    }

    #[test]
    fn damaged_particulars_are_unreadable_without_saying_what_they_were() {
        for stored in [vec![], vec![7, 1], vec![ZSTD, 1, 2], b"\0{\"channel\":17}".to_vec()] {
            let error = particulars_of(Some(stored)).unwrap_err();
            let StoreError::Unreadable { table, cause } = error else { panic!("{error}") };
            assert_eq!((table, cause.to_string().as_str()), ("callbacks", "column particulars holds no valid value"));
        }
    }
}
