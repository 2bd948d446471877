//! `GET /genesys/1/service/callback[/{service_name}]` (integrations 2.3), and one callback by its `_url`.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use ges_domain::callback::{Reason, State as CallbackState};
use ges_domain::phone::PhoneNumber;
use ges_domain::use_cases::{Property, Sought};
use ges_domain::{Refusal, ServiceName, SessionId, TenantId};

use super::super::answers::json;
use super::super::fault::GmsFault;
use super::super::place::{Tenant, service_in};
use super::{SERVICE, found_with_news, shown};
use crate::exchange::Exchange;
use crate::listener::Site;
use crate::query;

/// The setting of a service that lists the user data keys queries may ask for.
const LOOKUP_KEYS: &str = "_customer_lookup_keys";
/// Most services whose keys are gathered for a query across services.
const MOST_SERVICES: u32 = 1_000;
/// Most properties of a query.
const MOST_PROPERTIES: usize = 20;

pub(in super::super) async fn of_service(
    State(site): State<Arc<Site>>,
    Tenant(tenant): Tenant,
    uri: Uri,
) -> Result<Response, GmsFault> {
    let service = service_in(&uri, SERVICE)?;
    answer(&site, tenant, Some(service), uri.query()).await
}

pub(in super::super) async fn of_tenant(
    State(site): State<Arc<Site>>,
    Tenant(tenant): Tenant,
    uri: Uri,
) -> Result<Response, GmsFault> {
    answer(&site, tenant, None, uri.query()).await
}

/// `GET …/{service_name}/{service_id}`: what `_url` leads to, and how its session was found last (integrations 1.7).
pub(in super::super) async fn one(
    State(site): State<Arc<Site>>,
    exchange: Exchange,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, GmsFault> {
    let (callback, seen) = found_with_news(&site, &exchange, &uri, &headers).await?;
    Ok(json(&shown::whole(&callback).with(&callback, seen.as_ref())))
}

async fn answer(
    site: &Site,
    tenant: TenantId,
    service: Option<ServiceName>,
    raw: Option<&str>,
) -> Result<Response, GmsFault> {
    let mut any = false;
    let (mut properties, mut data_keys) = (Vec::new(), None);
    for (name, value) in query::pairs(raw)? {
        match name.as_str() {
            _ if value.is_empty() || name == "_" => continue,
            "operand" => any = operand(&value)?,
            "_id" => properties.push(Property::Id(value.trim().parse().ok())),
            "_customer_number" => properties.push(Property::Number(number(&value)?)),
            "_callback_state" => properties.push(Property::States(states(&value)?)),
            "_callback_reason" => properties.push(Property::Reason(Reason::new(value.trim()).ok())),
            "_ors_session_id" => properties.push(session(&value)),
            _ => {
                if data_keys.is_none() {
                    data_keys = Some(lookup_keys(site, tenant, service.as_ref()).await?);
                }
                if !data_keys.as_ref().is_some_and(|keys| keys.contains(&name)) {
                    return Err(GmsFault::option("A property of the query is not one that can be looked up"));
                }
                properties.push(Property::UserData(name, value));
            }
        }
    }
    if properties.is_empty() || properties.len() > MOST_PROPERTIES {
        return Err(GmsFault::option(format!("A query must have 1 to {MOST_PROPERTIES} properties")));
    }
    let found = site.api().inside.find.run(tenant, &Sought { service, properties, any }).await?;
    Ok(json(&found.iter().map(shown::whole).collect::<Vec<_>>()))
}

fn operand(word: &str) -> Result<bool, GmsFault> {
    match word.trim() {
        word if word.eq_ignore_ascii_case("AND") => Ok(false),
        word if word.eq_ignore_ascii_case("OR") => Ok(true),
        _ => Err(GmsFault::option("operand must be AND or OR")),
    }
}

fn number(value: &str) -> Result<PhoneNumber, GmsFault> {
    // A plus sign that nobody encoded arrives as a space.
    let text = value.strip_prefix(' ').map(|rest| format!("+{rest}"));
    let number = PhoneNumber::new(text.as_deref().unwrap_or(value));
    number.map_err(|bad| GmsFault::option(format!("_customer_number {bad}")))
}

/// A session nobody can have is looked for all the same, and not found.
fn session(value: &str) -> Property {
    SessionId::new(value.trim()).map_or(Property::Id(None), Property::Session)
}

/// States with commas between them; a `!` in front means every other one.
pub(in super::super) fn states(text: &str) -> Result<Vec<CallbackState>, GmsFault> {
    let (negated, words) = match text.trim().strip_prefix('!') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let state = |word: &str| {
        let state = CallbackState::from_word(&word.trim().to_ascii_uppercase());
        state.ok_or_else(|| GmsFault::option("_callback_state is not a state of a callback"))
    };
    let named: Vec<CallbackState> =
        words.split(',').filter(|word| !word.trim().is_empty()).map(state).collect::<Result<_, _>>()?;
    let kept = CallbackState::ALL.into_iter().filter(|state| named.contains(state) != negated);
    Ok(kept.collect())
}

/// The user data keys that the service lists, or any service of the tenant.
pub(in super::super) async fn lookup_keys(
    site: &Site,
    tenant: TenantId,
    service: Option<&ServiceName>,
) -> Result<BTreeSet<String>, GmsFault> {
    let inside = &site.api().inside;
    let names = match service {
        Some(name) => vec![name.clone()],
        None => inside.lookup.service_names(tenant, MOST_SERVICES).await?,
    };
    let mut keys = BTreeSet::new();
    for name in &names {
        let found = inside.catalogue.service(tenant, name).await?;
        let found = match (found, service) {
            (Some(found), _) => found,
            (None, Some(name)) => return Err(Refusal::UnknownService(name.to_string()).into()),
            (None, None) => continue,
        };
        let listed = found.settings.extra.get(LOOKUP_KEYS).map(String::as_str).unwrap_or_default();
        let listed = listed.split(',').map(str::trim).filter(|key| !key.is_empty() && !key.starts_with('_'));
        keys.extend(listed.map(str::to_owned));
    }
    Ok(keys)
}
