//! Outbound policy for every peer: deadlines, retries, breaker, bulkhead, body caps (integrations 0.4).
//!
//! [`HttpClientFactory`] builds one [`HttpClient`] per [`Policy`]; a [`Call`] goes in, a [`Reply`] or a [`CallError`]
//! comes out. Types of the HTTP library never show. Absent by intent: redirects, cookies, proxies from the environment.

mod address;
mod backoff;
mod breaker;
mod call;
mod client;
mod correlation;
mod egress;
mod endpoint;
mod error;
mod factory;
mod live_secret;
mod observer;
mod policy;
mod reply;

pub use address::{below, is_segment};
pub use backoff::Backoff;
pub use breaker::BreakerState;
pub use call::Call;
pub use client::HttpClient;
pub use correlation::{correlation, with_correlation};
pub use egress::{Egress, LiveEgress};
pub use error::{CallError, Remedy, Stage};
pub use factory::{BuildError, CorrelationOfWork, HttpClientFactory, Jitter, Monotonic, TraceParent, monotonic};
pub use live_secret::LiveSecret;
pub use observer::{Finished, Observer, Outcome, Recall, Silent};
pub use policy::{Bulkhead, Policy, Reach, RetryOn};
pub use reply::Reply;

#[cfg(test)]
mod wire_tests;
