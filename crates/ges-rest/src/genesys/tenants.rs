//! `/genesys/1/tenants`: how Designer publishes in the form of shared GMS (integrations 5.2).

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::future::join_all;
use ges_domain::ports::UserToken;
use ges_domain::publishing::{Cells, Publish, Published};
use ges_domain::{Refusal, TenantId};
use serde_json::{Map, Value, json};

use super::fault::{Exception, GmsFault, Written};
use super::place::{Nobodys, text_of};
use crate::answer::JSON;
use crate::body::{media_type, read};
use crate::designer::{cell, log_problems};
use crate::exchange::Exchange;
use crate::identity::contact_center;
use crate::listener::Site;

/// Longest name of a section in characters.
const NAME: usize = 300;

/// `GET`: every section as it was published.
pub(super) async fn read_all(
    State(site): State<Arc<Site>>,
    exchange: Exchange,
    headers: HeaderMap,
) -> Result<Response, Response> {
    let tenant = caller(&site, &exchange, &headers).await?;
    let standing = site.api().publish.publishing.standing(tenant).await.map_err(fault)?;
    let sections: BTreeMap<_, _> = standing.sections.iter().map(|(name, section)| (name, &section.cells)).collect();
    Ok(json_answer(&json!(sections)))
}

/// `POST`: puts the sections of the body; others stay.
pub(super) async fn put(
    State(site): State<Arc<Site>>,
    exchange: Exchange,
    request: Request,
) -> Result<Response, Response> {
    let tenant = caller(&site, &exchange, request.headers()).await?;
    let body = json_body(&site, request).await?;
    let Value::Object(sections) = body else {
        return Err(GmsFault::option("The body must be an object of sections").into_response());
    };
    let sections = sections.into_iter().map(|(name, cells)| section(name, cells));
    let sections = sections.collect::<Result<BTreeMap<_, _>, _>>().map_err(IntoResponse::into_response)?;
    publish(&site, tenant, Publish::changes(site.api().publish.clock.now(), sections, Vec::new())).await
}

/// `DELETE`: takes the named sections away; unknown names are ignored.
pub(super) async fn remove(
    State(site): State<Arc<Site>>,
    exchange: Exchange,
    request: Request,
) -> Result<Response, Response> {
    let tenant = caller(&site, &exchange, request.headers()).await?;
    let names: Vec<String> = serde_json::from_value(json_body(&site, request).await?)
        .map_err(|_| GmsFault::option("The body must be an array of names of sections").into_response())?;
    publish(&site, tenant, Publish::changes(site.api().publish.clock.now(), BTreeMap::new(), names)).await
}

/// `GET …/info`: where the sessions and routers of contact centers are.
pub(super) async fn info(
    State(site): State<Arc<Site>>,
    exchange: Exchange,
    headers: HeaderMap,
) -> Result<Response, Response> {
    let tenants = match named(&site, &exchange, &headers).await? {
        Named::Nobody => site.api().publish.publishing.tenants().await.map_err(fault)?,
        Named::Unknown => return Err(empty(StatusCode::NOT_FOUND)),
        Named::Known(tenant) => vec![tenant],
    };
    let endpoints = &site.api().endpoints;
    let node = |kind: &str, urls: Vec<String>| {
        let roles = ["primary", "backup"].into_iter().zip(urls);
        Value::Object(
            roles.map(|(role, url)| (role.to_owned(), json!({ (kind): url.trim_end_matches('/') }))).collect(),
        )
    };
    let each = async |tenant: TenantId| {
        let info = json!({
            "CFGOrchestrationServer": node("ORS", endpoints.orchestration_of(tenant).await),
            "CFGRouterServer": node("URS", endpoints.routers_of(tenant).await),
        });
        (tenant.to_string(), info)
    };
    // Nodes that have to be found first are looked for together.
    let told: Map<_, _> = join_all(tenants.into_iter().map(each)).await.into_iter().collect();
    Ok(json_answer(&Value::Object(told)))
}

/// `POST …/refresh`: looks again at what was refused.
pub(super) async fn refresh(
    State(site): State<Arc<Site>>,
    exchange: Exchange,
    headers: HeaderMap,
) -> Result<Response, Response> {
    match named(&site, &exchange, &headers).await? {
        Named::Nobody => Err(GmsFault::option("The header contactCenterId is required").into_response()),
        Named::Unknown => Err(empty(StatusCode::NOT_FOUND)),
        Named::Known(tenant) => {
            site.api().publish.again(tenant).await.map_err(fault)?;
            Ok(empty(StatusCode::ACCEPTED))
        }
    }
}

