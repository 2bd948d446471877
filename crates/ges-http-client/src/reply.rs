//! A complete answer of a peer.

use std::fmt;
use std::time::Duration;

use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};
use serde::de::DeserializeOwned;

use crate::CallError;

/// A complete answer with a status below 500 other than 429. `Debug` shows status and length only (I11).
pub struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    /// The HTTP status.
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// The first value of a header, when it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Every value of a header that is text, in order.
    pub fn headers<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok())
    }

    /// The body.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The reply itself, when its status is 2xx.
    ///
    /// # Errors
    /// [`CallError::Status`] for every other status.
    pub fn success(self) -> Result<Self, CallError> {
        if (200..300).contains(&self.status) {
            return Ok(self);
        }
        Err(CallError::Status { status: self.status, retry_after: asked_rest(&self.headers) })
    }

    /// The body read as JSON, whatever its declared type.
    ///
    /// # Errors
    /// [`CallError::NotJson`] when it does not read as `T`.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, CallError> {
        serde_json::from_slice(&self.body)
            .map_err(|error| CallError::NotJson { line: error.line(), column: error.column() })
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reply({}, {} bytes)", self.status, self.body.len())
    }
}

/// The rest a peer asks for with `Retry-After`: seconds, or a date read against the peer's own `Date`, so that our
/// clock plays no part (I10).
pub(crate) fn asked_rest(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name)?.to_str().ok().map(str::trim);
    let asked = text(RETRY_AFTER)?;
    if let Ok(seconds) = asked.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let (until, now) = (httpdate::parse_http_date(asked).ok()?, httpdate::parse_http_date(text(DATE)?).ok()?);
    Some(until.duration_since(now).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date_on_the_peers_clock() {
        let rest = |asked: &'static str, date: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, asked.parse().unwrap());
            if let Some(date) = date {
                headers.insert(DATE, date.parse().unwrap());
            }
            asked_rest(&headers).map(|rest| rest.as_secs())
        };
        let noon = Some("Mon, 01 Jun 2026 12:00:00 GMT");
        assert_eq!(rest("7", None), Some(7));
        assert_eq!(rest("Mon, 01 Jun 2026 12:00:09 GMT", noon), Some(9));
        assert_eq!(rest("Mon, 01 Jun 2026 11:00:00 GMT", noon), Some(0), "already over");
        assert_eq!(rest("Mon, 01 Jun 2026 12:00:09 GMT", None), None, "no clock to read it against");
        assert_eq!(rest("soon", noon), None);
    }

    #[test]
    fn nothing_of_a_body_shows_in_an_error() {
        let reply = Reply { status: 200, headers: HeaderMap::new(), body: br#"{"token":"sesame"}"#.to_vec() };
        let error = reply.json::<Vec<u8>>().unwrap_err();
        assert!(!format!("{error:?} {error} {reply:?}").contains("sesame"), "I11");
    }
}
