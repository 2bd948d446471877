//! The answer forms of GWS services, read liberally (integrations 4.1, 4.3).

use serde_json::Value;
use uuid::Uuid;

/// Whether an enveloped answer is a success: code 0 (done), 1 (accepted), or none at all. Codes may be strings.
pub(crate) fn is_success(answer: &Value) -> bool {
    let code = &answer["status"]["code"];
    match code {
        Value::Null => true,
        Value::String(text) => matches!(text.trim(), "0" | "1"),
        _ => matches!(code.as_i64(), Some(0 | 1)),
    }
}

/// The objects in `data`: one object, an array, or an object that holds exactly one array.
pub(crate) fn items(answer: &Value) -> Vec<&Value> {
    match &answer["data"] {
        Value::Array(items) => items.iter().collect(),
        Value::Object(fields) if !fields.contains_key("id") => {
            let mut lists = fields.values().filter_map(Value::as_array);
            match (lists.next(), lists.next()) {
                (Some(only), None) => only.iter().collect(),
                _ => Vec::new(),
            }
        }
        object @ Value::Object(_) => vec![object],
        _ => Vec::new(),
    }
}

/// The id of a contact center.
pub(crate) fn id(item: &Value) -> Option<Uuid> {
    Uuid::try_parse(item["id"].as_str()?.trim()).ok()
}

/// The text of the first of these fields that has one; a number counts as its digits.
pub(crate) fn text(item: &Value, fields: &[&str]) -> Option<String> {
    let read = |field: &&str| match &item[*field] {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    fields.iter().find_map(read)
}

/// A whole number, such as seconds, as a number or a string of one.
pub(crate) fn seconds(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn codes_zero_and_one_are_success_as_number_or_string() {
        for code in [json!(0), json!(1), json!("0"), json!("1"), json!(null)] {
            assert!(is_success(&json!({ "status": { "code": code } })), "{code}");
        }
        assert!(is_success(&json!({ "data": {} })));
        for code in [json!(2), json!("50"), json!(-1), json!(true), json!("")] {
            assert!(!is_success(&json!({ "status": { "code": code } })), "{code}");
        }
    }

    #[test]
    fn data_is_an_object_an_array_or_an_object_with_one_array() {
        let center = json!({ "id": "c0ffee00-0000-4000-8000-000000000100", "domains": ["t100"], "tags": [] });
        for data in [json!(center), json!([center]), json!({ "contactCenters": [center], "total": 1 })] {
            let answer = json!({ "data": data });
            assert_eq!(items(&answer), [&center], "{answer}");
        }
        for data in [json!(null), json!([]), json!({}), json!("x"), json!({ "a": [center], "b": [center] })] {
            assert!(items(&json!({ "data": data })).is_empty(), "{data}");
        }
    }
}
