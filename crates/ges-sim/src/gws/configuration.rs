//! The configuration service (integrations 4.4).

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{delete, get};
use axum::{Json, Router};
use serde_json::{Value, json};

use super::{Gws, absent, done, refused, with_token};
use crate::tenants::{Seed, SeededUser};

type Filters = BTreeMap<String, String>;

/// The configuration service.
pub(crate) fn router(gws: Arc<Gws>) -> Router {
    let routes = Router::new()
        .route("/configuration/v3/system/application", get(async || done(json!({ "name": "Cloud" }))))
        .route("/configuration/v3/objects/{kind}", get(objects).post(make))
        .route("/configuration/v3/objects/{kind}/permissions", get(permissions))
        .route("/configuration/v3/objects/{kind}/{key}", delete(remove));
    with_token(routes, gws)
}

fn number(filters: &Filters, name: &str) -> Option<u64> {
    filters.get(name)?.parse().ok()
}

/// The contact center a call is about; calls that name none are about the first.
fn center(gws: &Gws, headers: &HeaderMap) -> Option<String> {
    let seed = gws.seed.lock();
    match headers.get("contactcenterid").and_then(|value| value.to_str().ok()) {
        Some(named) => seed.tenants.iter().find(|tenant| tenant.id == named).map(|tenant| tenant.id.clone()),
        None => seed.tenants.first().map(|tenant| tenant.id.clone()),
    }
}

/// The users of a contact center with their keys.
fn users(seed: &Seed, ccid: &str) -> Vec<(u64, SeededUser)> {
    let of = |(at, user): (usize, &SeededUser)| {
        (seed.tenant_of(user).is_some_and(|tenant| tenant.id == ccid)).then(|| (Seed::key_of_user(at), user.clone()))
    };
    seed.users.iter().enumerate().filter_map(of).collect()
}

fn person((key, user): &(u64, SeededUser)) -> Value {
    let annex = match &user.legacy_role {
        Some(role) => json!({ "ges": { "roles": role } }),
        None => json!({}),
    };
    json!({ "DBID": key.to_string(), "userName": user.name, "firstName": user.name, "lastName": user.name,
            "tenantDBID": "1", "state": "CFGEnabled", "userProperties": annex })
}

async fn objects(
    State(gws): State<Arc<Gws>>,
    Path(kind): Path<String>,
    Query(filters): Query<Filters>,
    headers: HeaderMap,
) -> Response {
    let Some(ccid) = center(&gws, &headers) else { return absent() };
    let people = users(&gws.seed.lock(), &ccid);
    let of = |key: u64| people.iter().find(|(known, _)| *known == key).map(|(_, user)| user);
    let objects = gws.objects.lock();
    let keys = |has: &dyn Fn(&SeededUser) -> bool| -> Vec<u64> {
        people.iter().filter(|(_, user)| has(user)).map(|(key, _)| *key).collect()
    };
    let in_group = |group: &str| keys(&|user| user.access_groups.iter().any(|own| own == group));
    let with_role = |role: &str| keys(&|user| user.roles.iter().any(|own| own == role));
    let found: Vec<Value> = match kind.as_str() {
        "persons" => people
            .iter()
            .filter(|(key, user)| {
                number(&filters, "dbid:int").is_none_or(|wanted| wanted == *key)
                    && filters.get("user_name").is_none_or(|wanted| *wanted == user.name)
            })
            .map(person)
            .collect(),
        "access-groups" => match number(&filters, "person_dbid:int") {
            Some(key) => of(key).map_or_else(Vec::new, |user| {
                objects.groups(|name| user.access_groups.iter().any(|group| group == name), in_group)
            }),
            None => objects.groups(|_| true, in_group),
        },
        "roles" => match (number(&filters, "person_dbid:int"), number(&filters, "access_group_dbid:int")) {
            (Some(key), _) => of(key).map_or_else(Vec::new, |user| {
                objects.roles(|name, _| user.roles.iter().any(|role| role == name), with_role)
            }),
            (None, Some(key)) => objects.group(key).map_or_else(Vec::new, |group| {
                objects.roles(|_, groups| groups.iter().any(|of| of == group), with_role)
            }),
            (None, None) => objects.roles(|_, _| true, with_role),
        },
        "folders" | "scripts" => {
            let all = if kind == "folders" { &objects.folders } else { &objects.scripts };
            let folder = number(&filters, "folder_dbid:int").map(|key| key.to_string());
            all.iter()
                .filter(|made| made.ccid == ccid && filters.get("name").is_none_or(|wanted| *wanted == made.name))
                .filter(|made| folder.as_deref().is_none_or(|key| made.document["folderId"] == *key))
                .map(super::objects::Made::shown)
                .collect()
        }
        "virtual-queues" | "dns" => {
            let queue = |(at, name): (usize, &String)| json!({ "DBID": (500 + at).to_string(), "name": name, "type": "CFGVirtACDQueue" });
            gws.seed.lock().virtual_queues.iter().enumerate().map(queue).collect()
        }
        "agent-groups" => Vec::new(),
        _ => return absent(),
    };
    let (total, offset) = (found.len(), number(&filters, "offset").unwrap_or(0));
    let limit = number(&filters, "limit").unwrap_or(100).min(1_000);
    let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let page: Vec<_> = found.into_iter().skip(size(offset)).take(size(limit)).collect();
    done(json!({ "totalCount": total, "objects": page }))
}

