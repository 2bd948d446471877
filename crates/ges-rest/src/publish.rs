//! `POST /ges/v1/notification/publish` on the internal listener (integrations 2.18): a push of the caller's own making.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use ges_domain::Refusal;
use ges_domain::callback::PushTarget;
use ges_domain::ports::{Publication, PublishError};
use serde::Serialize;

use crate::answer::{Answer, Failure};
use crate::body::JsonBody;
use crate::exchange::Exchange;
use crate::fields::{Fields, invalid, object};
use crate::genesys::place::tenant_of;
use crate::listener::Site;
use crate::scalar;

const PATH: &str = "/ges/v1/notification/publish";
/// Longest registration token in characters.
const TARGET: usize = 4_096;

pub(crate) fn routes() -> Router<Arc<Site>> {
    Router::new().route(PATH, post(publish))
}

#[derive(Debug, Serialize)]
struct PublishedBody {
    name: String,
}

async fn publish(
    State(site): State<Arc<Site>>,
    exchange: Exchange,
    headers: HeaderMap,
    body: JsonBody,
) -> Result<Response, Failure> {
    let tenant = tenant_of(&site, &exchange, &headers).await?;
    let publication = read(&body.fields()?)?;
    let Some(publisher) = &site.api().inside.publisher else { return Err(Refusal::UpstreamUnavailable.into()) };
    match publisher.publish(tenant, &publication).await {
        Ok(name) => Ok(Answer::ok(&PublishedBody { name }).into_response()),
        Err(PublishError::Unavailable) => Err(Refusal::UpstreamUnavailable.into()),
        Err(PublishError::TargetGone) => Err(invalid("target", "is not known to the push provider")),
        Err(PublishError::NotAMessage) => Err(invalid("event", "must be a JSON object, or a string that holds one")),
        Err(PublishError::NoCredential) => {
            Err(Failure::Malformed("No push credential is registered for this contact center".into()))
        }
        Err(PublishError::Refused) => {
            Err(Refusal::UpstreamRefused("The push provider refused the message".into()).into())
        }
    }
}

fn read(fields: &Fields<'_>) -> Result<Publication, Failure> {
    let channel = fields.required_text("channel", 32)?;
    if channel != "FCM" {
        return Err(invalid("channel", "must be FCM"));
    }
    let target = PushTarget(fields.required_text("target", TARGET)?);
    let event = fields.raw("event").ok_or_else(|| invalid("event", "is required"))?;
    let message = match event.get().starts_with('"') {
        true => scalar::text(event.get()).map_err(|flaw| invalid("event", flaw.to_string()))?,
        false => event.get().to_owned(),
    };
    if scalar::too_deep(&message) {
        return Err(invalid("event", "is nested too deeply"));
    }
    let raw = serde_json::from_str(&message)
        .map_err(|_| invalid("event", "must be a JSON object, or a string that holds one"))?;
    object("event", raw)?;
    let validate_only = fields.boolean("validate_only")?.unwrap_or_default();
    Ok(Publication { target, message, validate_only })
}
