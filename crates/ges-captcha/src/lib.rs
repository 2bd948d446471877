//! Proof of a human visitor (chapter 17): reCAPTCHA v2, v3 and Enterprise with each tenant's keys.
//!
//! [`Recaptcha`] answers the domain's `HumanCheck` port. A token is good for one use, so nothing is asked twice: only a
//! connection that was never made is tried again. Never here: a token, a secret or a visitor's address in a log line or an error.

mod acceptance;
mod credential;
mod recaptcha;
mod seen;

pub use credential::{BadCredential, CaptchaCredential, check};
pub use recaptcha::{CaptchaSettings, Recaptcha};

#[cfg(test)]
mod wire_tests;
