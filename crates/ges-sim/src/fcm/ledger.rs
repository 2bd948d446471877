//! What was sent to whom, and what a phone shows of it.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;
use serde_json::{Value, json};

use crate::clock::rfc3339;

/// A message a phone shows. A further one with the same tag takes its place.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    target: String,
    tag: String,
    event: String,
    callback_id: String,
    title: String,
    body: String,
    /// How often it was sent.
    sends: u32,
    first_at: String,
    last_at: String,
}

/// All messages.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    accepted: u64,
    shown: BTreeMap<(String, String), Shown>,
    failures: HashMap<String, u32>,
}

impl Ledger {
    /// Whether the target fails once more; it does so `times`.
    pub(super) fn fails(&mut self, target: &str, times: u32) -> bool {
        let failed = self.failures.entry(target.to_owned()).or_default();
        *failed += 1;
        *failed <= times
    }

    /// Takes a message and names it; a rehearsal leaves no trace.
    pub(super) fn accept(&mut self, target: &str, message: &Value, validate_only: bool, now: u64) -> String {
        self.accepted += 1;
        let name = format!("0:{now}{}", self.accepted);
        if validate_only {
            return name;
        }
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (tag, at) = (text(&message["android"]["notification"]["tag"]), rfc3339(now));
        // Without a tag every message stands for itself.
        let tag = if tag.is_empty() { name.clone() } else { tag };
        let shown = self.shown.entry((target.to_owned(), tag.clone())).or_insert_with(|| Shown {
            target: target.to_owned(),
            tag,
            event: text(&message["data"]["event"]),
            callback_id: text(&message["data"]["callbackId"]),
            title: String::new(),
            body: String::new(),
            sends: 0,
            first_at: at.clone(),
            last_at: String::new(),
        });
        shown.title = text(&message["notification"]["title"]);
        shown.body = text(&message["notification"]["body"]);
        shown.sends += 1;
        shown.last_at = at;
        name
    }

    pub(super) fn shown(&self) -> Value {
        json!(self.shown.values().collect::<Vec<_>>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(tag: &str) -> Value {
        json!({ "android": { "notification": { "tag": tag } }, "data": { "event": "E", "callbackId": "1" } })
    }

    #[test]
    fn a_repeat_takes_the_place_of_what_it_repeats() {
        let mut ledger = Ledger::default();
        for (target, tag) in [("a", "u0"), ("a", "u0"), ("a", "u1"), ("b", "u0")] {
            ledger.accept(target, &message(tag), false, 1_000);
        }
        ledger.accept("a", &message("u0"), true, 1_000);
        let shown = ledger.shown();
        let sends: Vec<_> = shown.as_array().unwrap().iter().map(|one| (&one["target"], &one["sends"])).collect();
        assert_eq!(sends, [(&json!("a"), &json!(2)), (&json!("a"), &json!(1)), (&json!("b"), &json!(1))]);
    }
}
