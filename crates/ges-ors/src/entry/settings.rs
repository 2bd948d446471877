//! The effective settings of a service as a map of texts (R-CRE-9).

use std::collections::BTreeMap;

use ges_domain::callback::Particulars;
use ges_domain::service::Settings;
use ges_domain::wait::EwtMode;
use serde_json::Value;

/// The row of CALLBACK_SETTINGS under its canonical keys, every value as text, unset cells left out. Overrides of the
/// request win: routing point and survey routing point. `mode`: of services that name none.
pub(super) fn effective(settings: &Settings, particulars: &Particulars, mode: EwtMode) -> BTreeMap<String, String> {
    let row = serde_json::to_value(settings).expect("invariant: settings have text keys and plain values");
    let Value::Object(cells) = row else { return BTreeMap::new() };
    let mut texts: BTreeMap<String, String> = cells
        .into_iter()
        .filter_map(|(key, value)| match value {
            Value::Null => None,
            Value::String(text) => Some((key, text)),
            other => Some((key, other.to_string())),
        })
        .collect();
    texts.insert("ewtMode".into(), settings.ewt_mode.unwrap_or(mode).as_str().into());
    for (key, value) in [("routingPoint", &particulars.route_point), ("surveyRP", &particulars.survey_rp)] {
        if let Some(value) = value {
            texts.insert(key.into(), value.clone());
        }
    }
    texts
}

/// Whether this request changes the row, so that it cannot share the text of its service.
pub(super) fn overrides(particulars: &Particulars) -> bool {
    particulars.route_point.is_some() || particulars.survey_rp.is_some()
}
