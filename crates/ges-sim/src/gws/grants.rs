//! Tokens and codes: what was granted to whom, and until when.

use axum::Json;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde_json::json;

use super::{Gws, bearer};
use crate::words;

/// Tokens, and codes, that are good at the same time; the oldest is forgotten first.
const KEPT: usize = 1_000;
/// How long a code is good, in milliseconds.
const CODE_MS: u64 = 60_000;

/// A granted token.
pub(crate) struct Token {
    access: String,
    refresh: Option<String>,
    /// None for a token of a client.
    user: Option<String>,
    until: u64,
    refresh_until: u64,
}

/// A code on its way through a browser.
pub(crate) struct Code {
    text: String,
    user: String,
    redirect: String,
    until: u64,
}

impl Gws {
    /// A new token with everything an answer has; `user` is none for a client's own.
    pub(super) fn grant(&self, user: Option<&str>) -> Response {
        let (now, seed) = (self.clock.now(), self.seed.lock());
        let (life, refresh_life) = (seed.token_seconds, seed.refresh_seconds);
        drop(seed);
        let token = Token {
            access: words::uuid(),
            refresh: user.map(|_| words::uuid()),
            user: user.map(str::to_owned),
            until: now.saturating_add(life.saturating_mul(1_000)),
            refresh_until: now.saturating_add(refresh_life.saturating_mul(1_000)),
        };
        let mut answer =
            json!({ "access_token": token.access, "token_type": "bearer", "expires_in": life, "scope": "*" });
        if let Some(refresh) = &token.refresh {
            answer["refresh_token"] = refresh.as_str().into();
        }
        let mut tokens = self.tokens.lock();
        tokens.push_back(token);
        if tokens.len() > KEPT {
            tokens.pop_front();
        }
        Json(answer).into_response()
    }

    /// A new token for one whose refresh token this is, which is spent with it.
    pub(super) fn renew(&self, refresh: &str) -> Response {
        let now = self.clock.now();
        let mut tokens = self.tokens.lock();
        let at = tokens.iter().position(|token| token.refresh.as_deref() == Some(refresh) && now < token.refresh_until);
        let Some(token) = at.and_then(|at| tokens.remove(at)) else { return invalid_grant("refresh token expired") };
        drop(tokens);
        self.grant(token.user.as_deref())
    }

    /// A code for a user who has signed in.
    pub(super) fn code(&self, user: &str, redirect: &str) -> String {
        let text = words::token();
        let until = self.clock.now() + CODE_MS;
        let mut codes = self.codes.lock();
        codes.push_back(Code { text: text.clone(), user: user.into(), redirect: redirect.into(), until });
        if codes.len() > KEPT {
            codes.pop_front();
        }
        text
    }

    /// A token for a code, which is spent with it.
    pub(super) fn redeem(&self, code: &str, redirect: &str) -> Response {
        let now = self.clock.now();
        let mut codes = self.codes.lock();
        let found = codes.iter().position(|kept| kept.text == code).and_then(|at| codes.remove(at));
        drop(codes);
        match found.filter(|kept| kept.redirect == redirect && now < kept.until) {
            Some(kept) => self.grant(Some(&kept.user)),
            None => invalid_grant("no such code"),
        }
    }

    /// Whether the caller shows a token that was issued here and is still good.
    pub(crate) fn admits(&self, headers: &HeaderMap) -> bool {
        let now = self.clock.now();
        bearer(headers)
            .is_some_and(|shown| self.tokens.lock().iter().any(|token| token.access == shown && now < token.until))
    }

    /// The user whose token the caller shows.
    pub(super) fn user_of(&self, headers: &HeaderMap) -> Option<String> {
        let (now, shown) = (self.clock.now(), bearer(headers)?);
        let tokens = self.tokens.lock();
        tokens.iter().find(|token| token.access == shown && now < token.until)?.user.clone()
    }

    /// Ends the token the caller shows, or all of its user.
    pub(super) fn end(&self, headers: &HeaderMap, everywhere: bool) {
        let user = self.user_of(headers);
        let Some(shown) = bearer(headers) else { return };
        self.tokens
            .lock()
            .retain(|token| token.access != shown && !(everywhere && token.user.is_some() && token.user == user));
    }
}

pub(super) fn invalid_grant(description: &str) -> Response {
    let answer = json!({ "error": "invalid_grant", "error_description": description });
    (StatusCode::BAD_REQUEST, Json(answer)).into_response()
}
