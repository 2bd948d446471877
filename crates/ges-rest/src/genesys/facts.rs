//! What anybody inside may ask: phone numbers, waits, the node; and what there deliberately is not (integrations 2.16, 2.17, 2.20,
//! 2.21).

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use ges_domain::phone::{Country, NumberFacts, PhoneNumber};
use ges_domain::wait::{EwtMode, names};
use serde::Serialize;

use super::answers::json;
use super::fault::{Exception, GmsFault};
use super::place::Tenant;
use crate::listener::Site;
use crate::query::{Parameters, values};

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct NumberBody<'a> {
    number_specified: &'a str,
    number_original: &'a str,
    #[serde(rename = "number-E164")]
    number_e164: String,
    number_international: String,
    number_national: String,
    country_code: String,
    country_default: &'a str,
    region_code: String,
    number_type: String,
    is_possible_number: bool,
    is_valid_number: bool,
    is_valid_number_for_region: bool,
    is_premium: bool,
    time_zone: &'static str,
    carrier: &'static str,
    location: &'static str,
}

/// `GET /genesys/1/phonenumber`.
pub(super) async fn phone_number(State(site): State<Arc<Site>>, uri: Uri) -> Result<Response, GmsFault> {
    let parameters = Parameters::pick(uri.query(), &["number", "country", "language"])?;
    let given = parameters.text("number").ok_or_else(|| GmsFault::option("number is required"))?;
    // A plus sign that nobody encoded arrives as a space.
    let given = given.strip_prefix(' ').map_or_else(|| given.to_owned(), |rest| format!("+{rest}"));
    let number = PhoneNumber::new(&given).map_err(|bad| GmsFault::option(format!("number {bad}")))?;
    let country = match parameters.text("country") {
        None => Country::US,
        Some(code) => Country::new(&code.to_ascii_uppercase())
            .map_err(|_| GmsFault::option("country must be a code of two letters (ISO 3166)"))?,
    };
    let described = site.api().inside.guide.describe(&number, &country);
    let facts = described.unwrap_or_else(|| NumberFacts { kind: "UNKNOWN".into(), ..NumberFacts::default() });
    Ok(json(&NumberBody {
        number_specified: number.as_given(),
        number_original: number.as_given(),
        number_e164: facts.e164,
        number_international: facts.international,
        number_national: facts.national,
        country_code: facts.country_code,
        country_default: country.as_str(),
        region_code: facts.region,
        number_type: facts.kind,
        is_possible_number: facts.possible,
        is_valid_number: facts.valid,
        is_valid_number_for_region: facts.valid_for_region,
        is_premium: facts.premium,
        time_zone: "",
        carrier: "",
        location: "",
    }))
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct WaitBody {
    /// Seconds, or -1.
    ewt: i64,
    /// The place a new call would have; 1 when nobody knows.
    pos: u32,
    result_code: i8,
}

/// `GET /genesys/1/ewt?vq=…`.
pub(super) async fn waits(
    State(site): State<Arc<Site>>,
    Tenant(tenant): Tenant,
    uri: Uri,
) -> Result<Response, GmsFault> {
    let lists = values(uri.query(), "vq")?;
    let queues = names(lists.iter().map(String::as_str)).map_err(|bad| GmsFault::option(format!("vq {bad}")))?;
    let waits = site.api().waits.whatever_is_known(tenant, &queues, EwtMode::default()).await;
    let bodies = queues.iter().zip(waits).map(|(queue, wait)| {
        let body = WaitBody { ewt: wait.estimated_wait_time, pos: wait.position, result_code: wait.result_code };
        (*queue, body)
    });
    Ok(json(&bodies.collect::<BTreeMap<_, _>>()))
}

#[derive(Debug, Serialize)]
struct NodeBody {
    status: &'static str,
    version: &'static str,
}

/// `GET /genesys/1/node`: for balancers.
pub(super) async fn node(State(site): State<Arc<Site>>) -> Result<Response, GmsFault> {
    match site.observed.health.not_ready().is_empty() {
        true => Ok(json(&NodeBody { status: "ok", version: env!("CARGO_PKG_VERSION") })),
        false => {
            Err(GmsFault::new(StatusCode::SERVICE_UNAVAILABLE, Exception::ServiceUnavailable, "This node is not ready"))
        }
    }
}

/// What the predecessor had and this service deliberately has not.
pub(super) async fn absent() -> GmsFault {
    GmsFault::not_found("Not supported by GES")
}
