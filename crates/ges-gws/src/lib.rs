//! GWS services: Environment (API keys, contact centers), Authentication, Configuration and Statistics.
//!
//! [`Environment`] answers the domain's `ApiKeys` port (integrations 4.3, API reference 2.2); [`ClientToken`] holds our
//! own token (integrations 4.2.1); [`GwsStatistics`] passes statistics on with the credentials of each tenant (4.5); [`SignIn`] brings people in (4.2.3), and
//! [`Configuration`] says what they may do and keeps the VQ proxies (4.4). Never here: an API key, a token or a secret in a log line or an error.

mod authorized;
mod configuration;
mod envelope;
mod environment;
mod error;
mod memory;
mod observer;
mod sign_in;
mod statistics;
mod token;

pub use configuration::{Configuration, Naming};
pub use environment::Environment;
pub use error::GwsError;
pub use observer::{GwsObserver, Silent};
pub use sign_in::SignIn;
pub use statistics::{Account, Accounts, AccountsError, GwsStatistics, Registered, check as check_account};
pub use token::{ClientToken, Credentials, User};

#[cfg(test)]
mod memory_tests;
#[cfg(test)]
mod statistics_tests;
#[cfg(test)]
mod tenant_name_tests;
#[cfg(test)]
mod wire_tests;
