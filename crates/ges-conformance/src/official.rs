//! The wire traits of the vendor's generated clients (API reference 13): what they send, and what makes the stricter one throw.

use anyhow::{Context as _, Result, ensure};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{Reply, Request, described, send};

/// What both clients send as `cbOfferType` when nobody set it.
pub const OFFER_TYPE_SENTENCE: &str = "ASAP if the request does not include the desiredTime parameter and SCHEDULED if the request includes the desiredTime parameter.";

/// What `encodeURIComponent` leaves alone besides letters and digits.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');

/// Encodes as `encodeURIComponent` does.
pub fn encode_component(text: &str) -> String {
    utf8_percent_encode(text, COMPONENT).to_string()
}

/// The JavaScript client: nine calls by their names, a key, a port.
#[derive(Debug, Clone)]
pub struct OfficialClient {
    port: u16,
    key: String,
    /// Adds `_=<epoch ms>` to GET requests.
    uncached: bool,
}

impl OfficialClient {
    /// A client of the listener on this port.
    pub fn new(port: u16, key: &str) -> Self {
        Self { port, key: key.into(), uncached: false }
    }

    /// The same with its cache flag off.
    pub fn uncached(&self) -> Self {
        Self { uncached: true, ..self.clone() }
    }

    /// What every request of the client has. GET requests, too, say that they are JSON.
    pub fn request(&self, method: &str, path: &str) -> Request {
        Request::new(method, &format!("/engagement/v3{path}"))
            .header("User-Agent", "node-superagent/5.3.1")
            .header("Accept-Encoding", "gzip, deflate")
            .header("x-api-key", &self.key)
            .header("Content-Type", "application/json")
            .header("Accept", "application/json")
    }

    fn post(&self, path: &str, body: &Value) -> Result<Reply> {
        self.described("POST", path, &self.request("POST", path).body(body.to_string()))
    }

    /// Sends; what comes back has to be in the document.
    fn described(&self, method: &str, template: &str, request: &Request) -> Result<Reply> {
        let reply = send(self.port, request)?;
        described(method, &format!("/engagement/v3{template}"), &reply)?;
        Ok(reply)
    }

    /// `name`: what stands at the end of the path, encoded here.
    fn get(&self, template: &str, name: &str, query: &[(&str, String)]) -> Result<Reply> {
        let mut pairs: Vec<_> =
            query.iter().map(|(name, value)| format!("{name}={}", encode_component(value))).collect();
        if self.uncached {
            pairs.push("_=1767625200000".into());
        }
        let query = if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) };
        let path = match template.split_once('{') {
            Some((folder, _)) => format!("{folder}{}", encode_component(name)),
            None => template.to_owned(),
        };
        self.described("GET", template, &self.request("GET", &format!("{path}{query}")))
    }

    /// `CallbacksApi.bookCallbackExternal`: the two defaults are filled in as the client does.
    ///
    /// # Errors
    /// There is no answer, or one that is not in the document.
    pub fn book_callback_external(&self, mut body: Value) -> Result<Reply> {
        for (name, default) in [("cbOfferType", OFFER_TYPE_SENTENCE), ("language", "en-US")] {
            if body.get(name).is_none() {
                body[name] = default.into();
            }
        }
        self.post("/callbacks/create", &body)
    }

    /// `CallbacksApi.queryCallbackById`.
    ///
    /// # Errors
    /// There is no answer, or one that is not in the document.
    pub fn query_callback_by_id(&self, id: &str) -> Result<Reply> {
        self.post("/callbacks/retrieve", &json!({ "id": id }))
    }

    /// `CallbacksApi.cancelCallback`.
    ///
    /// # Errors
    /// There is no answer, or one that is not in the document.
    pub fn cancel_callback(&self, id: &str) -> Result<Reply> {
        self.post("/callbacks/cancel", &json!({ "id": id }))
    }

    /// `AvailabilityApi.queryAvailabilityV2`.
    ///
    /// # Errors
    /// There is no answer, or one that is not in the document.
    pub fn query_availability_v2(&self, service: &str, query: &[(&str, String)]) -> Result<Reply> {
        self.get("/callbacks/availability/{service-name}", service, query)
    }

    /// `AvailabilityApi.openFor`.
    ///
    /// # Errors
    /// There is no answer, or one that is not in the document.
    pub fn open_for(&self, service: &str, query: &[(&str, String)]) -> Result<Reply> {
        self.get("/callbacks/open-for/{service-name}", service, query)
    }

    /// `QueueStatusApi.queryQueueStatus`.
    ///
    /// # Errors
    /// There is no answer, or one that is not in the document.
    pub fn query_queue_status(&self, queue: &str) -> Result<Reply> {
        self.get("/callbacks/queue-status/{queue-name}", queue, &[])
    }

    /// `EstimatedWaitTimeApi.estimatedWaitTimeAPI1`: the comma between names is encoded, too.
    ///
    /// # Errors
    /// There is no answer, or one that is not in the document.
    pub fn estimated_wait_time(&self, queues: &str, options: &[(&str, String)]) -> Result<Reply> {
        let mut query = vec![("virtual-queues", queues.to_owned())];
        query.extend(options.iter().cloned());
        self.get("/estimated-wait-time", "", &query)
    }

    /// `CallInApi.callInRequests`.
    ///
    /// # Errors
    /// There is no answer, or one that is not in the document.
    pub fn call_in_requests(&self, body: &Value) -> Result<Reply> {
        self.post("/call-in/requests/create", body)
    }

    /// `StatisticsApi.statistics`: a POST that says JSON and sends nothing.
    ///
    /// # Errors
    /// There is no answer, or one that is not in the document.
    pub fn statistics(&self, cache_control: Option<&str>) -> Result<Reply> {
        let path = "/statistics/operations/get-statistic-ex";
        let mut request = self.request("POST", path);
        if let Some(value) = cache_control {
            request = request.header("cache-control", value);
        }
        self.described("POST", path, &request.body(""))
    }
}

