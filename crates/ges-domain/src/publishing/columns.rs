//! Columns of CALLBACK_SETTINGS (chapter 7.1) under every name they come with (integrations 5.3).

use super::cells::{filled, truth};
use super::section::KIND;
use super::{Cells, Flaw};
use crate::callback::Direction;
use crate::phone::Country;
use crate::service::{FirstParty, Settings};
use crate::slots::SlotLength;
use crate::throttle::InQueueCheck;

/// Why a cell does not read.
type Cause = &'static str;

/// One column.
struct Column {
    /// The canonical key.
    key: &'static str,
    /// Its label.
    label: &'static str,
    /// The key of shared GMS; empty when it has none.
    gms: &'static str,
    /// Enters a filled cell.
    set: fn(&mut Settings, &str) -> Result<(), Cause>,
}

const fn column(
    key: &'static str,
    label: &'static str,
    gms: &'static str,
    set: fn(&mut Settings, &str) -> Result<(), Cause>,
) -> Column {
    Column { key, label, gms, set }
}

fn text(place: &mut String, cell: &str) -> Result<(), Cause> {
    cell.clone_into(place);
    Ok(())
}

fn named(place: &mut Option<String>, cell: &str) -> Result<(), Cause> {
    *place = Some(cell.to_owned());
    Ok(())
}

fn flag(place: &mut bool, cell: &str) -> Result<(), Cause> {
    *place = truth(cell).ok_or("must be true or false")?;
    Ok(())
}

fn number(place: &mut u32, cell: &str) -> Result<(), Cause> {
    *place = cell.parse().map_err(|_| "must be a whole number")?;
    Ok(())
}

fn limit(place: &mut Option<i64>, cell: &str) -> Result<(), Cause> {
    *place = Some(cell.parse().map_err(|_| "must be a whole number")?);
    Ok(())
}

fn maybe(place: &mut Option<bool>, cell: &str) -> Result<(), Cause> {
    *place = Some(truth(cell).ok_or("must be true or false")?);
    Ok(())
}

fn slot(place: &mut SlotLength, cell: &str) -> Result<(), Cause> {
    let length = cell.parse().ok().and_then(|minutes| SlotLength::from_minutes(minutes).ok());
    *place = length.ok_or("must be 5, 10, 15, 20, 30, 60 or 120 minutes")?;
    Ok(())
}

fn direction(place: &mut Direction, cell: &str) -> Result<(), Cause> {
    let all = [Direction::UserTerminated, Direction::UserOriginated];
    let found = all.into_iter().find(|direction| direction.as_str().eq_ignore_ascii_case(cell));
    *place = found.ok_or("must be USERTERMINATED or USERORIGINATED")?;
    Ok(())
}

fn first_party(place: &mut FirstParty, cell: &str) -> Result<(), Cause> {
    *place = match cell.to_ascii_uppercase().as_str() {
        "CUSTOMER" => FirstParty::Customer,
        "AGENT" => FirstParty::Agent,
        _ => return Err("must be CUSTOMER or AGENT"),
    };
    Ok(())
}

fn in_queue(place: &mut Option<InQueueCheck>, cell: &str) -> Result<(), Cause> {
    *place = Some(match truth(cell) {
        Some(true) => InQueueCheck::On,
        Some(false) => InQueueCheck::Off,
        None if cell.eq_ignore_ascii_case("strict") => InQueueCheck::Strict,
        None => return Err("must be true, false or strict"),
    });
    Ok(())
}

fn priority(place: &mut Option<i32>, cell: &str) -> Result<(), Cause> {
    *place = Some(cell.parse().map_err(|_| "must be a whole number")?);
    Ok(())
}

