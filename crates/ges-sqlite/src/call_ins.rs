//! Call-ins: one writer at a time, so every reservation sees every key (R-CTI-4, P-16).

use async_trait::async_trait;
use ges_domain::call_in::{
    AccessNumber, CallInRequest, Draft, Group, GroupName, Held, IncomingCall, KEY_REST, Key, Reservation, State, allot,
    first_of,
};
use ges_domain::callback::{UserData, acts};
use ges_domain::phone::PhoneNumber;
use ges_domain::ports::{CallIns, Reserved, StoreError};
use ges_domain::{CallInId, CallbackId, Instant, TenantId};
use serde::{Deserialize, Serialize};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row, Sqlite, SqliteConnection};
use uuid::Uuid;

use crate::error::{BadColumn, unavailable, unreadable};
use crate::kept;
use crate::store::SqliteStore;
use crate::stored::{self, live};

const TABLE: &str = "call_in_requests";

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

const fn state_code(state: State) -> i64 {
    match state {
        State::Waiting => 0,
        State::Matched => 1,
        State::Expired => 2,
    }
}

fn details(request: &CallInRequest) -> Vec<u8> {
    let details = Details {
        from: request.from.clone(),
        user_data: request.user_data.clone(),
        callback: request.callback,
        matched_from: request.matched_from.clone(),
    };
    serde_json::to_vec(&details).expect("invariant: details are texts, numbers and booleans")
}

fn reservation(number: &str, key: &str) -> Result<Reservation, StoreError> {
    let number = AccessNumber::new(number).map_err(|_| unreadable(TABLE, BadColumn("number")))?;
    let key = Key::stored(key).map_err(|_| unreadable(TABLE, BadColumn("reservation")))?;
    Ok(Reservation { number, key })
}

fn get<'r, T: sqlx::Decode<'r, Sqlite> + sqlx::Type<Sqlite>>(
    row: &'r SqliteRow,
    column: &'static str,
) -> Result<T, StoreError> {
    row.try_get(column).map_err(|_| unreadable(TABLE, BadColumn(column)))
}