async fn make(
    State(gws): State<Arc<Gws>>,
    Path(kind): Path<String>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Response {
    let Some(ccid) = center(&gws, &headers) else { return absent() };
    let Some(name) = body["data"]["name"].as_str().filter(|name| !name.is_empty()) else {
        return refused(StatusCode::BAD_REQUEST, "data.name is required");
    };
    let mut objects = gws.objects.lock();
    if objects.place(&kind).is_none() {
        return refused(StatusCode::FORBIDDEN, "objects of this kind are not made here");
    }
    match objects.make(&kind, &ccid, name, body["data"].clone()) {
        Some(key) => Json(json!({ "status": { "code": 0 }, "path": format!("/objects/{kind}/{key}"),
            "data": { "DBID": key.to_string() } }))
        .into_response(),
        None => refused(StatusCode::CONFLICT, "exists"),
    }
}

async fn remove(State(gws): State<Arc<Gws>>, Path((kind, key)): Path<(String, u64)>, headers: HeaderMap) -> Response {
    let Some(ccid) = center(&gws, &headers) else { return absent() };
    let mut objects = gws.objects.lock();
    let Some(place) = objects.place(&kind) else { return absent() };
    let before = place.len();
    place.retain(|made| made.key != key || made.ccid != ccid);
    if place.len() < before { done(Value::Null) } else { absent() }
}

async fn permissions(
    State(gws): State<Arc<Gws>>,
    Path(kind): Path<String>,
    Query(filters): Query<Filters>,
    headers: HeaderMap,
) -> Response {
    let Some(ccid) = center(&gws, &headers) else { return absent() };
    let people = users(&gws.seed.lock(), &ccid);
    let account = number(&filters, "account_dbid:int");
    let Some((_, user)) = people.into_iter().find(|(key, _)| Some(*key) == account) else { return absent() };
    let mut objects = gws.objects.lock();
    let Some(place) = objects.place(&kind) else { return absent() };
    let asked: Vec<u64> =
        filters.get("dbids").into_iter().flat_map(|text| text.split(',')).filter_map(|key| key.parse().ok()).collect();
    let told = place.iter().filter(|made| made.ccid == ccid && asked.contains(&made.key)).map(|made| {
        let read = match &user.reads {
            _ if kind == "folders" => user.reads_folders,
            Some(names) => names.contains(&made.name),
            None => true,
        };
        json!({ "DBID": made.key.to_string(), "read": read })
    });
    done(json!({ "permissions": told.collect::<Vec<_>>() }))
}
