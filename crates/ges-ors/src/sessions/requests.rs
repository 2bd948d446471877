//! What sessions are asked (integrations 1.3, 1.7, 2.11).

use async_trait::async_trait;
use ges_domain::callback::{SessionBinding, State};
use ges_domain::ports::{Asked, Description, Passed, Place, SessionRequests};
use serde_json::Value;

use super::OrsSessions;
use super::events::Body;
use super::search::{Content, Errand};

/// An estimate from here on means that nobody knows (integrations 3.4).
const UNKNOWN_FROM: f64 = 10_000.0;

const REQUEST: &str = "/scxml/session/{sid}/request/{name}";

#[async_trait]
impl SessionRequests for OrsSessions {
    async fn place(&self, session: &SessionBinding) -> Asked<Place> {
        let errand = Errand {
            operation: "request",
            template: REQUEST,
            tail: &["request", "check-queue-position"],
            content: Content::Words(&Body::default()),
        };
        match self.bring(&self.queries, session, &errand).await {
            Asked::Answered(reply) => Asked::Answered(match reply.status() {
                200..300 => place_in(reply.body()),
                // It runs and knows no such request.
                _ => Place::default(),
            }),
            Asked::Gone => Asked::Gone,
            Asked::Unreachable => Asked::Unreachable,
        }
    }

    async fn describe(&self, session: &SessionBinding) -> Asked<Description> {
        let errand = Errand {
            operation: "query",
            template: "/scxml/session/{sid}/query",
            tail: &["query"],
            content: Content::Question,
        };
        match self.bring(&self.queries, session, &errand).await {
            Asked::Answered(reply) if (200..300).contains(&reply.status()) => {
                Asked::Answered(description_in(reply.body()))
            }
            Asked::Gone => Asked::Gone,
            Asked::Answered(_) | Asked::Unreachable => Asked::Unreachable,
        }
    }

    async fn relay(&self, session: &SessionBinding, action: &str, request: &Passed) -> Asked<(u16, Passed)> {
        let errand = Errand {
            operation: "request",
            template: REQUEST,
            tail: &["request", action],
            content: Content::Passed(request),
        };
        match self.bring(&self.queries, session, &errand).await {
            Asked::Answered(reply) => {
                let content_type = reply.header("content-type").map(str::to_owned);
                Asked::Answered((reply.status(), Passed { content_type, body: reply.body().to_vec(), query: None }))
            }
            Asked::Gone => Asked::Gone,
            Asked::Unreachable => Asked::Unreachable,
        }
    }
}

/// Reads a diagnostics answer: `_position` before `position`, `ewt` before `_eta` before `eta`; texts or numbers, cut to whole
/// ones (integrations 1.3).
fn place_in(body: &[u8]) -> Place {
    let Ok(text) = std::str::from_utf8(body) else { return Place::default() };
    let Ok(Value::Object(told)) = serde_json::from_str(text) else { return Place::default() };
    let number = |names: &[&str]| -> Option<f64> {
        match names.iter().find_map(|name| told.get(*name))? {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        }
    };
    let position = number(&["_position", "position"]).and_then(|number| whole(number, f64::from(u32::MAX)));
    let ewt = number(&["ewt", "_eta", "eta"]).and_then(|seconds| whole(seconds, UNKNOWN_FROM));
    let answer = if text.len() <= Place::MOST_BYTES { text.to_owned() } else { String::new() };
    Place { position, ewt, answer }
}

/// The whole part of a number in `0..until`.
fn whole(number: f64, until: f64) -> Option<u32> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is in range, and cutting is meant")]
    (number.is_finite() && number >= 0.0 && number < until).then_some(number as u32)
}

fn description_in(body: &[u8]) -> Description {
    let text = String::from_utf8_lossy(body);
    let told: Value = serde_json::from_str(&text).unwrap_or_default();
    let callback_state = told["data"]["_callback_state"].as_str();
    let mut document = text.into_owned();
    document.truncate(document.floor_char_boundary(Description::MOST_BYTES));
    Description {
        state: told["state"].as_str().map(str::to_owned),
        callback_state: callback_state.and_then(|word| State::from_word(&word.to_ascii_uppercase())),
        document,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Integrations 1.3, the parse rule.
    #[test]
    fn a_place_is_read_as_texts_or_numbers_under_its_names() {
        for (body, position, ewt) in [
            (r#"{"_position":"3","_eta":"128","_total_waiting":"11","ewt":"128.4"}"#, Some(3), Some(128)),
            (r#"{"position":2,"eta":7.9}"#, Some(2), Some(7)),
            (r#"{"_position":1,"position":9,"_eta":"60","eta":1}"#, Some(1), Some(60)),
            (r#"{"ewt":10000,"_eta":5}"#, None, None),
            (r#"{"ewt":-1,"_position":-2}"#, None, None),
            (r#"{"ewt":"soon","_position":true}"#, None, None),
            (r#"{"ewt":9999.9}"#, None, Some(9_999)),
            ("[]", None, None),
            ("<position>3</position>", None, None),
        ] {
            let place = place_in(body.as_bytes());
            assert_eq!((place.position, place.ewt), (position, ewt), "{body}");
        }
        assert_eq!(place_in(br#"{"ewt":"1"}"#).answer, r#"{"ewt":"1"}"#);
    }

    #[test]
    fn a_description_keeps_the_answer_and_reads_two_words_of_it() {
        let body = r#"{"state":"running","data":{"_callback_state":"ROUTING","_position":3}}"#;
        let told = description_in(body.as_bytes());
        assert_eq!((told.state.as_deref(), told.callback_state), (Some("running"), Some(State::Routing)));
        assert_eq!(told.document, body);
        let xml = description_in("<state>ü</state>".repeat(2_000).as_bytes());
        assert_eq!((xml.state, xml.callback_state), (None, None), "old nodes answer XML");
        assert!((16_380..=Description::MOST_BYTES).contains(&xml.document.len()), "cut between letters");
    }
}
