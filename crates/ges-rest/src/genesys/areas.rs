//! `/genesys/1/storage`: general storage (integrations 2.12).

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use ges_domain::TenantId;
use ges_domain::ports::{AreaAnswer, AreaContent, AreaId, AreaWrite, AreasDown, MOST_AREA_BYTES, area_life};
use serde::Serialize;

use super::answers::{file, json, nothing, text};
use super::fault::{Exception, GmsFault};
use super::place::Tenant;
use super::sent::{Sent, written};
use crate::exchange::fresh_id;
use crate::listener::Site;
use crate::path::{is_named, segment};

/// The header that names the user an area belongs to.
const USER: &str = "gms_user";
/// Longest name of a user in bytes.
const USER_BYTES: usize = 255;
/// Seconds after which the storage may answer again.
const RETRY_AFTER: u64 = 5;

#[derive(Debug, Serialize)]
struct MadeBody<'a> {
    id: &'a str,
}

/// The storage is silent.
#[expect(clippy::needless_pass_by_value, reason = "it is a function for map_err")]
pub(super) fn down(error: AreasDown) -> GmsFault {
    tracing::warn!(error = &error as &dyn std::error::Error, "the general storage is not available");
    GmsFault::later("Storage unavailable.", RETRY_AFTER)
}

/// What a storage call came to instead of success.
pub(super) fn refused<T>(answer: &AreaAnswer<T>) -> GmsFault {
    match answer {
        AreaAnswer::Done(_) | AreaAnswer::Unknown => {
            GmsFault::not_found("There is no such storage, or its time is over")
        }
        AreaAnswer::NotYours => {
            GmsFault::new(StatusCode::FORBIDDEN, Exception::Operation, "The storage belongs to another gms_user")
        }
        AreaAnswer::TooLarge => GmsFault::option(format!("A storage must have at most {MOST_AREA_BYTES} bytes")),
    }
}

fn done<T>(answer: Result<AreaAnswer<T>, AreasDown>) -> Result<T, GmsFault> {
    match answer.map_err(down)? {
        AreaAnswer::Done(done) => Ok(done),
        other => Err(refused(&other)),
    }
}

/// `POST /genesys/1/storage/{ttl}`: a new one.
pub(super) async fn create(
    State(site): State<Arc<Site>>,
    Tenant(tenant): Tenant,
    uri: Uri,
    request: Request,
) -> Result<Response, GmsFault> {
    let id = fresh_id().to_string();
    let area = AreaId::new(&id).expect("invariant: an id has hexadecimal digits and hyphens");
    let life = area_life(&segment(uri.path(), 3).unwrap_or_default());
    let user = user(request.headers())?;
    let content = content(request, &site).await?;
    done(site.api().inside.areas.write(tenant, &area, user.as_deref(), AreaWrite::Create, content, life).await)?;
    Ok(json(&MadeBody { id: &id }))
}

/// `POST /genesys/1/storage/custom/{custom_id}/{ttl}`: one under a chosen id, for the user of the header.
pub(super) async fn create_custom(
    State(site): State<Arc<Site>>,
    Tenant(tenant): Tenant,
    uri: Uri,
    request: Request,
) -> Result<Response, GmsFault> {
    let area = area(&uri, 4)?;
    let life = area_life(&segment(uri.path(), 5).unwrap_or_default());
    let user = user(request.headers())?.ok_or_else(|| GmsFault::option("The header gms_user is missing"))?;
    let content = content(request, &site).await?;
    done(site.api().inside.areas.write(tenant, &area, Some(&user), AreaWrite::Create, content, life).await)?;
    Ok(json(&MadeBody { id: area.as_str() }))
}