async fn publish(site: &Site, tenant: TenantId, publish: Publish) -> Result<Response, Response> {
    if let Published::Applied(report) = site.api().publish.run(tenant, publish).await.map_err(fault)? {
        log_problems(tenant, &report);
    }
    Ok(empty(StatusCode::OK))
}

/// Whom the headers name.
enum Named {
    Nobody,
    Unknown,
    Known(TenantId),
}

async fn named(site: &Site, exchange: &Exchange, headers: &HeaderMap) -> Result<Named, Response> {
    let Some(header) = contact_center(headers).map_err(|failure| GmsFault::from(failure).into_response())? else {
        return Ok(Named::Nobody);
    };
    let Some(tenant) = header.0 else { return Ok(Named::Unknown) };
    Ok(if known(site, exchange, tenant).await? { Named::Known(tenant) } else { Named::Unknown })
}

/// Whether there is such a contact center; one there is gets series and a place in the log line.
async fn known(site: &Site, exchange: &Exchange, tenant: TenantId) -> Result<bool, Response> {
    let known = site.api().keys.known(tenant).await;
    let known = known.map_err(|_| GmsFault::from(Refusal::UpstreamUnavailable).into_response())?;
    if known {
        site.observed.meet(tenant);
        exchange.note_tenant(tenant);
    }
    Ok(known)
}

/// The tenant of the caller: the one it names, else that of the user whose GWS token it shows. Nobody is refused as shared GMS
/// did; who names a stranger hears whom.
async fn caller(site: &Site, exchange: &Exchange, headers: &HeaderMap) -> Result<TenantId, Response> {
    match named(site, exchange, headers).await? {
        Named::Known(tenant) => Ok(tenant),
        Named::Nobody => match signed_in(site, headers).await? {
            Some(tenant) if known(site, exchange, tenant).await? => Ok(tenant),
            _ => {
                let body = r#"{"exception":"java.rmi.AccessException","message":"Requires permission"}"#;
                let answer = (StatusCode::FORBIDDEN, [(header::CONTENT_TYPE, JSON)], body);
                Err(written(answer.into_response()))
            }
        },
        Named::Unknown => Err(GmsFault::from(Nobodys::Unknown(text_of(headers))).into_response()),
    }
}

/// The contact center of the user whose token stands in `Authorization`.
async fn signed_in(site: &Site, headers: &HeaderMap) -> Result<Option<TenantId>, Response> {
    let api = site.api();
    // What callers show the gate is not for the authentication service to see.
    let Some(callers) = api.callers.as_ref().filter(|_| !api.inside.gate.reads(&header::AUTHORIZATION)) else {
        return Ok(None);
    };
    let Some(token) = bearer(headers) else { return Ok(None) };
    match callers.whose(&UserToken::new(token)).await {
        Ok(person) => Ok(person.map(|person| person.tenant)),
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "whose token a caller shows could not be asked");
            Err(GmsFault::from(Refusal::UpstreamUnavailable).into_response())
        }
    }
}

/// The token behind `Bearer`, when there is exactly one.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut given = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (given.next(), given.next()) else { return None };
    let (scheme, token) = value.to_str().ok()?.trim().split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

fn section(name: String, cells: Value) -> Result<(String, Cells), GmsFault> {
    let name = name.trim().to_owned();
    if !(1..=NAME).contains(&name.chars().count()) || name.contains('\0') {
        return Err(GmsFault::option(format!("A section needs a name of 1 to {NAME} characters without NUL")));
    }
    let Value::Object(cells) = cells else {
        return Err(GmsFault::option(format!("The section {name} must be an object of keys and values")));
    };
    Ok((name, cells.into_iter().filter_map(|(column, value)| Some((column, cell(value)?))).collect()))
}

async fn json_body(site: &Site, request: Request) -> Result<Value, Response> {
    if media_type(request.headers()).is_some_and(|media| !media.eq_ignore_ascii_case("application/json")) {
        let text = "Content-Type must be application/json";
        let fault = GmsFault::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, Exception::InvalidOption, text);
        return Err(fault.into_response());
    }
    let body = read(request, site).await.map_err(|failure| GmsFault::from(failure).into_response())?;
    serde_json::from_slice(&body).map_err(|error| {
        // The parser's own words may repeat the body.
        let place = format!("The body is not valid JSON: line {}, column {}", error.line(), error.column());
        GmsFault::option(place).into_response()
    })
}

fn fault(error: ges_domain::ports::StoreError) -> Response {
    GmsFault::from(error).into_response()
}

fn json_answer(value: &Value) -> Response {
    let body = value.to_string();
    written(([(header::CONTENT_TYPE, JSON)], body).into_response())
}

fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    written(response)
}

fn written(mut response: Response) -> Response {
    response.extensions_mut().insert(Written);
    response
}

#[cfg(test)]
#[path = "tenants_tests.rs"]
mod tests;
