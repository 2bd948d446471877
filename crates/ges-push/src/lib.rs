//! Push notifications (chapter 16): Firebase Cloud Messaging with each tenant's service account, or Nexus.
//!
//! [`Push`] answers the domain's `PushProvider` port; which of the two providers it speaks to is the operator's choice
//! (integrations 6.6). It never repeats a message by itself: the record of pushes decides that, so that every attempt is
//! recorded. Never here: a registration token, an access token or a private key in a log line or an error.

mod body;
mod credential;
mod fcm;
mod nexus;
mod observer;
mod provider;
mod publish;
mod token;

pub use credential::{BadCredential, PushCredential, check};
pub use fcm::FcmSettings;
pub use nexus::NexusSettings;
pub use observer::{PushObserver, Silent};
pub use provider::{Provider, Push};

#[cfg(test)]
mod wire_tests;