fn request_of(row: &SqliteRow) -> Result<CallInRequest, StoreError> {
    let details: &[u8] = get(row, "details")?;
    let details: Details = serde_json::from_slice(details).map_err(|_| unreadable(TABLE, BadColumn("details")))?;
    let group = GroupName::new(get(row, "group_name")?).map_err(|_| unreadable(TABLE, BadColumn("group_name")))?;
    let state = match get::<i64>(row, "state")? {
        0 => State::Waiting,
        1 => State::Matched,
        2 => State::Expired,
        _ => return Err(unreadable(TABLE, BadColumn("state"))),
    };
    Ok(CallInRequest {
        id: CallInId(get(row, "id")?),
        tenant: TenantId(get(row, "tenant")?),
        group,
        reservation: reservation(get(row, "number")?, get(row, "reservation")?)?,
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

fn group_of(document: &str) -> Result<Group, StoreError> {
    serde_json::from_str(document).map_err(|_| unreadable("call_in_groups", BadColumn("document")))
}

/// Keys on these numbers that are taken or rest at `now`.
async fn held(
    connection: &mut SqliteConnection,
    tenant: TenantId,
    numbers: &[AccessNumber],
    now: Instant,
) -> Result<Vec<Held>, StoreError> {
    let mut select = QueryBuilder::<Sqlite>::new(
        "select id, number, reservation, expires_at, ended_at from call_in_requests where tenant = ",
    );
    select.push_bind(tenant.0).push(" and freed_at > ").push_bind((now - KEY_REST).millis()).push(" and number in (");
    let mut list = select.separated(", ");
    for number in numbers {
        list.push_bind(number.as_str());
    }
    select.push(")");
    let rows = select.build().fetch_all(connection).await.map_err(unavailable)?;
    let held = |row: &SqliteRow| {
        Ok(Held {
            id: CallInId(get::<Uuid>(row, "id")?),
            reservation: reservation(get(row, "number")?, get(row, "reservation")?)?,
            expires_at: Instant::from_millis(get(row, "expires_at")?),
            ended_at: get::<Option<i64>>(row, "ended_at")?.map(Instant::from_millis),
        })
    };
    rows.iter().map(held).collect()
}

async fn insert(connection: &mut SqliteConnection, request: &CallInRequest) -> Result<(), StoreError> {
    let insert = sqlx::query(
        "insert into call_in_requests (tenant, id, group_name, number, reservation, state, created_at, expires_at,
         freed_at, details)
         values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    );
    let insert = insert
        .bind(request.tenant.0)
        .bind(request.id.0)
        .bind(request.group.as_str())
        .bind(request.reservation.number.as_str())
        .bind(request.reservation.key.to_text())
        .bind(state_code(request.state))
        .bind(request.created_at.millis())
        .bind(request.expires_at.millis())
        .bind(request.expires_at.millis())
        .bind(details(request));
    insert.execute(connection).await.map(drop).map_err(unavailable)
}

#[async_trait]
impl CallIns for SqliteStore {
    async fn group(&self, tenant: TenantId, name: &GroupName) -> Result<Option<Group>, StoreError> {
        let found = sqlx::query_scalar("select document from call_in_groups where tenant = ? and name = ?");
        let found: Option<String> =
            found.bind(tenant.0).bind(name.as_str()).fetch_optional(self.readers()).await.map_err(unavailable)?;
        found.map(|document| group_of(&document)).transpose()
    }

    async fn groups(&self, tenant: TenantId) -> Result<Vec<Group>, StoreError> {
        let found = sqlx::query_scalar("select document from call_in_groups where tenant = ? order by name");
        let found: Vec<String> = found.bind(tenant.0).fetch_all(self.readers()).await.map_err(unavailable)?;
        found.iter().map(|document| group_of(document)).collect()
    }

    async fn put_group(&self, tenant: TenantId, group: &Group) -> Result<(), StoreError> {
        let name = group.name.clone();
        let document = serde_json::to_string(group).expect("invariant: documents are trees of texts and numbers");
        let work = self.act(move |transaction| {
            Box::pin(async move {
                let put = sqlx::query(
                    "insert into call_in_groups (tenant, name, document) values (?, ?, ?)
                     on conflict (tenant, name) do update set document = excluded.document",
                );
                let put = put.bind(tenant.0).bind(name.as_str()).bind(document);
                put.execute(&mut transaction.connection).await.map(drop).map_err(unavailable)
            })
        });
        work.await
    }

    async fn reserve(&self, draft: Draft) -> Result<Reserved, StoreError> {
        let work = self.act(move |transaction| {
            Box::pin(async move {
                let connection = &mut transaction.connection;
                let now = draft.created_at;
                if let Some(keyed) = &draft.keyed {
                    let kept = kept::recall(&mut *connection, draft.tenant, keyed.operation, &keyed.key).await?;
                    match keyed.answered(kept.as_ref()) {
                        Ok(None) => {}
                        Ok(Some(id)) => return Ok(Reserved::Repeated(CallInId(id))),
                        Err(_) => return Ok(Reserved::KeyReused),
                    }
                }
                let found = sqlx::query("select turn, document from call_in_groups where tenant = ? and name = ?");
                let found = found.bind(draft.tenant.0).bind(draft.group.as_str());
                let Some(row) = found.fetch_optional(&mut *connection).await.map_err(unavailable)? else {
                    return Ok(Reserved::UnknownGroup);
                };
                let (turn, group): (i64, Group) = (get(&row, "turn")?, group_of(get(&row, "document")?)?);
                let held = held(connection, draft.tenant, &group.numbers, now).await?;
                let Some(allotted) = allot(&group, turn.unsigned_abs(), &draft, &held, now) else {
                    return Ok(Reserved::NothingFree);
                };
                if let Some(old) = allotted.replaces {
                    let expire = sqlx::query(
                        "update call_in_requests set state = 2, ended_at = ?, freed_at = ? where tenant = ? and id = ?",
                    );
                    let expire = expire.bind(now.millis()).bind(now.millis()).bind(draft.tenant.0).bind(old.0);
                    expire.execute(&mut *connection).await.map_err(unavailable)?;
                }
                let request = draft.with(allotted.reservation, group.lifetime);
                insert(connection, &request).await?;
                if let Some(keyed) = &draft.keyed {
                    kept::keep(connection, draft.tenant, keyed, request.id.0, now).await?;
                }
                let next = sqlx::query("update call_in_groups set turn = turn + 1 where tenant = ? and name = ?");
                let next = next.bind(draft.tenant.0).bind(draft.group.as_str());
                next.execute(&mut *connection).await.map_err(unavailable)?;
                Ok(Reserved::Taken(Box::new(request)))
            })
        });
        work.await
    }

    async fn match_call(
        &self,
        tenant: TenantId,
        call: &IncomingCall,
        now: Instant,
    ) -> Result<Option<CallInRequest>, StoreError> {
        let call = call.clone();
        let work = self.act(move |transaction| {
            Box::pin(async move {
                let connection = &mut transaction.connection;
                let mut select = QueryBuilder::<Sqlite>::new("select * from call_in_requests where tenant = ");
                select.push_bind(tenant.0).push(" and number = ").push_bind(call.number.as_str());
                select.push(" and state = 0 and freed_at > ").push_bind(now.millis()).push(" and reservation in (");
                let mut list = select.separated(", ");
                for key in call.keys() {
                    list.push_bind(key.to_text());
                }
                select.push(")");
                let rows = select.build().fetch_all(&mut *connection).await.map_err(unavailable)?;
                let waiting = rows.iter().map(request_of).collect::<Result<Vec<_>, _>>()?;
                let Some(found) = first_of(&call, &waiting, now) else { return Ok(None) };
                let matched = found.matched(&call, now);
                let write = sqlx::query(
                    "update call_in_requests set state = 1, ended_at = ?, freed_at = ?, details = ?
                     where tenant = ? and id = ?",
                );
                let write = write.bind(now.millis()).bind(now.millis()).bind(details(&matched));
                let write = write.bind(tenant.0).bind(matched.id.0);
                write.execute(&mut *connection).await.map_err(unavailable)?;
                if let Some(id) = matched.callback
                    && let Some(before) = live(connection, tenant, id, now).await?
                    && let Some(write) = acts::link_call_in(&before.record, matched.id, now)
                {
                    stored::write(transaction, &before, &write).await?;
                }
                Ok(Some(matched))
            })
        });
        work.await
    }

    async fn request(&self, tenant: TenantId, id: CallInId) -> Result<Option<CallInRequest>, StoreError> {
        let found = sqlx::query("select * from call_in_requests where tenant = ? and id = ?").bind(tenant.0).bind(id.0);
        let row = found.fetch_optional(self.readers()).await.map_err(unavailable)?;
        row.as_ref().map(request_of).transpose()
    }

    async fn purge_call_ins(&self, created_before: Instant, limit: u32) -> Result<u64, StoreError> {
        let work = self.act(move |transaction| {
            Box::pin(async move {
                let gone = sqlx::query(
                    "delete from call_in_requests where key in
                     (select key from call_in_requests where created_at < ? order by created_at limit ?)",
                );
                let gone = gone.bind(created_before.millis()).bind(i64::from(limit));
                Ok(gone.execute(&mut transaction.connection).await.map_err(unavailable)?.rows_affected())
            })
        });
        work.await
    }
}
