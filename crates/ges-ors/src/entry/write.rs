//! From an attempt to its entry.

use std::sync::Arc;

use ges_domain::callback::{Callback, Scalar, State, UserData};
use ges_domain::phone::dialed_digits;
use ges_domain::ports::Dispatch;
use ges_domain::reporting;
use ges_domain::service::Service;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::{EVENT, Fields, Origin, SCHEMA, settings};
use crate::OrsSessions;

/// Writes the entries of a batch. Attempts of one service share the text of its settings, and their region.
pub struct Writer<'a> {
    origin: &'a Origin,
    nodes: Option<&'a OrsSessions>,
    last: Option<(Arc<Service>, Box<RawValue>)>,
    last_region: Option<(Arc<Service>, Option<String>)>,
}

impl<'a> Writer<'a> {
    /// A writer for entries of this installation.
    pub fn new(origin: &'a Origin) -> Self {
        Self { origin, nodes: None, last: None, last_region: None }
    }

    /// The same that names no region whose nodes are all down.
    pub(crate) fn over(origin: &'a Origin, nodes: Option<&'a OrsSessions>) -> Self {
        Self { nodes, ..Self::new(origin) }
    }

    /// The entry of one attempt (R-SUB-4, R-CRE-9).
    pub fn entry(&mut self, dispatch: &Dispatch, corr_id: &str) -> Fields {
        let Dispatch { callback, service, attempt, at, .. } = dispatch;
        let mut fields: Fields = vec![
            ("schema", SCHEMA.to_string()),
            ("event", EVENT.into()),
            ("serviceId", callback.id.to_string()),
            ("attempt", attempt.to_string()),
            ("ccid", callback.tenant.to_string()),
            ("serviceName", callback.service.to_string()),
            ("application", service.settings.callback_application.clone()),
            ("applicationStream", service.settings.application_stream.clone()),
            ("gesUrl", self.origin.ges_url.clone()),
        ];
        fields.extend(self.region(service).map(|region| ("region", region)));
        fields.push(("submittedAt", at.to_string()));
        fields.push(("expiresAt", callback.deadline.to_string()));
        fields.push(("corrId", corr_id.into()));
        fields.push(("data", self.payload(dispatch)));
        fields
    }

    /// The queue's rule, then the deployment's own region, then any that is up (integrations 1.6, R-RA-3, R-RA-4).
    fn region(&mut self, service: &Arc<Service>) -> Option<String> {
        if let Some((_, region)) = self.last_region.as_ref().filter(|(last, _)| Arc::ptr_eq(last, service)) {
            return region.clone();
        }
        let preferred = service.preferred_regions();
        let chosen = self.nodes.and_then(|nodes| nodes.region_for(preferred));
        let chosen = chosen.as_ref().or(preferred.first()).map(ToString::to_string);
        let region = chosen.or_else(|| self.origin.region.clone());
        self.last_region = Some((Arc::clone(service), region.clone()));
        region
    }

    fn payload(&mut self, dispatch: &Dispatch) -> String {
        let settings = self.settings(dispatch);
        json(&Outgoing::new(dispatch, &settings))
    }

    fn settings(&mut self, dispatch: &Dispatch) -> Box<RawValue> {
        let particulars = &dispatch.callback.particulars;
        let text = || raw(json(&settings::effective(&dispatch.service.settings, particulars, self.origin.ewt_mode)));
        if settings::overrides(particulars) {
            return text();
        }
        match &self.last {
            Some((service, text)) if Arc::ptr_eq(service, &dispatch.service) => text.clone(),
            _ => {
                let text = text();
                self.last = Some((Arc::clone(&dispatch.service), text.clone()));
                text
            }
        }
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("invariant: the payload has text keys and plain values")
}

fn raw(json: String) -> Box<RawValue> {
    RawValue::from_string(json).expect("invariant: just written as JSON")
}

/// The payload in the vocabulary of orchestration; what is not known is left out.
#[derive(Serialize)]
struct Outgoing<'a> {
    _service_id: String,
    _service_name: &'a str,
    _ccid: String,
    _customer_number: &'a str,
    _desired_time: String,
    _earliest_dial_time: String,
    _callback_state: &'a str,
    _callback_type: &'a str,
    _media_type: &'a str,
    _call_direction: &'a str,
    _urs_virtual_queue: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    _inbound_vq: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    _priority: Option<i32>,
    _language: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    _route_point: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    _dial_prefix: &'a str,
    _dialed_digits: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    _calling_party_number: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    _calling_party_display_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    _origination_channel: Option<&'a str>,
    _max_dial_attempts: u32,
    #[serde(serialize_with = "user_data")]
    _user_data: &'a UserData,
    _settings: &'a RawValue,
    /// What the session attaches for reporting, as far as it is known at the start (chapter 22).
    _reporting: reporting::Keys,
}

impl<'a> Outgoing<'a> {
    fn new(dispatch: &'a Dispatch, settings: &'a RawValue) -> Self {
        let Dispatch { callback, service, .. } = dispatch;
        let (row, particulars) = (&service.settings, &callback.particulars);
        Self {
            _service_id: callback.id.to_string(),
            _service_name: callback.service.as_str(),
            _ccid: callback.tenant.to_string(),
            _customer_number: customer_number(callback),
            _desired_time: callback.desired_at.to_string(),
            _earliest_dial_time: dispatch.earliest_dial.to_string(),
            _callback_state: State::Queued.as_str(),
            _callback_type: callback.kind.as_str(),
            _media_type: "voice",
            _call_direction: callback.direction.as_str(),
            _urs_virtual_queue: service.virtual_queue(particulars),
            _inbound_vq: particulars.inbound_vq.as_deref(),
            _priority: callback.priority.or(row.default_priority),
            _language: particulars.language(),
            _route_point: particulars.route_point.as_deref().unwrap_or(&row.routing_point),
            _dial_prefix: &row.dial_prefix,
            _dialed_digits: dialed_digits(&row.dial_prefix, &callback.phone),
            _calling_party_number: &row.call_display_number,
            _calling_party_display_name: &row.call_display_name,
            _origination_channel: particulars.channel.as_deref(),
            _max_dial_attempts: row.max_dial_attempts,
            _user_data: &particulars.user_data,
            _settings: settings,
            _reporting: reporting::keys(callback, &[], Some(row.first_party)),
        }
    }
}

/// E.164 without `+` when the numbering plan read the number, else the number as given.
fn customer_number(callback: &Callback) -> &str {
    let key = callback.phone_key.as_str();
    let digits = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_digit());
    if digits { key } else { callback.phone.as_given() }
}

pub(crate) fn user_data<S: Serializer>(user_data: &UserData, serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(user_data.len()))?;
    for (key, value) in user_data.iter() {
        match value {
            Scalar::Text(text) => map.serialize_entry(key, text)?,
            Scalar::Bool(truth) => map.serialize_entry(key, truth)?,
            // A literal keeps every digit the caller wrote; what is no literal goes as text.
            Scalar::Number(literal) => match RawValue::from_string(literal.clone()) {
                Ok(number) => map.serialize_entry(key, &number)?,
                Err(_) => map.serialize_entry(key, literal)?,
            },
        }
    }
    map.end()
}
