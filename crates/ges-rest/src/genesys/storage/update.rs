//! Storage keys as a session update (integrations 2.10, R-TR-2).
//!
//! `_seq` is this service's name for the increasing number of R-TR-2; a session that does not count leaves it out.

use axum::http::HeaderMap;
use ges_domain::callback::{Reason, Scalar, SessionEnd, SessionUpdate, State};
use ges_domain::submission::attempt_of;
use ges_domain::{CallbackId, SessionId};

use super::super::fault::GmsFault;
use super::super::sent::written;
use crate::fields::attached;

/// The header that names the session that speaks.
const SESSION_HEADER: &str = "x-ors-session-id";
/// Longest kept value of a system key in characters.
const FACT: usize = 16_384;
/// Keys the record itself knows; they cannot be removed.
const OWN: [&str; 14] = [
    "_id",
    "_service_name",
    "_customer_number",
    "_desired_time",
    "_callback_state",
    "_callback_reason",
    "_ors_session_id",
    "_ors_url",
    "_session_state",
    "_session_reason",
    "_dial_attempts",
    "_position",
    "_ewt",
    "_seq",
];

/// Reads every key.
pub(super) fn of(pairs: Vec<(String, Scalar)>, headers: &HeaderMap) -> Result<SessionUpdate, GmsFault> {
    let mut update = SessionUpdate { session: speaker(headers)?, ..SessionUpdate::default() };
    let (mut ended, mut session_reason) = (false, None);
    let mut replacement = Vec::new();
    for (key, value) in pairs {
        let text = written(&value);
        match key.as_str() {
            "_callback_state" => update.state = optional(&text, state)?,
            "_callback_reason" => update.reason = optional(&text, reason)?,
            "_ors_session_id" => update.session = session(update.session.take(), &text)?,
            "_ors_url" => update.url = optional(&text, url)?,
            "_session_state" => ended = text.trim().eq_ignore_ascii_case("ENDED"),
            "_session_reason" => session_reason = Some(text),
            "_dial_attempts" => update.dial_attempts = optional(&text, |text| count("_dial_attempts", text))?.flatten(),
            "_position" => update.position = optional(&text, |text| count("_position", text))?.flatten(),
            "_ewt" => update.ewt = optional(&text, |text| count("_ewt", text))?.flatten(),
            "_seq" => update.seq = optional(&text, sequence)?,
            "_user_data" => {
                update.replace_user_data = true;
                replacement = user_data(&value)?;
            }
            _ if key.starts_with('_') => {
                if text.chars().count() > FACT {
                    return Err(GmsFault::option(format!("{key} must have at most {FACT} characters")));
                }
                update.facts.insert(key, text);
            }
            _ => update.user_data.push((key, Some(value).filter(|_| !text.is_empty()))),
        }
    }
    replacement.append(&mut update.user_data);
    update.user_data = replacement;
    // A session that finishes the record and says that it ends has finished it; there is nothing left to hand over.
    if ended && update.state != Some(State::Completed) {
        update.end = Some(match session_reason.as_deref().map(str::trim) {
            Some("RESCHEDULED" | "HANDOVER") => SessionEnd::Handover,
            _ => SessionEnd::Lost,
        });
    }
    Ok(update)
}

/// The attempt that started the session that calls, by the correlation id that its entry gave it (integrations 1.2.2).
pub(super) fn attempt(headers: &HeaderMap, id: CallbackId) -> Option<u32> {
    let echoed = headers.get("x-correlation-id")?.to_str().ok()?.trim().parse().ok()?;
    attempt_of(id, echoed)
}

/// Removes one key.
pub(super) fn removal(key: &str, headers: &HeaderMap) -> Result<SessionUpdate, GmsFault> {
    let mut update = SessionUpdate { session: speaker(headers)?, ..SessionUpdate::default() };
    match key {
        own if OWN.contains(&own) => return Err(GmsFault::option(format!("{own} cannot be removed"))),
        "_user_data" => update.replace_user_data = true,
        fact if fact.starts_with('_') => drop(update.facts.insert(fact.to_owned(), String::new())),
        data => update.user_data.push((data.to_owned(), None)),
    }
    Ok(update)
}

/// An empty value says nothing about what the record itself knows.
fn optional<T>(text: &str, read: impl Fn(&str) -> Result<T, GmsFault>) -> Result<Option<T>, GmsFault> {
    let text = text.trim();
    if text.is_empty() { Ok(None) } else { read(text).map(Some) }
}

fn state(text: &str) -> Result<State, GmsFault> {
    let word = text.to_ascii_uppercase();
    State::from_word(&word).ok_or_else(|| GmsFault::option("_callback_state is not a state of a callback"))
}

fn reason(text: &str) -> Result<Reason, GmsFault> {
    Reason::new(text).map_err(|flaw| GmsFault::option(format!("_callback_reason {flaw}")))
}

pub(in crate::genesys) fn url(text: &str) -> Result<String, GmsFault> {
    let web = text.starts_with("http://") || text.starts_with("https://");
    match web && text.len() <= 1024 {
        true => Ok(text.to_owned()),
        false => Err(GmsFault::option("_ors_url must be an http or https address of at most 1024 bytes")),
    }
}

fn sequence(text: &str) -> Result<u64, GmsFault> {
    text.parse().map_err(|_| GmsFault::option("_seq must be a whole number from 0"))
}

/// A count; parts are cut, and a negative one means that the session does not know it.
fn count(key: &'static str, text: &str) -> Result<Option<u32>, GmsFault> {
    let number: f64 = text.parse().map_err(|_| GmsFault::option(format!("{key} must be a number")))?;
    if !number.is_finite() || number > f64::from(u32::MAX) {
        return Err(GmsFault::option(format!("{key} must be a number below 4294967296")));
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is in range, and cutting is meant")]
    Ok((number >= 0.0).then_some(number as u32))
}

pub(in crate::genesys) fn user_data(value: &Scalar) -> Result<Vec<(String, Option<Scalar>)>, GmsFault> {
    let wrong = || GmsFault::option("_user_data must be a JSON object");
    let Scalar::Text(json) = value else { return Err(wrong()) };
    if json.trim().is_empty() {
        return Ok(Vec::new());
    }
    let raw = serde_json::from_str(json).map_err(|_| wrong())?;
    let entries = attached("_user_data", raw)?.unwrap_or_default();
    Ok(entries.into_iter().filter(|(_, value)| value.is_some()).collect())
}

fn speaker(headers: &HeaderMap) -> Result<Option<SessionId>, GmsFault> {
    let Some(value) = headers.get(SESSION_HEADER) else { return Ok(None) };
    session(None, value.to_str().unwrap_or("?"))
}

/// The session a call names; header and key have to agree.
fn session(earlier: Option<SessionId>, text: &str) -> Result<Option<SessionId>, GmsFault> {
    let read = |text: &str| SessionId::new(text).map_err(|_| GmsFault::option("_ors_session_id is not a session id"));
    match (earlier, optional(text, read)?) {
        (Some(header), Some(key)) if !header.is_same(&key) => {
            Err(GmsFault::option("X-ORS-Session-Id and _ors_session_id name different sessions"))
        }
        // One of the two may be the cookie form, which says more.
        (Some(header), Some(key)) => Ok(Some(if key.names_node() { key } else { header })),
        (earlier, key) => Ok(key.or(earlier)),
    }
}
