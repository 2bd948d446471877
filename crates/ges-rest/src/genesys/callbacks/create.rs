//! `POST /genesys/1/service/callback/{service_name}` (integrations 2.2; R-CRE-7).

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use ges_domain::booking::BookRequest;
use ges_domain::callback::{OfferType, OwnSession, Particulars, Scalar, Source, UserData};
use ges_domain::idempotency::{BodyDigest, Key, Keyed, Operation};
use ges_domain::phone::PhoneNumber;
use ges_domain::throttle::InQueueCheck;
use ges_domain::use_cases::Created;
use ges_domain::{CallbackId, Instant, Refusal, ServiceName, SessionId, TenantId, invariants};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::super::answers::json;
use super::super::fault::GmsFault;
use super::super::place::{Tenant, service_in};
use super::super::sent::{Sent, written};
use super::super::storage::update::{url, user_data};
use super::{SERVICE, read};
use crate::exchange::Exchange;
use crate::listener::Site;

/// Names of the header that makes a create happen once.
const KEY: [&str; 2] = ["x-idempotency-key", "idempotency-key"];

#[derive(Debug, Serialize)]
struct CreatedBody {
    _id: CallbackId,
    #[serde(rename = "_dialogId")]
    dialog_id: &'static str,
    _action: &'static str,
    _text: &'static str,
    #[serde(rename = "_okTitle")]
    ok_title: &'static str,
    _expiration_time: String,
}

pub(in super::super) async fn create(
    State(site): State<Arc<Site>>,
    exchange: Exchange,
    Tenant(tenant): Tenant,
    uri: Uri,
    request: Request,
) -> Result<Response, GmsFault> {
    let service = service_in(&uri, SERVICE)?;
    let key = key(request.headers())?;
    let sent = Sent::read(request, &site).await?;
    let keyed = key.map(|key| Keyed { operation: Operation::Create, key, body: digest(&service, &sent.digest) });
    let asked = wanted(service, sent.without_files()?)?;
    exchange.note_user_data(asked.particulars.user_data.len());
    let (service, phone) = (asked.service.clone(), asked.phone.clone());
    match book(&site, tenant, asked, keyed).await {
        Ok((id, expires_at)) => {
            exchange.note_callback(id);
            Ok(json(&CreatedBody {
                _id: id,
                dialog_id: "0",
                _action: "ConfirmationDialog",
                _text: "Callback accepted.",
                ok_title: "Ok",
                _expiration_time: expires_at.to_string(),
            }))
        }
        Err(refusal) => Err(throttled(&site, tenant, &service, &phone, refusal).await),
    }
}

/// Books, or finds what was booked under the same key before (I6).
async fn book(
    site: &Site,
    tenant: TenantId,
    asked: BookRequest,
    keyed: Option<Keyed>,
) -> Result<(CallbackId, Instant), Refusal> {
    let api = site.api();
    let created = match (api.answered(tenant, keyed.as_ref()).await?, keyed) {
        (Some(before), _) => Created::Before(CallbackId(before)),
        (None, Some(keyed)) => api.book.run_once(tenant, asked, keyed).await?,
        (None, None) => Created::Now(Box::new(api.book.run(tenant, asked).await?)),
    };
    match created {
        Created::Now(callback) => {
            site.metrics().callback_created(&tenant.to_string());
            site.look(&invariants::written(&callback));
            Ok((callback.id, callback.expires_at()))
        }
        Created::Before(id) => Ok((id, api.retrieve.run(tenant, id).await?.expires_at())),
    }
}

/// Counts a refusal by a limit, and names the limit of a number.
async fn throttled(
    site: &Site,
    tenant: TenantId,
    service: &ServiceName,
    phone: &PhoneNumber,
    refusal: Refusal,
) -> GmsFault {
    match refusal {
        Refusal::TtlLimitReached { .. } | Refusal::QueueFull => site.metrics().ttl_limit_reached(&tenant.to_string()),
        Refusal::EnqueueLimitReached => {
            site.metrics().enqueue_limit_reached(&tenant.to_string());
            if let Ok(Some(found)) = site.api().inside.catalogue.service(tenant, service).await {
                let (limits, shown) = (found.limits(), last_four(phone));
                let limit = limits.per_number_day;
                return GmsFault::later(
                    match limits.in_queue {
                        InQueueCheck::Off => {
                            format!("Too many callbacks requested today for _customer_number={shown} (limit {limit}).")
                        }
                        InQueueCheck::On | InQueueCheck::Strict => format!(
                            "Too many callbacks are waiting, or were requested today, for _customer_number={shown} \
                             (limit {limit})."
                        ),
                    },
                    3600,
                );
            }
        }
        _ => {}
    }
    refusal.into()
}

/// `…0100`, and nothing of a number that is hardly longer (I11).
fn last_four(phone: &PhoneNumber) -> String {
    let digits: Vec<char> = phone.as_given().chars().filter(char::is_ascii_digit).collect();
    let shown = if digits.len() > 6 { &digits[digits.len() - 4..] } else { &[] };
    format!("…{}", shown.iter().collect::<String>())
}