const COLUMNS: [Column; 41] = [
    column("description", "Description", "", |s, v| text(&mut s.description, v)),
    column("businessHours", "Business Hours", "_business_hours_service", |s, v| named(&mut s.business_hours, v)),
    column("callbackApplication", "Callback Application", "_application", |s, v| text(&mut s.callback_application, v)),
    column("applicationStream", "Application Stream", "_application_stream", |s, v| text(&mut s.application_stream, v)),
    column("routingPoint", "Routing Point", "_route_point", |s, v| text(&mut s.routing_point, v)),
    column("dialPrefix", "Dial Prefix", "_prefix_dial_out", |s, v| text(&mut s.dial_prefix, v)),
    column("callDisplayNumber", "Call Display Number", "_calling_party_number", |s, v| {
        text(&mut s.call_display_number, v)
    }),
    column("callDisplayName", "Call Display Name", "_calling_party_display_name", |s, v| {
        text(&mut s.call_display_name, v)
    }),
    column("immediateCallbackEnabled", "Immediate Callback Enabled", "_immediate_enabled", |s, v| {
        flag(&mut s.immediate_callback_enabled, v)
    }),
    column("scheduledCallbackEnabled", "Scheduled Callback Enabled", "_scheduled_enabled", |s, v| {
        flag(&mut s.scheduled_callback_enabled, v)
    }),
    column("callDirection", "Call Direction", "_call_direction", |s, v| direction(&mut s.call_direction, v)),
    column("slotMinutes", "Time Slot Duration (minutes)", "_request_time_bucket", |s, v| slot(&mut s.slot_minutes, v)),
    column("maxPerSlot", "Max Callbacks Per Time Slot", "_max_request_by_time_bucket", |s, v| {
        number(&mut s.max_per_slot, v)
    }),
    column("maxQueued", "Max Queued Callbacks", "_max_queued_callbacks_per_service", |s, v| {
        limit(&mut s.throttle.max_queued, v)
    }),
    column("callbackTtl", "Callback TTL (seconds)", "_ttl", |s, v| number(&mut s.callback_ttl, v)),
    column("maxDialAttempts", "Max Dial Attempts", "_max_dial_attempts", |s, v| number(&mut s.max_dial_attempts, v)),
    column("redialInterval", "Redial Interval (seconds)", "_dial_retry_timeout", |s, v| {
        number(&mut s.redial_interval, v)
    }),
    column("ringTimeout", "Ring Timeout (seconds)", "", |s, v| number(&mut s.ring_timeout, v)),
    column("cpdEnabled", "Call Progress Detection", "", |s, v| flag(&mut s.cpd_enabled, v)),
    column("firstParty", "First Party", "", |s, v| first_party(&mut s.first_party, v)),
    column("waitForAgent", "Agent Reservation", "_wait_for_agent", |s, v| flag(&mut s.wait_for_agent, v)),
    column("agentReserveTimeout", "Agent Reservation Timeout (seconds)", "", |s, v| {
        number(&mut s.agent_reserve_timeout, v)
    }),
    column("maxTransferAttempts", "Max Transfer To Agent Attempts", "", |s, v| number(&mut s.max_transfer_attempts, v)),
    column("surveyRP", "Survey Routing Point", "_survey_rp", |s, v| text(&mut s.survey_rp, v)),
    column("pushThresholdMinutes", "Push Notification Threshold (minutes)", "_push_threshold_minutes", |s, v| {
        number(&mut s.push_threshold_minutes, v)
    }),
    column("captchaRequired", "CAPTCHA Required", "", |s, v| flag(&mut s.captcha_required, v)),
    column("captchaSiteKey", "CAPTCHA Site Key", "", |s, v| named(&mut s.captcha_site_key, v)),
    column("virtualQueue", "", "_urs_virtual_queue", |s, v| named(&mut s.virtual_queue, v)),
    column("ewtQueue", "EWT Queue", "", |s, v| named(&mut s.ewt_queue, v)),
    column("ewtMode", "EWT Mode", "", |s, v| {
        s.ewt_mode = Some(v.to_ascii_lowercase().parse().map_err(|_| "must be mode1, mode2 or mode3")?);
        Ok(())
    }),
    column("defaultCountry", "Default Country", "", |s, v| {
        s.throttle.default_country = Some(Country::new(v).map_err(|_| "must be a country code of two letters")?);
        Ok(())
    }),
    column("blockImpossible", "Block Impossible Numbers", "", |s, v| maybe(&mut s.throttle.block_impossible, v)),
    column("blockPremium", "Block Premium Numbers", "", |s, v| maybe(&mut s.throttle.block_premium, v)),
    column("inQueueCheck", "In-Queue Check", "", |s, v| in_queue(&mut s.throttle.in_queue_check, v)),
    column("throttleLimit1", "Callbacks Per Window 1", "", |s, v| limit(&mut s.throttle.throttle_limit1, v)),
    column("throttleLimit2", "Callbacks Per Window 2", "", |s, v| limit(&mut s.throttle.throttle_limit2, v)),
    column("throttleTtl1", "Window 1 (seconds)", "", |s, v| limit(&mut s.throttle.throttle_ttl1, v)),
    column("throttleTtl2", "Window 2 (seconds)", "", |s, v| limit(&mut s.throttle.throttle_ttl2, v)),
    column("perNumberLimit", "Callbacks Per Number Per Day", "", |s, v| limit(&mut s.throttle.per_number_limit, v)),
    column("callInGroup", "Call-In Group", "", |s, v| text(&mut s.call_in_group, v)),
    column("defaultPriority", "Default Priority", "", |s, v| priority(&mut s.default_priority, v)),
];

