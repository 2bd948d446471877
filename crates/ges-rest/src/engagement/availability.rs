//! `callbacks/availability/{service-name}` (engagement-api 7).

use std::sync::Arc;

use axum::extract::State;
use axum::http::Uri;
use ges_domain::Instant;
use ges_domain::availability::{Query, Until};
use ges_domain::hours::Zone;
use ges_domain::use_cases::Offered;
use serde::Serialize;

use super::service_in;
use crate::answer::{Answer, Failure};
use crate::identity::Caller;
use crate::listener::Site;
use crate::query::Parameters;

pub(crate) const PATH: &str = "/engagement/v3/callbacks/availability/{service-name}";

const START: [&str; 2] = ["start", "startMS"];
const END: [&str; 3] = ["end", "endMS", "numberOfDays"];
const KNOWN: &[&str] = &["start", "startMS", "end", "endMS", "numberOfDays", "timezone", "maxTimeSlots", "reportBusy"];

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct AvailabilityBody<'a> {
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

pub(super) async fn availability(State(site): State<Arc<Site>>, caller: Caller, uri: Uri) -> Result<Answer, Failure> {
    let service = service_in(uri.path())?;
    let (query, zone) = read(&Parameters::pick(uri.query(), KNOWN)?)?;
    let offered = site.api().offer.run(caller.tenant, &service, &query).await;
    let answered = offered.map(|offered| Answer::ok(&body(&offered, &zone)));
    site.api().recent.settle(caller.tenant, &uri, answered.map_err(Failure::from))
}

/// The query and the zone of local times (engagement-api 7.1).
fn read(parameters: &Parameters) -> Result<(Query, Zone), Failure> {
    only_one(parameters, &START)?;
    only_one(parameters, &END)?;
    let zone = parameters.zone("timezone")?.unwrap_or_else(Zone::utc);
    let instant = |date: &'static str, millis: &'static str| -> Result<Option<Instant>, Failure> {
        let written = parameters.moment(date)?.map(|moment| moment.resolve(Some(&zone)));
        Ok(written.or(parameters.integer(millis)?.map(Instant::from_millis)))
    };
    let until = match (instant("end", "endMS")?, parameters.count("numberOfDays")?) {
        (Some(at), _) => Until::At(at),
        (None, Some(days)) => Until::Days(days),
        (None, None) => Until::SameAsStart,
    };
    let query = Query {
        from: instant("start", "startMS")?,
        until,
        max_slots: parameters.count("maxTimeSlots")?,
        report_busy: parameters.boolean("reportBusy")?.unwrap_or_default(),
    };
    Ok((query, zone))
}

fn only_one(parameters: &Parameters, names: &[&str]) -> Result<(), Failure> {
    if names.iter().filter(|name| parameters.has(name)).count() > 1 {
        return Err(Failure::Malformed(format!("Set only one of {}", names.join(", ")).into()));
    }
    Ok(())
}

fn body<'a>(offered: &Offered, zone: &'a Zone) -> AvailabilityBody<'a> {
    let slot = |slot: &ges_domain::availability::OfferedSlot| SlotBody {
        utc_time: slot.utc.to_string(),
        local_time: zone.format_local(slot.utc),
        capacity: slot.capacity,
        total: slot.total,
    };
    AvailabilityBody {
        duration_min: offered.slot.minutes(),
        timezone: zone.name(),
        slots: offered.slots.iter().map(slot).collect(),
    }
}

#[cfg(test)]
#[path = "availability_tests.rs"]
mod tests;
