//! The environment service (integrations 4.3).

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{delete, get};
use axum::{Json, Router};
use serde_json::{Value, json};

use super::{Gws, absent, done, refused, with_token};
use crate::tenants::{SeededTenant, TenantSetting};

/// The environment service.
pub(crate) fn router(gws: Arc<Gws>) -> Router {
    let routes = Router::new()
        .route("/environment/v3/environments", get(environments))
        .route("/environment/v3/contact-centers", get(contact_centers))
        .route("/environment/v3/contact-centers/{ccid}", get(contact_center))
        .route("/environment/v3/contact-centers/api-key/{key}", get(by_key))
        .route("/environment/v3/contact-centers/{ccid}/api-keys", get(keys).post(add_key))
        .route("/environment/v3/contact-centers/{ccid}/api-keys/{key}", delete(remove_key))
        .route("/environment/v3/contact-centers/{ccid}/settings", get(settings).post(put_setting));
    with_token(routes, gws)
}

fn shown(tenant: &SeededTenant) -> Value {
    json!({ "id": tenant.id, "environmentId": tenant.id, "domains": [tenant.domain], "auth": "configServer" })
}

fn of_tenant(gws: &Gws, ccid: &str, read: impl FnOnce(&SeededTenant) -> Value) -> Response {
    gws.seed.lock().tenants.iter().find(|tenant| tenant.id == ccid).map_or_else(absent, |tenant| done(read(tenant)))
}

async fn environments(State(gws): State<Arc<Gws>>) -> Response {
    let shown = |tenant: &SeededTenant| {
        json!({ "id": tenant.id, "username": "default", "tenant": tenant.name, "appName": "Cloud",
                "connectionProtocol": "addp", "configServers": [] })
    };
    let told = gws.seed.lock().tenants.iter().map(shown).collect();
    gws.list("environments", told)
}

async fn contact_centers(State(gws): State<Arc<Gws>>) -> Response {
    let told = gws.seed.lock().tenants.iter().map(shown).collect();
    gws.list("contactCenters", told)
}

async fn contact_center(State(gws): State<Arc<Gws>>, Path(ccid): Path<String>) -> Response {
    of_tenant(&gws, &ccid, shown)
}

async fn by_key(State(gws): State<Arc<Gws>>, Path(key): Path<String>) -> Response {
    let seed = gws.seed.lock();
    seed.tenants.iter().find(|tenant| tenant.api_keys.contains(&key)).map_or_else(absent, |tenant| done(shown(tenant)))
}

async fn keys(State(gws): State<Arc<Gws>>, Path(ccid): Path<String>) -> Response {
    let known = gws.seed.lock().tenants.iter().find(|tenant| tenant.id == ccid).map(|tenant| tenant.api_keys.clone());
    let Some(keys) = known else { return absent() };
    gws.list("apiKeys", keys.into_iter().map(Value::from).collect())
}

async fn add_key(State(gws): State<Arc<Gws>>, Path(ccid): Path<String>, Json(body): Json<Value>) -> Response {
    let Some(key) = body["data"]["apiKey"].as_str() else { return StatusCode::BAD_REQUEST.into_response() };
    if gws.seed.lock().tenants.iter().any(|tenant| tenant.api_keys.iter().any(|kept| kept == key)) {
        return refused(StatusCode::CONFLICT, "already assigned");
    }
    match change_tenant(&gws, &ccid, |tenant| tenant.api_keys.push(key.into())) {
        Some(()) => {
            let path = format!("/contact-centers/{ccid}/api-keys/{key}");
            Json(json!({ "status": { "code": 0 }, "path": path })).into_response()
        }
        None => absent(),
    }
}

async fn remove_key(State(gws): State<Arc<Gws>>, Path((ccid, key)): Path<(String, String)>) -> Response {
    let changed = change_tenant(&gws, &ccid, |tenant| tenant.api_keys.retain(|kept| *kept != key));
    changed.map_or_else(absent, |()| done(Value::Null))
}

async fn settings(State(gws): State<Arc<Gws>>, Path(ccid): Path<String>) -> Response {
    let known = gws.seed.lock().tenants.iter().find(|tenant| tenant.id == ccid).map(|tenant| tenant.settings.clone());
    let Some(settings) = known else { return absent() };
    gws.list("settings", settings.into_iter().map(|setting| json!(setting)).collect())
}

async fn put_setting(State(gws): State<Arc<Gws>>, Path(ccid): Path<String>, Json(body): Json<Value>) -> Response {
    let Ok(setting) = serde_json::from_value::<TenantSetting>(body["data"].clone()) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let changed = change_tenant(&gws, &ccid, |tenant| {
        tenant.settings.retain(|kept| kept.name != setting.name);
        tenant.settings.push(setting);
    });
    changed.map_or_else(absent, |()| done(Value::Null))
}

/// None when there is no such tenant.
fn change_tenant(gws: &Gws, ccid: &str, change: impl FnOnce(&mut SeededTenant)) -> Option<()> {
    gws.seed.lock().tenants.iter_mut().find(|tenant| tenant.id == ccid).map(change)
}
