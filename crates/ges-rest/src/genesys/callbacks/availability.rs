//! `GET /genesys/{1,2}/service/callback/{service_name}/availability` (integrations 2.6; R-AV-1 to R-AV-9).

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use ges_domain::availability::{Query, Until};
use ges_domain::hours::Zone;
use ges_domain::use_cases::Offered;
use serde::Serialize;

use super::super::answers::json;
use super::super::fault::GmsFault;
use super::super::place::{Tenant, service_in};
use super::SERVICE;
use crate::listener::Site;
use crate::query::Parameters;

const KNOWN: &[&str] = &["start", "end", "number-of-days", "max-time-slots", "timezone"];

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct SlotsBody<'a> {
    duration_min: u32,
    timezone: &'a str,
    slots: Vec<SlotBody>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct SlotBody {
    utc_time: String,
    local_time: String,
    capacity: u32,
    total: u32,
}

/// Starts of free slots with their places.
pub(in super::super) async fn first(
    State(site): State<Arc<Site>>,
    Tenant(tenant): Tenant,
    uri: Uri,
) -> Result<Response, GmsFault> {
    let (offered, _) = offered(&site, tenant, &uri).await?;
    let free: BTreeMap<String, u32> = offered.slots.iter().map(|slot| (slot.utc.to_string(), slot.capacity)).collect();
    Ok(json(&free))
}

/// The same with local times and totals.
pub(in super::super) async fn second(
    State(site): State<Arc<Site>>,
    Tenant(tenant): Tenant,
    uri: Uri,
) -> Result<Response, GmsFault> {
    let (offered, zone) = offered(&site, tenant, &uri).await?;
    let slots = offered.slots.iter().map(|slot| SlotBody {
        utc_time: slot.utc.to_string(),
        local_time: zone.format_local(slot.utc),
        capacity: slot.capacity,
        total: slot.total,
    });
    let slots = slots.collect();
    Ok(json(&SlotsBody { duration_min: offered.slot.minutes(), timezone: zone.name(), slots }))
}

async fn offered(site: &Site, tenant: ges_domain::TenantId, uri: &Uri) -> Result<(Offered, Zone), GmsFault> {
    let service = service_in(uri, SERVICE)?;
    let parameters = Parameters::pick(uri.query(), KNOWN)?;
    let zone = parameters.zone("timezone")?.unwrap_or_else(Zone::utc);
    let at = |name| -> Result<_, GmsFault> { Ok(parameters.moment(name)?.map(|moment| moment.resolve(Some(&zone)))) };
    let until = match (at("end")?, parameters.count("number-of-days")?) {
        (Some(_), Some(_)) => return Err(GmsFault::option("Set only one of end and number-of-days")),
        (Some(end), None) => Until::At(end),
        (None, days) => Until::Days(days.unwrap_or(1)),
    };
    let query = Query { from: at("start")?, until, max_slots: parameters.count("max-time-slots")?, report_busy: false };
    Ok((site.api().offer.run(tenant, &service, &query).await?, zone))
}
