//! From the router's answer to the domain's estimate (integrations 3.2, 3.4; R-EWT-2).

use ges_domain::wait::{Estimate, EwtMode};
use serde_json::Value;

/// From here on the router means that it cannot tell.
const CANNOT_TELL: f64 = 10_000.0;

/// The router's name of a mode (R-EWT-2).
pub(crate) const fn aqt(mode: EwtMode) -> &'static str {
    match mode {
        EwtMode::Mode1 => "urs",
        EwtMode::Mode2 => "urs2",
        EwtMode::Mode3 => "stat",
    }
}

/// Reads an answer of status 200; `None` when it is no object, which counts as no answer. Numbers may be strings.
pub(crate) fn estimate(answer: &Value) -> Option<Estimate> {
    let fields = answer.as_object()?;
    let ewt = fields.get("ewt");
    if names_an_error(fields.get("error")) || (ewt.is_none() && names_an_error(fields.get("result"))) {
        return Some(Estimate::UnknownQueue);
    }
    let Some(ewt) = ewt.and_then(number) else { return Some(Estimate::NoCalls) };
    if (0.0..CANNOT_TELL).contains(&ewt) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be within 0..10000")]
        return Some(Estimate::Known(ewt.floor() as u32));
    }
    if ewt.is_nan() || ewt < 0.0 {
        return Some(Estimate::NoCalls);
    }
    let field = |name| fields.get(name).and_then(number);
    Some(match (field("agents"), field("pos")) {
        (Some(0.0), _) => Estimate::NoAgents,
        // Calls wait and nothing can be estimated, so nobody serves.
        (None, Some(position)) if position > 1.0 => Estimate::NoAgents,
        _ => Estimate::NoCalls,
    })
}

/// The place a new call would have, from 1.
pub(crate) fn position(answer: &Value) -> Option<u32> {
    let position = answer.get("pos").and_then(number).filter(|position| (1.0..1e9).contains(position))?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be within 1..1e9")]
    Some(position as u32)
}

fn names_an_error(field: Option<&Value>) -> bool {
    match field {
        None | Some(Value::Null | Value::Bool(false)) => false,
        Some(Value::String(text)) => !text.is_empty(),
        Some(_) => true,
    }
}

fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_position_counts_from_one() {
        for (answer, expected) in
            [(json!({"pos": "4"}), Some(4)), (json!({"pos": 1}), Some(1)), (json!({"pos": 0}), None), (json!({}), None)]
        {
            assert_eq!(position(&answer), expected, "{answer}");
        }
    }

    #[test]
    fn check_11_every_row_of_the_mapping_table() {
        use Estimate::{Known, NoAgents, NoCalls, UnknownQueue};
        for (answer, expected) in [
            (
                json!({ "ewt": "127.5", "pos": "4", "wpos": "4", "aqt": "42.5", "calls": "3", "agents": "6" }),
                Known(127),
            ),
            (json!({ "ewt": 127.5, "pos": 4 }), Known(127)),
            (json!({ "ewt": "0", "pos": "1" }), Known(0)),
            (json!({ "ewt": 9999.99, "pos": 4, "agents": 0 }), Known(9999)),
            (json!({ "ewt": "10000", "pos": "1", "agents": "0" }), NoAgents),
            (json!({ "ewt": 10000, "pos": 4, "agents": 0 }), NoAgents),
            (json!({ "ewt": "10000", "pos": "2" }), NoAgents),
            (json!({ "ewt": "20000", "pos": "1", "wpos": "1" }), NoCalls),
            (json!({ "ewt": "10000" }), NoCalls),
            (json!({ "ewt": "10000", "pos": "4", "agents": "2" }), NoCalls),
            (json!({ "ewt": "-1", "pos": "4" }), NoCalls),
            (json!({ "ewt": "NaN", "pos": "4" }), NoCalls),
            (json!({ "ewt": "", "pos": "4" }), NoCalls),
            (json!({ "ewt": null, "pos": "4" }), NoCalls),
            (json!({ "pos": "4" }), NoCalls),
            (json!({}), NoCalls),
            (json!({ "error": "no such queue" }), UnknownQueue),
            (json!({ "result": "error: unknown VQ" }), UnknownQueue),
            (json!({ "result": "ok", "ewt": 5 }), Known(5)),
            (json!({ "error": "", "ewt": 5 }), Known(5)),
        ] {
            assert_eq!(estimate(&answer), Some(expected), "{answer}");
        }
        for answer in [json!([]), json!("10"), json!(10), json!(null)] {
            assert_eq!(estimate(&answer), None, "{answer}");
        }
    }

    #[test]
    fn modes_have_their_router_methods() {
        assert_eq!([EwtMode::Mode1, EwtMode::Mode2, EwtMode::Mode3].map(aqt), ["urs", "urs2", "stat"]);
    }
}
