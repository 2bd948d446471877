//! GWS services: Environment (API keys, contact centers) and Authentication.
//!
//! [`Environment`] answers the domain's `ApiKeys` port (integrations 4.3, API reference 2.2); [`ClientToken`] holds our
//! own token (integrations 4.2.1). Never here: an API key, a token or a secret in a log line or an error.

mod envelope;
mod environment;
mod error;
mod memory;
mod observer;
mod token;

pub use environment::Environment;
pub use error::GwsError;
pub use observer::{GwsObserver, Silent};
pub use token::{ClientToken, Credentials};

#[cfg(test)]
mod wire_tests;