/// What the Java client insists on in a success: the content type, a UUID as correlation id, UUIDs, offset date-times and
/// numbers where it has such types, wherever they stand.
///
/// # Errors
/// What it would throw at.
pub fn strictly_typed(reply: &Reply) -> Result<()> {
    enveloped(reply)?;
    ensure!(reply.status == 200, "status {}: {}", reply.status, reply.body);
    let json = reply.json();
    ensure!(json["status"]["code"] == json!(0) && json["status"]["message"] == "Successful", "{json}");
    ensure!(json.get("data").is_some(), "no data: {json}");
    typed(&json["data"])
}

/// What every answer has, errors included: JSON, the envelope, a fresh version-4 UUID in lower case, no cookie.
///
/// # Errors
/// What is missing.
pub fn enveloped(reply: &Reply) -> Result<()> {
    let kind = reply.header("content-type");
    ensure!(kind == Some("application/json; charset=utf-8"), "content type {kind:?}: {}", reply.body);
    ensure!(reply.header("set-cookie").is_none(), "a cookie was set");
    let corr_id = reply.corr_id();
    let id = Uuid::parse_str(&corr_id).with_context(|| format!("corrId {corr_id:?} in {}", reply.body))?;
    ensure!(id.get_version_num() == 4 && corr_id == id.to_string(), "corrId {corr_id}");
    ensure!(reply.code().is_some() && !reply.message().is_empty(), "no code or message: {}", reply.body);
    Ok(())
}

fn typed(value: &Value) -> Result<()> {
    match value {
        Value::Array(items) => items.iter().try_for_each(typed),
        Value::Object(fields) => fields.iter().try_for_each(|(name, value)| field(name, value)),
        _ => Ok(()),
    }
}

fn field(name: &str, value: &Value) -> Result<()> {
    ensure!(!value.is_null() && value != "", "{name} is empty where it should be left out");
    match name {
        "id" | "callbackServiceId" => {
            let text = value.as_str().with_context(|| format!("{name} is no text: {value}"))?;
            Uuid::parse_str(text).with_context(|| format!("{name} is no UUID: {text}"))?;
        }
        "desiredTime" | "utcTime" | "localTime" => offset_date_time(name, value.as_str().unwrap_or_default())?,
        "positionInQueue" | "estimatedWaitTime" | "capacity" | "total" | "durationMin" | "openFor" | "ewt"
        | "resultCode" | "expirationTime" | "accessCode" => ensure!(value.is_number(), "{name} is no number: {value}"),
        "offerImmediateCallback" | "offerScheduledCallback" => ensure!(value.is_boolean(), "{name}: {value}"),
        "slots" if value.is_object() => {}
        _ => return typed(value),
    }
    Ok(())
}

/// Three fraction digits, then `Z` or an offset.
fn offset_date_time(name: &str, text: &str) -> Result<()> {
    let offset = text.get(23..).unwrap_or_default();
    let shaped = text.get(19..20) == Some(".") && (offset == "Z" || (offset.len() == 6 && !name.starts_with("utc")));
    ensure!(shaped, "{name} has another layout: {text}");
    ensure!(name == "localTime" || offset == "Z", "{name} is not in UTC: {text}");
    text.parse::<jiff::Timestamp>().with_context(|| format!("{name} is no instant: {text}"))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(data: Value) -> Reply {
        let status = json!({ "code": 0, "message": "Successful", "corrId": "0b3f5f0c-3f3e-4b5f-9d0e-6f7a8b9c0d1e" });
        let headers = vec![("content-type".into(), "application/json; charset=utf-8".into())];
        Reply { status: 200, headers, body: json!({ "status": status, "data": data }).to_string() }
    }

    #[test]
    fn components_are_encoded_as_browsers_do() {
        assert_eq!(encode_component("my svc/x"), "my%20svc%2Fx");
        assert_eq!(encode_component("a,b+c-_.!~*'()ü"), "a%2Cb%2Bc-_.!~*'()%C3%BC");
    }

    #[test]
    fn the_strict_client_throws_at_wrong_types() {
        let good = json!({ "slots": [{ "utcTime": "2026-01-05T15:00:00.000Z", "localTime": "2026-01-05T10:00:00.000-05:00" }] });
        strictly_typed(&reply(good)).unwrap();
        for bad in [
            json!({ "id": "" }),
            json!({ "id": "x" }),
            json!({ "slots": [{ "localTime": "2026-01-05T10:00:00.000" }] }),
            json!({ "slots": [{ "utcTime": "2026-01-05T15:00:00Z" }] }),
            json!({ "desiredTime": "2026-01-05T10:00:00.000-05:00" }),
            json!({ "capacity": "5" }),
            json!({ "accessCode": null }),
            json!([{ "estimatedWaitTime": "x" }]),
        ] {
            assert!(strictly_typed(&reply(bad.clone())).is_err(), "{bad}");
        }
        let mut other = reply(json!({}));
        other.body = other.body.replace("4b5f", "1b5f");
        assert!(strictly_typed(&other).is_err(), "not version 4");
    }
}
