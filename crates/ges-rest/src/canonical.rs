//! One spelling for every spelling of a JSON object: keys in order, no white space, literals as written.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::fields::Fields;

/// The canonical text of a body, whose nesting has been bounded.
pub(crate) fn canonical(fields: &Fields<'_>) -> String {
    let mut text = String::new();
    object(fields.iter(), &mut text);
    text
}

fn object<'a>(fields: impl Iterator<Item = (&'a str, &'a RawValue)>, text: &mut String) {
    text.push('{');
    for (nth, (name, member)) in fields.enumerate() {
        if nth > 0 {
            text.push(',');
        }
        text.push_str(&serde_json::Value::from(name).to_string());
        text.push(':');
        value(member, text);
    }
    text.push('}');
}

fn value(raw: &RawValue, text: &mut String) {
    let json = raw.get();
    match json.as_bytes().first() {
        Some(b'{') => {
            if let Ok(members) = serde_json::from_str::<BTreeMap<String, &RawValue>>(json) {
                object(members.iter().map(|(name, member)| (name.as_str(), *member)), text);
                return;
            }
        }
        Some(b'[') => {
            if let Ok(members) = serde_json::from_str::<Vec<&RawValue>>(json) {
                text.push('[');
                for (nth, member) in members.iter().enumerate() {
                    if nth > 0 {
                        text.push(',');
                    }
                    value(member, text);
                }
                text.push(']');
                return;
            }
        }
        Some(b'"') => {
            if let Ok(string) = serde_json::from_str::<String>(json) {
                text.push_str(&serde_json::Value::from(string).to_string());
                return;
            }
        }
        _ => {}
    }
    // Numbers keep every digit, and what has no other spelling is its own.
    text.push_str(json);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(json: &str) -> String {
        canonical(&Fields::of_body(json.as_bytes()).unwrap())
    }

    #[test]
    fn spellings_of_one_request_are_one() {
        let one = r#"{"a":[1,{"x":"ü","y":null}],"b":{}}"#;
        for spelling in [
            one,
            r#" { "b" : { } , "a" : [ 1 , { "y" : null , "x" : "\u00fc" } ] } "#,
            r#"{"b":1,"b":{},"a":[1,{"y":null,"x":"ü"}]}"#,
        ] {
            assert_eq!(of(spelling), one, "{spelling}");
        }
    }

    #[test]
    fn different_requests_stay_different() {
        for (one, other) in [
            (r#"{"a":[1,2]}"#, r#"{"a":[2,1]}"#),
            (r#"{"a":1}"#, r#"{"a":"1"}"#),
            (r#"{"a":12345678901234567890123}"#, r#"{"a":12345678901234567890124}"#),
            (r#"{"a":{"b":1}}"#, r#"{"a":1,"b":1}"#),
            (r#"{"a":"x\",\"b"}"#, r#"{"a":"x","b":"b"}"#),
        ] {
            assert_ne!(of(one), of(other));
        }
    }
}
