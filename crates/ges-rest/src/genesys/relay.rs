//! `/genesys/1/service/{id}/{action}`: requests passed on to the session that has a callback (integrations 2.11).

#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use ges_domain::ports::Passed;
use ges_domain::use_cases::Relayed;

use super::fault::{Exception, GmsFault, Written};
use super::place::{addressed, elsewhere, met};
use crate::answer::JSON;
use crate::body::read;
use crate::exchange::Exchange;
use crate::listener::Site;
use crate::path::segment;

/// Longest name of a request in bytes.
const ACTION: usize = 128;
/// When a session that was silent may be asked again: it is polled as often when its queue is short (R-POL-1).
const ASK_AGAIN_SECONDS: u64 = 2;
/// Longest media type that is passed on, in bytes.
const MEDIA_TYPE: usize = 255;

/// `POST` and `GET`: the session's answer as it is.
pub(super) async fn relay(
    State(site): State<Arc<Site>>,
    exchange: Exchange,
    request: Request,
) -> Result<Response, GmsFault> {
    let (uri, headers) = (request.uri().clone(), request.headers().clone());
    let (tenant, id) = addressed(&site, &exchange, &uri, 3, &headers).await?;
    let named = segment(uri.path(), 4).filter(|name| fits(name));
    let action = named.ok_or_else(|| GmsFault::option("The action of the path is not a name of a request"))?;
    let media = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let content_type = media.filter(|media| media.len() <= MEDIA_TYPE).map(str::to_owned);
    let query = uri.query().map(str::to_owned);
    let passed = Passed { content_type, body: read(request, &site).await?.to_vec(), query };
    let relayed = match site.api().relay.run(tenant, id, &action, &passed).await {
        Ok(relayed) => relayed,
        Err(refusal) => return Err(elsewhere(&site, tenant, id, refusal).await),
    };
    met(&site, &exchange, tenant);
    match relayed {
        Relayed::Answered(status, answer) => {
            let media = answer.content_type.and_then(|media| HeaderValue::from_str(&media).ok()).unwrap_or(JSON);
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
            Ok(ok(status, media, answer.body))
        }
        Relayed::Remembered(place) => Ok(ok(StatusCode::OK, JSON, place.into_bytes())),
        Relayed::NotYet(wait) => {
            let place = format!(r#"{{"_position":"0","_eta":"{}"}}"#, wait.as_secs());
            Ok(ok(StatusCode::OK, JSON, place.into_bytes()))
        }
        Relayed::NoSession => {
            Err(GmsFault::new(StatusCode::NOT_FOUND, Exception::SessionNotFound, "No session has this callback"))
        }
        Relayed::Unreachable => Err(GmsFault::later("The session of this callback does not answer", ASK_AGAIN_SECONDS)),
    }
}

/// Names of requests are words; anything that could lead elsewhere is none.
fn fits(name: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=ACTION).contains(&name.len()) && name.bytes().all(word) && name.bytes().any(|byte| byte != b'.')
}

fn ok(status: StatusCode, media: HeaderValue, body: Vec<u8>) -> Response {
    let mut response = (status, [(header::CONTENT_TYPE, media)], body).into_response();
    response.extensions_mut().insert(Written);
    response
}
