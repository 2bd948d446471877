//! Answers against the committed document: status, and every field with its type. Stricter than the schemas in one point: an
//! answer has no field that is not described.

use std::sync::LazyLock;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use crate::Reply;

/// The committed document.
pub static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../../docs/openapi/engagement-v3.json"))
        .expect("invariant: the committed document is JSON")
});

/// Whether an answer is one that the document has for this operation.
///
/// # Errors
/// What is not described.
pub fn described(method: &str, template: &str, reply: &Reply) -> Result<()> {
    let operation = &DOCUMENT["paths"][template][method.to_lowercase()];
    ensure!(operation.is_object(), "{method} {template} is not described");
    let answer = resolve(&operation["responses"][reply.status.to_string()])?;
    ensure!(answer.is_object(), "{method} {template} does not describe status {}: {}", reply.status, reply.body);
    let schema = &answer["content"]["application/json"]["schema"];
    fits(schema, &reply.json(), "answer").with_context(|| format!("{method} {template}: {}", reply.body))
}

fn resolve(value: &'static Value) -> Result<&'static Value> {
    match value["$ref"].as_str() {
        None => Ok(value),
        Some(reference) => {
            DOCUMENT.pointer(reference.trim_start_matches('#')).with_context(|| format!("{reference} leads nowhere"))
        }
    }
}

fn fits(schema: &'static Value, value: &Value, place: &str) -> Result<()> {
    let schema = resolve(schema)?;
    let types: Vec<_> = match &schema["type"] {
        Value::String(one) => vec![one.as_str()],
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    ensure!(types.is_empty() || types.iter().any(|name| is_a(name, value)), "{place} is not {types:?}: {value}");
    ensure!(schema.get("const").is_none_or(|wanted| wanted == value), "{place} is not {}: {value}", schema["const"]);
    let listed = schema["enum"].as_array().is_none_or(|list| list.iter().any(|one| same(one, value)));
    ensure!(listed, "{place} is none of {}: {value}", schema["enum"]);
    for choice in ["oneOf", "anyOf"] {
        let choices = schema[choice].as_array().into_iter().flatten();
        let failed: Vec<_> = choices.map(|choice| fits(choice, value, place)).collect();
        ensure!(failed.is_empty() || failed.iter().any(Result::is_ok), "{place} fits no alternative: {value}");
    }
    if let (Some(number), Some(minimum)) = (value.as_f64(), schema["minimum"].as_f64()) {
        ensure!(number >= minimum, "{place} is below {minimum}: {value}");
    }
    if let Some(items) = value.as_array().filter(|_| schema.get("items").is_some()) {
        items
            .iter()
            .enumerate()
            .try_for_each(|(number, item)| fits(&schema["items"], item, &format!("{place}[{number}]")))?;
    }
    let Some(fields) = value.as_object() else { return Ok(()) };
    for required in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        ensure!(fields.contains_key(required), "{place} has no {required}");
    }
    for (name, field) in fields {
        let place = format!("{place}.{name}");
        match (schema["properties"].get(name), &schema["additionalProperties"]) {
            (Some(schema), _) => fits(schema, field, &place)?,
            (None, Value::Bool(true)) => {}
            (None, schema @ Value::Object(_)) => fits(schema, field, &place)?,
            (None, _) => bail!("{place} is not described"),
        }
    }
    Ok(())
}

fn is_a(name: &str, value: &Value) -> bool {
    match name {
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "null" => value.is_null(),
        _ => false,
    }
}

/// Numbers are the same when they have one value, however they were written.
fn same(one: &Value, other: &Value) -> bool {
    one == other || one.as_f64().is_some() && one.as_f64() == other.as_f64()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const PATH: &str = "/engagement/v3/callbacks/open-for/{service-name}";

    fn reply(status: u16, body: &Value) -> Reply {
        Reply { status, headers: Vec::new(), body: body.to_string() }
    }

    #[test]
    fn documented_examples_fit_and_changed_ones_do_not() {
        let example = &DOCUMENT["paths"][PATH]["get"]["responses"]["200"]["content"]["application/json"]["examples"]["open"]
            ["value"];
        described("GET", PATH, &reply(200, example)).unwrap();
        let changed = |pointer: &str, value: Value| {
            let mut body = example.clone();
            *body.pointer_mut(pointer).unwrap() = value;
            described("GET", PATH, &reply(200, &body))
        };
        assert!(changed("/data/openFor", json!("10800")).is_err());
        assert!(changed("/data/openFor", json!(-1)).is_err());
        assert!(changed("/data", json!({})).is_err());
        assert!(changed("/data", json!({ "openFor": 1, "more": 1 })).is_err());
        assert!(changed("/status/code", json!(1)).is_err());
        assert!(described("GET", PATH, &reply(404, example)).is_err(), "a status that is not described");
        assert!(described("POST", PATH, &reply(200, example)).is_err());
    }
}
