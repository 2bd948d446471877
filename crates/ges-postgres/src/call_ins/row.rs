//! Rows of groups and requests, and back.

use ges_domain::call_in::{AccessNumber, CallInRequest, Group, GroupName, Key, Reservation, State};
use ges_domain::callback::UserData;
use ges_domain::phone::PhoneNumber;
use ges_domain::ports::StoreError;
use ges_domain::{CallInId, CallbackId, Instant, TenantId};
use serde::{Deserialize, Serialize};
use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::error::{Fault, reading, unreadable};

pub(super) const TABLE: &str = "call_in_requests";

/// A statement over the columns that [`request_of`] reads.
macro_rules! select_requests {
    ($tail:literal) => {
        concat!(
            "select tenant, id, group_name, number, reservation, state, created_at, expires_at, ended_at, details
            from call_in_requests ",
            $tail
        )
    };
}
pub(super) use select_requests;

/// The fields nobody searches by.
#[derive(Serialize, Deserialize)]
struct Details {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<PhoneNumber>,
    #[serde(default, skip_serializing_if = "UserData::is_empty")]
    user_data: UserData,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    callback: Option<CallbackId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    matched_from: Option<PhoneNumber>,
}

/// What is kept beside the columns.
pub(super) fn details(request: &CallInRequest) -> Result<Vec<u8>, StoreError> {
    let details = Details {
        from: request.from.clone(),
        user_data: request.user_data.clone(),
        callback: request.callback,
        matched_from: request.matched_from.clone(),
    };
    serde_json::to_vec(&details).map_err(|error| StoreError::Unavailable(error.into()))
}

pub(super) fn group_of(document: &str) -> Result<Group, StoreError> {
    serde_json::from_str(document).map_err(|error| unreadable("call_in_groups", error))
}

pub(super) fn reservation_of(number: &str, key: &str) -> Result<Reservation, StoreError> {
    let number = AccessNumber::new(number).map_err(|_| unreadable(TABLE, Fault::Value("number")))?;
    let key = Key::stored(key).map_err(|_| unreadable(TABLE, Fault::Value("reservation")))?;
    Ok(Reservation { number, key })
}

pub(super) fn request_of(row: &PgRow) -> Result<CallInRequest, StoreError> {
    fn get<'r, T>(row: &'r PgRow, column: &'static str) -> Result<T, StoreError>
    where
        T: sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
    {
        row.try_get(column).map_err(reading(TABLE))
    }
    // The text of the error could quote the document (I11).
    let details: Details =
        serde_json::from_slice(get(row, "details")?).map_err(|_| unreadable(TABLE, Fault::Value("details")))?;
    let group = GroupName::new(get(row, "group_name")?).map_err(|_| unreadable(TABLE, Fault::Value("group_name")))?;
    let state = match get::<i16>(row, "state")? {
        1 => State::Waiting,
        2 => State::Matched,
        3 => State::Expired,
        _ => return Err(unreadable(TABLE, Fault::Value("state"))),
    };
    Ok(CallInRequest {
        id: CallInId(get(row, "id")?),
        tenant: TenantId(get(row, "tenant")?),
        group,
        reservation: reservation_of(get(row, "number")?, get(row, "reservation")?)?,
        from: details.from,
        user_data: details.user_data,
        callback: details.callback,
        state,
        created_at: Instant::from_millis(get(row, "created_at")?),
        expires_at: Instant::from_millis(get(row, "expires_at")?),
        ended_at: get::<Option<i64>>(row, "ended_at")?.map(Instant::from_millis),
        matched_from: details.matched_from,
    })
}