fn key(headers: &HeaderMap) -> Result<Option<Key>, GmsFault> {
    let mut values = KEY.iter().flat_map(|name| headers.get_all(*name));
    let Some(value) = values.next() else { return Ok(None) };
    let key = value.to_str().ok().and_then(|text| Key::new(text.trim()).ok()).filter(|_| values.next().is_none());
    let wrong = || GmsFault::option("X-Idempotency-Key must be given once, 1 to 255 visible ASCII characters");
    key.map(Some).ok_or_else(wrong)
}

/// The service is in the path, and another one makes another request.
fn digest(service: &ServiceName, body: &BodyDigest) -> BodyDigest {
    let mut digest = Sha256::new();
    digest.update(service.as_str().as_bytes());
    digest.update([0]);
    digest.update(body.0);
    BodyDigest(digest.finalize().into())
}

/// The request in domain values.
fn wanted(service: ServiceName, pairs: Vec<(String, Scalar)>) -> Result<BookRequest, GmsFault> {
    let mut particulars = Particulars { source: Source::Ivr, ..Particulars::default() };
    let (mut phone, mut desired, mut priority) = (None, None, None);
    let (mut session, mut session_url, mut offer_type) = (None, None, None);
    let (mut device, mut device_os) = (None, None);
    let mut data = Vec::new();
    for (key, value) in pairs {
        match key.as_str() {
            "_customer_number" => phone = Some(value).filter(|value| !written(value).trim().is_empty()),
            "_desired_time" => desired = read::time(&key, &value)?,
            "_priority" => priority = read::priority(&value)?,
            "_ors_session_id" => session = read::short(&key, &value)?,
            "_ors_url" => session_url = read::short(&key, &value)?,
            "_device_notification_id" => device = read::short(&key, &value)?,
            "_device_os" => device_os = read::short(&key, &value)?,
            "_language" => particulars.language = read::short(&key, &value)?,
            "_inbound_vq" => particulars.inbound_vq = read::short(&key, &value)?,
            "_urs_virtual_queue" => particulars.virtual_queue = read::short(&key, &value)?,
            "_offer_type" => offer_type = read::short(&key, &value)?,
            "_offer_timing" => particulars.offer_timing = read::short(&key, &value)?,
            "_offer_threshold" => particulars.offer_threshold = read::threshold(&value)?,
            "_origination_ixn_id" => particulars.origination_ixn = read::short(&key, &value)?,
            "_origination_channel" => particulars.channel = read::short(&key, &value)?,
            "_survey_rp" => particulars.survey_rp = read::short(&key, &value)?,
            "_route_point" => particulars.route_point = read::short(&key, &value)?,
            "_user_data" => data.extend(user_data(&value)?.into_iter().filter_map(|(key, value)| Some((key, value?)))),
            // A callback begins where its time says; what callers think of its state changes nothing.
            "_callback_state" => {}
            "_call_direction" => only(&key, &value, "USERTERMINATED")?,
            "_media_type" => only(&key, &value, "voice")?,
            _ if key.starts_with('_') => {
                let value = read::extra(&key, &value)?;
                drop((!value.is_empty()).then(|| particulars.session_facts.insert(key, value)));
            }
            _ => data.extend(Some((key, value)).filter(|(_, value)| !written(value).is_empty())),
        }
    }
    let kept: usize = particulars.session_facts.iter().map(|(key, value)| key.len() + value.len()).sum();
    if kept > read::EXTRAS {
        return Err(GmsFault::option(format!("System properties must have at most {} bytes", read::EXTRAS)));
    }
    let phone = phone.ok_or_else(|| GmsFault::option("_customer_number is required"))?;
    particulars.user_data = UserData::new(data).map_err(|_| Refusal::UserDataTooLarge)?;
    particulars.offer_type = Some(OfferType::lenient(offer_type.as_deref(), desired.is_some()));
    particulars.push_targets = read::target(device, device_os.as_deref())?;
    particulars.own_session = own_session(session, session_url)?;
    Ok(BookRequest { service, phone: read::number(&phone)?, desired, priority, captcha_token: None, particulars })
}

/// The session that asks for its own callback.
fn own_session(id: Option<String>, address: Option<String>) -> Result<Option<OwnSession>, GmsFault> {
    let address = address.as_deref().map(url).transpose()?;
    let Some(id) = id else { return Ok(None) };
    let id = SessionId::new(&id).map_err(|_| GmsFault::option("_ors_session_id is not a session id"))?;
    Ok(Some(OwnSession { id, url: address }))
}

fn only(key: &str, value: &Scalar, word: &'static str) -> Result<(), GmsFault> {
    let text = written(value);
    match text.is_empty() || text.trim().eq_ignore_ascii_case(word) {
        true => Ok(()),
        false => Err(GmsFault::option(format!("{key} must be {word}"))),
    }
}
