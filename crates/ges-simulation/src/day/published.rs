//! What Designer publishes on that day: the calendar and the rows of the services, in its own cells.

use std::collections::BTreeMap;

use ges_domain::TenantId;
use ges_domain::ports::Publishing;
use ges_domain::publishing::{Cells, Publish, Published};

use super::plan::Desk;
use super::town::Town;
use crate::world::World;

/// Name of the calendar, and where it is.
const CALENDAR: &str = "office";
/// The world begins at five in the morning there.
const ZONE: &str = "America/Los_Angeles";

/// Publishes sections, and takes others away.
pub(crate) async fn publish(
    world: &World,
    town: &Town,
    tenant: TenantId,
    sections: BTreeMap<String, Cells>,
    removed: Vec<String>,
) {
    let names: Vec<_> = sections.keys().chain(&removed).cloned().collect();
    let published = world.store.publish(tenant, &Publish::changes(world.now(), sections, removed)).await;
    let good = matches!(&published, Ok(Published::Applied(report)) if report.invalid.is_empty());
    world.note("designer", format!("publishes {}, taken: {good}", names.join(", ")));
    town.tally.count(if good { "publishes" } else { "publishes that were not taken" });
}

/// The section of a service, with another time to live than planned.
pub(crate) fn row(desk: &Desk, ttl: u32) -> (String, Cells) {
    let mut row = cells(&[
        ("_service", "callback"),
        ("_application", "CallbackApp"),
        ("_route_point", "5001"),
        ("_business_hours_service", CALENDAR),
        ("_request_time_bucket", &desk.slot.minutes().to_string()),
        ("_max_request_by_time_bucket", &desk.places.to_string()),
        ("_ttl", &ttl.to_string()),
        ("_max_dial_attempts", &desk.dials.to_string()),
        ("_dial_retry_timeout", &desk.redial.to_string()),
    ]);
    row.extend(desk.priority.map(|priority| ("defaultPriority".to_owned(), priority.to_string())));
    (section(desk.service.name.as_str()), row)
}

/// Open every day from eight to twenty hours.
pub(crate) fn calendar() -> (String, Cells) {
    let calendar = cells(&[("_service", "office-hours"), ("_timezone", ZONE), ("_bh_regular1", "Mon-Sun 08:00-20:00")]);
    (section(CALENDAR), calendar)
}

/// The name of a section.
pub(crate) fn section(name: &str) -> String {
    format!("service.{name}")
}

fn cells(pairs: &[(&str, &str)]) -> Cells {
    pairs.iter().map(|(column, cell)| ((*column).to_owned(), (*cell).to_owned())).collect()
}