/// Cells that say what a row is, not how its service behaves.
const STRUCTURE: [&str; 4] = [KIND, "_type", "serviceName", "Virtual Queue"];

/// Reads the settings of a row of service `name`: blank cells are defaults, columns nobody knows are kept (R-CFG-1, R-CFG-3).
/// What the row refers to is not looked up here.
///
/// # Errors
/// Every cell that does not hold, under the name the sender gave it.
pub fn read_settings(name: &str, cells: &Cells) -> Result<Settings, Vec<Flaw>> {
    let mut settings = Settings::default();
    let unholdable = cells.iter().filter(|(column, cell)| column.contains('\0') || cell.contains('\0'));
    let mut flaws: Vec<Flaw> = unholdable.map(|(column, _)| Flaw::new(column, "must not contain NUL")).collect();
    if !flaws.is_empty() {
        return Err(flaws);
    }
    for column in &COLUMNS {
        let given = [column.key, column.label, column.gms].into_iter().filter(|spelling| !spelling.is_empty());
        let mut given = given.filter_map(|spelling| Some((spelling, filled(cells, spelling)?)));
        let Some((spelling, cell)) = given.next() else { continue };
        if given.any(|(_, other)| other != cell) {
            flaws.push(Flaw::new(spelling, "is given under two names with different values"));
            continue;
        }
        if let Err(cause) = (column.set)(&mut settings, cell) {
            flaws.push(Flaw::new(spelling, cause));
        }
    }
    // The service's own queue needs no mention.
    settings.virtual_queue = settings.virtual_queue.filter(|queue| queue != name);
    let known = |cell: &str| {
        STRUCTURE.contains(&cell)
            || COLUMNS.iter().any(|column| cell == column.key || cell == column.label || cell == column.gms)
    };
    let unknown = cells.iter().filter(|(cell, _)| !known(cell));
    settings.extra = unknown.map(|(cell, value)| (cell.clone(), value.clone())).collect();
    if flaws.is_empty()
        && let Err(bad) = settings.check()
    {
        let column = COLUMNS.iter().find(|column| column.key == bad.key);
        let spelling = column.and_then(|column| {
            [column.key, column.label, column.gms].into_iter().find(|spelling| filled(cells, spelling).is_some())
        });
        let missing = spelling.is_none();
        let cause = if missing { "is required".to_owned() } else { format!("must be {}", bad.valid) };
        flaws.push(Flaw::new(spelling.unwrap_or(bad.key), cause));
    }
    if flaws.is_empty() { Ok(settings) } else { Err(flaws) }
}