/// `POST /genesys/1/storage/{id}/{ttl}`: merges, and its time begins anew.
pub(super) async fn merge(
    State(site): State<Arc<Site>>,
    Tenant(tenant): Tenant,
    uri: Uri,
    request: Request,
) -> Result<Response, GmsFault> {
    let area = area(&uri, 3)?;
    let life = area_life(&segment(uri.path(), 4).unwrap_or_default());
    let user = user(request.headers())?;
    let content = content(request, &site).await?;
    done(site.api().inside.areas.write(tenant, &area, user.as_deref(), AreaWrite::Merge, content, life).await)?;
    Ok(nothing())
}

/// `GET /genesys/1/storage/{id}`: every text.
pub(super) async fn read_all(
    State(site): State<Arc<Site>>,
    Tenant(tenant): Tenant,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, GmsFault> {
    let found: BTreeMap<_, _> = read(&site, tenant, &area(&uri, 3)?, &headers).await?.texts;
    Ok(json(&found))
}

/// `GET /genesys/1/storage/{id}/{key}`: one text.
pub(super) async fn read_one(
    State(site): State<Arc<Site>>,
    Tenant(tenant): Tenant,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, GmsFault> {
    let key = key(&uri, 4)?;
    let found = read(&site, tenant, &area(&uri, 3)?, &headers).await?.texts.remove(&key);
    found.map(text).ok_or_else(|| GmsFault::not_found("The storage has no such key"))
}

/// `GET /genesys/1/storage/binary/{id}/{key}`: one file.
pub(super) async fn read_file(
    State(site): State<Arc<Site>>,
    Tenant(tenant): Tenant,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, GmsFault> {
    let key = key(&uri, 5)?;
    let found = read(&site, tenant, &area(&uri, 4)?, &headers).await?.files.remove(&key);
    found.map(file).ok_or_else(|| GmsFault::not_found("The storage has no such file"))
}

/// `DELETE /genesys/1/storage/{id}` and `…/{key}`.
pub(super) async fn remove(
    State(site): State<Arc<Site>>,
    Tenant(tenant): Tenant,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, GmsFault> {
    let key = is_named(uri.path(), 4).then(|| key(&uri, 4)).transpose()?;
    let (area, user) = (area(&uri, 3)?, user(&headers)?);
    done(site.api().inside.areas.remove(tenant, &area, user.as_deref(), key.as_deref()).await)?;
    Ok(nothing())
}

async fn read(site: &Site, tenant: TenantId, area: &AreaId, headers: &HeaderMap) -> Result<AreaContent, GmsFault> {
    done(site.api().inside.areas.read(tenant, area, user(headers)?.as_deref()).await)
}

async fn content(request: Request, site: &Site) -> Result<AreaContent, GmsFault> {
    let sent = Sent::read(request, site).await?;
    let texts = sent.pairs.into_iter().map(|(key, value)| (key, written(&value))).collect();
    Ok(AreaContent { texts, files: sent.files.into_iter().collect() })
}

/// The area of a path. Names that begin with `~` are ours.
fn area(uri: &Uri, index: usize) -> Result<AreaId, GmsFault> {
    let name = segment(uri.path(), index).unwrap_or_default();
    let area = AreaId::new(&name).map_err(|bad| GmsFault::option(format!("The id of a storage {bad}")))?;
    match name.starts_with('~') {
        true => Err(GmsFault::option("The id of a storage must not begin with ~")),
        false => Ok(area),
    }
}

fn key(uri: &Uri, index: usize) -> Result<String, GmsFault> {
    let key = segment(uri.path(), index).filter(|key| !key.is_empty());
    key.ok_or_else(|| GmsFault::option("The key of the path is not valid percent-encoded text"))
}

fn user(headers: &HeaderMap) -> Result<Option<String>, GmsFault> {
    let Some(value) = headers.get(USER) else { return Ok(None) };
    let text = value.to_str().ok().map(str::trim).filter(|text| text.len() <= USER_BYTES);
    let text =
        text.ok_or_else(|| GmsFault::option(format!("gms_user must be at most {USER_BYTES} ASCII characters")))?;
    Ok(Some(text.to_owned()).filter(|text| !text.is_empty()))
}
