//! `GET /genesys/1/admin/callback/queues` (integrations 2.7).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use ges_domain::callback::{Callback, Particulars, Reason};
use ges_domain::ports::{Look, MOST_FOUND};
use ges_domain::{Refusal, ServiceName, TenantId};

use super::super::answers::json;
use super::super::callbacks::query::{lookup_keys, states};
use super::super::callbacks::shown::{Shown, line, property};
use super::super::fault::GmsFault;
use super::super::place::Tenant;
use crate::listener::Site;
use crate::query::{Parameters, pairs};

/// How far back the window begins without `start_time`, and how far ahead it ends without `end_time`.
const BACK: Duration = Duration::from_secs(15 * 60);
const AHEAD: Duration = Duration::from_secs(24 * 3600);
/// Most services and most callbacks of one answer.
const MOST_SERVICES: u32 = 1_000;
const MOST_LINES: usize = 10_000;
/// Most callbacks of a service in a window.
const MOST_LOOKED_AT: usize = 20_000;

const KNOWN: &[&str] =
    &["target", "start_time", "end_time", "states", "max", "_callback_state", "_callback_reason", "_vq"];

pub(in super::super) async fn queues(
    State(site): State<Arc<Site>>,
    Tenant(tenant): Tenant,
    uri: Uri,
) -> Result<Response, GmsFault> {
    let inside = &site.api().inside;
    let parameters = Parameters::pick(uri.query(), KNOWN)?;
    let services = match parameters.text("target") {
        None => inside.lookup.service_names(tenant, MOST_SERVICES).await?,
        Some(name) => vec![known(&site, tenant, name).await?],
    };
    let (look, filters) = read(&site, tenant, &parameters, uri.query()).await?;
    let max = parameters.count("max")?.unwrap_or(MOST_FOUND).clamp(1, MOST_FOUND) as usize;
    let mut listed: BTreeMap<String, Vec<Shown>> = BTreeMap::new();
    let mut left = MOST_LINES;
    for service in services {
        let lines = match left {
            0 => Vec::new(),
            left => lines(&site, tenant, &service, &look, &filters, max.min(left)).await?,
        };
        left -= lines.len();
        listed.insert(service.to_string(), lines);
    }
    Ok(json(&listed))
}

async fn known(site: &Site, tenant: TenantId, name: &str) -> Result<ServiceName, GmsFault> {
    let unknown = || Refusal::UnknownService(name.to_owned());
    let service = ServiceName::new(name).map_err(|_| unknown())?;
    let found = site.api().inside.catalogue.service(tenant, &service).await?;
    found.map(|_| service).ok_or_else(|| unknown().into())
}

/// The window with what indexes know, and filters on single properties.
async fn read(
    site: &Site,
    tenant: TenantId,
    parameters: &Parameters,
    raw: Option<&str>,
) -> Result<(Look, Vec<(String, String)>), GmsFault> {
    let inside = &site.api().inside;
    let now = inside.clock.now();
    let at = |name| -> Result<_, GmsFault> { Ok(parameters.moment(name)?.map(|moment| moment.resolve(None))) };
    let (from, until) = (at("start_time")?.unwrap_or(now - BACK), at("end_time")?.unwrap_or(now + AHEAD));
    if until < from {
        return Err(GmsFault::option("end_time lies before start_time"));
    }
    let mut look = Look { from: Some(from), until: Some(until), ..Look::through(None) };
    for name in ["states", "_callback_state"] {
        if let Some(text) = parameters.text(name) {
            let states = states(text)?;
            match look.states.is_empty() {
                true => look.states = states,
                false => look.states.retain(|state| states.contains(state)),
            }
            if look.states.is_empty() {
                return Err(GmsFault::option("states and _callback_state have no state in common"));
            }
        }
    }
    if let Some(text) = parameters.text("_callback_reason") {
        look.reasons = vec![Reason::new(text).map_err(|bad| GmsFault::option(format!("_callback_reason {bad}")))?];
    }
    // `_` is the stamp that browsers add against caches.
    let other = |name: &str| name != "_" && !KNOWN.contains(&name);
    let mut filters: Vec<_> = pairs(raw)?.into_iter().filter(|(name, _)| other(name)).collect();
    if !filters.is_empty() {
        let configured = lookup_keys(site, tenant, None).await?;
        if let Some((name, _)) = filters.iter().find(|(name, _)| !configured.contains(name)) {
            return Err(GmsFault::option(format!("{name} is no parameter and no configured filter")));
        }
    }
    filters.extend(parameters.text("_vq").map(|queue| ("_vq".to_owned(), queue.to_owned())));
    Ok((look, filters))
}

async fn lines(
    site: &Site,
    tenant: TenantId,
    service: &ServiceName,
    look: &Look,
    filters: &[(String, String)],
    most: usize,
) -> Result<Vec<Shown>, GmsFault> {
    let inside = &site.api().inside;
    let now = inside.clock.now();
    let fits = |callback: &&Callback| {
        filters.iter().all(|(name, wanted)| match name.as_str() {
            "_vq" => queue_of(callback) == *wanted,
            name => property(callback, name) == *wanted,
        })
    };
    let (mut next, mut looked_at) = (Some(Look { service: Some(service.clone()), ..look.clone() }), 0);
    let mut found: Vec<Callback> = Vec::new();
    while let Some(look) = next {
        if looked_at >= MOST_LOOKED_AT {
            return Err(GmsFault::option(format!("{service} has more than {MOST_LOOKED_AT} callbacks in this window")));
        }
        let page = inside.lookup.look(tenant, &look, now).await?;
        looked_at += page.len();
        found.extend(page.iter().filter(fits).cloned());
        // Pages come from the far end, so what was found first makes way.
        found.drain(..found.len().saturating_sub(most));
        next = look.next(&page);
    }
    // The soonest first, as people read a queue.
    found.reverse();
    Ok(found.iter().map(line).collect())
}

/// The queue an inbound call would have used, else the one it was told to use, else its service.
fn queue_of(callback: &Callback) -> String {
    let Particulars { inbound_vq, virtual_queue, session_facts, .. } = &callback.particulars;
    let told = || session_facts.get("_urs_virtual_queue");
    let queue = inbound_vq.as_ref().or(virtual_queue.as_ref()).or_else(told).cloned();
    queue.unwrap_or_else(|| callback.service.to_string())
}
