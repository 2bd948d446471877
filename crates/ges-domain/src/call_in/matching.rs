//! Whose call it is (15.3).

use super::{AccessNumber, CallInRequest, Key};
use crate::Instant;
use crate::phone::{PhoneKey, PhoneNumber};

/// A call that came in.
#[derive(Debug, Clone)]
pub struct IncomingCall {
    /// The number that was dialed.
    pub number: AccessNumber,
    /// The code that was typed; a group without codes never matches a call with one (R-CTI-11).
    pub code: Option<u64>,
    /// Where it comes from, when that is shown.
    pub caller: Option<PhoneNumber>,
    /// The keys that number may have: one per country the number's groups read national numbers in.
    pub caller_keys: Vec<PhoneKey>,
}

/// What was typed is no access code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an access code")]
pub struct NotACode;

/// Reads a typed code: 4 to 10 digits, the first not 0 (R-CTI-5).
///
/// # Errors
/// [`NotACode`]: such a call matches nothing (R-CTI-12).
pub fn code_of(text: &str) -> Result<u64, NotACode> {
    let text = text.trim();
    let fits =
        (4..=10).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    if fits { text.parse().map_err(|_| NotACode) } else { Err(NotACode) }
}

impl IncomingCall {
    /// The keys under which its request may wait, the likeliest first (R-CTI-11).
    ///
    /// With a code it is that code alone. Else it is the caller's, and then the number's exclusive holder: a number has either
    /// callers or one exclusive holder, so the second look never takes somebody else's request.
    pub fn keys(&self) -> Vec<Key> {
        match self.code {
            Some(code) => vec![Key::Code(code)],
            None => self.caller_keys.iter().cloned().map(Key::Caller).chain([Key::Exclusive]).collect(),
        }
    }
}

/// The request an incoming call belongs to, among `waiting` ones on its number (R-CTI-11, R-CTI-12).
pub fn first_of<'a>(call: &IncomingCall, waiting: &'a [CallInRequest], now: Instant) -> Option<&'a CallInRequest> {
    let candidates = || {
        waiting.iter().filter(|request| {
            request.reservation.number == call.number && request.state_at(now) == super::State::Waiting
        })
    };
    call.keys().iter().find_map(|key| candidates().find(|request| request.reservation.key == *key))
}

impl CallInRequest {
    /// The request once its call has come (R-CTI-13).
    #[must_use]
    pub fn matched(&self, call: &IncomingCall, now: Instant) -> Self {
        Self { state: super::State::Matched, ended_at: Some(now), matched_from: call.caller.clone(), ..self.clone() }
    }
}
