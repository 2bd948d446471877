//! Cookies, and the address by which a browser knows us.

use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, header};

use super::Console;
use super::session::Word;

/// The cookie of a session.
pub(super) const SESSION: &str = "GES_SESSION";
/// The cookie of a sign-in under way: the browser that comes back is the one that left.
pub(super) const SIGN_IN: &str = "GES_SIGN_IN";
/// Longest word taken from a cookie.
const LONGEST: usize = 128;

/// The value of a cookie.
pub(super) fn cookie(headers: &HeaderMap, name: &str) -> Option<Word> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut named = pairs.filter(|(found, value)| *found == name && (1..=LONGEST).contains(&value.len()));
    named.next().map(|(_, value)| Word(value.to_owned()))
}

pub(super) fn session_word(headers: &HeaderMap) -> Option<Word> {
    cookie(headers, SESSION)
}

/// Where a browser reaches us, without a path.
pub(super) struct Base(pub(super) String);

impl Base {
    /// As configured, else as the request says.
    pub(super) fn of(console: &Console, headers: &HeaderMap) -> Option<Self> {
        if let Some(base) = &console.public_base {
            return Some(Self(base.trim_end_matches('/').to_owned()));
        }
        let host: Authority = headers.get(header::HOST)?.to_str().ok()?.parse().ok()?;
        let forwarded = headers.get("x-forwarded-proto").and_then(|value| value.to_str().ok());
        let scheme =
            if forwarded.is_some_and(|scheme| scheme.eq_ignore_ascii_case("https")) { "https" } else { "http" };
        // An authority may name a user, which no host does.
        (!host.as_str().contains('@')).then(|| Self(format!("{scheme}://{host}")))
    }

    /// Where the authentication service sends browsers back to.
    pub(super) fn redirect(&self) -> String {
        format!("{}/ges/ui/login.html", self.0)
    }

    /// A `Set-Cookie` of our own; `seconds` 0 takes it away.
    pub(super) fn cookie(&self, name: &str, value: &str, seconds: Option<u64>) -> HeaderValue {
        let secure = if self.0.starts_with("https://") { "; Secure" } else { "" };
        let age = seconds.map(|seconds| format!("; Max-Age={seconds}")).unwrap_or_default();
        let text = format!("{name}={value}; Path=/ges; HttpOnly; SameSite=Lax{secure}{age}");
        HeaderValue::from_str(&text).expect("invariant: words are hexadecimal digits")
    }
}
